"""Walls and floors near a thing, read from the mesh."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float32

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import BlockKey, BlockMesh, SemanticMesh

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

    def near(self, box: BoundingBox, mesh: BlockMesh, block_size_m: float) -> Structure:
        """Structure in the blocks that reach within ``AROUND_M`` of the box."""
        found = (self._sift(key, mesh) for key in _blocks_around(box, block_size_m))
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

    def _sift(self, key: BlockKey, mesh: BlockMesh) -> Structure | None:
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


def _blocks_around(box: BoundingBox, block_size_m: float) -> Iterator[BlockKey]:
    corners = box.footprint()
    half_height = box.dimensions_m[2] / 2
    lower = np.array([*corners.min(axis=0), box.center_m[2] - half_height]) - AROUND_M
    upper = np.array([*corners.max(axis=0), box.center_m[2] + half_height]) + AROUND_M
    first = np.floor(lower / block_size_m).astype(int)
    last = np.floor(upper / block_size_m).astype(int)
    x, y, z = (range(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
    return product(x, y, z)
