"""Replica as Semantic-NeRF and vMAP rendered it: ``rgb/ depth/ semantic_class/ traj_w_c.txt``.

Zhi et al., "In-place scene labelling and understanding with implicit scene representation",
ICCV 2021; Kong et al., "vMAP: vectorised object mapping for neural field SLAM", CVPR 2023.
"""

import logging
from functools import partial
from pathlib import Path

from hydra_mono.core.labels import load_label_space
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.facts import NumberedImages, NumberedSource, SequenceFacts, or_fault
from hydra_mono.datasets.files import IMAGE, numbered, numbered_if_there
from hydra_mono.datasets.images import first_size
from hydra_mono.datasets.label_file import find_label_table
from hydra_mono.datasets.labels import LabelTable, identity_table
from hydra_mono.datasets.readers.replica import PoseLines, replica_camera

logger = logging.getLogger(__name__)

UNITS_PER_M = 1000.0


class ReplicaSemanticSource(NumberedSource):
    """One frame per colour image; labels are Replica's own 101 classes.

    A ``label_space.yaml`` in the folder takes the place of those.
    """

    def __init__(self, path: Path, needs: Needs = EVERYTHING) -> None:
        folder = sequence_folder(path)
        name = sequence_name(folder)
        self.pose_of = PoseLines(folder / "traj_w_c.txt").pose
        self.images = NumberedImages(
            colors=numbered(folder / "rgb", rf"(?:rgb_)?(\d+){IMAGE}"),
            depths=numbered_if_there(folder / "depth", rf"(?:depth_)?(\d+){IMAGE}"),
            labels=numbered_if_there(
                folder / "semantic_class", rf"(?:semantic_class_)?(\d+){IMAGE}"
            ),
        )
        size = first_size(list(self.images.colors.values()))
        self.camera, self.units_per_m = replica_camera(folder, size, UNITS_PER_M)
        find = partial(_find_table, folder) if self._has_labels(name) else lambda: None
        table, fault = or_fault(find)
        has_depth = bool(self.images.depths)
        self.facts = SequenceFacts(name, table=table, has_depth=has_depth, label_fault=fault)
        self.narrow(needs)

    def _has_labels(self, name: str) -> bool:
        if not self.images.labels:
            logger.info("%s: no semantic_class images; the run goes without labels", name)
        elif not self.images.labels.keys() & self.images.colors.keys():
            logger.warning("%s: no semantic_class image has a colour image's number", name)
        return bool(self.images.labels)


def sequence_name(path: Path) -> str:
    """Scene and sequence; ``imap`` between them says nothing."""
    folder = path.resolve()
    scene = folder.parents[1] if folder.parent.name == "imap" else folder.parent
    return f"{scene.name}-{folder.name}"


def _find_table(folder: Path) -> LabelTable:
    return find_label_table(folder) or identity_table(load_label_space("replica"))


def sequence_folder(path: Path) -> Path:
    """The folder itself, or the first sequence of a vMAP scene, ``imap/00``."""
    inner = path / "imap" / "00"
    return inner if not (path / "traj_w_c.txt").is_file() and inner.is_dir() else path
