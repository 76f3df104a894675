"""A sparse voxel grid: cubes of voxels in one pool, found by their integer position."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int8, Int32, Int64, Shaped, UInt8, UInt16

from hydra_mono.core.map import voxel_keys
from hydra_mono.core.map.state import State, joined, parted

SIDE = 8  # voxels along a chunk
VOXELS = SIDE**3
UNKNOWN, FREE, SOLID = 0, 1, 2
_FIELDS = ("evidence", "surfaces", "offset", "normal", "published", "is_dirty")


class _Packed(NamedTuple):
    """An archived chunk: a bit per free voxel, and the voxels with surface in them."""

    is_free: UInt8[np.ndarray, "64"]
    solid: UInt16[np.ndarray, " n"]
    surfaces: UInt8[np.ndarray, " n"]
    offset: UInt8[np.ndarray, "n 3"]
    normal: Int8[np.ndarray, "n 3"]


_NO_CHUNK = _Packed(
    is_free=np.zeros(0, np.uint8),
    solid=np.zeros(0, np.uint16),
    surfaces=np.zeros(0, np.uint8),
    offset=np.zeros((0, 3), np.uint8),
    normal=np.zeros((0, 3), np.int8),
)


class ChunkGrid:
    """Chunks of 8³ voxels on a world grid; slot 0 is the chunk of which nothing is known.

    ``evidence`` counts how often a voxel was observed free (saturating), ``surfaces`` the mesh
    blocks that have surface in it, ``offset`` is where in the voxel that surface lies (1/256 of
    a voxel), ``normal`` its mean normal (times 127), ``published`` its state at the last update.
    All chunks there ever were lie between ``first_voxel`` and ``last_voxel``. Archived chunks take
    a tenth of the memory and are reloaded by whatever finds them.
    """

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}
        self._free_slots: list[int] = []
        self._archive: dict[int, _Packed] = {}
        self._used = 1
        self.first_voxel = np.zeros(3, np.int32)
        self.last_voxel = np.zeros(3, np.int32)
        self.position = np.zeros((64, 3), np.int32)
        self.evidence = np.zeros((64, VOXELS), np.uint8)
        self.surfaces = np.zeros((64, VOXELS), np.uint8)
        self.offset = np.zeros((64, VOXELS, 3), np.uint8)
        self.normal = np.zeros((64, VOXELS, 3), np.int8)
        self.published = np.zeros((64, VOXELS), np.uint8)
        self.is_dirty = np.zeros(64, bool)

    def __len__(self) -> int:
        return len(self._slots)

    def find(self, chunks: Int32[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        """Slots of chunks, 0 where there is none."""
        keys = _packed(chunks)
        slots = np.array([self._slots.get(key, 0) for key in keys], np.int64)
        if self._archive:
            for index in np.flatnonzero(slots == 0).tolist():
                if keys[index] in self._archive:
                    slots[index] = self._open(keys[index], chunks[index])
        return slots

    def acquire(self, chunks: Int32[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        """Slots of chunks, which may come up often; new ones are made where there is none."""
        distinct, inverse = voxel_keys.numbered(chunks)
        return np.asarray(self.acquire_each(distinct)[inverse])

    def acquire_each(self, chunks: Int32[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        """Slots of chunks that come up once."""
        slots = self.find(chunks)
        missing = np.flatnonzero(slots == 0)
        for index, key in zip(missing.tolist(), _packed(chunks[missing]), strict=True):
            slots[index] = self._open(key, chunks[index])
        return slots

    def slots(self) -> Int64[np.ndarray, " n"]:
        """Every slot in use, ascending."""
        return np.array(sorted(self._slots.values()), np.int64)

    def archive(self, slots: Int64[np.ndarray, " n"]) -> None:
        """Packs chunks and gives their slots up."""
        for slot, key in zip(slots.tolist(), _packed(self.position[slots]), strict=True):
            solid = np.flatnonzero(self.surfaces[slot])
            self._archive[key] = _Packed(
                is_free=np.packbits(self.evidence[slot] > 0),
                solid=solid.astype(np.uint16),
                surfaces=self.surfaces[slot, solid],
                offset=self.offset[slot, solid],
                normal=self.normal[slot, solid],
            )
            del self._slots[key]
            self._free_slots.append(slot)
        for name in _FIELDS:
            getattr(self, name)[slots] = 0

    def state(self) -> State:
        """See ``core.map.state``; slots are given up, for nothing depends on them."""
        slots = self.slots()
        keys = sorted(self._archive)
        packed = [self._archive[key] for key in keys]
        return {
            "first_voxel": self.first_voxel.copy(),
            "last_voxel": self.last_voxel.copy(),
            "position": self.position[slots],
            **{name: getattr(self, name)[slots] for name in _FIELDS},
            "archived": voxel_keys.unpack(np.array(keys, np.int64)).astype(np.int32),
            "archive": {
                name: joined([getattr(chunk, name) for chunk in packed], like)
                for name, like in _NO_CHUNK._asdict().items()
            },
        }

    @staticmethod
    def restored(state: State) -> "ChunkGrid":
        """The grid that gave the state."""
        grid = ChunkGrid()
        slots = grid.acquire(state["position"])
        for name in _FIELDS:
            getattr(grid, name)[slots] = state[name]
        parts = [parted(state["archive"][name]) for name in _Packed._fields]
        chunks = [_Packed(*columns) for columns in zip(*parts, strict=True)]
        grid._archive = dict(zip(_packed(state["archived"]), chunks, strict=True))
        grid.first_voxel, grid.last_voxel = state["first_voxel"].copy(), state["last_voxel"].copy()
        return grid

    def dense(
        self, name: str, lower: Int32[np.ndarray, "3"], upper: Int32[np.ndarray, "3"]
    ) -> Shaped[np.ndarray, "x y z *rest"]:
        """A field as a dense array over the voxels ``lower <= v < upper`` of the world grid."""
        first, last = lower // SIDE, (upper - 1) // SIDE + 1
        table = self._table(first, last)  # before the field: it may reload chunks and enlarge all
        values = getattr(self, name)[table]
        rest = values.shape[4:]
        values = values.reshape(*(last - first), SIDE, SIDE, SIDE, *rest)
        axes = (0, 3, 1, 4, 2, 5, *range(6, values.ndim))
        values = values.transpose(axes).reshape(*((last - first) * SIDE), *rest)
        start = lower - first * SIDE
        window = tuple(slice(a, b) for a, b in zip(start, start + upper - lower, strict=True))
        return np.asarray(values[window])

    def occupancy(self, slots: Int64[np.ndarray, " n"]) -> UInt8[np.ndarray, "n 512"]:
        """Unknown, free or solid, by what is known now."""
        state = np.minimum(self.evidence[slots], FREE)
        state[self.surfaces[slots] > 0] = SOLID
        return np.asarray(state)

    def _table(
        self, first: Int32[np.ndarray, "3"], last: Int32[np.ndarray, "3"]
    ) -> Int64[np.ndarray, "x y z"]:
        shape = tuple((last - first).tolist())
        chunks = np.indices(shape, np.int32).reshape(3, -1).T + first
        return np.asarray(self.find(chunks).reshape(shape))

    def _open(self, key: int, chunk: Int32[np.ndarray, "3"]) -> int:
        slot = self._free_slots.pop() if self._free_slots else self._new_slot()
        self._slots[key] = slot
        self.position[slot] = chunk
        self.first_voxel = np.minimum(self.first_voxel, chunk * SIDE)
        self.last_voxel = np.maximum(self.last_voxel, chunk * SIDE + SIDE - 1)
        packed = self._archive.pop(key, None)
        if packed is not None:
            self.evidence[slot] = np.unpackbits(packed.is_free)
            self.surfaces[slot, packed.solid] = packed.surfaces
            self.offset[slot, packed.solid] = packed.offset
            self.normal[slot, packed.solid] = packed.normal
            self.published[slot] = self.occupancy(np.array([slot]))[0]
        return slot

    def _new_slot(self) -> int:
        if self._used == len(self.position):
            for name in ("position", *_FIELDS):
                array = getattr(self, name)
                setattr(self, name, np.concatenate([array, np.zeros_like(array)]))
        self._used += 1
        return self._used - 1


def split_voxels(
    voxels: Int32[np.ndarray, "n 3"],
) -> tuple[Int32[np.ndarray, "n 3"], Int32[np.ndarray, " n"]]:
    """The chunk of each voxel, and its index inside the chunk."""
    chunks = voxels // SIDE
    local = voxels - chunks * SIDE
    return chunks, (local[:, 0] * SIDE + local[:, 1]) * SIDE + local[:, 2]


def join_voxels(
    chunks: Int32[np.ndarray, "n 3"], inside: Int64[np.ndarray, " n"]
) -> Int32[np.ndarray, "n 3"]:
    """The reverse of ``split_voxels``."""
    local = np.stack([inside // (SIDE * SIDE), inside // SIDE % SIDE, inside % SIDE], axis=1)
    return np.asarray(chunks * SIDE + local, dtype=np.int32)


def _packed(chunks: Int32[np.ndarray, "n 3"]) -> list[int]:
    keys: list[int] = voxel_keys.pack(chunks).tolist()
    return keys
