"""The mesh's surface, sorted into the voxels it runs through."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, Int64

from hydra_mono.core.mesh import BlockKey, MeshUpdate


@dataclass(frozen=True, slots=True)
class SurfaceVoxels:
    """Voxels with surface in them, block after block.

    ``point``: mean of the vertices in the voxel, 0..1 on each axis from its lower corner.
    ``normal``: mean of their normals; short where it faces several directions.
    ``block``: which of ``blocks`` the surface belongs to; ascending.
    """

    blocks: tuple[BlockKey, ...]
    block: Int64[np.ndarray, " n"]
    voxels: Int32[np.ndarray, "n 3"]
    point: Float32[np.ndarray, "n 3"]
    normal: Float32[np.ndarray, "n 3"]


def surface_voxels(update: MeshUpdate, voxel_size_m: float) -> SurfaceVoxels:
    """The voxels that the vertices of the changed blocks lie in, blocks in sorted order."""
    blocks = tuple(sorted(update.changed))
    counts = [len(update.changed[key]) for key in blocks]
    if not sum(counts):
        none = np.zeros((0, 3), np.float32)
        return SurfaceVoxels(blocks, np.zeros(0, np.int64), none.astype(np.int32), none, none)
    vertices = np.concatenate([update.changed[key].vertices_m for key in blocks])
    normals = np.concatenate([update.changed[key].normals for key in blocks])
    block = np.repeat(np.arange(len(blocks)), counts)
    scaled = vertices / np.float32(voxel_size_m)
    voxels = np.floor(scaled).astype(np.int32)
    base = np.floor(np.array(blocks) * (update.block_size_m / voxel_size_m)).astype(np.int32) - 1
    side = int(np.ceil(update.block_size_m / voxel_size_m)) + 3
    local = np.clip(voxels - base[block], 0, side - 1)
    cell = ((block * side + local[:, 0]) * side + local[:, 1]) * side + local[:, 2]
    number = np.bincount(cell, minlength=1)
    cells = np.flatnonzero(number)
    columns = [*(scaled - voxels).T, *normals.T]
    sums = np.stack([np.bincount(cell, weights=column)[cells] for column in columns], axis=1)
    means = (sums / number[cells, None]).astype(np.float32)
    block = cells // side**3
    within = np.stack(np.unravel_index(cells % side**3, (side, side, side)), axis=1)
    return SurfaceVoxels(
        blocks=blocks,
        block=block,
        voxels=(base[block] + within).astype(np.int32),
        point=means[:, :3],
        normal=means[:, 3:],
    )
