"""graph.json: what goes in comes out, the same graph gives the same bytes."""

import json
import math
from dataclasses import fields, replace
from typing import Any

import jsonschema
import pytest
from helpers_exports import LABELS, START_NS, link, place, same_graph, small_house, symbol
from helpers_random_graphs import graphs
from hypothesis import given, settings

from hydra_mono.core.errors import ExportError
from hydra_mono.graph.io.entries import NODE_TYPES
from hydra_mono.graph.io.graph_json import from_document, from_text, to_document, to_text
from hydra_mono.graph.io.schema import build_schema, graph_schema
from hydra_mono.graph.model.nodes import Edge
from hydra_mono.graph.model.scene_graph import SceneGraph


def text_of(graph: SceneGraph) -> str:
    return "".join(to_text(to_document(graph, LABELS)))


# the run-time type checker picks the list items that it checks at random
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@given(graphs())
@settings(max_examples=60, deadline=None)
def test_a_graph_survives_export_and_import(graph: SceneGraph) -> None:
    text = text_of(graph)
    back = from_text(text)
    assert same_graph(back.graph, graph)
    assert text_of(back.graph) == text
    jsonschema.validate(json.loads(text), graph_schema())


def test_the_house_survives_with_its_labels_and_stamp() -> None:
    back = from_text(text_of(small_house()))
    assert same_graph(back.graph, small_house())
    assert back.labels == LABELS
    assert back.stamp_ns == START_NS + 9_000_000_000


def test_the_order_in_which_nodes_came_does_not_show() -> None:
    forward, backward = SceneGraph(), SceneGraph()
    for index in range(4):
        forward.add_node(symbol(f"p({index})"), place(index))
    for index in reversed(range(4)):
        backward.add_node(symbol(f"p({index})"), place(index))
    link(forward, "p(0)", "p(3)")
    link(backward, "p(3)", "p(0)")
    assert text_of(forward) == text_of(backward)


def test_ids_are_strings_and_a_parent_is_the_source() -> None:
    document = to_document(small_house(), LABELS)
    assert {node["id"] for node in document["nodes"]} >= {"O(0)", "p(9)", "R(1)", "B(0)", "a(2)"}
    ends = {(e["source"], e["target"]): e["kind"] for e in document["edges"]}
    assert ends["p(2)", "O(0)"] == "parent"
    assert ends["R(0)", "R(1)"] == "sibling"
    assert ends["p(4)", "a(0)"] == "parent"


def test_a_removed_object_stays_with_the_interval_in_which_it_left() -> None:
    document = to_document(small_house(), LABELS)
    ended = {node["id"]: node["ending"] for node in document["nodes"] if node["ending"]}
    assert ended == {
        "O(4)": {
            "kind": "removed",
            "from_ns": START_NS,
            "until_ns": START_NS + 5_000_000_000,
            "into": None,
        }
    }


def test_layers_say_how_many_nodes_they_have() -> None:
    layers = to_document(small_house(), LABELS)["layers"]
    counts = {name: layer["count"] for name, layer in layers.items()}
    assert counts == {"objects": 5, "agents": 3, "places": 10, "rooms": 2, "buildings": 1}
    assert layers["objects"]["present"] == 4 and layers["places"]["present"] == 10


def test_an_empty_graph_is_a_graph() -> None:
    text = text_of(SceneGraph())
    jsonschema.validate(json.loads(text), graph_schema())
    assert from_text(text).stamp_ns is None


@pytest.mark.parametrize("layer", NODE_TYPES)
def test_the_schema_describes_every_field(layer: str) -> None:
    definition = graph_schema()["$defs"][layer.rstrip("s")]
    names = {field.name for field in fields(NODE_TYPES[layer])}
    assert set(definition["properties"]) == names | {"id", "layer"}


def test_the_schema_describes_every_field_of_an_edge() -> None:
    names = {field.name for field in fields(Edge)}
    assert set(graph_schema()["$defs"]["edge"]["properties"]) == names | {
        "source",
        "target",
        "kind",
    }


def test_the_shipped_schema_is_the_one_that_follows_from_the_types() -> None:
    assert graph_schema() == build_schema(), "write schema_text() to graph.schema.json"


def test_the_schema_refuses_a_number_as_id() -> None:
    document = to_document(small_house(), LABELS)
    document["nodes"][0]["id"] = symbol("O(0)").value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, graph_schema())


def test_a_newer_format_is_refused_with_advice() -> None:
    document = to_document(small_house(), LABELS) | {"schema": "hydra-mono/graph/3"}
    with pytest.raises(ExportError, match=r"hydra-mono/graph/3.*update hydra-mono"):
        from_document(document)


@pytest.mark.parametrize("document", [{}, {"schema": "other/1"}, {"schema": 3}, [], None])
def test_another_document_is_refused(document: Any) -> None:
    with pytest.raises(ExportError, match="not a graph of this package"):
        from_document(document)


def test_a_number_that_is_not_finite_is_never_written() -> None:
    graph = SceneGraph()
    graph.add_node(symbol("p(3)"), replace(place(3), radius_m=math.nan))
    with pytest.raises(ExportError, match=r"p\(3\)"):
        text_of(graph)


@pytest.mark.parametrize("length", [0, 1, 100, 2000])
def test_text_cut_short_is_refused(length: int) -> None:
    with pytest.raises(ExportError, match="not the text of a graph"):
        from_text(text_of(small_house())[:length])


def damaged(change: str, value: Any) -> dict[str, Any]:
    document = to_document(small_house(), LABELS)
    document["nodes"][0][change] = value
    return document


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("id", "X(1)"),
        ("position_m", [1.0, 2.0]),
        ("position_m", "here"),
        ("first_seen_ns", 1.5),
        ("is_active", 1),
        ("box", None),
        ("id", "O(1)"),
    ],
)
def test_a_damaged_node_is_refused(change: str, value: Any) -> None:
    with pytest.raises(ExportError, match="damaged graph document"):
        from_document(damaged(change, value))


def test_a_damaged_field_is_named_with_its_node() -> None:
    with pytest.raises(ExportError, match=r"node O\(0\): box: yaw_rad: .*number, found 'left'"):
        from_document(
            damaged("box", {"center_m": [0, 0, 0], "dimensions_m": [1, 1, 1], "yaw_rad": "left"})
        )


@pytest.mark.parametrize("key", ["nodes", "edges", "label_space"])
def test_a_document_without_a_part_is_refused(key: str) -> None:
    document = to_document(small_house(), LABELS)
    del document[key]
    with pytest.raises(ExportError, match=key):
        from_document(document)


def test_an_edge_to_nowhere_is_refused() -> None:
    document = to_document(small_house(), LABELS)
    document["edges"][0]["target"] = "p(77)"
    with pytest.raises(ExportError, match=r"p\(77\)"):
        from_document(document)
