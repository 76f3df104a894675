"""Worlds of boxes with known surfaces, and the free space a perfect mapper would find in them."""

import functools
from dataclasses import dataclass, replace

import numpy as np

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.freespace import FreeSpace
from hydra_mono.core.mesh import MeshUpdate, SemanticMesh
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.model.nodes import PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.places.layer import PlaceLayer, create_places
from hydra_mono.mapping.freespace.map import FreeSpaceMap

BLOCK_M = 0.8
CAMERA = Intrinsics(131.25, 131.25, 79.5, 59.5, 160, 120)
Position = tuple[float, float, float]
Box = tuple[Position, Position]


@dataclass(frozen=True)
class BoxWorld:
    """Solid boxes (lower corner, upper corner) inside a room with its lower corner at 0."""

    size_m: tuple[float, float, float]
    solids: tuple[Box, ...] = ()

    def distance_m(self, points_m: np.ndarray) -> np.ndarray:
        """Exact distance to the nearest surface, negative inside solids and outside the room."""
        inside = np.minimum(points_m, np.array(self.size_m) - points_m).min(axis=-1)
        for lower, upper in self.solids:
            gap = np.maximum(np.array(lower) - points_m, points_m - np.array(upper))
            out = np.linalg.norm(np.maximum(gap, 0), axis=-1)
            inside = np.minimum(inside, np.where(out > 0, out, gap.max(axis=-1)))
        return np.asarray(inside)

    def surface_points(self, spacing_m: float = 0.05) -> np.ndarray:
        """Points on the walls and on the boxes' sides that are in the open."""
        boxes = [((0.0, 0.0, 0.0), self.size_m), *self.solids]
        points = np.concatenate([_box_points(*box, spacing_m) for box in boxes])
        return points[np.abs(self.distance_m(points)) < 1e-6].astype(np.float32)

    def depth_m(self, world_from_camera: np.ndarray) -> np.ndarray:
        """Planar depth seen by ``CAMERA``: slab test of every ray with every box."""
        v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
        x, y = (u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy
        rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ world_from_camera[:3, :3].T
        rays = np.where(np.abs(rays) < 1e-9, 1e-9, rays)
        start = world_from_camera[:3, 3]
        depth = _through_box(start, rays, np.zeros(3), np.array(self.size_m))[1]
        for lower, upper in self.solids:
            enters, leaves = _through_box(start, rays, np.array(lower), np.array(upper))
            hits = (enters < leaves) & (enters > 0)
            depth = np.where(hits, np.minimum(depth, enters), depth)
        return depth.astype(np.float32)


def _through_box(
    start: np.ndarray, rays: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    a, b = (lower - start) / rays, (upper - start) / rays
    return np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)


def _box_points(lower: tuple[float, ...], upper: tuple[float, ...], spacing_m: float) -> np.ndarray:
    axes = [
        np.linspace(a, b, max(2, int(np.ceil((b - a) / spacing_m)) + 1))
        for a, b in zip(lower, upper, strict=True)
    ]
    sides = []
    for axis in range(3):
        for value in (lower[axis], upper[axis]):
            one = [*axes]
            one[axis] = np.array([value])
            sides.append(np.stack(np.meshgrid(*one, indexing="ij"), axis=-1).reshape(-1, 3))
    return np.unique(np.concatenate(sides), axis=0)


def two_rooms(door_m: float = 0.8) -> BoxWorld:
    """Rooms of 4 m × 4 m either side of a wall with a doorway 2 m high, y 1.5 to 1.5 + door."""
    wall = (4.0, 4.1)
    return BoxWorld(
        (8.1, 4.0, 2.6),
        (
            ((wall[0], 0.0, 0.0), (wall[1], 1.5, 2.6)),
            ((wall[0], 1.5 + door_m, 0.0), (wall[1], 4.0, 2.6)),
            ((wall[0], 1.5, 2.0), (wall[1], 1.5 + door_m, 2.6)),
        ),
    )


def furnished_room() -> BoxWorld:
    """A room with a wardrobe, a sofa and a table top on four legs."""
    legs = [((x, y, 0.0), (x + 0.06, y + 0.06, 0.7)) for x in (1.5, 2.64) for y in (1.2, 1.94)]
    return BoxWorld(
        (4.5, 4.0, 2.6),
        (
            ((0.0, 0.0, 0.0), (0.6, 1.6, 2.0)),
            ((1.2, 3.1, 0.0), (3.2, 4.0, 0.8)),
            ((1.5, 1.2, 0.7), (2.7, 2.0, 0.75)),
            *legs,
        ),
    )


def normals_of(world: BoxWorld, points_m: np.ndarray) -> np.ndarray:
    """Unit vectors into the open, from how the distance grows."""
    step = 1e-3 * np.eye(3)
    ahead = [world.distance_m(points_m + s) - world.distance_m(points_m - s) for s in step]
    gradient = np.stack(ahead, axis=-1)
    lengths = np.linalg.norm(gradient, axis=-1, keepdims=True)
    return np.asarray(gradient / np.maximum(lengths, 1e-9), dtype=np.float32)


def world_update(world: BoxWorld, stamp_ns: int = 0, empty: MeshUpdate | None = None) -> MeshUpdate:
    """The whole surface of the world, with normals."""
    points = world.surface_points()
    update = mesh_update(points, stamp_ns, empty)
    changed = {
        key: replace(mesh, normals=normals_of(world, mesh.vertices_m))
        for key, mesh in update.changed.items()
    }
    return replace(update, changed=changed)


def mesh_update(
    points_m: np.ndarray, stamp_ns: int = 0, empty: MeshUpdate | None = None
) -> MeshUpdate:
    """The points as vertices of blocks; the blocks of ``empty`` that have none come as empty."""
    keys = np.floor(points_m / BLOCK_M).astype(int)
    changed = dict.fromkeys(empty.changed, SemanticMesh.empty()) if empty else {}
    distinct, of = np.unique(keys, axis=0, return_inverse=True)
    for index, key in enumerate(distinct.tolist()):
        changed[tuple(key)] = _vertices(points_m[of == index])
    return MeshUpdate(stamp_ns=stamp_ns, block_size_m=BLOCK_M, changed=changed)


def _vertices(points_m: np.ndarray) -> SemanticMesh:
    n = len(points_m)
    return SemanticMesh(
        vertices_m=points_m.astype(np.float32),
        faces=np.zeros((0, 3), np.int32),
        normals=np.zeros((n, 3), np.float32),
        colors=np.zeros((n, 3), np.uint8),
        labels=np.zeros(n, np.uint8),
        first_seen_ns=np.zeros(n, np.int64),
        last_seen_ns=np.zeros(n, np.int64),
    )


def looking(position_m: Position, yaw: float, pitch: float = 0.0) -> np.ndarray:
    """A camera pose; yaw about z from the x axis, pitch downwards, radians."""
    forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), -np.sin(pitch)])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = position_m
    return pose


def look_round(position_m: Position) -> list[np.ndarray]:
    """Poses that see all round, and up and down."""
    return [
        looking(position_m, yaw, pitch)
        for pitch in (-0.9, 0.0, 0.9)
        for yaw in np.arange(0, 2 * np.pi, np.pi / 3)
    ]


def frame_of(world_from_camera: np.ndarray, depth_m: np.ndarray) -> tuple[Frame, Prediction]:
    frame = Frame(
        index=0,
        name="0",
        stamp_ns=0,
        world_from_camera=world_from_camera,
        intrinsics=CAMERA,
        rgb=np.zeros((*depth_m.shape, 3), np.uint8),
        depth_m=depth_m,
    )
    return frame, Prediction(depth_m)


def new_map() -> FreeSpaceMap:
    return FreeSpaceMap(voxel_size_m=0.1, max_distance_m=2.0, max_depth_m=8.0, window_radius_m=8.0)


def look_at_world(space: FreeSpaceMap, world: BoxWorld, *positions_m: Position) -> None:
    """Carves what cameras that turn about at the positions see."""
    for position in positions_m:
        for pose in look_round(position):
            space.carve(*frame_of(pose, world.depth_m(pose)))


@functools.cache
def free_space_of(world: BoxWorld, *positions_m: Position) -> FreeSpace:
    """The free space of a world all of whose surface was meshed, seen from the positions."""
    space = new_map()
    look_at_world(space, world, *positions_m)
    return space.update(world_update(world), np.array(positions_m[0]))


def new_places() -> PlaceLayer:
    return create_places()


def places_of(graph: SceneGraph) -> dict[NodeSymbol, PlaceNode]:
    return {s: n for s, n in graph.nodes(Layer.PLACES) if isinstance(n, PlaceNode)}
