"""What a dsg.json tells beside its nodes: label spaces, the map's frame, and what has ended."""

from typing import Any

from hydra_mono.core.labels import UNKNOWN, LabelSpace
from hydra_mono.graph.io.graph_json import FRAME, SCHEMA, sorted_nodes
from hydra_mono.graph.io.naming import room_class
from hydra_mono.graph.model.nodes import RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer

Json = dict[str, Any]


def room_label_ids(graph: SceneGraph) -> dict[str, int]:
    """An id from 1 for every class of room in the graph, in alphabetical order."""
    rooms = [node for _, node in graph.present(Layer.ROOMS) if isinstance(node, RoomNode)]
    return {name: i for i, name in enumerate(sorted({room_class(r) for r in rooms}), start=1)}


def dsg_metadata(graph: SceneGraph, labels: LabelSpace, room_labels: dict[str, int]) -> Json:
    objects = [[label.id, label.name] for label in labels.labels]
    rooms = [[label, name] for name, label in room_labels.items()]
    return {
        "labelspaces": {
            "_l2p0": [[UNKNOWN, "unknown"], *objects],
            "_l4p0": [[UNKNOWN, "unknown"], *rooms],
        },
        "hydra_mono": {
            "schema": SCHEMA,
            "frame": FRAME,
            "length_unit": "m",
            "origin_m": list(graph.origin_m),
            **_endings(graph),
        },
    }


def _endings(graph: SceneGraph) -> Json:
    """What is no node of the file any more, by how it ended."""
    listed: Json = {"removed": [], "retracted": [], "merged": []}
    for symbol, node in sorted_nodes(graph):
        if (ending := node.ending) is None:
            continue
        entry: Json = {"id": str(symbol), "layer": symbol.info.name, "until_ns": ending.until_ns}
        if ending.kind == "removed":
            entry["from_ns"] = ending.from_ns
        if ending.kind == "merged":
            entry["into"] = str(ending.into)
        listed[ending.kind].append(entry)
    return listed
