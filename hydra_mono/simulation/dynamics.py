"""What changes while the camera walks: people who walk about, objects that come or go."""

import math

import numpy as np
from jaxtyping import Float64, Int64

from hydra_mono.simulation.body import Body
from hydra_mono.simulation.building.walkable import (
    CELL_M,
    WalkMap,
    find_path,
    make_walk_map,
    resampled,
)
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import Part, SceneObject, make_object

PERSON_SPEED_M_S = 0.9
PERSONAL_SPACE_M = 1.3  # nearer to the camera than this, a person goes back
MOVABLE = ("chair", "box", "bin", "plant", "stool", "bench")


def moved_objects(
    rng: np.random.Generator,
    world: World,
    camera_positions_m: Float64[np.ndarray, "n 3"],
    stamps_ns: Int64[np.ndarray, " n"],
    count: int,
) -> list[Body]:
    """Objects carried away or brought in the middle of the walk, when the camera is far off."""
    free = [t for t in world.objects if t.name in MOVABLE and _on_floor(world, t)]
    chosen = rng.permutation(len(free))[:count]
    bodies = []
    for turn, index in enumerate(sorted(int(i) for i in chosen)):
        obj = free[index]
        first, last = len(stamps_ns) * 3 // 10, max(len(stamps_ns) * 7 // 10, 1)
        away = np.linalg.norm(camera_positions_m[first:last] - obj.position_m, axis=1)
        stamp = int(stamps_ns[first + int(np.argmax(away))])
        bodies.append(Body(obj, leaves_ns=stamp) if turn % 2 == 0 else Body(obj, appears_ns=stamp))
    return bodies


def _on_floor(world: World, obj: SceneObject) -> bool:
    return any(abs(obj.position_m[2] - floor) < 0.01 for floor in world.plan.floors_m)


def people(
    rng: np.random.Generator,
    world: World,
    camera_positions_m: Float64[np.ndarray, "n 3"],
    stamps_ns: Int64[np.ndarray, " n"],
    count: int,
) -> list[Body]:
    """People who wander from spot to spot and keep out of the camera's path.

    The first is on storey 0, the next on storey 1 and so on round; nobody takes the stairs.
    """
    objects, storeys = (*world.fixed, *world.objects), range(world.plan.storeys)
    maps = [make_walk_map(world.plan, objects, storey) for storey in storeys]
    label = next(label.id for label in world.labels.labels if label.kind == "agent")
    bodies = []
    for number in range(count):
        walk_map = maps[number % len(maps)]
        path = _wander(rng, walk_map, length_m=60.0)
        steps = _paced(path, camera_positions_m[:, :2], stamps_ns)
        ahead = _along(path, steps + 6) - _along(path, steps - 6)
        figure = make_object(f"person {number + 1}", label, _figure(rng))
        bodies.append(
            Body(
                obj=SceneObject(
                    figure.name, label, len(world.objects) + 1 + number, figure.parts, figure.size_m
                ),
                stamps_ns=stamps_ns,
                positions_m=np.column_stack(
                    [_along(path, steps), np.full(len(steps), walk_map.floor_m)]
                ),
                yaws_rad=np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0])) - math.pi / 2,
                kind="person",
            )
        )
    return bodies


def _wander(
    rng: np.random.Generator, walk_map: WalkMap, length_m: float
) -> Float64[np.ndarray, "n 2"]:
    cells = np.argwhere(walk_map.reachable() & (walk_map.clearance_m > 0.35))
    spots = walk_map.origin_m + cells * CELL_M
    spot = spots[int(rng.integers(len(spots)))]
    paths = [spot[None]]
    while sum(map(len, paths)) * CELL_M < length_m:
        goal = spots[int(rng.integers(len(spots)))]
        paths.append(find_path(walk_map, spot, goal)[1:])
        spot = goal
    return resampled(np.concatenate(paths), CELL_M)


def _paced(
    path: Float64[np.ndarray, "n 2"],
    camera_m: Float64[np.ndarray, "f 2"],
    stamps_ns: Int64[np.ndarray, " f"],
) -> Float64[np.ndarray, " f"]:
    """Where on the path, in points, at each stamp: to and fro, back when the camera is close."""
    place, direction = 0.0, 1
    steps = np.zeros(len(stamps_ns))
    seconds = np.diff(stamps_ns, prepend=stamps_ns[:1]) / 1e9
    for i, camera in enumerate(camera_m):
        stride = PERSON_SPEED_M_S * seconds[i] / CELL_M
        here = float(np.linalg.norm(path[int(place)] - camera))
        after = int(np.clip(place + direction * max(stride, 6), 0, len(path) - 1))
        if here < PERSONAL_SPACE_M and np.linalg.norm(path[after] - camera) < here:
            direction = -direction
        place = place + direction * stride
        if not 0 <= place <= len(path) - 1:
            place, direction = float(np.clip(place, 0, len(path) - 1)), -direction
        steps[i] = place
    return steps


def _along(
    path: Float64[np.ndarray, "n 2"], steps: Float64[np.ndarray, " f"]
) -> Float64[np.ndarray, "f 2"]:
    """Points between the path's points; its ends where ``steps`` goes beyond them."""
    numbers = np.arange(len(path))
    return np.stack([np.interp(steps, numbers, axis) for axis in path.T], axis=1)


def _figure(rng: np.random.Generator) -> list[Part]:
    height = float(rng.uniform(1.6, 1.85))
    hip, neck = 0.48 * height, 0.84 * height
    shirt, trousers = f"fabric{rng.integers(8)}", f"fabric{rng.integers(8)}"
    limbs = []
    for side in (-1, 1):
        limbs.append(Part("cylinder", (side * 0.1, 0, hip / 2), (0.15, 0.15, hip), trousers))
        arm = (0.1, 0.1, neck - hip)
        limbs.append(Part("cylinder", (side * 0.26, 0, (hip + neck) / 2), arm, shirt))
    head = height - neck
    return [
        *limbs,
        Part("cylinder", (0, 0, (hip + neck) / 2), (0.4, 0.24, neck - hip), shirt),
        Part("ellipsoid", (0, 0, neck + head / 2), (0.18, 0.21, head), "skin"),
    ]
