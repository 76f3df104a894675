"""Walls and floors near a thing, read from the mesh."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import BlockKey, MeshUpdate, MeshView, SemanticMesh, blocks_between

_UPRIGHT = 0.2  # |z| of the normals of what stands upright
_MOST_DIRECTIONS = 3  # of walls near one object
AROUND_M = 0.3  # how far beside a thing its wall or floor is looked for


@dataclass(frozen=True, slots=True)
class Structure:
    """Vertices of walls, floors, doors and windows with their normals."""

    points_m: Float32[np.ndarray, "n 3"]
    normals: Float32[np.ndarray, "n 3"]

    def __len__(self) -> int:
        return len(self.points_m)

    @staticmethod
    def empty() -> "Structure":
        return Structure(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32))


TURN_BINS = 90  # a degree each: boxes turned by 90° are the same
_PEAK_BINS = 4  # normals so many degrees off a direction still belong to it: noise of the mesh
_PEAK_SHARE = 0.15  # of the walls' vertices, that make a direction one
_ENOUGH_WALL = 60  # vertices, a third of a square metre at 5 cm voxels


def count_turns(normals: Float32[np.ndarray, "n 3"]) -> Int64[np.ndarray, "90"]:
    """How many of the upright surfaces' normals point where, by degree modulo 90."""
    level = normals[np.abs(normals[:, 2]) < _UPRIGHT]
    degrees = np.degrees(np.arctan2(level[:, 1], level[:, 0]))
    return np.bincount(np.floor(degrees).astype(np.int64) % TURN_BINS, minlength=TURN_BINS)


def wall_yaws(counts: Int64[np.ndarray, "90"]) -> tuple[float, ...]:
    """Directions that walls run in, radians within ±45°, the commonest first; maybe none."""
    left = counts.astype(np.float64)
    found: list[float] = []
    while len(found) < _MOST_DIRECTIONS:
        around = np.arange(-_PEAK_BINS, _PEAK_BINS + 1)
        near = left[(np.arange(TURN_BINS)[:, None] + around) % TURN_BINS]
        peak = int(np.argmax(near.sum(axis=1)))
        total = float(near[peak].sum())
        if total < max(_PEAK_SHARE * counts.sum(), _ENOUGH_WALL):
            break
        degrees = peak + 0.5 + float(near[peak] @ around) / total
        found.append(math.radians((degrees + 45) % 90 - 45))
        left[(peak + np.arange(-2 * _PEAK_BINS, 2 * _PEAK_BINS + 1)) % TURN_BINS] = 0
    return tuple(found)


class StructureStore:
    """Sifts the structure out of a block when it is first asked for, and again when it changed."""

    def __init__(self, labels: LabelSpace) -> None:
        roles = labels.ids_with_role("wall", "floor", "window", "door")
        self._is_structure: Bool[np.ndarray, "256"] = labels.mask(roles)
        self._is_wall: Bool[np.ndarray, "256"] = labels.mask(labels.ids_with_role("wall"))
        self._turns: dict[BlockKey, Int64[np.ndarray, "90"]] = {}
        self._all_turns: Int64[np.ndarray, "90"] = np.zeros(TURN_BINS, np.int64)
        self._sifted: dict[BlockKey, tuple[SemanticMesh, Structure | None]] = {}

    def apply(self, update: MeshUpdate) -> None:
        """Counts which way the walls of the changed blocks face."""
        for key, block in update.changed.items():
            self._all_turns -= self._turns.pop(key, np.int64(0))
            walls = self._is_wall[block.labels]
            if walls.any():
                self._turns[key] = count_turns(block.normals[walls])
                self._all_turns += self._turns[key]

    def state(self) -> State:
        """See ``core.map.state``; what was sifted is sifted again from the mesh."""
        keys = sorted(self._turns)
        turns = np.array([self._turns[key] for key in keys], np.int64)
        return {
            "blocks": np.array(keys, np.int32).reshape(-1, 3),
            "turns": turns.reshape(-1, TURN_BINS),
            "all_turns": self._all_turns.copy(),
        }

    def restore(self, state: State) -> None:
        keys = [(i, j, k) for i, j, k in state["blocks"].tolist()]
        self._turns = dict(zip(keys, state["turns"], strict=True))
        self._all_turns = state["all_turns"].copy()
        self._sifted = {}

    def yaws_near(self, structure: Structure) -> tuple[float, ...]:
        """Directions of the walls about; of the whole building's where there are none."""
        near = wall_yaws(count_turns(structure.normals))
        return near or wall_yaws(self._all_turns)[:1] or (0.0,)

    def near(self, box: BoundingBox, mesh: MeshView, block_size_m: float) -> Structure:
        """Structure in the blocks that reach within ``AROUND_M`` of the box."""
        keys = blocks_between(*box.bounds(AROUND_M), block_size_m)
        found = (self._sift(key, mesh) for key in keys)
        parts = [part for part in found if part is not None]
        if not parts:
            return Structure.empty()
        return Structure(
            np.concatenate([part.points_m for part in parts]),
            np.concatenate([part.normals for part in parts]),
        )

    def forget(self, blocks: Iterable[BlockKey]) -> None:
        for key in blocks:
            self._sifted.pop(key, None)

    def _sift(self, key: BlockKey, mesh: MeshView) -> Structure | None:
        block = mesh.find_block(key)
        if block is None:
            return None
        known = self._sifted.get(key)
        if known is None or known[0] is not block:
            known = (block, self._select(block))
            self._sifted[key] = known
        return known[1]

    def _select(self, block: SemanticMesh) -> Structure | None:
        index = np.flatnonzero(self._is_structure[block.labels])
        if not len(index):
            return None
        return Structure(block.vertices_m[index], block.normals[index])
