"""Triangle meshes whose vertices carry colour, label and time, kept block by block."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt8

BlockKey = tuple[int, int, int]


def blocks_between(
    lower_m: Float64[np.ndarray, "3"], upper_m: Float64[np.ndarray, "3"], block_size_m: float
) -> Iterator[BlockKey]:
    """Keys of the blocks that an upright box between two corners touches, in order."""
    first = np.floor(lower_m / block_size_m).astype(int)
    last = np.floor(upper_m / block_size_m).astype(int)
    x, y, z = (range(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
    return product(x, y, z)


@dataclass(frozen=True, slots=True)
class SemanticMesh:
    """Vertices in world metres; ``normals`` are unit and point into free space.

    ``first_seen_ns`` / ``last_seen_ns``: stamps of the first and the latest frame that saw the
    surface at the vertex. ``is_occlusion_artifact``: surface across a depth discontinuity,
    not observed: it lies between what was seen through and what an outline hides; files do not
    keep it. None where there is none.
    """

    vertices_m: Float32[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]
    normals: Float32[np.ndarray, "v 3"]
    colors: UInt8[np.ndarray, "v 3"]
    labels: UInt8[np.ndarray, " v"]
    first_seen_ns: Int64[np.ndarray, " v"]
    last_seen_ns: Int64[np.ndarray, " v"]
    is_occlusion_artifact: Bool[np.ndarray, " v"] | None = None

    def __len__(self) -> int:
        return len(self.vertices_m)

    @property
    def occlusion_artifacts(self) -> Bool[np.ndarray, " v"]:
        """``is_occlusion_artifact``, spelled out where it is None."""
        return (
            np.zeros(len(self), np.bool_)
            if self.is_occlusion_artifact is None
            else self.is_occlusion_artifact
        )

    @staticmethod
    def empty() -> "SemanticMesh":
        return SemanticMesh(
            vertices_m=np.zeros((0, 3), np.float32),
            faces=np.zeros((0, 3), np.int32),
            normals=np.zeros((0, 3), np.float32),
            colors=np.zeros((0, 3), np.uint8),
            labels=np.zeros(0, np.uint8),
            first_seen_ns=np.zeros(0, np.int64),
            last_seen_ns=np.zeros(0, np.int64),
        )


def concatenate(meshes: Iterable[SemanticMesh]) -> SemanticMesh:
    """One mesh of many, vertices in the order given, none welded."""
    parts = [mesh for mesh in meshes if len(mesh)]
    if not parts:
        return SemanticMesh.empty()
    offsets = np.cumsum([0, *(len(mesh) for mesh in parts[:-1])]).astype(np.int32)
    joined = {
        field.name: np.concatenate([getattr(mesh, field.name) for mesh in parts])
        for field in fields(SemanticMesh)
        if field.name not in ("faces", "is_occlusion_artifact")
    }
    faces = np.concatenate([mesh.faces + o for mesh, o in zip(parts, offsets, strict=True)])
    is_occlusion_artifact = np.concatenate([mesh.occlusion_artifacts for mesh in parts])
    return SemanticMesh(
        faces=faces,
        is_occlusion_artifact=is_occlusion_artifact if is_occlusion_artifact.any() else None,
        **joined,
    )


@dataclass(frozen=True, slots=True)
class MeshUpdate:
    """What the mapper changed since the last update.

    ``changed`` holds the whole new mesh of every changed block (empty where the surface is
    gone); ``archived`` the blocks that left the active window and will not change again.
    Block (i, j, k) spans ``[i, i+1) * block_size_m`` on x, and so on.
    """

    stamp_ns: int
    block_size_m: float
    changed: dict[BlockKey, SemanticMesh]
    archived: tuple[BlockKey, ...] = ()


class BlockMesh:
    """The mesh of the whole run: a mesh per block, and which blocks are active."""

    def __init__(self) -> None:
        self._blocks: dict[BlockKey, SemanticMesh] = {}
        self._active: set[BlockKey] = set()

    def apply(self, update: MeshUpdate) -> None:
        for key, mesh in update.changed.items():
            if len(mesh):
                self._blocks[key] = mesh
                self._active.add(key)
            else:
                self._blocks.pop(key, None)
                self._active.discard(key)
        self._active.difference_update(update.archived)

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def vertex_count(self) -> int:
        return sum(len(mesh) for mesh in self._blocks.values())

    def find_block(self, key: BlockKey) -> SemanticMesh | None:
        return self._blocks.get(key)

    def active_blocks(self) -> Iterator[tuple[BlockKey, SemanticMesh]]:
        """Active blocks in a fixed order, whatever order they came in."""
        return ((key, self._blocks[key]) for key in sorted(self._active))

    def active_mesh(self) -> SemanticMesh:
        return concatenate(mesh for _, mesh in self.active_blocks())

    def whole_mesh(self) -> SemanticMesh:
        """Everything mapped so far, blocks in sorted order, so equal runs give equal meshes."""
        return concatenate(self._blocks[key] for key in sorted(self._blocks))
