"""Walls and floors near a thing, read from the mesh."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import BlockKey, MeshView, SemanticMesh, blocks_between

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


class StructureStore:
    """Sifts the structure out of a block when it is first asked for, and again when it changed."""

    def __init__(self, labels: LabelSpace) -> None:
        roles = labels.ids_with_role("wall", "floor", "window", "door")
        self._is_structure: Bool[np.ndarray, "256"] = labels.mask(roles)
        self._sifted: dict[BlockKey, tuple[SemanticMesh, Structure | None]] = {}

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
