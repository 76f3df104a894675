"""Symbols that say whose a node is, and graphs brought into another frame."""

from dataclasses import replace
from typing import Any

import numpy as np

from hydra_mono.core.box import BoundingBox, axis_aligned_box
from hydra_mono.core.errors import GraphError
from hydra_mono.graph.align.transform import Matrix, moved_points, yaw_of
from hydra_mono.graph.model.nodes import (
    AgentNode,
    BuildingNode,
    Node,
    ObjectNode,
    Passage,
    Position,
    RoomNode,
    Window,
)
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

BLOCK = 1_000_000  # numbers a robot: more nodes of a layer than a day's map has; O(2000012) reads


def robot_of(symbol: NodeSymbol) -> int:
    """Whose map a node of a merged graph comes from; 0 is the first."""
    return symbol.number // BLOCK


def own_number(symbol: NodeSymbol) -> int:
    """The node's number in the map of its robot."""
    return symbol.number % BLOCK


def robots_in(graph: SceneGraph) -> int:
    """How many robots' numbers a graph uses: one for a map of a run."""
    numbers = [s.number for key in graph.layer_keys() for s in graph.symbols(*key)]
    return max(numbers, default=0) // BLOCK + 1


def renamed(symbol: NodeSymbol, first_robot: int) -> NodeSymbol:
    """The symbol that a node has where its graph's first robot is that one.

    Raises:
        GraphError: the number leaves no room for a robot's.
    """
    number = symbol.number + first_robot * BLOCK
    if number >= 1 << 56:
        raise GraphError(f"{symbol} of robot {first_robot} is out of range")
    return NodeSymbol(symbol.prefix, number)


def take_in(into: SceneGraph, graph: SceneGraph, pose: Matrix, first_robot: int) -> None:
    """Adds a graph's nodes, edges, endings and looks, brought into the frame by a pose.

    ``pose``: ``into_from_graph``, of positions relative to both origins. Blocks of the mesh are
    counted anew by whoever joins the meshes, so objects name none.
    """
    for layer, partition in graph.layer_keys():
        for symbol, node in graph.nodes(layer, partition):
            into.add_node(renamed(symbol, first_robot), moved_node(node, pose, first_robot))
    for a, b, edge in graph.edges():
        into.add_edge(renamed(a, first_robot), renamed(b, first_robot), edge)
    for symbol in graph.looks.symbols():
        if graph.has_node(symbol):
            into.looks.put(renamed(symbol, first_robot), list(graph.looks.of(symbol)))
    into.looks.note(
        replace(change, position_m=_point(pose, change.position_m))
        for change in graph.looks.background
    )


def moved_node(node: Node, pose: Matrix, first_robot: int) -> Node:
    """A node in another frame, naming others by their new symbols."""
    changes: dict[str, Any] = {"position_m": _point(pose, node.position_m)}
    if node.ending is not None and node.ending.into is not None:
        changes["ending"] = replace(node.ending, into=renamed(node.ending.into, first_robot))
    if isinstance(node, ObjectNode):
        positions_m = tuple(_point(pose, point) for point in node.trajectory.positions_m)
        trajectory = replace(node.trajectory, positions_m=positions_m)
        changes |= {"box": moved_box(node.box, pose), "trajectory": trajectory, "mesh_blocks": ()}
    elif isinstance(node, RoomNode):
        changes |= _room_changes(node, pose, first_robot)
    elif isinstance(node, BuildingNode):
        heights_m = tuple(height + float(pose[2, 3]) for height in node.storey_heights_m)
        changes |= {"box": upright_box(node.box, pose), "storey_heights_m": heights_m}
    elif isinstance(node, AgentNode):
        changes["quat_wxyz"] = _turned_quat(node.quat_wxyz, yaw_of(pose))
    return replace(node, **changes)


def _room_changes(node: RoomNode, pose: Matrix, first_robot: int) -> dict[str, Any]:
    outline_m = [_point(pose, (x, y, 0.0))[:2] for x, y in node.outline_m]
    return {
        "box": upright_box(node.box, pose),
        "outline_m": tuple(outline_m),
        "windows": tuple(_moved_window(window, pose) for window in node.windows),
        "passages": tuple(_moved_passage(p, pose, first_robot) for p in node.passages),
        "name": node.name if first_robot == 0 else f"{node.name} of robot {first_robot}",
    }


def _moved_passage(passage: Passage, pose: Matrix, first_robot: int) -> Passage:
    first, second = (renamed(room, first_robot) for room in passage.rooms)
    return replace(
        passage,
        rooms=(first, second),
        position_m=_point(pose, passage.position_m),
        heading_rad=(passage.heading_rad + yaw_of(pose)) % np.pi,
    )


def _moved_window(window: Window, pose: Matrix) -> Window:
    heading_rad = (window.heading_rad + yaw_of(pose)) % np.pi
    return replace(window, position_m=_point(pose, window.position_m), heading_rad=heading_rad)


def moved_box(box: BoundingBox, pose: Matrix) -> BoundingBox:
    """The box, turned with the map."""
    return BoundingBox(_point(pose, box.center_m), box.dimensions_m, box.yaw_rad + yaw_of(pose))


def upright_box(box: BoundingBox, pose: Matrix) -> BoundingBox:
    """The box along the axes that holds the turned one."""
    turned = moved_box(box, pose)
    return turned if turned.yaw_rad == 0 else axis_aligned_box(turned.corners())


def _point(pose: Matrix, point_m: Position) -> Position:
    if np.array_equal(pose, np.eye(4)):
        return point_m  # to the bit as it was
    x, y, z = moved_points(pose, np.array([point_m]))[0].tolist()
    return x, y, z


def _turned_quat(
    quat_wxyz: tuple[float, float, float, float], yaw_rad: float
) -> tuple[float, float, float, float]:
    """Hamilton's product of a turn about z and a quaternion."""
    if yaw_rad == 0:
        return quat_wxyz
    cos, sin = float(np.cos(yaw_rad / 2)), float(np.sin(yaw_rad / 2))
    w, x, y, z = quat_wxyz
    return cos * w - sin * z, cos * x - sin * y, cos * y + sin * x, cos * z + sin * w
