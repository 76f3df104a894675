from dataclasses import replace
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from helpers_graph import keyframe
from helpers_places import (
    BoxWorld,
    free_space_of,
    furnished_room,
    look_at_world,
    mesh_update,
    new_map,
    new_places,
    places_of,
    two_rooms,
    world_update,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydra_mono.core.freespace import FreeSpace
from hydra_mono.graph.model.nodes import ObjectNode, PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

ROOM = BoxWorld((4.0, 3.0, 2.6))
MIDDLE = (2.0, 1.5, 1.3)
EITHER_SIDE = ((2.0, 1.9, 1.3), (6.1, 1.9, 1.3))
SAFETY_M = 0.05  # by so much less than balls, edges may claim what is not there
FURNISHED_VIEWS = ((3.5, 2.0, 1.5), (1.0, 2.4, 1.2))


def graph_of(world: BoxWorld, *views: tuple[float, float, float]) -> SceneGraph:
    graph = SceneGraph()
    new_places().update(graph, keyframe(5, free_space=free_space_of(world, *views)))
    return graph


def edges_of(graph: SceneGraph) -> dict[tuple[NodeSymbol, NodeSymbol], float]:
    return {(a, b): edge.weight for a, b, edge in graph.edges()}


def assert_clear(world: BoxWorld, graph: SceneGraph, tolerance_m: float = 0.07) -> None:
    """Clear but for the corners of boxes, which a voxel rounds off by some of its size."""
    places = places_of(graph)
    for place in places.values():
        clearance = world.distance_m(np.array(place.position_m))
        assert place.radius_m <= clearance + tolerance_m
    for (a, b), weight in edges_of(graph).items():
        ends = np.array(places[a].position_m), np.array(places[b].position_m)
        assert world.distance_m(np.linspace(*ends, 50)).min() >= weight - tolerance_m + SAFETY_M


def test_places_of_a_room_lie_on_its_diagram_with_true_clearances() -> None:
    graph = graph_of(ROOM, MIDDLE)
    places = list(places_of(graph).values())
    positions = np.array([place.position_m for place in places])
    radii = np.array([place.radius_m for place in places])
    assert len(places) > 10
    errors = np.abs(radii - ROOM.distance_m(positions))
    assert np.median(errors) < 0.005
    assert errors.max() < 0.07
    to_walls = np.sort(np.hstack([positions, np.array(ROOM.size_m) - positions]), axis=1)
    assert np.all(to_walls[:, 1] - to_walls[:, 0] < 0.25)


def test_balls_fill_a_furnished_room() -> None:
    world = furnished_room()
    axes = [np.arange(0.05, size, 0.1) for size in world.size_m]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    points = points[world.distance_m(points) > 0]
    inside = np.zeros(len(points), bool)
    places = places_of(graph_of(world, *FURNISHED_VIEWS)).values()
    for place in places:
        inside |= np.linalg.norm(points - place.position_m, axis=1) <= place.radius_m
    assert inside.mean() > 0.84
    assert len(places) < 5 * len(points) * 0.1**3


def test_nothing_solid_is_in_a_ball_or_near_an_edge_of_a_furnished_room() -> None:
    world = furnished_room()
    assert_clear(world, graph_of(world, *FURNISHED_VIEWS))


@settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    st.lists(
        st.tuples(
            st.floats(0.2, 2.6), st.floats(0.2, 1.8), st.floats(0.1, 1.0), st.floats(0.1, 1.0)
        ),
        max_size=3,
    )
)
def test_no_box_anywhere_comes_into_a_ball_or_an_edge(
    boxes: list[tuple[float, float, float, float]],
) -> None:
    solids = tuple(((x, y, 0.0), (x + w, y + w, 2.6 if h > 0.8 else h)) for x, y, w, h in boxes)
    world = BoxWorld((4.0, 3.0, 2.6), solids)
    views = [(x, y, 1.5) for x, y in ((0.1, 0.1), (3.9, 0.1), (0.1, 2.9), (3.9, 2.9))]
    assert_clear(world, graph_of(world, *views))


@pytest.mark.parametrize("door_m", [0.7, 0.8, 1.0])
def test_rooms_are_joined_through_the_door_at_half_its_width(door_m: float) -> None:
    graph = graph_of(two_rooms(door_m), *EITHER_SIDE)
    network = nx.Graph()
    for (a, b), weight in edges_of(graph).items():
        network.add_edge(a, b, weight=weight)
    widest = nx.maximum_spanning_tree(network)
    places = places_of(graph)
    left, right = (min(places, key=lambda s: _gap(places[s], point)) for point in EITHER_SIDE)
    path = nx.shortest_path(widest, left, right)
    narrowest = min(network.edges[a, b]["weight"] for a, b in pairwise(path))
    assert door_m / 2 - 0.12 < narrowest <= door_m / 2 + 0.01


def _gap(place: PlaceNode, point: tuple[float, float, float]) -> float:
    return float(np.linalg.norm(np.subtract(place.position_m, point)))


class Plane:
    """A border between rooms at x = 2."""

    def past_border_m(self, center_m: np.ndarray, radius_m: np.ndarray) -> np.ndarray:
        return np.asarray(radius_m - np.abs(center_m[:, 0] - 2.0))


def test_balls_keep_to_one_side_of_a_border_and_edges_still_cross_it() -> None:
    space = free_space_of(ROOM, MIDDLE)
    free, kept = SceneGraph(), SceneGraph()
    new_places().update(free, keyframe(5, free_space=space))
    new_places().update(kept, keyframe(5, free_space=space), Plane())
    reach = {
        name: max(p.radius_m - abs(p.position_m[0] - 2.0) for p in places_of(graph).values())
        for name, graph in (("free", free), ("kept", kept))
    }
    assert reach["free"] > 1.0 and reach["kept"] <= 0.55
    assert nx.is_connected(nx.Graph([*edges_of(kept)]))
    covered = [_covered_share(graph, space) for graph in (free, kept)]
    assert covered[1] > covered[0] - 0.05


def test_a_border_that_comes_to_be_known_sends_the_balls_across_it_away() -> None:
    graph, everything_anew = SceneGraph(), free_space_of(ROOM, MIDDLE)
    new_places().update(graph, keyframe(5, free_space=everything_anew))
    before = places_of(graph)
    new_places().update(graph, keyframe(6, free_space=everything_anew), Plane())
    after = places_of(graph)
    assert max(p.radius_m - abs(p.position_m[0] - 2.0) for p in after.values()) <= 0.55
    assert nx.is_connected(nx.Graph([*edges_of(graph)]))
    assert len(before.keys() & after.keys()) > 0.8 * len(before), "the others stay who they are"


def _covered_share(graph: SceneGraph, space: FreeSpace) -> float:
    centres = space.centre_of(np.argwhere(space.observed_free).astype(np.int32))
    inside = np.zeros(len(centres), bool)
    for place in places_of(graph).values():
        inside |= np.linalg.norm(centres - place.position_m, axis=1) < place.radius_m
    return float(inside.mean())


def test_edges_are_no_wider_than_to_what_nobody_has_seen_into() -> None:
    world = BoxWorld((4.0, 3.0, 2.6), (((2.6, 1.0, 0.0), (3.4, 1.8, 2.0)),))
    space = new_map()
    look_at_world(space, world, (1.0, 1.5, 1.3), (2.0, 2.7, 1.3), (2.0, 0.3, 1.3), (3.7, 2.7, 1.3))
    graph = SceneGraph()
    nothing_of_it = space.update(world_update(ROOM), np.array(MIDDLE))  # its surface is not mapped
    new_places().update(graph, keyframe(5, free_space=nothing_of_it))
    places, beside = places_of(graph), 0
    for (a, b), weight in edges_of(graph).items():
        ends = np.array(places[a].position_m), np.array(places[b].position_m)
        clearance = world.distance_m(np.linspace(*ends, 50)).min()
        beside += clearance < 0.3
        assert weight <= clearance + 0.07
    assert beside > 5


def test_all_places_of_connected_space_are_connected() -> None:
    graph = graph_of(two_rooms(), *EITHER_SIDE)
    network = nx.Graph(list(edges_of(graph)))
    assert len(network) == graph.count(Layer.PLACES)
    assert nx.number_connected_components(network) == 1


def test_a_wall_without_a_door_parts_the_places() -> None:
    world = BoxWorld((8.1, 4.0, 2.6), (((4.0, 0.0, 0.0), (4.1, 4.0, 2.6)),))
    graph = graph_of(world, *EITHER_SIDE)
    places = places_of(graph)
    for a, b in edges_of(graph):
        assert (places[a].position_m[0] < 4.05) == (places[b].position_m[0] < 4.05)


def test_looking_again_at_the_same_settles_and_changes_nothing() -> None:
    space, graph, layer = free_space_of(ROOM, MIDDLE), SceneGraph(), new_places()
    layer.update(graph, keyframe(4, free_space=space))
    at_first = places_of(graph)
    layer.update(graph, keyframe(5, free_space=space))
    assert len(set(at_first) ^ set(places_of(graph))) <= 0.05 * len(at_first)
    before, edges = places_of(graph), edges_of(graph)
    layer.update(graph, keyframe(6, free_space=space))
    after = places_of(graph)
    assert [*after] == [*before]
    assert edges_of(graph) == edges
    assert after == {s: replace(node, last_seen_ns=6) for s, node in before.items()}


def test_a_crate_pushes_its_places_away_and_they_return_when_it_goes() -> None:
    crate = BoxWorld(ROOM.size_m, (((2.5, 1.0, 0.0), (3.3, 1.8, 1.2)),))
    space, graph, layer, centre = new_map(), SceneGraph(), new_places(), np.array(MIDDLE)

    def see(world: BoxWorld, stamp_ns: int) -> None:
        update = world_update(world, stamp_ns, empty=everything)
        look_at_world(space, world, MIDDLE)
        layer.update(graph, keyframe(stamp_ns, free_space=space.update(update, centre)))

    everything = mesh_update(np.concatenate([ROOM.surface_points(), crate.surface_points()]))
    see(ROOM, 1)
    at_first = places_of(graph)
    see(crate, 2)
    assert_clear(crate, graph)
    assert set(places_of(graph)) & set(at_first)
    see(ROOM, 3)
    assert_clear(ROOM, graph)
    inside = [np.abs(np.subtract(p.position_m, (2.9, 1.4, 0.9))) for p in places_of(graph).values()]
    assert min(gap.max() for gap in inside) < 0.6


def test_a_cupboard_in_the_doorway_closes_the_passage_and_without_it_it_is_open() -> None:
    """As mesh and rays tell it: put there, taken away, and put there again."""
    home = two_rooms(0.8)
    closed = BoxWorld(home.size_m, (*home.solids, ((3.9, 1.4, 0.0), (4.2, 2.4, 2.1))))
    everything = mesh_update(np.concatenate([home.surface_points(), closed.surface_points()]))
    space, graph, layer, centre = new_map(), SceneGraph(), new_places(), np.array((4.0, 2.0, 1.3))

    def passes(world: BoxWorld, stamp_ns: int) -> bool:
        update = world_update(world, stamp_ns, empty=everything)
        for view in EITHER_SIDE:
            look_at_world(space, world, view)
        layer.update(graph, keyframe(stamp_ns, free_space=space.update(update, centre)))
        places = places_of(graph)
        is_left = {s: place.position_m[0] < 4.05 for s, place in places.items()}
        return any(is_left[a] != is_left[b] for a, b in edges_of(graph))

    told = [passes(world, i) for i, world in enumerate((home, closed, home, closed), 1)]
    assert told == [True, False, True, False]


def nothing_new(center_m: tuple[float, float, float]) -> FreeSpace:
    return new_map().update(mesh_update(np.zeros((0, 3))), np.array(center_m))


def test_places_out_of_the_window_freeze_and_wake_on_return() -> None:
    graph, layer = SceneGraph(), new_places()
    layer.update(graph, keyframe(5, free_space=free_space_of(ROOM, MIDDLE)))
    before, edges = places_of(graph), edges_of(graph)
    layer.update(graph, keyframe(6, free_space=nothing_new((20.0, 0.0, 1.0))))
    assert places_of(graph) == {s: replace(p, is_active=False) for s, p in before.items()}
    assert edges_of(graph) == edges
    layer.update(graph, keyframe(7, free_space=nothing_new(MIDDLE)))
    assert places_of(graph) == before


def test_only_what_is_near_the_window_is_looked_at() -> None:
    graph, layer = SceneGraph(), new_places()
    layer.update(graph, keyframe(5, free_space=free_space_of(ROOM, MIDDLE)))
    layer.update(graph, keyframe(6, free_space=nothing_new((20.0, 0.0, 1.0))))
    frozen = places_of(graph)
    far = free_space_of(ROOM, MIDDLE)
    shift = np.array([200, 0, 0], np.int32)
    moved = replace(
        far,
        lower=far.lower + shift,
        parent=far.parent + shift,
        window_center_m=np.array([22.0, 1.5, 1.3]),
    )
    layer.update(graph, keyframe(7, free_space=moved))
    assert {s: p for s, p in places_of(graph).items() if s in frozen} == frozen
    assert graph.count(Layer.PLACES) > 1.8 * len(frozen)


def test_a_place_that_goes_lets_its_children_loose() -> None:
    graph, layer = SceneGraph(), new_places()
    space = free_space_of(ROOM, MIDDLE)
    layer.update(graph, keyframe(5, free_space=space))
    blocked = replace(space, observed_free=np.zeros_like(space.observed_free))
    layer.update(graph, keyframe(6, free_space=blocked))
    assert graph.count(Layer.PLACES) == 0
    assert not [node for _, node in graph.nodes(Layer.OBJECTS) if isinstance(node, ObjectNode)]


def test_the_same_space_twice_gives_the_same_places_and_edges() -> None:
    one, two = (graph_of(furnished_room(), *FURNISHED_VIEWS) for _ in range(2))
    assert list(places_of(one).items()) == list(places_of(two).items())
    assert list(one.edges()) == list(two.edges())
