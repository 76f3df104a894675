from dataclasses import fields, replace

import numpy as np
from helpers_graph import CHAIR, TABLE, blocks_of, box_mesh, standing_box

from hydra_mono.core.map.keyframe import mesh_update_state, restored_mesh_update
from hydra_mono.core.mesh import (
    BlockMesh,
    MeshUpdate,
    SemanticMesh,
    concatenate,
)

CUBE = box_mesh(standing_box(0.5, 0.5, (0.6, 0.6, 0.6)), TABLE)


def update_of(mesh: SemanticMesh, archived: tuple[tuple[int, int, int], ...] = ()) -> MeshUpdate:
    return MeshUpdate(1, 0.4, blocks_of(mesh), archived)


def active(mesh: BlockMesh) -> SemanticMesh:
    return concatenate(block for _, block in mesh.active_blocks())


def triangles(mesh: SemanticMesh) -> np.ndarray:
    return np.sort(mesh.vertices_m[mesh.faces].reshape(-1, 9), axis=0)


def test_concatenation_keeps_every_triangle_and_its_attributes() -> None:
    chair = box_mesh(standing_box(2.0, 2.0, (0.4, 0.4, 0.9)), CHAIR)
    both = concatenate([CUBE, SemanticMesh.empty(), chair])
    assert len(both) == len(CUBE) + len(chair)
    assert np.array_equal(
        both.labels[both.faces[: len(CUBE.faces)]], np.full_like(CUBE.faces, TABLE)
    )
    assert np.array_equal(both.vertices_m[both.faces[-1]], chair.vertices_m[chair.faces[-1]])


def test_nothing_concatenates_to_an_empty_mesh() -> None:
    assert len(concatenate([])) == 0
    assert concatenate([SemanticMesh.empty()]).faces.shape == (0, 3)


def test_blocks_add_up_to_the_whole() -> None:
    mesh = BlockMesh()
    mesh.apply(update_of(CUBE))
    assert np.array_equal(triangles(mesh.whole_mesh()), triangles(CUBE))
    assert np.array_equal(triangles(active(mesh)), triangles(CUBE))
    assert len(mesh) == len(blocks_of(CUBE))


def test_an_empty_block_takes_the_old_surface_away() -> None:
    mesh = BlockMesh()
    mesh.apply(update_of(CUBE))
    key = sorted(blocks_of(CUBE))[0]
    mesh.apply(MeshUpdate(2, 0.4, {key: SemanticMesh.empty()}))
    assert mesh.find_block(key) is None
    assert key not in dict(mesh.active_blocks())
    mesh.apply(MeshUpdate(3, 0.4, {key: SemanticMesh.empty()}))
    assert len(mesh) == len(blocks_of(CUBE)) - 1


def test_archived_blocks_stay_in_the_whole_mesh_only_and_wake_when_they_change() -> None:
    mesh = BlockMesh()
    key = sorted(blocks_of(CUBE))[0]
    mesh.apply(update_of(CUBE, archived=(key,)))
    assert key not in dict(mesh.active_blocks())
    assert mesh.find_block(key) is not None
    assert len(mesh.whole_mesh()) > len(active(mesh))
    mesh.apply(MeshUpdate(2, 0.4, {key: blocks_of(CUBE)[key]}))
    assert key in dict(mesh.active_blocks())


def test_the_order_blocks_came_in_does_not_show() -> None:
    blocks = blocks_of(CUBE)
    forwards, backwards = BlockMesh(), BlockMesh()
    for key in sorted(blocks):
        forwards.apply(MeshUpdate(1, 0.4, {key: blocks[key]}))
    for key in sorted(blocks, reverse=True):
        backwards.apply(MeshUpdate(1, 0.4, {key: blocks[key]}))
    assert np.array_equal(forwards.whole_mesh().vertices_m, backwards.whole_mesh().vertices_m)
    assert [k for k, _ in forwards.active_blocks()] == [k for k, _ in backwards.active_blocks()]


def varied(seed: int) -> SemanticMesh:
    """The cube with attributes of its own at every vertex."""
    rng = np.random.default_rng(seed)
    normals = rng.normal(size=(len(CUBE), 3))
    first = rng.integers(0, 1 << 60, len(CUBE))
    return replace(
        CUBE,
        normals=(normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32),
        colors=rng.integers(0, 256, (len(CUBE), 3)).astype(np.uint8),
        first_seen_ns=first,
        last_seen_ns=first + rng.integers(0, 1 << 40, len(CUBE)),
        is_occlusion_artifact=rng.random(len(CUBE)) < 0.3,
    )


def test_archived_blocks_keep_everything_but_the_last_digits_of_normals() -> None:
    mesh, seen = BlockMesh(), varied(1)
    mesh.apply(MeshUpdate(1, 0.4, {(0, 0, 0): seen}, archived=((0, 0, 0),)))
    kept = mesh.find_block((0, 0, 0))
    assert kept is not None
    np.testing.assert_allclose(kept.normals, seen.normals, atol=1.6e-5)
    for field in fields(SemanticMesh):
        if field.name != "normals":
            np.testing.assert_array_equal(getattr(kept, field.name), getattr(seen, field.name))


def test_a_snapshot_does_not_change_with_the_mesh() -> None:
    mesh = BlockMesh()
    mesh.apply(update_of(CUBE))
    before, snapshot = mesh.whole_mesh(), mesh.snapshot()
    keys = tuple(blocks_of(CUBE))
    mesh.apply(MeshUpdate(2, 0.4, {keys[0]: SemanticMesh.empty()}, archived=keys[1:]))
    assert np.array_equal(snapshot.whole_mesh().vertices_m, before.vertices_m)
    assert len(mesh) < len(snapshot) and snapshot.find_block(keys[0]) is not None


def test_a_restored_mesh_goes_on_as_the_one_that_gave_its_state() -> None:
    one, other = BlockMesh(), BlockMesh()
    blocks = {(0, 0, 0): varied(1), (2, -1, 0): varied(2), (1, 0, 0): CUBE}
    one.apply(MeshUpdate(1, 0.4, blocks, archived=((2, -1, 0),)))
    other.restore(one.state())
    for mesh in (one, other):
        mesh.apply(MeshUpdate(2, 0.4, {(5, 0, 0): CUBE}, archived=((1, 0, 0),)))
    assert [k for k, _ in one.active_blocks()] == [k for k, _ in other.active_blocks()]
    for field in fields(SemanticMesh):
        a, b = (getattr(mesh.whole_mesh(), field.name) for mesh in (one, other))
        np.testing.assert_array_equal(a, b)


def test_an_update_with_emptied_blocks_survives_its_state() -> None:
    update = MeshUpdate(
        7, 0.4, {(1, 0, 0): SemanticMesh.empty(), (0, 0, 0): varied(3)}, ((9, 9, 9),)
    )
    back = restored_mesh_update(mesh_update_state(update))
    assert (back.stamp_ns, back.block_size_m, back.archived) == (7, 0.4, ((9, 9, 9),))
    assert list(back.changed) == list(update.changed) and not len(back.changed[1, 0, 0])
    np.testing.assert_array_equal(back.changed[0, 0, 0].faces, update.changed[0, 0, 0].faces)
