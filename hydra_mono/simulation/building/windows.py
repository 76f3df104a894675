"""Windows in outer walls."""

import numpy as np

from hydra_mono.simulation.building.plan import PASSAGES, WALL_M, Room, Window


def make_windows(rng: np.random.Generator, rooms: tuple[Room, ...]) -> list[Window]:
    """One window in each long enough stretch of outer wall."""
    windows = []
    for room in rooms:
        for axis in (0, 1):
            for side in (-1, 1):
                free = _outer_span(rooms, room, axis, side)
                if free[1] - free[0] > 1.3 and room.kind not in ("storage", *PASSAGES):
                    windows.append(_window(rng, room, axis, side, free))
    return windows


def _window(
    rng: np.random.Generator, room: Room, axis: int, side: int, free: tuple[float, float]
) -> Window:
    small = room.kind == "bathroom"
    length = free[1] - free[0]
    width = 0.6 if small else min(float(rng.uniform(1.0, 1.8)), length - 0.6)
    start = free[0] + (length - width) * float(rng.uniform(0.35, 0.65))
    sill = 1.35 if small else float(rng.uniform(0.85, 1.0))
    top = min(sill + (0.6 if small else float(rng.uniform(1.1, 1.3))), room.ceiling_m - 0.2)
    floor = room.floor_m
    return Window(room.index, axis, side, (start, start + width), floor + sill, floor + top)


def _outer_span(rooms: tuple[Room, ...], room: Room, axis: int, side: int) -> tuple[float, float]:
    """The longest stretch of a room's side with no room behind it."""
    along = 1 - axis
    edge = room.upper_m[axis] if side > 0 else room.lower_m[axis]
    cuts = [room.lower_m[along]]
    blocked = []
    for other in rooms:
        near = other.lower_m[axis] if side > 0 else other.upper_m[axis]
        if other.storey == room.storey and abs(near - edge - side * WALL_M) < 1e-6:
            blocked.append((other.lower_m[along], other.upper_m[along]))
    best = (cuts[0], cuts[0])
    start = cuts[0]
    for low, high in [*sorted(blocked), (room.upper_m[along], room.upper_m[along])]:
        end = min(low, room.upper_m[along])
        if end - start > best[1] - best[0]:
            best = (start, end)
        start = max(start, high)
    return best
