"""Meshes of blocks, against Open3D's extraction of the whole grid."""

import numpy as np
import pytest
from helpers_mapping import open_edges

from hydra_mono.core.mesh import concatenate
from hydra_mono.core.open3d_loader import open3d
from hydra_mono.mapping.tsdf.blocks import BlockPool
from hydra_mono.mapping.tsdf.remesh import mesh_blocks

SIZE = 0.05
CENTER, RADIUS = np.array([0.31, -0.12, 0.07]), 0.55
KEYS = np.argwhere(np.ones((6, 6, 6))).astype(np.int32) - 3
STAMPS = np.array([5, 7], np.int64)


def sphere(keys: np.ndarray) -> np.ndarray:
    z, y, x = np.indices((8, 8, 8))
    local = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    points = (keys[:, None] * 8 + local) * SIZE
    return (np.linalg.norm(points - CENTER, axis=-1) - RADIUS).astype(np.float32)


@pytest.fixture
def pool() -> BlockPool:
    pool = BlockPool(256)
    slots = pool.insert(KEYS)
    pool.voxels.meshed_sdf_m[slots] = sphere(KEYS)
    pool.voxels.weight[slots] = 1
    pool.voxels.first_seen[slots] = 0
    pool.voxels.last_seen[slots] = 1
    return pool


def open3d_vertices() -> np.ndarray:
    o3d = open3d()
    core = o3d.core
    grid = o3d.t.geometry.VoxelBlockGrid(
        ("tsdf", "weight"), (core.float32, core.float32), ((1), (1)), SIZE, 8, 256
    )
    grid.hashmap().activate(core.Tensor(KEYS))
    slots = grid.hashmap().find(core.Tensor(KEYS))[0].numpy()
    tsdf = np.zeros((256, 8, 8, 8, 1), np.float32)
    tsdf[slots] = sphere(KEYS).reshape(-1, 8, 8, 8, 1)
    grid.attribute("tsdf")[:] = core.Tensor(tsdf)
    grid.attribute("weight")[:] = core.Tensor(np.ones_like(tsdf))
    return np.asarray(grid.extract_triangle_mesh(0.5).vertex.positions.numpy())


def test_vertices_are_those_of_open3d(pool: BlockPool) -> None:
    ours = concatenate(mesh_blocks(pool, KEYS, SIZE, STAMPS).values())
    theirs = open3d_vertices()
    welded = np.unique(ours.vertices_m, axis=0)
    assert len(welded) == len(theirs)
    order, expected = (v[np.lexsort(np.round(v, 4).T)] for v in (welded, theirs))
    np.testing.assert_allclose(order, expected, atol=1e-5)


def test_blocks_meet_without_a_gap(pool: BlockPool) -> None:
    mesh = concatenate(mesh_blocks(pool, KEYS, SIZE, STAMPS).values())
    assert len(mesh) > 500
    assert len(open_edges(mesh)) == 0


def test_normals_point_out_of_the_solid(pool: BlockPool) -> None:
    mesh = concatenate(mesh_blocks(pool, KEYS, SIZE, STAMPS).values())
    outward = (mesh.vertices_m - CENTER) / RADIUS
    assert np.einsum("ij,ij->i", mesh.normals, outward).min() > 0.95


def test_a_block_is_meshed_the_same_alone_or_among_others(pool: BlockPool) -> None:
    together = mesh_blocks(pool, KEYS, SIZE, STAMPS)
    for key in ((0, -1, 0), (-1, 0, 0), (1, 0, 1)):
        alone = mesh_blocks(pool, np.array([key], np.int32), SIZE, STAMPS)[key]
        np.testing.assert_array_equal(alone.vertices_m, together[key].vertices_m)
        np.testing.assert_array_equal(alone.faces, together[key].faces)


def test_vertices_carry_the_stamps_of_the_frames_that_saw_them(pool: BlockPool) -> None:
    mesh = concatenate(mesh_blocks(pool, KEYS, SIZE, STAMPS).values())
    assert set(mesh.first_seen_ns) == {5}
    assert set(mesh.last_seen_ns) == {7}


def test_surface_that_was_seen_is_no_occlusion_artifact(pool: BlockPool) -> None:
    mesh = concatenate(mesh_blocks(pool, KEYS, SIZE, STAMPS).values())
    assert mesh.is_occlusion_artifact is None


@pytest.mark.parametrize(("weight", "expected"), [(1.0, True), (9.0, False)])
def test_a_step_of_distance_into_what_was_barely_seen_is_an_occlusion_artifact(
    pool: BlockPool, weight: float, expected: bool
) -> None:
    """Free for x below 0; from there on barely occluded, as behind the edge of an object."""
    slots = pool.find(KEYS)
    hidden = np.broadcast_to(KEYS[:, :1] >= 0, (len(KEYS), 512))
    pool.voxels.meshed_sdf_m[slots] = np.where(hidden, np.float32(-0.03), np.float32(0.15))
    pool.voxels.weight[slots] = weight
    mesh = concatenate(mesh_blocks(pool, KEYS, SIZE, STAMPS).values())
    assert len(mesh) and bool(mesh.occlusion_artifacts.all()) is expected


def test_no_blocks_no_meshes(pool: BlockPool) -> None:
    assert mesh_blocks(pool, KEYS[:0], SIZE, STAMPS) == {}
