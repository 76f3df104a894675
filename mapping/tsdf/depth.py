"""Depth images made fit for fusion."""

import numpy as np
from jaxtyping import Bool, Float32, Int32

_STEEPEST = 15.0  # depth over width: tan 86°, where depth cameras measure nothing any more


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
    bits = np.ascontiguousarray(depth_m).view(np.int32) & -usable.astype(np.int32)
    return np.asarray(bits.view(np.float32))  # as ``where`` has it, in a third of its time


def flying_pixels(
    depth_m: Float32[np.ndarray, " p"], pixel: Int32[np.ndarray, " n"], stride: int, focal_px: float
) -> Bool[np.ndarray, " n"]:
    """Which pixels lie between a near and a far surface, as those of blurred depth edges do.

    Their depth rises, or falls, on both sides along the row or the column, and faster than any
    surface that could have been measured. ``depth_m`` is flat, ``stride`` pixels to a row, and
    has neighbours for every one of ``pixel``.
    """
    here = depth_m.take(pixel)
    step = here * np.float32(_STEEPEST / focal_px)
    result = np.zeros(len(pixel), np.bool_)
    for offset in (1, stride):
        before, after = depth_m.take(pixel - offset), depth_m.take(pixel + offset)
        rise, next_rise = here - before, after - here
        steep = np.minimum(np.abs(rise), np.abs(next_rise)) > step
        result |= steep & ((rise > 0) == (next_rise > 0)) & (before > 0) & (after > 0)
    return result
