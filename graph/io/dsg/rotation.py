"""Turns of boxes that survive spark_dsg, which keeps them as single-precision matrices."""

import math

import numpy as np

_TRIES = 4000  # a few do, but close to no turn at all stable numbers lie far apart


def stable_quat_of_yaw(yaw_rad: float) -> tuple[float, float, float, float]:
    """A box's turn about z as a quaternion (w, x, y, z) that the library saves as it loaded it.

    Going through a matrix and back moves most quaternions by a rounding; this takes the nearest
    that stays put, 2e-4 rad away at the very most. A box looks the same after half a turn, so
    the result lies within a quarter turn of zero.
    """
    half_rad = math.remainder(yaw_rad, math.pi) / 2
    exact = np.float32(math.sin(half_rad))
    for step in range(_TRIES):
        nudge = ((step + 1) // 2) ** 2 * (1 if step % 2 else -1)
        z = exact + np.float32(nudge) * np.spacing(exact)
        w = _through_matrix(np.float32(math.cos(half_rad)), z)[0]
        if _through_matrix(w, z) == (w, z):
            break
    return float(w), 0.0, 0.0, float(z)


def _through_matrix(w: np.float32, z: np.float32) -> tuple[np.float32, np.float32]:
    """Quaternion to matrix to quaternion (Shepperd 1978, positive trace), all in float32."""
    one, half = np.float32(1), np.float32(0.5)
    cos = one - (z + z) * z
    sin = (z + z) * w
    root = np.sqrt(cos + (cos + one) + one)
    return half * root, (sin + sin) * (half / root)
