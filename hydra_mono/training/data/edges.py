"""Borders of things from all that an image's truth holds: labels, instances, depth."""

import numpy as np
from jaxtyping import Bool, Float32, UInt8, UInt16
from scipy import ndimage

from hydra_mono.training.samples import NO_EDGE_KNOWN

DEPTH_STEP = 0.08  # relative; more between neighbours is an edge


def edge_map(
    labels: UInt8[np.ndarray, "h w"],
    instances: UInt16[np.ndarray, "h w"] | None,
    depth_m: Float32[np.ndarray, "h w"],
) -> UInt8[np.ndarray, "h w"]:
    """1 where a pixel's right or lower neighbour is another thing, or much nearer or farther.

    255 where that cannot be told: no step in depth, and the pixel or a neighbour without a label.
    """
    border = np.zeros(labels.shape, bool)
    doubt = labels == 0
    for axis in (0, 1):
        first, second = _neighbours(labels, axis)
        is_known = (first > 0) & (second > 0)
        is_other = first != second
        if instances is not None:
            is_other |= np.not_equal(*_neighbours(instances, axis))
        part = slice(first.shape[0]), slice(first.shape[1])
        border[part] |= (is_other & is_known) | _jumps(depth_m, axis)
        doubt[part] |= ~is_known
    return np.where(border, np.uint8(1), np.where(doubt, np.uint8(NO_EDGE_KNOWN), np.uint8(0)))


def _neighbours(image: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    return (image[:-1], image[1:]) if axis == 0 else (image[:, :-1], image[:, 1:])


def _jumps(depth_m: Float32[np.ndarray, "h w"], axis: int) -> Bool[np.ndarray, "a b"]:
    """A step that a plane does not explain: second differences count, slopes do not."""
    first, second = _neighbours(depth_m, axis)
    bend = np.abs(ndimage.correlate1d(depth_m, [1.0, -2.0, 1.0], axis=axis, mode="nearest"))
    is_measured = ndimage.minimum_filter1d(depth_m, 3, axis=axis, mode="nearest") > 0
    bend = np.maximum(*_neighbours(np.where(is_measured, bend, 0), axis))
    nearer = np.minimum(first, second)
    step = DEPTH_STEP * nearer
    return np.asarray((nearer > 0) & (np.abs(first - second) > step) & (bend > step))
