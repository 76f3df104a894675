from dataclasses import replace

import numpy as np
import pytest
from helpers_places import (
    CAMERA,
    BoxWorld,
    frame_of,
    free_space_of,
    furnished_room,
    look_at_world,
    looking,
    mesh_update,
    new_map,
    world_update,
)

from hydra_mono.core.config import FreeSpaceConfig, MappingConfig
from hydra_mono.core.freespace import FreeSpace
from hydra_mono.core.open3d_loader import open3d
from hydra_mono.mapping.freespace.map import create_free_space
from hydra_mono.mapping.monocular_rule import MonocularRule

ROOM = BoxWorld((4.0, 3.0, 2.6))
MIDDLE = (2.0, 1.5, 1.3)


def free_centres(space: FreeSpace) -> np.ndarray:
    return space.centre_of(np.argwhere(space.observed_free).astype(np.int32))


def is_free_at(space: FreeSpace, point_m: tuple[float, float, float]) -> bool:
    voxel = space.voxel_of(np.array([point_m]))[0]
    return bool(space.observed_free[tuple(voxel)])


def test_a_room_seen_all_round_is_free_from_wall_to_wall() -> None:
    space = free_space_of(ROOM, MIDDLE)
    centres = free_centres(space)
    assert len(centres) * 0.1**3 > 0.75 * 4.0 * 3.0 * 2.6
    assert np.all(ROOM.distance_m(centres) > -0.05)


def test_distances_in_a_room_are_those_of_geometry() -> None:
    space = free_space_of(ROOM, MIDDLE)
    centres = free_centres(space)
    exact = ROOM.distance_m(centres)
    error = space.distance_m[space.observed_free] - exact
    deep = exact > 0.1
    assert np.abs(error[deep]).max() < 0.03
    assert np.abs(error[deep]).mean() < 0.005


def test_distances_round_furniture_agree_with_open3d() -> None:
    world = furnished_room()
    space = free_space_of(world, (3.5, 2.0, 1.5), (1.0, 2.4, 1.2))
    o3d = open3d()
    scene = o3d.t.geometry.RaycastingScene()
    for lower, upper in [((0.0, 0.0, 0.0), world.size_m), *world.solids]:
        size = np.subtract(upper, lower)
        box = o3d.geometry.TriangleMesh.create_box(*size).translate(lower)
        scene.add_triangles(o3d.t.geometry.TriangleMesh.from_legacy(box))
    centres = free_centres(space)
    exact = scene.compute_distance(o3d.core.Tensor(centres.astype(np.float32))).numpy()
    error = np.abs(space.distance_m[space.observed_free] - exact)[exact > 0.2]
    assert np.median(error) < 0.01
    assert np.quantile(error, 0.99) < 0.06


def test_parents_are_surface_voxels_at_the_stated_distance() -> None:
    space = free_space_of(ROOM, MIDDLE)
    voxels = np.argwhere(space.observed_free)
    parents = space.parent[space.observed_free] - space.lower
    assert not space.observed_free[tuple(parents.T)].any()
    gaps = np.linalg.norm(parents - voxels, axis=1) * space.voxel_size_m
    assert np.all(np.abs(gaps - space.distance_m[space.observed_free]) < 0.1)


def test_what_is_behind_a_surface_is_not_free() -> None:
    world = BoxWorld((4.0, 3.0, 2.6), (((2.0, 0.0, 0.0), (2.1, 3.0, 2.6)),))
    space = free_space_of(world, (1.0, 1.5, 1.3))
    assert free_centres(space)[:, 0].max() < 2.05


def test_thin_legs_are_not_carved_through() -> None:
    world = BoxWorld((4.0, 3.0, 2.6), (((2.5, 1.52, 0.0), (2.54, 1.58, 2.6)),))
    space = new_map()
    pose = looking((0.5, 1.5, 1.3), 0.0)
    space.carve(*frame_of(pose, world.depth_m(pose)))
    result = space.update(mesh_update(np.zeros((0, 3))), np.array(MIDDLE))
    assert is_free_at(result, (2.3, 1.5, 1.3))
    assert not is_free_at(result, (2.6, 1.5, 1.3))
    assert is_free_at(result, (2.6, 1.95, 1.3))


@pytest.mark.parametrize("nothing", [0.0, np.nan, np.inf])
def test_pixels_without_a_measurement_say_nothing(nothing: float) -> None:
    space = new_map()
    depth = np.full((CAMERA.height, CAMERA.width), nothing, np.float32)
    space.carve(*frame_of(looking(MIDDLE, 0.0), depth))
    result = space.update(mesh_update(np.zeros((0, 3))), np.array(MIDDLE))
    assert np.all(np.linalg.norm(free_centres(result) - MIDDLE, axis=1) < 0.5)


def test_pixels_left_out_say_nothing() -> None:
    space = new_map()
    pose = looking((0.5, 1.5, 1.3), 0.0)
    depth = ROOM.depth_m(pose)
    keep = np.ones(depth.shape, bool)
    keep[:, CAMERA.width // 2 :] = False
    space.carve(*frame_of(pose, depth), keep)
    result = space.update(mesh_update(np.zeros((0, 3))), np.array(MIDDLE))
    assert is_free_at(result, (2.5, 1.9, 1.3))
    assert not is_free_at(result, (2.5, 1.1, 1.3))


def test_an_object_that_comes_takes_its_space_and_gives_it_back() -> None:
    crate = BoxWorld((4.0, 3.0, 2.6), (((2.5, 1.0, 0.0), (3.2, 1.7, 0.8)),))
    space, centre = new_map(), np.array(MIDDLE)
    look_at_world(space, ROOM, MIDDLE)
    space.update(world_update(ROOM), centre)
    after = world_update(crate)
    look_at_world(space, crate, MIDDLE)
    there = space.update(after, centre)
    assert not is_free_at(there, (2.55, 1.35, 0.75))
    assert not is_free_at(there, (2.85, 1.35, 0.55))
    assert np.mean(crate.distance_m(free_centres(there)) < -0.1) < 0.005
    look_at_world(space, ROOM, MIDDLE)
    gone = space.update(world_update(ROOM, empty=after), centre)
    assert is_free_at(gone, (2.55, 1.35, 0.75))
    assert is_free_at(gone, (2.85, 1.35, 0.45))


def test_where_nothing_changed_nothing_is_returned() -> None:
    space = new_map()
    look_at_world(space, ROOM, MIDDLE)
    update = mesh_update(ROOM.surface_points())
    assert space.update(update, np.array(MIDDLE)).observed_free.any()
    again = space.update(update, np.array(MIDDLE))
    assert again.observed_free.size == 0
    assert np.array_equal(again.changed_lower, again.changed_upper)


def test_the_box_holds_the_change_and_not_the_whole_map() -> None:
    hall = BoxWorld((30.0, 3.0, 2.6))
    space = new_map()
    points = hall.surface_points(0.08)
    sizes = []
    for x in np.arange(1.0, 29.0, 3.0):
        near = points[np.abs(points[:, 0] - x) < 2.0]
        pose = looking((x, 1.5, 1.3), 0.0)
        space.carve(*frame_of(pose, np.minimum(hall.depth_m(pose), 3.0)))
        sizes.append(space.update(mesh_update(near), np.array([x, 1.5, 1.3])).distance_m.size)
    assert max(sizes[4:]) <= 1.1 * max(sizes[:4])
    assert len(space._grid) < 0.8 * (len(space._grid) + len(space._grid._archive))


def test_space_left_behind_is_remembered_on_return() -> None:
    hall = BoxWorld((30.0, 3.0, 2.6))
    space = new_map()
    near = hall.surface_points(0.08)
    near = near[near[:, 0] < 6]
    look_at_world(space, hall, (2.0, 1.5, 1.3))
    space.update(mesh_update(near), np.array([2.0, 1.5, 1.3]))
    space.update(mesh_update(np.zeros((0, 3))), np.array([28.0, 1.5, 1.3]))
    space.carve(*frame_of(looking((2.0, 1.5, 1.3), 0.0), np.full((120, 160), 0.5, np.float32)))
    crate = mesh_update(np.array([[3.0, 1.5, z] for z in np.arange(0, 1, 0.02)], np.float32))
    back = space.update(crate, np.array([2.0, 1.5, 1.3]))
    assert is_free_at(back, (3.5, 1.5, 1.3))
    voxel = tuple(back.voxel_of(np.array([[3.45, 0.95, 1.25]]))[0])
    assert back.distance_m[voxel] == pytest.approx(0.7, abs=0.12)


def test_the_same_frames_give_the_same_bytes() -> None:
    one, two = (free_space_of.__wrapped__(ROOM, MIDDLE) for _ in range(2))
    assert one.distance_m.tobytes() == two.distance_m.tobytes()
    assert one.parent.tobytes() == two.parent.tobytes()


@pytest.mark.parametrize(("sigmas", "is_free"), [(0.0, True), (2.0, False)])
def test_nothing_within_the_deviation_of_estimated_depth_is_free(
    sigmas: float, is_free: bool
) -> None:
    space = create_free_space(
        FreeSpaceConfig(), MappingConfig(), MonocularRule(carve_sigmas=sigmas)
    )
    pose = looking(MIDDLE, 0.0)
    for _ in range(3):
        frame, measured = frame_of(pose, ROOM.depth_m(pose))
        sigma_m = np.full_like(measured.depth_m, 0.3)
        space.carve(frame, replace(measured, sigma_m=sigma_m))
    seen = space.update(world_update(ROOM), np.array(MIDDLE))
    assert is_free_at(seen, (3.0, 1.5, 1.3))
    assert is_free_at(seen, (3.65, 1.5, 1.3)) == is_free
