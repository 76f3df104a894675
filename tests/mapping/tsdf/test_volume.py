"""The fused volume, seen from outside: frames in, meshes of changed blocks out."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_mapping import (
    AHEAD,
    FRAME_NS,
    WALL,
    Renderer,
    World,
    kinect_noise,
    new_volume,
    open_edges,
    orbit,
    take,
    wall,
)

from hydra_mono.core.config import MappingConfig
from hydra_mono.core.mesh import BlockMesh, SemanticMesh
from hydra_mono.core.open3d_loader import open3d
from hydra_mono.mapping.tsdf.changes import MeshRule
from hydra_mono.mapping.tsdf.volume import SemanticVolume, create_volume

BOX = 9


def box_before_wall() -> World:
    return wall().box((-0.2, -0.5, 0.8), (0.2, -0.2, 1.2), label=BOX, color=(200, 30, 30))


def room() -> World:
    """A table and a ball on the floor of a room."""
    world = World().box((-3, -3, -0.3), (3, 3, 0.0), label=1)
    world = world.box((-0.6, -0.4, 0.7), (0.6, 0.4, 0.74), label=2)
    return world.sphere((0.0, 0.0, 0.9), 0.16, label=4)


def mapped(volume: SemanticVolume, renderer: Renderer, frames: int = 5) -> SemanticMesh:
    whole = BlockMesh()
    for _ in range(frames):
        whole.apply(take(volume, renderer))
    return whole.whole_mesh()


@pytest.fixture
def volume() -> SemanticVolume:
    return create_volume(MappingConfig())


def test_a_plane_reconstructs_to_a_millimetre(volume: SemanticVolume) -> None:
    mesh = mapped(volume, Renderer(wall()))
    inside = np.abs(mesh.vertices_m[:, 0]) < 0.8
    assert inside.sum() > 500
    assert np.abs(mesh.vertices_m[inside, 1] - 0.013).max() < 1e-3
    assert np.all(mesh.normals[inside, 1] < -0.99)


def test_a_noisy_plane_reconstructs_to_its_averaged_noise(volume: SemanticVolume) -> None:
    rng, renderer = np.random.default_rng(0), Renderer(wall())
    for _ in range(20):
        frame, seen = renderer(AHEAD)
        volume.integrate(frame, replace(seen, depth_m=kinect_noise(seen.depth_m, rng)))
    update = volume.update_mesh(frame.stamp_ns, frame.camera_position_m)
    vertices = np.concatenate([mesh.vertices_m for mesh in update.changed.values()])
    assert np.abs(vertices[:, 1] - 0.013).mean() < 0.003


def test_inside_the_seen_area_no_edge_is_open(volume: SemanticVolume) -> None:
    middles = open_edges(mapped(volume, Renderer(wall())))
    assert len(middles)
    half_width, half_height = 2.013 * 79.5 / 131.25, 2.013 * 59.5 / 131.25
    at_border = (np.abs(middles[:, 0]) > half_width - 0.15) | (
        np.abs(middles[:, 2] - 1) > half_height - 0.15
    )
    assert at_border.all()


def test_a_room_seen_from_all_round_is_where_it_is(volume: SemanticVolume) -> None:
    renderer, whole = Renderer(room()), BlockMesh()
    for pose in orbit((0, 0, 0.5), 2.0, 0.9, 24):
        whole.apply(take(volume, renderer, pose))
    core = open3d().core
    truth = room().scene()
    errors = truth.compute_distance(core.Tensor(whole.whole_mesh().vertices_m)).numpy()
    assert (errors < 0.05).mean() > 0.99
    assert errors.mean() < 0.008


def test_updating_often_gives_the_mesh_of_updating_once() -> None:
    rule = MeshRule(voxel_size_m=0.05, tolerance_m=0.0)
    often, once = new_volume(mesh=rule), new_volume(mesh=rule)
    first, second = Renderer(room()), Renderer(room())
    piecewise, whole = BlockMesh(), BlockMesh()
    for pose in orbit((0, 0, 0.5), 2.0, 0.9, 6):
        piecewise.apply(take(often, first, pose))
        frame, prediction = second(pose)
        once.integrate(frame, prediction)
    whole.apply(once.update_mesh(frame.stamp_ns, frame.camera_position_m))
    a, b = dict(piecewise.active_blocks()), dict(whole.active_blocks())
    assert a.keys() == b.keys()
    for key, mesh in a.items():
        np.testing.assert_array_equal(mesh.vertices_m, b[key].vertices_m)
        np.testing.assert_array_equal(mesh.faces, b[key].faces)
        np.testing.assert_array_equal(mesh.labels, b[key].labels)


def test_blocks_of_different_updates_still_meet(volume: SemanticVolume) -> None:
    rng, renderer, whole = np.random.default_rng(1), Renderer(wall()), BlockMesh()
    for _ in range(6):
        frame, seen = renderer(AHEAD)
        volume.integrate(frame, replace(seen, depth_m=kinect_noise(seen.depth_m, rng)))
        whole.apply(volume.update_mesh(frame.stamp_ns, frame.camera_position_m))
    middles = open_edges(whole.whole_mesh())
    assert np.all((np.abs(middles[:, 0]) > 1.0) | (np.abs(middles[:, 2] - 1) > 0.7))


def test_a_box_carried_away_leaves_the_mesh_and_the_wall_behind_appears(
    volume: SemanticVolume,
) -> None:
    whole, renderer = BlockMesh(), Renderer(box_before_wall())
    for _ in range(30):
        whole.apply(take(volume, renderer))
    assert np.any(whole.whole_mesh().labels == BOX)
    renderer.show(wall())
    for _ in range(15):
        whole.apply(take(volume, renderer))
    mesh = whole.whole_mesh()
    assert mesh.vertices_m[:, 1].min() > -0.05
    behind = np.abs(mesh.vertices_m[:, [0, 2]] - [0, 1]).max(axis=1) < 0.15
    assert behind.sum() > 20
    assert set(mesh.labels[behind]) == {WALL}


def test_a_box_put_where_space_was_seen_free_soon_has_most_of_its_surface() -> None:
    world = wall().box((-0.2, -0.3, 0.8), (0.2, -0.1, 1.2), label=BOX)
    renderer, at_once, later = Renderer(wall()), *(create_volume(MappingConfig()) for _ in "ab")
    mapped(later, renderer, 30)
    renderer.show(world)
    fronts = []
    for volume in (at_once, later):
        mesh = mapped(volume, renderer, 8)
        fronts.append((np.abs(mesh.vertices_m[mesh.labels == BOX, 1] + 0.3) < 0.02).sum())
    assert fronts[0] > 60 and fronts[1] > 0.5 * fronts[0]


def test_where_nothing_is_measured_nothing_is_carved(volume: SemanticVolume) -> None:
    renderer = Renderer(box_before_wall())
    before = mapped(volume, renderer, 10)
    for _ in range(30):
        frame, seen = renderer(AHEAD)
        volume.integrate(frame, replace(seen, depth_m=np.zeros_like(seen.depth_m)))
    update = volume.update_mesh(frame.stamp_ns, frame.camera_position_m)
    assert np.any(before.labels == BOX)
    assert update.changed == {}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 0.0, 1e9])
def test_depth_that_is_no_measurement_is_no_frame(volume: SemanticVolume, bad: float) -> None:
    frame, seen = Renderer(wall())(AHEAD)
    volume.integrate(frame, replace(seen, depth_m=np.full_like(seen.depth_m, bad)))
    update = volume.update_mesh(0, frame.camera_position_m)
    assert update.changed == {} and update.archived == ()


def test_pixels_not_to_be_kept_leave_no_trace(volume: SemanticVolume) -> None:
    renderer, whole = Renderer(box_before_wall()), BlockMesh()
    for _ in range(5):
        frame, prediction = renderer(AHEAD)
        volume.integrate(frame, prediction, keep=frame.labels != BOX)
    whole.apply(volume.update_mesh(frame.stamp_ns, frame.camera_position_m))
    mesh = whole.whole_mesh()
    assert len(mesh) and set(mesh.labels) == {WALL}
    assert mesh.vertices_m[:, 1].min() > -0.15


def test_vertices_have_the_colour_and_label_of_what_they_lie_on(volume: SemanticVolume) -> None:
    mesh = mapped(volume, Renderer(box_before_wall()))
    on_face = np.abs(mesh.vertices_m - [0, -0.5, 1]).max(axis=1) < 0.12
    on_wall = (np.abs(mesh.vertices_m[:, 1] - 0.013) < 0.01) & (mesh.vertices_m[:, 0] > 0.6)
    assert on_face.sum() > 5 and on_wall.sum() > 50
    assert set(mesh.labels[on_face]) == {BOX} and set(mesh.labels[on_wall]) == {WALL}
    np.testing.assert_array_equal(np.unique(mesh.colors[on_wall], axis=0), [[10, 120, 250]])


def test_label_zero_is_never_fused(volume: SemanticVolume) -> None:
    renderer = Renderer(wall())
    for blank in (False, True, True, True):
        frame, seen = renderer(AHEAD)
        labels = np.zeros_like(seen.labels) if blank else seen.labels
        volume.integrate(frame, replace(seen, labels=labels))
    update = volume.update_mesh(frame.stamp_ns, frame.camera_position_m)
    assert {label for mesh in update.changed.values() for label in mesh.labels} == {WALL}


def test_a_sequence_without_labels_has_a_mesh_of_unknowns(volume: SemanticVolume) -> None:
    frame, seen = Renderer(wall())(AHEAD)
    volume.integrate(frame, replace(seen, labels=None))
    update = volume.update_mesh(frame.stamp_ns, frame.camera_position_m)
    assert {label for mesh in update.changed.values() for label in mesh.labels} == {0}


def test_vertices_know_the_first_and_the_last_frame_that_saw_them(volume: SemanticVolume) -> None:
    renderer = Renderer(wall(), first_index=7)
    mesh = mapped(volume, renderer, 4)
    middle = np.abs(mesh.vertices_m - [0, 0, 1]).max(axis=1) < 0.5
    assert set(mesh.first_seen_ns[middle]) == {7 * FRAME_NS}
    update = volume.update_mesh(0, AHEAD[:3, 3])
    assert update.changed == {}


def test_a_still_scene_is_not_meshed_again(volume: SemanticVolume) -> None:
    renderer = Renderer(wall())
    first = take(volume, renderer)
    for _ in range(5):
        update = take(volume, renderer)
    assert len(first.changed) > 20
    assert update.changed == {}


def test_a_still_surface_is_stamped_anew_now_and_then() -> None:
    volume, renderer = new_volume(mesh=MeshRule(voxel_size_m=0.05, refresh_s=0.5)), Renderer(wall())
    updates = [take(volume, renderer) for _ in range(7)]
    assert len(updates[5].changed) > 20 and updates[6].changed == {}
    latest = max(int(mesh.last_seen_ns.max()) for mesh in updates[5].changed.values())
    assert latest == 5 * FRAME_NS


def test_only_what_changed_is_meshed_again(volume: SemanticVolume) -> None:
    whole, renderer = BlockMesh(), Renderer(wall())
    whole.apply(take(volume, renderer))
    renderer.show(box_before_wall())
    updates = [take(volume, renderer) for _ in range(3)]  # one far look makes no surface yet
    keys = np.array([key for update in updates for key in update.changed])
    centers = (keys + 0.5) * 0.4
    assert len(keys)
    assert np.abs(centers[:, [0, 2]] - [0, 1]).max() < 0.85


def test_the_same_frames_give_the_same_bytes() -> None:
    runs = []
    for _ in range(2):
        volume, renderer, whole = create_volume(MappingConfig()), Renderer(room()), BlockMesh()
        for pose in orbit((0, 0, 0.5), 2.0, 0.9, 5):
            whole.apply(take(volume, renderer, pose))
        runs.append(whole.whole_mesh())
    a, b = runs
    for name in SemanticMesh.__slots__:
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


def test_the_truncation_follows_the_voxel_size() -> None:
    fine, coarse = (create_volume(MappingConfig(voxel_size=size)) for size in (0.05, 0.1))
    assert (fine._fusion.front_m, fine._fusion.behind_m) == (0.15, 0.06)
    assert (coarse._fusion.front_m, coarse._fusion.behind_m) == (0.3, 0.12)
    assert coarse._mesh_rule.front_m == 0.3
