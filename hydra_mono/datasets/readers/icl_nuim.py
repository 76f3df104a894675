"""ICL-NUIM, its TUM-compatible form: ``rgb/N.png``, ``depth/N.png`` and ``*.gt.freiburg``.

Handa et al., "A benchmark for RGB-D visual odometry, 3D reconstruction and SLAM", ICRA 2014.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.facts import NumberedImages, NumberedSource, SequenceFacts, no_pose
from hydra_mono.datasets.files import IMAGE, checked_pose, numbered, numbered_if_there
from hydra_mono.datasets.images import first_size
from hydra_mono.datasets.readers.tum_lists import read_pose_lines

CAMERA = Intrinsics(fx=481.2, fy=480.0, cx=319.5, cy=239.5, width=640, height=480)
UNITS_PER_M = 5000.0
_MIRROR = np.diag([1.0, -1.0, 1.0, 1.0])


class IclNuimSource(NumberedSource):
    """One frame per number; the number is its stamp in the trajectory.

    The data set's camera has a negative fy: its axes, and with them its world, are left-handed.
    Mirroring y in both gives this source's right-handed ones, in which y points down. The
    numbers count frames at 30 Hz.
    """

    units_per_m = UNITS_PER_M

    def __init__(self, folder: Path, needs: Needs = EVERYTHING) -> None:
        self.images = NumberedImages(
            colors=numbered(folder / "rgb", rf"(\d+){IMAGE}"),
            depths=numbered_if_there(folder / "depth", rf"(\d+){IMAGE}"),
            labels={},
        )
        self.camera = CAMERA.resized(*first_size(list(self.images.colors.values())))
        self._poses = _poses_by_number(trajectory_file(folder))
        self.pose_of = self._pose
        self.facts = SequenceFacts(
            folder.resolve().name,
            world_up=(0.0, -1.0, 0.0),
            has_depth=bool(self.images.depths),
        )
        self.narrow(needs)

    def _pose(self, number: int, name: str) -> Float64[np.ndarray, "4 4"]:
        if number not in self._poses:
            raise no_pose(number, name)
        pose = checked_pose(self._poses[number], name, f"the trajectory's pose {number}")
        return np.asarray(_MIRROR @ pose @ _MIRROR)


def trajectory_file(folder: Path) -> Path:
    """The one file of poses.

    Raises:
        DataError: there is none, or several.
    """
    named = sorted(path for path in folder.glob("*.gt.freiburg") if path.name[0] != ".")
    found = named or sorted(folder.glob("groundtruth.txt"))
    if len(found) != 1:
        raise DataError(f"{folder}: expected one *.gt.freiburg, found {len(found)}")
    return found[0]


def _poses_by_number(path: Path) -> dict[int, Float64[np.ndarray, "4 4"]]:
    stamps, poses = read_pose_lines(path)
    return {round(stamp): pose for stamp, pose in zip(stamps, poses, strict=True)}
