"""Which voxels a depth image observes to be free."""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32

from hydra_mono.core.frame import Intrinsics
from hydra_mono.mapping.freespace.grid import SIDE

_CELLS_PER_RADIAN = 65.0  # of the pooled image: 8 cm at 5 m, less than a voxel of free space
_STRIDE_PX = 2  # every other pixel of a 640 px image: 2 cm at 5 m


@dataclass(frozen=True, slots=True)
class PooledDepth:
    """Nearest and farthest measurement per image cell, metres; 0 where there is no evidence."""

    cell_px: int
    near_m: Float32[np.ndarray, "h w"]
    far_m: Float32[np.ndarray, "h w"]


def pool_depth(
    depth_m: Float32[np.ndarray, "h w"],
    keep: Bool[np.ndarray, "h w"] | None,
    *,
    focal_px: float,
    max_depth_m: float,
    margin_m: Float32[np.ndarray, "h w"] | None = None,
) -> PooledDepth:
    """Cells in which at least half of the pixels have a depth; it is cut to ``max_depth_m``.

    The nearest depth of a cell holds for all of it, so that thin structures are not carved away.
    ``margin_m``: how much nearer, or farther, than measured the surface may be.
    """
    n = max(1, round(focal_px / (_CELLS_PER_RADIAN * _STRIDE_PX)))
    rows, cols = (size // (n * _STRIDE_PX) * n * _STRIDE_PX for size in depth_m.shape)
    depth = depth_m[:rows:_STRIDE_PX, :cols:_STRIDE_PX]
    is_valid = (depth > 0) & (depth < np.inf)
    if keep is not None:
        is_valid &= keep[:rows:_STRIDE_PX, :cols:_STRIDE_PX]
    nearest, farthest = depth, depth
    if margin_m is not None:
        margin = margin_m[:rows:_STRIDE_PX, :cols:_STRIDE_PX]
        nearest, farthest = depth - margin, depth + margin
    near = _pool(np.minimum, n, np.where(is_valid, nearest, np.float32(np.inf)))
    far = _pool(np.maximum, n, np.where(is_valid, farthest, np.float32(0)))
    is_measured = _pool(np.add, n, is_valid.astype(np.uint16)) * 2 >= n * n
    near = np.where(is_measured, np.clip(near, 0, np.float32(max_depth_m)), np.float32(0))
    return PooledDepth(n * _STRIDE_PX, near, np.where(is_measured, far, np.float32(0)))


def _pool(ufunc: np.ufunc, n: int, image: np.ndarray) -> np.ndarray:
    height, width = image.shape
    rows = ufunc.reduce(image.reshape(height // n, n, width), axis=1)
    return reduce(ufunc, (rows[:, k::n] for k in range(n)))  # many times faster than along rows


def chunks_in_view(
    intrinsics: Intrinsics,
    world_from_camera: Float64[np.ndarray, "4 4"],
    range_m: float,
    chunk_size_m: float,
) -> Int32[np.ndarray, "n 3"]:
    """Chunks whose bounding sphere touches the view pyramid down to ``range_m``."""
    u = np.array([-0.5, intrinsics.width - 0.5])
    v = np.array([-0.5, intrinsics.height - 0.5])
    x, y = (u - intrinsics.cx) / intrinsics.fx, (v - intrinsics.cy) / intrinsics.fy
    corners = np.array([[0, 0, 0], *([a * range_m, b * range_m, range_m] for a in x for b in y)])
    rotation, position = world_from_camera[:3, :3], world_from_camera[:3, 3]
    world = corners @ rotation.T + position
    first = np.floor(world.min(axis=0) / chunk_size_m).astype(np.int32)
    last = np.floor(world.max(axis=0) / chunk_size_m).astype(np.int32)
    chunks = np.indices(tuple(last - first + 1), np.int32).reshape(3, -1).T + first
    centres = ((chunks + 0.5) * chunk_size_m - position) @ rotation
    planes = np.array([[1, 0, -x[0]], [-1, 0, x[1]], [0, 1, -y[0]], [0, -1, y[1]]])
    planes /= np.linalg.norm(planes, axis=1, keepdims=True)
    radius = chunk_size_m * np.sqrt(3) / 2
    inside = np.all(centres @ planes.T > -radius, axis=1)
    inside &= (centres[:, 2] > -radius) & (centres[:, 2] < range_m + radius)
    return np.asarray(chunks[inside])


def free_and_behind(
    chunks: Int32[np.ndarray, "n 3"],
    pooled: PooledDepth,
    intrinsics: Intrinsics,
    world_from_camera: Float64[np.ndarray, "4 4"],
    voxel_size_m: float,
) -> tuple[Bool[np.ndarray, "n 512"], Bool[np.ndarray, "n 512"]]:
    """Voxels in front of what was measured, and voxels just behind it.

    A voxel is in front when its centre is half a voxel or more nearer than every measurement of
    its cell, and just behind when it is at most a voxel and a half farther than all of them.
    """
    x, y, z = _camera_coordinates(chunks, world_from_camera, voxel_size_m)
    is_ahead = z > 0.5 * voxel_size_m
    inverse = np.float32(1) / np.maximum(z, np.float32(0.5 * voxel_size_m))
    column = _cell(x, inverse, intrinsics.fx, intrinsics.cx, pooled.cell_px)
    row = _cell(y, inverse, intrinsics.fy, intrinsics.cy, pooled.cell_px)
    height, width = pooled.near_m.shape
    is_ahead &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
    cell = (row * np.int32(width) + column) * is_ahead
    near, far = pooled.near_m.take(cell), pooled.far_m.take(cell)
    front = is_ahead & (z + np.float32(0.5 * voxel_size_m) < near)
    behind = is_ahead & (far > 0) & (z > far) & (z < far + np.float32(1.5 * voxel_size_m))
    return front, behind


def _camera_coordinates(
    chunks: Int32[np.ndarray, "n 3"],
    world_from_camera: Float64[np.ndarray, "4 4"],
    voxel_size_m: float,
) -> list[Float32[np.ndarray, "n 512"]]:
    rotation, position = world_from_camera[:3, :3], world_from_camera[:3, 3]
    corners = (chunks * (SIDE * voxel_size_m) - position) @ rotation
    local = (np.indices((SIDE, SIDE, SIDE)).reshape(3, -1).T + 0.5) * voxel_size_m @ rotation
    corners, local = corners.astype(np.float32), local.astype(np.float32)
    return [corners[:, axis, None] + local[None, :, axis] for axis in range(3)]


def _cell(
    across: Float32[np.ndarray, "n m"],
    inverse: Float32[np.ndarray, "n m"],
    focal_px: float,
    centre_px: float,
    cell_px: int,
) -> Int32[np.ndarray, "n m"]:
    cell = across * inverse
    cell *= np.float32(focal_px / cell_px)
    cell += np.float32((centre_px + 0.5) / cell_px + 1)  # one more, so truncating rounds down
    found: Int32[np.ndarray, "n m"] = np.clip(cell, 0, 1e6, out=cell).astype(np.int32)
    found -= 1
    return found
