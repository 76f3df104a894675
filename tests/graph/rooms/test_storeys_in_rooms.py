"""Rooms of buildings with several storeys."""

from itertools import pairwise

import numpy as np
from helpers_graph import keyframe
from helpers_rooms import BLOCK, EYE_M, Explorer, World

from hydra_mono.core.mesh import MeshUpdate
from hydra_mono.graph.model.nodes import BuildingNode, RoomNode
from hydra_mono.graph.model.symbols import Layer, NodeSymbol


def test_storeys_are_told_apart_and_no_room_spans_two() -> None:
    ground = World([(0, 0, 4, 3.5), (4.15, 0, 8, 3.5)]).open((4, 1, 4.15, 1.9))
    upper = World([(0, 0, 8, 3.5)], floor_m=3.0)
    explorer = Explorer(ground, upper).see()
    rooms = [explorer.graph.get_node(s) for s in explorer.graph.symbols(Layer.ROOMS)]
    assert sorted(room.storey for room in rooms if isinstance(room, RoomNode)) == [0, 0, 1]
    building = explorer.graph.get_node(NodeSymbol("B", 0))
    assert isinstance(building, BuildingNode)
    assert np.allclose(building.storey_heights_m, [0.0, 3.0], atol=0.1)
    assert min(explorer.purity()) > 0.95


def test_a_storey_found_below_renumbers_the_rooms_above_it() -> None:
    ground, upper = World([(0, 0, 5, 4)]), World([(20, 0, 25, 4)], floor_m=3.0)
    explorer = Explorer(ground, upper).see((15, -5), (30, 10)).see((-5, -5), (10, 10))
    storeys = {
        explorer.graph.get_node(s).box.center_m[2] > 3: explorer.graph.get_node(s).storey
        for s in explorer.graph.symbols(Layer.ROOMS)
    }
    assert storeys == {True: 1, False: 0}


def rooms_by_storey(explorer: Explorer) -> dict[int, set[NodeSymbol]]:
    """Rooms by the storey they say; every place of theirs must lie there."""
    found: dict[int, set[NodeSymbol]] = {}
    for symbol in explorer.graph.symbols(Layer.ROOMS):
        room = explorer.graph.get_node(symbol)
        assert isinstance(room, RoomNode)
        heights = {
            explorer.graph.get_node(p).position_m[2] for p in explorer.graph.children(symbol)
        }
        assert all((height > 2.8) == bool(room.storey) for height in heights)
        found.setdefault(room.storey, set()).add(symbol)
    return found


def test_the_first_landing_above_a_large_storey_is_another_storey() -> None:
    explorer = Explorer(World([(0, 0, 13, 10)]), World([(0, 0, 3, 4)], floor_m=3.0)).see()
    assert [len(rooms) for _, rooms in sorted(rooms_by_storey(explorer).items())] == [1, 1]


def stairwell(explorer: Explorer, *heights_m: float) -> list[NodeSymbol]:
    """Places one above another at (2, 2), linked to one another and the last to the upper room."""
    first = len(explorer.centers)
    upper = max(range(first), key=lambda i: (explorer.centers[i][2], -i))
    explorer.centers += [np.array([2.0, 2.0, height]) for height in heights_m]
    explorer.radii += [0.4] * len(heights_m)
    explorer.rooms += [explorer.rooms[upper]] * len(heights_m)
    steps = [*range(first, first + len(heights_m)), upper]
    explorer.links += [(min(a, b), max(a, b), 0.4) for a, b in pairwise(steps)]
    return [NodeSymbol("p", i) for i in steps[:-1]]


def test_the_air_above_the_stairs_joins_rooms_without_merging_them() -> None:
    explorer = Explorer(World([(0, 0, 6, 4)]), World([(0, 0, 6, 4)], floor_m=3.0))
    stairs = stairwell(explorer, 1.8, 2.4, 3.0, 3.5)
    explorer.links.append((0, stairs[0].number, 0.4))
    explorer.see()
    lower, upper = (rooms.pop() for rooms in rooms_by_storey(explorer).values())
    assert [explorer.graph.find_parent(p) for p in stairs] == [lower, lower, upper, upper]
    assert explorer.graph.has_edge(lower, upper)


def test_a_place_that_hangs_on_another_storey_alone_is_in_a_room_all_the_same() -> None:
    explorer = Explorer(World([(0, 0, 6, 4)]), World([(0, 0, 6, 4)], floor_m=3.0))
    (place,) = stairwell(explorer, 2.6)
    explorer.see()
    room = explorer.graph.find_parent(place)
    assert room is not None and explorer.graph.get_node(room).storey == 1


def test_a_room_that_proves_to_lie_on_two_storeys_is_parted_though_it_is_archived() -> None:
    explorer = Explorer(World([(0, 0, 6, 4)]), World([(0, 0, 6, 4)], floor_m=3.0))
    stairs = stairwell(explorer, 1.8, 2.4, 3.0, 3.5)
    explorer.links.append((0, stairs[0].number, 0.4))
    upper_floor = {key: explorer.blocks.pop(key) for key in [*explorer.blocks] if key[2] == 3}
    explorer.see().see((90, 90), (99, 99))
    assert explorer.room_count() == 1
    late = MeshUpdate(explorer.stamp_ns, BLOCK, changed=upper_floor)
    walls = explorer.walls.update(late, EYE_M)
    explorer.layer.update(explorer.graph, keyframe(explorer.stamp_ns), walls)
    assert [len(rooms) for _, rooms in sorted(rooms_by_storey(explorer).items())] == [1, 1]
