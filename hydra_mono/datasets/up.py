"""Up: from the layout, from the user, or from the surfaces seen first."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame
from hydra_mono.core.geometry import camera_rays, rotation_between
from hydra_mono.core.source import Source

logger = logging.getLogger(__name__)

Direction = tuple[float, float, float]

Z_UP: Direction = (0.0, 0.0, 1.0)
_SPAN = 240  # frames at the start that the estimate looks at
_BLOCKS = 80  # of a depth image's width, to average noise over
_MAX_STEP = 0.1  # relative change of depth between blocks of one surface
_MIN_NORMALS = 200
_SEARCH_NORMALS = 1000  # that the coarse search looks at
_PRIOR_WEIGHT = 0.5  # of the camera's attitude against the surfaces
_LEVEL_WEIGHT = 1.0  # of where up roughly is against the camera's x axis being level
_LOOKS_DOWN = 0.4  # tangent of how far people hold a camera below the horizon
_TILTS_RAD = np.radians([12.0, 8.0, 5.0, 5.0, 5.0])  # how far a normal may lean, pass by pass


def choose_up(source: Source, override_up: Direction | None = None, sample: int = 24) -> Direction:
    """Up in the source's world: ``override_up``, else the layout's promise, else an estimate.

    Raises:
        DataError: up must be estimated and not one of the first frames can be read.
    """
    if override_up is not None:
        up, why = _unit(override_up), "as told"
    elif source.world_up is not None:
        up, why = _unit(source.world_up), "as the layout promises"
    else:
        up, why = estimate_up(first_frames(source, sample)), "estimated from the first surfaces"
    logger.info("%s: up is (%.3f, %.3f, %.3f) %s; mapped z-up", source.name, *up, why)
    return up


def first_frames(source: Source, count: int) -> Iterator[Frame]:
    """Up to ``count`` usable frames, evenly out of the first 240."""
    span = min(len(source), _SPAN)
    for index in range(0, span, max(1, -(-span // count))):
        try:
            yield source[index]
        except BadFrameError as error:
            logger.debug("left out of the search for up: %s", error)


def estimate_up(frames: Iterable[Frame]) -> Direction:
    """Up in the source's world, from surfaces: floors lie across it and walls along it.

    People hold cameras level, which gives the first guess. The direction within 50° of it that
    most normals are nearly parallel or perpendicular to is then refined: each pass fits those
    normals in least squares weighted by agreement, with less tolerance than before.

    Raises:
        DataError: there are no frames.
    """
    rotations, normals = _surfaces(frames)
    if not len(rotations):
        raise DataError("no readable frame to find up from; say it with --up X,Y,Z")
    if len(normals) < _MIN_NORMALS:
        logger.warning("too little surface in view to find up from; taking the camera's own")
        return _direction(_prior(rotations))
    return _direction(_fit(_prior(rotations), normals))


@dataclass(frozen=True, slots=True)
class UpEvidence:
    """An estimate of up beside the direction that was told.

    ``support``: share of surfaces that lie across or along the estimate; ``told_support``: those
    of the told direction; ``angle_rad``: between the two.
    """

    up: Direction
    angle_rad: float
    support: float
    told_support: float


def up_evidence(frames: Iterable[Frame], told_up: Direction) -> UpEvidence | None:
    """What the surfaces say of a direction that is told to be up; None with too few surfaces."""
    rotations, normals = _surfaces(frames)
    if len(normals) < _MIN_NORMALS:
        return None
    told = np.array(_unit(told_up))
    up = _fit(_prior(rotations), normals)
    return UpEvidence(
        up=_direction(up),
        angle_rad=float(np.arccos(np.clip(up @ told, -1.0, 1.0))),
        support=_support(up, normals),
        told_support=_support(told, normals),
    )


def _support(up: Float64[np.ndarray, "3"], normals: Float64[np.ndarray, "n 3"]) -> float:
    """Share of normals that are nearly parallel or perpendicular to up."""
    lean_rad = np.arcsin(np.clip(np.abs(normals @ up), 0, 1))
    return float((np.minimum(lean_rad, np.pi / 2 - lean_rad) < _TILTS_RAD[1]).mean())


def _surfaces(
    frames: Iterable[Frame],
) -> tuple[Float64[np.ndarray, "n 3 3"], Float64[np.ndarray, "m 3"]]:
    """The frames' rotations, and the normals of what they see, in world axes."""
    rotations, normals = [], []
    for frame in frames:
        rotation = frame.world_from_camera[:3, :3]
        rotations.append(rotation)
        normals.append(surface_normals(frame) @ rotation.T)
    return np.array(rotations).reshape(-1, 3, 3), np.concatenate([np.zeros((0, 3)), *normals])


def surface_normals(frame: Frame) -> Float64[np.ndarray, "n 3"]:
    """Unit normals in camera axes, facing the camera, one a block of pixels; none without depth.

    Blocks are averaged in inverse depth, which is linear across the image of a plane.
    """
    if frame.depth_m is None:
        return np.zeros((0, 3))
    block = max(1, frame.intrinsics.width // _BLOCKS)
    inverse = _block_means(frame.depth_m, block)
    rows, columns = inverse.shape
    rays = camera_rays(frame.intrinsics.resized(columns, rows)).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        points = rays / inverse[..., None]
        right, left = points[1:-1, 2:], points[1:-1, :-2]
        below, above = points[2:, 1:-1], points[:-2, 1:-1]
        normals = np.cross(below - above, right - left)
        z = np.stack([point[..., 2] for point in (right, left, below, above)])
        is_one_surface = np.ptp(z, axis=0) < _MAX_STEP * z.min(axis=0)
    chosen = normals[is_one_surface & np.isfinite(normals).all(axis=-1)]
    return np.asarray(chosen / np.linalg.norm(chosen, axis=1, keepdims=True))


def _block_means(depth_m: Float32[np.ndarray, "h w"], block: int) -> Float64[np.ndarray, "y x"]:
    """Mean inverse depth of square blocks; 0 where a pixel of the block is not measured."""
    rows, columns = depth_m.shape[0] // block, depth_m.shape[1] // block
    cut = depth_m[: rows * block, : columns * block].astype(np.float64)
    blocks = cut.reshape(rows, block, columns, block)
    is_whole = (np.isfinite(blocks) & (blocks > 0)).all(axis=(1, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(is_whole, (1.0 / blocks).mean(axis=(1, 3)), 0.0))


def _prior(rotations: Float64[np.ndarray, "n 3 3"]) -> Float64[np.ndarray, "3"]:
    """What the camera's attitude says: x stays level, y points down, and z a little down too."""
    right, down, forward = np.moveaxis(rotations, 2, 0)
    toward = -down.mean(axis=0) - _LOOKS_DOWN * forward.mean(axis=0)
    level = right.T @ right / len(rotations)
    return _least(level - _LEVEL_WEIGHT * np.outer(toward, toward), toward)


def _fit(
    prior: Float64[np.ndarray, "3"], normals: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, "3"]:
    """The direction near the prior that most normals are parallel or perpendicular to."""
    up = _best_candidate(prior, normals[:: -(-len(normals) // _SEARCH_NORMALS)])
    for tilt_rad in _TILTS_RAD:
        lean_rad = np.arcsin(np.clip(np.abs(normals @ up), 0, 1))
        across = normals * np.exp(-((lean_rad / tilt_rad) ** 2))[:, None]
        parallel = normals * np.exp(-(((np.pi / 2 - lean_rad) / tilt_rad) ** 2))[:, None]
        spread = across.T @ across - parallel.T @ parallel
        up = _least(spread - 1e-3 * len(normals) * np.outer(prior, prior), up)
    return up


def _best_candidate(
    prior: Float64[np.ndarray, "3"], normals: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, "3"]:
    candidates = _cap() @ rotation_between(np.array(Z_UP), prior).T
    lean_rad = np.arcsin(np.clip(np.abs(candidates @ normals.T), 0, 1))
    off_rad = np.minimum(lean_rad, np.pi / 2 - lean_rad)
    agreement = np.exp(-((off_rad / _TILTS_RAD[-1]) ** 2)).mean(axis=1)
    return np.asarray(candidates[np.argmax(agreement + _PRIOR_WEIGHT * (candidates @ prior))])


def _cap() -> Float64[np.ndarray, "n 3"]:
    """Directions up to 50° from z, 3° apart on a sunflower spiral (Vogel, 1979)."""
    lowest = np.cos(np.radians(50.0))
    count = int(2 * np.pi * (1 - lowest) / np.radians(3.0) ** 2)
    steps = np.arange(count)
    z = 1 - (steps + 0.5) / count * (1 - lowest)
    turn = steps * np.pi * (3 - np.sqrt(5.0))
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), z], axis=1)


def _least(
    symmetric: Float64[np.ndarray, "3 3"], toward: Float64[np.ndarray, "3"]
) -> Float64[np.ndarray, "3"]:
    """Eigenvector of the least eigenvalue, on the side of ``toward``."""
    vector = np.linalg.eigh(symmetric)[1][:, 0]
    return np.asarray(vector if vector @ toward >= 0 else -vector)


def _unit(direction: Direction) -> Direction:
    vector = np.array(direction, np.float64)
    length = float(np.linalg.norm(vector))
    if not (np.isfinite(length) and length > 0):
        raise DataError(f"up must be a direction, found {direction}")
    return _direction(vector / length)


def _direction(vector: Float64[np.ndarray, "3"]) -> Direction:
    x, y, z = (float(value) for value in vector)
    return x, y, z
