"""Rooms that are no rectangles: solid corners make them L-shaped, wedges slant their walls."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hydra_mono.core.labels import LabelSpace
from hydra_mono.simulation.building.measures import Measures
from hydra_mono.simulation.building.plan import PASSAGES, Plan, Room
from hydra_mono.simulation.shapes import Part, SceneObject, make_object

NOTCH_SHARE = (0.25, 0.45)  # of a room's side that a solid corner takes
SLANT_M = (0.9, 1.9)  # how far along each wall a slanted one begins
SHORTEST_M = 0.7  # of either side; a smaller corner would be a pillar
FREE_M = 0.2  # left beside doorways and windows
CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))  # counter-clockwise; 1 is the upper end of an axis


@dataclass(frozen=True, slots=True)
class Slant:
    """A slanted wall: its foot's middle, its length, and the turn of what has its back to it."""

    solid: SceneObject
    foot_m: tuple[float, float]
    yaw_rad: float
    length_m: float


def odd_corners(
    rng: np.random.Generator, plan: Plan, measures: Measures, labels: LabelSpace
) -> list[SceneObject]:
    """Solids that fill one corner, from floor to ceiling, of some rooms; half of them wedges."""
    label = labels.ids_with_role("wall")[0]
    solids = []
    for room in plan.rooms:
        if room.kind in PASSAGES or rng.random() >= measures.odd_corners:
            continue
        shape = "wedge" if rng.random() < 0.5 else "box"
        for corner in rng.permutation(len(CORNERS)).tolist():
            legs = _legs_m(rng, plan, room, corner, shape)
            if min(legs) >= SHORTEST_M:
                solids.append(_solid(room, corner, legs, shape, label))
                break
    return solids


def slant_of(solid: SceneObject) -> Slant | None:
    """The slanted wall that a wedge makes; None for another solid."""
    if solid.parts[0].shape != "wedge":
        return None
    size_x, size_y, _ = solid.size_m
    normal_rad = math.atan2(size_x, size_y)  # of the diagonal, in the wedge's axes
    return Slant(
        solid=solid,
        foot_m=solid.position_m[:2],  # the diagonal crosses the middle of the wedge's box
        yaw_rad=solid.yaw_rad + normal_rad - math.pi / 2,
        length_m=math.hypot(size_x, size_y),
    )


def _legs_m(
    rng: np.random.Generator, plan: Plan, room: Room, corner: int, shape: str
) -> tuple[float, float]:
    """How far along x and y the corner may be filled: as drawn, as doors and windows let it."""
    legs = []
    for axis in (0, 1):
        share, slant = float(rng.uniform(*NOTCH_SHARE)), float(rng.uniform(*SLANT_M))
        drawn = share * room.size_m[axis] if shape == "box" else min(slant, 0.5 * room.size_m[axis])
        legs.append(min(drawn, _free_m(plan, room, axis, corner) - FREE_M))
    return legs[0], legs[1]


def _free_m(plan: Plan, room: Room, along: int, corner: int) -> float:
    """Wall from the corner along an axis to the first doorway or window."""
    ends = CORNERS[corner]
    upper_wall, upper_end = ends[1 - along] == 1, ends[along] == 1
    face = (room.upper_m if upper_wall else room.lower_m)[1 - along]
    spans = [
        opening.span_m
        for opening in plan.openings_of(room.index)
        if opening.axis == 1 - along and min(abs(face - wall) for wall in opening.wall_m) < 1e-6
    ]
    spans += [
        window.span_m
        for window in plan.windows
        if window.room == room.index
        and window.axis == 1 - along
        and (window.side > 0) == upper_wall
    ]
    if upper_end:
        return room.upper_m[along] - max([room.lower_m[along], *(high for _, high in spans)])
    return min([room.upper_m[along], *(low for low, _ in spans)]) - room.lower_m[along]


def _solid(
    room: Room, corner: int, legs: tuple[float, float], shape: str, label: int
) -> SceneObject:
    """In its own axes the right angle is at low x and y, so its turn is the corner's number."""
    size = legs if corner % 2 == 0 else legs[::-1]
    height = room.ceiling_m - room.floor_m
    kind: Literal["wedge", "box"] = "wedge" if shape == "wedge" else "box"
    part = Part(kind, (0.0, 0.0, height / 2), (*size, height), f"wall{room.index % 5}")
    middle = [
        upper - leg / 2 if end else lower + leg / 2
        for end, leg, lower, upper in zip(
            CORNERS[corner], legs, room.lower_m, room.upper_m, strict=True
        )
    ]
    solid = make_object("corner", label, [part])
    return solid.at((middle[0], middle[1], room.floor_m), corner * math.pi / 2)
