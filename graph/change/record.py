"""Where the camera looked in the past and how far it saw: small depth images, a bounded number."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int8, Int64

from hydra_mono.core.map.state import State
from hydra_mono.graph.change.rays import DepthLook, Ray, RayRule, camera_sigma_m

ROWS, COLUMNS = 30, 40  # of a small image: 8 cm at 3 m, as fine as objects are large
INTERVAL_NS = 500_000_000  # between looks: what changed did so within as much
MOST_LOOKS = 2048  # 5 MB; beyond, the older half is thinned to every second
DEEPER_M = 0.25  # a cell's nearest point may lie so far before a surface that it shows


@dataclass(frozen=True, slots=True)
class PastLooks:
    """Rays cast at points from looks of the past, oldest first."""

    stamps_ns: Int64[np.ndarray, " k"]
    rays: Int8[np.ndarray, "k n"]


class LookRecord:
    """Remembers every so often the nearest depth in each cell of the image, and the pose."""

    def __init__(self, most: int = MOST_LOOKS) -> None:
        self._most = most
        self._count = 0
        self._stamps_ns = np.zeros(0, np.int64)
        self._near_m = np.zeros((0, ROWS, COLUMNS), np.float16)
        self._poses = np.zeros((0, 3, 4), np.float32)
        self._cameras = np.zeros((0, 5), np.float32)  # fx, fy, cx, cy in cells; range

    def __len__(self) -> int:
        return self._count

    def add(self, stamp_ns: int, look: DepthLook, rule: RayRule) -> None:
        """Takes a look in, unless the last was a moment ago."""
        if self._count and stamp_ns - int(self._stamps_ns[self._count - 1]) < INTERVAL_NS:
            return
        if self._count == self._most:
            self._thin()
        self._reserve()
        i, self._count = self._count, self._count + 1
        height, width = (
            n // cells for n, cells in zip(look.depth_m.shape, (ROWS, COLUMNS), strict=True)
        )
        camera = look.intrinsics.cropped(0, 0, COLUMNS * width, ROWS * height)
        camera = camera.resized(COLUMNS, ROWS) if min(height, width) else look.intrinsics
        self._stamps_ns[i] = stamp_ns
        self._near_m[i] = _nearest(look, rule, height, width)
        self._poses[i] = look.world_from_camera[:3]
        self._cameras[i] = (camera.fx, camera.fy, camera.cx, camera.cy, look.max_depth_m)

    def cast(self, points_m: Float32[np.ndarray, "n 3"], rule: RayRule) -> PastLooks:
        """A ``Ray`` for every point and every look that had the middle of them in view."""
        chosen = self._in_view(points_m.mean(axis=0, keepdims=True))
        return PastLooks(self._stamps_ns[chosen], self._cast(chosen, points_m, rule))

    def seen_through(
        self, points_m: Float32[np.ndarray, "p m 3"], rule: RayRule
    ) -> Bool[np.ndarray, " p"]:
        """Of groups of points, whether any look went through any of them; one pass over all.

        Only looks from near enough are cast, so that the cost does not grow with the map.
        """
        if not self._count or not len(points_m):
            return np.zeros(len(points_m), bool)
        flat = points_m.reshape(-1, 3)
        reach = self._cameras[: self._count, 4, None]
        eyes = self._poses[: self._count, :, 3]
        near = (eyes > flat.min(axis=0) - reach) & (eyes < flat.max(axis=0) + reach)
        rays = self._cast(np.flatnonzero(near.all(axis=1)), flat, rule)
        through = (rays == Ray.THROUGH).any(axis=0)
        return np.asarray(through.reshape(points_m.shape[:2]).any(axis=1))

    def _in_view(self, point_m: Float32[np.ndarray, "1 3"]) -> Int64[np.ndarray, " k"]:
        everything = np.arange(self._count)
        _, row, column, ahead = self._project(everything, point_m)
        return np.flatnonzero(ahead[:, 0] & (row >= 0)[:, 0] & (column >= 0)[:, 0])

    def _project(
        self, chosen: Int64[np.ndarray, " k"], points_m: Float32[np.ndarray, "n 3"]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Depth, row, column of points in looks, and whether each is in the image."""
        poses, cameras = self._poses[chosen], self._cameras[chosen, :, None]
        offset = points_m[None] - poses[:, None, :, 3]
        x, y, z = np.moveaxis(np.einsum("knd,kde->kne", offset, poses[:, :, :3]), 2, 0)
        ahead = (z > 0.2) & (z < cameras[:, 4])
        safe = np.where(ahead, z, np.float32(1))
        column = np.rint(cameras[:, 0] * x / safe + cameras[:, 2])
        row = np.rint(cameras[:, 1] * y / safe + cameras[:, 3])
        ahead &= (column >= 0) & (column < COLUMNS) & (row >= 0) & (row < ROWS)
        return z, row, column, ahead

    def _cast(
        self, chosen: Int64[np.ndarray, " k"], points_m: Float32[np.ndarray, "n 3"], rule: RayRule
    ) -> Int8[np.ndarray, "k n"]:
        z, row, column, ahead = self._project(chosen, points_m)
        look = np.broadcast_to(chosen[:, None], z.shape)[ahead]
        near = self._near_m[look, row[ahead].astype(int), column[ahead].astype(int)]
        near, depth = near.astype(np.float32), z[ahead]
        margin = rule.slack_m + rule.sigmas * camera_sigma_m(depth)
        rays = np.where(near < depth - margin - DEEPER_M, Ray.HIDDEN, Ray.ON)
        rays = np.where(near > depth + margin, Ray.THROUGH, rays)
        found = np.zeros(z.shape, np.int8)
        found[ahead] = np.where(near > 0, rays, Ray.NONE)
        return found

    def _reserve(self) -> None:
        if self._count < len(self._stamps_ns):
            return
        more = min(max(64, self._count), self._most - self._count)
        for name in ("_stamps_ns", "_near_m", "_poses", "_cameras"):
            array = getattr(self, name)
            extra = np.zeros((more, *array.shape[1:]), array.dtype)
            setattr(self, name, np.concatenate([array, extra]))

    def _thin(self) -> None:
        """Drops every second look of the older half."""
        half = self._count // 2
        kept = np.concatenate([np.arange(0, half, 2), np.arange(half, self._count)])
        for name in ("_stamps_ns", "_near_m", "_poses", "_cameras"):
            array = getattr(self, name)
            array[: len(kept)] = array[kept]
        self._count = len(kept)

    def state(self) -> State:
        """See ``core.map.state``."""
        used = slice(0, self._count)
        return {
            "stamps_ns": self._stamps_ns[used].copy(),
            "near_m": self._near_m[used].copy(),
            "poses": self._poses[used].copy(),
            "cameras": self._cameras[used].copy(),
        }

    def restore(self, state: State) -> None:
        self._stamps_ns, self._near_m = state["stamps_ns"].copy(), state["near_m"].copy()
        self._poses, self._cameras = state["poses"].copy(), state["cameras"].copy()
        self._count = len(self._stamps_ns)


def _nearest(look: DepthLook, rule: RayRule, height: int, width: int) -> Float32[np.ndarray, "r c"]:
    """The nearest depth of each cell, 0 where less than half of it was measured.

    Where the deviation is known, the nearest that the depth may be.
    """
    if min(height, width) == 0:  # an image smaller than the record's
        return np.zeros((ROWS, COLUMNS), np.float32)
    depth = look.depth_m[: ROWS * height, : COLUMNS * width]
    step = 2 if min(height, width) >= 4 else 1  # every other pixel of a large cell will do
    valid = (depth > 0) & np.isfinite(depth)
    if look.sigma_m is not None:
        depth = depth - rule.sigmas * look.sigma_m[: ROWS * height, : COLUMNS * width]
    cells = np.where(valid, depth, np.inf).reshape(ROWS, height, COLUMNS, width)
    cells = cells[:, ::step, :, ::step]
    measured = np.isfinite(cells).mean(axis=(1, 3)) >= 0.5
    nearest = cells.min(axis=(1, 3))
    return np.asarray(np.where(measured, np.clip(nearest, 0, 60000), 0).astype(np.float32))
