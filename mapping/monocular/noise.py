"""How uncertain estimated depth is, and how obliquely surfaces are seen."""

import numpy as np
from jaxtyping import Float32

_FLATTEST_COS = 0.1  # 84°: predicted normals are not known better than a few degrees


def log_depth_sigma(
    depth_m: Float32[np.ndarray, "h w"], sigma_m: float, per_square: float
) -> Float32[np.ndarray, "h w"]:
    """Deviation of log depth, ``(sigma_m + per_square · z²) / z``.

    The form of a triangulated depth: what an image shows of depth is a difference of inverse
    depths, and a fixed error of 1/z is one of z² in z.
    """
    return np.asarray(np.float32(sigma_m) / depth_m + np.float32(per_square) * depth_m)


def cos_incidence(
    normals: Float32[np.ndarray, "h w 3"], rays: Float32[np.ndarray, "h w 3"]
) -> Float32[np.ndarray, "h w"]:
    """Cosine of the angle at which a surface is seen, 1 head-on or where no normal is known."""
    toward = -np.einsum("hwc,hwc->hw", normals, rays) / np.linalg.norm(rays, axis=2)
    known = np.any(normals != 0, axis=2)
    return np.where(known, np.clip(toward, np.float32(_FLATTEST_COS), 1), np.float32(1))
