"""Distances between upright boxes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.box import BoundingBox


@dataclass(frozen=True, slots=True)
class BoxGap:
    """Between two boxes: apart by ``level_m`` seen from above and ``upright_m`` along z.

    ``upright_m`` is below 0 by as much as they overlap in height.
    """

    level_m: float
    upright_m: float

    @property
    def distance_m(self) -> float:
        return float(np.hypot(self.level_m, max(self.upright_m, 0.0)))


def bottom_m(box: BoundingBox) -> float:
    return box.center_m[2] - box.dimensions_m[2] / 2


def top_m(box: BoundingBox) -> float:
    return box.center_m[2] + box.dimensions_m[2] / 2


def box_gap(a: BoundingBox, b: BoundingBox) -> BoxGap:
    """The gap between two boxes, exact for any two yaws."""
    upright_m = max(bottom_m(a), bottom_m(b)) - min(top_m(a), top_m(b))
    return BoxGap(_level_gap_m(a.footprint(), b.footprint()), upright_m)


def share_over(a: BoundingBox, b: BoundingBox, samples: int = 5) -> float:
    """The share of a's footprint, on a grid of samples, that lies over b's."""
    steps = (np.arange(samples) + 0.5) / samples - 0.5
    x, y = np.meshgrid(steps * a.dimensions_m[0], steps * a.dimensions_m[1])
    cos, sin = np.cos(a.yaw_rad), np.sin(a.yaw_rad)
    points = np.column_stack([(cos * x - sin * y).ravel(), (sin * x + cos * y).ravel()])
    level = np.column_stack([points + a.center_m[:2], np.full(len(points), b.center_m[2])])
    return float(b.contains(level).mean())


def points_to_box_m(
    points_m: Float64[np.ndarray, "n 3"], box: BoundingBox
) -> Float64[np.ndarray, " n"]:
    """Level distance from points to a box, 0 above, below and inside it."""
    beyond = np.abs(box.to_box_frame(points_m))[:, :2] - np.array(box.dimensions_m[:2]) / 2
    return np.asarray(np.linalg.norm(np.maximum(beyond, 0.0), axis=1))


def _level_gap_m(a: Float64[np.ndarray, "4 2"], b: Float64[np.ndarray, "4 2"]) -> float:
    """Between two convex polygons: 0 where no side parts them, else from corner to side."""
    if not (_is_parted(a, b) or _is_parted(b, a)):
        return 0.0
    return float(min(_corners_to_sides_m(a, b), _corners_to_sides_m(b, a)))


def _is_parted(a: Float64[np.ndarray, "4 2"], b: Float64[np.ndarray, "4 2"]) -> bool:
    """Whether all of b lies beyond one side of a (counter-clockwise)."""
    sides = np.roll(a, -1, axis=0) - a
    offset = b[None] - a[:, None]
    left = sides[:, None, 0] * offset[..., 1] - sides[:, None, 1] * offset[..., 0]
    return bool((left < 0).all(axis=1).any())


def _corners_to_sides_m(a: Float64[np.ndarray, "4 2"], b: Float64[np.ndarray, "4 2"]) -> float:
    sides = np.roll(b, -1, axis=0) - b
    offset = a[:, None] - b[None]
    along = (offset * sides).sum(axis=2) / np.maximum((sides**2).sum(axis=1), 1e-18)
    nearest = offset - np.clip(along, 0, 1)[..., None] * sides
    return float(np.linalg.norm(nearest, axis=2).min())
