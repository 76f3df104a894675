"""Buildings of several storeys: a floor plan each, all of them beside the same stairwell."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from hydra_mono.simulation.building.flights import PARAPET_M, SLAB_M, Flight, run_m
from hydra_mono.simulation.building.layout import Cell, layout
from hydra_mono.simulation.building.measures import USUAL, Measures
from hydra_mono.simulation.building.plan import (
    WALL_M,
    Plan,
    draw_ceiling,
    make_plan,
    plan_of_cells,
)

LANE_M = 1.0  # width of a flight
GALLERY_M = 1.15  # width of the path beside it
LANDING_M = 1.15  # before the first and after the last riser


def make_building(
    rng: np.random.Generator, rooms: int, joints: int, storeys: int, measures: Measures = USUAL
) -> Plan:
    """``storeys`` plans of ``rooms`` rooms and a stair room each; a single one has no stairs."""
    if storeys == 1:
        return make_plan(rng, rooms, joints, measures)
    ceiling = draw_ceiling(rng, measures)
    rise = ceiling + SLAB_M
    stairwell = _stairwell(rise)
    levels: list[Plan] = []
    for storey in range(storeys):
        cells = [*_beside_origin(layout(rng, rooms)), stairwell]
        level = plan_of_cells(rng, cells, joints, ceiling, measures)
        levels.append(_lifted(level, storey, storey * rise, storey * len(cells)))
    stairs = [level.rooms[-1].index for level in levels]
    flights = [
        _flight(stairwell, (low, high), storey * rise, ceiling, last=high == stairs[-1])
        for storey, (low, high) in enumerate(pairwise(stairs))
    ]
    return Plan(
        rooms=tuple(room for level in levels for room in level.rooms),
        openings=tuple(opening for level in levels for opening in level.openings),
        windows=(),
        flights=tuple(flights),
    )


def _stairwell(rise_m: float) -> Cell:
    """Left of the y axis, its middle on the x axis."""
    length = run_m(rise_m) + 2 * LANDING_M + WALL_M
    width = LANE_M + PARAPET_M[0] + GALLERY_M + WALL_M
    return Cell((-length, -width / 2), (0.0, width / 2), kind="stairs")


def _flight(
    cell: Cell, rooms: tuple[int, int], floor_m: float, ceiling_m: float, *, last: bool
) -> Flight:
    low = np.add(cell.lower, WALL_M / 2)
    rise = ceiling_m + SLAB_M
    start = float(low[0]) + LANDING_M
    return Flight(
        rooms=rooms,
        lower_m=(start, float(low[1])),
        upper_m=(start + run_m(rise), float(low[1]) + LANE_M),
        floor_m=floor_m,
        ceiling_m=floor_m + ceiling_m,
        top_m=floor_m + rise,
        last=last,
    )


def _beside_origin(cells: list[Cell]) -> list[Cell]:
    """The cells right of the y axis, its corridor's end or else its longest side at the origin."""
    if min(cell.lower[0] for cell in cells) < 0:  # wings on both sides of a corridor along y
        cells = [replace(cell, lower=cell.lower[::-1], upper=cell.upper[::-1]) for cell in cells]
    sides = [cell for cell in cells if cell.lower[0] == 0]
    hub = max(sides, key=lambda cell: (cell.kind == "corridor", cell.upper[1] - cell.lower[1]))
    middle = (hub.lower[1] + hub.upper[1]) / 2
    return [
        replace(
            cell,
            lower=(cell.lower[0], cell.lower[1] - middle),
            upper=(cell.upper[0], cell.upper[1] - middle),
        )
        for cell in cells
    ]


def _lifted(plan: Plan, storey: int, floor_m: float, first: int) -> Plan:
    """The plan as a higher storey, its rooms numbered from ``first``."""
    rooms = [
        replace(
            room,
            index=first + room.index,
            storey=storey,
            floor_m=room.floor_m + floor_m,
            ceiling_m=room.ceiling_m + floor_m,
        )
        for room in plan.rooms
    ]
    openings = [
        replace(
            opening,
            rooms=(first + opening.rooms[0], first + opening.rooms[1]),
            bottom_m=opening.bottom_m + floor_m,
            top_m=opening.top_m + floor_m,
        )
        for opening in plan.openings
    ]
    return replace(plan, rooms=tuple(rooms), openings=tuple(openings))
