"""Replica as Semantic-NeRF and vMAP rendered it: ``rgb/ depth/ semantic_class/ traj_w_c.txt``.

Zhi et al., "In-place scene labelling and understanding with implicit scene representation",
ICCV 2021; Kong et al., "vMAP: vectorised object mapping for neural field SLAM", CVPR 2023.
"""

import logging
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import NO_LABELS, LabelSpace, load_label_space
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
from hydra_mono.datasets.replica import PoseLines, replica_camera

logger = logging.getLogger(__name__)

UNITS_PER_M = 1000.0


class ReplicaSemanticSource:
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
        self._classes = self._find_classes()
        self._table = self._find_table()

    @property
    def name(self) -> str:
        folder = self._folder.resolve()
        scene = folder.parents[1] if folder.parent.name == "imap" else folder.parent
        return f"{scene.name}-{folder.name}"

    @property
    def label_space(self) -> LabelSpace:
        return self._table.space if self._table else NO_LABELS

    @property
    def world_up(self) -> tuple[float, float, float]:
        return (0.0, 0.0, 1.0)

    def __len__(self) -> int:
        return len(self._numbers)

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

    def _find_classes(self) -> dict[int, Path]:
        folder = self._folder / "semantic_class"
        if folder.is_dir():
            return numbered(folder, r"(?:semantic_class_)?(\d+)\.png")
        logger.info("%s: no semantic_class images; the run goes without labels", self.name)
        return {}

    def _find_table(self) -> LabelTable | None:
        if not self._classes:
            return None
        return find_label_table(self._folder) or identity_table(load_label_space("replica"))


def sequence_folder(path: Path) -> Path:
    """The folder itself, or the first sequence of a vMAP scene, ``imap/00``."""
    inner = path / "imap" / "00"
    return inner if not (path / "traj_w_c.txt").is_file() and inner.is_dir() else path
