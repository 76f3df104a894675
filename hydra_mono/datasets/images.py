"""A frame's images as arrays: colour, depth in metres, label numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float32, UInt8, UInt16, UInt32

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files import images
from hydra_mono.core.files.images import ImageSizeError
from hydra_mono.core.source import Need

SATURATED = 65535  # a 16-bit depth pixel at its ceiling is no measurement
_SATURATED_SHARE = 0.9  # of an image; more and the sensor was blinded
_UNITS = 1.0, 1e6  # depth units a metre: from metres to micrometres

Raw = UInt16[np.ndarray, "h w"] | UInt32[np.ndarray, "h w"]
Size = tuple[int, int]
_Image = TypeVar("_Image")


def if_needed(need: Need, read: Callable[[], _Image]) -> _Image | None:
    """What ``read`` gives; None where it is not used, or is optional and cannot be read.

    Raises:
        BadFrameError: it is required and cannot be read.
    """
    if need == "unused":
        return None
    try:
        return read()
    except BadFrameError:
        if need == "required":
            raise
        return None


def read_rgb(
    image: Path | bytes, frame: str, where: str = "", size: Size | None = None
) -> UInt8[np.ndarray, "h w 3"]:
    """A colour image from a file or from its encoded bytes (then ``where`` names it).

    Raises:
        BadFrameError: ``missing-file``, ``unreadable-image`` or ``wrong-size``.
    """
    return _framed(lambda: images.read_color(image, where, size=size), image, frame)


def read_integers(
    image: Path | bytes, frame: str, where: str = "", size: Size | None = None
) -> Raw:
    """A one-channel image of 8 to 32 bits, negative numbers as 0; a palette gives its indices.

    Raises:
        BadFrameError: ``missing-file``, ``unreadable-image`` or ``wrong-size``.
    """
    return _integers(_pixels(image, frame, where, size), frame, where or _name_of(image))


def read_metres(
    path: Path, frame: str, units_per_m: float = 1000.0, size: Size | None = None
) -> Float32[np.ndarray, "h w"]:
    """A one-channel image of float metres (TIFF), or of whole numbers of ``units_per_m``.

    Raises:
        BadFrameError: as ``read_integers``, or ``saturated-depth``.
    """
    pixels = _pixels(path, frame, "", size)
    if pixels.ndim == 2 and pixels.dtype.kind == "f":
        is_measured = np.isfinite(pixels) & (pixels > 0)
        return np.where(is_measured, pixels, 0).astype(np.float32)
    return depth_from_raw(_integers(pixels, frame, str(path)), units_per_m, frame)


def depth_from_raw(raw: Raw, units_per_m: float, frame: str) -> Float32[np.ndarray, "h w"]:
    """Metres of a depth image; 0 means no measurement, and 65535 in one of 16 bits.

    Raises:
        BadFrameError: ``saturated-depth``, nearly every pixel is 65535.
    """
    if raw.dtype != np.uint16:
        return metres_without(raw, np.zeros(raw.shape, bool), units_per_m)
    saturated = raw == SATURATED
    if saturated.mean() > _SATURATED_SHARE:
        raise BadFrameError(frame, "saturated-depth", f"{saturated.mean():.0%} of pixels are 65535")
    return metres_without(raw, saturated, units_per_m)


def metres_without(
    raw: Raw, invalid: Bool[np.ndarray, "h w"], units_per_m: float
) -> Float32[np.ndarray, "h w"]:
    """Raw depth in metres, 0 at ``invalid``."""
    depth_m = raw.astype(np.float32) / np.float32(units_per_m)
    depth_m[invalid] = 0.0
    return depth_m


def checked_units(units_per_m: float, where: Path | str) -> float:
    """Depth units a metre, when they can be.

    Raises:
        DataError: they are not a number from 1 to 1,000,000.
    """
    if _UNITS[0] <= units_per_m <= _UNITS[1]:
        return units_per_m
    raise DataError(
        f"{where}: expected depth units per metre such as 1000 or 5000, found {units_per_m:g}"
    )


def first_size(paths: list[Path]) -> Size:
    """Width and height of the first image whose header can be read.

    Raises:
        DataError: there is none.
    """
    for path in paths:
        try:
            return images.image_size(path)
        except DataError:
            continue
    where = f"of the {len(paths)} images like {paths[0]}" if paths else "(there are none)"
    raise DataError(f"no image can be read {where}")


def _pixels(image: Path | bytes, frame: str, where: str, size: Size | None) -> np.ndarray:
    return _framed(lambda: images.read_image(image, where, size=size), image, frame)


def _integers(pixels: np.ndarray, frame: str, where: str) -> Raw:
    if pixels.ndim != 2 or pixels.dtype.kind not in "ui":
        channels = f"{pixels.shape[2]} channels" if pixels.ndim == 3 else "one channel"
        detail = f"{where}: expected one channel of whole numbers, found {channels} of"
        raise BadFrameError(frame, "unreadable-image", f"{detail} {pixels.dtype}")
    if pixels.dtype.kind == "i":
        pixels = np.maximum(pixels, 0)
    if pixels.dtype.itemsize > 2 and int(pixels.max(initial=0)) > SATURATED:
        return pixels.astype(np.uint32)
    return pixels.astype(np.uint16, copy=False)


def _framed(read: Callable[[], _Image], image: Path | bytes, frame: str) -> _Image:
    try:
        return read()
    except ImageSizeError as error:
        raise BadFrameError(frame, "wrong-size", str(error)) from error
    except DataError as error:
        reason = "missing-file" if _is_missing(image) else "unreadable-image"
        raise BadFrameError(frame, reason, str(error)) from error


def _is_missing(image: Path | bytes) -> bool:
    try:
        return isinstance(image, Path) and not image.exists()
    except OSError:  # a name that no file system takes
        return False


def _name_of(image: Path | bytes) -> str:
    return str(image) if isinstance(image, Path) else "an embedded image"
