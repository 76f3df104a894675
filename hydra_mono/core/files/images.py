"""The one place that opens images: PNG, JPEG and TIFF, told by content, bounded in size."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image, UnidentifiedImageError

from hydra_mono.core.errors import DataError

FORMATS = ("PNG", "JPEG", "TIFF")
MOST_PIXELS = 1 << 24  # 4096 × 4096; a 4K video frame has half of it
_MOST_BYTES = 1 << 28  # of a file: 16 bytes a pixel
_DENSEST = 8448  # pixels that a byte can hold: deflate packs 1032 to 1, of 8 one-bit pixels each
_SLACK = 1 << 14  # pixels, for the smallest files
_EXIF, _FOCAL_35MM = 0x8769, 0xA405  # EXIF tags: the sub-directory, and the equivalent length in it
_SAMPLE_FORMAT = 339  # TIFF tag: 1 unsigned, 2 signed, 3 float
_UNSIGNED = 1

_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
    OverflowError,
    MemoryError,
    RuntimeError,  # NotImplementedError and RecursionError among them
    ArithmeticError,
    AssertionError,
    struct.error,
    zlib.error,
    Warning,
    Image.DecompressionBombError,
)  # what Pillow's decoders raise on damaged files


class ImageSizeError(DataError):
    """The image has another size than its camera."""


def image_size(content: Path | bytes, where: str = "") -> tuple[int, int]:
    """Width and height by the header alone.

    Raises:
        DataError: it is no image of the formats read, or declares too many pixels.
    """
    with _opened(content, where) as image:
        return image.size


def exif_focal_35mm(path: Path) -> float | None:
    """The focal length in millimetres on 35 mm film that EXIF tells; None where it tells none.

    Raises:
        DataError: it is no image of the formats read.
    """
    with _opened(path, "") as image:
        value = image.getexif().get_ifd(_EXIF).get(_FOCAL_35MM)
        return float(value) if isinstance(value, int | float) and value > 0 else None


def read_image(
    content: Path | bytes,
    where: str = "",
    *,
    size: tuple[int, int] | None = None,
    mode: str | None = None,
) -> Shaped[np.ndarray, "..."]:
    """The pixels of an image; a palette's indices, unless ``mode`` (Pillow's) requires more.

    32-bit TIFF keeps its sign; ``where`` names an image that is no file of its own.

    Raises:
        ImageSizeError: its header says another (width, height) than ``size``.
        DataError: it is no image of the formats read, damaged or too large.
    """
    with _opened(content, where) as image:
        if size is not None and image.size != size:
            found, expected = (f"{width}×{height}" for width, height in (image.size, size))
            raise ImageSizeError(f"{_name(content, where)} is {found}, expected {expected}")
        image.load()
        if mode is not None:
            return np.asarray(image.convert(mode))
        pixels = np.asarray(image)
        is_unsigned = getattr(image, "tag_v2", {}).get(_SAMPLE_FORMAT, (_UNSIGNED,))
        if image.mode == "I" and image.format == "TIFF" and _UNSIGNED in tuple(is_unsigned):
            return pixels.view(np.uint32)
        return pixels


def read_color(
    content: Path | bytes, where: str = "", *, size: tuple[int, int] | None = None
) -> UInt8[np.ndarray, "h w 3"]:
    """A colour image; grey ones are repeated, 16-bit ones scaled to 8 bits.

    Raises:
        ImageSizeError, DataError: as ``read_image``; or the image is of floats or 32 bits.
    """
    pixels = read_image(content, where, size=size)
    if pixels.ndim != 2 or pixels.dtype == np.uint8 or pixels.dtype == bool:
        return read_image(content, where, size=size, mode="RGB")
    most = int(pixels.max(initial=0)) if pixels.dtype.kind in "ui" else -1
    if not 0 <= most <= 65535 or int(pixels.min(initial=0)) < 0:
        raise DataError(
            f"{_name(content, where)}: expected colour of 8 or 16 bits, found {pixels.dtype}"
        )
    grey = pixels if most <= 255 else (pixels.astype(np.uint32) + 128) // 257  # 65535 is white
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


@contextmanager
def _opened(content: Path | bytes, where: str) -> Iterator[Image.Image]:
    """An image whose header is read and whose declared size is credible."""
    name = _name(content, where)
    try:
        length = _length(content, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on files that it can read
            file = BytesIO(content) if isinstance(content, bytes) else content
            with Image.open(file, formats=FORMATS) as image:
                _check_declared(image.size, length, name)
                yield image
    except FileNotFoundError as error:
        raise DataError(f"{name} is missing") from error
    except UnidentifiedImageError as error:
        raise DataError(f"{name}: no PNG, JPEG or TIFF image") from error
    except _DECODING_ERRORS as error:
        raise DataError(f"{name}: {error or type(error).__name__}") from error


def _length(content: Path | bytes, name: str) -> int:
    if isinstance(content, bytes):
        return len(content)
    if content.exists() and not content.is_file():
        raise DataError(f"{name} is no plain file")
    length = content.stat().st_size
    if length > _MOST_BYTES:
        raise DataError(f"{name} has {length} bytes; images of at most {_MOST_BYTES} are read")
    return length


def _check_declared(size: tuple[int, int], length: int, name: str) -> None:
    pixels = size[0] * size[1]
    if pixels > MOST_PIXELS:
        raise DataError(f"{name} declares {size[0]}×{size[1]} pixels; at most 4096×4096 are read")
    if pixels > _DENSEST * length + _SLACK:
        raise DataError(f"{name} declares {size[0]}×{size[1]} pixels in {length} bytes")


def _name(content: Path | bytes, where: str) -> str:
    return where or (str(content) if isinstance(content, Path) else "an embedded image")
