"""``transforms.json`` of nerfstudio and instant-ngp: poses and cameras of named images.

Poses are camera-to-world in OpenGL axes; pixel (0, 0) has its centre at (0.5, 0.5).
Tancik et al., "Nerfstudio: a modular framework for neural radiance field development", 2023.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.documents import finite, parse_json, read_text
from hydra_mono.core.files.images import image_size
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import OPENGL_FROM_OPENCV
from hydra_mono.datasets.camera import checked_camera
from hydra_mono.datasets.images import checked_units
from hydra_mono.datasets.lens import LensCamera, camera_of_values
from hydra_mono.datasets.readers.posed.pose_files import PoseTable

_CENTRE = 0.5  # where the first pixel's centre lies
_MODELS = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")
_CAMERA_KEYS = ("fl_x", "fl_y", "cx", "cy", "w", "h", "k1", "k2", "p1", "p2", "k3")
_MOST_FRAMES = 1_000_000


def read_transforms(path: Path) -> PoseTable:
    """The table by the images' names, which are relative to the file.

    Raises:
        DataError: it is no such file, or of a camera model that is not read.
    """
    try:
        values = parse_json(read_text(path))
        frames = values["frames"]
        if not isinstance(frames, list) or not 0 < len(frames) <= _MOST_FRAMES:
            raise ValueError("expected a list of frames")
        model = values.get("camera_model", "OPENCV")
        if model not in _MODELS:
            raise ValueError(f"camera_model {model}; read are {', '.join(_MODELS)}")
        table = PoseTable(str(path), units_per_m=_units_per_m(values, path))
        for frame in frames:
            _add(table, values, frame, path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: no transforms.json as nerfstudio writes it ({error})") from error
    return table


def _units_per_m(values: dict[str, Any], path: Path) -> float:
    unit_m = finite(values.get("depth_unit_scale_factor", 1e-3))
    return checked_units(round(1 / unit_m, 6) if unit_m > 0 else 0.0, path)


def _add(table: PoseTable, values: dict[str, Any], frame: dict[str, Any], path: Path) -> None:
    name = str(frame["file_path"])
    matrix = np.array(frame["transform_matrix"], np.float64)
    if matrix.shape == (3, 4):
        matrix = np.vstack([matrix, [0.0, 0.0, 0.0, 1.0]])
    if matrix.shape != (4, 4):
        raise ValueError(f"the transform_matrix of {name} is not 4×4")
    table.by_name[name] = matrix @ OPENGL_FROM_OPENCV
    if any(key in values or key in frame for key in ("fl_x", "camera_angle_x")):
        table.cameras[name] = _camera(values | frame, path, name)
    if "depth_file_path" in frame:
        table.depths[name] = path.parent / str(frame["depth_file_path"])


def _camera(values: dict[str, Any], path: Path, name: str) -> LensCamera:
    told = {key: values[key] for key in _CAMERA_KEYS if key in values}
    if "w" not in told or "h" not in told:
        told["w"], told["h"] = image_size(image_of(path.parent, name))
    width, height = (finite(told[key]) for key in "wh")
    if "fl_x" not in told:
        told["fl_x"] = width / 2 / math.tan(finite(values["camera_angle_x"]) / 2)
    told = {"cx": width / 2, "cy": height / 2} | told
    given = camera_of_values(told, path)
    fx, fy, cx, cy = given.focal_and_centre
    camera = Intrinsics(fx, fy, cx - _CENTRE, cy - _CENTRE, int(width), int(height))
    return LensCamera(checked_camera(camera, path), given.distortion)


def image_of(folder: Path, name: str) -> Path:
    """The image of a name, which instant-ngp writes without its end."""
    path = folder / name
    if path.suffix:
        return path
    return next(
        (p for end in (".png", ".jpg", ".jpeg") if (p := path.with_suffix(end)).is_file()), path
    )
