"""Hypersim's cameras: one for most scenes, and those of scenes taken with a shifted lens."""

import csv
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.readers.files import read_lines

logger = logging.getLogger(__name__)

CAMERA = Intrinsics(886.81, 886.81, 511.5, 383.5, 1024, 768)
OURS_FROM_HYPERSIM = np.diag([1.0, -1.0, -1.0])  # x right, y up, z towards the viewer
CAMERA_FILE = "metadata_camera_parameters.csv"
MAX_SKEW_PX = 2.0  # across half the image's height; a camera with more is no pinhole of ours


@dataclass(frozen=True, slots=True)
class SceneCamera:
    """A pinhole, and how its axes lie in Hypersim's camera axes.

    A lens that is shifted tilts the image plane. That is a pinhole still, which looks elsewhere:
    depth and normals are given along the axes of the image, not of the lens.
    """

    intrinsics: Intrinsics
    hypersim_from_image: Float64[np.ndarray, "3 3"]


STANDARD = SceneCamera(CAMERA, OURS_FROM_HYPERSIM)


def scene_cameras(path: Path) -> dict[str, SceneCamera | None]:
    """Cameras by scene from Hypersim's table of them; None for one that is no pinhole.

    Empty, with a word in the log, where the file is absent.

    Raises:
        DataError: it is another table.
    """
    if not path.is_file():
        logger.info("%s is absent; one camera is taken for all scenes", path)
        return {}
    rows = csv.DictReader(read_lines(path, "take it from contrib of the Hypersim repository"))
    try:
        return {row["scene_name"]: _camera(row) for row in rows}
    except (KeyError, TypeError, ValueError, np.linalg.LinAlgError) as error:
        raise DataError(f"{path}: not Hypersim's camera parameters ({error!r})") from error


def _camera(row: Mapping[str, str]) -> SceneCamera | None:
    values = [float(row[f"M_cam_from_uv_{i}{j}"]) for i in range(3) for j in range(3)]
    width, height = (float(row[f"settings_output_img_{side}"]) for side in ("width", "height"))
    return camera_of_rays(np.array(values).reshape(3, 3), int(width), int(height))


def camera_of_rays(
    hypersim_from_uv: Float64[np.ndarray, "3 3"], width: int, height: int
) -> SceneCamera | None:
    """The pinhole whose rays are ``hypersim_from_uv`` (u, v, 1), u and v from −1 to 1, v upwards.

    The matrix from pixels to rays is a rotation times the inverse of the intrinsics: its QR
    decomposition. None where the intrinsics would be skewed.
    """
    uv_from_pixel = np.array(
        [[2 / width, 0, 1 / width - 1], [0, -2 / height, 1 - 1 / height], [0, 0, 1]]
    )
    rotation, upper = np.linalg.qr(hypersim_from_uv @ uv_from_pixel)
    signs = np.sign(np.diag(upper))
    rotation, upper = rotation * signs, upper * signs[:, None]
    matrix = np.linalg.inv(upper) * upper[2, 2]
    if abs(matrix[0, 1]) * height / 2 / matrix[1, 1] > MAX_SKEW_PX:
        return None
    fx, fy, cx, cy = (float(matrix[i]) for i in ((0, 0), (1, 1), (0, 2), (1, 2)))
    return SceneCamera(Intrinsics(fx, fy, cx, cy, width, height), rotation)
