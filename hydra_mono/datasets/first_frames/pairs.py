"""Pairs of frames that see one scene from two poses, made small."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64
from PIL import Image

from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.gate.checks import check_pose, check_sizes, measured_depth
from hydra_mono.core.geometry import inverse, rotation_angle_rad
from hydra_mono.core.source import Source


@dataclass(frozen=True, slots=True)
class PairRule:
    """Which frames are compared; reading them is most of the time that the check takes."""

    span: int = 240  # frames from the start, 8 s of video: where somebody begins, he looks round
    pairs: int = 7  # so that one without texture or motion does not decide
    first_gap: int = 3  # frames apart to begin with; doubled or halved by what is found
    most_reads: int = 22  # frames in all; 10 ms each for images of 640×480
    least_motion_rad: float = math.radians(4.0)  # 4 pixels of a small view
    most_motion_rad: float = math.radians(30.0)  # half a view, the other half is in both
    width_px: int = 80  # of a small view; a pixel is below a degree


@dataclass(frozen=True, slots=True)
class SmallFrame:
    """A frame averaged down. ``depth_m`` is planar z, 0 for none; None where there is none."""

    grey: Float32[np.ndarray, "h w"]
    depth_m: Float32[np.ndarray, "h w"] | None
    intrinsics: Intrinsics
    pose: Float64[np.ndarray, "4 4"]
    stamp_ns: int


@dataclass(frozen=True, slots=True)
class FirstFrames:
    """Pairs that are compared, and the whole frames they are made of."""

    pairs: tuple[tuple[SmallFrame, SmallFrame], ...]
    frames: tuple[Frame, ...]


def read_first_frames(source: Source, rule: PairRule | None = None) -> FirstFrames:
    """Up to seven pairs, spread over the start, between which the camera moved but not far."""
    return _Sampling(source, rule or PairRule()).read()


class _Sampling:
    def __init__(self, source: Source, rule: PairRule) -> None:
        self._source, self._rule = source, rule
        self._frames: dict[int, Frame | None] = {}

    def read(self) -> FirstFrames:
        rule = self._rule
        count = min(len(self._source), rule.span)
        gap, pairs = rule.first_gap, []
        starts = np.unique(np.linspace(0, max(0, count - 2), rule.pairs).astype(int)).tolist()
        for start in starts:
            pair, motion_rad = self._pair(start, gap)
            if pair is not None and motion_rad < rule.least_motion_rad and gap * 2 < count:
                gap *= 2
                pair, motion_rad = self._pair(start, gap)
            if pair is not None:
                pairs.append((small_frame(pair[0], rule), small_frame(pair[1], rule)))
            if motion_rad > rule.most_motion_rad:
                gap = max(1, gap // 2)
        usable = (frame for _, frame in sorted(self._frames.items()) if frame is not None)
        return FirstFrames(tuple(pairs), tuple(usable))

    def _pair(self, start: int, gap: int) -> tuple[tuple[Frame, Frame] | None, float]:
        """Two frames and how far the view moved between them, radians."""
        last = len(self._source) - 1
        first, second = self._read(start), self._read(min(start + gap, last))
        if first is None or second is None or first is second:
            return None, 0.0
        motion = inverse(first.world_from_camera) @ second.world_from_camera
        depth_m = _median_depth_m(first) or 2.0  # of a room, where nothing is measured
        parallax_rad = math.atan(float(np.linalg.norm(motion[:3, 3])) / depth_m)
        return (first, second), rotation_angle_rad(motion[:3, :3]) + parallax_rad

    def _read(self, index: int) -> Frame | None:
        if index not in self._frames:
            if len(self._frames) >= self._rule.most_reads:
                return None
            self._frames[index] = _usable(self._source, index)
        return self._frames[index]


def _usable(source: Source, index: int) -> Frame | None:
    try:
        frame = source[index]
        check_pose(frame)
        check_sizes(frame)
    except BadFrameError:
        return None
    return frame


def _median_depth_m(frame: Frame) -> float:
    if frame.depth_m is None:
        return 0.0
    depth = measured_depth(frame.depth_m[::8, ::8])
    return float(np.median(depth[depth > 0])) if (depth > 0).any() else 0.0


def small_frame(frame: Frame, rule: PairRule | None = None) -> SmallFrame:
    """The frame at about 80 pixels across: colours averaged, depth of the middle pixels."""
    step = max(1, frame.intrinsics.width // (rule or PairRule()).width_px)
    height, width = frame.rgb.shape[0] // step, frame.rgb.shape[1] // step
    grey = np.asarray(Image.fromarray(frame.rgb).convert("L").reduce(step), np.float32)
    depth = frame.depth_m
    if depth is not None:
        depth = measured_depth(depth[step // 2 :: step, step // 2 :: step][:height, :width])
    camera = frame.intrinsics
    whole = camera.cropped(0, 0, width * step, height * step)  # a rest of a block is cut off
    return SmallFrame(
        grey=grey[:height, :width],
        depth_m=depth,
        intrinsics=whole.resized(width, height),
        pose=frame.world_from_camera,
        stamp_ns=frame.stamp_ns,
    )
