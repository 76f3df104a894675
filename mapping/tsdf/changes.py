"""Which blocks need a new mesh."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int32, Int64

from hydra_mono.mapping.tsdf.blocks import RESOLUTION, BlockPool
from hydra_mono.mapping.tsdf.thin import thin_voxels_to_mesh

_POSITIVE = np.array([[n & 1, n >> 1 & 1, n >> 2 & 1] for n in range(8)], np.int32)
_THIN_RADIUS = 0.1  # voxels: half the thickness, at most, of what is thinner than a voxel


@dataclass(frozen=True, slots=True)
class MeshRule:
    """When a voxel is meshed, and when it is meshed anew."""

    voxel_size_m: float
    min_weight: float = 0.15  # of close observations: three at 5 m, whose weight is 0.055 each
    tolerance_m: float = 0.002  # m that a voxel may move before; below the noise of close depth
    front_m: float = 0.15  # m; labels farther in front of a surface show nowhere
    thin_frames: int = 3  # frames that must have seen a thin structure
    refresh_s: float = 5.0  # s after which last-seen stamps of unchanged surface are brought up


def update_meshed_values(
    pool: BlockPool,
    keys: Int32[np.ndarray, "n 3"],
    slots: Int64[np.ndarray, " n"],
    rule: MeshRule,
) -> Bool[np.ndarray, "n 8 8 8"]:
    """Brings the meshed values of blocks up to date; returns which voxels (z, y, x) changed.

    Meshes are made from the meshed values only. A voxel that moved less than the tolerance
    keeps its old one, so a mesh left alone still fits its neighbour's new one exactly.
    """
    voxels = pool.voxels
    sdf, label = voxels.sdf_m[slots], voxels.label[slots]
    sdf[voxels.weight[slots] < rule.min_weight] = np.nan
    thin = thin_voxels_to_mesh(pool, keys, slots, sdf, rule.thin_frames)
    sdf.reshape(-1)[thin] = -_THIN_RADIUS * rule.voxel_size_m
    before = voxels.meshed_sdf_m[slots]
    moved = (np.abs(sdf - before) > rule.tolerance_m) | ((sdf < 0) != (before < 0))
    moved |= np.isnan(sdf) != np.isnan(before)
    relabelled = (label != voxels.meshed_label[slots]) & (sdf < rule.front_m)
    voxels.meshed_sdf_m[slots] = np.where(moved, sdf, before)
    voxels.meshed_label[slots] = label
    changed = np.asarray(moved | relabelled)
    return changed.reshape(-1, RESOLUTION, RESOLUTION, RESOLUTION)


def blocks_to_mesh(
    keys: Int32[np.ndarray, "n 3"], changed: Bool[np.ndarray, "n 8 8 8"]
) -> Int32[np.ndarray, "m 3"]:
    """Sorted keys of the blocks with a cell at a changed voxel.

    A voxel on the lower side of its block is also a corner of cells of the block before.
    """
    dirty = []
    for x, y, z in _POSITIVE:
        at = tuple(slice(0, 1) if step else slice(None) for step in (z, y, x))
        hit = changed[(slice(None), *at)].any(axis=(1, 2, 3))
        dirty.append(keys[hit] - np.array([x, y, z], np.int32))
    return sorted_unique(np.concatenate(dirty))


def sorted_unique(keys: Int32[np.ndarray, "n 3"]) -> Int32[np.ndarray, "m 3"]:
    """The distinct keys in lexicographic order."""
    keys = keys[np.lexsort(keys.T[::-1])]
    first = np.ones(len(keys), np.bool_)
    first[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    return keys[first]
