"""The surfaces of several maps as one, without what two of them saw."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from hydra_mono.core.mesh import SemanticMesh, concatenate
from hydra_mono.graph.align.transform import Matrix, moved_points, turned_vectors

CELL_M = 0.1  # surfaces of two maps in one cell that face one direction are the same


def join_meshes(parts: Sequence[tuple[SemanticMesh, Matrix]]) -> SemanticMesh:
    """One mesh, each part brought into the frame by its pose; the first to see a cell keeps it.

    Costs n log n of the vertices.
    """
    moved = [_moved(mesh, pose) for mesh, pose in parts]
    whole = concatenate(moved)
    robots = np.repeat(np.arange(len(moved)), [len(mesh) for mesh in moved])
    if not len(whole):
        return whole
    axis = np.argmax(np.abs(whole.normals), axis=1)
    side = np.take_along_axis(whole.normals, axis[:, None], axis=1)[:, 0] > 0
    cells = np.floor(whole.vertices_m / CELL_M).astype(np.int64)
    _, owner = np.unique(np.column_stack([cells, 2 * axis + side]), axis=0, return_inverse=True)
    first = np.full(int(owner.max()) + 1, len(moved))
    np.minimum.at(first, owner, robots)
    return _only(whole, robots == first[owner])


def _moved(mesh: SemanticMesh, pose: Matrix) -> SemanticMesh:
    if np.array_equal(pose, np.eye(4)):
        return mesh
    return replace(
        mesh,
        vertices_m=moved_points(pose, mesh.vertices_m.astype(np.float64)).astype(np.float32),
        normals=turned_vectors(pose, mesh.normals.astype(np.float64)).astype(np.float32),
    )


def _only(mesh: SemanticMesh, kept: Bool[np.ndarray, " v"]) -> SemanticMesh:
    """The kept vertices, and the faces all of whose corners are kept."""
    number = np.cumsum(kept) - 1
    faces = mesh.faces[kept[mesh.faces].all(axis=1)] if len(mesh.faces) else mesh.faces
    artifacts = mesh.is_occlusion_artifact
    return SemanticMesh(
        vertices_m=mesh.vertices_m[kept],
        faces=number[faces].astype(np.int32),
        normals=mesh.normals[kept],
        colors=mesh.colors[kept],
        labels=mesh.labels[kept],
        first_seen_ns=mesh.first_seen_ns[kept],
        last_seen_ns=mesh.last_seen_ns[kept],
        is_occlusion_artifact=None if artifacts is None else artifacts[kept],
    )
