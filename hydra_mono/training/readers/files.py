"""Reading what data sets for training are made of; whatever is wrong with a file names it."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from hydra_mono.core.errors import DataError, MissingDependencyError
from hydra_mono.core.files import images
from hydra_mono.core.frame import Intrinsics

_MAX_LABEL = 40  # of NYU40
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    IndexError,
    NotImplementedError,
    zlib.error,
    scipy.io.matlab.MatReadError,
)


def read_image(path: Path, mode: str | None = None) -> np.ndarray:
    """Pixels of a PNG, JPEG or TIFF image, converted to Pillow's ``mode`` if one is given.

    Raises:
        DataError: it is missing or cannot be decoded.
    """
    if not path.exists():
        raise _unreadable(path, FileNotFoundError())
    try:
        return images.read_image(path, mode=mode)
    except DataError as error:
        raise DataError(f"{path}: cannot be read ({error})") from error


def read_array(path: Path, key: str) -> np.ndarray:
    """What a ``.npy`` holds, the variable ``key`` of a ``.mat``, or the pixels of an image.

    Raises:
        DataError: it is missing or cannot be decoded.
    """
    if path.suffix not in (".npy", ".mat"):
        return read_image(path)
    try:
        with path.open("rb") as file:
            if path.suffix == ".npy":
                return np.asarray(np.load(file, allow_pickle=False))
            return np.asarray(scipy.io.loadmat(file)[key])
    except _DECODING_ERRORS as error:
        raise _unreadable(path, error) from error


def read_struct(path: Path, key: str) -> dict[str, Any]:
    """The struct ``key`` of a ``.mat``, as nested dicts and arrays.

    Raises:
        DataError: it is missing or cannot be decoded.
    """
    try:
        with path.open("rb") as file:
            return dict(scipy.io.loadmat(file, simplify_cells=True)[key])
    except _DECODING_ERRORS as error:
        raise _unreadable(path, error) from error


def read_hdf5(path: Path) -> np.ndarray:
    """The data set named ``dataset`` of an HDF5 file.

    Raises:
        DataError: it is missing or cannot be decoded.
        MissingDependencyError: h5py is not installed.
    """
    h5py = require_h5py()
    try:
        with h5py.File(path, "r") as file:
            return np.asarray(file["dataset"])
    except _DECODING_ERRORS as error:
        raise _unreadable(path, error) from error


def require_h5py() -> Any:
    """The module ``h5py``.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingDependencyError(
            "Hypersim's own files are HDF5: pip install h5py (or hydra-mono[hypersim])"
        ) from error
    return h5py


def read_lines(path: Path, fix: str) -> list[str]:
    """The lines of a text file that are not empty, without spaces round them.

    Raises:
        DataError: it cannot be read; the message ends with ``fix``.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({type(error).__name__}); {fix}") from error
    return [line.strip() for line in lines if line.strip()]


def fitting(image: np.ndarray, camera: Intrinsics, channels: int, path: Path) -> np.ndarray:
    """The image, when it has the size of ``camera``'s images and so many channels.

    A single channel may come with an axis of its own, which is dropped.

    Raises:
        DataError: it has another shape.
    """
    expected = (camera.height, camera.width, channels)
    if image.size == np.prod(expected) and image.shape[:2] == expected[:2]:
        return image.reshape(expected if channels > 1 else expected[:2])
    raise DataError(f"{path}: expected an array of {expected}, found {image.shape}")


def nyu40_labels(image: np.ndarray) -> np.ndarray:
    """Ids of NYU40 as bytes, 0 for any other number."""
    return np.where((image > 0) & (image <= _MAX_LABEL), image, 0).astype(np.uint8)


def known_depth(depth_m: np.ndarray) -> np.ndarray:
    """The depth with 0 for everything that is no measurement: NaN, infinite, negative."""
    return np.where(np.isfinite(depth_m) & (depth_m > 0), depth_m, 0).astype(np.float32)


def _unreadable(path: Path, error: BaseException) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path} is missing; the data set lists it")
    return DataError(f"{path}: cannot be read ({type(error).__name__}: {error})")
