"""ScanNet as exported by its own reader: ``color/ depth/ pose/ intrinsic/`` of a scene."""

import logging
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.datasets.camera import Resampling, camera_of_matrix, same_ray
from hydra_mono.datasets.facts import DescribedSource, SequenceFacts
from hydra_mono.datasets.files import (
    FRAME_NS,
    depth_from_raw,
    file_of,
    first_size,
    numbered,
    numbers_of,
    read_integers,
    read_matrix,
    read_pose,
    read_rgb,
    require_file,
    require_folder,
    require_size,
)
from hydra_mono.datasets.readers.scannet_scene import (
    UNITS_PER_M,
    axis_alignment,
    open_labels,
    table_of,
)

logger = logging.getLogger(__name__)

_FIX = "export the .sens file with color, depth, pose and intrinsic, as ScanNet's reader does"


class ScanNetFolderSource(DescribedSource):
    """Frames of the depth camera; colour and labels are resampled to it.

    Frames are the numbers in ``depth/`` and ``color/`` in ascending order; the layout holds no
    stamps, so they follow from the numbers at 30 Hz.
    """

    def __init__(self, scene: Path) -> None:
        name = scene.resolve().name
        self._frames = frames_folder(scene)
        require_folder(self._frames / "pose", _FIX)
        self._colors = numbered(self._frames / "color", r"(\d+)\.(?:jpg|jpeg|png)")
        self._depths = numbered(self._frames / "depth", r"(\d+)\.png")
        self._numbers = numbers_of(self._colors, self._depths)
        self._camera = self._read_camera("depth", list(self._depths.values()))
        self._color_camera, self._align = self._read_color_camera(name)
        places = (self._frames, scene)
        self._labels = open_labels(name, places, self._color_camera, self._camera)
        self._world_from_scan = axis_alignment(scene, name)
        self.facts = SequenceFacts(name, len(self._numbers), table=table_of(self._labels))

    def __getitem__(self, index: int) -> Frame:
        number = self._numbers[index]
        name = f"{number:06d}"
        pose = read_pose(self._frames / "pose" / f"{number}.txt", name)
        depth_path = file_of(self._depths, number, name)
        depth_m = depth_from_raw(read_integers(depth_path, name), UNITS_PER_M, name)
        require_size(depth_m, self._camera.width, self._camera.height, name, str(depth_path))
        return Frame(
            index=index,
            name=name,
            stamp_ns=number * FRAME_NS,
            world_from_camera=self._world_from_scan @ pose,
            intrinsics=self._camera,
            rgb=self._read_color(number, name),
            depth_m=depth_m,
            labels=self._labels.read(number, name) if self._labels else None,
        )

    def _read_color(self, number: int, name: str) -> UInt8[np.ndarray, "h w 3"]:
        path = file_of(self._colors, number, name)
        rgb = read_rgb(path, name)
        require_size(rgb, self._color_camera.width, self._color_camera.height, name, str(path))
        return self._align.color(rgb) if self._align else rgb

    def _read_camera(self, kind: str, images: list[Path]) -> Intrinsics:
        path = self._frames / "intrinsic" / f"intrinsic_{kind}.txt"
        return camera_of_matrix(read_matrix(require_file(path, _FIX)), first_size(images), path)

    def _read_color_camera(self, name: str) -> tuple[Intrinsics, Resampling | None]:
        """The colour camera, and how to see with the depth camera what it saw."""
        images = list(self._colors.values())
        try:
            camera = self._read_camera("color", images)
        except DataError:
            if first_size(images) != (self._camera.width, self._camera.height):
                raise
            logger.info("%s: colour taken as resized to the depth camera", name)
            camera = self._camera
        return camera, None if camera == self._camera else same_ray(camera, self._camera)


def frames_folder(scene: Path) -> Path:
    """Where a scene's exported frames lie: in the scene's folder or in ``frames/``."""
    return scene / "frames" if (scene / "frames" / "depth").is_dir() else scene
