"""Upright bounding boxes: axis-aligned, or turned about the world's z axis."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from hydra_mono.core.map.ranges import AngleRad, PointM, SizeM


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """A box with its sides upright; ``yaw_rad`` turns it counter-clockwise seen from above."""

    center_m: PointM
    dimensions_m: SizeM
    yaw_rad: AngleRad = 0.0

    @property
    def volume_m3(self) -> float:
        return math.prod(self.dimensions_m)

    def to_box_frame(self, points_m: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        """World points in axes along the box's sides, origin at its centre."""
        return self.turn_to_box_frame(points_m - np.array(self.center_m))

    def turn_to_box_frame(self, vectors: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        """World directions in axes along the box's sides."""
        return np.asarray(vectors @ self._world_from_box)

    @property
    def _world_from_box(self) -> Float64[np.ndarray, "3 3"]:
        cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])

    def with_corners(
        self, lower_m: Float64[np.ndarray, "3"], upper_m: Float64[np.ndarray, "3"]
    ) -> "BoundingBox":
        """The box, turned alike, between two corners given in this one's frame; 1 cm at least."""
        center = np.array(self.center_m) + self._world_from_box @ ((lower_m + upper_m) / 2)
        size = np.maximum(upper_m - lower_m, 0.01)
        return BoundingBox(
            center_m=(float(center[0]), float(center[1]), float(center[2])),
            dimensions_m=(float(size[0]), float(size[1]), float(size[2])),
            yaw_rad=self.yaw_rad,
        )

    def contains(self, points_m: Float64[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """True for the points inside or on the box."""
        half = np.array(self.dimensions_m) / 2 + 1e-9
        return np.asarray(np.all(np.abs(self.to_box_frame(points_m)) <= half, axis=1))

    def bounds(
        self, margin_m: float = 0.0
    ) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]:
        """Lower and upper corner of the upright box along the axes that holds this one."""
        half = np.abs(self._world_from_box) @ np.array(self.dimensions_m) / 2 + margin_m
        return np.array(self.center_m) - half, np.array(self.center_m) + half

    def footprint(self) -> Float64[np.ndarray, "4 2"]:
        """Corners seen from above, counter-clockwise."""
        half_x, half_y = self.dimensions_m[0] / 2, self.dimensions_m[1] / 2
        corners = np.array(
            [[-half_x, -half_y], [half_x, -half_y], [half_x, half_y], [-half_x, half_y]]
        )
        return np.asarray(corners @ self._world_from_box[:2, :2].T + self.center_m[:2])

    def corners(self) -> Float64[np.ndarray, "8 3"]:
        """The footprint's corners at the bottom, then those at the top."""
        levels = [self.center_m[2] + side * self.dimensions_m[2] / 2 for side in (-1, 1)]
        flat = self.footprint()
        return np.concatenate([np.column_stack([flat, np.full(4, z)]) for z in levels])


def axis_aligned_box(points_m: Float64[np.ndarray, "n 3"]) -> BoundingBox:
    """The smallest axis-aligned box round the points."""
    lower, upper = points_m.min(axis=0), points_m.max(axis=0)
    center, size = (lower + upper) / 2, upper - lower
    return BoundingBox(
        center_m=(float(center[0]), float(center[1]), float(center[2])),
        dimensions_m=(float(size[0]), float(size[1]), float(size[2])),
    )


def box_iou(a: BoundingBox, b: BoundingBox) -> float:
    """Volume of the intersection over that of the union; exact for any two yaws."""
    overlap_z = min(_top(a), _top(b)) - max(_bottom(a), _bottom(b))
    if overlap_z <= 0:
        return 0.0
    overlap = _area(_clip(a.footprint(), b.footprint())) * overlap_z
    union = a.volume_m3 + b.volume_m3 - overlap
    return overlap / union if union > 0 else 0.0


def _bottom(box: BoundingBox) -> float:
    return box.center_m[2] - box.dimensions_m[2] / 2


def _top(box: BoundingBox) -> float:
    return box.center_m[2] + box.dimensions_m[2] / 2


def _area(polygon: Float64[np.ndarray, "n 2"]) -> float:
    if len(polygon) < 3:
        return 0.0
    x, y = polygon.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _clip(
    subject: Float64[np.ndarray, "n 2"], window: Float64[np.ndarray, "m 2"]
) -> Float64[np.ndarray, "k 2"]:
    """Convex intersection by Sutherland and Hodgman (CACM 1974); both counter-clockwise."""
    polygon = list(subject)
    for start, end in zip(window, np.roll(window, -1, axis=0), strict=True):
        polygon = _clip_by_edge(polygon, start, end)
    return np.array(polygon).reshape(-1, 2)


def _clip_by_edge(
    polygon: list[np.ndarray], start: np.ndarray, end: np.ndarray
) -> list[np.ndarray]:
    normal = np.array([start[1] - end[1], end[0] - start[0]])
    sides = [float(normal @ (point - start)) for point in polygon]
    kept: list[np.ndarray] = []
    for i, (point, side) in enumerate(zip(polygon, sides, strict=True)):
        before, side_before = polygon[i - 1], sides[i - 1]
        if (side < 0) != (side_before < 0):
            kept.append(before + (point - before) * side_before / (side_before - side))
        if side >= 0:
            kept.append(point)
    return kept
