"""What motion looks at of a frame: points of every few pixels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame's depth at the detector's stride: points in world metres, ``valid`` where one is.

    ``cell_rad``: angle from one pixel looked at to the next, in the image's middle.
    """

    stride_px: int
    cell_rad: float
    points_m: Float64[np.ndarray, "h w 3"]
    depth_m: Float32[np.ndarray, "h w"]
    valid: Bool[np.ndarray, "h w"]
    voxels: Int32[np.ndarray, "h w 3"]
    sigma_m: Float32[np.ndarray, "h w"]

    def strided(self, image: np.ndarray) -> np.ndarray:
        """An image of the frame's size, at the scene's."""
        return image[:: self.stride_px, :: self.stride_px]


def is_level(points_m: Float64[np.ndarray, "h w 3"], up_cosine: float) -> Bool[np.ndarray, "h w"]:
    """Surface that faces up or down, by the points beside it; ``up_cosine`` of its tilt."""
    across, along = np.gradient(points_m, axis=1), np.gradient(points_m, axis=0)
    normal = np.cross(across, along)
    length = np.linalg.norm(normal, axis=2)
    return np.asarray(np.abs(normal[..., 2]) > up_cosine * length)
