"""Rooms of floor plans whose truth is known."""

from itertools import pairwise

import numpy as np
import pytest
from helpers_rooms import LABELS, Explorer, World

from hydra_mono.core.config import RoomsConfig
from hydra_mono.core.mesh import MeshUpdate
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.walls import layer as walls_module
from hydra_mono.graph.walls.layer import create_walls

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


def test_balls_reach_past_a_border_by_what_lies_beyond_the_nearest_gap() -> None:
    explorer = Explorer(open_plan()).see()
    centers = np.array([[4.57, 2.0, 1.2], [3.5, 2.0, 1.2], [1.0, 2.0, 1.2]])
    past_m = explorer.plan.past_border_m(centers, np.full(3, 1.2))
    assert past_m == pytest.approx([1.2, 0.2, -2.3], abs=0.11)


def test_where_no_wall_was_seen_nothing_reaches_past_a_border() -> None:
    walls = create_walls(RoomsConfig(), LABELS).plan()
    assert np.all(walls.past_border_m(np.array([[0.0, 0.0, 1.0]]), np.array([1.0])) < 0)


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


def test_exploring_room_by_room_keeps_the_ids_of_rooms() -> None:
    explorer = Explorer(corridor_with_four_rooms())
    history = []
    for right in (3.0, 4.5, 6.0, 7.5, 9.5):
        explorer.see((-1, -1), (right, 10))
        history.append(main_rooms(explorer))
    for earlier, later in pairwise(history):
        assert earlier.items() <= later.items()
    assert len(history[-1]) == 5


def main_rooms(explorer: Explorer) -> dict[int, NodeSymbol]:
    """For every true room with at least six known places: the room that has most of them."""
    votes: dict[int, list[NodeSymbol | None]] = {}
    for place, room in explorer.truth.items():
        votes.setdefault(room, []).append(explorer.graph.find_parent(place))
    return {
        room: max(set(found), key=found.count) for room, found in votes.items() if len(found) >= 6
    }


def test_two_rooms_that_prove_to_be_one_keep_the_older_id() -> None:
    hall = World([(0, 0, 13, 4)])
    explorer = Explorer(hall)
    explorer.hide((4.5, 8.5)).see()
    assert explorer.room_count() == 2
    explorer.reveal().see()
    assert explorer.graph.symbols(Layer.ROOMS) == [NodeSymbol("R", 0)]


def test_rooms_out_of_the_window_are_left_alone() -> None:
    world = World([(0, 0, 4, 4), (4 + W, 0, 12, 2), (12 + 2 * W, 0, 18, 4)])
    world.open((4, 0.5, 4 + W, 1.4)).open((12, 0.5, 12 + 2 * W, 1.4))
    explorer = Explorer(world).see((-1, -1), (11, 5))
    first = explorer.graph.find_parent(next(p for p, room in explorer.truth.items() if room == 0))
    assert first is not None
    explorer.see((7, -1), (13, 5))
    version = explorer.graph.version
    before = explorer.graph.get_node(first)
    explorer.see((13, -1), (20, 5))
    assert explorer.graph.get_node(first) is before
    assert first not in explorer.graph.changes_since(version).nodes.changed
    assert explorer.room_count() == 3


def test_a_room_that_reaches_out_of_the_window_keeps_its_id() -> None:
    explorer = Explorer(World([(0, 0, 30, 1.8), (28.2, 0, 30, 8)]))
    for left in (0, 8, 16, 24):
        explorer.see((left, -1), (left + 8, 9))
    assert explorer.graph.symbols(Layer.ROOMS) == [NodeSymbol("R", 0)]


def test_two_ends_of_one_room_are_the_same_room_while_its_middle_is_archived() -> None:
    ring = World([(0, 0, 14, 1.6), (0, 8, 14, 9.6), (0, 0, 1.6, 9.6), (12.4, 0, 14, 9.6)])
    explorer = Explorer(ring).see().see((4, -1), (10, 10))
    assert explorer.room_count() == 1


def test_every_place_of_a_room_has_it_as_parent_and_the_room_the_building() -> None:
    explorer = Explorer(corridor_with_four_rooms()).see()
    graph = explorer.graph
    assert all(graph.find_parent(p) in graph.symbols(Layer.ROOMS) for p in explorer.truth)
    for room in graph.symbols(Layer.ROOMS):
        assert graph.find_parent(room) == NodeSymbol("B", 0)


def test_rooms_are_joined_where_one_can_walk_from_one_to_the_other() -> None:
    graph = Explorer(corridor_with_four_rooms()).see().graph
    corridor = graph.find_parent(NodeSymbol("p", 0))
    degrees = sorted(len(graph.siblings(room)) for room in graph.symbols(Layer.ROOMS))
    assert corridor is not None
    assert degrees == [1, 1, 1, 1, 4]
    for room in graph.symbols(Layer.ROOMS):
        for other in graph.siblings(room):
            assert 0.2 < graph.get_edge(room, other).weight < 0.5


def test_the_box_of_a_room_holds_the_balls_of_its_places() -> None:
    graph = Explorer(two_rooms()).see().graph
    for room in graph.symbols(Layer.ROOMS):
        node = graph.get_node(room)
        places = [graph.get_node(place) for place in graph.children(room)]
        assert node.position_m in [place.position_m for place in places]
        for place in places:
            reach = np.array([[place.radius_m], [-place.radius_m]]) - [[1e-9], [-1e-9]]
            assert node.box.contains(np.array(place.position_m) + reach).all()


def test_a_room_whose_places_all_vanish_goes_with_them() -> None:
    explorer = Explorer(two_rooms()).see()
    for place in explorer.truth:
        explorer.graph.remove_node(place)
    explorer.see((90, 90), (99, 99))
    assert explorer.room_count() == 0
    assert not explorer.graph.has_node(NodeSymbol("B", 0))


def test_the_same_input_twice_gives_the_same_rooms() -> None:
    def history() -> list[object]:
        explorer = Explorer(corridor_with_four_rooms())
        for right in (3.0, 6.0, 9.5):
            explorer.see((-1, -1), (right, 10))
        return [*explorer.graph.nodes(Layer.ROOMS), *explorer.graph.edges()]

    assert history() == history()


def test_without_any_mesh_rooms_part_at_the_necks_of_the_place_graph() -> None:
    explorer = Explorer(two_rooms())
    explorer.blocks = {}
    explorer.see()
    assert explorer.room_count() == 2
    assert min(explorer.purity()) > 0.9


def test_furniture_does_not_split_a_room_where_nothing_is_labelled() -> None:
    world = World([(0, 0, 7, 4)]).put((3, 0, 3.6, 1.5), 2.1).put((3, 2.5, 3.6, 4), 2.1)
    assert Explorer(world, labelled=False).see().room_count() == 1


def test_a_floor_that_turns_out_to_be_none_gives_way_to_a_guess(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [[0.0], [], []]
    monkeypatch.setattr(walls_module, "storey_floors", lambda *arguments: found.pop(0))
    walls = create_walls(RoomsConfig(), LABELS)
    empty = MeshUpdate(stamp_ns=0, block_size_m=0.8, changed={}, archived=())
    plans = [walls.update(empty, camera_height_m=1.2) for _ in range(3)]
    assert [plan.floors_m for plan in plans] == [(0.0,), (), ()]
    assert [len(plan.storeys) for plan in plans] == [1, 1, 1]
