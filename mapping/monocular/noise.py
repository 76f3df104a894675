"""How uncertain estimated depth is."""

import numpy as np
from jaxtyping import Float32


def log_depth_sigma(
    depth_m: Float32[np.ndarray, "h w"], sigma_m: float, per_square: float
) -> Float32[np.ndarray, "h w"]:
    """Deviation of log depth, ``(sigma_m + per_square · z²) / z``.

    The form of a triangulated depth: what an image shows of depth is a difference of inverse
    depths, and a fixed error of 1/z is one of z² in z.
    """
    return np.asarray(np.float32(sigma_m) / depth_m + np.float32(per_square) * depth_m)
