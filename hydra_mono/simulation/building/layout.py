"""Where rooms lie: a storey cut into rectangles, with corridors in larger ones."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True, slots=True)
class Cell:
    """A rectangle of the plan between wall middles."""

    lower: tuple[float, float]
    upper: tuple[float, float]
    kind: str = ""


def layout(rng: np.random.Generator, rooms: int) -> list[Cell]:
    """Cells of so many rooms: cut freely, along a corridor, or as wings of a long one."""
    if rooms <= 5:
        area = rooms * rng.uniform(13, 16)
        ratio = rng.uniform(1.1, 1.5)
        width = float(np.sqrt(area * ratio))
        return _split(rng, Cell((0.0, 0.0), (width, area / width)), rooms)
    if rooms <= 9:
        return _wing(rng, (0.0, 0.0), rooms, length=None)
    return _campus(rng, rooms)


def _split(rng: np.random.Generator, cell: Cell, rooms: int) -> list[Cell]:
    """Cuts across the longer side until every piece is one room."""
    if rooms == 1:
        return [cell]
    axis = int(np.argmax(np.subtract(cell.upper, cell.lower)))
    first = rooms // 2 if rng.random() < 0.5 else rooms - rooms // 2
    share = np.clip(first / rooms + rng.uniform(-0.06, 0.06), 0.2, 0.8)
    cut = float(cell.lower[axis] + share * (cell.upper[axis] - cell.lower[axis]))
    upper, lower = list(cell.upper), list(cell.lower)
    upper[axis] = lower[axis] = cut
    below = Cell(cell.lower, (upper[0], upper[1]))
    above = Cell((lower[0], lower[1]), cell.upper)
    return _split(rng, below, first) + _split(rng, above, rooms - first)


def _wing(
    rng: np.random.Generator, origin: tuple[float, float], rooms: int, length: float | None
) -> list[Cell]:
    """A corridor along x with a row of rooms on either side."""
    below = (rooms - 1) // 2
    above = rooms - 1 - below
    length = length or (rooms - 1) / 2 * float(rng.uniform(3.5, 3.9))
    x, y = origin
    depth_below, depth_above = float(rng.uniform(3.3, 4.3)), float(rng.uniform(3.3, 4.3))
    wide = float(rng.uniform(1.4, 1.7))
    y_below, y_above = y + depth_below, y + depth_below + wide
    cells = [Cell((x, y_below), (x + length, y_above), kind="corridor")]
    cells += _row(rng, below, (x, y), (x + length, y_below))
    return cells + _row(rng, above, (x, y_above), (x + length, y_above + depth_above))


def _row(
    rng: np.random.Generator, rooms: int, lower: tuple[float, float], upper: tuple[float, float]
) -> list[Cell]:
    shares = 1 + rng.uniform(-0.16, 0.16, rooms)
    cuts = lower[0] + np.concatenate([[0], np.cumsum(shares / shares.sum())]) * (
        upper[0] - lower[0]
    )
    return [Cell((float(a), lower[1]), (float(b), upper[1])) for a, b in pairwise(cuts)]


def _campus(rng: np.random.Generator, rooms: int) -> list[Cell]:
    """Wings end to end on both sides of one long corridor along y."""
    wings = max(2, round((rooms - 1) / 7))
    sizes = [(rooms - 1) // wings + (i < (rooms - 1) % wings) for i in range(wings)]
    spine = 1.8
    cells: list[Cell] = []
    tops = [0.0, 0.0]
    for i, size in enumerate(sizes):
        side = i % 2
        length = (size // 2) * float(rng.uniform(3.4, 3.8))
        x = spine if side else -length
        wing = _wing(rng, (x, tops[side]), size, length)
        tops[side] = max(cell.upper[1] for cell in wing)
        cells += wing
    return [Cell((0.0, 0.0), (spine, max(tops)), kind="corridor"), *cells]
