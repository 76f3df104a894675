import numpy as np
from helpers_graph import CHAIR, TABLE, blocks_of, box_mesh, standing_box

from hydra_mono.core.mesh import BlockMesh, MeshUpdate, SemanticMesh, concatenate

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
