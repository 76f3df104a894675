"""How long each voxel was seen free and solid, and which were free long enough to be believed.

Ever-free voxels after Schmid et al., *Dynablox*, RA-L 2023, section III: a voxel that was free for
a while, and whose neighbours were too, can only be entered by something that moves.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int32, Int64, UInt8

from hydra_mono.core.map import voxel_keys
from hydra_mono.core.map.voxel_keys import numbered, pack, unpack
from hydra_mono.mapping.freespace.grid import SIDE, VOXELS, split_voxels

_CLOCK_NS = 500_000_000  # as finely as it is remembered when a voxel was last seen free


@dataclass(frozen=True, slots=True)
class HistoryRule:
    """When a voxel counts as ever free, and when as solid; ticks are tenths of a second."""

    tick_ns: int = 100_000_000  # observations closer together than this count once
    longest_ticks: int = 3  # that one observation stands for, so that pauses are not free time
    free_ticks: int = 4  # tenths of a second: cameras turn, and few voxels stay in view for 1 s
    promote_every: int = 2  # observations between promotions, which cost milliseconds
    solid_ticks: int = 5  # half a second of surface before it counts as the static world's
    put_ns: int = 3_000_000_000  # not seen free for so long, something may have been put there


class VoxelHistory:
    """Sparse chunks of 8³ voxels: ticks of free and of solid observations, and ever-free bits.

    Voxel (i, j, k) covers ``(i, j, k) * voxel_size_m`` and up; all integers are world-grid
    indices. Memory is 2.5 kB a chunk and grows with the space that was seen.
    """

    def __init__(self, rule: HistoryRule | None = None) -> None:
        self._rule = rule or HistoryRule()
        self._slots: dict[int, int] = {}
        self._free = np.zeros((64, VOXELS), np.uint8)
        self._solid = np.zeros((64, VOXELS), np.uint8)
        self._ever_free = np.zeros((64, VOXELS), bool)
        self._free_at = np.zeros((64, VOXELS), np.uint16)  # last seen free, see ``_clock``
        self._position = np.zeros((64, 3), np.int32)
        self._used = 1  # slot 0 is the chunk of which nothing is known
        self._latest_ns: int | None = None
        self._observations = 0

    def __len__(self) -> int:
        return len(self._slots)

    def ticks_since(self, stamp_ns: int) -> int:
        """How many ticks an observation at the stamp stands for; 0: too soon after the last."""
        if self._latest_ns is None:
            return 1
        passed = (stamp_ns - self._latest_ns) // self._rule.tick_ns
        return int(np.clip(passed, 0, self._rule.longest_ticks))

    def learn(
        self,
        stamp_ns: int,
        chunks: Int32[np.ndarray, "n 3"],
        seen_free: Bool[np.ndarray, "n 512"],
        solid_voxels: Int32[np.ndarray, "m 3"],
    ) -> None:
        """Takes over one frame: voxels that it saw through, and voxels it saw static surface in.

        ``chunks``: each once.
        """
        ticks = self.ticks_since(stamp_ns)
        if not ticks:
            return
        self._latest_ns = stamp_ns
        self._learn_solid(solid_voxels, ticks)
        slots = self._opened(chunks)
        passed = seen_free.view(np.uint8) * np.uint8(ticks)
        free, solid, at = self._free[slots], self._solid[slots], self._free_at[slots]
        self._free[slots] = free + np.minimum(255 - free, passed)
        self._solid[slots] = solid - np.minimum(solid, passed)
        np.copyto(at, _clock(stamp_ns), where=seen_free)
        self._free_at[slots] = at
        self._observations += 1
        if self._observations % self._rule.promote_every == 0:
            self._promote(chunks, slots)

    def _learn_solid(self, voxels: Int32[np.ndarray, "m 3"], ticks: int) -> None:
        chunks, inside = split_voxels(voxels)
        cells = self._acquire(chunks) * VOXELS + inside  # of one voxel several, of one outcome
        free, solid = self._free.reshape(-1), self._solid.reshape(-1)
        free[cells] = 0
        known = solid[cells]
        solid[cells] = known + np.minimum(255 - known, np.uint8(ticks))

    def _promote(self, chunks: Int32[np.ndarray, "n 3"], slots: Int64[np.ndarray, " n"]) -> None:
        """Voxels become ever free with their neighbours: those of the chunks just observed."""
        long_free = self._free[slots] >= self._rule.free_ticks
        news = np.any(long_free & ~self._ever_free[slots], axis=1)
        if not news.any():
            return
        lower = chunks[news].min(axis=0) - 1
        upper = chunks[news].max(axis=0) + 2
        table = self._table(lower, upper)
        is_free = (self._free[table] >= self._rule.free_ticks) | self._ever_free[table]
        inner = eroded(_dense(is_free))
        cells = _chunked(inner, table.shape)
        row = np.ravel_multi_index(tuple((chunks[news] - lower).T), table.shape)
        self._ever_free[slots[news]] |= cells[row]

    def is_ever_free(self, voxels: Int32[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """Whether each voxel, and all round it, was once free for long enough."""
        chunks, inside = split_voxels(voxels)
        return np.asarray(self._ever_free[self._find(chunks), inside])

    def is_solid(self, voxels: Int32[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """Whether the static world's surface was seen in each voxel for long enough."""
        return np.asarray(self.solid_ticks(voxels) >= self._rule.solid_ticks)

    def solid_ticks(self, voxels: Int32[np.ndarray, "n 3"]) -> UInt8[np.ndarray, " n"]:
        """Tenths of a second, 255 at most, for which static surface was seen in each voxel."""
        chunks, inside = split_voxels(voxels)
        return np.asarray(self._solid[self._find(chunks), inside])

    def was_entered_unseen(
        self, voxels: Int32[np.ndarray, "n 3"], stamp_ns: int
    ) -> Bool[np.ndarray, " n"]:
        """Whether a voxel, or one beside it, that is ever free has not been seen free for a while.

        Beside it, because rays pass through a part of the voxels at a contour.
        """
        around = (voxels[:, None] + _OFFSETS).reshape(-1, 3)
        chunks, inside = split_voxels(around)
        slots = self._find(chunks)
        passed = _clock(stamp_ns) - self._free_at[slots, inside]  # wraps round
        is_old = passed > np.uint16(-(-self._rule.put_ns // _CLOCK_NS))
        return np.asarray((is_old & self._ever_free[slots, inside]).reshape(-1, 27).any(axis=1))

    def accept(self, voxels: Int32[np.ndarray, "n 3"]) -> None:
        """What stands in these voxels has come to stay: they are no longer ever free."""
        chunks, inside = split_voxels(with_neighbours(voxels))
        slots = self._find(chunks)
        known = slots > 0
        self._ever_free[slots[known], inside[known]] = False
        self._free[slots[known], inside[known]] = 0

    def vacate(self, voxels: Int32[np.ndarray, "n 3"]) -> None:
        """What was taken for static surface in these voxels moves."""
        chunks, inside = split_voxels(voxels)
        slots = self._find(chunks)
        self._solid[slots[slots > 0], inside[slots > 0]] = 0

    def _find(self, chunks: Int32[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        each, number = numbered(chunks)
        return np.asarray(self._known(each)[number])

    def _known(self, each: Int32[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        """Slots of chunks that come up once, 0 for those of which nothing is known."""
        return np.array([self._slots.get(key, 0) for key in pack(each).tolist()], np.int64)

    def _acquire(self, chunks: Int32[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        each, number = numbered(chunks)
        return np.asarray(self._opened(each)[number])

    def _opened(self, each: Int32[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        """Slots of chunks that come up once; new ones where there is none."""
        slots = self._known(each)
        missing = np.flatnonzero(slots == 0)
        keys = pack(each[missing]).tolist()
        for index, key in zip(missing.tolist(), keys, strict=True):
            slots[index] = self._make(key, each[index])
        return slots

    def _make(self, key: int, chunk: Int32[np.ndarray, "3"]) -> int:
        if self._used == len(self._free):
            for name in ("_free", "_solid", "_ever_free", "_free_at", "_position"):
                array = getattr(self, name)
                setattr(self, name, np.concatenate([array, np.zeros_like(array)]))
        slot, self._used = self._used, self._used + 1
        self._slots[key] = slot
        self._position[slot] = chunk
        return slot

    def _table(
        self, lower: Int32[np.ndarray, "3"], upper: Int32[np.ndarray, "3"]
    ) -> Int64[np.ndarray, "x y z"]:
        shape = tuple((upper - lower).tolist())
        chunks = np.indices(shape, np.int32).reshape(3, -1).T + lower
        return self._known(chunks.astype(np.int32)).reshape(shape)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that ``restore`` needs, as arrays."""
        used = slice(1, self._used)
        return {
            "position": self._position[used].copy(),
            "free": self._free[used].copy(),
            "solid": self._solid[used].copy(),
            "ever_free": np.packbits(self._ever_free[used], axis=1),
            "free_at": self._free_at[used].copy(),
            "observations": np.array(self._observations, np.int64),
            "latest_ns": np.array(-1 if self._latest_ns is None else self._latest_ns, np.int64),
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Becomes what ``state`` was taken of."""
        fresh = VoxelHistory(self._rule)
        self.__dict__.update(fresh.__dict__)
        slots = self._acquire(state["position"])
        self._free[slots], self._solid[slots] = state["free"], state["solid"]
        self._ever_free[slots] = np.unpackbits(state["ever_free"], axis=1).astype(bool)
        self._free_at[slots] = state["free_at"]
        self._observations = int(state["observations"])
        latest = int(state["latest_ns"])
        self._latest_ns = None if latest < 0 else latest


def _clock(stamp_ns: int) -> np.uint16:
    """Half seconds, round and round every nine hours."""
    return np.uint16(stamp_ns // _CLOCK_NS % (1 << 16))


def distinct(voxels: Int32[np.ndarray, "n 3"]) -> Int32[np.ndarray, "m 3"]:
    """Every voxel once."""
    if not len(voxels):
        return voxels
    return unpack(voxel_keys.distinct(pack(voxels))).astype(np.int32)


def with_neighbours(voxels: Int32[np.ndarray, "n 3"]) -> Int32[np.ndarray, "m 3"]:
    """Voxels and the 26 round each, every one once."""
    return distinct((distinct(voxels)[:, None] + _OFFSETS).reshape(-1, 3))


def _dense(chunked: Bool[np.ndarray, "x y z 512"]) -> Bool[np.ndarray, "a b c"]:
    shape = chunked.shape[:3]
    values = chunked.reshape(*shape, SIDE, SIDE, SIDE).transpose(0, 3, 1, 4, 2, 5)
    return np.asarray(values.reshape(*(np.array(shape) * SIDE)))


def eroded(dense: Bool[np.ndarray, "a b c"]) -> Bool[np.ndarray, "a b c"]:
    """True where a voxel and the 18 that share a face or an edge with it are; outside is none.

    The three squares of 3×3 through a voxel hold them all, and each is two lines of three.
    """
    along_x = dense[:-2] & dense[1:-1] & dense[2:]
    middle = dense[1:-1]
    along_y = middle[:, :-2] & middle[:, 1:-1] & middle[:, 2:]
    level = along_x[:, :-2] & along_x[:, 1:-1] & along_x[:, 2:]
    both = along_x[:, 1:-1] & along_y  # what holds for each of two squares, for both at once
    upright = both[..., :-2] & both[..., 1:-1] & both[..., 2:]
    kept = np.zeros_like(dense)
    np.logical_and(level[..., 1:-1], upright, out=kept[1:-1, 1:-1, 1:-1])
    return kept


def _chunked(dense: Bool[np.ndarray, "a b c"], shape: tuple[int, ...]) -> Bool[np.ndarray, "n 512"]:
    parts = dense.reshape(shape[0], SIDE, shape[1], SIDE, shape[2], SIDE)
    return np.asarray(parts.transpose(0, 2, 4, 1, 3, 5).reshape(-1, VOXELS))


_OFFSETS = np.indices((3, 3, 3), np.int32).reshape(3, -1).T - np.int32(1)  # of neighbours
