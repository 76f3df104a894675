"""The building node over all rooms."""

from collections.abc import Sequence

import numpy as np

from hydra_mono.core.box import BoundingBox, axis_aligned_box
from hydra_mono.graph.model.nodes import BuildingNode, Edge, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

BUILDING = NodeSymbol("B", 0)
COLOR = (169, 8, 194)


def update_building(graph: SceneGraph, floors_m: Sequence[float], stamp_ns: int) -> None:
    """Keeps ``B(0)`` round the rooms and every room below it; without rooms there is none."""
    rooms = [(s, node) for s, node in graph.nodes(Layer.ROOMS) if isinstance(node, RoomNode)]
    if not rooms:
        if graph.has_node(BUILDING):
            graph.remove_node(BUILDING)
        return
    _put(graph, [node for _, node in rooms], tuple(floors_m))
    for symbol, _ in rooms:
        edge = Edge(first_seen_ns=stamp_ns, last_seen_ns=stamp_ns)
        graph.set_parent(symbol, BUILDING, edge)


def _put(graph: SceneGraph, rooms: list[RoomNode], floors_m: tuple[float, ...]) -> None:
    box = enclosing_box([room.box for room in rooms])
    x, y, z = np.mean([room.position_m for room in rooms], axis=0).tolist()
    node = BuildingNode(
        position_m=(x, y, z),
        first_seen_ns=min(room.first_seen_ns for room in rooms),
        last_seen_ns=max(room.last_seen_ns for room in rooms),
        name="building",
        color=COLOR,
        box=box,
        storey_heights_m=floors_m,
    )
    if not graph.has_node(BUILDING):
        graph.add_node(BUILDING, node)
        return
    fields = ("position_m", "first_seen_ns", "last_seen_ns", "box", "storey_heights_m")
    graph.update_node(BUILDING, **{name: getattr(node, name) for name in fields})


def enclosing_box(boxes: Sequence[BoundingBox]) -> BoundingBox:
    """The smallest axis-aligned box round upright axis-aligned boxes."""
    centers = np.array([box.center_m for box in boxes])
    half = np.array([box.dimensions_m for box in boxes]) / 2
    return axis_aligned_box(np.concatenate([centers - half, centers + half]))
