"""Exports for planners and other tools: complete, plain, and with names that hold."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from helpers_exports import (
    LABELS,
    house_mesh,
    link,
    object_node,
    place,
    room,
    small_house,
    symbol,
)
from helpers_random_graphs import graphs
from hypothesis import given, settings

from hydra_mono.core.errors import ExportError
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.exports import EXPORTS, export_graph, write_export
from hydra_mono.graph.io.dsg.write import dsg_text
from hydra_mono.graph.io.naming import room_names, slug
from hydra_mono.graph.io.sayplan import sayplan_document
from hydra_mono.graph.model.scene_graph import SceneGraph


def text_of(format_name: str, graph: SceneGraph) -> str:
    return "".join(export_graph(format_name, graph, house_mesh(), LABELS))


def sayplan(graph: SceneGraph) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text_of("sayplan", graph))
    return document


def by_id(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in entries}


def test_an_unknown_format_names_the_choices() -> None:
    with pytest.raises(ExportError, match="'pdf': choose from dsg, node-link, sayplan, "):
        export_graph("pdf", small_house(), house_mesh(), LABELS)


@pytest.mark.parametrize("format_name", EXPORTS)
def test_equal_graphs_give_equal_bytes(format_name: str) -> None:
    assert text_of(format_name, small_house()) == text_of(format_name, small_house())


@pytest.mark.parametrize("format_name", EXPORTS)
def test_an_empty_graph_can_be_exported(format_name: str) -> None:
    text = "".join(export_graph(format_name, SceneGraph(), SemanticMesh.empty(), LABELS))
    assert text.startswith("<svg") if format_name == "floor-plan" else json.loads(text)


def test_the_dsg_format_is_that_of_the_run(tmp_path: Path) -> None:
    write_export("dsg", small_house(), house_mesh(), LABELS, tmp_path / "house.json")
    expected = "".join(dsg_text(small_house(), house_mesh(), LABELS))
    assert (tmp_path / "house.json").read_text() == expected


def test_networkx_reads_the_node_link_data_back() -> None:
    graph = nx.node_link_graph(json.loads(text_of("node-link", small_house())), edges="edges")
    house = small_house()
    assert set(graph.nodes) == {str(node) for node in house.view().nodes}
    assert {frozenset(edge) for edge in graph.edges} == {
        frozenset((str(a), str(b))) for a, b, _ in house.edges()
    }
    assert graph.nodes["O(0)"]["box"]["center_m"] == [2.0, 2.0, 0.4]
    assert graph.edges["p(0)", "p(1)"]["weight"] == pytest.approx(0.2)
    assert graph.edges["O(0)", "p(2)"]["parent"] == "p(2)"
    assert graph.graph["schema"] == "hydra-mono/graph/2"


# the run-time type checker picks the list items that it checks at random
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@given(graphs())
@settings(max_examples=40, deadline=None)
def test_any_graph_reads_back_from_node_link_data(graph: SceneGraph) -> None:
    back = nx.node_link_graph(json.loads(text_of("node-link", graph)), edges="edges")
    assert back.number_of_nodes() == graph.view().number_of_nodes()
    assert back.number_of_edges() == graph.edge_count


def test_furniture_is_an_asset_and_a_movable_thing_an_object() -> None:
    nodes = sayplan(small_house())["nodes"]
    assert [entry["id"] for entry in nodes["asset"]] == ["table_0", "cabinet_3"]
    assert [entry["id"] for entry in nodes["object"]] == ["box_1", "chair_2"]


def test_only_what_holds_things_has_them_released_on_it() -> None:
    graph = small_house()
    graph.add_node(
        symbol("O(8)"), replace(object_node(8, (1.0, 3.9, 1.6), (0.5, 0.04, 0.4)), name="picture")
    )
    link(graph, "p(1)", "O(8)")
    assets = by_id(sayplan(graph)["nodes"]["asset"])
    assert assets["picture_8"]["affordances"] == []
    assert assets["table_0"]["affordances"] == ["release"]
    assert assets["cabinet_3"]["affordances"] == ["open", "close", "release"]


def test_things_know_their_rooms() -> None:
    nodes = sayplan(small_house())["nodes"]
    assert [entry["id"] for entry in nodes["room"]] == ["kitchen_0", "room_1"]
    rooms = {entry["id"]: entry["room"] for entry in nodes["asset"] + nodes["object"]}
    assert rooms == {
        "table_0": "kitchen_0",
        "cabinet_3": "room_1",
        "box_1": "kitchen_0",
        "chair_2": "kitchen_0",
    }


def test_a_box_on_a_table_is_on_it_and_the_table_holds_it() -> None:
    nodes = sayplan(small_house())["nodes"]
    assert by_id(nodes["object"])["box_1"]["state"] == "on(table_0)"
    assert by_id(nodes["asset"])["table_0"]["contains"] == ["box_1"]


def test_a_chair_by_a_table_is_near_it_and_not_held_by_it() -> None:
    nodes = sayplan(small_house())["nodes"]
    assert by_id(nodes["object"])["chair_2"]["state"] == "near(table_0)"


@pytest.mark.parametrize(
    ("center_m", "parent", "state"),
    [
        ((7.5, 1.0, 1.2), "p(9)", "in(cabinet_3)"),
        ((7.5, 1.0, 2.2), "p(9)", "on(cabinet_3)"),
        ((6.5, 1.0, 0.2), "p(8)", "near(cabinet_3)"),
        ((4.5, 3.8, 0.2), "p(5)", "in(room_1)"),
        ((2.0, 2.0, 0.2), "p(2)", "near(table_0)"),  # under a table is not in it
    ],
)
def test_a_box_is_where_it_is(
    center_m: tuple[float, float, float], parent: str, state: str
) -> None:
    graph = small_house()
    graph.add_node(symbol("O(7)"), object_node(23, center_m, (0.3, 0.3, 0.3)))
    link(graph, parent, "O(7)")
    assert by_id(sayplan(graph)["nodes"]["object"])["box_7"]["state"] == state


def test_what_opens_can_be_opened_and_what_moves_picked_up() -> None:
    nodes = sayplan(small_house())["nodes"]
    assert by_id(nodes["asset"])["cabinet_3"]["affordances"] == ["open", "close", "release"]
    assert by_id(nodes["asset"])["table_0"]["affordances"] == ["release"]
    assert by_id(nodes["object"])["chair_2"]["affordances"] == ["pickup", "release"]


def test_the_agent_is_where_its_latest_pose_was() -> None:
    document = sayplan(small_house())
    assert document["nodes"]["agent"][0]["location"] == "room_1"
    assert document["links"] == ["kitchen_0-room_1", "room_1-agent"]


def test_an_agent_without_a_place_is_in_the_nearest_room() -> None:
    graph = small_house()
    for index in range(3):
        graph.set_parent(symbol(f"a({index})"), None, None)
    assert sayplan(graph)["nodes"]["agent"][0]["location"] == "room_1"


def test_a_thing_outside_every_room_is_free() -> None:
    graph = SceneGraph()
    graph.add_node(symbol("p(0)"), place(0))
    graph.add_node(symbol("O(0)"), object_node(23, (0.0, 0.0, 0.0), (0.3, 0.3, 0.3)))
    link(graph, "p(0)", "O(0)")
    box = sayplan(graph)["nodes"]["object"][0]
    assert (box["room"], box["state"]) == (None, "free")


def test_what_was_taken_away_is_left_out() -> None:
    assert "chair_4" not in text_of("sayplan", small_house())


def test_names_stay_when_other_things_go() -> None:
    before, graph = sayplan(small_house()), small_house()
    graph.remove_node(symbol("O(0)"))
    after = sayplan(graph)
    ids = {entry["id"] for entry in after["nodes"]["object"] + after["nodes"]["asset"]}
    assert ids == {"box_1", "chair_2", "cabinet_3"}
    assert ids < {entry["id"] for entry in before["nodes"]["object"] + before["nodes"]["asset"]}


# the run-time type checker picks the list items that it checks at random
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@given(graphs())
@settings(max_examples=40, deadline=None)
def test_planner_names_are_unique(graph: SceneGraph) -> None:
    nodes = sayplan_document(graph, LABELS)["nodes"]
    names = [entry["id"] for entries in nodes.values() for entry in entries]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("room 1", "room 2"), ["room_1", "room_2"]),
        (("Küche", "room 2"), ["kuche_0", "room_2"]),
        (("hall 1", "hall"), ["hall_0", "hall_1"]),  # both would be hall_1
        (("", "3"), ["room_0", "room_1"]),
    ],
)
def test_rooms_keep_their_names(names: tuple[str, ...], expected: list[str]) -> None:
    rooms = {symbol(f"R({index})"): room(name, index) for index, name in enumerate(names)}
    assert list(room_names(rooms).values()) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Washing machine", "washing_machine"),
        ("room 12", "room"),
        ("TV-stand", "tv_stand"),
        ("Küche", "kuche"),
        ("", "object"),
        ("42", "object"),
    ],
)
def test_names_become_what_planners_accept(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_an_export_that_fails_midway_leaves_the_old_file(tmp_path: Path) -> None:
    path, mesh = tmp_path / "graph.json", house_mesh()
    path.write_text("old")
    mesh.vertices_m[-1] = float("nan")
    with pytest.raises(ExportError, match="not finite"):
        write_export("dsg", small_house(), mesh, LABELS, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
