"""What rays of a depth image tell of points of known surface: seen on, seen through, or hidden."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float32, Float64, Int8, Shaped

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.prediction import Prediction


class Ray(IntEnum):
    """Of one point: ``NONE`` where the camera does not look, or measures nothing certain."""

    NONE = 0
    ON = 1
    THROUGH = 2
    HIDDEN = 3


@dataclass(frozen=True, slots=True)
class RayRule:
    """How much a measured depth must differ from a point's for the point to be seen through."""

    slack_m: float = 0.06  # a voxel, and what surfaces are rounded by
    clear_m: float = 0.12  # at least, and a deviation, to be seen through: poses jump by 10 cm
    sigmas: float = 3.0  # deviations of the depth, which grow with distance
    on_sigmas: float = 1.0  # of a camera's, to be seen on: one of nine pixels keeps to it, and
    # at 4 m three of them reach from a bin to the wall behind it
    window_m: float = 0.04  # round a point: half a voxel of surface, and a centimetre of pose
    widest_px: int = 6  # of that window's half: nearer, surfaces are smooth in it
    least_valid: int = 5  # of the window's nine pixels, to see through it
    nearest_m: float = 0.2  # nearer than depth cameras measure


@dataclass(frozen=True, slots=True)
class DepthLook:
    """A depth image to look with; pixels without a measurement are 0.

    Those of what moves are negative: it hides what is behind, and proves nothing else.
    ``sigma_m``: deviation of an estimated depth; None: that of a depth camera.
    """

    depth_m: Float32[np.ndarray, "h w"]
    sigma_m: Float32[np.ndarray, "h w"] | None
    intrinsics: Intrinsics
    world_from_camera: Float64[np.ndarray, "4 4"]
    max_depth_m: float

    @staticmethod
    def of(
        frame: Frame, prediction: Prediction, keep: np.ndarray | None, max_depth_m: float
    ) -> "DepthLook":
        depth = prediction.depth_m
        if keep is not None:
            depth = np.where(keep, depth, -depth)
        pose = frame.world_from_camera
        return DepthLook(depth, prediction.sigma_m, frame.intrinsics, pose, max_depth_m)

    def camera_points(self, points_m: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
        """World points in camera axes."""
        pose = self.world_from_camera
        return np.asarray(((points_m - pose[:3, 3]) @ pose[:3, :3]).astype(np.float32))

    def pixels_of(
        self, points_m: Float32[np.ndarray, "n 3"], nearest_m: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Which points are in view, and of those the depth, column and row."""
        x, y, z = self.camera_points(points_m).T
        camera = self.intrinsics
        ahead = (z > nearest_m) & (z < self.max_depth_m)
        safe = np.where(ahead, z, np.float32(1))
        u = np.rint(camera.fx * x / safe + camera.cx)
        v = np.rint(camera.fy * y / safe + camera.cy)
        ahead &= (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
        return np.flatnonzero(ahead), z[ahead], u[ahead].astype(int), v[ahead].astype(int)

    def values_at(
        self, image: Shaped[np.ndarray, "h w"], points_m: Float32[np.ndarray, "n 3"]
    ) -> Shaped[np.ndarray, " m"]:
        """An image's values at the points in view, hidden or not."""
        _, _, u, v = self.pixels_of(points_m)
        return np.asarray(image[v, u])


def camera_sigma_m(depth_m: Float32[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
    """Deviation of a depth camera's measurement (Nguyen et al., 3DIMPVT 2012, eq. 5)."""
    return np.asarray(
        np.float32(0.0012) + np.float32(0.0019) * np.square(depth_m - np.float32(0.4))
    )


def cast(
    points_m: Float32[np.ndarray, "n 3"], look: DepthLook, rule: RayRule
) -> Int8[np.ndarray, " n"]:
    """A ``Ray`` for each world point.

    A point is seen through only where everything measured in a small window about it lies
    behind, and hidden only where all of it lies before: so that edges, thin parts and poses that
    are a little off prove nothing.
    """
    rows, z, u, v = look.pixels_of(points_m, rule.nearest_m)
    found = np.zeros(len(points_m), np.int8)
    if len(rows):
        found[rows] = _compare(look, rule, z, u, v)
    return found


_STEPS = np.array([(dv, du) for dv in (-1, 0, 1) for du in (-1, 0, 1)])


def _compare(
    look: DepthLook, rule: RayRule, z: np.ndarray, u: np.ndarray, v: np.ndarray
) -> Int8[np.ndarray, " n"]:
    """Of points in the image: their depth against the nine measured about them."""
    camera = look.intrinsics
    step = np.clip(np.rint(camera.fx * rule.window_m / z), 1, rule.widest_px).astype(int)
    rows = np.clip(v[:, None] + step[:, None] * _STEPS[:, 0], 0, camera.height - 1)
    columns = np.clip(u[:, None] + step[:, None] * _STEPS[:, 1], 0, camera.width - 1)
    depth = look.depth_m[rows, columns]
    valid = (depth > 0) & np.isfinite(depth)
    sigma = camera_sigma_m(z) if look.sigma_m is None else look.sigma_m[v, u]
    margin = rule.slack_m + rule.sigmas * sigma
    clear = np.maximum(margin, rule.clear_m + sigma)
    behind = np.where(valid, depth, np.inf).min(axis=1) > z + clear
    measured = (depth != 0) & np.isfinite(depth)
    before = np.where(measured, np.abs(depth), 0).max(axis=1) < z - margin
    near = margin if look.sigma_m is not None else rule.slack_m + rule.on_sigmas * sigma
    at_it = (valid & (np.abs(depth - z[:, None]) <= near[:, None])).any(axis=1)
    count = valid.sum(axis=1)
    found = np.where(at_it, Ray.ON, Ray.NONE)
    found = np.where(behind & (count >= rule.least_valid), Ray.THROUGH, found)
    return np.asarray(np.where(before & measured.any(axis=1), Ray.HIDDEN, found).astype(np.int8))
