"""The object-labelled part of the mesh, block by block and label by label."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float32, Int64

from hydra_mono.core.mesh import BlockKey, BlockMesh, MeshUpdate, SemanticMesh
from hydra_mono.graph.clustering import pack_cells

PartKey = tuple[int, BlockKey]


@dataclass(frozen=True, slots=True)
class Surface:
    """Vertices that carry object labels.

    ``cells``: packed label and grid cell of each vertex. ``is_fringe``: the vertex shares a
    triangle with a vertex of another label, so its own label is in doubt.
    """

    points_m: Float32[np.ndarray, "n 3"]
    normals: Float32[np.ndarray, "n 3"]
    cells: Int64[np.ndarray, " n"]
    is_fringe: Bool[np.ndarray, " n"]
    first_seen_ns: Int64[np.ndarray, " n"]
    last_seen_ns: Int64[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.points_m)

    def select(self, index: np.ndarray | slice) -> "Surface":
        return Surface(*(getattr(self, field.name)[index] for field in fields(Surface)))


def join(parts: Iterable[Surface]) -> Surface:
    """One surface of several (at least one), in the order given."""
    columns = [[getattr(part, field.name) for field in fields(Surface)] for part in parts]
    return Surface(*(np.concatenate(column) for column in zip(*columns, strict=True)))


class SurfaceStore:
    """Keeps the object vertices of active blocks at hand; those of others are read again."""

    def __init__(self, is_object: Bool[np.ndarray, "256"], cell_size_m: float) -> None:
        self._is_object = is_object
        self._cell_size_m = cell_size_m
        self._blocks: dict[BlockKey, dict[int, Surface]] = {}

    def apply(self, update: MeshUpdate) -> list[PartKey]:
        """Takes over the changed blocks; returns the parts that were or are there, sorted."""
        touched: set[PartKey] = set()
        for key, mesh in update.changed.items():
            before = self._blocks.pop(key, {})
            after = self._split(mesh)
            if after:
                self._blocks[key] = after
            touched.update((label, key) for label in (*before, *after))
        return sorted(touched)

    def forget(self, blocks: Iterable[BlockKey]) -> None:
        for key in blocks:
            self._blocks.pop(key, None)

    def holds(self, part: PartKey) -> bool:
        return part[0] in self._blocks.get(part[1], ())

    def find(self, part: PartKey, mesh: BlockMesh) -> Surface | None:
        label, key = part
        if key in self._blocks:
            return self._blocks[key].get(label)
        block = mesh.find_block(key)
        return None if block is None else self._split(block).get(label)

    def _split(self, mesh: SemanticMesh) -> dict[int, Surface]:
        index = np.flatnonzero(self._is_object[mesh.labels])
        if not len(index):
            return {}
        index = index[np.argsort(mesh.labels[index], kind="stable")]
        labels = mesh.labels[index]
        surface = Surface(
            points_m=mesh.vertices_m[index],
            normals=mesh.normals[index],
            cells=pack_cells(mesh.vertices_m[index], labels, self._cell_size_m),
            is_fringe=_fringe(mesh)[index],
            first_seen_ns=mesh.first_seen_ns[index],
            last_seen_ns=mesh.last_seen_ns[index],
        )
        starts = np.flatnonzero(np.diff(labels, prepend=np.uint8(0)))
        ends = [*starts[1:], len(labels)]
        return {
            int(labels[start]): surface.select(slice(start, end))
            for start, end in zip(starts, ends, strict=True)
        }


def _fringe(mesh: SemanticMesh) -> Bool[np.ndarray, " v"]:
    """Vertices of triangles whose corners disagree about the label."""
    corners = mesh.labels[mesh.faces]
    mixed = (corners[:, 0] != corners[:, 1]) | (corners[:, 1] != corners[:, 2])
    fringe = np.zeros(len(mesh), dtype=bool)
    fringe[mesh.faces[mixed]] = True
    return fringe
