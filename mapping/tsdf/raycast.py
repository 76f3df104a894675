"""Where rays meet the surface of the map."""

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64

from hydra_mono.mapping.tsdf.blocks import RESOLUTION, VOXELS, BlockPool


def first_crossing(
    pool: BlockPool,
    points_m: Float32[np.ndarray, "k n 3"],
    voxel_size_m: float,
    least_weight: float,
) -> tuple[Float32[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Place, in steps from the first point, where rays first go from free to solid.

    ``points_m`` holds ``k`` points along each of ``n`` rays, nearest first, at most about a
    truncation apart. Distances are those of the nearest voxel, which errs by half a voxel at
    most and to no side; between two points the surface is where their straight line crosses
    zero. A ray that leaves what is known less than a voxel before the surface meets it too.
    Only voxels of at least ``least_weight`` count. Second: whether there is a crossing.
    """
    sdf_m = _nearest_sdf(pool, points_m, voxel_size_m, least_weight)
    leaves = np.isnan(sdf_m[1:]) & (sdf_m[:-1] < voxel_size_m)
    crosses = (sdf_m[:-1] > 0) & ((sdf_m[1:] <= 0) | leaves)
    found, first = crosses.any(axis=0), crosses.argmax(axis=0)
    rays = np.arange(len(first))
    before, after = sdf_m[first, rays], sdf_m[first + 1, rays]
    step_m = np.linalg.norm(points_m[first + 1, rays] - points_m[first, rays], axis=1)
    fall = np.where(np.isnan(after), step_m, before - after)
    place = first + before / np.where(found, fall, 1)
    return np.where(found, place, 0).astype(np.float32), np.asarray(found)


def _nearest_sdf(
    pool: BlockPool,
    points_m: Float32[np.ndarray, "k n 3"],
    voxel_size_m: float,
    least_weight: float,
) -> Float32[np.ndarray, "k n"]:
    """Signed distance at the voxel next to each point; NaN where nothing sure is known."""
    voxel = np.rint(points_m / np.float32(voxel_size_m)).astype(np.int32)
    block = voxel >> RESOLUTION.bit_length() - 1
    slot = _slots(pool, block)
    x, y, z = np.moveaxis(voxel - block * RESOLUTION, -1, 0)
    inside = x + RESOLUTION * (y + RESOLUTION * z)
    place = np.where(slot >= 0, slot * VOXELS + inside, 0)
    known = (slot >= 0) & (pool.voxels.weight.reshape(-1)[place] >= least_weight)
    return np.where(known, pool.voxels.sdf_m.reshape(-1)[place], np.float32(np.nan))


def _slots(pool: BlockPool, block: Int32[np.ndarray, "k n 3"]) -> Int64[np.ndarray, "k n"]:
    """Slot of each block, -1 for none: by a dense table, faster than a hash for many at once."""
    lower = block.min(axis=(0, 1))
    shape = block.max(axis=(0, 1)) - lower + 1
    table = np.full(int(np.prod(shape, dtype=np.int64)), -1, np.int64)
    keys = pool.keys - lower
    there = np.all((keys >= 0) & (keys < shape), axis=1)
    table[_flat(keys[there], shape)] = pool.slots[there]
    return np.asarray(table[_flat(block - lower, shape)])


def _flat(index: Int32[np.ndarray, "*n 3"], shape: Int32[np.ndarray, "3"]) -> np.ndarray:
    return np.asarray((index[..., 0] * shape[1] + index[..., 1]) * shape[2] + index[..., 2])
