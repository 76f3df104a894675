"""Visits to simulated homes: graph and mesh as runs leave them, made from the truth."""

from dataclasses import replace
from functools import cache

import numpy as np
from helpers_worlds import LABELS, TIMES, object_node
from scipy.spatial import KDTree

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.align.transform import moved_points, turned_vectors, yaw_of
from hydra_mono.graph.align.views import MapView, view_of
from hydra_mono.graph.model.nodes import PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.simulation.scene import World, build_world
from hydra_mono.simulation.shapes import SceneObject, Surface, concatenate, object_surface

PER_M2 = 150  # surface points: nearly one for every cell of 10 cm that is looked at
NOISE_M = 0.01  # of surfaces of runs with depth
STEP_M = 0.4  # between places
EYE_M = 1.2  # of places above the floor


@cache
def home(seed: int, rooms: int = 3) -> World:
    """A furnished home with its surface."""
    return build_world(np.random.default_rng([3, seed]), LABELS, rooms=rooms, joints=0)


def visit(
    seed: int,
    world_from_home: np.ndarray | None = None,
    *,
    moved_share: float = 0.0,
    rooms: int = 3,
    seen_rooms: int | None = None,
    draw: int = 0,
) -> tuple[SceneGraph, SemanticMesh]:
    """A map of a home. ``moved_share``: of its objects, carried elsewhere in their room.

    ``seen_rooms``: only the first so many rooms; the rest was not visited.
    """
    world, rng = home(seed, rooms), np.random.default_rng([4, seed, draw])
    pose = np.eye(4) if world_from_home is None else world_from_home
    objects = [carried(rng, world, o) if rng.random() < moved_share else o for o in world.objects]
    points, normals = _sampled(rng, surface_of(world, objects))
    centers, radii = _places(world, points)
    seen = world.plan.rooms[: seen_rooms or len(world.plan.rooms)]
    kept = _within(points, seen, 0.05)
    points, normals = points[kept] + rng.normal(0, NOISE_M, (int(kept.sum()), 3)), normals[kept]
    inside = _within(centers, seen, 0.0)
    graph = SceneGraph()
    for number, (center, radius) in enumerate(
        zip(moved_points(pose, centers[inside]).tolist(), radii[inside].tolist(), strict=True)
    ):
        node = PlaceNode(**TIMES, position_m=tuple(center), radius_m=radius)
        graph.add_node(NodeSymbol("p", number), node)
    for obj in objects:
        if _within(np.array([obj.box.center_m]), seen, 0.0)[0]:
            graph.add_node(
                NodeSymbol("O", obj.instance),
                object_node(obj.label, moved_box(pose, obj.box)),
            )
    return graph, _mesh(moved_points(pose, points), turned_vectors(pose, normals))


def view(*args, **options) -> MapView:
    """What ``align`` is given of a visit."""
    graph, mesh = visit(*args, **options)
    return view_of(graph, mesh, LABELS)


def moved_box(pose: np.ndarray, box: BoundingBox) -> BoundingBox:
    center = moved_points(pose, np.array([box.center_m]))[0]
    return BoundingBox(tuple(center.tolist()), box.dimensions_m, box.yaw_rad + yaw_of(pose))


def carried(rng: np.random.Generator, world: World, obj: SceneObject) -> SceneObject:
    """The object somewhere else in its room, turned."""
    inside = [r for r in world.plan.rooms if _within(np.array([obj.box.center_m]), [r], 0)[0]]
    low, high = np.array(inside[0].lower_m) + 0.4, np.array(inside[0].upper_m) - 0.4
    x, y = rng.uniform(low, np.maximum(high, low + 0.01)).tolist()
    return replace(obj.at((x, y, obj.position_m[2]), float(rng.uniform(0, 6.28))))


def surface_of(world: World, objects: list[SceneObject]) -> Surface:
    surface = world.surface
    fixed = ~np.isin(surface.instances, [obj.instance for obj in world.objects])
    bare = replace(
        surface,
        faces=surface.faces[fixed],
        uv_m=surface.uv_m[fixed],
        materials=surface.materials[fixed],
        labels=surface.labels[fixed],
        instances=surface.instances[fixed],
    )
    return concatenate([bare, *(object_surface(obj, world.palette.index) for obj in objects)])


def _sampled(rng: np.random.Generator, surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Points spread evenly over the triangles, and their normals."""
    a, b, c = (surface.vertices_m[surface.faces[:, i]] for i in range(3))
    cross = np.cross(b - a, c - a)
    area = np.linalg.norm(cross, axis=1) / 2
    counts = rng.poisson(area * PER_M2)
    face = np.repeat(np.arange(len(area)), counts)
    u, v = rng.random((2, len(face), 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    points = a[face] + u * (b - a)[face] + v * (c - a)[face]
    return points, (cross / np.maximum(2 * area, 1e-12)[:, None])[face]


def _places(world: World, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    grids = []
    for room in world.plan.rooms:
        axes = [
            np.arange(a + STEP_M / 2, b, STEP_M)
            for a, b in zip(room.lower_m, room.upper_m, strict=True)
        ]
        x, y = np.meshgrid(*axes)
        grids.append(np.column_stack([x.ravel(), y.ravel(), np.full(x.size, room.floor_m + EYE_M)]))
    centers = np.concatenate(grids)
    radii, _ = KDTree(points).query(centers)
    return centers[radii > 0.3], np.minimum(radii, EYE_M)[radii > 0.3]


def _within(points: np.ndarray, rooms, margin_m: float) -> np.ndarray:
    inside = np.zeros(len(points), bool)
    for room in rooms:
        low = np.array([*room.lower_m, room.floor_m]) - margin_m
        high = np.array([*room.upper_m, room.ceiling_m]) + margin_m
        inside |= np.all((points >= low) & (points <= high), axis=1)
    return inside


def _mesh(points: np.ndarray, normals: np.ndarray) -> SemanticMesh:
    count = len(points)
    return SemanticMesh(
        vertices_m=points.astype(np.float32),
        faces=np.zeros((0, 3), np.int32),
        normals=normals.astype(np.float32),
        colors=np.zeros((count, 3), np.uint8),
        labels=np.zeros(count, np.uint8),
        first_seen_ns=np.zeros(count, np.int64),
        last_seen_ns=np.zeros(count, np.int64),
    )
