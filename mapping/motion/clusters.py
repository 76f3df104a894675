"""Pixels that are connected in depth, and pieces of them that are one body."""

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt8
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hydra_mono.mapping.motion.scene import rows_at


def connected_pixels(
    depth_m: Float32[np.ndarray, "h w"],
    candidates: Bool[np.ndarray, "h w"],
    step_m: Float32[np.ndarray, "h w"],
) -> Int32[np.ndarray, "h w"]:
    """Numbers from 1 of components of candidates whose neighbours' depths differ by less than
    ``step_m``; 0 elsewhere."""
    height, width = depth_m.shape
    doubled = np.zeros((2 * height - 1, 2 * width - 1), bool)  # pixels, and between them links
    doubled[::2, ::2] = candidates
    right = np.s_[:, :-1], np.s_[:, 1:], doubled[::2, 1::2]
    down = np.s_[:-1], np.s_[1:], doubled[1::2, ::2]
    for a, b, links in (right, down):
        links[:] = candidates[a] & candidates[b]
        links &= np.abs(depth_m[a] - depth_m[b]) < step_m[a]
    numbers, _ = ndimage.label(doubled)
    return np.ascontiguousarray(numbers[::2, ::2])


def numbers_of(pieces: Int32[np.ndarray, "h w"]) -> Int64[np.ndarray, " n"]:
    """The numbers from 1 that come up, ascending."""
    return np.flatnonzero(np.bincount(pieces.ravel())[1:]) + 1


def joined_bodies(
    points_m: Float64[np.ndarray, "h w 3"],
    pieces: Int32[np.ndarray, "h w"],
    gap_m: float,
    most_wide_m: float,
) -> list[Bool[np.ndarray, "h w"]]:
    """Masks of bodies: pieces whose boxes are no farther apart than the gap are one.

    Two that are wider together than ``most_wide_m``, along x or y, are not.
    """
    numbers = numbers_of(pieces)
    if not len(numbers):
        return []
    boxes = [_bounds(rows_at(points_m, pieces == number)) for number in numbers]
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
