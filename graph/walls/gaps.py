"""Where walls leave a gap that people would call the border of a room."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int
from scipy import ndimage

from hydra_mono.graph.walls.raster import PlanRaster

OFFSETS = np.array([[[-3], [-5]], [[3], [5]]])  # cells beside a gap where space must be wider
SAMPLES = np.array([[1], [2]])  # thirds of a gap's length at which it is looked at
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

    before: Int[np.ndarray, "x y"]
    behind: Int[np.ndarray, "x y"]

    @staticmethod
    def of(solid: Bool[np.ndarray, "x y"]) -> "_Runs":
        along = np.arange(solid.shape[1], dtype=np.int32)
        before = np.maximum.accumulate(np.where(solid, along, np.int32(-1)), axis=1)
        reverse = np.where(solid, along, np.int32(solid.shape[1]))[:, ::-1]
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
    inner = (runs.before >= 0) & (runs.behind < solid.shape[1]) & (width <= widest)
    x, start = np.nonzero(~solid & inner & (runs.before == np.arange(solid.shape[1]) - 1))
    if not len(x):
        return np.zeros_like(solid)
    low, high = runs.before[x, start], runs.behind[x, start]
    room = np.pad(np.cumsum(roomy & ~solid, axis=1, dtype=np.int32), ((0, 0), (1, 0)))
    over = np.pad(np.cumsum(lintel, axis=1, dtype=np.int32), ((0, 0), (1, 0)))
    share = (over[x, high] - over[x, low + 1]) / (high - low - 1)
    third = (high - low - 1) * SAMPLES // 3
    sides = _widening(x, low + 1 + third, low, high, runs, room)
    passed = np.asarray(_passes(sides, high - low - 1, share, rules).any(axis=0))
    return _filled(solid.shape, x, low, high, passed)


def _filled(
    shape: tuple[int, ...],
    x: Int[np.ndarray, " n"],
    low: Int[np.ndarray, " n"],
    high: Int[np.ndarray, " n"],
    chosen: Bool[np.ndarray, " n"],
) -> Bool[np.ndarray, "x y"]:
    """True strictly between ``low`` and ``high`` of the chosen rows."""
    steps = np.zeros((shape[0], shape[1] + 1), dtype=np.int32)
    np.add.at(steps, (x[chosen], low[chosen] + 1), 1)
    np.add.at(steps, (x[chosen], high[chosen]), -1)
    return np.asarray(np.cumsum(steps, axis=1, dtype=np.int32)[:, :-1] > 0)


def _widening(
    x: Int[np.ndarray, " n"],
    y: Int[np.ndarray, "s n"],
    low: Int[np.ndarray, " n"],
    high: Int[np.ndarray, " n"],
    runs: _Runs,
    room: Int[np.ndarray, "x y1"],
) -> Int[np.ndarray, "2 2 s n"]:
    """Cells of room past the gap's low and high end, seen from beside its cell (x, y).

    By side of the wall, end of the gap, sample and gap: what the best of the offsets sees.
    """
    beside = np.clip(x + OFFSETS, 0, len(room) - 1)[:, :, None]
    start = np.maximum(runs.before[beside, y] + 1, low + 1 - BEYOND)
    end = np.minimum(runs.behind[beside, y], high + BEYOND)
    below = room[beside, np.maximum(low + 1, start)] - room[beside, start]
    above = room[beside, end] - room[beside, np.minimum(high, end)]
    nearer_is_best = (below + above)[:, 0] >= (below + above)[:, 1]
    ends = (np.where(nearer_is_best, seen[:, 0], seen[:, 1]) for seen in (below, above))
    return np.stack(list(ends), axis=1)


def _passes(
    sides: Int[np.ndarray, "2 2 s n"],
    width: Int[np.ndarray, " n"],
    lintel_share: np.ndarray,
    rules: GapRules,
) -> Bool[np.ndarray, "s n"]:
    """``sides``: cells of wider room by side of the wall and by end of the gap."""
    stands_out = sides.sum(axis=1) >= rules.stub
    neck = stands_out.all(axis=0)
    both_ends = (sides.max(axis=0) >= 1).all(axis=0)
    covered = (lintel_share > 0.6) & (width <= rules.lintel)
    wide = both_ends & (width <= rules.wide)
    return np.asarray(neck & (covered | wide | (width <= rules.door)))


def crossings(
    raster: PlanRaster,
    gaps: Bool[np.ndarray, "x y"],
    starts_m: Float64[np.ndarray, "e 2"],
    ends_m: Float64[np.ndarray, "e 2"],
) -> Bool[np.ndarray, " e"]:
    """Which straight lines (plan axes) pass over a gap cell."""
    if not len(starts_m):
        return np.zeros(0, dtype=bool)
    longest = float(np.linalg.norm(ends_m - starts_m, axis=1).max())
    steps = np.linspace(0, 1, int(np.ceil(2 * longest / raster.cell_size_m)) + 2)
    along = starts_m[:, None] + steps[:, None] * (ends_m - starts_m)[:, None]
    cells = raster.cells_of(along)
    return np.asarray(gaps[cells[..., 0], cells[..., 1]].any(axis=1))
