"""ICL-NUIM, its TUM-compatible form: ``rgb/N.png``, ``depth/N.png`` and ``*.gt.freiburg``.

Handa et al., "A benchmark for RGB-D visual odometry, 3D reconstruction and SLAM", ICRA 2014.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame, Intrinsics
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
    require_size,
)
from hydra_mono.datasets.readers.tum_lists import read_poses

CAMERA = Intrinsics(fx=481.2, fy=480.0, cx=319.5, cy=239.5, width=640, height=480)
UNITS_PER_M = 5000.0
_MIRROR = np.diag([1.0, -1.0, 1.0, 1.0])


class IclNuimSource(DescribedSource):
    """One frame per number; the number is its stamp in the trajectory.

    The data set's camera has a negative fy: its axes, and with them its world, are left-handed.
    Mirroring y in both gives this source's right-handed ones, in which y points down. The
    numbers count frames at 30 Hz.
    """

    def __init__(self, folder: Path) -> None:
        self._colors = numbered(folder / "rgb", r"(\d+)\.png")
        self._depths = numbered(folder / "depth", r"(\d+)\.png")
        self._numbers = numbers_of(self._colors, self._depths)
        self.facts = SequenceFacts(
            folder.resolve().name, len(self._numbers), world_up=(0.0, -1.0, 0.0)
        )
        self._camera = CAMERA.resized(*first_size(list(self._colors.values())))
        self._poses = _poses_by_number(trajectory_file(folder))

    def __getitem__(self, index: int) -> Frame:
        number = self._numbers[index]
        name = f"{number:06d}"
        if number not in self._poses:
            raise BadFrameError(name, "no-pose", f"the trajectory has no pose {number}")
        pose = checked_pose(self._poses[number], name, f"the trajectory's pose {number}")
        color_path = file_of(self._colors, number, name)
        depth_path = file_of(self._depths, number, name)
        rgb = read_rgb(color_path, name)
        depth_m = depth_from_raw(read_integers(depth_path, name), UNITS_PER_M, name)
        for path, image in ((color_path, rgb), (depth_path, depth_m)):
            require_size(image, self._camera.width, self._camera.height, name, str(path))
        return Frame(
            index=index,
            name=name,
            stamp_ns=number * FRAME_NS,
            world_from_camera=_MIRROR @ pose @ _MIRROR,
            intrinsics=self._camera,
            rgb=rgb,
            depth_m=depth_m,
        )


def trajectory_file(folder: Path) -> Path:
    """The one file of poses.

    Raises:
        DataError: there is none, or several.
    """
    found = sorted(folder.glob("*.gt.freiburg")) or sorted(folder.glob("groundtruth.txt"))
    if len(found) != 1:
        raise DataError(f"{folder}: expected one *.gt.freiburg, found {len(found)}")
    return found[0]


def _poses_by_number(path: Path) -> dict[int, Float64[np.ndarray, "4 4"]]:
    trajectory = read_poses(path)
    numbers = np.rint(trajectory.stamps_ns / 1e9).astype(int).tolist()
    return dict(zip(numbers, trajectory.world_from_camera, strict=True))
