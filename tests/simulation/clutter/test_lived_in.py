"""Worlds that are lived in: what lies about lies on something, and inside of nothing."""

import numpy as np
import pytest

from hydra_mono.core.label_map import load_label_map
from hydra_mono.core.labels import load_label_space
from hydra_mono.simulation.clutter.items import KINDS
from hydra_mono.simulation.clutter.lived_in import LIKE, MENUS, lived_in
from hydra_mono.simulation.clutter.tops import taken_by, tops
from hydra_mono.simulation.scene import World, build_world
from hydra_mono.simulation.shapes import Part, SceneObject, make_object

LABELS = load_label_space("apartment")


@pytest.fixture(scope="module")
def plain() -> World:
    return build_world(np.random.default_rng(4), LABELS, rooms=4, joints=1)


@pytest.fixture(scope="module")
def world(plain: World) -> World:
    return lived_in(np.random.default_rng(5), plain)


@pytest.fixture(scope="module")
def left_about(plain: World, world: World) -> list[SceneObject]:
    """What was added, less the people."""
    added = world.objects[len(plain.objects) :]
    return [obj for obj in added if obj.name != "person" and "person" not in obj.name]


def test_a_lived_in_world_has_many_more_objects_and_the_furniture_it_had(
    plain: World, world: World, left_about: list[SceneObject]
) -> None:
    assert world.objects[: len(plain.objects)] == plain.objects
    assert len(left_about) > len(plain.objects)
    assert len({obj.instance for obj in world.objects}) == len(world.objects)


def test_equal_generators_give_equal_worlds(plain: World, world: World) -> None:
    again = lived_in(np.random.default_rng(5), plain)
    assert again.objects == world.objects
    assert np.array_equal(again.surface.vertices_m, world.surface.vertices_m)
    assert np.array_equal(again.palette.texels, world.palette.texels)


def test_all_that_lies_about_lies_on_the_floor_or_on_something(
    world: World, left_about: list[SceneObject]
) -> None:
    for obj in left_about:
        x, y, z = obj.position_m
        below = np.array([[x, y, z - 0.001]])
        carried = any(other.contains(below)[0] for other in world.objects if other is not obj)
        assert z < 0.001 or carried, (obj.name, obj.position_m)


def test_nothing_that_lies_about_has_its_middle_inside_of_something_else(
    world: World, left_about: list[SceneObject]
) -> None:
    others = (*world.fixed, *world.objects)
    for obj in left_about:
        middle = np.array([obj.box.center_m])
        inside = [o.name for o in others if o is not obj and o.contains(middle)[0]]
        assert not inside, (obj.name, inside)


def test_surfaces_are_drawn_with_finishes_of_the_palette(world: World) -> None:
    tiles = len(world.palette.texels) // world.palette.tile_texels
    assert len(world.palette.index) == tiles
    assert world.surface.materials.max() < tiles


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_small_object_is_smaller_than_furniture_and_has_a_label_of_nyu40(name: str) -> None:
    kind = KINDS[name]
    label = next(label for label in LABELS.labels if label.name == kind.label)
    assert load_label_map("apartment", "nyu40").table[label.id] > 0
    for seed in range(5):
        obj = make_object(kind.label, label.id, kind.build(np.random.default_rng(seed)))
        assert min(obj.size_m) > 0.001 and max(obj.size_m) < 1.3


def test_menus_name_kinds_that_there_are() -> None:
    assert {kind for menu in MENUS.values() for kind in menu} <= set(KINDS)
    assert set(LIKE.values()) <= set(MENUS)


def shelves() -> SceneObject:
    """Two boards 0.4 m apart, and a pole too thin to lie on."""
    parts = [
        Part("box", (0, 0, 0.4), (0.8, 0.3, 0.02), "wood0"),
        Part("box", (0, 0, 0.8), (0.8, 0.3, 0.02), "wood0"),
        Part("box", (0.45, 0, 0.5), (0.05, 0.05, 1.0), "wood0"),
    ]
    return make_object("bookshelf", 13, parts)


def test_the_air_over_a_board_ends_at_the_board_above() -> None:
    lower, upper = tops(shelves().at((1.0, 2.0, 0.0), 0.3))
    assert lower.air_m == pytest.approx(0.38)
    assert upper.air_m > 0.38
    assert lower.middle_m[2] == pytest.approx(0.41)


def test_a_point_of_a_top_lies_on_the_board_however_it_is_turned() -> None:
    shelf = shelves().at((1.0, 2.0, 0.0), 0.9)
    lower, _ = tops(shelf)
    corner = lower.at(0.39, -0.14)
    assert shelf.contains(corner[None] - [0, 0, 0.001])[0]
    assert not shelf.contains(lower.at(0.39, -0.16)[None] - [0, 0, 0.001])[0]


def test_a_place_is_free_beside_and_above_what_is_there_and_not_within() -> None:
    board = make_object("box", 23, [Part("box", (0, 0, 0.1), (0.6, 0.2, 0.2), "wood0")])
    taken = taken_by([board.at((0.0, 0.0, 0.0), np.pi / 2)])  # long in y
    assert not taken.is_free(np.array([0.05, 0.2, 0.0]), 0.05, 0.1)
    assert taken.is_free(np.array([0.2, 0.0, 0.0]), 0.05, 0.1)
    assert not taken.is_free(np.array([0.12, 0.0, 0.0]), 0.05, 0.1)
    assert taken.is_free(np.array([0.0, 0.2, 0.2]), 0.05, 0.1)
