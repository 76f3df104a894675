"""From the camera an image was taken with to the pinhole camera its frame is given in."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped, UInt8
from scipy import sparse

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays


def checked_camera(camera: Intrinsics, where: Path | str) -> Intrinsics:
    """The same intrinsics, when they can belong to images of their size.

    Raises:
        DataError: a focal length is not positive, or the principal point is near no centre.
    """
    width, height = camera.width, camera.height
    is_central = 0.1 < camera.cx / width < 0.9 and 0.1 < camera.cy / height < 0.9
    if 0 < camera.fx < np.inf and 0 < camera.fy < np.inf and is_central:
        return camera
    raise DataError(
        f"{where}: fx {camera.fx:g}, fy {camera.fy:g}, cx {camera.cx:g}, cy {camera.cy:g} do not "
        f"fit images of {width}×{height} pixels; give the intrinsics of the images as stored"
    )


def camera_of_matrix(
    matrix: Float64[np.ndarray, "4 4"], size: tuple[int, int], where: Path | str
) -> Intrinsics:
    """Intrinsics of a calibration matrix and an image's (width, height).

    Raises:
        DataError: they do not fit each other.
    """
    fx, fy, cx, cy = (float(matrix[i]) for i in ((0, 0), (1, 1), (0, 2), (1, 2)))
    return checked_camera(Intrinsics(fx, fy, cx, cy, *size), where)


class Resampling:
    """Samples images at fixed positions: bilinear for colour, nearest for depth and labels.

    ``source_px`` holds, for each pixel wanted, the (u, v) to look at in a source image of
    ``width`` × ``height``. Outside it depth and labels are 0; colour repeats the border's, as
    depth may well be known a pixel or two farther out than colour.
    """

    def __init__(self, source_px: Float64[np.ndarray, "h w 2"], width: int, height: int) -> None:
        self._source_px = source_px
        self._width, self._height = width, height

    def color(self, rgb: UInt8[np.ndarray, "y x 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """Bilinear interpolation, rounded."""
        flat = self._bilinear @ rgb.reshape(-1, 3).astype(np.float32)
        return np.asarray((flat + 0.5).astype(np.uint8).reshape(*self._source_px.shape[:2], 3))

    def nearest(self, image: Shaped[np.ndarray, "y x"]) -> Shaped[np.ndarray, "h w"]:
        """The nearest pixel, unchanged."""
        picked = image.reshape(-1)[self._nearest]
        return np.asarray(np.where(self._inside, picked, image.dtype.type(0)))

    @cached_property
    def _inside(self) -> Bool[np.ndarray, "h w"]:
        u, v = self._source_px[..., 0], self._source_px[..., 1]
        margin = 0.5  # the outer half of a border pixel still belongs to it
        inside_u = (u >= -margin) & (u < self._width - 1 + margin)
        return np.asarray(inside_u & (v >= -margin) & (v < self._height - 1 + margin))

    @cached_property
    def _nearest(self) -> Int64[np.ndarray, "h w"]:
        u = np.clip(np.floor(self._source_px[..., 0] + 0.5), 0, self._width - 1)
        v = np.clip(np.floor(self._source_px[..., 1] + 0.5), 0, self._height - 1)
        return np.asarray((v * self._width + u).astype(np.int64))

    @cached_property
    def _bilinear(self) -> Any:
        """Interpolation as a sparse matrix from source pixels to wanted ones, built once."""
        u = np.clip(self._source_px[..., 0].reshape(-1), 0, self._width - 1)
        v = np.clip(self._source_px[..., 1].reshape(-1), 0, self._height - 1)
        left = np.clip(np.floor(u), 0, max(self._width - 2, 0))
        top = np.clip(np.floor(v), 0, max(self._height - 2, 0))
        right_part, bottom_part = u - left, v - top
        weights = np.stack(
            [
                (1 - right_part) * (1 - bottom_part),
                right_part * (1 - bottom_part),
                (1 - right_part) * bottom_part,
                right_part * bottom_part,
            ],
            axis=1,
        )
        step_x, step_y = int(self._width > 1), self._width * int(self._height > 1)
        corners = np.array([0, step_x, step_y, step_x + step_y])
        columns = (top * self._width + left).astype(np.int32)[:, None] + corners.astype(np.int32)
        starts = np.arange(0, 4 * len(u) + 1, 4, dtype=np.int32)
        return sparse.csr_array(
            (weights.astype(np.float32).reshape(-1), columns.reshape(-1), starts),
            shape=(len(u), self._width * self._height),
        )


def undistortion(
    camera: Intrinsics, distortion: tuple[float, float, float, float, float]
) -> Resampling:
    """Takes the images of a distorting lens to the pinhole camera with the same matrix.

    ``distortion`` is (k1, k2, p1, p2, k3) of Brown's model (Photogrammetric Engineering, 1966):
    radial polynomial in r², r⁴, r⁶ and decentring terms.
    """
    k1, k2, p1, p2, k3 = distortion
    rays = camera_rays(camera).astype(np.float64)
    x, y = rays[..., 0], rays[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    bent_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    bent_y = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    source = [camera.fx * bent_x + camera.cx, camera.fy * bent_y + camera.cy]
    return Resampling(np.stack(source, axis=-1), camera.width, camera.height)


def same_ray(source: Intrinsics, wanted: Intrinsics) -> Resampling:
    """Takes the images of one camera to another at the same place, ray by ray."""
    rays = camera_rays(wanted).astype(np.float64)
    u = source.fx * rays[..., 0] + source.cx
    v = source.fy * rays[..., 1] + source.cy
    return Resampling(np.stack([u, v], axis=-1), source.width, source.height)
