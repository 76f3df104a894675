"""How much one observation of a voxel counts."""

import numpy as np
from jaxtyping import Float32

_LEAST_CLOSENESS = 0.1  # of a vote at any distance: where nothing closer votes, it decides


def certainty(sigma_m: Float32[np.ndarray, " m"], half_sigma_m: float) -> Float32[np.ndarray, " m"]:
    """1 for a depth without deviation, a half at ``half_sigma_m``."""
    return np.asarray(1 / (1 + (sigma_m / np.float32(half_sigma_m)) ** 2))


def depth_weight(depth_m: Float32[np.ndarray, " m"]) -> Float32[np.ndarray, " m"]:
    """Certainty of a measurement, 1 close by; the noise of Nguyen et al. (3DIMPVT 2012)."""
    sigma_m = np.float32(0.0012) + np.float32(0.0019) * (depth_m - np.float32(0.4)) ** 2
    return certainty(sigma_m, 0.01)


def expected_sdf_m(
    stored_m: Float32[np.ndarray, " m"],
    stored_weight: Float32[np.ndarray, " m"],
    seen_m: Float32[np.ndarray, " m"],
    tolerance_m: float,
) -> Float32[np.ndarray, " m"]:
    """The distance that sets an observation's weight: the mean so far, where the two agree.

    By its own distance, noise that puts a voxel farther behind the surface would count for less
    than noise that brings it nearer, and surfaces would recede. What differs from the mean by
    ``tolerance_m`` or more is of another surface, though, and has only itself to go by.
    """
    agrees = (stored_weight > 0) & (np.abs(stored_m - seen_m) < np.float32(tolerance_m))
    return np.where(agrees, stored_m, seen_m)


def closeness(sdf_m: Float32[np.ndarray, " m"], reach_m: float) -> Float32[np.ndarray, " m"]:
    """Weight of a label for a voxel: 1 on the surface, little at ``reach_m`` from it.

    A voxel before or behind a surface is seen against what lies beside it there, the farther
    off the more so.
    """
    near = 1 - np.abs(sdf_m) / np.float32(reach_m)
    return np.asarray(np.maximum(near, np.float32(_LEAST_CLOSENESS)))
