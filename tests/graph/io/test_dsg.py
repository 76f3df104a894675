"""dsg.json against the library that reads it: it loads, and saves again identical."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_exports import (
    LABELS,
    START_NS,
    house_mesh,
    mesh_of,
    object_node,
    random_mesh,
    small_house,
    symbol,
)
from helpers_random_graphs import graphs
from hypothesis import HealthCheck, given, settings
from scipy.spatial.transform import Rotation

from hydra_mono.core.errors import ExportError
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.io.dsg.mesh import object_vertices
from hydra_mono.graph.io.dsg.rotation import stable_quat_of_yaw
from hydra_mono.graph.io.dsg.write import dsg_text
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer


def exported(graph: SceneGraph, mesh: SemanticMesh, path: Path) -> dict[str, Any]:
    path.write_text("".join(dsg_text(graph, mesh, LABELS)), encoding="utf-8")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def loaded(path: Path) -> Any:
    spark_dsg = pytest.importorskip("spark_dsg", reason="the spark-dsg wheel is Linux-only")
    return spark_dsg.DynamicSceneGraph.load(str(path))


def saved_again(path: Path) -> dict[str, Any]:
    again = path.with_name("again.json")
    loaded(path).save(str(again))
    document: dict[str, Any] = json.loads(again.read_text(encoding="utf-8"))
    return document


def test_the_library_saves_the_house_as_it_loaded_it(tmp_path: Path) -> None:
    document = exported(small_house(), house_mesh(), tmp_path / "dsg.json")
    assert saved_again(tmp_path / "dsg.json") == document


# the run-time type checker picks the list items that it checks at random
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@given(graph=graphs())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_library_saves_any_graph_as_it_loaded_it(graph: SceneGraph, tmp_path: Path) -> None:
    document = exported(graph, house_mesh(), tmp_path / "dsg.json")
    assert saved_again(tmp_path / "dsg.json") == document


def test_a_mesh_of_many_pieces_comes_back_number_for_number(tmp_path: Path) -> None:
    mesh = random_mesh(20_000)
    document = exported(small_house(), mesh, tmp_path / "dsg.json")
    assert saved_again(tmp_path / "dsg.json") == document
    part = document["mesh"]
    assert np.array_equal(np.array(part["points"], np.float32), mesh.vertices_m)
    assert np.array_equal(np.array(part["faces"]), mesh.faces)
    assert np.array_equal(np.array(part["stamps"]), mesh.last_seen_ns)
    assert np.array_equal(np.array(part["first_seen_stamps"]), mesh.first_seen_ns)
    assert np.array_equal(np.array(part["labels"]), mesh.labels)
    colors = np.array([[color[band] for band in "rgb"] for color in part["colors"]])
    assert np.array_equal(colors, mesh.colors)


def test_nothing_at_all_is_a_graph_too(tmp_path: Path) -> None:
    document = exported(SceneGraph(), SemanticMesh.empty(), tmp_path / "dsg.json")
    assert saved_again(tmp_path / "dsg.json") == document


def test_the_library_sees_the_house(tmp_path: Path) -> None:
    exported(small_house(), house_mesh(), tmp_path / "dsg.json")
    graph = loaded(tmp_path / "dsg.json")
    counts = [graph.get_layer(name).num_nodes() for name in ("OBJECTS", "PLACES", "ROOMS")]
    assert counts == [4, 10, 2]
    table = graph.get_node(symbol("O(0)").value)
    assert table.attributes.name == "table"
    assert table.get_parent() == symbol("p(2)").value
    assert graph.get_node(symbol("p(7)").value).get_parent() == symbol("R(1)").value
    assert graph.get_node(symbol("p(3)").value).attributes.distance == pytest.approx(0.611)
    assert graph.get_labelspace(2, 0).get_category(8) == "table"
    assert graph.get_labelspace(4, 0).get_category(1) == "kitchen"


def test_the_library_sees_the_mesh(tmp_path: Path) -> None:
    mesh = house_mesh()
    exported(small_house(), mesh, tmp_path / "dsg.json")
    seen = loaded(tmp_path / "dsg.json").mesh
    assert np.allclose(seen.get_vertices()[:3].T, mesh.vertices_m)
    assert np.array_equal(seen.get_faces().T, mesh.faces)


def test_the_library_turns_a_box_as_we_do(tmp_path: Path) -> None:
    exported(small_house(), house_mesh(), tmp_path / "dsg.json")
    box = loaded(tmp_path / "dsg.json").get_node(symbol("O(2)").value).attributes.bounding_box
    ours = small_house().get_node(symbol("O(2)"))
    assert isinstance(ours, ObjectNode)
    inside, outside = np.array([0.24, -0.24, 0.0]), np.array([0.26, 0.0, 0.0])
    turn = Rotation.from_euler("z", ours.box.yaw_rad)
    center_m = np.array(ours.box.center_m)
    assert box.contains(center_m + turn.apply(inside))
    assert not box.contains(center_m + turn.apply(outside))


def test_ids_are_integers_beyond_what_a_double_holds(tmp_path: Path) -> None:
    document = exported(small_house(), house_mesh(), tmp_path / "dsg.json")
    ids = [node["id"] for node in document["nodes"]]
    assert all(isinstance(number, int) and number > 2**53 for number in ids)
    assert symbol("a(2)").value in ids


def test_agents_live_in_the_partition_of_their_letter(tmp_path: Path) -> None:
    document = exported(small_house(), house_mesh(), tmp_path / "dsg.json")
    agents = [n for n in document["nodes"] if n["attributes"]["type"] == "AgentNodeAttributes"]
    assert {(node["layer"], node["partition"]) for node in agents} == {(2, 97)}
    assert {"layer": 2, "partition": 97} in document["layer_keys"]
    assert agents[1]["attributes"]["timestamp"] == START_NS + 1_000_000_001


def test_a_thing_found_gone_is_listed_but_no_node(tmp_path: Path) -> None:
    document = exported(small_house(), house_mesh(), tmp_path / "dsg.json")
    gone = symbol("O(4)").value
    assert gone not in [node["id"] for node in document["nodes"]]
    assert all(gone not in (edge["source"], edge["target"]) for edge in document["edges"])
    removed = {
        "id": "O(4)",
        "layer": "objects",
        "from_ns": START_NS,
        "until_ns": START_NS + 5_000_000_000,
    }
    assert document["metadata"]["hydra_mono"]["removed"] == [removed]


def test_things_know_their_vertices(tmp_path: Path) -> None:
    document = exported(small_house(), house_mesh(), tmp_path / "dsg.json")
    connections = {
        node["id"]: node["attributes"]["mesh_connections"]
        for node in document["nodes"]
        if node["attributes"]["type"] in ("ObjectNodeAttributes", "KhronosObjectAttributes")
    }
    assert connections == {
        symbol(f"O({index})").value: list(range(4 * index + 4, 4 * index + 8)) for index in range(4)
    }


def test_a_vertex_of_two_boxes_goes_to_the_nearer_centre() -> None:
    left, right = (
        object_node(7, (0.0, 0.0, 0.0), (2.0, 1.0, 1.0)),
        object_node(7, (1.0, 0.0, 0.0), (2.0, 1.0, 1.0)),
    )
    vertices_m = np.array([[0.2, 0, 0], [0.8, 0, 0], [0.8, 0, 0], [9, 0, 0]], np.float32)
    mesh = mesh_of(vertices_m, np.zeros((0, 3), np.int32), np.array([7, 7, 8, 7], np.uint8))
    found = object_vertices({symbol("O(0)"): left, symbol("O(1)"): right}, mesh)
    assert found == {symbol("O(0)"): [0], symbol("O(1)"): [1]}


@pytest.mark.parametrize("yaw_rad", [0.0, 1e-9, 0.0035, -0.3, 1.0, math.pi / 2, 3.0, -4.0, 50.0])
def test_a_stable_turn_is_the_same_turn_of_the_box(yaw_rad: float) -> None:
    w, x, y, z = stable_quat_of_yaw(yaw_rad)
    turn = Rotation.from_quat([x, y, z, w]) * Rotation.from_euler("z", yaw_rad).inv()
    angle_rad = turn.as_rotvec()[2]
    assert math.remainder(angle_rad, math.pi) == pytest.approx(0.0, abs=2e-4)


def test_a_number_that_is_not_finite_is_refused() -> None:
    graph = small_house()
    node = graph.get_node(symbol("p(0)"))
    graph.update_node(symbol("p(0)"), position_m=(math.nan, *node.position_m[1:]))
    with pytest.raises(ExportError, match="not finite"):
        list(dsg_text(graph, house_mesh(), LABELS))


def test_a_vertex_that_is_not_finite_is_refused() -> None:
    mesh = house_mesh()
    mesh.vertices_m[3, 1] = np.inf
    with pytest.raises(ExportError, match="not finite"):
        list(dsg_text(small_house(), mesh, LABELS))


def test_a_labelled_thing_without_a_known_label_still_loads(tmp_path: Path) -> None:
    graph = small_house()
    graph.add_node(
        symbol("O(9)"), replace(object_node(200, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)), name="?")
    )
    document = exported(graph, house_mesh(), tmp_path / "dsg.json")
    assert saved_again(tmp_path / "dsg.json") == document
    assert graph.count(Layer.OBJECTS) == 6


def test_the_library_reads_presence_and_trajectory_of_a_moved_object(tmp_path: Path) -> None:
    exported(small_house(), house_mesh(), tmp_path / "dsg.json")
    read = loaded(tmp_path / "dsg.json").get_node(symbol("O(2)").value).attributes
    assert type(read).__name__ == "KhronosObjectAttributes"
    assert list(read.first_observed_ns) == [START_NS]
    assert list(read.last_observed_ns) == [START_NS + 9_000_000_000]
    assert list(read.trajectory_timestamps) == [START_NS, START_NS + 4_000_000_000]
    positions = np.array(read.trajectory_positions).reshape(-1, 3)
    assert np.allclose(positions, [[1.0, 1.0, 0.45], [0.7, 3.1, 0.45]])
    assert read.metadata.get()["is_dynamic"] is True
