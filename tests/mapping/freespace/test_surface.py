"""The mesh's vertices, sorted into the voxels of free space."""

import numpy as np

from hydra_mono.core.mesh import MeshUpdate, SemanticMesh
from hydra_mono.mapping.freespace.surface import surface_voxels


def points(*vertices_m: tuple[float, float, float]) -> SemanticMesh:
    """Vertices without faces, all facing up."""
    count = len(vertices_m)
    return SemanticMesh(
        vertices_m=np.array(vertices_m, np.float32),
        faces=np.zeros((0, 3), np.int32),
        normals=np.tile(np.array([0, 0, 1], np.float32), (count, 1)),
        colors=np.zeros((count, 3), np.uint8),
        labels=np.zeros(count, np.uint8),
        first_seen_ns=np.zeros(count, np.int64),
        last_seen_ns=np.zeros(count, np.int64),
    )


def test_every_voxel_with_a_vertex_is_named_once_with_the_mean_of_its_vertices() -> None:
    changed = {(0, 0, 0): points((0.02, 0.05, 0.05), (0.08, 0.05, 0.05), (0.25, 0.35, 0.15))}
    surface = surface_voxels(MeshUpdate(1, 0.4, changed), 0.1)
    np.testing.assert_array_equal(surface.voxels, [[0, 0, 0], [2, 3, 1]])
    np.testing.assert_allclose(surface.point[0], [0.5, 0.5, 0.5], atol=1e-5)
    np.testing.assert_allclose(surface.normal, [[0, 0, 1], [0, 0, 1]], atol=1e-6)


def test_blocks_keep_their_own_voxels_though_they_share_one() -> None:
    changed = {
        (0, 0, 0): points((0.35, 0.05, 0.05)),
        (-1, 0, 0): points((-0.05, 0.05, 0.05), (0.0, 0.05, 0.05)),
        (3, 3, 3): SemanticMesh.empty(),
    }
    surface = surface_voxels(MeshUpdate(1, 0.4, changed), 0.1)
    assert surface.blocks == ((-1, 0, 0), (0, 0, 0), (3, 3, 3))
    owned = [surface.voxels[surface.block == i].tolist() for i in range(3)]
    assert owned == [[[-1, 0, 0], [0, 0, 0]], [[3, 0, 0]], []]


def test_no_vertices_give_no_voxels() -> None:
    surface = surface_voxels(MeshUpdate(1, 0.4, {(0, 0, 0): SemanticMesh.empty()}), 0.1)
    assert surface.blocks == ((0, 0, 0),) and not len(surface.voxels)
