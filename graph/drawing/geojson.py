"""The floor plan as GeoJSON (RFC 7946's forms), in metres of the world's x and y.

The standard means degrees; plans of buildings without a place on Earth are given in metres by
custom, and ``coordinate_unit`` says so. Every feature has its id, kind and storey.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hydra_mono.graph.model.nodes import ObjectNode, Passage, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

Json = dict[str, Any]


def geojson_document(graph: SceneGraph) -> Json:
    """Rooms with outlines as polygons, objects as polygons, passages and windows as lines."""
    offset = np.array(graph.origin_m[:2])
    return {
        "type": "FeatureCollection",
        "coordinate_unit": "m",
        "features": [
            feature
            for part in (_rooms, _passages, _windows, _objects)
            for feature in part(graph, offset)
        ],
    }


def _rooms(graph: SceneGraph, offset: np.ndarray) -> Iterator[Json]:
    for symbol, node in graph.present(Layer.ROOMS):
        if isinstance(node, RoomNode) and len(node.outline_m) >= 3:
            about = {
                "kind": "room",
                "name": node.name,
                "category": node.category,
                "storey": node.storey,
                "area_m2": node.area_m2,
                "height_m": node.height_m,
            }
            yield _feature(str(symbol), _polygon(np.array(node.outline_m) + offset), about)


def _passages(graph: SceneGraph, offset: np.ndarray) -> Iterator[Json]:
    rooms = [node for _, node in graph.present(Layer.ROOMS) if isinstance(node, RoomNode)]
    unique: dict[Passage, int] = {p: room.storey for room in rooms for p in room.passages}
    for number, (passage, storey) in enumerate(unique.items()):
        along = np.array([np.cos(passage.heading_rad), np.sin(passage.heading_rad)])
        half = along * passage.width_m / 2
        middle = np.array(passage.position_m[:2]) + offset
        line = {
            "type": "LineString",
            "coordinates": [(middle + s * half).tolist() for s in (-1, 1)],
        }
        about = {
            "kind": passage.kind,
            "storey": storey,
            "rooms": [str(room) for room in passage.rooms],
            "width_m": passage.width_m,
            "height_m": passage.height_m,
            "is_open": passage.is_open,
        }
        yield _feature(f"passage-{number}", line, about)


def _windows(graph: SceneGraph, offset: np.ndarray) -> Iterator[Json]:
    for symbol, room in graph.present(Layer.ROOMS):
        if not isinstance(room, RoomNode):
            continue
        for number, window in enumerate(room.windows):
            along = np.array([np.cos(window.heading_rad), np.sin(window.heading_rad)])
            middle = np.array(window.position_m[:2]) + offset
            ends = [(middle + s * along * window.width_m / 2).tolist() for s in (-1, 1)]
            about = {
                "kind": "window",
                "storey": room.storey,
                "rooms": [str(symbol)],
                "width_m": window.width_m,
                "height_m": window.height_m,
            }
            line = {"type": "LineString", "coordinates": ends}
            yield _feature(f"{symbol}-window-{number}", line, about)


def _objects(graph: SceneGraph, offset: np.ndarray) -> Iterator[Json]:
    for symbol, node in graph.present(Layer.OBJECTS):
        if isinstance(node, ObjectNode):
            low_m = node.box.center_m[2] - node.box.dimensions_m[2] / 2
            about = {
                "kind": "object",
                "name": node.name,
                "storey": _storey(graph, symbol),
                "bottom_m": low_m + graph.origin_m[2],
                "height_m": node.box.dimensions_m[2],
            }
            yield _feature(str(symbol), _polygon(node.box.footprint() + offset), about)


def _storey(graph: SceneGraph, symbol: NodeSymbol) -> int | None:
    above: NodeSymbol | None = symbol
    while above is not None and above.layer < Layer.ROOMS:
        above = graph.find_parent(above)
    room = graph.find_node(above) if above is not None else None
    return room.storey if isinstance(room, RoomNode) else None


def _polygon(corners: np.ndarray) -> Json:
    ring = [*corners.tolist(), corners[0].tolist()]
    return {"type": "Polygon", "coordinates": [ring]}


def _feature(name: str, geometry: Json, properties: Json) -> Json:
    return {"type": "Feature", "id": name, "geometry": geometry, "properties": properties}
