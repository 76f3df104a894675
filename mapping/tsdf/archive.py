"""What has left the active window, packed small, and how it comes back."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float64, Int32, Int64, UInt8

from hydra_mono.core.map.state import State, joined, parted
from hydra_mono.core.mesh import BlockKey
from hydra_mono.mapping.tsdf.blocks import VOXELS, VoxelArrays

_CELL = 8  # blocks along an edge of the buckets: a window of 8 m reaches into 6³ of them
_MASK_BYTES = VOXELS // 8


def _records(frame_type: type) -> np.dtype:
    return np.dtype(
        [
            ("sdf_m", np.float16),
            ("weight", np.float16),
            ("meshed_sdf_m", np.float16),
            ("color", np.uint8, 3),
            ("label", np.uint8),
            ("label_weight", np.float16),
            ("first_seen", frame_type),  # one more than the frame's number, so that NEVER is 0
            ("last_seen", frame_type),
            ("thin", np.uint8),
        ]
    )


_SHORT, _LONG = _records(np.uint16), _records(np.uint32)
_PLAIN = tuple(n for n in _SHORT.names or () if n not in ("color", "first_seen", "last_seen"))
_FRAMES = ("first_seen", "last_seen")
PackedBlock = UInt8[np.ndarray, "_"]


def pack(voxels: VoxelArrays, slots: Int64[np.ndarray, " n"]) -> list[PackedBlock]:
    """The observed voxels of each block, in a single array of bytes each: 17 a voxel.

    A bit for every voxel, whether it is observed, one byte for the width of frame numbers, and the
    records of the observed ones. Distances lose 0.1 mm at most, colours the fraction.
    """
    if not len(slots):
        return []
    is_observed = voxels.weight[slots] > 0
    row, inside = np.nonzero(is_observed)
    flat = slots[row] * VOXELS + inside
    latest = voxels.last_seen.reshape(-1)[flat].max(initial=0)
    records = np.empty(len(flat), _SHORT if latest < np.iinfo(np.uint16).max else _LONG)
    for name in _PLAIN:
        records[name] = getattr(voxels, name).reshape(-1)[flat]
    for name in _FRAMES:
        records[name] = getattr(voxels, name).reshape(-1)[flat] + 1
    records["color"] = voxels.color.reshape(-1, 3)[flat] + 0.5
    masks = np.packbits(is_observed, axis=1)
    is_long = np.array([records.dtype == _LONG], np.uint8)
    parts = np.split(records.view(np.uint8), _ends(is_observed) * records.dtype.itemsize)
    return [np.concatenate([m, is_long, p]) for m, p in zip(masks, parts, strict=True)]


def _ends(is_observed: np.ndarray) -> Int64[np.ndarray, " n"]:
    return np.asarray(np.cumsum(is_observed.sum(axis=1, dtype=np.int64))[:-1])


def unpack(
    blocks: Sequence[PackedBlock], voxels: VoxelArrays, slots: Int64[np.ndarray, " n"]
) -> None:
    """Writes packed blocks into cleared rows."""
    for dtype in (_SHORT, _LONG):
        chosen = [i for i, block in enumerate(blocks) if block[_MASK_BYTES] == (dtype == _LONG)]
        if chosen:
            _unpack([blocks[i] for i in chosen], voxels, slots[chosen], dtype)


def _unpack(
    blocks: Sequence[PackedBlock],
    voxels: VoxelArrays,
    slots: Int64[np.ndarray, " n"],
    dtype: np.dtype,
) -> None:
    masks = np.stack([block[:_MASK_BYTES] for block in blocks])
    row, inside = np.nonzero(np.unpackbits(masks, axis=1))
    flat = slots[row] * VOXELS + inside
    records = np.concatenate([block[_MASK_BYTES + 1 :] for block in blocks]).view(dtype)
    for name in (*_PLAIN, "color"):
        target = getattr(voxels, name)
        target.reshape(-1, *target.shape[2:])[flat] = records[name]
    for name in _FRAMES:
        getattr(voxels, name).reshape(-1)[flat] = records[name].astype(np.int32) - 1
    voxels.meshed_label[slots] = voxels.label[slots]


class Archive:
    """Packed blocks in buckets, so that finding those near a point costs no more in a big map."""

    def __init__(self) -> None:
        self._buckets: dict[BlockKey, dict[BlockKey, PackedBlock]] = {}
        self._keys: dict[BlockKey, Int32[np.ndarray, "n 3"]] = {}  # of buckets unchanged since

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self._buckets.values())

    def put(self, key: BlockKey, block: PackedBlock) -> None:
        self._buckets.setdefault(_bucket(key), {})[key] = block
        self._keys.pop(_bucket(key), None)

    def take(self, key: BlockKey) -> PackedBlock | None:
        bucket = self._buckets.get(_bucket(key), {})
        block = bucket.pop(key, None)
        if block is not None:
            self._keys.pop(_bucket(key), None)
            if not bucket:
                del self._buckets[_bucket(key)]
        return block

    def near(
        self, center_blocks: Float64[np.ndarray, "3"], radius_blocks: float
    ) -> Int32[np.ndarray, "n 3"]:
        """Sorted keys of the blocks whose centres lie within a ball, in units of blocks."""
        around = self._keys_around(center_blocks, radius_blocks)
        keys = np.concatenate([np.zeros((0, 3), np.int32), *around])
        keys = keys[within(keys, center_blocks, radius_blocks)]
        return np.asarray(keys[np.lexsort(keys.T[::-1])])

    def state(self) -> State:
        """See ``core.map.state``."""
        blocks = {key: block for bucket in self._buckets.values() for key, block in bucket.items()}
        keys = sorted(blocks)
        return {
            "keys": np.array(keys, np.int32).reshape(-1, 3),
            "blocks": joined([blocks[key] for key in keys], np.zeros(0, np.uint8)),
        }

    def restore(self, state: State) -> None:
        self._buckets, self._keys = {}, {}
        for key, block in zip(state["keys"].tolist(), parted(state["blocks"]), strict=True):
            self.put(tuple(key), block)

    def _keys_around(
        self, center: Float64[np.ndarray, "3"], radius: float
    ) -> Iterator[Int32[np.ndarray, "_ 3"]]:
        lower = np.floor((center - radius) / _CELL).astype(int)
        upper = np.floor((center + radius) / _CELL).astype(int)
        for i in range(lower[0], upper[0] + 1):
            for j in range(lower[1], upper[1] + 1):
                for k in range(lower[2], upper[2] + 1):
                    if bucket := self._buckets.get((i, j, k)):
                        if (i, j, k) not in self._keys:
                            self._keys[i, j, k] = np.array(list(bucket), np.int32)
                        yield self._keys[i, j, k]


def within(
    keys: Int32[np.ndarray, "n 3"], center_blocks: Float64[np.ndarray, "3"], radius_blocks: float
) -> np.ndarray:
    """Which blocks have their centre within a ball; lengths in blocks."""
    offset = keys + 0.5 - center_blocks
    return np.asarray(np.einsum("ij,ij->i", offset, offset) <= radius_blocks**2)


def _bucket(key: BlockKey) -> BlockKey:
    return key[0] // _CELL, key[1] // _CELL, key[2] // _CELL
