"""The layer MESH_PLACES of a dsg.json: where a robot can stand, as MIT's planners read it.

Each place whose air goes down to the floor becomes a 2-D place on the floor below it, with a
boundary as wide as its ball; siblings are those that are joined wide enough to pass, parents are
rooms. The file alone has them: they are P(7) there, below p(7) here.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hydra_mono.graph.model.nodes import BuildingNode, Edge, ObjectNode, PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

NAME, PARTITION, PREFIX = "MESH_PLACES", 1, "P"
HIGHEST_M = 2.0  # above the floor: a place higher up is under the ceiling
OVER_M = 1.0  # an object that stands no higher than this bars the floor below a place
PASSABLE_M = 0.2  # clearance of an edge that half a small robot fits into
CORNERS = 12  # of a boundary: a circle to 4 %
NO_LABEL = 0xFFFFFFFF  # the library's "none"

Json = dict[str, Any]


def floor_places(graph: SceneGraph) -> dict[NodeSymbol, float]:
    """The places above which floor one can stand, with the height of that floor; sorted."""
    objects = [node.box for _, node in graph.present(Layer.OBJECTS) if isinstance(node, ObjectNode)]
    found = {}
    for symbol, node in sorted(graph.present(Layer.PLACES)):
        floor_m = _floor_below(graph, symbol)
        if not isinstance(node, PlaceNode) or floor_m is None:
            continue
        if not 0 < node.position_m[2] - floor_m <= HIGHEST_M:
            continue
        found[symbol] = floor_m
    return {s: floor_m for s, floor_m in found.items() if not _is_above(graph, s, floor_m, objects)}


def _floor_below(graph: SceneGraph, symbol: NodeSymbol) -> float | None:
    """Height of the floor of the storey that the place's room is on; None without a room."""
    parent = graph.find_parent(symbol)
    room = graph.find_node(parent) if parent is not None else None
    if parent is None or not isinstance(room, RoomNode):
        return None
    above = graph.find_parent(parent)
    building = graph.find_node(above) if above is not None else None
    if isinstance(building, BuildingNode) and room.storey < len(building.storey_heights_m):
        return building.storey_heights_m[room.storey]
    return room.box.center_m[2] - room.box.dimensions_m[2] / 2


def _is_above(graph: SceneGraph, symbol: NodeSymbol, floor_m: float, boxes: list[Any]) -> bool:
    """Whether furniture stands below the middle of a place."""
    x, y, z = graph.get_node(symbol).position_m
    for box in boxes:
        low_m = box.center_m[2] - box.dimensions_m[2] / 2
        if math.dist((x, y), box.center_m[:2]) > math.hypot(*box.dimensions_m[:2]) / 2:
            continue
        is_below = low_m - floor_m <= OVER_M and low_m < z
        if is_below and box.contains(np.array([[x, y, box.center_m[2]]]))[0]:
            return True
    return False


def place2d_nodes(graph: SceneGraph, places: dict[NodeSymbol, float]) -> list[Json]:
    """Entries of the nodes, by id."""
    return [
        {
            "id": value_of(symbol),
            "layer": int(Layer.PLACES),
            "partition": PARTITION,
            "attributes": _attributes(symbol, graph.get_node(symbol), floor_m),
        }
        for symbol, floor_m in places.items()
    ]


def value_of(symbol: NodeSymbol) -> int:
    """The integer of the 2-D place below a place."""
    return (ord(PREFIX) << 56) | symbol.number


def place2d_links(
    graph: SceneGraph, places: dict[NodeSymbol, float]
) -> Iterator[tuple[int, int, Edge]]:
    """(smaller id, larger id, edge) of those between which one can pass, sorted."""
    pairs = sorted((a, b) for a in places for b in graph.siblings(a) if a < b and b in places)
    for a, b in pairs:
        edge = graph.get_edge(a, b)
        if edge.weight >= PASSABLE_M:
            yield value_of(a), value_of(b), edge


def place2d_parents(
    graph: SceneGraph, places: dict[NodeSymbol, float]
) -> Iterator[tuple[int, int, Edge]]:
    """(room's id, place's id, edge)."""
    for symbol in places:
        room = graph.find_parent(symbol)
        if room is not None:
            yield room.value, value_of(symbol), graph.get_edge(symbol, room)


def _attributes(symbol: NodeSymbol, node: Any, floor_m: float) -> Json:
    x, y, _ = node.position_m
    radius_m = float(node.radius_m)
    turns = [2 * math.pi * k / CORNERS for k in range(CORNERS)]
    ring = [(x + radius_m * math.cos(t), y + radius_m * math.sin(t)) for t in turns]
    narrow = 1 / max(radius_m, 1e-3) ** 2  # 1 mm: a circle of none has no inverse
    return {
        "type": "Place2dNodeAttributes",
        "position": [float(x), float(y), float(floor_m)],
        "last_update_time_ns": int(node.last_seen_ns),
        "is_active": bool(node.is_active),
        "is_predicted": False,
        "metadata": {"first_seen_ns": int(node.first_seen_ns)},
        "name": f"{PREFIX}({symbol.number})",
        "color": {"r": 0, "g": 0, "b": 0, "a": 255},
        "bounding_box": {
            "type": "INVALID",
            "dimensions": [0.0, 0.0, 0.0],
            "world_P_center": [0.0, 0.0, 0.0],
            "world_R_center": {"w": 1.0, "x": 0.0, "y": 0.0, "z": 0.0},
        },
        "semantic_label": NO_LABEL,
        "semantic_feature": {"rows": 0, "cols": 0, "data": None},
        "boundary": [[px, py, float(floor_m)] for px, py in ring],
        "pcl_boundary_connections": [],
        "voxblox_mesh_connections": [],
        "pcl_mesh_connections": [],
        "mesh_vertex_labels": [],
        "deformation_connections": [],
        "ellipse_matrix_compress": [narrow, 0.0, 0.0, narrow],
        "ellipse_matrix_expand": [radius_m, 0.0, 0.0, radius_m],
        "ellipse_centroid": [float(x), float(y), float(floor_m)],
        "need_cleanup_splitting": False,
        "has_active_mesh_indices": False,
    }
