"""The surface of walls, floors, doors and windows, which boxes of objects are completed to."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import (
    BlockKey,
    MeshUpdate,
    MeshView,
    blocks_between,
)
from hydra_mono.graph.objects.box_fit import (
    TURN_BINS,
    count_turns,
    wall_yaws,
)

AROUND_M = 0.3  # how far beside an object its wall or floor is looked for


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


class StructureStore:
    """The structure of every active block, sifted out when it changes; that of others anew."""

    def __init__(self, labels: LabelSpace) -> None:
        roles = labels.ids_with_role("wall", "floor", "window", "door")
        self._is_structure: Bool[np.ndarray, "256"] = labels.mask(roles)
        self._is_wall: Bool[np.ndarray, "256"] = labels.mask(labels.ids_with_role("wall"))
        self._turns: dict[BlockKey, Int64[np.ndarray, "90"]] = {}
        self._all_turns: Int64[np.ndarray, "90"] = np.zeros(TURN_BINS, np.int64)
        self._sifted: dict[BlockKey, Structure] = {}

    def apply(self, update: MeshUpdate) -> None:
        """Sifts the changed blocks, and counts which way their walls face, in one pass."""
        keys, blocks = list(update.changed), list(update.changed.values())
        if not blocks:
            return
        counts = [len(block) for block in blocks]
        labels = np.concatenate([block.labels for block in blocks])
        index = np.flatnonzero(self._is_structure[labels])
        block_of = np.repeat(np.arange(len(blocks)), counts)[index]
        points_m = np.concatenate([block.vertices_m for block in blocks])[index]
        normals = np.concatenate([block.normals for block in blocks])[index]
        ends = np.searchsorted(block_of, np.arange(len(blocks) + 1))
        for key, start, end in zip(keys, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            self._sifted[key] = Structure(points_m[start:end].copy(), normals[start:end].copy())
        is_wall = self._is_wall[labels[index]]
        turns = count_turns(normals[is_wall], block_of[is_wall], len(blocks))
        has_walls = np.any(turns, axis=1)
        for key, row, is_wall_there in zip(keys, turns, has_walls, strict=True):
            self._all_turns -= self._turns.pop(key, np.int64(0))
            if is_wall_there:
                self._turns[key] = row.copy()
        self._all_turns += turns.sum(axis=0)

    def yaws_near(self, structure: Structure) -> tuple[float, ...]:
        """Directions of the walls about; of the whole building's where there are none."""
        near = wall_yaws(count_turns(structure.normals)[0])
        return near or wall_yaws(self._all_turns)[:1] or (0.0,)

    def state(self) -> State:
        """See ``core.map.state``; what was sifted out follows from the mesh."""
        keys = sorted(self._turns)
        turns = [self._turns[key] for key in keys]
        return {
            "blocks": np.array(keys, np.int32).reshape(-1, 3),
            "turns": np.array(turns, np.int64).reshape(-1, TURN_BINS),
        }

    def restore(self, state: State) -> None:
        self._sifted = {}
        keys = [(i, j, k) for i, j, k in state["blocks"].tolist()]
        self._turns = {key: row.copy() for key, row in zip(keys, state["turns"], strict=True)}
        self._all_turns = state["turns"].sum(axis=0, dtype=np.int64)

    def near(self, box: BoundingBox, mesh: MeshView, block_size_m: float) -> Structure:
        """Structure in the blocks that reach within ``AROUND_M`` of the box."""
        keys = blocks_between(*box.bounds(AROUND_M), block_size_m)
        found = (self._find(key, mesh) for key in keys)
        parts = [part for part in found if part is not None and len(part)]
        if not parts:
            return Structure.empty()
        return Structure(
            np.concatenate([part.points_m for part in parts]),
            np.concatenate([part.normals for part in parts]),
        )

    def forget(self, blocks: Iterable[BlockKey]) -> None:
        for key in blocks:
            self._sifted.pop(key, None)

    def _find(self, key: BlockKey, mesh: MeshView) -> Structure | None:
        """Of a block; read again where it was archived, or the map was restored."""
        known = self._sifted.get(key)
        if known is not None:
            return known
        block = mesh.find_block(key)
        if block is None:
            return None
        index = np.flatnonzero(self._is_structure[block.labels])
        found = Structure(block.vertices_m[index], block.normals[index])
        if not mesh.is_archived(key):
            self._sifted[key] = found
        return found
