"""Hypersim for training (Roberts et al., ICCV 2021), as downloaded.

``ai_VVV_NNN/images/scene_cam_XX_{final_preview,geometry_hdf5}/frame.IIII.*``; colour is the
tone-mapped preview. ``depth_meters`` is the distance along the ray, and normals lie in axes
x right, y up, z towards the viewer. Labels are NYU40's with −1 for none.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt16

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.training.data.edges import edge_map
from hydra_mono.training.readers.files import (
    fitting,
    known_depth,
    nyu40_labels,
    read_hdf5,
    read_image,
    read_lines,
    require_h5py,
)
from hydra_mono.training.readers.hypersim_camera import (
    CAMERA_FILE,
    STANDARD,
    SceneCamera,
    scene_cameras,
)
from hydra_mono.training.readers.normals import facing_camera
from hydra_mono.training.samples import Sample

SPLIT_FILE = "metadata_images_split_scene_v1.csv"
PARTITIONS = {"train": "train", "validation": "val", "test": "test"}
_PREVIEW = re.compile(r"([^/]+)/images/scene_(cam_\d+)_final_preview/frame\.(\d+)\.tonemap\.jpg$")


@dataclass(frozen=True, slots=True)
class Shot:
    """One image: scene, camera and number."""

    scene: str
    camera: str
    frame: int

    @property
    def name(self) -> str:
        return f"{self.scene}/{self.camera}/{self.frame:04d}"

    def path(self, root: Path, folder: str, what: str) -> Path:
        images = root / self.scene / "images"
        return images / f"scene_{self.camera}_{folder}" / f"frame.{self.frame:04d}.{what}"


class RawHypersim:
    """Samples of the shots listed; ``cameras`` holds those of scenes that have their own."""

    def __init__(
        self, root: Path, shots: list[Shot], cameras: Mapping[str, SceneCamera], name: str
    ) -> None:
        self._root, self._shots, self._cameras, self._name = root, shots, cameras, name

    @property
    def name(self) -> str:
        return self._name

    def __len__(self) -> int:
        return len(self._shots)

    def __getitem__(self, index: int) -> Sample:
        shot = self._shots[index]
        rgb = read_image(shot.path(self._root, "final_preview", "tonemap.jpg"), "RGB")
        scene = self._cameras.get(shot.scene, STANDARD)
        camera = scene.intrinsics.resized(rgb.shape[1], rgb.shape[0])
        depth_m = planar_depth(self._read(shot, "depth_meters", camera), camera)
        labels = nyu40_labels(self._read(shot, "semantic", camera))
        normals = self._read(shot, "normal_cam", camera, channels=3) @ scene.hypersim_from_image
        return Sample(
            name=shot.name,
            rgb=rgb,
            intrinsics=camera,
            depth_m=depth_m,
            labels=labels,
            normals=facing_camera(normals, camera),
            edges=edge_map(labels, self._instances(shot, camera), depth_m),
        )

    def _read(self, shot: Shot, what: str, camera: Intrinsics, channels: int = 1) -> np.ndarray:
        path = shot.path(self._root, "geometry_hdf5", f"{what}.hdf5")
        return fitting(read_hdf5(path), camera, channels, path)

    def _instances(self, shot: Shot, camera: Intrinsics) -> UInt16[np.ndarray, "h w"] | None:
        """The instances, where they were downloaded."""
        if not shot.path(self._root, "geometry_hdf5", "semantic_instance.hdf5").is_file():
            return None
        instances = self._read(shot, "semantic_instance", camera)
        return np.where(instances > 0, instances, 0).astype(np.uint16)


def open_raw_hypersim(root: Path, part: str) -> RawHypersim:
    """The frames on disk of a part of the official split by scene; all needs no list of it.

    With ``metadata_camera_parameters.csv`` in the folder, scenes taken with a shifted lens get
    their true camera, and the few that no pinhole took are left out.

    Raises:
        DataError: there are no such frames, or the split is not beside the scenes.
        MissingDependencyError: h5py is not installed.
    """
    require_h5py()
    shots = _shots_on_disk(root)
    if part != "all":
        wanted = _split(root / SPLIT_FILE, PARTITIONS[part])
        shots = [shot for shot in shots if shot in wanted]
    cameras = scene_cameras(root / CAMERA_FILE)
    pinholes = {scene: camera for scene, camera in cameras.items() if camera is not None}
    shots = [shot for shot in shots if shot.scene in pinholes or shot.scene not in cameras]
    if not shots:
        raise DataError(
            f"{root} has no frame of part '{part}'; a frame needs "
            "ai_*/images/scene_cam_*_final_preview/frame.*.tonemap.jpg"
        )
    return RawHypersim(root, shots, pinholes, f"hypersim/{part}")


def planar_depth(distance_m: np.ndarray, camera: Intrinsics) -> Float32[np.ndarray, "h w"]:
    """Depth along the optical axis from distances along the rays; 0 where there is none."""
    return known_depth(distance_m / np.linalg.norm(camera_rays(camera), axis=2))


def _shots_on_disk(root: Path) -> list[Shot]:
    paths = sorted(root.glob("ai_*/images/scene_cam_*_final_preview/frame.*.tonemap.jpg"))
    matches = [_PREVIEW.search(path.as_posix()) for path in paths]
    return [Shot(match[1], match[2], int(match[3])) for match in matches if match]


def _split(path: Path, partition: str) -> set[Shot]:
    fix = "take it from evermotion_dataset/analysis of the Hypersim repository, or take part 'all'"
    try:
        return {
            Shot(row["scene_name"], row["camera_name"], int(row["frame_id"]))
            for row in csv.DictReader(read_lines(path, fix))
            if row["split_partition_name"] == partition
        }
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not Hypersim's list of its split ({error!r}); {fix}") from error
