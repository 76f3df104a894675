"""The graph as SayPlan's planners read it (Rana et al., CoRL 2023): rooms, assets, objects, agent.

Furniture and fixtures (label kind ``object``) are assets, which stay where they are; movable
ones are objects, whose state says what they are on, in or near. Names are a class and the
node's number, so they hold as long as the node lives, whatever else comes and goes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.labels import LabelSpace
from hydra_mono.graph.io.graph_json import sorted_nodes
from hydra_mono.graph.io.naming import planner_name, room_class, room_names, slug
from hydra_mono.graph.model.nodes import AgentNode, ObjectNode, Position, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import CAMERA_PREFIX, Layer, NodeSymbol

AGENT = "agent"
ON_GAP_M = 0.15  # an object whose bottom is so close to an asset's top stands on it
NEAR_M = 1.0  # an object so close to an asset is near it; an arm's length
CLOSABLE = frozenset(
    {"cabinet", "dishwasher", "drawer", "dresser", "microwave", "nightstand", "oven"}
    | {"refrigerator", "wardrobe", "washing_machine"}
)
SHELVES = frozenset({"bookcase", "bookshelf", "shelf", "shelves"})
SURFACES = frozenset(  # what something can be put down on; nothing stands on a picture
    {"armchair", "bathtub", "bed", "bench", "chest_of_drawers", "coffee_table", "counter"}
    | {"countertop", "desk", "island", "kitchen_island", "ottoman", "seat", "sink", "sofa"}
    | {"stove", "table", "tv_stand"}
)

Json = dict[str, Any]
RoomNames = Mapping[NodeSymbol, str]


@dataclass(frozen=True, slots=True)
class _Item:
    """An object node as a planner sees it."""

    name: str
    kind: str
    room: str | None
    box: BoundingBox
    is_movable: bool


def sayplan_document(graph: SceneGraph, labels: LabelSpace) -> Json:
    """What is there now; what was removed, retracted or merged is left out."""
    rooms = _rooms(graph)
    names = room_names(rooms)
    items = _items(graph, labels, names)
    assets = [item for item in items if not item.is_movable]
    objects = [item for item in items if item.is_movable]
    states = {item.name: _relation(item, assets) for item in objects}
    location = _agent_location(graph, names)
    return {
        "nodes": {
            "room": [{"id": names[s], "class": room_class(room)} for s, room in rooms.items()],
            "asset": [_asset(asset, states) for asset in assets],
            "object": [_object(item, states[item.name]) for item in objects],
            AGENT: [{"id": AGENT, "location": location, "accessing": None, "carries": []}],
        },
        "links": _links(graph, names, location),
    }


def _rooms(graph: SceneGraph) -> dict[NodeSymbol, RoomNode]:
    return {
        symbol: node
        for symbol, node in sorted_nodes(graph)
        if isinstance(node, RoomNode) and node.is_present
    }


def _items(graph: SceneGraph, labels: LabelSpace, rooms: RoomNames) -> list[_Item]:
    movable = set(labels.ids("movable"))
    return [
        _Item(
            name=_object_name(slug(node.name), symbol, rooms),
            kind=slug(node.name),
            room=_room_of(graph, symbol, rooms),
            box=node.box,
            is_movable=node.label in movable,
        )
        for symbol, node in sorted_nodes(graph)
        if isinstance(node, ObjectNode) and node.is_present
    ]


def _object_name(kind: str, symbol: NodeSymbol, rooms: RoomNames) -> str:
    name = planner_name(kind, symbol)
    return planner_name(f"{kind}_object", symbol) if name in rooms.values() else name


def _room_of(graph: SceneGraph, symbol: NodeSymbol, rooms: RoomNames) -> str | None:
    """The room above a node, by name."""
    above: NodeSymbol | None = symbol
    while above is not None and above.layer < Layer.ROOMS:
        above = graph.find_parent(above)
    return rooms.get(above) if above is not None else None


def _asset(asset: _Item, states: Mapping[str, tuple[str, str | None]]) -> Json:
    can_close = asset.kind in CLOSABLE
    holds = can_close or asset.kind in SHELVES or asset.kind in SURFACES
    return {
        "id": asset.name,
        "class": asset.kind,
        "room": asset.room,
        "state": "unknown" if can_close else "free",
        "affordances": [*(["open", "close"] if can_close else []), *(["release"] if holds else [])],
        "contains": [
            name for name, (verb, at) in states.items() if at == asset.name and verb != "near"
        ],
    }


def _object(item: _Item, state: tuple[str, str | None]) -> Json:
    verb, at = state
    return {
        "id": item.name,
        "class": item.kind,
        "room": item.room,
        "state": f"{verb}({at or item.room})" if at or item.room else "free",
        "affordances": ["pickup", "release"],
    }


def _relation(item: _Item, assets: list[_Item]) -> tuple[str, str | None]:
    """``in``, ``on`` or ``near`` and the asset's name; ``in`` and None where nothing is near."""
    for asset in assets:
        if _is_inside(item, asset):
            return "in", asset.name
    for asset in assets:
        if _stands_on(item.box, asset.box):
            return "on", asset.name
    beside = [asset for asset in assets if asset.room == item.room]
    gaps_m = [_gap_m(item.box.center_m, asset.box) for asset in beside]
    if gaps_m and min(gaps_m) <= NEAR_M:
        return "near", beside[int(np.argmin(gaps_m))].name
    return "in", None


def _is_inside(item: _Item, asset: _Item) -> bool:
    holds = asset.kind in CLOSABLE or asset.kind in SHELVES
    fits = item.box.volume_m3 < asset.box.volume_m3
    return holds and fits and _gap_m(item.box.center_m, asset.box) == 0


def _stands_on(item: BoundingBox, asset: BoundingBox) -> bool:
    bottom_m = item.center_m[2] - item.dimensions_m[2] / 2
    top_m = asset.center_m[2] + asset.dimensions_m[2] / 2
    above = (*item.center_m[:2], asset.center_m[2])
    return abs(bottom_m - top_m) <= ON_GAP_M and _gap_m(above, asset) == 0


def _gap_m(point_m: Position, box: BoundingBox) -> float:
    """Distance from a point to a box, 0 inside."""
    offset = np.abs(box.to_box_frame(np.array([point_m]))[0]) - np.array(box.dimensions_m) / 2
    return float(np.linalg.norm(np.maximum(offset, 0.0)))


def _agent_location(graph: SceneGraph, rooms: RoomNames) -> str | None:
    """The room of the camera's latest pose, or that of the nearest place which has one."""
    poses = [
        (node.stamp_ns, symbol, node.position_m)
        for symbol, node in sorted_nodes(graph)
        if isinstance(node, AgentNode) and symbol.prefix == CAMERA_PREFIX
    ]
    if not poses:
        return None
    _, symbol, position_m = max(poses)
    return _room_of(graph, symbol, rooms) or _nearest_room(graph, rooms, position_m)


def _nearest_room(graph: SceneGraph, rooms: RoomNames, position_m: Position) -> str | None:
    found = [
        (math.dist(place.position_m, position_m), room)
        for symbol, place in graph.present(Layer.PLACES)
        if (room := _room_of(graph, symbol, rooms))
    ]
    return min(found)[1] if found else None


def _links(graph: SceneGraph, rooms: RoomNames, location: str | None) -> list[str]:
    """Neighbouring rooms, each pair once, and where the agent is."""
    pairs = [
        f"{name}-{rooms[other]}"
        for symbol, name in rooms.items()
        for other in graph.siblings(symbol)
        if other in rooms and symbol < other
    ]
    return [*pairs, f"{location}-{AGENT}"] if location else pairs
