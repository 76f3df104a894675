"""Polycam's raw data: ``keyframes/{images,cameras,depth}``, or their ``corrected_`` twins.

A camera file holds fx fy cx cy, width, height and t_00…t_23: camera-to-world in ARKit's axes
(OpenGL), y up. Depth is 16-bit millimetres.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.documents import finite, parse_json, read_text
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import OPENGL_FROM_OPENCV
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.camera import checked_camera
from hydra_mono.datasets.files import (
    IMAGE,
    numbered,
    numbered_if_there,
    require_folder,
    stamps_of_numbers,
)
from hydra_mono.datasets.layouts import keyframes_folder
from hydra_mono.datasets.lens import LensCamera, camera_of_values
from hydra_mono.datasets.listed import ListedFrame, ListedSource, color_file, depth_file
from hydra_mono.datasets.readers.phones.record3d import Y_UP


class PolycamSource(ListedSource):
    """Poses that Polycam improved are taken where they are there; names of files are stamps."""

    def __init__(self, path: Path, needs: Needs = EVERYTHING) -> None:
        folder = keyframes_folder(path)
        prefix = "corrected_" if (folder / "corrected_cameras").is_dir() else ""
        cameras = numbered(folder / f"{prefix}cameras", r"(\d+)\.json")
        images = numbered(_first_folder(folder, f"{prefix}images", "images"), rf"(\d+){IMAGE}")
        depths = numbered_if_there(folder / "depth", rf"(\d+){IMAGE}")
        both = sorted(cameras.keys() & images.keys())
        frames = []
        for number, stamp_ns in zip(both, stamps_of_numbers(both), strict=True):
            pose, camera = read_camera_file(cameras[number])
            frames.append(
                ListedFrame(
                    name=str(number),
                    stamp_ns=stamp_ns,
                    pose=pose,
                    camera=camera,
                    color=color_file(images[number]),
                    depth=depth_file(depths[number]) if number in depths else None,
                )
            )
        super().__init__(path.resolve().name, frames, needs, world_up=Y_UP)


def _first_folder(folder: Path, *names: str) -> Path:
    places = [folder / name for name in names]
    return require_folder(next((p for p in places if p.is_dir()), places[0]), "it holds the images")


def read_camera_file(path: Path) -> tuple[Float64[np.ndarray, "4 4"], LensCamera]:
    """Pose (OpenCV axes) and camera of a key frame.

    Raises:
        DataError: a number is missing.
    """
    try:
        values: dict[str, Any] = parse_json(read_text(path))
        given = camera_of_values(values, path)
        if given.size is None:
            raise ValueError("no width and height")
        pose = np.eye(4)
        for row, column in np.ndindex(3, 4):
            pose[row, column] = finite(values[f"t_{row}{column}"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not as Polycam writes it ({error})") from error
    camera = checked_camera(Intrinsics(*given.focal_and_centre, *given.size), path)
    return pose @ OPENGL_FROM_OPENCV, LensCamera(camera)
