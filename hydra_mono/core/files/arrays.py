"""Arrays from ``.npz`` files that anyone may have written: sizes checked before allocation."""

import math
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np

from hydra_mono.core.errors import DataError

MOST_BYTES = 1 << 30  # of one array
_MOST_MEMBERS = 1000
_DENSEST = 1032  # deflate's best ratio

ZIP_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    OverflowError,
    RuntimeError,  # encrypted; NotImplementedError: a compression that is not known
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)  # what reading a damaged archive raises


def read_npz(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The named arrays of an archive that ``numpy.savez`` wrote.

    Raises:
        DataError: it is missing, damaged or encrypted, lacks an array, or an array has objects
            or another length than it declares.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) > _MOST_MEMBERS:
                raise DataError(f"{path} has {len(archive.infolist())} members")
            return {name: _array(read_member(archive, f"{name}.npy")) for name in names}
    except ZIP_ERRORS as error:
        raise DataError(f"cannot read {path}: {error}") from error


def read_member(archive: zipfile.ZipFile, name: str, most_bytes: int = MOST_BYTES) -> bytes:
    """The content of a member whose declared size is credible.

    Raises:
        ValueError: it is too large for ``most_bytes`` or for its own compressed size.
        KeyError, RuntimeError, zipfile.BadZipFile and the like: ``ZIP_ERRORS``.
    """
    info = archive.getinfo(name)
    limit = min(most_bytes, _DENSEST * info.compress_size + _DENSEST)
    if info.file_size > limit:
        raise ValueError(f"{name} declares {info.file_size} bytes in {info.compress_size}")
    with archive.open(info) as member:
        content = member.read(limit + 1)
    if len(content) != info.file_size:
        raise ValueError(f"{name} has {len(content)} bytes, declares {info.file_size}")
    return content


def _array(content: bytes) -> np.ndarray:
    """An array whose header says exactly the bytes that follow it."""
    stream = BytesIO(content)
    version = np.lib.format.read_magic(stream)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"npy version {version}")
    shape, is_fortran, dtype = readers[version](stream)
    start = stream.tell()
    if dtype.hasobject or any(side < 0 for side in shape):
        raise ValueError(f"an array of {dtype} and shape {shape}")
    if math.prod(shape) * dtype.itemsize != len(content) - start:
        raise ValueError(f"{len(content) - start} bytes for an array of {dtype} {shape}")
    flat = np.frombuffer(content, dtype, offset=start)
    return flat.reshape(shape, order="F" if is_fortran else "C").copy()
