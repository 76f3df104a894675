"""Other readings of the same numbers: what poses, calibration and depth may have been meant as."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.geometry import OPENGL_FROM_OPENCV, inverse

Kind = Literal["as told", "pose convention", "intrinsics", "depth scale"]
Pose = Float64[np.ndarray, "4 4"]

# By how much focal lengths are off in practice: halved and doubled images, 3:4 crops, sensors.
# Less than 15 % is left to the calibration: lenses that are not corrected look so.
_FOCAL_FACTORS = (0.4, 0.5, 0.6, 0.67, 0.75, 0.83, 1.2, 1.33, 1.5, 1.67, 2.0, 2.5)
_SIZE_FACTORS = (
    0.25,
    1 / 3,
    0.5,
    2 / 3,
    0.75,
    4 / 3,
    1.5,
    2.0,
    3.0,
    4.0,
)  # of images that are resized
_ASPECT_FACTORS = (9 / 16, 0.75, 4 / 3, 16 / 9)  # one focal length for an image squeezed or cropped
# units that depth images come in, one taken for another: mm, 1/5000 m, 1/1000, 8 bits for 10 m
_UNIT_FACTORS = (
    *(1 / 5000, 1 / 1000, 1 / 256, 0.0255, 0.1, 0.2, 0.25, 0.5),
    *(2.0, 4.0, 5.0, 10.0, 1000 / 25.5, 256.0, 1000.0, 5000.0),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One change to what a source says, with the factors that it puts on its numbers."""

    kind: Kind
    convention: str = "opencv"
    focal_x: float = 1.0
    focal_y: float = 1.0
    centre: float = 1.0  # of the principal point, counted from the image's corner
    depth: float = 1.0

    @property
    def is_common(self) -> bool:
        """Whether many make this mistake: millimetres, and 1/5000 m for 1/1000 m."""
        return self.kind != "depth scale" or self.depth in (0.001, 0.2, 5.0, 1000.0)


AS_TOLD = Reading("as told")


def opencv_pose(pose: Pose, convention: str) -> Pose:
    """``world_from_camera`` in OpenCV axes, of a pose in any convention."""
    if convention.startswith("inverse"):
        pose = inverse(pose)
    return pose @ OPENGL_FROM_OPENCV if convention.endswith("opengl") else pose


def convention_readings() -> Iterator[Reading]:
    for convention in ("opengl", "inverse", "inverse-opengl"):
        yield Reading("pose convention", convention=convention)


def intrinsics_readings() -> Iterator[Reading]:
    for factor in _FOCAL_FACTORS:
        yield Reading("intrinsics", focal_x=factor, focal_y=factor)
    for factor in _SIZE_FACTORS:
        yield Reading("intrinsics", focal_x=factor, focal_y=factor, centre=factor)
    for factor in _ASPECT_FACTORS:
        yield Reading("intrinsics", focal_y=factor)
        yield Reading("intrinsics", focal_x=factor)


def depth_readings() -> Iterator[Reading]:
    for factor in _UNIT_FACTORS:
        yield Reading("depth scale", depth=factor)
