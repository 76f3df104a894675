"""MESH_PLACES against the library, and the facts that MIT's planner makes from the file."""

import json
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from helpers_exports import house_mesh
from helpers_query import LABELS, ask_house, symbol

from hydra_mono.graph.io.dsg.places import floor_places
from hydra_mono.graph.io.dsg.write import dsg_text
from hydra_mono.graph.model.scene_graph import SceneGraph


def loaded(graph: SceneGraph, folder: Path) -> Any:
    spark_dsg = pytest.importorskip("spark_dsg", reason="the spark-dsg wheel is Linux-only")
    path = folder / "dsg.json"
    path.write_text("".join(dsg_text(graph, house_mesh(), LABELS)))
    graph = spark_dsg.DynamicSceneGraph.load(str(path))
    graph.save(str(folder / "again.json"))
    assert json.loads((folder / "again.json").read_text()) == json.loads(path.read_text())
    return graph


def test_floor_places_are_where_nothing_stands(tmp_path: Path) -> None:
    places = floor_places(ask_house())
    assert set(places.values()) == {0.0}
    assert symbol("p(6)") not in places  # over the table
    assert symbol("p(0)") in places


def test_the_planner_finds_places_with_boundaries_siblings_and_rooms(tmp_path: Path) -> None:
    graph = loaded(ask_house(), tmp_path)
    layer = graph.get_layer("MESH_PLACES")
    assert layer.num_nodes() == len(floor_places(ask_house()))
    for node in layer.nodes:
        assert str(node.id).startswith("P(")
        assert node.attributes.position[2] == 0
        boundary = np.array(node.attributes.boundary)
        away = np.linalg.norm(boundary - node.attributes.position, axis=1)
        assert away == pytest.approx(0.5)
        assert graph.get_node(node.get_parent()).attributes.name in ("kitchen", "room 2")


def test_its_facts_are_those_of_the_house(tmp_path: Path) -> None:
    """As dsg_pddl makes them: connected from siblings, an object in the nearest 2-D place."""
    graph = loaded(ask_house(), tmp_path)
    layer = graph.get_layer("MESH_PLACES")
    connected = nx.Graph([(edge.source, edge.target) for edge in layer.edges])
    assert nx.is_connected(connected)
    centers = {node.id.value: np.array(node.attributes.position) for node in layer.nodes}
    for node in graph.get_layer("OBJECTS").nodes:
        at = np.array(node.attributes.position)
        nearest = min(centers, key=lambda place: np.linalg.norm(centers[place][:2] - at[:2]))
        room = graph.get_node(graph.get_node(nearest).get_parent()).attributes.name
        assert room == ("room 2" if node.attributes.name == "cabinet" else "kitchen")
    shut = ask_house()
    shut.update_edge(symbol("p(22)"), symbol("p(27)"), weight=0.1)
    layer = loaded(shut, tmp_path).get_layer("MESH_PLACES")
    connected = nx.Graph([(edge.source, edge.target) for edge in layer.edges])
    assert nx.number_connected_components(connected) == 2


def test_a_graph_without_places_has_the_layer_all_the_same(tmp_path: Path) -> None:
    assert loaded(SceneGraph(), tmp_path).get_layer("MESH_PLACES").num_nodes() == 0
