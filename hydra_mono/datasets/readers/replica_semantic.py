"""Replica as Semantic-NeRF and vMAP rendered it: ``rgb/ depth/ semantic_class/ traj_w_c.txt``.

Zhi et al., "In-place scene labelling and understanding with implicit scene representation",
ICCV 2021; Kong et al., "vMAP: vectorised object mapping for neural field SLAM", CVPR 2023.
"""

import logging
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import load_label_space
from hydra_mono.datasets.facts import DescribedSource, SequenceFacts
from hydra_mono.datasets.files import (
    FRAME_NS,
    depth_from_raw,
    file_of,
    first_size,
    numbered,
    numbers_of,
    read_integers,
    read_rgb,
    require_size,
)
from hydra_mono.datasets.label_file import find_label_table
from hydra_mono.datasets.labels import LabelTable, identity_table
from hydra_mono.datasets.readers.replica import PoseLines, replica_camera

logger = logging.getLogger(__name__)

UNITS_PER_M = 1000.0


class ReplicaSemanticSource(DescribedSource):
    """One frame per colour image; labels are Replica's own 101 classes.

    A ``label_space.yaml`` in the folder takes the place of those.
    """

    def __init__(self, path: Path) -> None:
        self._folder = sequence_folder(path)
        self._poses = PoseLines(self._folder / "traj_w_c.txt")
        self._colors = numbered(self._folder / "rgb", r"(?:rgb_)?(\d+)\.(?:png|jpg)")
        self._depths = numbered(self._folder / "depth", r"(?:depth_)?(\d+)\.png")
        self._numbers = numbers_of(self._colors, self._depths)
        size = first_size(list(self._colors.values()))
        self._camera, self._units_per_m = replica_camera(self._folder, size, UNITS_PER_M)
        name = sequence_name(self._folder)
        self._classes = _find_classes(self._folder, name)
        self._table = _find_table(self._folder) if self._classes else None
        self.facts = SequenceFacts(name, len(self._numbers), table=self._table)

    def __getitem__(self, index: int) -> Frame:
        number = self._numbers[index]
        name = f"{number:06d}"
        pose = self._poses.pose(number, name)
        color_path = file_of(self._colors, number, name)
        depth_path = file_of(self._depths, number, name)
        rgb = read_rgb(color_path, name)
        depth_m = depth_from_raw(read_integers(depth_path, name), self._units_per_m, name)
        for path, image in ((depth_path, depth_m), (color_path, rgb)):
            require_size(image, self._camera.width, self._camera.height, name, str(path))
        return Frame(
            index=index,
            name=name,
            stamp_ns=number * FRAME_NS,
            world_from_camera=pose,
            intrinsics=self._camera,
            rgb=rgb,
            depth_m=depth_m,
            labels=self._read_labels(number, name),
        )

    def _read_labels(self, number: int, name: str) -> UInt8[np.ndarray, "h w"] | None:
        path = self._classes.get(number)
        if path is None or self._table is None:
            return None
        raw = read_integers(path, name)
        require_size(raw, self._camera.width, self._camera.height, name, str(path))
        return self._table(raw, name)


def sequence_name(path: Path) -> str:
    """Scene and sequence; ``imap`` between them says nothing."""
    folder = path.resolve()
    scene = folder.parents[1] if folder.parent.name == "imap" else folder.parent
    return f"{scene.name}-{folder.name}"


def _find_classes(folder: Path, name: str) -> dict[int, Path]:
    if (folder / "semantic_class").is_dir():
        return numbered(folder / "semantic_class", r"(?:semantic_class_)?(\d+)\.png")
    logger.info("%s: no semantic_class images; the run goes without labels", name)
    return {}


def _find_table(folder: Path) -> LabelTable:
    return find_label_table(folder) or identity_table(load_label_space("replica"))


def sequence_folder(path: Path) -> Path:
    """The folder itself, or the first sequence of a vMAP scene, ``imap/00``."""
    inner = path / "imap" / "00"
    return inner if not (path / "traj_w_c.txt").is_file() and inner.is_dir() else path
