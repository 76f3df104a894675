"""Rooms of floor plans whose truth is known."""

import pytest
from helpers_rooms import Explorer, World

W = 0.15


def two_rooms() -> World:
    return World([(0, 0, 4, 3.5), (4 + W, 0, 8, 3.5)]).open((4, 1, 4 + W, 1.9))


def corridor_with_four_rooms() -> World:
    lower, upper = 4.0, 5.5
    rooms = [
        (0, lower, 9, upper),
        (0, 0, 4.4, lower - W),
        (4.4 + W, 0, 9, lower - W),
        (0, upper + W, 3.6, 9),
        (3.6 + W, upper + W, 9, 9),
    ]
    world = World(rooms)
    for x, y in ((1.0, lower - W), (5.5, lower - W), (2.2, upper), (7.0, upper)):
        world.open((x, y, x + 0.85, y + W))
    return world


def open_plan(top_m: float = 2.5) -> World:
    return World([(0, 0, 4.5, 4), (4.5 + W, 0, 9, 4)]).open((4.5, 0.8, 4.5 + W, 3.3), top_m)


def test_two_rooms_with_a_door_between_are_two() -> None:
    explorer = Explorer(two_rooms()).see()
    assert explorer.room_count() == 2
    assert min(explorer.purity()) > 0.95


def test_a_corridor_and_its_four_rooms_are_five() -> None:
    explorer = Explorer(corridor_with_four_rooms()).see()
    assert explorer.room_count() == 5
    assert min(explorer.purity()) > 0.95


@pytest.mark.parametrize("top_m", [2.1, 2.5], ids=["below a lintel", "up to the ceiling"])
def test_a_wide_opening_between_stubs_of_wall_parts_two_rooms(top_m: float) -> None:
    explorer = Explorer(open_plan(top_m)).see()
    assert explorer.room_count() == 2
    assert min(explorer.purity()) > 0.9


def test_a_gap_wider_than_any_joint_leaves_one_room() -> None:
    world = World([(0, 0, 4, 5.5), (4 + W, 0, 8, 5.5)]).open((4, 0.4, 4 + W, 5.1), 2.5)
    assert Explorer(world).see().room_count() == 1


def test_a_long_corridor_with_a_corner_stays_one_room() -> None:
    world = World([(0, 0, 14, 1.6), (12.4, 0, 14, 9)])
    assert Explorer(world).see().room_count() == 1


def test_a_beam_across_a_corridor_does_not_split_it() -> None:
    world = World([(0, 0, 5, 1.8), (5.2, 0, 10, 1.8)]).open((5, 0, 5.2, 1.8), 2.2)
    assert Explorer(world).see().room_count() == 1


def test_walls_in_line_on_both_sides_of_a_corridor_do_not_split_it() -> None:
    rooms = [(0, 4, 8, 5.5)]
    rooms += [(x, y, x + 4 - W, y + 4 - W) for x in (0, 4) for y in (0, 5.5 + W)]
    world = World(rooms)
    for x in (1.5, 5.5):
        world.open((x, 4 - W, x + 0.85, 4)).open((x, 5.5, x + 0.85, 5.5 + W))
    explorer = Explorer(world).see()
    assert explorer.room_count() == 5


def test_furniture_does_not_split_a_room() -> None:
    world = World([(0, 0, 7, 4)]).put((3, 0, 3.6, 1.5), 2.1).put((3, 2.5, 3.6, 4), 2.1)
    assert Explorer(world).see().room_count() == 1


def test_rooms_are_found_without_any_labels() -> None:
    explorer = Explorer(corridor_with_four_rooms(), labelled=False).see()
    assert explorer.room_count() == 5
    assert min(explorer.purity()) > 0.95


@pytest.mark.parametrize("yaw_deg", [20.0, 37.0, -11.0])
def test_a_turned_building_has_the_same_rooms(yaw_deg: float) -> None:
    explorer = Explorer(corridor_with_four_rooms(), yaw_deg=yaw_deg).see()
    assert explorer.room_count() == 5
    assert min(explorer.purity()) > 0.95
