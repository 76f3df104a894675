"""Furnished plans: objects fit, are apart, and the truth says where they and the rooms are."""

import functools

import numpy as np
import pytest
from helpers_simulation import nearest_surface_m, small_source

from hydra_mono.core.labels import load_label_space
from hydra_mono.simulation.building.plan import make_plan
from hydra_mono.simulation.building.walkable import make_walk_map
from hydra_mono.simulation.furniture.catalog import BUILDERS, build
from hydra_mono.simulation.furniture.parts import make_style
from hydra_mono.simulation.furniture.placement import USUAL_MANNER
from hydra_mono.simulation.scene import World, build_world
from hydra_mono.simulation.shapes import object_surface
from hydra_mono.simulation.truth import turned

WORLDS = ("simulated/3", "simulated/turned-3", "simulated/odd-3")
LABELS = load_label_space("apartment")


@functools.cache
def world(seed: int, rooms: int = 6) -> World:
    return build_world(np.random.default_rng(seed), LABELS, rooms=rooms, joints=seed % 3)


@pytest.mark.parametrize("kind", sorted(BUILDERS))
def test_a_object_fills_its_box_and_stays_in_it(kind: str) -> None:
    rng = np.random.default_rng(4)
    obj = build(kind, rng, make_style(rng), LABELS).at((1.0, -2.0, 0.3), 0.7)
    palette = {part.material: 0 for part in obj.parts}
    vertices = object_surface(obj, palette).vertices_m
    assert obj.box.contains(vertices - (vertices - obj.box.center_m) * 1e-6).all()
    local = obj.box.to_box_frame(vertices)
    np.testing.assert_allclose(np.ptp(local, axis=0), obj.size_m, rtol=0.06)


def test_triangles_of_a_object_face_outwards() -> None:
    rng = np.random.default_rng(4)
    obj = build("plant", rng, make_style(rng), LABELS)
    surface = object_surface(obj, {part.material: 0 for part in obj.parts})
    corners = surface.vertices_m[surface.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    middles = corners.mean(axis=1)
    assert not obj.contains(middles + 0.005 * normals).all()
    assert obj.contains(middles - 0.005 * normals).mean() > 0.99


def test_some_worlds_show_twenty_kinds_of_objects() -> None:
    kinds = {obj.label for seed in range(4) for obj in world(seed).objects}
    assert len(kinds) >= 20


@pytest.mark.parametrize("seed", range(4))
def test_no_object_is_narrower_than_its_kind_is_at_least(seed: int) -> None:
    for obj in world(seed).objects:
        assert min(obj.size_m[:2]) >= LABELS.least_widths_m[obj.label]


@pytest.mark.parametrize("seed", range(4))
def test_objects_stay_in_their_rooms_and_out_of_one_another(seed: int) -> None:
    built = world(seed)
    rng = np.random.default_rng(0)
    for obj in built.objects:
        corners = obj.box.footprint()
        assert any(
            np.all(corners > room.lower_m) and np.all(corners < room.upper_m)
            for room in built.plan.rooms
        )
        samples = (rng.random((300, 3)) - 0.5) * obj.size_m * 0.98
        pose = obj.world_from_object
        points = samples @ pose[:3, :3].T + np.array(obj.box.center_m)
        inside = points[obj.contains(points)]
        for other in (*built.objects, *built.fixed):
            assert other is obj or not other.contains(inside).any(), (obj.name, other.name)


@pytest.mark.parametrize("seed", range(4))
def test_equal_objects_stand_apart(seed: int) -> None:
    objects = world(seed).objects
    for i, obj in enumerate(objects):
        for other in objects[i + 1 :]:
            if other.label == obj.label:
                assert (
                    gap_m(obj.box.footprint(), other.box.footprint())
                    > USUAL_MANNER.same_label_gap_m - 0.1
                )


def gap_m(a: np.ndarray, b: np.ndarray) -> float:
    """Largest gap between the two along x or y, over axis-aligned bounds."""
    low, high = np.maximum(a.min(axis=0), b.min(axis=0)), np.minimum(a.max(axis=0), b.max(axis=0))
    return float(np.linalg.norm(np.maximum(low - high, 0)))


@pytest.mark.parametrize("seed", range(5))
def test_every_room_can_be_walked_to(seed: int) -> None:
    from scipy import ndimage

    built = world(seed, 5 + seed % 4)
    walk_map = make_walk_map(built.plan, (*built.fixed, *built.objects))
    parts, _ = ndimage.label(walk_map.clearance_m >= 0.3)
    first = np.bincount(parts[(parts > 0) & (walk_map.room == 0)]).argmax()
    for room in built.plan.rooms:
        assert np.any(parts[walk_map.room == room.index] == first), room


def test_room_sizes_are_those_of_homes() -> None:
    for seed in range(8):
        plan = make_plan(np.random.default_rng(seed), 5 + seed % 4, 1)
        for room in plan.rooms:
            if room.kind != "corridor":
                assert min(room.size_m) > 2.2 and max(room.size_m) < 7.5


@pytest.mark.parametrize("name", WORLDS)
def test_the_true_grid_agrees_with_the_mesh_and_the_objects(name: str) -> None:
    source = small_source(name)
    grid = source.truth().grid
    assert np.array_equal(grid.free, grid.room >= 0)
    voxels = np.argwhere(np.ones_like(grid.free))
    points = turned(grid.origin_m + voxels * grid.voxel_size_m, -source.turn_rad)
    solid = np.zeros(len(points), bool)
    for obj in (*source.world.objects, *source.world.fixed):
        solid |= obj.contains(points)
    assert not grid.free[tuple(voxels[solid].T)].any()
    # neighbours on either side of a change of freedom have the surface between them
    change = grid.free[1:] != grid.free[:-1]
    borders = np.argwhere(change)
    between = grid.origin_m + (borders + np.array([0.5, 0, 0])) * grid.voxel_size_m
    # prisms of 14 sides stand for round objects: their flats lie 2.5 % of the radius inside
    assert nearest_surface_m(source, between).max() < grid.voxel_size_m * 0.5 + 0.006


@pytest.mark.parametrize("name", WORLDS)
def test_free_voxels_lie_in_the_room_that_holds_them(name: str) -> None:
    source = small_source(name)
    grid = source.truth().grid
    for room in source.world.plan.rooms:
        points = grid.origin_m + np.argwhere(grid.room == room.index) * grid.voxel_size_m
        points = turned(points, -source.turn_rad)
        inside = np.all((points[:, :2] > room.lower_m) & (points[:, :2] < room.upper_m), axis=1)
        assert inside.mean() > 0.97
        assert np.all(points[:, 2] < room.ceiling_m)


@pytest.mark.parametrize("name", WORLDS)
def test_truth_lists_every_object_with_its_box(name: str) -> None:
    truth = small_source(name).truth()
    instances = {obj.instance for obj in truth.objects}
    assert instances == set(np.unique(truth.mesh.face_instances)) - {0}
    for obj in truth.objects:
        faces = truth.mesh.faces[truth.mesh.face_instances == obj.instance]
        corners = truth.mesh.vertices_m[faces.ravel()].astype(np.float64)
        local = np.abs(obj.box.to_box_frame(corners))
        assert np.all(local <= np.array(obj.box.dimensions_m) / 2 + 1e-4)


@functools.cache
def odd_world(seed: int) -> World:
    return build_world(np.random.default_rng(seed), LABELS, rooms=6, joints=1, is_odd=True)


def test_odd_worlds_have_what_usual_ones_lack() -> None:
    worlds = [odd_world(seed) for seed in range(4)]
    ceilings = {room.ceiling_m for built in worlds for room in built.plan.rooms}
    assert min(ceilings) >= 2.2 and max(ceilings) <= 3.5 and len(ceilings) > 4
    doors = [o for built in worlds for o in built.plan.openings if not o.wide]
    widths = [door.width_m for door in doors]
    assert min(widths) >= 0.7 and max(widths) <= 1.2 and np.ptp(widths) > 0.3
    shapes = [t.parts[0].shape for built in worlds for t in built.fixed if t.name == "corner"]
    assert {"wedge", "box"} <= set(shapes)
    yaws = [t.yaw_rad for built in worlds for t in built.objects]
    assert np.mean(np.abs(np.sin(2 * np.array(yaws))) > 0.1) > 0.1
    assert any(t.parts[0].material == "mirror" for built in worlds for t in built.fixed)


@pytest.mark.parametrize("seed", range(3))
def test_objects_of_odd_worlds_touch_but_never_overlap(seed: int) -> None:
    built = odd_world(seed)
    rng = np.random.default_rng(0)
    for item in built.objects:
        samples = (rng.random((200, 3)) - 0.5) * item.size_m * 0.98
        pose = item.world_from_object
        points = samples @ pose[:3, :3].T + np.array(item.box.center_m)
        inside = points[item.contains(points)]
        for other in (*built.objects, *built.fixed):
            overlap = other is not item and other.contains(inside).any()
            assert not overlap, (item.name, other.name)
