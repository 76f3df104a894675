"""Is a frame fit to be mapped? What is checked once, where data enters."""

import math

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from hydra_mono.core.config import DataConfig
from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame
from hydra_mono.core.geometry import rotation_angle_rad
from hydra_mono.core.labels import UNKNOWN, LabelSpace

_ROTATION_TOLERANCE = 1e-2  # of RᵀR from the identity; text files keep few digits
_SATURATED_M = 10.0  # sensors stop measuring before; equal values from here on are a ceiling
_SATURATED_SHARE = 0.9  # of the measured pixels


class FrameGate:
    """Lets usable frames pass, in order; remembers the last one that did.

    A pose may move ``max_jump_m`` and turn ``max_turn_rad`` from the last accepted frame, and the
    stamp may grow by ``max_gap_s``. After ``max_lost`` rejected leaps in a row the camera is
    believed to be where and when it says.
    ``min_valid_depth`` is the least share of pixels with a measurement.
    """

    def __init__(
        self,
        max_jump_m: float,
        max_turn_rad: float,
        max_lost: int,
        min_valid_depth: float,
        max_gap_s: float = math.inf,
    ) -> None:
        self._max_gap_s = max_gap_s
        self._max_jump_m = max_jump_m
        self._max_turn_rad = max_turn_rad
        self._max_lost = max_lost
        self._min_valid_depth = min_valid_depth
        self._last: tuple[int, Float64[np.ndarray, "4 4"]] | None = None
        self._lost = 0

    def check(self, frame: Frame) -> None:
        """Returns when the frame can be used.

        Raises:
            BadFrameError: ``nan-pose``, ``wrong-size``, ``empty-depth``, ``saturated-depth``,
                ``stamp-order``, ``stamp-leap`` or ``pose-jump``.
        """
        _check_pose(frame)
        _check_sizes(frame)
        if frame.depth_m is not None:
            self._check_depth(frame, frame.depth_m)
        self._check_order(frame)
        self._check_motion(frame)
        self._last = (frame.stamp_ns, frame.world_from_camera)
        self._lost = 0

    def _check_depth(self, frame: Frame, depth_m: Float32[np.ndarray, "h w"]) -> None:
        valid = is_measured(depth_m)
        share = float(valid.mean())
        if share < self._min_valid_depth or share == 0:
            raise BadFrameError(frame.name, "empty-depth", f"{share:.1%} of pixels are measured")
        ceiling = float(depth_m.max(where=valid, initial=0.0))
        at_ceiling = float((depth_m == ceiling).sum() / valid.sum())
        if ceiling >= _SATURATED_M and at_ceiling > _SATURATED_SHARE:
            detail = f"{at_ceiling:.0%} of the measured pixels are {ceiling:.2f} m"
            raise BadFrameError(frame.name, "saturated-depth", detail)

    def _check_order(self, frame: Frame) -> None:
        if self._last is not None and frame.stamp_ns <= self._last[0]:
            detail = f"{frame.stamp_ns} ns is not after {self._last[0]} ns"
            raise BadFrameError(frame.name, "stamp-order", detail)
        gap_s = 0.0 if self._last is None else (frame.stamp_ns - self._last[0]) * 1e-9
        if gap_s > self._max_gap_s and self._lost < self._max_lost:
            self._lost += 1
            raise BadFrameError(frame.name, "stamp-leap", f"{gap_s:.1f} s after the last frame")

    def _check_motion(self, frame: Frame) -> None:
        if self._last is None or self._lost >= self._max_lost:
            return
        before, now = self._last[1], frame.world_from_camera
        jump_m = float(np.linalg.norm(now[:3, 3] - before[:3, 3]))
        turn_rad = rotation_angle_rad(before[:3, :3].T @ now[:3, :3])
        if jump_m > self._max_jump_m or turn_rad > self._max_turn_rad:
            self._lost += 1
            detail = f"{jump_m:.2f} m and {math.degrees(turn_rad):.0f}° from the last frame"
            raise BadFrameError(frame.name, "pose-jump", detail)


def create_gate(config: DataConfig) -> FrameGate:
    """The gate that the settings describe; who skips frames allows for longer steps."""
    return FrameGate(
        max_jump_m=config.max_jump * config.stride,
        max_turn_rad=min(math.radians(config.max_turn) * config.stride, math.pi),
        max_lost=config.max_lost,
        min_valid_depth=config.min_valid_depth,
        max_gap_s=config.max_gap * config.stride,
    )


def is_measured(depth_m: Float32[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """True where a depth image holds a measurement: finite and positive."""
    return np.asarray(np.isfinite(depth_m) & (depth_m > 0))


def measured_depth(depth_m: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """The depth with 0 for everything that is no measurement: NaN, infinite, negative."""
    return np.asarray(np.where(is_measured(depth_m), depth_m, np.float32(0.0)))


def unknown_labels(
    labels: UInt8[np.ndarray, "h w"], space: LabelSpace
) -> tuple[UInt8[np.ndarray, "h w"], int]:
    """The labels with 0 for ids that the space does not have, and how many pixels had one."""
    known = space.mask((UNKNOWN, *(label.id for label in space.labels)))
    is_known = known[labels]
    strangers = int(labels.size - np.count_nonzero(is_known))
    if not strangers:
        return labels, 0
    return np.where(is_known, labels, np.uint8(UNKNOWN)), strangers


def _check_pose(frame: Frame) -> None:
    pose = frame.world_from_camera
    if not np.isfinite(pose).all():
        raise BadFrameError(frame.name, "nan-pose", "the pose is not finite")
    rotation = pose[:3, :3]
    is_orthogonal = np.abs(rotation.T @ rotation - np.eye(3)).max() < _ROTATION_TOLERANCE
    is_homogeneous = np.abs(pose[3] - (0.0, 0.0, 0.0, 1.0)).max() < 1e-6
    if not (is_orthogonal and is_homogeneous and np.linalg.det(rotation) > 0):
        raise BadFrameError(frame.name, "nan-pose", "the pose is no rotation and translation")


def _check_sizes(frame: Frame) -> None:
    expected = (frame.intrinsics.height, frame.intrinsics.width)
    for kind in ("rgb", "depth_m", "labels", "instances", "normals"):
        image = getattr(frame, kind)
        if image is not None and image.shape[:2] != expected:
            found = f"{kind} is {image.shape[1]}×{image.shape[0]}"
            detail = f"{found}, the camera {expected[1]}×{expected[0]}"
            raise BadFrameError(frame.name, "wrong-size", detail)
