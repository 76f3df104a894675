"""What motion looks at of a frame: points of every few pixels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int32, Shaped


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

    def points_at(self, mask: Bool[np.ndarray, "h w"]) -> Float64[np.ndarray, "n 3"]:
        """World points of a mask, row by row."""
        return rows_at(self.points_m, mask)

    def voxels_at(self, mask: Bool[np.ndarray, "h w"]) -> Int32[np.ndarray, "n 3"]:
        """Voxels that a mask's points lie in, row by row."""
        return rows_at(self.voxels, mask)


def rows_at(image: Shaped[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"]) -> np.ndarray:
    """``image[mask]``, which takes five times as long."""
    return image.reshape(-1, 3).take(np.flatnonzero(mask), axis=0)


def spread_m(points_m: Float[np.ndarray, "n *axes"]) -> Float64[np.ndarray, "2 *axes"]:
    """The 2nd and 98th percentile of at least one point, as ``numpy.percentile`` has them."""
    ordered = np.sort(points_m, axis=0)
    found = []
    for share in (0.02, 0.98):
        place = share * (len(ordered) - 1)
        below, above = ordered[int(place)], ordered[min(int(place) + 1, len(ordered) - 1)]
        part, step = place - int(place), above - below
        found.append(below + step * part if part < 0.5 else above - step * (1 - part))
    return np.asarray(found)


def is_level(points_m: Float64[np.ndarray, "h w 3"], up_cosine: float) -> Bool[np.ndarray, "h w"]:
    """Surface that faces up or down, by the points beside it; ``up_cosine`` of its tilt."""
    planes = np.ascontiguousarray(points_m.transpose(2, 0, 1))
    across = [_difference(plane.T).T for plane in planes]
    along = [_difference(plane) for plane in planes]
    x = across[1] * along[2] - across[2] * along[1]
    y = across[2] * along[0] - across[0] * along[2]
    z = across[0] * along[1] - across[1] * along[0]
    return np.asarray(np.abs(z) > up_cosine * np.sqrt(x * x + y * y + z * z))


def _difference(plane: Float64[np.ndarray, "h w"]) -> Float64[np.ndarray, "h w"]:
    """Twice the central difference along the first axis, at the ends twice the one-sided one."""
    found = np.empty_like(plane)
    np.subtract(plane[2:], plane[:-2], out=found[1:-1])
    found[0], found[-1] = 2 * (plane[1] - plane[0]), 2 * (plane[-1] - plane[-2])
    return found
