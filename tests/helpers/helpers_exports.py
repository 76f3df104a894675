"""A small house whose every fact is known."""

import math

import numpy as np

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.labels import Label, LabelSpace
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.model.looks import Seen
from hydra_mono.graph.model.nodes import (
    AgentNode,
    BuildingNode,
    Edge,
    Ending,
    ObjectNode,
    PlaceNode,
    RoomNode,
)
from hydra_mono.graph.model.presence import Presence, Trajectory
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

START_NS = 1_700_000_000_123_456_789
SECOND_NS = 1_000_000_000

LABELS = LabelSpace(
    name="house",
    labels=(
        Label(id=1, name="wall", color=(200, 200, 190), kind="structure", role="wall"),
        Label(id=7, name="chair", color=(230, 25, 75), kind="movable"),
        Label(id=8, name="table", color=(60, 120, 40), kind="object"),
        Label(id=11, name="cabinet", color=(245, 130, 49), kind="object"),
        Label(id=23, name="box", color=(210, 180, 120), kind="movable"),
        Label(id=40, name="person", color=(240, 50, 230), kind="agent"),
    ),
)


def symbol(text: str) -> NodeSymbol:
    return NodeSymbol.parse(text)


def link(graph: SceneGraph, a: str, b: str, weight: float | None = None) -> None:
    edge = Edge(
        first_seen_ns=START_NS,
        last_seen_ns=START_NS + SECOND_NS,
        weight=1.0 if weight is None else weight,
        is_weighted=weight is not None,
    )
    graph.add_edge(symbol(a), symbol(b), edge)


def times(ending: Ending | None = None) -> dict[str, object]:
    return {
        "first_seen_ns": START_NS,
        "last_seen_ns": START_NS + 9 * SECOND_NS,
        "ending": ending,
    }


def removed(until_s: int) -> Ending:
    return Ending(kind="removed", from_ns=START_NS, until_ns=START_NS + until_s * SECOND_NS)


def object_node(
    label: int,
    center_m: tuple[float, float, float],
    size_m: tuple[float, float, float],
    *,
    yaw_rad: float = 0.0,
    ending: Ending | None = None,
) -> ObjectNode:
    return ObjectNode(
        position_m=center_m,
        label=label,
        name=LABELS.name_of(label),
        color=LABELS.color_of(label),
        box=BoundingBox(center_m, size_m, yaw_rad),
        vertex_count=4,
        mesh_blocks=((0, 0, 0), (-1, 0, 2)),
        **times(ending),  # type: ignore[arg-type]
    )


def small_house() -> SceneGraph:
    """Two rooms with five places each, four objects, one taken away, three camera poses.

    Kitchen R(0), x in 0..4: table O(0) with box O(1) on it, chair O(2) turned by 30°.
    Study R(1), x in 4..8: cabinet O(3). Chair O(4) stood in the kitchen and is gone;
    chair O(2) was moved.
    """
    graph = SceneGraph()
    graph.add_node(symbol("B(0)"), building())
    for index, name in enumerate(("kitchen", "room 1")):
        graph.add_node(symbol(f"R({index})"), room(name, index))
        link(graph, "B(0)", f"R({index})")
    link(graph, "R(0)", "R(1)")
    for index in range(10):
        graph.add_node(symbol(f"p({index})"), place(index))
        link(graph, f"p({index})", f"R({index // 5})")
        if index:
            link(graph, f"p({index - 1})", f"p({index})", 0.1 * (index + 1))
    _furnish(graph)
    for index in range(3):
        graph.add_node(symbol(f"a({index})"), camera_pose(index))
        link(graph, f"a({index})", f"p({4 + index})")
        if index:
            link(graph, f"a({index - 1})", f"a({index})")
    return graph


def _furnish(graph: SceneGraph) -> None:
    objects = {
        "O(0)": (object_node(8, (2.0, 2.0, 0.4), (1.5, 0.9, 0.8)), "p(2)"),
        "O(1)": (object_node(23, (2.2, 2.1, 0.95), (0.3, 0.2, 0.3)), "p(2)"),
        "O(2)": (object_node(7, (0.7, 3.1, 0.45), (0.5, 0.5, 0.9), yaw_rad=math.pi / 6), "p(1)"),
        "O(3)": (object_node(11, (7.5, 1.0, 1.0), (0.6, 1.2, 2.0)), "p(9)"),
        "O(4)": (
            object_node(7, (3.4, 0.6, 0.45), (0.5, 0.5, 0.9), ending=removed(5)),
            "p(3)",
        ),
    }
    for name, (node, parent) in objects.items():
        graph.add_node(symbol(name), node)
        link(graph, name, parent)
    stamps_ns = (START_NS, START_NS + 4 * SECOND_NS)
    graph.update_node(
        symbol("O(2)"),
        presence=Presence(START_NS - SECOND_NS, START_NS, START_NS + 9 * SECOND_NS, None),
        trajectory=Trajectory(stamps_ns, ((1.0, 1.0, 0.45), (0.7, 3.1, 0.45))),
    )
    graph.looks.add(symbol("O(2)"), START_NS + 6 * SECOND_NS, Seen.PRESENT)
    graph.looks.add(symbol("O(4)"), START_NS + 5 * SECOND_NS, Seen.ABSENT)


def building() -> BuildingNode:
    return BuildingNode(
        position_m=(4.0, 2.0, 1.2),
        name="building 0",
        color=(90, 90, 90),
        box=BoundingBox((4.0, 2.0, 1.25), (8.0, 4.0, 2.5)),
        storey_heights_m=(0.0,),
        **times(),  # type: ignore[arg-type]
    )


def room(name: str, index: int) -> RoomNode:
    center_m = (2.0 + 4.0 * index, 2.0, 1.25)
    return RoomNode(
        position_m=center_m,
        name=name,
        color=(10 * index, 120, 200),
        box=BoundingBox(center_m, (3.9, 3.9, 2.4)),
        **times(),  # type: ignore[arg-type]
    )


def place(index: int) -> PlaceNode:
    return PlaceNode(
        position_m=(0.4 + 0.8 * index, 2.0, 1.1),
        radius_m=0.5 + 0.037 * index,
        basis_points=2 + index % 3,
        is_active=index > 5,
        **times(),  # type: ignore[arg-type]
    )


def camera_pose(index: int) -> AgentNode:
    half = 0.1 * index
    return AgentNode(
        position_m=(3.5 + 0.5 * index, 2.0, 1.4),
        stamp_ns=START_NS + index * SECOND_NS + 1,
        quat_wxyz=(math.cos(half), 0.0, 0.0, math.sin(half)),
        **times(),  # type: ignore[arg-type]
    )


def house_mesh() -> SemanticMesh:
    """A floor of two triangles (wall label) and a tetrahedron inside each object's box."""
    parts = [np.array([[0, 0, 0], [8, 0, 0], [8, 4, 0], [0, 4, 0]], np.float32)]
    labels = [np.full(4, 1, np.uint8)]
    faces = [np.array([[0, 1, 2], [0, 2, 3]], np.int32)]
    corner = np.array([[0, 0, 0], [0.2, 0, 0], [0, 0.2, 0], [0, 0, 0.2]]) - 0.05
    for index, (center_m, label) in enumerate(_SOLIDS):
        parts.append((np.array(center_m) + corner).astype(np.float32))
        labels.append(np.full(4, label, np.uint8))
        sides = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
        faces.append(sides + np.int32(4 * (index + 1)))
    return mesh_of(np.concatenate(parts), np.concatenate(faces), np.concatenate(labels))


_SOLIDS = (
    ((2.0, 2.0, 0.4), 8),
    ((2.2, 2.1, 0.95), 23),
    ((0.7, 3.1, 0.45), 7),
    ((7.5, 1.0, 1.0), 11),
)


def mesh_of(vertices_m: np.ndarray, faces: np.ndarray, labels: np.ndarray) -> SemanticMesh:
    """A mesh with colours and stamps that differ from vertex to vertex."""
    count = len(vertices_m)
    rows = np.arange(count)
    return SemanticMesh(
        vertices_m=vertices_m,
        faces=faces,
        normals=np.tile(np.array([0, 0, 1], np.float32), (count, 1)),
        colors=np.stack([rows % 256, rows * 7 % 256, rows * 31 % 256], axis=1).astype(np.uint8),
        labels=labels,
        first_seen_ns=START_NS + rows,
        last_seen_ns=START_NS + SECOND_NS * (rows + 1) + 7,
    )


def random_mesh(vertex_count: int, seed: int = 0) -> SemanticMesh:
    rng = np.random.default_rng(seed)
    return mesh_of(
        rng.uniform(-30, 30, (vertex_count, 3)).astype(np.float32),
        rng.integers(0, vertex_count, (2 * vertex_count, 3)).astype(np.int32),
        rng.integers(0, 41, vertex_count).astype(np.uint8),
    )


def same_graph(a: SceneGraph, b: SceneGraph) -> bool:
    """Same nodes with the same attributes, same edges, same parents."""
    return _content(a) == _content(b)


def _content(graph: SceneGraph) -> tuple[object, ...]:
    nodes = {n: node for key in graph.layer_keys() for n, node in graph.nodes(*key)}
    return nodes, list(graph.edges()), {n: graph.find_parent(n) for n in nodes}
