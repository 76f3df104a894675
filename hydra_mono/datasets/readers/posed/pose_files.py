"""Poses from whatever file: TUM, KITTI, 4×4 a line or a file, COLMAP, nerfstudio."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.documents import number, read_text
from hydra_mono.core.files.trajectory import TUM_COLUMNS, content_lines
from hydra_mono.datasets.layouts import is_colmap
from hydra_mono.datasets.lens import LensCamera
from hydra_mono.datasets.readers.tum_lists import read_pose_lines

_TUM, _MATRICES = 8, (12, 16)  # numbers a line
Pose = Float64[np.ndarray, "..."]


@dataclass(frozen=True)
class PoseTable:
    """``world_from_camera`` in OpenCV axes by stamp, by the image's place, or by its name.

    ``cameras`` and ``depths`` belong to names, where the file tells them; ``units_per_m`` is
    that of the depth images. ``is_metric`` is false where only the shape of the scene is known.
    """

    where: str
    stamps: list[Decimal] = field(default_factory=list)
    poses: list[Pose] = field(default_factory=list)
    by_name: dict[str, Pose] = field(default_factory=dict)
    cameras: dict[str, LensCamera] = field(default_factory=dict)
    depths: dict[str, Path] = field(default_factory=dict)
    units_per_m: float = 1000.0
    is_metric: bool = True

    def __len__(self) -> int:
        return len(self.by_name) or len(self.poses)


def read_poses(path: Path) -> PoseTable:
    """The poses of a file or folder, its kind told by its content.

    Raises:
        DataError: it cannot be read, or is none of the kinds.
    """
    if path.is_dir():
        if is_colmap(path):
            from hydra_mono.datasets.readers.posed.colmap import read_colmap

            return read_colmap(path)
        return _pose_a_file(path)
    if path.suffix.lower() == ".json":
        from hydra_mono.datasets.readers.posed.transforms import read_transforms

        return read_transforms(path)
    if path.name.lower() in ("images.txt", "images.bin"):
        return read_poses(path.parent)
    return _pose_a_line(path)


def _pose_a_line(path: Path) -> PoseTable:
    lines = content_lines(read_text(path), path)
    if len(lines) > 1 and re.match(r"[A-Za-z_]", lines[0][1][0]):
        lines = lines[1:]  # a header
    columns = len(lines[0][1]) if lines else 0
    if columns == _TUM:
        stamps, poses = read_pose_lines(path)
        return PoseTable(str(path), stamps, list(poses))
    if columns == 4 and len(lines) % 4 == 0:  # 4×4, a row a line
        rows = [row for where, row in lines]
        lines = [
            (lines[i][0], [word for row in rows[i : i + 4] for word in row])
            for i in range(0, len(rows), 4)
        ]
    elif columns not in _MATRICES:
        raise DataError(
            f"{path}: expected '{TUM_COLUMNS}', 12 or 16 numbers a line (KITTI, 4×4), COLMAP's "
            f"folder or transforms.json; found {columns} columns"
        )
    return PoseTable(str(path), poses=[_matrix(words, where) for where, words in lines])


def _pose_a_file(folder: Path) -> PoseTable:
    found = {path.stem: path for path in sorted(folder.glob("*.txt")) if path.name[0] != "."}
    if not found:
        raise DataError(f"{folder} holds no poses: no .txt files, and nothing of COLMAP's")
    poses = {stem: _matrix(read_text(path).split(), str(path)) for stem, path in found.items()}
    return PoseTable(str(folder), by_name=poses)


def _matrix(words: list[str], where: str) -> Pose:
    """Sixteen numbers of what is written, which may be no pose: frames are judged one by one.

    Raises:
        DataError: a word is no number.
    """
    try:
        values = np.array([number(word.strip(",")) for word in words])
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error
    return np.concatenate([values, [0.0, 0.0, 0.0, 1.0]]) if values.size == 12 else values
