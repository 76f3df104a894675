"""Pixels that are connected in depth, and pieces of them that are one body."""

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, UInt8
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def connected_pixels(
    depth_m: Float32[np.ndarray, "h w"],
    candidates: Bool[np.ndarray, "h w"],
    step_m: Float32[np.ndarray, "h w"],
) -> Int32[np.ndarray, "h w"]:
    """Numbers from 1 of components of candidates whose neighbours' depths differ by less than
    ``step_m``; 0 elsewhere."""
    height, width = depth_m.shape
    index = np.arange(height * width).reshape(height, width)
    starts, ends = [], []
    for a, b in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        joined = candidates[a] & candidates[b]
        joined &= np.abs(depth_m[a] - depth_m[b]) < step_m[a]
        starts.append(index[a][joined])
        ends.append(index[b][joined])
    start, end = np.concatenate(starts), np.concatenate(ends)
    links = coo_array((np.ones(len(start), bool), (start, end)), (index.size, index.size))
    _, labels = connected_components(links, directed=False)
    numbers = np.zeros(index.size, np.int32)
    chosen = candidates.ravel()
    _, numbers[chosen] = np.unique(labels[chosen], return_inverse=True)
    numbers[chosen] += 1
    return numbers.reshape(height, width)


def joined_bodies(
    points_m: Float64[np.ndarray, "h w 3"],
    pieces: Int32[np.ndarray, "h w"],
    gap_m: float,
    most_wide_m: float,
) -> list[Bool[np.ndarray, "h w"]]:
    """Masks of bodies: pieces whose boxes are no farther apart than the gap are one.

    Two that are wider together than ``most_wide_m``, along x or y, are not.
    """
    numbers = np.unique(pieces[pieces > 0])
    if not len(numbers):
        return []
    boxes = [_bounds(points_m[pieces == number]) for number in numbers]
    lower, upper = (np.stack(corner) for corner in zip(*boxes, strict=True))
    gaps = np.maximum(lower[:, None] - upper[None], lower[None] - upper[:, None]).max(axis=2)
    wide = np.maximum(upper[:, None], upper[None]) - np.minimum(lower[:, None], lower[None])
    is_one = (gaps < gap_m) & (wide[..., :2].max(axis=2) <= most_wide_m)
    _, body = connected_components(coo_array(is_one), directed=False)
    table = np.full(int(pieces.max()) + 1, -1)
    table[numbers] = body
    of_pixel = np.where(pieces > 0, table[pieces], -1)
    return [of_pixel == number for number in range(int(body.max()) + 1)]


def _bounds(
    points_m: Float64[np.ndarray, "n 3"],
) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]:
    return points_m.min(axis=0), points_m.max(axis=0)


def most_common(labels: UInt8[np.ndarray, " n"]) -> int:
    """The label that more than half of the labelled pixels bear, 0 for none."""
    counts = np.bincount(labels)
    counts[0] = 0
    best = int(counts.argmax())
    return best if 2 * counts[best] > counts.sum() else 0
