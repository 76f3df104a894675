"""Maps of several robots as one graph."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_exports import house_mesh, link, times
from helpers_query import LABELS, ask_house, symbol
from helpers_saved import described_house

from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.align.transform import inverse, upright_pose
from hydra_mono.graph.io.graph_json import from_text, to_document, to_text
from hydra_mono.graph.merge.merge import Merged, merge_graphs
from hydra_mono.graph.merge.meshes import join_meshes
from hydra_mono.graph.merge.robots import BLOCK, moved_node, own_number, robot_of
from hydra_mono.graph.model.nodes import PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.query.questions import Questions

HERE = np.eye(4)
TURNED = upright_pose(0.7, np.array([5.0, -3.0, 0.2]))


def house_as_seen_from(pose: np.ndarray) -> SceneGraph:
    """The house in the frame of a robot for whom the first one's frame lies at a pose."""
    house, seen = described_house(), SceneGraph()
    for key in house.layer_keys():
        for name, node in house.nodes(*key):
            seen.add_node(name, moved_node(node, inverse(pose), 0))
    for a, b, edge in house.edges():
        seen.add_edge(a, b, edge)
    return seen


@pytest.fixture(scope="module")
def twice() -> Merged:
    return merge_graphs([(described_house(), HERE), (house_as_seen_from(TURNED), TURNED)])


def test_a_house_seen_by_two_robots_is_one_house(twice: Merged) -> None:
    house = described_house()
    for layer in (Layer.ROOMS, Layer.PLACES, Layer.BUILDINGS, Layer.OBJECTS):
        assert twice.graph.count_present(layer) == house.count_present(layer), layer
    for name, node in house.present(Layer.OBJECTS):
        merged = twice.graph.get_node(name)
        assert merged.position_m == pytest.approx(node.position_m)
        assert twice.graph.find_parent(name) == house.find_parent(name)


def test_what_became_part_of_another_is_remembered_as_such(twice: Merged) -> None:
    part = twice.graph.get_node(NodeSymbol("O", BLOCK))
    assert part.ending is not None
    assert (part.ending.kind, part.ending.into) == ("merged", symbol("O(0)"))
    room = twice.graph.get_node(NodeSymbol("R", BLOCK + 1))
    assert room.ending is not None
    assert room.ending.into == symbol("R(1)")
    assert (robot_of(NodeSymbol("O", BLOCK + 4)), own_number(NodeSymbol("O", BLOCK + 4))) == (1, 4)


def test_what_left_stays_a_memory_of_each_robot(twice: Merged) -> None:
    for name in (symbol("O(4)"), NodeSymbol("O", BLOCK + 4)):
        ending = twice.graph.get_node(name).ending
        assert ending is not None
        assert ending.kind == "removed"


def test_a_door_seen_twice_is_one_door(twice: Merged) -> None:
    for name, node in twice.graph.present(Layer.ROOMS):
        assert isinstance(node, RoomNode)
        (door,) = node.passages
        assert name in door.rooms
        assert set(door.rooms) == {symbol("R(0)"), symbol("R(1)")}


def test_a_merged_graph_is_asked_saved_and_merged_again(twice: Merged) -> None:
    again = from_text("".join(to_text(to_document(twice.graph, LABELS)))).graph
    questions = Questions(again, LABELS)
    assert questions.nearest("chair", "table 0").items[0].name == "chair 5"
    assert questions.path("kitchen", "cabinet").is_found
    third = merge_graphs([(again, HERE), (ask_house(), HERE)])
    assert third.first_robot == (0, 2)
    assert third.graph.count_present(Layer.OBJECTS) == ask_house().count_present(Layer.OBJECTS)


def test_a_robot_that_saw_one_room_adds_nothing_but_its_camera() -> None:
    part = ask_house()
    for name in part.symbols(Layer.PLACES):
        if part.find_parent(name) == symbol("R(1)"):
            part.remove_node(name)
    part.remove_node(symbol("O(3)")), part.remove_node(symbol("R(1)"))
    merged = merge_graphs([(part, HERE), (ask_house(), HERE)])
    assert merged.graph.count_present(Layer.ROOMS) == 2
    assert merged.graph.count_present(Layer.PLACES) == 50
    cabinet = NodeSymbol("O", BLOCK + 3)
    assert merged.graph.get_node(cabinet).is_present
    questions = Questions(merged.graph, LABELS)
    assert questions.path("table", str(cabinet)).is_found  # from robot 0's room to robot 1's


def street() -> SceneGraph:
    """Places along y = 4.4 m, past two houses 12 m apart; free to their doors at x = 1.2, 13.2."""
    graph = SceneGraph()
    for k in range(20):
        x = 0.8 * k + 0.4
        radius_m = 0.9 if k in (1, 16) else 0.3
        node = PlaceNode(position_m=(x, 4.4, 1.0), radius_m=radius_m, **times())
        graph.add_node(symbol(f"p({k})"), node)
        if k:
            link(graph, f"p({k - 1})", f"p({k})", 0.3)
    return graph


def test_houses_on_one_street_are_joined_by_it() -> None:
    away = upright_pose(0.0, np.array([12.0, 0.0, 0.0]))
    merged = merge_graphs([(ask_house(), HERE), (ask_house(), away), (street(), HERE)])
    assert merged.reconciled.links >= 2
    questions = Questions(merged.graph, LABELS)
    (path,) = questions.path("O(0)", str(NodeSymbol("O", BLOCK + 3))).items
    robots = [place.number // BLOCK for place in path.place_ids]
    assert robots == sorted(robots, key=[0, 2, 1].index), "out of one, along the street, in again"
    assert set(robots) == {0, 1, 2}
    links = [(a, b) for a, b, _ in merged.graph.edges() if a.number // BLOCK != b.number // BLOCK]
    assert all(a.layer is b.layer is Layer.PLACES for a, b in links)


def test_houses_apart_stay_apart() -> None:
    away = upright_pose(0.0, np.array([30.0, 0.0, 0.0]))
    merged = merge_graphs([(ask_house(), HERE), (ask_house(), away)])
    done = merged.reconciled
    assert (done.objects, done.places, done.rooms, done.buildings, done.links) == (0, 0, 0, 0, 0)
    assert merged.graph.count(Layer.PLACES) == 100
    box = merged.graph.get_node(NodeSymbol("O", BLOCK)).box
    assert box.center_m == pytest.approx((31.2, 1.2, 0.4))


def test_origins_of_maps_are_taken_into_account() -> None:
    moved = ask_house()
    shifted = SceneGraph(origin_m=(-10.0, 0.0, 0.0))
    for key in moved.layer_keys():
        for name, node in moved.nodes(*key):
            far = moved_node(node, upright_pose(0.0, np.array([10.0, 0.0, 0.0])), 0)
            shifted.add_node(name, far)
    for a, b, edge in moved.edges():
        shifted.add_edge(a, b, edge)
    merged = merge_graphs([(ask_house(), HERE), (shifted, HERE)])
    assert merged.graph.count_present(Layer.PLACES) == 50


def test_a_surface_seen_twice_is_there_once() -> None:
    mesh = house_mesh()
    there = join_meshes([(mesh, HERE), (mesh, HERE)])
    assert len(there) == len(mesh)
    assert np.array_equal(there.faces, mesh.faces)
    far = upright_pose(0.0, np.array([50.0, 0.0, 0.0]))
    both = join_meshes([(mesh, HERE), (mesh, far)])
    assert len(both) == 2 * len(mesh)
    assert len(join_meshes([(SemanticMesh.empty(), HERE)])) == 0


def test_the_better_look_at_an_object_counts() -> None:
    poor, good = ask_house(), ask_house()
    node = poor.get_node(symbol("O(0)"))
    small = replace(node.box, dimensions_m=(0.6, 0.5, 0.6))
    poor.update_node(symbol("O(0)"), box=small, seen_fraction=0.4)
    merged = merge_graphs([(poor, HERE), (good, HERE)])
    assert merged.graph.get_node(symbol("O(0)")).box == node.box
