"""Pixels whose depth lies between that of a near and of a far surface."""

import numpy as np
from jaxtyping import Bool, Float32
from scipy.ndimage import maximum_filter, minimum_filter

_END = 0.1  # of a step; a pixel nearer to one of its ends belongs to that surface


def between_surfaces(
    log_depth: Float32[np.ndarray, "h w"],
    slope: Float32[np.ndarray, "h w"],
    edges: Float32[np.ndarray, "h w"] | None,
    *,
    window_px: int,
    step: float,
    edge_step: float,
) -> Bool[np.ndarray, "h w"]:
    """Where a blurred step of depth lies, which shows surface that is not there.

    There log depth differs within the window by ``step`` more than ``slope``, its expected
    change per pixel, explains (by ``edge_step`` more where an edge is certain, by something
    between where one is likely), and the pixel is near neither end of it.
    """
    far, near = maximum_filter(log_depth, window_px), minimum_filter(log_depth, window_px)
    limit = np.full(log_depth.shape, step, np.float32)
    if edges is not None:
        limit += np.float32(edge_step - step) * edges
    end = np.float32(_END) * (far - near)
    ramp = (far - log_depth > end) & (log_depth - near > end)
    return np.asarray(ramp & (far - near - slope * np.float32(window_px - 1) > limit))
