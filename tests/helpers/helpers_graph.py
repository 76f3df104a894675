"""Hand-made meshes of boxes on a floor, and small scene graphs, with known truth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.freespace import FreeSpace
from hydra_mono.core.labels import Label, LabelSpace
from hydra_mono.core.map.keyframe import Instant, KeyframeInput
from hydra_mono.core.mesh import BlockKey, BlockMesh, MeshUpdate, SemanticMesh, concatenate
from hydra_mono.graph.model.looks import Seen
from hydra_mono.graph.model.nodes import Edge, ObjectNode, PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer
from hydra_mono.graph.objects.layer import ObjectLayer

SPACING_M = 0.05
BLOCK_M = 0.4
SECOND_NS = 1_000_000_000
WALL, FLOOR, CHAIR, TABLE, CABINET, BIN = 1, 2, 7, 8, 11, 24

LABELS = LabelSpace(
    name="test",
    labels=(
        Label(WALL, "wall", (200, 200, 190), "structure", "wall"),
        Label(FLOOR, "floor", (152, 118, 84), "structure", "floor"),
        Label(CHAIR, "chair", (230, 25, 75), "movable", least_width_m=0.4),
        Label(TABLE, "table", (60, 120, 40), "object"),
        Label(CABINET, "cabinet", (245, 130, 49), "object"),
        Label(BIN, "bin", (128, 128, 0), "movable"),
    ),
)

_FACES = {
    "left": (0, -1),
    "right": (0, 1),
    "front": (1, -1),
    "back": (1, 1),
    "bottom": (2, -1),
    "top": (2, 1),
}
SIDES = ("left", "right", "front", "back", "top")


def box_mesh(
    box: BoundingBox, label: int, sides: Sequence[str] = SIDES, stamp_ns: int = 0
) -> SemanticMesh:
    """The named sides of a box, sampled every 5 cm or a little less."""
    parts = [_side(box, *_FACES[side]) for side in sides]
    return concatenate(
        _mesh(points, faces, normal, label, stamp_ns) for points, faces, normal in parts
    )


def wall_mesh(x: float, lower_y: float, upper_y: float, height_m: float = 1.5) -> SemanticMesh:
    """A wall across x that faces -x, from the floor up."""
    center, size = (x, (lower_y + upper_y) / 2, height_m / 2), (0.0, upper_y - lower_y, height_m)
    return box_mesh(BoundingBox(center, size), WALL, ("left",))


def floor_mesh(
    lower: tuple[float, float], upper: tuple[float, float], stamp_ns: int = 0
) -> SemanticMesh:
    """A level patch at height 0."""
    size = (upper[0] - lower[0], upper[1] - lower[1], 0.0)
    center = ((lower[0] + upper[0]) / 2, (lower[1] + upper[1]) / 2, 0.0)
    return box_mesh(BoundingBox(center, size), FLOOR, ("top",), stamp_ns)


def standing_box(
    x: float, y: float, size: tuple[float, float, float], yaw_rad: float = 0.0, z: float = 0.0
) -> BoundingBox:
    return BoundingBox((x, y, z + size[2] / 2), size, yaw_rad)


def _side(box: BoundingBox, axis: int, sign: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces and outward normal of one side, in the world."""
    others = [a for a in range(3) if a != axis]
    counts = [max(2, int(np.ceil(box.dimensions_m[a] / SPACING_M)) + 1) for a in others]
    steps = [
        np.linspace(-box.dimensions_m[a] / 2, box.dimensions_m[a] / 2, n)
        for a, n in zip(others, counts, strict=True)
    ]
    local = np.zeros((counts[0] * counts[1], 3))
    local[:, others[0]] = np.repeat(steps[0], counts[1])
    local[:, others[1]] = np.tile(steps[1], counts[0])
    local[:, axis] = sign * box.dimensions_m[axis] / 2
    cos, sin = np.cos(box.yaw_rad), np.sin(box.yaw_rad)
    world_from_box = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    normal = world_from_box[:, axis] * sign
    return local @ world_from_box.T + box.center_m, _grid_faces(*counts), normal


def _grid_faces(rows: int, columns: int) -> np.ndarray:
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[:-1, 1:], index[1:, 1:]
    quads = [np.stack([a, b, c], -1), np.stack([b, d, c], -1)]
    return np.concatenate([quad.reshape(-1, 3) for quad in quads])


def _mesh(
    points: np.ndarray, faces: np.ndarray, normal: np.ndarray, label: int, stamp_ns: int
) -> SemanticMesh:
    count = len(points)
    return SemanticMesh(
        vertices_m=points.astype(np.float32),
        faces=faces.astype(np.int32),
        normals=np.tile(normal, (count, 1)).astype(np.float32),
        colors=np.zeros((count, 3), np.uint8),
        labels=np.full(count, label, np.uint8),
        first_seen_ns=np.full(count, stamp_ns, np.int64),
        last_seen_ns=np.full(count, stamp_ns, np.int64),
    )


def noisy(mesh: SemanticMesh, sigma_m: float, seed: int) -> SemanticMesh:
    """The same surface with every vertex off by a little, along its normal."""
    offset = np.random.default_rng(seed).normal(0, sigma_m, (len(mesh), 1))
    return replace(mesh, vertices_m=(mesh.vertices_m + offset * mesh.normals).astype(np.float32))


def blocks_of(mesh: SemanticMesh) -> dict[BlockKey, SemanticMesh]:
    """The mesh cut into blocks of ``BLOCK_M`` by the first corner of each triangle."""
    corner = np.floor(mesh.vertices_m[mesh.faces[:, 0]] / BLOCK_M).astype(int)
    keys, block_of = np.unique(corner, axis=0, return_inverse=True)
    order = np.argsort(block_of.ravel(), kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(block_of.ravel()))[:-1])
    return {
        (int(i), int(j), int(k)): _submesh(mesh, part)
        for (i, j, k), part in zip(keys, parts, strict=True)
    }


def _submesh(mesh: SemanticMesh, triangles: np.ndarray) -> SemanticMesh:
    used, corners = np.unique(mesh.faces[triangles], return_inverse=True)
    return SemanticMesh(
        vertices_m=mesh.vertices_m[used],
        faces=corners.reshape(-1, 3).astype(np.int32),
        normals=mesh.normals[used],
        colors=mesh.colors[used],
        labels=mesh.labels[used],
        first_seen_ns=mesh.first_seen_ns[used],
        last_seen_ns=mesh.last_seen_ns[used],
    )


@dataclass
class ObjectWorld:
    """An object layer, its graph and the mesh they see; every ``show`` is one keyframe.

    ``looks``: rays are cast at the objects before, and tell whether their surface is still there.
    """

    layer: ObjectLayer
    graph: SceneGraph
    mesh: BlockMesh
    stamp_ns: int = 0
    looks: bool = True

    def show(self, *meshes: SemanticMesh, archived: Iterable[BlockKey] = ()) -> None:
        """The whole mesh is now this: changed blocks are told, and those that are gone."""
        self.stamp_ns += SECOND_NS
        blocks = blocks_of(concatenate(meshes))
        old = dict(self.mesh.active_blocks())
        changed = {key: mesh for key, mesh in blocks.items() if not _equal(mesh, old.get(key))}
        changed |= {key: SemanticMesh.empty() for key in old if key not in blocks}
        self._apply(MeshUpdate(self.stamp_ns, BLOCK_M, changed, tuple(sorted(archived))))

    def archive_everything(self) -> None:
        self.stamp_ns += SECOND_NS
        keys = tuple(key for key, _ in self.mesh.active_blocks())
        self._apply(MeshUpdate(self.stamp_ns, BLOCK_M, {}, keys))

    def _apply(self, update: MeshUpdate) -> None:
        self.mesh.apply(update)
        if self.looks:
            self._look()
        self.layer.update(self.graph, keyframe(self.stamp_ns, update=update, mesh=self.mesh))

    def _look(self) -> None:
        vertices_m = self.mesh.whole_mesh().vertices_m.astype(np.float64)
        for symbol, node in self.graph.nodes(Layer.OBJECTS):
            assert isinstance(node, ObjectNode)
            left = np.count_nonzero(node.box.contains(vertices_m))
            seen = Seen.PRESENT if left > 0.3 * node.vertex_count else Seen.ABSENT
            self.graph.looks.add(symbol, self.stamp_ns, seen)

    @property
    def objects(self) -> dict[str, ObjectNode]:
        """Every object node by its id, those found gone too."""
        nodes = self.graph.nodes(Layer.OBJECTS)
        return {str(symbol): node for symbol, node in nodes if isinstance(node, ObjectNode)}


def _equal(a: SemanticMesh, b: SemanticMesh | None) -> bool:
    return b is not None and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in SemanticMesh.__slots__
    )


def object_world(**settings: float) -> ObjectWorld:
    return ObjectWorld(ObjectLayer(LABELS, **settings), SceneGraph(), BlockMesh())


NOTHING = FreeSpace(
    voxel_size_m=0.1,
    max_distance_m=2.0,
    lower=np.zeros(3, np.int32),
    observed_free=np.zeros((0, 0, 0), bool),
    distance_m=np.zeros((0, 0, 0), np.float32),
    parent=np.zeros((0, 0, 0, 3), np.int32),
    changed_lower=np.zeros(3, np.int32),
    changed_upper=np.zeros(3, np.int32),
)


def keyframe(
    stamp_ns: int,
    *,
    update: MeshUpdate | None = None,
    mesh: BlockMesh | None = None,
    free_space: FreeSpace = NOTHING,
) -> KeyframeInput:
    """What one stage of the graph needs of a keyframe; nothing of all else."""
    return KeyframeInput(
        at=Instant(stamp_ns, np.eye(4)),
        mesh_update=update or MeshUpdate(stamp_ns, BLOCK_M, {}),
        mesh=(mesh or BlockMesh()).snapshot(),
        free_space=free_space,
    )


def place(x: float, y: float, z: float, radius_m: float, is_active: bool = True) -> PlaceNode:
    return PlaceNode(
        position_m=(x, y, z),
        first_seen_ns=0,
        last_seen_ns=0,
        radius_m=radius_m,
        is_active=is_active,
    )


def object_node(box: BoundingBox, label: int = TABLE, stamp_ns: int = 0) -> ObjectNode:
    return ObjectNode(
        position_m=box.center_m,
        first_seen_ns=stamp_ns,
        last_seen_ns=stamp_ns,
        label=label,
        name=LABELS.name_of(label),
        color=LABELS.color_of(label),
        box=box,
    )


def edge(first_seen_ns: int = 0) -> Edge:
    return Edge(first_seen_ns=first_seen_ns, last_seen_ns=first_seen_ns)


FLOOR_PATCH = floor_mesh((-0.2, -0.2), (1.6, 1.4))
DESK = standing_box(0.6, 0.6, (1.0, 0.6, 0.7))
