"""From cells of a plan to a polygon with few corners."""

from functools import partial

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import ndimage

Corner = tuple[int, int]
_SIDES = (  # of a cell: the neighbour beyond it, and its ends so that the inside lies left
    ((0, -1), (0, 0), (1, 0)),
    ((1, 0), (1, 0), (1, 1)),
    ((0, 1), (1, 1), (0, 1)),
    ((-1, 0), (0, 1), (0, 0)),
)


def outline(cells: Bool[np.ndarray, "x y"], tolerance_cells: float) -> Float64[np.ndarray, "n 2"]:
    """The outer border of the largest part, counter-clockwise, in cells; empty without cells.

    Holes are filled. Corners nearer to the line between their neighbours than the tolerance are
    left out (Douglas and Peucker, Cartographica 1973).
    """
    region = largest_part(ndimage.binary_fill_holes(cells))
    if not region.any():
        return np.zeros((0, 2))
    ring = _ring(region)
    far = int(np.argmax(np.linalg.norm(ring - ring[0], axis=1)))
    first, second = ring[: far + 1], np.concatenate([ring[far:], ring[:1]])
    kept = [_simplified(part, tolerance_cells)[:-1] for part in (first, second)]
    return np.concatenate(kept).astype(np.float64)


def largest_part(cells: Bool[np.ndarray, "x y"]) -> Bool[np.ndarray, "x y"]:
    """The largest part connected by sides."""
    parts, count = ndimage.label(cells)
    if count <= 1:
        return np.asarray(cells, bool)
    sizes = np.bincount(parts.ravel())[1:]
    return np.asarray(parts == 1 + int(np.argmax(sizes)))


def _ring(region: Bool[np.ndarray, "x y"]) -> Int64[np.ndarray, "n 2"]:
    """Corners along the outer border; where two cells touch by a corner, they stay apart."""
    ends: dict[Corner, list[Corner]] = {}
    padded = np.pad(region, 1)
    for (dx, dy), (ax, ay), (bx, by) in _SIDES:
        beyond = padded[1 + dx : padded.shape[0] - 1 + dx, 1 + dy : padded.shape[1] - 1 + dy]
        for x, y in np.argwhere(region & ~beyond).tolist():
            ends.setdefault((x + ax, y + ay), []).append((x + bx, y + by))
    start = min(ends)
    ring, at, before = [start], ends[start][0], start
    while at != start:
        ring.append(at)
        here = ends[at]
        sharpest = here[0] if len(here) == 1 else max(here, key=partial(_turn, before, at))
        before, at = at, sharpest
    return np.array(ring, np.int64)


def _turn(before: Corner, at: Corner, after: Corner) -> int:
    """1 for a turn to the left, 0 straight on, -1 to the right: left keeps to the same cell."""
    return (at[0] - before[0]) * (after[1] - at[1]) - (at[1] - before[1]) * (after[0] - at[0])


def _simplified(points: Int64[np.ndarray, "n 2"], tolerance: float) -> Int64[np.ndarray, "m 2"]:
    kept = {0, len(points) - 1}
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        away = _away(points[first : last + 1])
        worst = int(np.argmax(away))
        if away[worst] > tolerance:
            kept.add(first + worst)
            spans += [(first, first + worst), (first + worst, last)]
    return points[sorted(kept)]


def _away(points: Int64[np.ndarray, "n 2"]) -> Float64[np.ndarray, " n"]:
    """Distances from the line through the ends; from the first where both are the same."""
    along, offset = points[-1] - points[0], points - points[0]
    length = float(np.hypot(*along))
    if length == 0:
        return np.asarray(np.linalg.norm(offset, axis=1))
    return np.asarray(np.abs(along[0] * offset[:, 1] - along[1] * offset[:, 0]) / length)


def polygon_area(points: Float64[np.ndarray, "n 2"]) -> float:
    """Shoelace formula; above 0 counter-clockwise."""
    if len(points) < 3:
        return 0.0
    x, y = points.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
