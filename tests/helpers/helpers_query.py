"""A house of known rooms, places and things, to be asked about."""

import numpy as np
from helpers_exports import LABELS, SECOND_NS, START_NS, camera_pose, link, removed, symbol, times

from hydra_mono.core.box import BoundingBox
from hydra_mono.graph.model.nodes import BuildingNode, ObjectNode, PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph

CHAIR, TABLE, CABINET, BOX = 7, 8, 11, 23
ROOM_M = 4.0  # side of a room
STEP_M = 0.8  # between places


def ask_house() -> SceneGraph:
    """Kitchen R(0), x 0..4, and room 2, R(1), x 4..8, joined by a door 0.6 m wide at y = 2.

    Places lie on a grid of 0.8 m, 0.5 m wide. O(0) table in the kitchen, O(1) box on it, O(2) and
    O(5) chairs there, O(3) cabinet in room 2, O(4) a chair that left the kitchen after 5 s.
    """
    graph = SceneGraph()
    box = BoundingBox((4.0, 2.0, 1.25), (8.0, 4.0, 2.5))
    graph.add_node(
        symbol("B(0)"),
        BuildingNode(
            position_m=(4.0, 2.0, 1.25),
            name="building",
            color=(9, 9, 9),
            box=box,
            storey_heights_m=(0.0,),
            **times(),  # type: ignore[arg-type]
        ),
    )
    for number, name in enumerate(("kitchen", "room 2")):
        add_room(graph, number, name)
    link(graph, "R(0)", "R(1)", 0.3)
    add_things(graph)
    graph.add_node(symbol("a(0)"), camera_pose(0))
    link(graph, "a(0)", "p(12)")
    return graph


def add_room(graph: SceneGraph, number: int, name: str) -> None:
    middle = (ROOM_M * (number + 0.5), ROOM_M / 2, 1.2)
    node = RoomNode(
        position_m=middle,
        name=name,
        color=(90, 120, 200),
        box=BoundingBox(middle, (3.9, 3.9, 2.4)),
        **times(),  # type: ignore[arg-type]
    )
    graph.add_node(symbol(f"R({number})"), node)
    link(graph, "B(0)", f"R({number})")
    for k in range(25):
        _add_place(graph, number, k)
    if number:
        link(graph, "p(22)", "p(27)", 0.3)  # through the door


def _add_place(graph: SceneGraph, room: int, k: int) -> None:
    column, row = divmod(k, 5)
    x, y = ROOM_M * room + STEP_M * (column + 0.5), STEP_M * (row + 0.5)
    node = PlaceNode(position_m=(x, y, 1.0), radius_m=0.5, **times())  # type: ignore[arg-type]
    name = f"p({25 * room + k})"
    graph.add_node(symbol(name), node)
    link(graph, name, f"R({room})")
    if row:
        link(graph, f"p({25 * room + k - 1})", name, 0.5)
    if column:
        link(graph, f"p({25 * room + k - 5})", name, 0.5)


def thing(label: int, center_m, size_m, gone_s: int | None = None) -> ObjectNode:
    return ObjectNode(
        position_m=center_m,
        label=label,
        name=LABELS.name_of(label),
        color=LABELS.color_of(label),
        box=BoundingBox(center_m, size_m),
        **times(None if gone_s is None else removed(gone_s)),  # type: ignore[arg-type]
    )


def add_things(graph: SceneGraph) -> None:
    rows = (
        (thing(TABLE, (1.2, 1.2, 0.4), (1.0, 0.8, 0.8)), "p(6)"),
        (thing(BOX, (1.3, 1.2, 0.95), (0.3, 0.2, 0.3)), "p(6)"),
        (thing(CHAIR, (0.35, 3.6, 0.45), (0.5, 0.5, 0.9)), "p(4)"),
        (thing(CABINET, (7.6, 2.0, 1.0), (0.6, 1.2, 2.0)), "p(47)"),
        (thing(CHAIR, (3.4, 0.6, 0.45), (0.5, 0.5, 0.9), gone_s=5), "p(15)"),
        (thing(CHAIR, (2.0, 1.2, 0.45), (0.5, 0.5, 0.9)), "p(11)"),
    )
    for number, (node, parent) in enumerate(rows):
        graph.add_node(symbol(f"O({number})"), node)
        link(graph, f"O({number})", parent)


def grid_graph(objects: int, places: int, rooms: int, seed: int = 0) -> SceneGraph:
    """A large building: places on a square grid, objects all over it, rooms by columns."""
    rng = np.random.default_rng(seed)
    graph = SceneGraph()
    side = int(np.ceil(np.sqrt(places)))
    for number in range(rooms):
        middle = ((number + 0.5) * side / rooms * STEP_M, side * STEP_M / 2, 1.2)
        node = RoomNode(
            position_m=middle,
            name=f"room {number + 1}",
            color=(9, 9, 9),
            box=BoundingBox(middle, (4.0, 4.0, 2.5)),
            **times(),  # type: ignore[arg-type]
        )
        graph.add_node(symbol(f"R({number})"), node)
    for k in range(places):
        column, row = divmod(k, side)
        place = PlaceNode(
            position_m=(column * STEP_M, row * STEP_M, 1.0),
            radius_m=0.5,
            **times(),  # type: ignore[arg-type]
        )
        graph.add_node(symbol(f"p({k})"), place)
        link(graph, f"R({column * rooms // side})", f"p({k})")
        for other in (k - 1 if row else -1, k - side):
            if other >= 0:
                link(graph, f"p({other})", f"p({k})", float(rng.uniform(0.1, 0.5)))
    labels = (CHAIR, TABLE, CABINET, BOX)
    for k in range(objects):
        x, y = rng.uniform(0, side * STEP_M, 2)
        size = tuple(rng.uniform(0.2, 1.2, 3).tolist())
        graph.add_node(symbol(f"O({k})"), thing(labels[k % 4], (float(x), float(y), 0.4), size))
        row, column = round(min(y / STEP_M, side - 1)), round(min(x / STEP_M, side - 1))
        link(graph, f"O({k})", f"p({min(column * side + row, places - 1)})")
    return graph


__all__ = ["LABELS", "SECOND_NS", "START_NS", "ask_house", "grid_graph", "symbol", "thing"]
