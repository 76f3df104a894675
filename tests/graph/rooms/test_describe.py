"""Kinds, outlines and passages of rooms whose plan is known."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from helpers_graph import keyframe
from helpers_rooms import Explorer, World
from helpers_worlds import built, room_of

from hydra_mono.core.freespace import FreeSpace
from hydra_mono.core.map.keyframe import Instant, KeyframeInput
from hydra_mono.graph.model.nodes import RoomNode
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.rooms.categories import RoomLook, classify
from hydra_mono.graph.rooms.describe import RoomDescriber
from hydra_mono.graph.rooms.outline import outline, polygon_area
from hydra_mono.graph.walls.plan import GapLengths, WallPlan

NO_WALLS = WallPlan(gaps=GapLengths(), heading_rad=0.0, block_size_m=0.8, floors_m=(), storeys=())
NAMES = {"living": "living room", "dining": "dining room", "stairs": "staircase"}


def rooms_of(graph) -> dict[NodeSymbol, RoomNode]:
    return {s: n for s, n in graph.present(Layer.ROOMS) if isinstance(n, RoomNode)}


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, str]]:
    """(true kind, kind found) of the rooms of homes that nothing was counted in."""
    found = []
    for seed in range(2001, 2007):
        home = built(seed, rooms=5 + seed % 3, is_odd=seed % 2 == 0)
        RoomDescriber().complete(home.graph, keyframe(10**9), NO_WALLS)
        for symbol, node in rooms_of(home.graph).items():
            kind = home.kinds[symbol]
            found.append((NAMES.get(kind, kind), node.category))
    return found


def test_kinds_of_rooms_are_found_from_what_is_in_them(pairs: list[tuple[str, str]]) -> None:
    right = sum(true == found for true, found in pairs)
    assert len(pairs) >= 35
    assert right / len(pairs) >= 0.9, Counter(p for p in pairs if p[0] != p[1])


def test_a_kind_names_its_evidence_and_its_probability() -> None:
    kind = classify(RoomLook(frozenset({"toilet", "bathtub"}), 2.5, 2.0, 1))
    assert kind.name == "bathroom"
    assert kind.probability > 0.9
    assert {"toilet", "bathtub"} <= set(kind.evidence)


def test_what_other_label_spaces_call_it_counts_the_same() -> None:
    own = classify(RoomLook(frozenset({"oven", "refrigerator"}), 4.0, 3.0, 2))
    other = classify(RoomLook(frozenset({"Stove", "refridgerator"}), 4.0, 3.0, 2))
    assert own == other
    assert own.name == "kitchen"


def half_seen(seed: int) -> list[tuple[str, str]]:
    """(true kind, kind found) of rooms of which every other object was seen, in turn."""
    home = built(seed, rooms=5 + seed % 3, is_odd=seed % 2 == 0)
    found = []
    for symbol, kind in home.kinds.items():
        here = [t for t in home.world.objects if room_of(home.world, t.position_m) == symbol.number]
        room = home.world.plan.rooms[symbol.number]
        width_m, length_m = sorted(np.subtract(room.upper_m, room.lower_m).tolist())
        for first in (0, 1):
            names = frozenset(each.name for each in here[first::2])
            found.append((NAMES.get(kind, kind), classify(RoomLook(names, length_m, width_m, 1))))
    return [(kind, category.name) for kind, category in found]


def test_half_seen_rooms_are_what_they_are_or_just_rooms(pairs: list[tuple[str, str]]) -> None:
    assert pairs  # the same homes, built once
    found = [pair for seed in (2001, 2002, 2003) for pair in half_seen(seed)]
    told = [pair for pair in found if pair[1] != "room"]
    assert all(kind != "staircase" for _, kind in found)
    assert len(told) >= 0.6 * len(found)
    assert sum(true == kind for true, kind in told) >= 0.8 * len(told), told


def test_an_empty_room_is_a_room() -> None:
    assert classify(RoomLook(frozenset(), 4.0, 3.5, 2)).name == "room"


def test_a_name_given_by_hand_stays_and_others_follow_the_kind() -> None:
    home = built.__wrapped__(2001, rooms=4)
    named, other = sorted(rooms_of(home.graph))[:2]
    home.graph.update_node(named, name="den", by_hand=("name",))
    RoomDescriber().complete(home.graph, keyframe(10**9), NO_WALLS)
    nodes = rooms_of(home.graph)
    assert nodes[named].name == "den"
    assert nodes[other].name == f"{nodes[other].category} {other.number + 1}"


def two_rooms() -> World:
    """4 × 4 m and 3 × 4 m with a wall between, a door 0.9 m wide and 2.05 m high at y = 2."""
    world = World([(0, 0, 4, 4), (4.15, 0, 7.15, 4)])
    return world.open((4.0, 1.55, 4.15, 2.45))


def seen(explorer: Explorer) -> KeyframeInput:
    return KeyframeInput(
        at=Instant(explorer.stamp_ns, np.eye(4)),
        mesh_update=explorer._mesh_update((-99, -99), (99, 99)),
        mesh=explorer.mesh.snapshot(),
        free_space=keyframe(0).free_space,
    )


@pytest.mark.parametrize("yaw_deg", [0.0, 10.0, 25.0, 45.0])  # at 10 and 45 walls have pinholes
def test_outlines_areas_and_passages_are_those_of_the_plan(yaw_deg: float) -> None:
    explorer = Explorer(two_rooms(), yaw_deg=yaw_deg).see()
    RoomDescriber().complete(explorer.graph, seen(explorer), explorer.plan)
    nodes = list(rooms_of(explorer.graph).values())
    assert nodes[0].passages == nodes[1].passages, "one door, told alike by both rooms"
    assert sorted(node.area_m2 for node in nodes) == pytest.approx([12.0, 16.0], rel=0.1)
    for node in nodes:
        assert 4 <= len(node.outline_m) <= 8
        assert polygon_area(np.array(node.outline_m)) == pytest.approx(node.area_m2, abs=0.01)
        (door,) = node.passages
        assert door.kind == "door"
        assert door.is_open
        assert door.width_m == pytest.approx(0.9, abs=0.15)
        assert door.height_m == pytest.approx(2.05, abs=0.1)
        middle = explorer.turn[:2, :2] @ (4.075, 2.0)
        assert door.position_m[:2] == pytest.approx(middle, abs=0.15)
        across = math.radians(yaw_deg + 90)
        assert abs(math.sin(door.heading_rad - across)) < 0.1


def test_a_wide_gap_without_a_lintel_is_an_opening() -> None:
    world = World([(0, 0, 4, 4), (4.15, 0, 7.15, 4)]).open((4.0, 0.8, 4.15, 3.2), top_m=2.5)
    explorer = Explorer(world).see()
    RoomDescriber().complete(explorer.graph, seen(explorer), explorer.plan)
    kinds = {p.kind for node in rooms_of(explorer.graph).values() for p in node.passages}
    assert kinds == {"opening"}


def test_a_passage_that_is_shut_is_told_as_such() -> None:
    explorer = Explorer(two_rooms()).see()
    describer = RoomDescriber()
    describer.complete(explorer.graph, seen(explorer), explorer.plan)
    first, second = sorted(rooms_of(explorer.graph))
    graph = explorer.graph
    for place in graph.children(first):
        for other in graph.siblings(place):
            if graph.find_parent(other) == second:
                graph.remove_edge(place, other)
    describer.complete(graph, seen(explorer), explorer.plan)
    (door,) = rooms_of(graph)[first].passages
    assert door.is_open is False
    assert door.last_seen_open_ns is not None


def test_an_update_draws_one_room_and_tells_all_kinds() -> None:
    explorer = Explorer(two_rooms()).see()
    describer, areas = RoomDescriber(), []
    for _ in range(3):
        describer.update(explorer.graph, seen(explorer), explorer.plan)
        areas.append(sum(node.area_m2 > 0 for node in rooms_of(explorer.graph).values()))
    assert areas == [1, 2, 2]


def free_where(y_m: tuple[float, float]) -> FreeSpace:
    """Seen to be free between two y, everywhere else not."""
    shape = (100, 60, 30)
    free = np.zeros(shape, bool)
    free[:, round(y_m[0] / 0.1) : round(y_m[1] / 0.1)] = True
    return FreeSpace(
        voxel_size_m=0.1,
        max_distance_m=2.0,
        lower=np.zeros(3, np.int32),
        observed_free=free,
        distance_m=np.zeros(shape, np.float32),
        parent=np.zeros((*shape, 3), np.int32),
        changed_lower=np.zeros(3, np.int32),
        changed_upper=np.zeros(3, np.int32),
    )


def test_a_passage_is_as_wide_as_it_was_seen_free() -> None:
    world = World([(0, 0, 4, 4), (4.15, 0, 7.15, 4)]).open((4.0, 0.8, 4.15, 3.2), top_m=2.05)
    explorer = Explorer(world).see()
    input_ = replace(seen(explorer), free_space=free_where((1.6, 2.4)))
    RoomDescriber().complete(explorer.graph, input_, explorer.plan)
    for node in rooms_of(explorer.graph).values():
        (door,) = node.passages
        assert door.width_m == pytest.approx(0.9, abs=0.11)
        assert door.position_m[1] == pytest.approx(2.0, abs=0.06)


def test_a_gap_that_nothing_leads_through_may_be_unseen_wall() -> None:
    explorer = Explorer(two_rooms()).hide((3.5, 4.6)).see()
    RoomDescriber().complete(explorer.graph, seen(explorer), explorer.plan)
    assert all(not node.passages for node in rooms_of(explorer.graph).values())


def test_a_staircase_is_known_by_the_storey_it_leads_to() -> None:
    assert classify(RoomLook(frozenset(), 6.0, 2.2, 2, leads_up_or_down=True)).name == "staircase"
    assert classify(RoomLook(frozenset(), 5.0, 1.8, 1)).name == "room"
    assert classify(RoomLook(frozenset(), 8.0, 1.5, 6)).name == "corridor"


def test_rooms_without_news_are_not_looked_at_again() -> None:
    explorer = Explorer(two_rooms()).see()
    describer = RoomDescriber()
    describer.complete(explorer.graph, seen(explorer), explorer.plan)
    version = explorer.graph.version
    describer.complete(explorer.graph, seen(explorer), NO_WALLS)
    assert explorer.graph.version == version


def test_an_outline_of_cells_has_only_true_corners() -> None:
    cells = np.zeros((30, 20), bool)
    cells[5:25, 4:16] = True
    cells[15:25, 10:16] = False  # an L
    cells[8:10, 6:8] = False  # a hole
    cells[0, 0] = True  # a speck
    corners = outline(cells, 0.5)
    wanted = {(5, 4), (25, 4), (25, 10), (15, 10), (15, 16), (5, 16)}
    assert {tuple(corner) for corner in corners.astype(int).tolist()} == wanted
    assert polygon_area(corners) == 20 * 12 - 10 * 6
    assert len(outline(np.zeros((3, 3), bool), 1.0)) == 0
