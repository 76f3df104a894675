"""Frames made small, and how well two of them agree on one scene."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.gate.checks import measured_depth
from hydra_mono.core.geometry import inverse, points_of_pixels

_WIDTH_PX = 64  # of a view: 1° a pixel, so that a few degrees of error show


@dataclass(frozen=True, slots=True)
class View:
    """A frame made small. ``depth_m`` is planar z, 0 for none; None where the frame has none."""

    grey: Float32[np.ndarray, "h w"]
    depth_m: Float32[np.ndarray, "h w"] | None
    intrinsics: Intrinsics
    world_from_camera: Float64[np.ndarray, "4 4"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of the points of one view: the share that another has in sight, and what it says of those.

    ``fitting``: share, of those in sight, that lie on the other's surface. ``floating``: share
    that lie in front of it, where it saw nothing. The rest is hidden behind its surface.
    """

    in_sight: float
    fitting: float
    floating: float


@dataclass(frozen=True, slots=True)
class ViewRule:
    """How near is the same; measured on TUM fr1/xyz, fr1/rpy and simulated buildings."""

    relative: float = 0.04  # of depth: noise, coarse pixels and edges of small views
    absolute_m: float = 0.03
    search_share: float = 0.2  # of the image that a camera turns between frames that look alike


def small_view(frame: Frame) -> View:
    """Every n-th pixel of a frame, about 64 across."""
    step = max(1, frame.intrinsics.width // _WIDTH_PX)
    rgb = frame.rgb[::step, ::step].astype(np.float32)
    height, width = rgb.shape[:2]
    camera = frame.intrinsics
    small = Intrinsics(
        camera.fx / step, camera.fy / step, camera.cx / step, camera.cy / step, width, height
    )
    depth = None if frame.depth_m is None else measured_depth(frame.depth_m[::step, ::step])
    return View(rgb.mean(axis=2), depth, small, frame.world_from_camera)


def agreement(a: View, b: View, rule: ViewRule | None = None) -> Agreement:
    """What ``b`` says of the surface that ``a`` measured; nothing where either has no depth."""
    rule = rule or ViewRule()
    if a.depth_m is None or b.depth_m is None:
        return Agreement(0.0, 0.0, 0.0)
    row, column = np.nonzero(a.depth_m)
    points = points_of_pixels(a.intrinsics, row, column, a.depth_m[row, column].astype(np.float64))
    b_from_a = inverse(b.world_from_camera) @ a.world_from_camera
    there, z = _depth_there(points @ b_from_a[:3, :3].T + b_from_a[:3, 3], b.depth_m, b.intrinsics)
    seen = there > 0
    if not seen.any():
        return Agreement(0.0, 0.0, 0.0)
    gap_m, near_m = z[seen] - there[seen], rule.absolute_m + rule.relative * there[seen]
    return Agreement(
        in_sight=float(seen.mean()),
        fitting=float((np.abs(gap_m) <= near_m).mean()),
        floating=float((gap_m < -near_m).mean()),
    )


def _depth_there(
    points_m: Float64[np.ndarray, "n 3"], depth_m: Float32[np.ndarray, "h w"], camera: Intrinsics
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """The depth measured where each point falls (0: out of sight), and the point's own."""
    z = points_m[:, 2]
    ahead = np.maximum(z, 1e-6)  # points behind the camera are left out below
    column = np.rint(points_m[:, 0] / ahead * camera.fx + camera.cx)
    row = np.rint(points_m[:, 1] / ahead * camera.fy + camera.cy)
    height, width = depth_m.shape
    inside = (z > 1e-3) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    there = np.zeros(len(z))
    there[inside] = depth_m[row[inside].astype(int), column[inside].astype(int)]
    return there, z


def likeness(a: View, b: View, rule: ViewRule | None = None) -> float:
    """Best correlation (-1..1) of two images over the shifts of a camera that turns a little.

    0 where either shows too little to tell, such as a bare wall.
    """
    if a.grey.shape != b.grey.shape:
        return 0.0
    share = (rule or ViewRule()).search_share
    height, width = a.grey.shape
    reach_v, reach_u = int(height * share), int(width * share)
    best = 0.0
    for dv in range(-reach_v, reach_v + 1, 2):
        for du in range(-reach_u, reach_u + 1, 2):
            best = max(best, _correlation(*_shifted(a.grey, b.grey, dv, du)))
    return best


def _shifted(
    a: Float32[np.ndarray, "h w"], b: Float32[np.ndarray, "h w"], dv: int, du: int
) -> tuple[np.ndarray, np.ndarray]:
    """The parts of two images that overlap when ``b`` is moved by (dv, du)."""
    height, width = a.shape
    rows, columns = slice(max(0, dv), height + min(0, dv)), slice(max(0, du), width + min(0, du))
    other = slice(max(0, -dv), height + min(0, -dv)), slice(max(0, -du), width + min(0, -du))
    return a[rows, columns], b[other]


def _correlation(a: np.ndarray, b: np.ndarray, least_contrast: float = 4.0) -> float:
    """Pearson's; 0 where an image has less contrast (grey levels) than a camera's noise."""
    a, b = a - a.mean(), b - b.mean()
    deviation_a, deviation_b = float(a.std()), float(b.std())
    if min(deviation_a, deviation_b) < least_contrast:
        return 0.0
    return float((a * b).mean() / (deviation_a * deviation_b))
