"""The folder that Hydra's own Python loader reads and its logger writes.

``camera_info.yaml``, ``poses.csv`` (nanoseconds, position, quaternion w first; the body is the
camera) and ``color/rgb_*.png``, ``depth/depth_*.tiff`` (metres), ``labels/labels_*.png``, in
these folders or all in one.
"""

import csv
import logging
from pathlib import Path

import numpy as np
import yaml
from jaxtyping import Float64, UInt8

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import pose_from_quat_xyzw
from hydra_mono.datasets.camera import checked_camera
from hydra_mono.datasets.facts import DescribedSource, SequenceFacts
from hydra_mono.datasets.files import (
    read_integers,
    read_metres,
    read_rgb,
    read_text,
    require_file,
    require_size,
)
from hydra_mono.datasets.label_file import FILE_NAME, find_label_table

logger = logging.getLogger(__name__)

_COLUMNS = 8  # timestamp_ns, x, y, z, qw, qx, qy, qz


class HydraSource(DescribedSource):
    """One frame per line of ``poses.csv``; Hydra's worlds have z up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._camera = _read_camera(require_file(folder / "camera_info.yaml", "Hydra writes it"))
        self._rows = _read_rows(require_file(folder / "poses.csv", "one pose a line is needed"))
        self._table = find_label_table(folder)
        if self._table is None and self._find("labels", 0) is not None:
            logger.warning("%s: labels are not used without a %s", folder, FILE_NAME)
        name = folder.resolve().name
        self.facts = SequenceFacts(name, len(self._rows), table=self._table)

    def __getitem__(self, index: int) -> Frame:
        number = range(len(self))[index]
        name = f"{number:07d}"
        stamp_ns, pose = _parse_row(self._rows[number], name, self._folder / "poses.csv")
        rgb = read_rgb(self._require("color", number), name)
        depth_m = read_metres(self._require("depth", number), name)
        for what, image in (("colour", rgb), ("depth", depth_m)):
            require_size(image, self._camera.width, self._camera.height, name, what)
        return Frame(
            index=number,
            name=name,
            stamp_ns=stamp_ns,
            world_from_camera=pose,
            intrinsics=self._camera,
            rgb=rgb,
            depth_m=depth_m,
            labels=self._read_labels(number, name),
        )

    def _read_labels(self, number: int, name: str) -> UInt8[np.ndarray, "h w"] | None:
        path = self._find("labels", number)
        if self._table is None or path is None:
            return None
        raw = read_integers(path, name)
        require_size(raw, self._camera.width, self._camera.height, name, str(path))
        return self._table(raw, name)

    def _require(self, kind: str, number: int) -> Path:
        path = self._find(kind, number)
        if path is None:
            raise BadFrameError(f"{number:07d}", "missing-file", f"no {kind} in {self._folder}")
        return path

    def _find(self, kind: str, number: int) -> Path | None:
        stem = f"{'rgb' if kind == 'color' else kind}_{number:07d}"
        suffixes = (".tiff", ".tif", ".png") if kind == "depth" else (".png", ".jpg")
        folders = (self._folder / kind, self._folder)
        candidates = (folder / (stem + suffix) for folder in folders for suffix in suffixes)
        return next((path for path in candidates if path.is_file()), None)


def _read_camera(path: Path) -> Intrinsics:
    try:
        values = yaml.safe_load(read_text(path))
        fx, fy, cx, cy = (float(values[key]) for key in ("fx", "fy", "cx", "cy"))
        size = int(values["width"]), int(values["height"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: expected width height fx fy cx cy ({error!r})") from error
    return checked_camera(Intrinsics(fx, fy, cx, cy, *size), path)


def _read_rows(path: Path) -> list[list[str]]:
    rows = [row for row in csv.reader(read_text(path).splitlines()) if row]
    has_header = bool(rows) and not rows[0][0].strip().lstrip("-").isdecimal()
    if len(rows) == has_header:
        raise DataError(f"{path} holds no pose")
    return rows[1:] if has_header else rows


def _parse_row(row: list[str], frame: str, path: Path) -> tuple[int, Float64[np.ndarray, "4 4"]]:
    try:
        stamp_ns, values = int(row[0]), np.array([float(cell) for cell in row[1:_COLUMNS]])
    except ValueError as error:
        raise BadFrameError(frame, "unreadable-pose", f"{path}: {error}") from error
    if len(values) != _COLUMNS - 1:
        raise BadFrameError(frame, "unreadable-pose", f"{path}: {len(row)} columns")
    if not np.isfinite(values).all() or np.linalg.norm(values[3:]) < 1e-6:
        raise BadFrameError(frame, "nan-pose", f"{path}: {row}")
    return stamp_ns, pose_from_quat_xyzw(values[:3], values[[4, 5, 6, 3]])
