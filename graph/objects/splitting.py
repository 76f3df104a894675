"""Objects of one label that touch, told apart by what a single one cannot look like.

Each cut parts the cells of a cluster in two, and the parts are looked at again. A cut leaves
neither part narrower than its class is at least. Movable objects (chairs) touch at corners or
stand in rows; the others stand side by side.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import ndimage

CELL_M = 0.05  # of the plan and of profiles; voxels of 5 cm show nothing finer
_NECK_CELLS = 2.5  # that a plan is eroded by: contact narrower than 25 cm parts
_SMALLEST_M = 0.3  # least width of movable classes that necks of 25 cm can tell apart
_LUMP = 2.0  # least widths that a lump measures at most; longer ones were seen in patches
_NARROWEST = 0.7  # of the least width, that a part may have: labels at borders hide the rest
_WIDER_THAN_DEEP = 1.4  # least width of what stands in a row, in depths of the row
_STEP_M = 0.09  # between the tops of neighbours, two cells that voxels do not make up
_FLATNESS_M = 0.06  # spread of the tops of one: a cell, and noise
_TAIL = 0.15  # share of the tops at either end of that spread: handles, what stands on one
_LEAST_SLICES = 3  # of a side of a step: fewer have no quantiles
_DIP_M = 0.09  # between the backs of two seats side by side
_DIP_WIDTH_M = 0.5  # of two arms at most
_COMPACT = 1.3  # short sides so many least widths long are of a class of one size
_MULTIPLE = 0.13  # by which a row's length may miss a multiple of its depth
_MOST_PARTS = 12  # of one cluster

Cut = Callable[[Float64[np.ndarray, "n 3"], float], Bool[np.ndarray, " n"] | None]


def split_touching(
    points_m: Float64[np.ndarray, "n 3"], yaw_rad: float, least_width_m: float, *, in_rows: bool
) -> Int64[np.ndarray, " n"]:
    """A number from 0 for each cell's part; ``points_m`` are the cells' middles.

    ``yaw_rad``: how the cluster's surface is turned. ``in_rows``: its class is often put side by
    side, and all of one size. Nothing is split whose class has no known width.
    """
    part = np.zeros(len(points_m), np.int64)
    if least_width_m <= 0 or (in_rows and least_width_m < _SMALLEST_M):
        return part
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    along = points_m @ np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    cuts: list[Cut] = [cut_at_neck, cut_row] if in_rows else [cut_at_step, cut_at_dip]
    waiting = [0]
    while waiting and part.max() < _MOST_PARTS:
        members = np.flatnonzero(part == waiting.pop())
        for cut in cuts:
            is_second = cut(along[members], least_width_m)
            if is_second is not None:
                number = int(part.max()) + 1
                waiting += [int(part[members[0]]), number]
                part[members[is_second]] = number
                break
    return part


def cut_at_neck(
    points_m: Float64[np.ndarray, "n 3"], least_width_m: float
) -> Bool[np.ndarray, " n"] | None:
    """Two lumps, seen from above, joined by little: chairs that touch at a corner."""
    cell = np.floor(points_m[:, :2] / CELL_M).astype(np.int64)
    cell -= cell.min(axis=0)
    plan = np.zeros(cell.max(axis=0) + 1, np.bool_)
    plan[cell[:, 0], cell[:, 1]] = True
    closed = ndimage.binary_closing(np.pad(plan, 4), np.ones((3, 3)), iterations=2)
    whole = ndimage.binary_fill_holes(closed)
    core = ndimage.distance_transform_edt(whole) > _NECK_CELLS
    lumps, count = ndimage.label(core[4:-4, 4:-4], np.ones((3, 3)))
    if count < 2:
        return None
    sizes = np.array(
        [max(s.stop - s.start for s in where) for where in ndimage.find_objects(lumps)]
    )
    wide = np.flatnonzero((sizes + 2 * _NECK_CELLS) * CELL_M >= _NARROWEST * least_width_m) + 1
    if len(wide) < 2:
        return None
    _, nearest = ndimage.distance_transform_edt(~np.isin(lumps, wide), return_indices=True)
    owner = lumps[nearest[0], nearest[1]][cell[:, 0], cell[:, 1]]
    for lump in wide:
        first_m = np.ptp(points_m[owner == lump, :2], axis=0) + CELL_M
        if first_m.max() <= _LUMP * least_width_m:
            return _if_wide(points_m, owner != lump, (0, 1), _NARROWEST * least_width_m)
    return None


def cut_at_step(
    points_m: Float64[np.ndarray, "n 3"], least_width_m: float
) -> Bool[np.ndarray, " n"] | None:
    """Where flat tops of two heights meet: cabinets of different height in a row."""
    for axis in (0, 1):
        deep_m = float(np.ptp(points_m[:, 1 - axis])) + CELL_M
        least_m = max(least_width_m, _WIDER_THAN_DEEP * deep_m)
        if np.ptp(points_m[:, axis]) + 2 * CELL_M < 2 * least_m:
            continue
        start_m, tops = _tops(points_m, axis)
        where = _best_step(tops)
        if where is None:
            continue
        found = _if_wide(points_m, points_m[:, axis] >= start_m + where * CELL_M, (axis,), least_m)
        if found is not None:
            return found
    return None


def _best_step(tops: Float64[np.ndarray, " k"]) -> int | None:
    """The slice before which one flat top ends and another begins; None without such a step."""
    cuts = np.arange(_LEAST_SLICES, len(tops) - _LEAST_SLICES)
    if not len(cuts) or np.ptp(tops) < _STEP_M:
        return None
    middle, spread, error = np.stack(
        [_sides(tops, cuts), _sides(tops[::-1], len(tops) - cuts)], axis=1
    )
    fits = (spread.max(axis=0) <= _FLATNESS_M) & (np.abs(middle[1] - middle[0]) >= _STEP_M)
    if not fits.any():
        return None
    return int(cuts[np.argmin(np.where(fits, error.sum(axis=0), np.inf))])


def _sides(
    tops: Float64[np.ndarray, " k"], counts: Int64[np.ndarray, " c"]
) -> Float64[np.ndarray, "3 c"]:
    """Median, spread between quantiles and summed distance from the median of the first tops.

    A column for each of the counts of tops that are looked at.
    """
    is_of = np.arange(len(tops)) < counts[:, None]
    ordered = np.sort(np.where(is_of, tops, np.inf), axis=1)
    low, median, high = (_quantile(ordered, counts, q) for q in (_TAIL, 0.5, 1 - _TAIL))
    error = np.abs(np.where(is_of, tops - median[:, None], 0.0)).sum(axis=1)
    return np.stack([median, high - low, error])


def _quantile(
    ordered: Float64[np.ndarray, "c k"], counts: Int64[np.ndarray, " c"], quantile: float
) -> Float64[np.ndarray, " c"]:
    """Of the first ``counts`` of each sorted row, interpolated as numpy does."""
    place = quantile * (counts - 1)
    below = np.floor(place).astype(np.int64)
    rows = np.arange(len(ordered))
    low, high = ordered[rows, below], ordered[rows, np.minimum(below + 1, counts - 1)]
    return np.asarray(low + (place - below) * (high - low))


def cut_at_dip(
    points_m: Float64[np.ndarray, "n 3"], least_width_m: float
) -> Bool[np.ndarray, " n"] | None:
    """Where tops dip briefly in the middle: the arms of two armchairs side by side."""
    for axis in (0, 1):
        start_m, tops = _tops(points_m, axis)
        third = len(tops) // 3
        if third < 3:
            continue
        low = tops < min(tops[:third].max(), tops[-third:].max()) - _DIP_M
        middle = np.flatnonzero(low[third:-third]) + third
        if not len(middle) or len(middle) * CELL_M > _DIP_WIDTH_M or np.ptp(middle) >= len(middle):
            continue
        cut_m = start_m + (middle.mean() + 0.5) * CELL_M
        found = _if_wide(points_m, points_m[:, axis] >= cut_m, (axis,), least_width_m)
        if found is not None:
            return found
    return None


def cut_row(
    points_m: Float64[np.ndarray, "n 3"], least_width_m: float
) -> Bool[np.ndarray, " n"] | None:
    """The first of a row whose length is a multiple of its depth: chairs side by side."""
    sizes = np.ptp(points_m[:, :2], axis=0) + CELL_M
    axis = int(np.argmax(sizes))
    short_m, long_m = float(sizes[1 - axis]), float(sizes[axis])
    count = round(long_m / short_m)
    if count < 2 or short_m > _COMPACT * least_width_m:
        return None
    if abs(long_m / (count * short_m) - 1) > _MULTIPLE:
        return None
    cut_m = points_m[:, axis].min() - CELL_M / 2 + long_m / count
    return _if_wide(points_m, points_m[:, axis] >= cut_m, (axis,), _NARROWEST * least_width_m)


def _tops(
    points_m: Float64[np.ndarray, "n 3"], axis: int
) -> tuple[float, Float64[np.ndarray, " k"]]:
    """The lower end along an axis, and the highest cell in each slice from there."""
    start_m = float(points_m[:, axis].min()) - CELL_M / 2
    index = np.floor((points_m[:, axis] - start_m) / CELL_M).astype(np.int64)
    tops = np.full(int(index.max()) + 1, -np.inf)
    np.maximum.at(tops, index, points_m[:, 2])
    return start_m, np.maximum.accumulate(tops) if np.isinf(tops[0]) else _filled(tops)


def _filled(tops: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
    """Slices that no cell lies in are as high as the one before."""
    known = np.maximum.accumulate(np.where(np.isinf(tops), 0, np.arange(len(tops))))
    return np.asarray(tops[known])


def _if_wide(
    points_m: Float64[np.ndarray, "n 3"],
    is_second: Bool[np.ndarray, " n"],
    axes: tuple[int, ...],
    least_m: float,
) -> Bool[np.ndarray, " n"] | None:
    """The cut, unless it leaves a part shorter along one of the axes."""
    for part in (is_second, ~is_second):
        if not part.any():
            return None
        if min(np.ptp(points_m[part, axis]) for axis in axes) + CELL_M < least_m:
            return None
    return is_second
