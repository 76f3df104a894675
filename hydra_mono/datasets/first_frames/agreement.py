"""How well pairs of frames agree on one scene under a reading of their numbers."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import inverse, points_of_pixels
from hydra_mono.datasets.first_frames.pairs import SmallFrame
from hydra_mono.datasets.first_frames.readings import Reading, opencv_pose

_SAME_DEPTH = (
    0.03  # relative: below it lie noise and pixels of small views, above it other surfaces
)
_POINTS = 1200  # of a frame; 0.1 ms a reading and pair
_PLANES_M = (0.7, 1.5, 3.0, 6.0, 1000.0)  # depth of everything, where none is measured
_LEAST_POINTS = 100  # in both images, to correlate them


@dataclass(frozen=True, slots=True)
class Evidence:
    """Agreement of each pair, 0..1: of measured surfaces, or where there are none, of colours."""

    of_pairs: Float64[np.ndarray, " n"]

    @property
    def mean(self) -> float:
        return float(self.of_pairs.mean()) if len(self.of_pairs) else 0.0


def evidence(pairs: tuple[tuple[SmallFrame, SmallFrame], ...], reading: Reading) -> Evidence:
    """Share of points that lie on the other frame's surface, or correlation of the images."""
    return Evidence(np.array([_agreement(a, b, reading) for a, b in pairs], np.float64))


def _agreement(a: SmallFrame, b: SmallFrame, reading: Reading) -> float:
    if a.depth_m is None or b.depth_m is None:
        return max(_correlation(a, b, reading, plane_m) for plane_m in _PLANES_M)
    row, column = np.nonzero(a.depth_m)
    step = max(1, len(row) // _POINTS)
    row, column = row[::step], column[::step]
    if not len(row):
        return 0.0
    depth = a.depth_m[row, column].astype(np.float64) * reading.depth
    _, at, z = _project(a, b, reading, row, column, depth)
    there = b.depth_m[at] * reading.depth
    return float((np.abs(z - there) < _SAME_DEPTH * there).sum() / len(row))


def _correlation(a: SmallFrame, b: SmallFrame, reading: Reading, plane_m: float) -> float:
    """Of the grey values, over all pixels of the first frame; what falls outside counts as 0."""
    row, column = (axis.ravel() for axis in np.mgrid[0 : a.grey.shape[0], 0 : a.grey.shape[1]])
    step = max(1, len(row) // _POINTS)
    row, column = row[::step], column[::step]
    inside, at, _ = _project(a, b, reading, row, column, np.full(len(row), plane_m))
    if inside.sum() < _LEAST_POINTS:
        return 0.0
    here, there = a.grey[row[inside], column[inside]], b.grey[at]
    here, there = here - here.mean(), there - there.mean()
    spread = float(here.std() * there.std())
    return float((here * there).mean() / spread * inside.mean()) if spread > 1.0 else 0.0


def _project(
    a: SmallFrame,
    b: SmallFrame,
    reading: Reading,
    row: np.ndarray,
    column: np.ndarray,
    depth_m: Float64[np.ndarray, " n"],
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Which points fall into the other image, at which pixels, and at what depth."""
    points = points_of_pixels(read_camera(a.intrinsics, reading), row, column, depth_m)
    convention = reading.convention
    motion = inverse(opencv_pose(b.pose, convention)) @ opencv_pose(a.pose, convention)
    points = points @ motion[:3, :3].T + motion[:3, 3]
    camera, (height, width) = read_camera(b.intrinsics, reading), b.grey.shape
    z = np.maximum(points[:, 2], 1e-9)  # what lies behind is left out below
    u = np.rint(points[:, 0] / z * camera.fx + camera.cx)
    v = np.rint(points[:, 1] / z * camera.fy + camera.cy)
    inside = (points[:, 2] > 0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    return inside, (v[inside].astype(int), u[inside].astype(int)), points[inside, 2]


def read_camera(camera: Intrinsics, reading: Reading) -> Intrinsics:
    """The camera under a reading; the image keeps its size."""
    return Intrinsics(
        fx=camera.fx * reading.focal_x,
        fy=camera.fy * reading.focal_y,
        cx=(camera.cx + 0.5) * reading.centre - 0.5,
        cy=(camera.cy + 0.5) * reading.centre - 0.5,
        width=camera.width,
        height=camera.height,
    )
