"""From the camera an image was taken with to the pinhole camera its frame is given in."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32, Shaped, UInt8
from scipy import sparse

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.documents import finite, shortened, whole
from hydra_mono.core.files.images import MOST_PIXELS
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays

Distortion = tuple[float, float, float, float, float]

_FOCAL = 0.1, 20.0  # of the image's width: views of 157° to 3°
_MOST_ANISOTROPY = 2.0  # fx to fy; images squeezed to half exist, more do not
_MOST_DISTORTION = 100.0  # coefficients of narrow lenses reach 50
_BLOCK = 1 << 20  # pixels whose positions are computed at once: 100 MB
_FARTHEST_PX = 1e9  # an int32 holds it


def checked_camera(camera: Intrinsics, where: Path | str) -> Intrinsics:
    """The same intrinsics, when they can belong to images of their size.

    Raises:
        DataError: the size is none that is read, a focal length is not positive or out of
            proportion, or the principal point is near no centre.
    """
    width, height = camera.width, camera.height
    if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS // width):
        raise DataError(f"{where}: images of {width}×{height} pixels; at most 4096×4096 are read")
    is_central = 0.1 < camera.cx / width < 0.9 and 0.1 < camera.cy / height < 0.9
    has_lens = _FOCAL[0] <= camera.fx / width <= _FOCAL[1] and camera.fy > 0
    if has_lens and is_central and 1 / _MOST_ANISOTROPY < camera.fx / camera.fy < _MOST_ANISOTROPY:
        return camera
    raise DataError(
        f"{where}: fx {camera.fx:g}, fy {camera.fy:g}, cx {camera.cx:g}, cy {camera.cy:g} do not "
        f"fit images of {width}×{height} pixels; give the intrinsics of the images as stored"
    )


def camera_of_document(values: object, where: Path | str) -> Intrinsics:
    """Intrinsics of a YAML or JSON mapping with ``width height fx fy cx cy``.

    Raises:
        DataError: a key is missing, or a value is no number or does not fit the others.
    """
    try:
        if not isinstance(values, dict):
            raise ValueError(f"found {shortened(repr(values))}")
        fx, fy, cx, cy = (finite(values[key]) for key in ("fx", "fy", "cx", "cy"))
        size = whole(values["width"]), whole(values["height"])
    except (KeyError, ValueError) as error:
        raise DataError(f"{where}: expected width height fx fy cx cy ({error})") from error
    return checked_camera(Intrinsics(fx, fy, cx, cy, *size), where)


def camera_of_matrix(
    matrix: Float64[np.ndarray, "4 4"], size: tuple[int, int], where: Path | str
) -> Intrinsics:
    """Intrinsics of a calibration matrix and an image's (width, height).

    Raises:
        DataError: they do not fit each other.
    """
    fx, fy, cx, cy = (float(matrix[i]) for i in ((0, 0), (1, 1), (0, 2), (1, 2)))
    return checked_camera(Intrinsics(fx, fy, cx, cy, *size), where)


Positions = Float64[np.ndarray, "rows w 2"]


class Resampling:
    """Samples images at fixed positions: bilinear for colour, nearest for depth and labels.

    ``source_px`` gives, for a slice of the rows wanted, the (u, v) of each pixel in the source
    image; ``source`` and ``wanted`` are (width, height). Positions are computed a few rows at
    a time, when the first image comes. Outside the source, depth and labels are 0; colour
    repeats the border's, as depth may well be known a pixel or two farther out than colour.
    """

    def __init__(
        self,
        source_px: Callable[[slice], Positions],
        source: tuple[int, int],
        wanted: tuple[int, int],
    ) -> None:
        self._source_px = source_px
        self._width, self._height = source
        self._wanted = wanted[1], wanted[0]

    def color(self, rgb: UInt8[np.ndarray, "y x 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """Bilinear interpolation, rounded."""
        flat = self._bilinear @ rgb.reshape(-1, 3).astype(np.float32)
        return np.asarray((flat + 0.5).astype(np.uint8).reshape(*self._wanted, 3))

    def nearest(self, image: Shaped[np.ndarray, "y x"]) -> Shaped[np.ndarray, "h w"]:
        """The nearest pixel, unchanged."""
        picked = image.reshape(-1)[np.maximum(self._nearest, 0)]
        return np.asarray(np.where(self._nearest >= 0, picked, image.dtype.type(0)))

    def _positions(self) -> Iterator[tuple[slice, Positions]]:
        """Blocks of rows with their positions, which are finite."""
        rows_at_once = max(1, _BLOCK // self._wanted[1])
        for first in range(0, self._wanted[0], rows_at_once):
            rows = slice(first, min(first + rows_at_once, self._wanted[0]))
            source_px = self._source_px(rows)
            if not (np.abs(source_px) < _FARTHEST_PX).all():
                raise DataError("the camera's distortion takes pixels to no place in its image")
            yield rows, source_px

    @cached_property
    def _nearest(self) -> Int32[np.ndarray, "h w"]:
        """Index of the nearest source pixel, -1 outside."""
        index = np.empty(self._wanted, np.int32)
        margin = 0.5  # the outer half of a border pixel still belongs to it
        for rows, source_px in self._positions():
            u, v = source_px[..., 0], source_px[..., 1]
            inside = (u >= -margin) & (u < self._width - 1 + margin)
            inside &= (v >= -margin) & (v < self._height - 1 + margin)
            column = np.clip(np.floor(u + 0.5), 0, self._width - 1)
            row = np.clip(np.floor(v + 0.5), 0, self._height - 1)
            index[rows] = np.where(inside, row * self._width + column, -1)
        return index

    @cached_property
    def _bilinear(self) -> Any:
        """Interpolation as a sparse matrix from source pixels to wanted ones, built once."""
        count = self._wanted[0] * self._wanted[1]
        weights = np.empty((count, 4), np.float32)
        columns = np.empty((count, 4), np.int32)
        step_x, step_y = int(self._width > 1), self._width * int(self._height > 1)
        corners = np.array([0, step_x, step_y, step_x + step_y])
        for rows, source_px in self._positions():
            part = slice(rows.start * self._wanted[1], rows.stop * self._wanted[1])
            u = np.clip(source_px[..., 0].reshape(-1), 0, self._width - 1)
            v = np.clip(source_px[..., 1].reshape(-1), 0, self._height - 1)
            left = np.clip(np.floor(u), 0, max(self._width - 2, 0))
            top = np.clip(np.floor(v), 0, max(self._height - 2, 0))
            right_part, bottom_part = u - left, v - top
            weights[part, 0] = (1 - right_part) * (1 - bottom_part)
            weights[part, 1] = right_part * (1 - bottom_part)
            weights[part, 2] = (1 - right_part) * bottom_part
            weights[part, 3] = right_part * bottom_part
            columns[part] = (top * self._width + left).astype(np.int32)[:, None] + corners
        starts = np.arange(0, 4 * count + 1, 4, dtype=np.int32)
        return sparse.csr_array(
            (weights.reshape(-1), columns.reshape(-1), starts),
            shape=(count, self._width * self._height),
        )


def _rays(camera: Intrinsics, rows: slice) -> Float64[np.ndarray, "rows w 3"]:
    """``camera_rays`` of some rows."""
    part = camera.cropped(0, rows.start, camera.width, rows.stop - rows.start)
    return camera_rays(part).astype(np.float64)


def undistortion(camera: Intrinsics, distortion: Distortion) -> Resampling:
    """Takes the images of a distorting lens to the pinhole camera with the same matrix.

    ``distortion`` is (k1, k2, p1, p2, k3) of Brown's model (Photogrammetric Engineering, 1966):
    radial polynomial in r², r⁴, r⁶ and decentring terms.
    """
    k1, k2, p1, p2, k3 = distortion

    def source_px(rows: slice) -> Positions:
        rays = _rays(camera, rows)
        x, y = rays[..., 0], rays[..., 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        bent_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        bent_y = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        return np.stack([camera.fx * bent_x + camera.cx, camera.fy * bent_y + camera.cy], axis=-1)

    size = camera.width, camera.height
    return Resampling(source_px, size, size)


def checked_distortion(values: Sequence[float], where: Path | str) -> Distortion:
    """(k1, k2, p1, p2, k3), when a lens can be so; missing ones at the end are 0.

    Raises:
        DataError: one is not finite or larger than that of any lens.
    """
    padded = [*values, *(0.0,) * (5 - len(values))]
    if len(padded) != 5 or not all(abs(value) <= _MOST_DISTORTION for value in padded):
        shown = " ".join(f"{value:g}" for value in values)
        raise DataError(f"{where}: expected distortion k1 k2 p1 p2 k3 of a lens, found {shown}")
    k1, k2, p1, p2, k3 = padded
    return k1, k2, p1, p2, k3


def same_ray(source: Intrinsics, wanted: Intrinsics) -> Resampling:
    """Takes the images of one camera to another at the same place, ray by ray."""

    def source_px(rows: slice) -> Positions:
        rays = _rays(wanted, rows)
        u = source.fx * rays[..., 0] + source.cx
        v = source.fy * rays[..., 1] + source.cy
        return np.stack([u, v], axis=-1)

    return Resampling(source_px, (source.width, source.height), (wanted.width, wanted.height))
