"""dsg.json for the spark_dsg library (1.1.3), which Hydra and its planners read.

The file is the library's own fixed point: it loads it and saves the same document again. So
every field is written, lists stand in the library's order, and where the library keeps a number
in single precision the file holds that very number.

Positions are the world's. The library keeps boxes and meshes in single precision, which resolves
half a metre at a survey's coordinates: ``metadata.hydra_mono.origin_m`` is the map's own origin,
which to subtract before the file is given to it.

Objects whose presence is known are Khronos objects: when they were seen, where they were, and in
``metadata`` whether they moved (``is_dynamic``) and between which looks they appeared.

The file shows the world as it is now: what has ended is no node of it, but is listed under
``metadata.hydra_mono``, apart by how it ended: ``removed``, ``retracted`` and ``merged``.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.io.dsg.khronos import khronos
from hydra_mono.graph.io.dsg.mesh import HEADER, mesh_text, object_vertices
from hydra_mono.graph.io.dsg.metadata import dsg_metadata, room_label_ids
from hydra_mono.graph.io.dsg.places import NAME as MESH_PLACES
from hydra_mono.graph.io.dsg.places import (
    PARTITION,
    floor_places,
    place2d_links,
    place2d_nodes,
    place2d_parents,
)
from hydra_mono.graph.io.dsg.rotation import stable_quat_of_yaw
from hydra_mono.graph.io.graph_json import sorted_nodes
from hydra_mono.graph.io.naming import room_class
from hydra_mono.graph.io.origin import moved
from hydra_mono.graph.io.text import to_json
from hydra_mono.graph.model.nodes import (
    AgentNode,
    BuildingNode,
    Edge,
    Node,
    ObjectNode,
    PlaceNode,
    RoomNode,
)
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import LAYERS, Color, Layer, NodeSymbol

NO_LABEL = 0xFFFFFFFF  # the library's "none"
BLACK: Color = (0, 0, 0)
_NO_FEATURE = {"rows": 0, "cols": 0, "data": None}
_NO_BOX = BoundingBox((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))

Json = dict[str, Any]


def dsg_text(graph: SceneGraph, mesh: SemanticMesh, labels: LabelSpace) -> Iterator[str]:
    """The document as JSON, in pieces of about a megabyte.

    Raises:
        ExportError: a number is not finite.
    """
    yield to_json(dsg_document(graph, mesh, labels))[:-1] + ',"mesh":'
    yield from mesh_text(mesh, graph.origin_m)
    yield "}\n"


def dsg_document(graph: SceneGraph, mesh: SemanticMesh, labels: LabelSpace) -> Json:
    """Everything but the mesh, which ``dsg_text`` adds."""
    nodes = [(symbol, node) for symbol, node in sorted_nodes(graph) if node.is_present]
    nodes.sort(key=lambda entry: entry[0].is_agent)  # the library lists partitions last
    objects = {symbol: node for symbol, node in nodes if isinstance(node, ObjectNode)}
    builder = _Attributes(object_vertices(objects, mesh), room_label_ids(graph))
    places = floor_places(graph)
    entries = [_node(symbol, builder.of(symbol, node)) for symbol, node in nodes]
    entries += place2d_nodes(graph, places)
    return {
        "SPARK_DSG_header": HEADER,
        "directed": False,
        "multigraph": False,
        "layer_keys": _layer_keys(graph),
        "layer_names": {
            **{info.dsg_name: {"layer": int(info.layer), "partition": 0} for info in LAYERS},
            MESH_PLACES: {"layer": int(Layer.PLACES), "partition": PARTITION},
        },
        "metadata": dsg_metadata(graph, labels, builder.room_labels),
        "nodes": moved(entries, graph.origin_m),
        "edges": _edges(graph, {symbol for symbol, _ in nodes}, places),
    }


class _Attributes:
    """What the library knows of each kind of node, all fields present."""

    def __init__(
        self, vertices_of: dict[NodeSymbol, list[int]], room_labels: dict[str, int]
    ) -> None:
        self._vertices_of = vertices_of
        self.room_labels = room_labels

    def of(self, symbol: NodeSymbol, node: Node) -> Json:
        match node:
            case ObjectNode():
                return self._object(symbol, node)
            case PlaceNode():
                return _place(node)
            case RoomNode():
                return self._room(node)
            case BuildingNode():
                kind = {"type": "SemanticNodeAttributes"}
                return kind | _semantic(node, node.name, node.color, node.box)
            case AgentNode():
                return _agent(node)
        raise TypeError(f"{symbol}: no attributes for {type(node).__name__}")

    def _object(self, symbol: NodeSymbol, node: ObjectNode) -> Json:
        common = {
            **_semantic(node, node.name, node.color, node.box, node.label),
            "mesh_connections": self._vertices_of[symbol],
            "registered": False,
            "world_R_object": _quat(1.0, 0.0, 0.0, 0.0),
        }
        if node.presence is None:
            return {"type": "ObjectNodeAttributes", **common}
        return {"type": "KhronosObjectAttributes", **common, **khronos(node, node.presence)}

    def _room(self, node: RoomNode) -> Json:
        name = room_class(node)
        return {
            "type": "RoomNodeAttributes",
            **_semantic(node, node.name, node.color, node.box, self.room_labels[name]),
            "semantic_class_probabilities": {},
        }


def _place(node: PlaceNode) -> Json:
    return {
        "type": "PlaceNodeAttributes",
        **_semantic(node, "", BLACK, None),
        "distance": float(node.radius_m),
        "num_basis_points": int(node.basis_points),
        "voxblox_mesh_connections": [],
        "pcl_mesh_connections": [],
        "mesh_vertex_labels": [],
        "deformation_connections": [],
        "real_place": True,
        "active_frontier": False,
        "anti_frontier": False,
        "need_cleanup": False,
        "num_frontier_voxels": 0,
        "frontier_scale": [0.0, 0.0, 0.0],
        "orientation": _quat(1.0, 0.0, 0.0, 0.0),
    }


def _agent(node: AgentNode) -> Json:
    return {
        "type": "AgentNodeAttributes",
        **_common(node),
        "timestamp": int(node.stamp_ns),
        "world_R_body": _quat(*node.quat_wxyz),
        "external_key": 0,
        "dbow_ids": None,
        "dbow_values": None,
    }


def _semantic(
    node: Node, name: str, color: Color, box: BoundingBox | None, label: int = NO_LABEL
) -> Json:
    red, green, blue = color
    return {
        **_common(node),
        "name": name,
        "color": {"r": int(red), "g": int(green), "b": int(blue), "a": 255},
        "bounding_box": _box(box),
        "semantic_label": int(label),
        "semantic_feature": _NO_FEATURE,
    }


def _common(node: Node) -> Json:
    return {
        "position": [float(value) for value in node.position_m],
        "last_update_time_ns": int(node.last_seen_ns),
        "is_active": bool(node.is_active),
        "is_predicted": False,
        "metadata": {"first_seen_ns": int(node.first_seen_ns)},
    }


def _box(box: BoundingBox | None) -> Json:
    kind = "INVALID" if box is None else "RAABB" if box.yaw_rad else "AABB"
    shape = box or _NO_BOX
    quat = stable_quat_of_yaw(shape.yaw_rad) if shape.yaw_rad else (1.0, 0.0, 0.0, 0.0)
    return {
        "type": kind,
        "dimensions": [_single(value) for value in shape.dimensions_m],
        "world_P_center": [_single(value) for value in shape.center_m],
        "world_R_center": _quat(*quat),
    }


def _single(value: float) -> float:
    return float(np.float32(value))


def _quat(w: float, x: float, y: float, z: float) -> Json:
    return {"w": float(w), "x": float(x), "y": float(y), "z": float(z)}


def _node(symbol: NodeSymbol, attributes: Json) -> Json:
    return {
        "id": symbol.value,
        "layer": int(symbol.layer),
        "partition": symbol.partition,
        "attributes": attributes,
    }


def _edges(graph: SceneGraph, kept: set[NodeSymbol], places: dict[NodeSymbol, float]) -> list[Json]:
    """Siblings, then parents with their children, siblings among agents and 2-D places last."""
    edges = [(*_rank(a, b), a, b, edge) for a, b, edge in graph.edges() if a in kept and b in kept]
    ends = [(*entry[:4], *_ends(*entry[4:6]), entry[6]) for entry in edges]
    for room, place, edge in place2d_parents(graph, places):
        ends.append((1, 0, min(room, place), max(room, place), room, place, edge))
    for a, b, edge in place2d_links(graph, places):
        ends.append((3, 0, a, b, a, b, edge))
    ends.sort(key=lambda entry: entry[:4])
    return [_edge(source, target, edge) for *_, source, target, edge in ends]


def _rank(lower: NodeSymbol, upper: NodeSymbol) -> tuple[int, int, int, int]:
    """Place in the library's order: by group, then by the two integers, smaller first."""
    group, layer = 0, int(lower.layer)
    if lower.layer != upper.layer:
        group, layer = 1, 0
    elif lower.is_agent:
        group, layer = 2, 0
    return group, layer, min(lower.value, upper.value), max(lower.value, upper.value)


def _ends(lower: NodeSymbol, upper: NodeSymbol) -> tuple[int, int]:
    """Source and target: a parent is the source of its edge."""
    source, target = (lower, upper) if lower.layer == upper.layer else (upper, lower)
    return source.value, target.value


def _edge(source: int, target: int, edge: Edge) -> Json:
    info = {
        "type": "EdgeAttributes",
        "weighted": bool(edge.is_weighted),
        "weight": float(edge.weight),
        "metadata": {},
    }
    return {"source": source, "target": target, "info": info}


def _layer_keys(graph: SceneGraph) -> list[Json]:
    keys = {(int(info.layer), 0) for info in LAYERS} | {(int(Layer.PLACES), PARTITION)}
    keys |= {(int(layer), partition) for layer, partition in graph.layer_keys()}
    return [{"layer": layer, "partition": partition} for layer, partition in sorted(keys)]
