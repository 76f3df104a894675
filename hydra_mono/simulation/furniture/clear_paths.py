"""Space that stays free in a furnished room: before openings, and on the paths between them."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray
from scipy import ndimage

from hydra_mono.simulation.building.plan import Plan, Room
from hydra_mono.simulation.building.structure import AirBox, opening_air, window_air
from hydra_mono.simulation.shapes import SceneObject

WALK_RADIUS_M = 0.34
CELL_M = 0.1


@dataclass(frozen=True, slots=True)
class Taken:
    """An upright box of space that is used; ``label`` 0 is a keep-out zone."""

    lower: Float64[np.ndarray, "3"]
    upper: Float64[np.ndarray, "3"]
    label: int


def keep_out(plan: Plan, room: Room) -> list[Taken]:
    """Space before doorways and wide openings, and before windows above the sill."""
    zones = []
    for opening in plan.openings_of(room.index):
        air, reach = opening_air(opening), 0.6 if opening.wide else 0.85
        lower, upper = np.array(air.lower_m), np.array(air.upper_m)
        lower[opening.axis] -= reach
        upper[opening.axis] += reach
        zones.append(Taken(lower, upper, 0))
    for window in plan.windows:
        if window.room == room.index:
            air = window_air(plan, window)
            lower, upper = np.array(air.lower_m), np.array(air.upper_m)
            lower[window.axis] -= 0.4
            upper[window.axis] += 0.4
            zones.append(Taken(lower, upper, 0))
    return zones


def space_of(obj: SceneObject) -> Taken:
    corners = obj.box.footprint()
    z = obj.position_m[2]
    return Taken(
        np.array([*corners.min(axis=0), z]),
        np.array([*corners.max(axis=0), z + obj.size_m[2]]),
        obj.label,
    )


def are_paths_free(plan: Plan, room: Room, objects: list[SceneObject], taken: list[Taken]) -> bool:
    """True where somebody can still walk between all doorways of the room, and stand in it."""
    solid = [space for space in taken if space.label] + [space_of(obj) for obj in objects]
    cells = [max(math.ceil(size / CELL_M), 1) for size in room.size_m]
    xs = room.lower_m[0] + (np.arange(cells[0]) + 0.5) * CELL_M
    ys = room.lower_m[1] + (np.arange(cells[1]) + 0.5) * CELL_M
    free = np.zeros((cells[0] + 2, cells[1] + 2), dtype=bool)
    free[1:-1, 1:-1] = True
    for space in solid:
        if space.lower[2] < room.floor_m + 1.9:
            inside_x = (xs > space.lower[0] - CELL_M / 2) & (xs < space.upper[0] + CELL_M / 2)
            inside_y = (ys > space.lower[1] - CELL_M / 2) & (ys < space.upper[1] + CELL_M / 2)
            free[1:-1, 1:-1] &= ~(inside_x[:, None] & inside_y[None])
    walkable = ndimage.distance_transform_edt(free)[1:-1, 1:-1] * CELL_M > WALK_RADIUS_M
    parts, count = ndimage.label(walkable)
    if count == 0:
        return False
    largest = int(np.argmax(np.bincount(parts.ravel())[1:])) + 1
    if np.count_nonzero(parts == largest) < 0.97 * np.count_nonzero(walkable):
        return False
    return all(
        _part_before(parts, room, opening_air(opening), opening.axis) == largest
        for opening in plan.openings_of(room.index)
    )


def _part_before(parts: NDArray[np.int32], room: Room, air: AirBox, axis: int) -> int:
    """The walkable part half a metre inside the room from the middle of an opening."""
    middle = (np.array(air.lower_m[:2]) + np.array(air.upper_m[:2])) / 2
    inwards = 1 if middle[axis] < room.lower_m[axis] else -1
    face = room.lower_m[axis] if inwards > 0 else room.upper_m[axis]
    middle[axis] = face + inwards * 0.5
    cell = ((middle - np.array(room.lower_m)) / CELL_M).astype(int)
    cell = np.clip(cell, 0, np.array(parts.shape) - 1)
    return int(parts[cell[0], cell[1]])
