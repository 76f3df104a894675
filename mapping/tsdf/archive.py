"""What has left the active window, packed small, and how it comes back."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64, Int32, Shaped

from hydra_mono.core.mesh import BlockKey
from hydra_mono.mapping.tsdf.blocks import VOXELS, VoxelArrays

_CELL = 8  # blocks along an edge of the buckets the archive is searched by

PACKED = np.dtype(
    [
        ("index", np.uint16),
        ("sdf_m", np.float16),
        ("weight", np.float16),
        ("meshed_sdf_m", np.float16),
        ("color", np.uint8, 3),
        ("label", np.uint8),
        ("label_weight", np.float16),
        ("first_seen", np.int32),
        ("last_seen", np.int32),
        ("thin", np.uint8),
    ]
)
PackedBlock = Shaped[np.ndarray, " n"]
_PLAIN = tuple(name for name in PACKED.names or () if name not in ("index", "color"))


def pack(voxels: VoxelArrays, slot: int) -> PackedBlock:
    """The observed voxels of one block, as records of type ``PACKED`` in a single array.

    Distances lose 0.1 mm at most, colours the fraction. One array, because the headers of
    ten would be a sixth of the whole.
    """
    index = np.flatnonzero(voxels.weight[slot] > 0)
    block = np.empty(len(index), PACKED)
    block["index"] = index
    block["color"] = voxels.color[slot][index] + 0.5
    for name in _PLAIN:
        block[name] = getattr(voxels, name)[slot][index]
    return block


def unpack(block: PackedBlock, voxels: VoxelArrays, slot: int) -> None:
    """Writes a packed block into a cleared row."""
    flat = block["index"].astype(np.int64) + slot * VOXELS
    for name in (*_PLAIN, "color"):
        target = getattr(voxels, name)
        target.reshape(-1, *target.shape[2:])[flat] = block[name]
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
