"""ScanNet as exported by its own reader, and as its 25,000 frames are downloaded.

``color/ depth/ pose/`` of a scene, with ``intrinsic/intrinsic_*.txt`` and ``label-filt/`` (raw
ids), or ``intrinsics_*.txt`` and ``label/`` (NYU40).
"""

import logging
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.camera import Resampling, camera_of_matrix, same_ray
from hydra_mono.datasets.facts import NumberedImages, NumberedSource, SequenceFacts, or_fault
from hydra_mono.datasets.files import (
    IMAGE,
    file_of,
    numbered,
    numbered_if_there,
    read_matrix,
    read_pose,
    require_file,
)
from hydra_mono.datasets.images import first_size, read_rgb
from hydra_mono.datasets.readers.scannet_scene import (
    UNITS_PER_M,
    axis_alignment,
    open_labels,
    table_of,
)

logger = logging.getLogger(__name__)

_FIX = "export the .sens file with color, depth, pose and intrinsic, as ScanNet's reader does"
_NAME = r"(?:frame-)?(\d+)"


class ScanNetFolderSource(NumberedSource):
    """Frames of the depth camera; colour and labels are resampled to it.

    Without usable depth images they are the colour camera's. The layout holds no stamps, so they
    follow from the numbers at 30 Hz.
    """

    units_per_m = UNITS_PER_M

    def __init__(self, scene: Path, needs: Needs = EVERYTHING) -> None:
        name = scene.resolve().name
        self._frames = frames_folder(scene)
        self._poses = numbered(self._frames / "pose", rf"{_NAME}(?:\.pose)?\.txt")
        self.pose_of = self._pose
        colors = numbered(self._frames / "color", rf"{_NAME}(?:\.color)?{IMAGE}")
        depths = _find_depths(self._frames / "depth", needs)
        self._color_camera, self.camera = self._read_cameras(name, colors, depths, needs)
        self._align: Resampling | None = None
        if self._color_camera != self.camera:
            self._align = same_ray(self._color_camera, self.camera)
        self.images = NumberedImages(colors, depths, {})
        places = (self._frames, scene)
        cameras = self._color_camera, self.camera
        self._labels, fault = or_fault(lambda: open_labels(name, places, cameras, colors))
        self._world_from_scan = axis_alignment(scene, name)
        table, has_depth = table_of(self._labels), bool(depths)
        self.facts = SequenceFacts(name, table=table, has_depth=has_depth, label_fault=fault)
        self.narrow(needs)

    def _pose(self, number: int, name: str) -> Float64[np.ndarray, "4 4"]:
        pose = read_pose(file_of(self._poses, number, name, "pose"), name)
        return np.asarray(self._world_from_scan @ pose)

    def read_color(self, number: int, name: str) -> UInt8[np.ndarray, "h w 3"]:
        path = file_of(self.images.colors, number, name, "colour image")
        size = self._color_camera.width, self._color_camera.height
        rgb = read_rgb(path, name, size=size)
        return self._align.color(rgb) if self._align else rgb

    def read_labels(self, number: int, name: str) -> UInt8[np.ndarray, "h w"] | None:
        return self._labels.read(number, name) if self._labels else None

    def _read_cameras(
        self, name: str, colors: dict[int, Path], depths: dict[int, Path], needs: Needs
    ) -> tuple[Intrinsics, Intrinsics]:
        """The cameras of colour and depth; ``depths`` is emptied where its camera is missing."""
        color_size = first_size(list(colors.values()))
        try:
            depth: Intrinsics | None = None
            if depths:
                depth = self._read_camera("depth", first_size(list(depths.values())))
        except DataError as error:
            if needs.depth == "required":
                raise
            logger.warning("%s: depth is not used: %s", name, error)
            depths.clear()
        try:
            color = self._read_camera("color", color_size)
        except DataError:
            if depth is None or color_size != (depth.width, depth.height):
                raise
            logger.info("%s: colour taken as resized to the depth camera", name)
            color = depth
        return color, depth or color

    def _read_camera(self, kind: str, size: tuple[int, int]) -> Intrinsics:
        candidates = [
            self._frames / "intrinsic" / f"intrinsic_{kind}.txt",
            self._frames / f"intrinsics_{kind}.txt",
            self._frames / "intrinsics" / f"intrinsics_{kind}.txt",
        ]
        found = next((path for path in candidates if path.is_file()), candidates[0])
        return camera_of_matrix(read_matrix(require_file(found, _FIX)), size, found)


def _find_depths(folder: Path, needs: Needs) -> dict[int, Path]:
    find = numbered if needs.depth == "required" else numbered_if_there
    return find(folder, rf"{_NAME}(?:\.depth)?{IMAGE}")


def frames_folder(scene: Path) -> Path:
    """Where a scene's exported frames lie: in the scene's folder or in ``frames/``."""
    return scene / "frames" if (scene / "frames" / "color").is_dir() else scene
