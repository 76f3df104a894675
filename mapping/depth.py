"""Depth images made fit for fusion."""

import numpy as np
from jaxtyping import Bool, Float32


def clean_depth(
    depth_m: Float32[np.ndarray, "h w"],
    keep: Bool[np.ndarray, "h w"] | None,
    min_depth_m: float,
    max_depth_m: float,
) -> Float32[np.ndarray, "h w"]:
    """The depth with 0 where it is no measurement, out of range, or not to be kept."""
    with np.errstate(invalid="ignore"):
        usable = (depth_m >= min_depth_m) & (depth_m <= max_depth_m)
    if keep is not None:
        usable &= keep
    return np.where(usable, depth_m, np.float32(0))


def without_flying_pixels(
    depth_m: Float32[np.ndarray, "h w"], relative_step: float
) -> Float32[np.ndarray, "h w"]:
    """The depth without the pixels that hang between a near and a far surface.

    A pixel flies when, along a row or a column, it is ``relative_step`` of its depth behind
    one neighbour and as much in front of the opposite one.
    """
    step = depth_m * np.float32(relative_step)
    flies = np.zeros(depth_m.shape, np.bool_)
    flies[:, 1:-1] = _between(depth_m[:, :-2], depth_m[:, 1:-1], depth_m[:, 2:], step[:, 1:-1])
    flies[1:-1] |= _between(depth_m[:-2], depth_m[1:-1], depth_m[2:], step[1:-1])
    return np.where(flies, np.float32(0), depth_m)


def _between(
    before: Float32[np.ndarray, "h w"],
    here: Float32[np.ndarray, "h w"],
    after: Float32[np.ndarray, "h w"],
    step: Float32[np.ndarray, "h w"],
) -> Bool[np.ndarray, "h w"]:
    rises = (here - before > step) & (after - here > step) & (before > 0)
    falls = (before - here > step) & (here - after > step) & (after > 0)
    return np.asarray(rises | falls)
