"""Finding what sequences are made of, and reading their text: numbered files, matrices, poses."""

import logging
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.documents import number, read_text
from hydra_mono.core.files.stamps import to_ns, unit_of

logger = logging.getLogger(__name__)

FRAME_NS = 10**9 // 30  # between frames, where a layout stores no stamps
IMAGE = r"\.(?:jpe?g|png|tiff?)"  # the end of an image's name, whatever its case
_FARTHEST_M = 2e7  # of a camera from the origin; coordinates of surveys end at 1e7
_ROTATION_TOLERANCE = 1e-2  # of RᵀR from the identity; text files keep few digits
_MOST_COUNTED = 10**9  # frame numbers; larger ones, as names, are stamps


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

    Numbers may be padded or not, and the case of letters does not matter.

    Raises:
        DataError: the folder is missing or holds no such file.
    """
    require_folder(folder, "the layout needs it")
    found = numbered_if_there(folder, pattern)
    if not found:
        raise DataError(f"{folder} holds no file named like {pattern!r}")
    return found


def numbered_if_there(folder: Path, pattern: str) -> dict[int, Path]:
    """``numbered``, empty where there is no such folder or file."""
    if not folder.is_dir():
        return {}
    names = {path.name: path for path in folder.iterdir()}
    found = {number: names[name] for number, name in numbers_of_names(names, pattern).items()}
    return dict(sorted(found.items()))


def numbers_of_names(names: dict[str, Path] | list[str], pattern: str) -> dict[int, str]:
    """Names that match ``pattern``, by the number in them; the first of two that share one."""
    form = re.compile(pattern, re.IGNORECASE)
    found: dict[int, str] = {}
    for name in sorted(names):
        match = form.fullmatch(name)
        if match is None:
            continue
        count = int(match[1])
        if found.setdefault(count, name) != name:
            logger.warning(
                "both %s and %s have number %d; using %s", found[count], name, count, found[count]
            )
    return found


def stamps_of_numbers(numbers: list[int]) -> list[int]:
    """Stamps of frames that are only numbered: 30 Hz; numbers as large as dates are stamps.

    Raises:
        DataError: a number is too large for either.
    """
    if not numbers or numbers[-1] < _MOST_COUNTED:
        return [count * FRAME_NS for count in numbers]
    try:
        stamps = [Decimal(count) for count in numbers]
        unit_ns = unit_of(stamps)
        return [to_ns(stamp, unit_ns) for stamp in stamps]
    except ValueError as error:
        raise DataError(f"the frames' numbers are no stamps: {error}") from error


def file_of(files: dict[int, Path], count: int, frame: str, kind: str) -> Path:
    """The file of a number.

    Raises:
        BadFrameError: ``missing-file``; there is none, and the message names its neighbour.
    """
    if count in files:
        return files[count]
    example = f"like {next(iter(files.values()))} " if files else ""
    raise BadFrameError(frame, "missing-file", f"no {kind} {example}with number {count}")


def read_matrix(path: Path) -> Float64[np.ndarray, "4 4"]:
    """A calibration matrix, 3×3 (then padded) or 4×4, as text.

    Raises:
        DataError: it is anything else, or holds a number that is not finite.
    """
    try:
        values = np.array([number(word) for word in read_text(path).replace(",", " ").split()])
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    if not np.isfinite(values).all():
        raise DataError(f"{path}: expected finite numbers, found {values[~np.isfinite(values)][0]}")
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
        BadFrameError: ``missing-file``, or as ``parse_pose``.
    """
    if not path.is_file():
        raise BadFrameError(frame, "missing-file", str(path))
    try:
        text = read_text(path)
    except DataError as error:
        raise BadFrameError(frame, "unreadable-pose", str(error)) from error
    return parse_pose(text, frame, str(path))


def parse_pose(text: str, frame: str, where: str) -> Float64[np.ndarray, "4 4"]:
    """Sixteen numbers, or the first twelve of them, as a pose.

    Raises:
        BadFrameError: ``unreadable-pose``, or as ``checked_pose``.
    """
    try:
        values = np.array([number(word) for word in text.replace(",", " ").split()])
    except ValueError as error:
        raise BadFrameError(frame, "unreadable-pose", f"{where}: {error}") from error
    if values.size == 12:
        values = np.concatenate([values, [0.0, 0.0, 0.0, 1.0]])
    return checked_pose(values, frame, where)


def checked_pose(
    values: Float64[np.ndarray, "..."], frame: str, where: str
) -> Float64[np.ndarray, "4 4"]:
    """Sixteen numbers that are a rigid motion.

    Raises:
        BadFrameError: ``unreadable-pose``, ``nan-pose``, ``mirrored-pose``, ``no-rotation`` or
            ``absurd-pose``.
    """
    if values.size != 16:
        detail = f"{where}: expected 16 numbers, found {values.size}"
        raise BadFrameError(frame, "unreadable-pose", detail)
    if not np.isfinite(values).all():
        raise BadFrameError(frame, "nan-pose", f"{where}: tracking was lost")
    pose = values.reshape(4, 4)
    farthest_m = float(np.abs(pose).max())
    if farthest_m > _FARTHEST_M:
        detail = f"{where}: {farthest_m:.3g} m from the origin; poses are in metres"
        raise BadFrameError(frame, "absurd-pose", detail)
    rotation = pose[:3, :3]
    is_orthogonal = np.abs(rotation.T @ rotation - np.eye(3)).max() < _ROTATION_TOLERANCE
    if not is_orthogonal or np.abs(pose[3] - (0.0, 0.0, 0.0, 1.0)).max() > 1e-6:
        detail = f"{where}: its 3×3 part is no rotation; expected world_from_camera without scale"
        raise BadFrameError(frame, "no-rotation", detail)
    if np.linalg.det(rotation) < 0:
        detail = f"{where}: the rotation is mirrored (determinant −1): its axes are left-handed"
        raise BadFrameError(frame, "mirrored-pose", detail)
    return pose
