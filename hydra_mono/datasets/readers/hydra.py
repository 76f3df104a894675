"""The folder that Hydra's own Python loader reads and its logger writes.

``camera_info.yaml``, ``poses.csv`` (nanoseconds, position, quaternion w first; the body is the
camera) and ``color/rgb_*.png``, ``depth/depth_*.tiff`` (metres), ``labels/labels_*.png``, in
these folders or all in one.
"""

import logging
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.documents import number, parse_yaml, read_text, shortened
from hydra_mono.core.files.stamps import NANOSECONDS, parse_stamp, to_ns, unit_name, unit_of
from hydra_mono.core.files.trajectory import poses_of
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.camera import camera_of_document
from hydra_mono.datasets.facts import NumberedImages, NumberedSource, SequenceFacts, or_fault
from hydra_mono.datasets.files import IMAGE, checked_pose, file_of, numbered_if_there, require_file
from hydra_mono.datasets.images import read_metres
from hydra_mono.datasets.label_file import FILE_NAME, find_label_table

logger = logging.getLogger(__name__)

_COLUMNS = 8  # timestamp_ns, x, y, z, qw, qx, qy, qz
_MILLIMETRES = 1000.0  # a metre, where depth is whole numbers


class HydraSource(NumberedSource):
    """One frame per line of ``poses.csv``; Hydra's worlds have z up."""

    units_per_m = _MILLIMETRES

    def __init__(self, folder: Path, needs: Needs = EVERYTHING) -> None:
        self.camera = _read_camera(require_file(folder / "camera_info.yaml", "Hydra writes it"))
        self._path = require_file(folder / "poses.csv", "one pose a line is needed")
        self._rows = _read_rows(self._path)
        self._unit_ns = _unit_of(self._rows, self._path)
        self.images = NumberedImages(
            colors=_images(folder, "color", "rgb"),
            depths=_images(folder, "depth", "depth"),
            labels=_images(folder, "labels", "labels"),
        )
        table, fault = or_fault(lambda: find_label_table(folder))
        if table is None and self.images.labels:
            logger.warning("%s: labels are not used without a %s", folder, FILE_NAME)
        self.pose_of = self._pose
        name, has_depth = folder.resolve().name, bool(self.images.depths)
        self.facts = SequenceFacts(name, table=table, has_depth=has_depth, label_fault=fault)
        self.narrow(needs)

    def narrow(self, needs: Needs) -> None:
        super().narrow(needs)
        self.numbers = _by_stamp(self._rows)
        self.facts = replace(self.facts, length=len(self._rows))

    def frame_name(self, number: int) -> str:
        return f"{number:07d}"

    def stamp_ns(self, index: int, name: str) -> int:
        try:
            return to_ns(parse_stamp(self._rows[self.numbers[index]][0]), self._unit_ns)
        except ValueError as error:
            raise BadFrameError(name, "unreadable-stamp", f"{self._path}: {error}") from error

    def _pose(self, row_number: int, name: str) -> Float64[np.ndarray, "4 4"]:
        row = self._rows[row_number]
        try:
            values = np.array([number(cell) for cell in row[1:_COLUMNS]])
        except ValueError as error:
            raise BadFrameError(name, "unreadable-pose", f"{self._path}: {error}") from error
        if len(values) != _COLUMNS - 1:
            raise BadFrameError(name, "unreadable-pose", f"{self._path}: {len(row)} columns")
        pose = poses_of(values[None, [0, 1, 2, 4, 5, 6, 3]])[0]
        return checked_pose(pose, name, f"{self._path}, pose {shortened(', '.join(row))}")

    def read_depth(self, number: int, name: str) -> Float32[np.ndarray, "h w"]:
        path = file_of(self.images.depths, number, name, "depth image")
        size = self.camera.width, self.camera.height
        return read_metres(path, name, self.units_per_m, size)


def _images(folder: Path, kind: str, prefix: str) -> dict[int, Path]:
    """Images of a kind: in a folder of their own, or beside the others."""
    pattern = rf"{prefix}_(\d+){IMAGE}"
    return numbered_if_there(folder, pattern) | numbered_if_there(folder / kind, pattern)


def _read_camera(path: Path) -> Intrinsics:
    try:
        return camera_of_document(parse_yaml(read_text(path)), path)
    except ValueError as error:
        raise DataError(f"{path}: expected width height fx fy cx cy ({error})") from error


def _read_rows(path: Path) -> list[list[str]]:
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    rows = [[cell.strip() for cell in line.lstrip("#").split(",")] for line in lines]
    has_header = bool(rows) and not _is_stamp(rows[0][0])
    if len(rows) == has_header:
        raise DataError(f"{path} holds no pose")
    return rows[1:] if has_header else rows


def _is_stamp(word: str) -> bool:
    try:
        parse_stamp(word)
    except ValueError:
        return False
    return True


def _by_stamp(rows: list[list[str]]) -> list[int]:
    """Row numbers by ascending stamp; a row whose stamp is none stays behind the one before."""
    keys: list[Decimal] = []
    for row in rows:
        before = keys[-1] if keys else Decimal(0)
        keys.append(parse_stamp(row[0]) if _is_stamp(row[0]) else before)
    return sorted(range(len(rows)), key=keys.__getitem__)


def _unit_of(rows: list[list[str]], path: Path) -> int:
    """The unit of the stamps, which are nanoseconds as Hydra writes them."""
    stamps = [parse_stamp(row[0]) for row in rows if _is_stamp(row[0])]
    unit_ns = unit_of(stamps, NANOSECONDS)
    if unit_ns != NANOSECONDS:
        logger.warning("%s: stamps are taken for %s", path, unit_name(unit_ns))
    return unit_ns
