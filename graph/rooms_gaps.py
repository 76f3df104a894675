"""Where walls leave a gap that people would call the border of a room."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64
from scipy import ndimage

REACH = (2, 5)  # cells beside a gap in which the wider space must begin: walls are this thick
BEYOND = 4  # cells past a gap's end that are looked at


@dataclass(frozen=True, slots=True)
class GapRules:
    """In cells. ``wide`` gaps need a stub at both ends, ``door`` ones at either, as do gaps up
    to ``lintel`` with a lintel over most of them; ``stub`` cells of wall must stand out.
    """

    door: int
    wide: int
    lintel: int
    stub: int


def gap_cells(
    solid: Bool[np.ndarray, "x y"],
    lintel: Bool[np.ndarray, "x y"],
    roomy: Bool[np.ndarray, "x y"],
    rules: GapRules,
) -> Bool[np.ndarray, "x y"]:
    """Cells of gaps between two ends of wall that are necks: on both sides space is wider.

    A corridor is as wide before and behind any line across it, so it is not cut, however many
    walls end in line on both its sides. Doors are found first and closed, lest a pair of them
    facing each other make a neck of the corridor between.
    """
    solid = _without_specks(solid)
    gaps = np.zeros_like(solid)
    for widest in (rules.door, max(rules.wide, rules.lintel)):
        closed = solid | gaps
        found = _necks(closed, lintel, roomy, rules, widest)
        found |= _necks(closed.T, lintel.T, roomy.T, rules, widest).T
        gaps |= found
    return gaps


def _without_specks(solid: Bool[np.ndarray, "x y"]) -> Bool[np.ndarray, "x y"]:
    labels, count = ndimage.label(solid, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    return np.asarray(solid & (sizes >= 3)[labels])


@dataclass(frozen=True, slots=True)
class _Runs:
    """For every cell: the nearest solid cells before and behind it on its row, -1 and y if none."""

    before: Int64[np.ndarray, "x y"]
    behind: Int64[np.ndarray, "x y"]

    @staticmethod
    def of(solid: Bool[np.ndarray, "x y"]) -> "_Runs":
        along = np.arange(solid.shape[1])
        before = np.maximum.accumulate(np.where(solid, along, -1), axis=1)
        reverse = np.where(solid, along, solid.shape[1])[:, ::-1]
        return _Runs(before, np.minimum.accumulate(reverse, axis=1)[:, ::-1])


def _necks(
    solid: Bool[np.ndarray, "x y"],
    lintel: Bool[np.ndarray, "x y"],
    roomy: Bool[np.ndarray, "x y"],
    rules: GapRules,
    widest: int,
) -> Bool[np.ndarray, "x y"]:
    """Gaps along y of at most ``widest`` cells."""
    runs = _Runs.of(solid)
    width = runs.behind - runs.before - 1
    inner = (runs.before >= 0) & (runs.behind < solid.shape[1])
    cells = np.argwhere(~solid & inner & (width <= widest))
    if not len(cells):
        return np.zeros_like(solid)
    x, y = cells.T
    low, high = runs.before[x, y], runs.behind[x, y]
    room = np.pad(np.cumsum(roomy & ~solid, axis=1), ((0, 0), (1, 0)))
    sides = np.stack([_widening(x, y, low, high, side, runs, room) for side in (-1, 1)])
    gap = np.unique(x * solid.shape[1] + low, return_inverse=True)[1]
    share = np.bincount(gap, weights=lintel[x, y])[gap] / (high - low - 1)
    passed = _passes(sides, high - low - 1, share, rules)
    kept = np.bincount(gap, weights=passed)[gap] >= 0.6 * (high - low - 1)
    found = np.zeros_like(solid)
    found[x[kept], y[kept]] = True
    return found


def _widening(
    x: Int64[np.ndarray, " n"],
    y: Int64[np.ndarray, " n"],
    low: Int64[np.ndarray, " n"],
    high: Int64[np.ndarray, " n"],
    side: int,
    runs: _Runs,
    room: Int64[np.ndarray, "x y1"],
) -> Int64[np.ndarray, "2 n"]:
    """Cells of room past either end of each gap, seen from beside it: the most of any offset."""
    best = np.zeros((2, len(x)), dtype=np.int64)
    for offset in range(REACH[0], REACH[1] + 1):
        at = np.clip(x + side * offset, 0, len(room) - 1)
        start = np.maximum(runs.before[at, y] + 1, low + 1 - BEYOND)
        below = room[at, np.maximum(low + 1, start)] - room[at, start]
        end = np.minimum(runs.behind[at, y], high + BEYOND)
        above = room[at, end] - room[at, np.minimum(high, end)]
        both = np.stack([below, above])
        best = np.where(both.sum(axis=0) > best.sum(axis=0), both, best)
    return best


def _passes(
    sides: Int64[np.ndarray, "2 2 n"],
    width: Int64[np.ndarray, " n"],
    lintel_share: np.ndarray,
    rules: GapRules,
) -> Bool[np.ndarray, " n"]:
    """``sides``: cells of wider room by side of the wall and by end of the gap."""
    stands_out = sides.sum(axis=1) >= rules.stub
    neck = stands_out.all(axis=0)
    both_ends = (sides.max(axis=0) >= 1).all(axis=0)
    covered = (lintel_share > 0.6) & (width <= rules.lintel)
    wide = both_ends & (width <= rules.wide)
    return np.asarray(neck & (covered | wide | (width <= rules.door)))
