"""COLMAP's sparse models, text and binary: cameras, and poses of named images.

Poses are stored as camera_from_world; pixel (0, 0) has its centre at (0.5, 0.5). Schönberger and
Frahm, "Structure-from-motion revisited", CVPR 2016. Scale is free unless it was aligned.
"""

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.documents import number, read_content, read_text, whole
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import inverse
from hydra_mono.datasets.camera import checked_camera, checked_distortion
from hydra_mono.datasets.lens import LensCamera
from hydra_mono.datasets.readers.posed.pose_files import Pose, PoseTable

_CENTRE = 0.5  # where the first pixel's centre lies
_POINT_BYTES = 24  # x, y and the number of the point in space
_MOST_BYTES = 1 << 31  # of images.bin, which holds the image points too
_MOST_NAME = 4096  # characters
# a model's number in binary files, its count of parameters, and which are fx fy cx cy k1 k2 p1 p2
_MODELS: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "SIMPLE_PINHOLE": (0, 3, (0, 0, 1, 2)),
    "PINHOLE": (1, 4, (0, 1, 2, 3)),
    "SIMPLE_RADIAL": (2, 4, (0, 0, 1, 2, 3)),
    "RADIAL": (3, 5, (0, 0, 1, 2, 3, 4)),
    "OPENCV": (4, 8, (0, 1, 2, 3, 4, 5, 6, 7)),
}
_NAMES = {row[0]: name for name, row in _MODELS.items()}


def read_colmap(folder: Path) -> PoseTable:
    """The table by the images' names, which are relative to their folder.

    Raises:
        DataError: a file is damaged, or a camera is of a model that is not read.
    """
    is_binary = (folder / "images.bin").is_file()
    try:
        cameras = _cameras_bin(folder) if is_binary else _cameras_text(folder)
        rows = _images_bin(folder) if is_binary else _images_text(folder)
    except (ValueError, IndexError, struct.error) as error:
        raise DataError(f"{folder}: no model as COLMAP writes it ({error})") from error
    table = PoseTable(str(folder), is_metric=False)
    for name, camera_id, values in rows:
        if camera_id not in cameras:
            raise DataError(f"{folder}: {name} is by camera {camera_id}, which is not listed")
        table.by_name[name] = _pose(values)
        table.cameras[name] = cameras[camera_id]
    return table


def _pose(values: list[float]) -> Pose:
    """``world_from_camera`` of qw qx qy qz tx ty tz; NaN where the quaternion is none."""
    quat_wxyz, camera_from_world = np.array(values[:4]), np.eye(4)
    if not 0.5 < float(np.linalg.norm(quat_wxyz)) < 2.0:  # written with unit length
        return np.full((4, 4), np.nan)
    camera_from_world[:3, :3] = Rotation.from_quat(quat_wxyz, scalar_first=True).as_matrix()
    camera_from_world[:3, 3] = values[4:7]
    return inverse(camera_from_world)


def _camera(model: str, size: tuple[int, int], values: list[float], where: Path) -> LensCamera:
    if model not in _MODELS:
        raise DataError(
            f"{where}: camera model {model} is not read (read are {', '.join(_MODELS)}); "
            "'colmap image_undistorter' makes a pinhole camera of it"
        )
    picked = [values[i] for i in _MODELS[model][2]]
    fx, fy, cx, cy = picked[:4]
    camera = checked_camera(Intrinsics(fx, fy, cx - _CENTRE, cy - _CENTRE, *size), where)
    return LensCamera(camera, checked_distortion(picked[4:], where))


def _cameras_text(folder: Path) -> dict[int, LensCamera]:
    path, found = folder / "cameras.txt", {}
    for line in read_text(path).splitlines():
        words = line.split()
        if words and not line.startswith("#"):
            size = whole(words[2]), whole(words[3])
            values = [number(word) for word in words[4:]]
            found[whole(words[0])] = _camera(words[1], size, values, path)
    return found


def _images_text(folder: Path) -> list[tuple[str, int, list[float]]]:
    """Every other line is an image; those between, which may be empty, its points."""
    lines = read_text(folder / "images.txt").splitlines()
    rows = [line for line in lines if not line.startswith("#")]
    found = []
    for line in rows[::2]:
        words = line.split(maxsplit=9)
        if words:
            values = [number(word) for word in words[1:8]]
            found.append((words[9].strip(), whole(words[8]), values))
    return found


def _cameras_bin(folder: Path) -> dict[int, LensCamera]:
    path = folder / "cameras.bin"
    file, found = BytesIO(read_content(path)), {}
    for _ in range(_unpack(file, "<Q")[0]):
        camera_id, model, width, height = _unpack(file, "<iiQQ")
        name = _NAMES.get(model, f"number {model}")
        count = _MODELS[name][1] if name in _MODELS else 0
        values = list(_unpack(file, f"<{count}d"))
        found[camera_id] = _camera(name, (width, height), values, path)
    return found


def _images_bin(folder: Path) -> list[tuple[str, int, list[float]]]:
    file = BytesIO(read_content(folder / "images.bin", _MOST_BYTES))
    found = []
    for _ in range(_unpack(file, "<Q")[0]):
        _, *values, camera_id = _unpack(file, "<i7di")
        name = _name(file)
        (points,) = _unpack(file, "<Q")
        _skip(file, _POINT_BYTES * points)
        found.append((name, camera_id, values))
    return found


def _name(file: BytesIO) -> str:
    letters = bytearray()
    while (letter := file.read(1)) not in (b"\0", b""):
        letters += letter
        if len(letters) > _MOST_NAME:
            raise ValueError("a name without end")
    return letters.decode("utf-8", errors="replace")


def _skip(file: BytesIO, count: int) -> None:
    if count > file.getbuffer().nbytes - file.tell():
        raise struct.error("the file ends within a list of points")
    file.seek(count, 1)


def _unpack(file: BytesIO, layout: str) -> tuple[Any, ...]:
    form = struct.Struct(layout)
    return form.unpack(file.read(form.size))
