"""Level surfaces that small objects lie on: tops of furniture, shelves, seats, other objects."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hydra_mono.simulation.shapes import Part, SceneObject

LEAST_SIDE_M = 0.14  # of a surface: a paperback
LEAST_AIR_M = 0.1  # over a surface: a cup
MOST_AIR_M = 0.9  # over a surface with nothing above; nothing taller stands on furniture
HIGHEST_M = 1.9  # what lies higher is not seen from a person's eyes
TOUCH_M = 0.0005  # what begins so close above a surface stands on it; less than a sheet of paper


@dataclass(frozen=True)
class Top:
    """A level rectangle: ``middle_m`` in the world, sides along its object's axes."""

    kind: str  # name of what it belongs to
    middle_m: Float64[np.ndarray, "3"]
    size_m: tuple[float, float]
    yaw_rad: float
    air_m: float

    @property
    def area_m2(self) -> float:
        return self.size_m[0] * self.size_m[1]

    def at(self, x_m: float, y_m: float) -> Float64[np.ndarray, "3"]:
        """World point of one on the surface, given along its sides from its middle."""
        cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        along = np.array([cos * x_m - sin * y_m, sin * x_m + cos * y_m, 0.0])
        return np.asarray(self.middle_m + along)


def tops(obj: SceneObject) -> list[Top]:
    """The free surfaces of an object's boxes, those of shelves included."""
    found = (_top(obj, part) for part in obj.parts if part.shape == "box")
    return [top for top in found if top is not None]


def _top(obj: SceneObject, part: Part) -> Top | None:
    wide, deep, _ = part.size_m
    level = part.center_m[2] + part.size_m[2] / 2
    if min(wide, deep) < LEAST_SIDE_M or obj.position_m[2] + level > HIGHEST_M:
        return None
    air = _air_m(obj, part, level)
    if air < LEAST_AIR_M:
        return None
    middle = obj.world_from_object @ np.array([*part.center_m[:2], level, 1.0])
    return Top(obj.name, middle[:3], (wide, deep), obj.yaw_rad, air)


def _air_m(obj: SceneObject, part: Part, level_m: float) -> float:
    """Height over a part's top until something covers most of it."""
    air = MOST_AIR_M
    for other in obj.parts:
        bottom = other.center_m[2] - other.size_m[2] / 2
        if other is not part and bottom > level_m - TOUCH_M and _covers(other, part):
            air = min(air, bottom - level_m)
    return air


def _covers(upper: Part, lower: Part) -> bool:
    """Whether a part lies over more than half of another, seen from above."""
    shared = 1.0
    for axis in (0, 1):
        low = max(p.center_m[axis] - p.size_m[axis] / 2 for p in (upper, lower))
        high = min(p.center_m[axis] + p.size_m[axis] / 2 for p in (upper, lower))
        shared *= max(high - low, 0.0)
    return shared > 0.5 * lower.size_m[0] * lower.size_m[1]


@dataclass(frozen=True)
class Taken:
    """Upright boxes round what is there already, to keep new objects out of it."""

    middle_m: Float64[np.ndarray, "n 2"]
    half_m: Float64[np.ndarray, "n 2"]  # of the sides, turned by the yaw
    yaw_rad: Float64[np.ndarray, " n"]
    lower_m: Float64[np.ndarray, " n"]
    upper_m: Float64[np.ndarray, " n"]

    def is_free(self, point_m: Float64[np.ndarray, "3"], radius_m: float, high_m: float) -> bool:
        """Whether an object of that girth and height fits with its underside at the point."""
        x, y = (point_m[:2] - self.middle_m).T
        cos, sin = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        along = np.abs(np.stack([cos * x + sin * y, cos * y - sin * x], axis=1)) - self.half_m
        beside = np.linalg.norm(np.maximum(along, 0.0), axis=1) >= radius_m
        over = self.lower_m >= point_m[2] + high_m
        under = self.upper_m <= point_m[2] + TOUCH_M
        return bool(np.all(beside | over | under))


def taken_by(objects: Iterable[SceneObject]) -> Taken:
    """A box for each part of the objects."""
    parts = [(obj, part) for obj in objects for part in obj.parts]
    middles = [obj.world_from_object[:3] @ (*part.center_m, 1.0) for obj, part in parts]
    middle = np.array(middles).reshape(-1, 3)
    half = np.array([part.extent_m / 2 for _, part in parts]).reshape(-1, 3)
    return Taken(
        middle_m=middle[:, :2],
        half_m=half[:, :2],
        yaw_rad=np.array([obj.yaw_rad for obj, _ in parts]),
        lower_m=middle[:, 2] - half[:, 2],
        upper_m=middle[:, 2] + half[:, 2],
    )
