"""Replica as iMAP and NICE-SLAM rendered it: ``results/frame*.jpg``, ``depth*.png``, ``traj.txt``.

Straub et al., "The Replica dataset: a digital replica of indoor spaces", 2019.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.documents import finite, parse_json, read_text
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.camera import camera_of_document
from hydra_mono.datasets.facts import NumberedImages, NumberedSource, SequenceFacts
from hydra_mono.datasets.files import IMAGE, numbered, numbered_if_there, parse_pose, require_file
from hydra_mono.datasets.images import checked_units, first_size

UNITS_PER_M = 6553.5
CAMERA_FILE = "cam_params.json"


class ReplicaSource(NumberedSource):
    """One frame per image in ``results/``; its number is its line in ``traj.txt``."""

    def __init__(self, folder: Path, needs: Needs = EVERYTHING) -> None:
        self.pose_of = PoseLines(folder / "traj.txt").pose
        self.images = NumberedImages(
            colors=numbered(folder / "results", rf"frame_?(\d+){IMAGE}"),
            depths=numbered_if_there(folder / "results", rf"depth_?(\d+){IMAGE}"),
            labels={},
        )
        size = first_size(list(self.images.colors.values()))
        self.camera, self.units_per_m = replica_camera(folder, size, UNITS_PER_M)
        self.facts = SequenceFacts(folder.resolve().name, has_depth=bool(self.images.depths))
        self.narrow(needs)


class PoseLines:
    """A text file with one row-major camera-to-world matrix a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        text = read_text(require_file(path, "it holds one pose a line"))
        self._lines = [line for line in text.splitlines() if line.strip()]

    def __len__(self) -> int:
        return len(self._lines)

    def pose(self, number: int, frame: str) -> Float64[np.ndarray, "4 4"]:
        """The pose on a line, counted from 0.

        Raises:
            BadFrameError: there is no such line, or it is no pose.
        """
        where = f"{self._path}, line {number + 1}"
        if number >= len(self._lines):
            raise BadFrameError(frame, "no-pose", f"{where}: the file has {len(self._lines)}")
        return parse_pose(self._lines[number], frame, where)


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
        values = parse_json(read_text(path))["camera"]
        given = camera_of_document(values | {"width": values["w"], "height": values["h"]}, path)
        units_per_m = checked_units(finite(values.get("scale", units_per_m)), path)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected camera: w h fx fy cx cy scale ({error!r})") from error
    if given.width * size[1] != given.height * size[0]:
        found = f"{given.width}×{given.height}"
        raise DataError(f"{path}: {found}, but the images are {size[0]}×{size[1]}")
    return given.resized(*size), units_per_m
