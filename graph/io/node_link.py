"""The graph as networkx's node-link data: ``networkx.node_link_graph(document)`` reads it back."""

from typing import Any

import networkx as nx

from hydra_mono.core.labels import LabelSpace
from hydra_mono.graph.io.graph_json import to_document
from hydra_mono.graph.model.scene_graph import SceneGraph

_ABOUT_THE_GRAPH = ("schema", "units", "frame", "origin_m", "stamp_ns", "label_space", "layers")


def nodelink_document(graph: SceneGraph, labels: LabelSpace) -> dict[str, Any]:
    """Plain values only: string ids, and for attributes those of graph.json."""
    document = to_document(graph, labels)
    plain = nx.Graph(**{key: document[key] for key in _ABOUT_THE_GRAPH})
    for entry in document["nodes"]:
        plain.add_node(entry["id"], **{key: entry[key] for key in entry if key != "id"})
    for entry in document["edges"]:
        kept = {key: entry[key] for key in entry if key not in ("source", "target")}
        parent = {"parent": entry["source"]} if entry["kind"] == "parent" else {}
        plain.add_edge(entry["source"], entry["target"], **kept, **parent)
    data: dict[str, Any] = nx.node_link_data(plain, edges="edges")
    return data
