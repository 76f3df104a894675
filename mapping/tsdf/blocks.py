"""Voxel blocks of the active window: Open3D's spatial hash over flat arrays."""

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64, UInt8

from hydra_mono.core.map.state import State
from hydra_mono.core.open3d_loader import open3d

RESOLUTION = 8  # voxels along a block's edge
VOXELS = RESOLUTION**3  # voxels of a block; voxel (x, y, z) of it has index x + 8 y + 64 z
NEVER = -1  # frame number of a voxel no surface was seen in


@dataclass(frozen=True, slots=True)
class VoxelArrays:
    """One row per block. Voxel (i, j, k) of the world grid samples the point (i, j, k) · size.

    ``sdf_m``: projective signed distance, positive in front of the surface. ``weight``: its
    certainty, 0 for never observed. ``meshed_sdf_m``: the value the mesh shows, NaN for none.
    ``label``/``label_weight``: see ``semantics``. ``first_seen``/``last_seen``: numbers of the
    frames that saw a surface here, ``NEVER`` for none. ``thin``: frames that saw a structure here
    that is thinner than a voxel.
    """

    sdf_m: Float32[np.ndarray, "blocks 512"]
    weight: Float32[np.ndarray, "blocks 512"]
    meshed_sdf_m: Float32[np.ndarray, "blocks 512"]
    color: Float32[np.ndarray, "blocks 512 3"]
    label: UInt8[np.ndarray, "blocks 512"]
    meshed_label: UInt8[np.ndarray, "blocks 512"]
    label_weight: Float32[np.ndarray, "blocks 512"]
    first_seen: Int32[np.ndarray, "blocks 512"]
    last_seen: Int32[np.ndarray, "blocks 512"]
    thin: UInt8[np.ndarray, "blocks 512"]

    def clear(self, slots: Int64[np.ndarray, " n"]) -> None:
        """Makes blocks unobserved."""
        for field in fields(self):
            getattr(self, field.name)[slots] = 0
        self.meshed_sdf_m[slots] = np.nan
        self.first_seen[slots] = NEVER
        self.last_seen[slots] = NEVER

    def copy_rows_to(self, other: "VoxelArrays", mine: np.ndarray, theirs: np.ndarray) -> None:
        for field in fields(self):
            getattr(other, field.name)[theirs] = getattr(self, field.name)[mine]


def _allocate(blocks: int) -> VoxelArrays:
    # NumPy's zeros come from calloc: a page costs memory only once a block in it is used.
    def zeros(dtype: type, *tail: int) -> np.ndarray:
        return np.zeros((blocks, VOXELS, *tail), dtype)

    return VoxelArrays(
        sdf_m=zeros(np.float32),
        weight=zeros(np.float32),
        meshed_sdf_m=zeros(np.float32),
        color=zeros(np.float32, 3),
        label=zeros(np.uint8),
        meshed_label=zeros(np.uint8),
        label_weight=zeros(np.float32),
        first_seen=zeros(np.int32),
        last_seen=zeros(np.int32),
        thin=zeros(np.uint8),
    )


class BlockPool:
    """Blocks by key (i, j, k); ``slot`` is the row of a block in ``voxels``.

    The slots depend on the order in which threads fill the hash: nothing that leaves the map
    may depend on them.
    """

    def __init__(self, capacity: int) -> None:
        self._make(capacity)

    def _make(self, capacity: int) -> None:
        self._capacity = capacity
        self._map = _hash_map(capacity)
        self._live = np.zeros((0, 3), np.int32)
        self._live_slots = np.zeros(0, np.int64)
        self.touched = np.zeros(capacity, np.bool_)
        self.voxels = _allocate(capacity)

    def __len__(self) -> int:
        return len(self._live)

    @property
    def keys(self) -> Int32[np.ndarray, "n 3"]:
        """Every block, in no particular order."""
        return self._live

    @property
    def slots(self) -> Int64[np.ndarray, " n"]:
        """Rows of ``keys``."""
        return self._live_slots

    def find(self, keys: Int32[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        """Slot of each block, -1 where there is none."""
        if not len(keys) or not len(self._live):
            return np.full(len(keys), -1, np.int64)
        slots, found = self._map.find(_tensor(keys))
        return np.where(found.numpy(), slots.numpy().astype(np.int64), -1)

    def insert(self, keys: Int32[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        """Slots of new, cleared blocks; the keys are unique and none is in the pool."""
        if not len(keys):
            return np.zeros(0, np.int64)
        if len(self) + len(keys) > self._capacity:
            self._enlarge(2 * (len(self) + len(keys)))
        slots = self._activate(keys)
        self.voxels.clear(slots)
        self.touched[slots] = False
        return slots

    def forget(self, slots: Int64[np.ndarray, " n"], inside: Int64[np.ndarray, " n"]) -> None:
        """Makes single voxels unobserved; what the mesh shows of them stays until it is made."""
        voxels = self.voxels
        for values in (voxels.sdf_m, voxels.weight, voxels.label, voxels.label_weight, voxels.thin):
            values[slots, inside] = 0
        voxels.color[slots, inside] = 0
        voxels.first_seen[slots, inside] = voxels.last_seen[slots, inside] = NEVER
        self.touched[slots] = True

    def take_touched(self) -> tuple[Int32[np.ndarray, "n 3"], Int64[np.ndarray, " n"]]:
        """Keys and slots of the blocks whose row of ``touched`` is set, sorted; unsets them."""
        hit = self.touched[self._live_slots]
        keys, slots = self._live[hit], self._live_slots[hit]
        order = np.lexsort(keys.T[::-1])
        self.touched[slots] = False
        return keys[order], slots[order]

    def erase(self, keys: Int32[np.ndarray, "n 3"]) -> None:
        """Drops blocks; all of them must be there."""
        if not len(keys):
            return
        gone = np.zeros(self._capacity, np.bool_)
        gone[self.find(keys)] = True
        self._map.erase(_tensor(keys))
        keep: Bool[np.ndarray, " n"] = ~gone[self._live_slots]
        self._live, self._live_slots = self._live[keep], self._live_slots[keep]

    def state(self) -> State:
        """See ``core.map.state``; blocks in sorted order, since nothing depends on their slots."""
        order = np.lexsort(self._live.T[::-1])
        slots = self._live_slots[order]
        rows = {
            field.name: getattr(self.voxels, field.name)[slots] for field in fields(VoxelArrays)
        }
        return rows | {"blocks": self._live[order], "touched": self.touched[slots]}

    def restore(self, state: State) -> None:
        self._make(self._capacity)
        slots = self.insert(state["blocks"])
        for field in fields(VoxelArrays):
            getattr(self.voxels, field.name)[slots] = state[field.name]
        self.touched[slots] = state["touched"]

    def _activate(self, keys: Int32[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        slots = np.asarray(self._map.activate(_tensor(keys))[0].numpy(), dtype=np.int64)
        self._live = np.concatenate([self._live, keys])
        self._live_slots = np.concatenate([self._live_slots, slots])
        return slots

    def _enlarge(self, capacity: int) -> None:
        keys, old_slots, old = self._live, self._live_slots, self.voxels
        touched = self.touched[old_slots]
        self._make(capacity)
        if len(keys):
            slots = self._activate(keys)
            old.copy_rows_to(self.voxels, old_slots, slots)
            self.touched[slots] = touched


def voxels_in_cubes(
    cubes: Int32[np.ndarray, "n 3"], voxels_a_side: float
) -> tuple[Int32[np.ndarray, "m 3"], Int64[np.ndarray, " m"]]:
    """Block key and place in it of every voxel whose sample lies in cubes of the world's grid."""
    side = np.arange(math.ceil(voxels_a_side))
    steps = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    first = np.ceil(cubes * voxels_a_side).astype(np.int32)
    voxel = (first[:, None] + steps.astype(np.int32)).reshape(-1, 3)
    block = voxel // RESOLUTION
    x, y, z = (voxel - block * RESOLUTION).T.astype(np.int64)
    return block, x + RESOLUTION * (y + RESOLUTION * z)


class FrameStamps:
    """A list of stamps that is an array at any time, at no cost that grows with it."""

    def __init__(self, stamps_ns: Int64[np.ndarray, " n"] | None = None) -> None:
        known = np.zeros(0, np.int64) if stamps_ns is None else stamps_ns
        self._stamps_ns = np.zeros(max(1024, 2 * len(known)), np.int64)
        self._stamps_ns[: len(known)] = known
        self._count = len(known)

    def __len__(self) -> int:
        return self._count

    def append(self, stamp_ns: int) -> None:
        if self._count == len(self._stamps_ns):
            self._stamps_ns = np.concatenate([self._stamps_ns, np.zeros_like(self._stamps_ns)])
        self._stamps_ns[self._count] = stamp_ns
        self._count += 1

    @property
    def all_ns(self) -> Int64[np.ndarray, " n"]:
        """Stamps by frame number."""
        return self._stamps_ns[: self._count]


def _hash_map(capacity: int) -> Any:
    core = open3d().core
    return core.HashMap(
        capacity,
        key_dtype=core.int32,
        key_element_shape=(3,),
        value_dtype=core.uint8,
        value_element_shape=(1,),
    )


def _tensor(keys: Int32[np.ndarray, "n 3"]) -> Any:
    return open3d().core.Tensor(np.ascontiguousarray(keys))
