"""3DMatch and tsdf-fusion: ``frame-NNNNNN.{color,depth,pose}`` with ``camera-intrinsics.txt``.

Zeng et al., "3DMatch: learning local geometric descriptors from RGB-D reconstructions", CVPR 2017.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.camera import camera_of_matrix
from hydra_mono.datasets.facts import NumberedImages, NumberedSource, SequenceFacts
from hydra_mono.datasets.files import (
    IMAGE,
    file_of,
    numbered,
    numbered_if_there,
    read_matrix,
    read_pose,
    require_file,
)
from hydra_mono.datasets.images import first_size

UNITS_PER_M = 1000.0
CAMERA_FILE = "camera-intrinsics.txt"


class TsdfFusionSource(NumberedSource):
    """Depth registered to colour, poses camera-to-world; the layout promises no up and no stamps.

    The camera's file lies in the folder or, for the sequences ``seq-NN`` of a scene, above it.
    """

    units_per_m = UNITS_PER_M

    def __init__(self, folder: Path, needs: Needs = EVERYTHING) -> None:
        self.images = NumberedImages(
            colors=numbered(folder, rf"frame-(\d+)\.color{IMAGE}"),
            depths=numbered_if_there(folder, rf"frame-(\d+)\.depth{IMAGE}"),
            labels={},
        )
        self._poses = numbered_if_there(folder, r"frame-(\d+)\.pose\.txt")
        self.pose_of = self._pose
        path = require_file(camera_file(folder), "it holds the camera's 3×3 matrix")
        size = first_size(list(self.images.colors.values()))
        self.camera = camera_of_matrix(read_matrix(path), size, path)
        name, has_depth = folder.resolve().name, bool(self.images.depths)
        self.facts = SequenceFacts(name, world_up=None, has_depth=has_depth)
        self.narrow(needs)

    def frame_name(self, number: int) -> str:
        return f"frame-{number:06d}"

    def _pose(self, number: int, name: str) -> Float64[np.ndarray, "4 4"]:
        return read_pose(file_of(self._poses, number, name, "pose"), name)


def camera_file(folder: Path) -> Path:
    """The camera's file, in the folder or above it; the first of these where there is neither."""
    places = folder / CAMERA_FILE, folder.resolve().parent / CAMERA_FILE
    return next((path for path in places if path.is_file()), places[0])
