"""Triangle meshes whose vertices carry colour, label and time, kept block by block."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64, Shaped, UInt8

from hydra_mono.core.map.state import State

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
    surface at the vertex. ``is_occlusion_artifact``: surface across a depth discontinuity, not
    observed: it joins what was seen through to what a contour hides. Files do not keep it; None
    where there is none.
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

    def points(self, chosen: Bool[np.ndarray, " v"]) -> "SemanticMesh":
        """Some of the vertices, without faces."""
        return SemanticMesh(
            vertices_m=self.vertices_m[chosen],
            faces=np.zeros((0, 3), np.int32),
            normals=self.normals[chosen],
            colors=self.colors[chosen],
            labels=self.labels[chosen],
            first_seen_ns=self.first_seen_ns[chosen],
            last_seen_ns=self.last_seen_ns[chosen],
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


class MeshView:
    """The mesh of a run by block, as it was at one instant; whoever has it only reads it."""

    def __init__(
        self, blocks: "Mapping[BlockKey, SemanticMesh | _PackedMesh] | None" = None
    ) -> None:
        self._blocks: dict[BlockKey, SemanticMesh | _PackedMesh] = dict(blocks or {})

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def vertex_count(self) -> int:
        return sum(len(mesh) for mesh in self._blocks.values())

    def find_block(self, key: BlockKey) -> SemanticMesh | None:
        block = self._blocks.get(key)
        return block.unpacked() if isinstance(block, _PackedMesh) else block

    def is_archived(self, key: BlockKey) -> bool:
        """Whether a block is kept packed: each ``find_block`` unpacks it anew."""
        return isinstance(self._blocks.get(key), _PackedMesh)

    def whole_mesh(self) -> SemanticMesh:
        """Everything mapped so far, blocks in sorted order, so equal runs give equal meshes."""
        blocks = (self.find_block(key) for key in sorted(self._blocks))
        return concatenate(block for block in blocks if block is not None)


class BlockMesh(MeshView):
    """The mesh of the whole run: a mesh per block, and which blocks are active.

    Blocks that are archived are kept packed: see ``_PackedMesh`` for what that rounds.
    """

    def __init__(self) -> None:
        super().__init__({})
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
        self._pack(update.archived)

    def _pack(self, keys: Iterable[BlockKey]) -> None:
        found = [(key, self._blocks.get(key)) for key in keys]
        meshes = {key: mesh for key, mesh in found if isinstance(mesh, SemanticMesh)}
        self._blocks.update(zip(meshes, pack_meshes(list(meshes.values())), strict=True))

    def snapshot(self) -> MeshView:
        """The mesh as it is now; costs a reference per block, as no block is ever written to."""
        return MeshView(self._blocks)

    def active_blocks(self) -> Iterator[tuple[BlockKey, SemanticMesh]]:
        """Active blocks in a fixed order, whatever order they came in."""
        for key in sorted(self._active):
            block = self.find_block(key)
            assert block is not None
            yield key, block

    def state(self) -> State:
        """See ``core.map.state``."""
        keys = sorted(self._blocks)
        blocks = {key: block for key in keys if (block := self.find_block(key)) is not None}
        packed = [isinstance(self._blocks[key], _PackedMesh) for key in keys]
        return meshes_state(blocks) | {
            "is_packed": np.array(packed, np.bool_),
            "is_active": np.array([key in self._active for key in keys], np.bool_),
        }

    def restore(self, state: State) -> None:
        self._blocks = dict(restored_meshes(state))
        keys = list(self._blocks)
        self._active = {
            key for key, is_active in zip(keys, state["is_active"], strict=True) if is_active
        }
        self._pack(
            key for key, is_packed in zip(keys, state["is_packed"], strict=True) if is_packed
        )


_VERTEX = np.dtype(
    [
        ("point_m", np.float32, 3),
        ("normal", np.int16, 3),
        ("color", np.uint8, 3),
        ("label", np.uint8),
        ("first_seen", np.uint16),
        ("last_seen", np.uint16),
        ("is_occlusion_artifact", np.bool_),
    ]
)
_NORMAL_SCALE = np.float32(32767)  # of int16: components are rounded by 1.5e-5 at most


@dataclass(frozen=True, slots=True)
class _PackedMesh:
    """A mesh at 39 bytes a vertex instead of 69; only the normals are rounded (by 1.5e-5).

    ``stamps_ns``: the stamps that ``first_seen`` and ``last_seen`` of the vertices index.
    """

    vertices: Shaped[np.ndarray, " v"]
    faces: Shaped[np.ndarray, "f 3"]
    stamps_ns: Int64[np.ndarray, " s"]

    def __len__(self) -> int:
        return len(self.vertices)

    def unpacked(self) -> SemanticMesh:
        of = self.vertices
        return SemanticMesh(
            vertices_m=of["point_m"].copy(),
            faces=self.faces.astype(np.int32),
            normals=of["normal"] / _NORMAL_SCALE,
            colors=of["color"].copy(),
            labels=of["label"].copy(),
            first_seen_ns=self.stamps_ns[of["first_seen"]],
            last_seen_ns=self.stamps_ns[of["last_seen"]],
            is_occlusion_artifact=of["is_occlusion_artifact"].copy(),
        )


def pack_meshes(meshes: Sequence[SemanticMesh]) -> "list[_PackedMesh | SemanticMesh]":
    """Each mesh packed, all in one pass; as they are where they have too many stamps for that."""
    if not meshes:
        return []
    whole = concatenate(meshes)
    stamps_ns, index = np.unique(
        np.stack([whole.first_seen_ns, whole.last_seen_ns]), return_inverse=True
    )
    if len(stamps_ns) > np.iinfo(np.uint16).max:
        return list(meshes)
    vertices = np.empty(len(whole), _VERTEX)
    vertices["point_m"], vertices["color"] = whole.vertices_m, whole.colors
    vertices["normal"] = np.rint(whole.normals * _NORMAL_SCALE)
    vertices["label"] = whole.labels
    vertices["first_seen"], vertices["last_seen"] = index.reshape(2, -1)
    vertices["is_occlusion_artifact"] = whole.occlusion_artifacts
    ends = np.cumsum([len(mesh) for mesh in meshes])
    parts = np.split(vertices, ends[:-1])
    return [
        _PackedMesh(part.copy(), _narrow(mesh.faces, len(mesh)), stamps_ns)
        for mesh, part in zip(meshes, parts, strict=True)
    ]


def _narrow(faces: Int32[np.ndarray, "f 3"], vertices: int) -> Shaped[np.ndarray, "f 3"]:
    """Faces as 16-bit numbers where there are few enough vertices."""
    return faces.astype(np.uint16) if vertices <= np.iinfo(np.uint16).max else faces


def meshes_state(meshes: Mapping[BlockKey, SemanticMesh]) -> State:
    """Meshes by block as arrays; see ``core.map.state``."""
    parts = list(meshes.values())
    whole = concatenate(parts)
    arrays = {field.name: getattr(whole, field.name) for field in fields(SemanticMesh)}
    offsets = np.cumsum([0, *(len(mesh) for mesh in parts)])[:-1].astype(np.int32)
    counts = np.array([len(mesh.faces) for mesh in parts], np.int64)
    return arrays | {
        "faces": whole.faces - np.repeat(offsets, counts)[:, None],
        "is_occlusion_artifact": whole.occlusion_artifacts,
        "blocks": np.array(list(meshes), np.int32).reshape(-1, 3),
        "vertex_counts": np.array([len(mesh) for mesh in parts], np.int64),
        "face_counts": counts,
    }


def restored_meshes(state: State) -> dict[BlockKey, SemanticMesh]:
    """What ``meshes_state`` was given, in the same order."""
    v, f = (np.cumsum(state[name])[:-1] for name in ("vertex_counts", "face_counts"))
    columns = [
        np.split(state[field.name], f if field.name == "faces" else v)
        for field in fields(SemanticMesh)
    ]
    keys = [tuple(key) for key in state["blocks"].tolist()]
    return {
        key: SemanticMesh(*(part.copy() for part in parts))
        for key, parts in zip(keys, zip(*columns, strict=True), strict=False)
    }
