"""Reading what sequences are made of: images, poses and numbered files, with clear errors."""

import re
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8, UInt16
from PIL import Image

from hydra_mono.core.errors import BadFrameError, DataError

SATURATED = 65535  # a 16-bit depth pixel at its ceiling is no measurement
FRAME_NS = 10**9 // 30  # between frames, where a layout stores no stamps
_SATURATED_SHARE = 0.9  # of an image; more and the sensor was blinded

_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def require_file(path: Path, fix: str) -> Path:
    """The path, when it is a file.

    Raises:
        DataError: it is not; the message ends with ``fix``.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing; {fix}")
    return path


def require_folder(path: Path, fix: str) -> Path:
    """The path, when it is a folder.

    Raises:
        DataError: it is not; the message ends with ``fix``.
    """
    if not path.is_dir():
        raise DataError(f"folder {path} is missing; {fix}")
    return path


def numbered(folder: Path, pattern: str) -> dict[int, Path]:
    """Files whose names match ``pattern`` (one group: the number), by ascending number.

    Raises:
        DataError: the folder is missing or holds no such file.
    """
    require_folder(folder, "the layout needs it")
    matches = [(re.fullmatch(pattern, path.name), path) for path in folder.iterdir()]
    found = sorted((int(match[1]), path) for match, path in matches if match)
    if not found:
        raise DataError(f"{folder} holds no file named like {pattern!r}")
    return dict(found)


def numbers_of(*kinds: dict[int, Path]) -> list[int]:
    """Every number that a frame has a file of some kind for, ascending."""
    return sorted(set().union(*kinds))


def file_of(files: dict[int, Path], number: int, frame: str) -> Path:
    """The file of a number.

    Raises:
        BadFrameError: ``missing-file``; there is none, and the message names its neighbour.
    """
    if number in files:
        return files[number]
    example = next(iter(files.values()))
    raise BadFrameError(frame, "missing-file", f"nothing like {example} with number {number}")


def read_text(path: Path) -> str:
    """Text of a file that the sequence cannot do without.

    Raises:
        DataError: it is missing or is not text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def read_matrix(path: Path) -> Float64[np.ndarray, "4 4"]:
    """A calibration matrix, 3×3 (then padded) or 4×4, as text.

    Raises:
        DataError: it is anything else.
    """
    try:
        values = np.array([float(word) for word in read_text(path).split()])
    except ValueError as error:
        raise DataError(f"{path}: expected a matrix of numbers ({error})") from error
    matrix = np.eye(4)
    if values.size == 16:
        return values.reshape(4, 4)
    if values.size == 9:
        matrix[:3, :3] = values.reshape(3, 3)
        return matrix
    raise DataError(f"{path}: expected a 3×3 or 4×4 matrix, found {values.size} numbers")


def read_pose(path: Path, frame: str) -> Float64[np.ndarray, "4 4"]:
    """A frame's 4×4 pose as text; lost tracking shows as inf or NaN.

    Raises:
        BadFrameError: ``missing-file``, ``unreadable-pose`` or ``nan-pose``.
    """
    try:
        words = path.read_text(encoding="utf-8-sig").split()
        values = np.array([float(word) for word in words])
    except FileNotFoundError as error:
        raise BadFrameError(frame, "missing-file", str(path)) from error
    except (OSError, ValueError) as error:
        raise BadFrameError(frame, "unreadable-pose", f"{path}: {error}") from error
    return checked_pose(values, frame, str(path))


def checked_pose(
    values: Float64[np.ndarray, "..."], frame: str, where: str
) -> Float64[np.ndarray, "4 4"]:
    """Sixteen finite numbers as a pose.

    Raises:
        BadFrameError: ``unreadable-pose`` or ``nan-pose``.
    """
    if values.size != 16:
        detail = f"{where}: expected 16 numbers, found {values.size}"
        raise BadFrameError(frame, "unreadable-pose", detail)
    if not np.isfinite(values).all():
        raise BadFrameError(frame, "nan-pose", f"{where}: tracking was lost")
    return values.reshape(4, 4)


def read_rgb(image: Path | bytes, frame: str, where: str = "") -> UInt8[np.ndarray, "h w 3"]:
    """A colour image from a file or from its encoded bytes (then ``where`` names it).

    Raises:
        BadFrameError: ``missing-file`` or ``unreadable-image``.
    """
    return np.asarray(_decode(image, frame, where, convert="RGB"))


def read_integers(image: Path | bytes, frame: str, where: str = "") -> UInt16[np.ndarray, "h w"]:
    """A one-channel 8- or 16-bit image; a palette image gives its indices.

    Raises:
        BadFrameError: ``missing-file`` or ``unreadable-image``.
    """
    where = where or _name_of(image)
    pixels = np.asarray(_decode(image, frame, where))
    if pixels.ndim != 2 or pixels.dtype.kind not in "ui" or int(pixels.max()) > SATURATED:
        detail = f"{where}: expected one channel of 8 or 16 bits, found {pixels.shape}"
        raise BadFrameError(frame, "unreadable-image", f"{detail} of {pixels.dtype}")
    return pixels.astype(np.uint16, copy=False)


def read_metres(path: Path, frame: str) -> Float32[np.ndarray, "h w"]:
    """A one-channel image of float metres (TIFF); whole numbers are taken for millimetres.

    Raises:
        BadFrameError: ``missing-file``, ``unreadable-image`` or ``saturated-depth``.
    """
    pixels = np.asarray(_decode(path, frame, ""))
    if pixels.ndim == 2 and pixels.dtype.kind == "f":
        return np.where(np.isfinite(pixels) & (pixels > 0), pixels, 0).astype(np.float32)
    return depth_from_raw(read_integers(path, frame), 1000.0, frame)


def depth_from_raw(
    raw: UInt16[np.ndarray, "h w"], units_per_m: float, frame: str
) -> Float32[np.ndarray, "h w"]:
    """Metres of a 16-bit depth image; 0 and 65535 both mean no measurement.

    Raises:
        BadFrameError: ``saturated-depth``, nearly every pixel is 65535.
    """
    saturated = raw == SATURATED
    if saturated.mean() > _SATURATED_SHARE:
        raise BadFrameError(frame, "saturated-depth", f"{saturated.mean():.0%} of pixels are 65535")
    return metres_without(raw, saturated, units_per_m)


def metres_without(
    raw: UInt16[np.ndarray, "h w"], invalid: Bool[np.ndarray, "h w"], units_per_m: float
) -> Float32[np.ndarray, "h w"]:
    """Raw depth in metres, 0 at ``invalid``."""
    depth_m = raw.astype(np.float32) / np.float32(units_per_m)
    depth_m[invalid] = 0.0
    return depth_m


def require_size(image: np.ndarray, width: int, height: int, frame: str, what: str) -> None:
    """Checks an image's size.

    Raises:
        BadFrameError: ``wrong-size``.
    """
    if image.shape[:2] != (height, width):
        found = f"{image.shape[1]}×{image.shape[0]}"
        raise BadFrameError(frame, "wrong-size", f"{what} is {found}, expected {width}×{height}")


def first_size(paths: list[Path]) -> tuple[int, int]:
    """Width and height of the first image whose header can be read.

    Raises:
        DataError: there is none.
    """
    for path in paths:
        try:
            with Image.open(path) as image:
                return image.width, image.height
        except _DECODING_ERRORS:
            continue
    where = f"of the {len(paths)} images like {paths[0]}" if paths else "(there are none)"
    raise DataError(f"no image can be read {where}")


def _decode(image: Path | bytes, frame: str, where: str, convert: str = "") -> Any:
    """A fully decoded Pillow image."""
    try:
        with Image.open(BytesIO(image) if isinstance(image, bytes) else image) as opened:
            opened.load()
            return opened.convert(convert) if convert else opened
    except FileNotFoundError as error:
        raise BadFrameError(frame, "missing-file", str(image)) from error
    except _DECODING_ERRORS as error:
        detail = f"{where or _name_of(image)}: {error}"
        raise BadFrameError(frame, "unreadable-image", detail) from error


def _name_of(image: Path | bytes) -> str:
    return str(image) if isinstance(image, Path) else "an embedded image"
