"""Replica as iMAP and NICE-SLAM rendered it: ``results/frame*.jpg``, ``depth*.png``, ``traj.txt``.

Straub et al., "The Replica dataset: a digital replica of indoor spaces", 2019.
"""

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.datasets.camera import checked_camera
from hydra_mono.datasets.facts import DescribedSource, SequenceFacts
from hydra_mono.datasets.files import (
    FRAME_NS,
    checked_pose,
    depth_from_raw,
    file_of,
    first_size,
    numbered,
    numbers_of,
    read_integers,
    read_rgb,
    read_text,
    require_file,
    require_size,
)

UNITS_PER_M = 6553.5
CAMERA_FILE = "cam_params.json"


class ReplicaSource(DescribedSource):
    """One frame per image in ``results/``; its number is its line in ``traj.txt``."""

    def __init__(self, folder: Path) -> None:
        self._poses = PoseLines(folder / "traj.txt")
        self._colors = numbered(folder / "results", r"frame(\d+)\.(?:jpg|png)")
        self._depths = numbered(folder / "results", r"depth(\d+)\.png")
        self._numbers = numbers_of(self._colors, self._depths)
        self.facts = SequenceFacts(folder.resolve().name, len(self._numbers))
        size = first_size(list(self._colors.values()))
        self._camera, self._units_per_m = replica_camera(folder, size, UNITS_PER_M)

    def __getitem__(self, index: int) -> Frame:
        number = self._numbers[index]
        name = f"{number:06d}"
        pose = self._poses.pose(number, name)
        color_path = file_of(self._colors, number, name)
        depth_path = file_of(self._depths, number, name)
        depth_m = depth_from_raw(read_integers(depth_path, name), self._units_per_m, name)
        rgb = read_rgb(color_path, name)
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
        )


class PoseLines:
    """A text file with one row-major camera-to-world matrix a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        text = read_text(require_file(path, "it holds one pose a line"))
        self._lines = [line for line in text.splitlines() if line.strip()]

    def pose(self, number: int, frame: str) -> Float64[np.ndarray, "4 4"]:
        """The pose on a line, counted from 0.

        Raises:
            BadFrameError: there is no such line, or it is not 16 finite numbers.
        """
        where = f"{self._path}, line {number + 1}"
        if number >= len(self._lines):
            raise BadFrameError(frame, "no-pose", f"{where}: the file has {len(self._lines)}")
        try:
            values = np.array([float(word) for word in self._lines[number].split()])
        except ValueError as error:
            raise BadFrameError(frame, "unreadable-pose", f"{where}: {error}") from error
        return checked_pose(values, frame, where)


def replica_camera(
    folder: Path, size: tuple[int, int], units_per_m: float
) -> tuple[Intrinsics, float]:
    """Camera and depth units, from ``cam_params.json`` in the folder or above it.

    Without that file the view is 90° wide, which both public renders have.

    Raises:
        DataError: the file is there and is not what it should be.
    """
    resolved = folder.resolve()
    candidates = [place / CAMERA_FILE for place in (resolved, resolved.parent)]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        width, height = size
        center = (width - 1) / 2, (height - 1) / 2
        return Intrinsics(width / 2, width / 2, *center, width, height), units_per_m
    try:
        camera = json.loads(read_text(path))["camera"]
        fx, fy, cx, cy = (float(camera[key]) for key in ("fx", "fy", "cx", "cy"))
        stored = int(camera["w"]), int(camera["h"])
        units_per_m = float(camera.get("scale", units_per_m))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected camera: w h fx fy cx cy scale ({error!r})") from error
    given = checked_camera(Intrinsics(fx, fy, cx, cy, *stored), path)
    if stored[0] * size[1] != stored[1] * size[0]:
        raise DataError(f"{path}: {stored[0]}×{stored[1]}, but the images are {size[0]}×{size[1]}")
    return given.resized(*size), units_per_m
