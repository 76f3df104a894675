"""Floor plans made of boxes: their mesh, the places in them and the rooms they really have."""

import math
from dataclasses import dataclass, field

import numpy as np
from helpers_graph import keyframe
from scipy import ndimage

from hydra_mono.core.config import RoomsConfig
from hydra_mono.core.labels import NO_LABELS, Label, LabelSpace
from hydra_mono.core.mesh import BlockMesh, MeshUpdate, SemanticMesh
from hydra_mono.graph.model.nodes import Edge, PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.rooms.layer import RoomLayer, create_rooms
from hydra_mono.graph.walls.layer import create_walls

VOXEL = 0.05
BLOCK = 0.8
THICK = 0.15  # m of wall
EYE_M = 1.6  # height of the camera
LABELS = LabelSpace(
    name="plan",
    labels=(
        Label(1, "wall", (200, 200, 200), "structure", "wall"),
        Label(2, "floor", (150, 120, 90), "structure", "floor"),
        Label(3, "ceiling", (240, 240, 240), "structure", "ceiling"),
        Label(4, "door", (120, 80, 40), "structure", "door"),
        Label(12, "wardrobe", (90, 60, 40), "object"),
    ),
)
WALL, FLOOR, CEILING, DOOR, WARDROBE = 1, 2, 3, 4, 12

Rect = tuple[float, float, float, float]


@dataclass
class World:
    """Rooms are rectangles (x0, y0, x1, y1) of air; whatever lies between them is wall."""

    rooms: list[Rect]
    floor_m: float = 0.0
    height_m: float = 2.5
    openings: list[tuple[Rect, float]] = field(default_factory=list)
    furniture: list[tuple[Rect, float, int]] = field(default_factory=list)

    def open(self, rect: Rect, top_m: float = 2.05) -> "World":
        """A hole in a wall from the floor up to ``top_m`` above it."""
        self.openings.append((rect, top_m))
        return self

    def put(self, rect: Rect, top_m: float, label: int = WARDROBE) -> "World":
        """A solid box standing on the floor."""
        self.furniture.append((rect, top_m, label))
        return self


class Built:
    """Voxels of one storey: label of the solid, 0 for air; index from ``lower_m``."""

    def __init__(self, world: World) -> None:
        self.world = world
        rects = np.array(world.rooms)
        margin = 0.3
        self.lower_m = np.array([*(rects[:, :2].min(axis=0) - margin), world.floor_m - 0.2])
        upper = np.array([*(rects[:, 2:].max(axis=0) + margin), world.floor_m + world.height_m])
        self.solid = np.full(np.round((upper + 0.2 - self.lower_m) / VOXEL).astype(int), WALL)
        for rect in world.rooms:
            self._fill(rect, (0, world.height_m), 0)
        for rect, top in world.openings:
            self._fill(rect, (0, min(top, world.height_m)), 0)
        self._mark_level_surfaces()
        for rect, top, label in world.furniture:
            self._fill(rect, (0, top), label)

    def _fill(self, rect: Rect, heights: tuple[float, float], label: int) -> None:
        x0, y0, x1, y1 = rect
        low = np.array([x0, y0, self.world.floor_m + heights[0]]) - self.lower_m
        high = np.array([x1, y1, self.world.floor_m + heights[1]]) - self.lower_m
        a, b = np.round(low / VOXEL).astype(int), np.round(high / VOXEL).astype(int)
        self.solid[a[0] : b[0], a[1] : b[1], a[2] : b[2]] = label

    def _mark_level_surfaces(self) -> None:
        air = self.solid == 0
        self.solid[:, :, :-1][air[:, :, 1:] & ~air[:, :, :-1]] = FLOOR
        ceiling = air[:, :, :-1] & ~air[:, :, 1:]
        top = self.world.floor_m + self.world.height_m - 0.1 - self.lower_m[2]
        ceiling[:, :, : round(top / VOXEL) - 1] = False
        self.solid[:, :, 1:][ceiling] = CEILING

    def vertices(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points on faces between solid and air, normals into the air, labels of the solid."""
        points, normals, labels = [], [], []
        air = self.solid == 0
        for axis in range(3):
            for sign in (-1, 1):
                open_face = ~air & np.roll(air, -sign, axis=axis)
                cells = np.argwhere(open_face)
                step = np.zeros(3)
                step[axis] = sign
                points.append(self.lower_m + (cells + 0.5 + step / 2) * VOXEL)
                normals.append(np.tile(step, (len(cells), 1)))
                labels.append(self.solid[open_face])
        return np.concatenate(points), np.concatenate(normals), np.concatenate(labels)

    def _clearance_m(self) -> np.ndarray:
        """Distance to the nearest surface at 1.2 m above the floor."""
        level = round((self.world.floor_m + 1.2 - self.lower_m[2]) / VOXEL)
        plane = ndimage.distance_transform_edt(self.solid[:, :, level] == 0, sampling=VOXEL)
        return np.minimum(plane, min(1.2, self.world.height_m - 1.2))

    def places(self, spacing_m: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
        """Centres and radii of balls of air 1.2 m above the floor, widest first."""
        plane = self._clearance_m()
        ridge = plane >= ndimage.maximum_filter(plane, size=5) - 0.03
        cells = np.argwhere(ridge & (plane > 0.25))
        order = np.lexsort((cells[:, 1], cells[:, 0], -plane[tuple(cells.T)]))
        left, chosen = cells[order], []
        while len(left):
            chosen.append(left[0])
            left = left[np.hypot(*(left - left[0]).T) * VOXEL >= spacing_m]
        picked = np.array(chosen)
        heights = np.full(len(picked), self.world.floor_m + 1.2)
        plan = self.lower_m[:2] + (picked + 0.5) * VOXEL
        return np.column_stack([plan, heights]), plane[tuple(picked.T)]

    def links(self, centers: np.ndarray, radii: np.ndarray) -> list[tuple[int, int, float]]:
        """Pairs of touching balls with the least clearance along the straight line."""
        plane = self._clearance_m()
        apart = np.linalg.norm(centers[:, None] - centers[None, :], axis=2)
        pairs = np.argwhere(np.triu(apart < radii[:, None] + radii[None, :], k=1))
        steps = np.linspace(0, 1, 41)[:, None]
        ends = centers[pairs][:, :, None, :2]
        cells = np.floor(
            (ends[:, 0] + steps * (ends[:, 1] - ends[:, 0]) - self.lower_m[:2]) / VOXEL
        )
        least = plane[tuple(np.moveaxis(cells.astype(int), -1, 0))].min(axis=1)
        found = zip(pairs.tolist(), least.tolist(), strict=True)
        return [(a, b, clearance) for (a, b), clearance in found if clearance > 0.2]


class Explorer:
    """Feeds worlds to a room layer, all at once or piece by piece."""

    def __init__(self, *worlds: World, labelled: bool = True, yaw_deg: float = 0.0) -> None:
        self.graph = SceneGraph()
        self.mesh = BlockMesh()
        self.walls = create_walls(RoomsConfig(), LABELS if labelled else NO_LABELS)
        self.layer: RoomLayer = create_rooms(RoomsConfig())
        self.stamp_ns = 0
        self.built = [Built(world) for world in worlds]
        yaw = math.radians(yaw_deg)
        self.turn = np.array(
            [[math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1.0]]
        )
        self.labelled = labelled
        self.truth: dict[NodeSymbol, int] = {}
        self._gather()

    def _gather(self) -> None:
        parts = [built.vertices() for built in self.built]
        points, normals, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        points, normals = points @ self.turn.T, normals @ self.turn.T
        keys = np.floor(points / BLOCK).astype(int)
        blocks, owner = np.unique(keys, axis=0, return_inverse=True)
        self.blocks = {}
        for i, key in enumerate(blocks.tolist()):
            chosen = owner == i
            shown = labels[chosen] if self.labelled else np.zeros(int(chosen.sum()))
            self.blocks[tuple(key)] = _mesh(points[chosen], normals[chosen], shown)
        self.centers, self.radii, self.links, self.rooms = [], [], [], []
        for built in self.built:
            centers, radii = built.places()
            first, rooms_before = len(self.radii), len(set(self.rooms))
            self.links += [(a + first, b + first, w) for a, b, w in built.links(centers, radii)]
            self.rooms += [_room_at(built.world, c) + rooms_before for c in centers]
            self.centers += list(centers @ self.turn.T)
            self.radii += list(radii)

    def see(self, lower: tuple[float, float] = (-99, -99), upper: tuple[float, float] = (99, 99)):
        """One update with everything inside a box seen from above active, all else archived."""
        self.stamp_ns += 1_000_000_000
        inside = [bool(np.all(c[:2] >= lower) and np.all(c[:2] <= upper)) for c in self.centers]
        for i, seen in enumerate(inside):
            self._show(i, seen)
        for a, b, weight in self.links:
            ends = NodeSymbol("p", a), NodeSymbol("p", b)
            known = all(self.graph.has_node(end) for end in ends)
            if known and not self.graph.has_edge(*ends):
                stamp = self.stamp_ns
                edge = Edge(first_seen_ns=stamp, last_seen_ns=stamp, weight=weight)
                self.graph.add_edge(*ends, edge)
        self.plan = self.walls.update(self._mesh_update(lower, upper), EYE_M)
        self.layer.update(self.graph, keyframe(self.stamp_ns), self.plan)
        return self

    def hide(self, span_m: tuple[float, float]) -> "Explorer":
        """Leaves out the links that touch a stretch along x, until ``reveal``."""
        self.all_links = self.links
        self.links = [
            link
            for link in self.links
            if not any(span_m[0] < self.centers[end][0] < span_m[1] for end in link[:2])
        ]
        return self

    def reveal(self) -> "Explorer":
        self.links = self.all_links
        return self

    def _show(self, i: int, seen: bool) -> None:
        symbol = NodeSymbol("p", i)
        if self.graph.has_node(symbol):
            self.graph.update_node(symbol, is_active=seen)
        elif seen:
            x, y, z = self.centers[i].tolist()
            node = PlaceNode(
                position_m=(x, y, z),
                first_seen_ns=self.stamp_ns,
                last_seen_ns=self.stamp_ns,
                radius_m=float(self.radii[i]),
            )
            self.graph.add_node(symbol, node)
            self.truth[symbol] = self.rooms[i]

    def _mesh_update(self, lower: tuple[float, float], upper: tuple[float, float]) -> MeshUpdate:
        def near(key: tuple[int, int, int]) -> bool:
            middle = (np.array(key[:2]) + 0.5) * BLOCK
            return bool(
                np.all(middle >= np.array(lower) - 1) and np.all(middle <= np.array(upper) + 1)
            )

        changed = {key: mesh for key, mesh in self.blocks.items() if near(key)}
        update = MeshUpdate(stamp_ns=self.stamp_ns, block_size_m=BLOCK, changed=changed)
        self.mesh.apply(update)
        return update

    def partition(self) -> set[frozenset[NodeSymbol]]:
        """The rooms found, as sets of places."""
        rooms = self.graph.symbols(Layer.ROOMS)
        return {frozenset(self.graph.children(room)) for room in rooms}

    def room_count(self) -> int:
        return self.graph.count(Layer.ROOMS)

    def purity(self) -> tuple[float, float]:
        """Mean over found rooms of the share of one true room, and the other way round."""
        return _purity(list(self.partition()), self.truth)


def _mesh(points: np.ndarray, normals: np.ndarray, labels: np.ndarray) -> SemanticMesh:
    count = len(points)
    return SemanticMesh(
        vertices_m=points.astype(np.float32),
        faces=np.zeros((0, 3), np.int32),
        normals=normals.astype(np.float32),
        colors=np.zeros((count, 3), np.uint8),
        labels=labels.astype(np.uint8),
        first_seen_ns=np.zeros(count, np.int64),
        last_seen_ns=np.zeros(count, np.int64),
    )


def _room_at(world: World, point: np.ndarray) -> int:
    """The room a point lies in; in a doorway, the nearest."""

    def distance(rect: Rect) -> float:
        x0, y0, x1, y1 = rect
        aside = max(x0 - point[0], point[0] - x1, 0)
        return float(np.hypot(aside, max(y0 - point[1], point[1] - y1, 0)))

    return int(np.argmin([distance(rect) for rect in world.rooms]))


def _purity(
    found: list[frozenset[NodeSymbol]], truth: dict[NodeSymbol, int]
) -> tuple[float, float]:
    true_rooms = [
        {place for place, room in truth.items() if room == index} for index in set(truth.values())
    ]
    precision = [max(len(f & t) for t in true_rooms) / len(f) for f in found]
    recall = [max((len(f & t) for f in found), default=0) / len(t) for t in true_rooms]
    return float(np.mean(precision)), float(np.mean(recall))
