"""Worlds small enough to score by hand."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.labels import Label, LabelSpace
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.core.truth import GroundTruth, TruthGrid, TruthMesh, TruthObject, TruthRoom
from hydra_mono.evaluation import RunInputs
from hydra_mono.graph.model.nodes import AgentNode, Edge, ObjectNode, PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

WALL, FLOOR, CHAIR, TABLE = 1, 2, 3, 4
LABELS = LabelSpace(
    name="hand",
    labels=(
        Label(WALL, "wall", (200, 200, 200), "structure", "wall"),
        Label(FLOOR, "floor", (100, 100, 100), "structure", "floor"),
        Label(CHAIR, "chair", (200, 0, 0), "object"),
        Label(TABLE, "table", (0, 200, 0), "object"),
    ),
)
ROOM_SIZE_M = (4.0, 4.0, 2.5)
VOXEL_M = 0.1
SECOND_NS = 1_000_000_000
CAMERA = Intrinsics(fx=160.0, fy=160.0, cx=159.5, cy=119.5, width=320, height=240)

Triangles = tuple[np.ndarray, np.ndarray]


def quad(corner, along, across, steps=1) -> Triangles:
    """A parallelogram of ``steps`` × ``steps`` cells; its normal is along × across."""
    corner, along, across = (np.asarray(v, dtype=float) for v in (corner, along, across))
    u, v = np.meshgrid(np.linspace(0, 1, steps + 1), np.linspace(0, 1, steps + 1), indexing="ij")
    vertices = corner + u[..., None] * along + v[..., None] * across
    index = np.arange(u.size).reshape(u.shape)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    return vertices.reshape(-1, 3), faces


def joined(parts: list[Triangles]) -> Triangles:
    offsets = np.cumsum([0, *(len(vertices) for vertices, _ in parts[:-1])])
    vertices = np.concatenate([vertices for vertices, _ in parts])
    faces = np.concatenate([f + o for (_, f), o in zip(parts, offsets, strict=True)])
    return vertices, faces


def box_surface(lower, upper, steps=1) -> list[Triangles]:
    """Six sides of a box: bottom, top, then y low, y high, x low, x high; normals outward."""
    lower, upper = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    x, y, z = np.diag(upper - lower)
    return [
        quad(lower, y, x, steps),
        quad(lower + z, x, y, steps),
        quad(lower, x, z, steps),
        quad(lower + y, z, x, steps),
        quad(lower, z, y, steps),
        quad(lower + x, y, z, steps),
    ]


def truth_mesh(parts: list[tuple[Triangles, int, int]]) -> TruthMesh:
    """From (triangles, label, instance) of every part."""
    vertices, faces = joined([triangles for triangles, _, _ in parts])
    counts = [len(triangles[1]) for triangles, _, _ in parts]
    return TruthMesh(
        vertices_m=vertices.astype(np.float32),
        faces=faces.astype(np.int32),
        face_labels=np.repeat([label for _, label, _ in parts], counts).astype(np.uint8),
        face_instances=np.repeat([i for _, _, i in parts], counts).astype(np.uint16),
    )


def room_parts(size_m=ROOM_SIZE_M) -> list[tuple[Triangles, int, int]]:
    """An empty room from the origin: walls and ceiling ``WALL``, floor ``FLOOR``."""
    sides = box_surface((0, 0, 0), size_m)
    return [(side, FLOOR if i == 0 else WALL, 0) for i, side in enumerate(sides)]


def object_parts(box: BoundingBox, label: int, instance: int) -> list[tuple[Triangles, int, int]]:
    center, half = np.array(box.center_m), np.array(box.dimensions_m) / 2
    return [(side, label, instance) for side in box_surface(center - half, center + half)]


def room_grid(size_m=ROOM_SIZE_M, rooms=None) -> TruthGrid:
    """All free; voxels tile the room. ``rooms`` maps voxel centres (x, y, z) to room indices."""
    shape = tuple(round(side / VOXEL_M) for side in size_m)
    centres = [VOXEL_M * (np.arange(n) + 0.5) for n in shape]
    x, y, z = np.meshgrid(*centres, indexing="ij")
    room = np.zeros(shape) if rooms is None else rooms(x, y, z)
    return TruthGrid(
        origin_m=np.full(3, VOXEL_M / 2),
        voxel_size_m=VOXEL_M,
        free=np.ones(shape, dtype=bool),
        room=room.astype(np.int16),
    )


def one_room(objects: tuple[TruthObject, ...] = ()) -> GroundTruth:
    parts = room_parts()
    for obj in objects:
        parts += object_parts(obj.box, obj.label, obj.instance)
    return GroundTruth(
        label_space=LABELS,
        mesh=truth_mesh(parts),
        objects=objects,
        rooms=(TruthRoom(0, "room", 0),),
        grid=room_grid(),
    )


def two_halves() -> GroundTruth:
    """The same room, whose halves left and right of its middle are called two rooms."""
    return replace(
        one_room(),
        rooms=(TruthRoom(0, "left", 0), TruthRoom(1, "right", 0)),
        grid=room_grid(rooms=lambda x, y, z: (x > ROOM_SIZE_M[0] / 2).astype(int)),
    )


def look(position, forward) -> np.ndarray:
    """Camera pose at a position, looking along ``forward`` (not straight up or down)."""
    z = np.asarray(forward, dtype=float) / np.linalg.norm(forward)
    x = np.cross(z, [0, 0, 1.0])
    x = x / np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    pose[:3, 3] = position
    return pose


def trajectory(poses: list[np.ndarray]) -> Trajectory:
    stamps = SECOND_NS * np.arange(1, len(poses) + 1, dtype=np.int64)
    return Trajectory(stamps_ns=stamps, world_from_camera=np.array(poses).reshape(-1, 4, 4))


def all_round(positions=((1.0, 1.0, 1.25), (3.0, 3.0, 1.25))) -> Trajectory:
    """Looks in six directions, level and steeply up and down, from every position."""
    angles = np.radians(np.arange(0, 360, 60))
    return trajectory(
        [
            look(position, (np.cos(a), np.sin(a), tilt))
            for position in positions
            for tilt in (-1.5, 0.0, 1.5)
            for a in angles
        ]
    )


def semantic_mesh(triangles: Triangles, labels) -> SemanticMesh:
    vertices, faces = triangles
    zeros = np.zeros(len(vertices), dtype=np.int64)
    return SemanticMesh(
        vertices_m=vertices.astype(np.float32),
        faces=faces.astype(np.int32),
        normals=np.zeros((len(vertices), 3), np.float32),
        colors=np.zeros((len(vertices), 3), np.uint8),
        labels=np.broadcast_to(np.asarray(labels, dtype=np.uint8), len(vertices)).copy(),
        first_seen_ns=zeros,
        last_seen_ns=zeros,
    )


def copy_of_truth(truth: GroundTruth) -> SemanticMesh:
    """The true surface as a run's mesh; no two faces share a vertex, so labels are exact."""
    faces = truth.mesh.faces
    vertices = truth.mesh.vertices_m[faces].reshape(-1, 3)
    triangles = np.arange(len(vertices)).reshape(-1, 3)
    return semantic_mesh((vertices, triangles), np.repeat(truth.mesh.face_labels, 3))


def run_of(mesh=None, graph=None, path=None, max_depth_m=6.0) -> RunInputs:
    return RunInputs(
        graph=SceneGraph() if graph is None else graph,
        mesh=SemanticMesh.empty() if mesh is None else mesh,
        trajectory=all_round() if path is None else path,
        intrinsics=CAMERA,
        max_depth_m=max_depth_m,
        label_space=LABELS,
    )


def add_object(graph: SceneGraph, label: int, box: BoundingBox, **fields) -> NodeSymbol:
    symbol = graph.next_symbol("O")
    node = ObjectNode(
        position_m=box.center_m,
        first_seen_ns=0,
        last_seen_ns=0,
        label=label,
        name=LABELS.name_of(label),
        color=LABELS.color_of(label),
        box=box,
    )
    graph.add_node(symbol, replace(node, **fields))
    return symbol


def add_place(graph: SceneGraph, position_m, radius_m, room=None, **fields) -> NodeSymbol:
    symbol = graph.next_symbol("p")
    position = tuple(float(v) for v in position_m)
    node = PlaceNode(position_m=position, first_seen_ns=0, last_seen_ns=0, radius_m=float(radius_m))
    graph.add_node(symbol, replace(node, **fields))
    if room is not None:
        graph.set_parent(symbol, room, Edge(first_seen_ns=0, last_seen_ns=0))
    return symbol


def add_room(graph: SceneGraph, balls=()) -> NodeSymbol:
    """A room over places given as (position, radius)."""
    symbol = graph.next_symbol("R")
    node = RoomNode(
        position_m=(0.0, 0.0, 0.0),
        first_seen_ns=0,
        last_seen_ns=0,
        name=str(symbol),
        color=(0, 0, 0),
        box=BoundingBox((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    )
    graph.add_node(symbol, node)
    for position, radius in balls:
        add_place(graph, position, radius, room=symbol)
    return symbol


def walker_graph(
    stamps_s: Sequence[float], xs: Sequence[float], seen_s: Sequence[float] | None = None
) -> SceneGraph:
    """A person on a line along x, at ``stamps_s``; each node seen until ``seen_s``."""
    graph = SceneGraph()
    for i, (stamp, x) in enumerate(zip(stamps_s, xs, strict=True)):
        node = AgentNode(
            position_m=(float(x), 2.0, 1.0),
            first_seen_ns=int(stamp * SECOND_NS),
            last_seen_ns=int((seen_s[i] if seen_s else stamp) * SECOND_NS),
            stamp_ns=int(stamp * SECOND_NS),
            quat_wxyz=(1.0, 0.0, 0.0, 0.0),
        )
        graph.add_node(NodeSymbol("b", i), node)
    return graph
