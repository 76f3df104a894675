"""What a structured-light depth camera makes of true depth."""

import numpy as np
from jaxtyping import Bool, Float32

RANGE_M = (0.4, 8.0)
GRAZING_COS = 0.12  # surfaces seen flatter than this return nothing
BORDER_JUMP = 0.05  # relative step in depth that makes an occlusion border
BORDER_DROPOUT = 0.35
SHIFT_PX = 0.5  # lateral deviation
DISPARITY_M_PX = 575.8 * 0.075  # focal length times baseline of the first Kinect
DISPARITY_STEPS = 8  # to the pixel


def kinect_depth(
    rng: np.random.Generator,
    depth_m: Float32[np.ndarray, "h w"],
    cosine: Float32[np.ndarray, "h w"],
) -> Float32[np.ndarray, "h w"]:
    """Noisy planar depth, 0 where the sensor would see nothing.

    Axial deviation 0.0012 + 0.0019 (z − 0.4)² m and lateral shifts of half a pixel after Nguyen,
    Izadi and Lovell (3DIMPVT 2012); disparity in steps of 1/8 px after Khoshelham and Elberink
    (Sensors 2012). ``cosine`` is that of the angle between the ray and the surface's normal.
    """
    lost = (cosine < GRAZING_COS) | _dropouts(rng, depth_m)
    noisy = _shifted(rng, depth_m)
    sigma = np.float32(0.0012) + np.float32(0.0019) * (noisy - np.float32(0.4)) ** 2
    noisy += sigma * rng.standard_normal(noisy.shape, dtype=np.float32)
    noisy = _quantised(noisy)
    lost |= (noisy < RANGE_M[0]) | (noisy > RANGE_M[1])
    noisy[lost] = 0
    return noisy


def _quantised(depth_m: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """The nearest depth that a whole number of disparity steps stands for."""
    scale = np.float32(DISPARITY_M_PX * DISPARITY_STEPS)
    steps = np.rint(scale / np.maximum(depth_m, np.float32(0.1)))
    return np.asarray(scale / np.maximum(steps, np.float32(1)), dtype=np.float32)


def _shifted(
    rng: np.random.Generator, depth_m: Float32[np.ndarray, "h w"]
) -> Float32[np.ndarray, "h w"]:
    """Each pixel looks where a neighbour should: normal shifts rounded to whole pixels."""
    height, width = depth_m.shape
    shifts = np.rint(rng.standard_normal((2, height, width), dtype=np.float32) * SHIFT_PX)
    v, u = np.indices((height, width), dtype=np.int32)
    v = np.clip(v + shifts[0].astype(np.int32), 0, height - 1)
    u = np.clip(u + shifts[1].astype(np.int32), 0, width - 1)
    return np.asarray(depth_m.ravel()[v * width + u])


def _dropouts(
    rng: np.random.Generator, depth_m: Float32[np.ndarray, "h w"]
) -> Bool[np.ndarray, "h w"]:
    """Some of the pixels at occlusion borders, and all that hit nothing."""
    border = np.zeros(depth_m.shape, dtype=bool)
    for axis in (0, 1):
        first = depth_m[:-1] if axis == 0 else depth_m[:, :-1]
        second = depth_m[1:] if axis == 0 else depth_m[:, 1:]
        jump = np.abs(first - second) > BORDER_JUMP * np.minimum(first, second)
        if axis == 0:
            border[:-1] |= jump
            border[1:] |= jump
        else:
            border[:, :-1] |= jump
            border[:, 1:] |= jump
    lost = np.flatnonzero(border)
    lost = lost[rng.random(len(lost), dtype=np.float32) < BORDER_DROPOUT]
    result = depth_m <= 0
    result.ravel()[lost] = True
    return np.asarray(result)
