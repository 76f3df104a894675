"""What has left the active window, packed small, and how it comes back."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float16, Float64, Int32, UInt8, UInt16

from hydra_mono.core.mesh import BlockKey
from hydra_mono.mapping.block_pool import VOXELS, VoxelArrays

_CELL = 8  # blocks along an edge of the buckets the archive is searched by


@dataclass(frozen=True, slots=True)
class PackedBlock:
    """The observed voxels of one block. Distances lose 0.1 mm at most, colours the fraction."""

    index: UInt16[np.ndarray, " n"]
    sdf_m: Float16[np.ndarray, " n"]
    weight: Float16[np.ndarray, " n"]
    meshed_sdf_m: Float16[np.ndarray, " n"]
    color: UInt8[np.ndarray, "n 3"]
    label: UInt8[np.ndarray, " n"]
    label_weight: Float16[np.ndarray, " n"]
    first_seen: Int32[np.ndarray, " n"]
    last_seen: Int32[np.ndarray, " n"]
    thin: UInt8[np.ndarray, " n"]


def pack(voxels: VoxelArrays, slot: int) -> PackedBlock:
    weight = voxels.weight[slot]
    index = np.flatnonzero(weight > 0)
    return PackedBlock(
        index=index.astype(np.uint16),
        sdf_m=voxels.sdf_m[slot][index].astype(np.float16),
        weight=weight[index].astype(np.float16),
        meshed_sdf_m=voxels.meshed_sdf_m[slot][index].astype(np.float16),
        color=(voxels.color[slot][index] + 0.5).astype(np.uint8),
        label=voxels.label[slot][index],
        label_weight=voxels.label_weight[slot][index].astype(np.float16),
        first_seen=voxels.first_seen[slot][index],
        last_seen=voxels.last_seen[slot][index],
        thin=voxels.thin[slot][index],
    )


def unpack(block: PackedBlock, voxels: VoxelArrays, slot: int) -> None:
    """Writes a packed block into a cleared row."""
    flat = block.index.astype(np.int64) + slot * VOXELS
    for name in ("sdf_m", "weight", "meshed_sdf_m", "label_weight", "color"):
        target = getattr(voxels, name)
        target.reshape(-1, *target.shape[2:])[flat] = getattr(block, name)
    for name in ("label", "first_seen", "last_seen", "thin"):
        getattr(voxels, name).reshape(-1)[flat] = getattr(block, name)
    voxels.meshed_label[slot] = voxels.label[slot]


class Archive:
    """Packed blocks in buckets, so that finding those near a place costs no more in a big map."""

    def __init__(self) -> None:
        self._buckets: dict[BlockKey, dict[BlockKey, PackedBlock]] = {}

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self._buckets.values())

    def put(self, key: BlockKey, block: PackedBlock) -> None:
        self._buckets.setdefault(_bucket(key), {})[key] = block

    def take(self, key: BlockKey) -> PackedBlock | None:
        bucket = self._buckets.get(_bucket(key), {})
        return bucket.pop(key, None)

    def near(
        self, center_blocks: Float64[np.ndarray, "3"], radius_blocks: float
    ) -> Int32[np.ndarray, "n 3"]:
        """Sorted keys of the blocks whose centres lie within a ball, in units of blocks."""
        keys = [key for bucket in self._around(center_blocks, radius_blocks) for key in bucket]
        array = np.array(sorted(keys), np.int32).reshape(-1, 3)
        return np.asarray(array[within(array, center_blocks, radius_blocks)])

    def _around(
        self, center: Float64[np.ndarray, "3"], radius: float
    ) -> Iterator[dict[BlockKey, PackedBlock]]:
        lower = np.floor((center - radius) / _CELL).astype(int)
        upper = np.floor((center + radius) / _CELL).astype(int)
        for i in range(lower[0], upper[0] + 1):
            for j in range(lower[1], upper[1] + 1):
                for k in range(lower[2], upper[2] + 1):
                    yield self._buckets.get((i, j, k), {})


def within(
    keys: Int32[np.ndarray, "n 3"], center_blocks: Float64[np.ndarray, "3"], radius_blocks: float
) -> np.ndarray:
    """Which blocks have their centre within a ball; lengths in blocks."""
    offset = keys + 0.5 - center_blocks
    return np.asarray(np.einsum("ij,ij->i", offset, offset) <= radius_blocks**2)


def _bucket(key: BlockKey) -> BlockKey:
    return key[0] // _CELL, key[1] // _CELL, key[2] // _CELL
