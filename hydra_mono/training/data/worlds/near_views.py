"""Views from close by of what lies on furniture: desks seen from above, shelves, counters."""

import math

import numpy as np
from jaxtyping import Float64

from hydra_mono.simulation.building.plan import Room
from hydra_mono.simulation.clutter.tops import Top, tops
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import SceneObject
from hydra_mono.simulation.walk.gaze import camera_rotation

DISTANCE_M = (0.4, 1.8)  # from the camera to what it looks at
ABOVE_RAD = (0.1, 1.1)  # how steeply it looks down
HEIGHT_M = (0.4, 2.0)  # of a camera in a hand or on a head
ROLL_RAD = 0.15  # deviation; hands do not hold a camera level
CLEAR_M = 0.12  # kept free round the camera
NEAR_LABELS = ("desk", "table", "counter", "bookshelf", "cabinet", "dresser", "bed", "sofa")
WIDEST_M = 2.0  # half of the longest piece of furniture, and to spare
TRIES = 60  # for a view


def near_views(rng: np.random.Generator, world: World, count: int) -> Float64[np.ndarray, "n 4 4"]:
    """``world_from_camera`` of at most ``count`` views; fewer where no free place is found."""
    targets = _targets(world)
    solids = (*world.fixed, *world.objects)
    poses: list[Float64[np.ndarray, "4 4"]] = []
    for _ in range(TRIES * count if targets else 0):
        if len(poses) == count:
            break
        of_a_kind = targets[int(rng.integers(len(targets)))]
        top = of_a_kind[int(rng.integers(len(of_a_kind)))]
        pose = _look_at(rng, top)
        if _is_free(pose[:3, 3], top, world.plan.rooms, solids):
            poses.append(pose)
    return np.array(poses).reshape(-1, 4, 4)


def _targets(world: World) -> list[list[Top]]:
    """Surfaces to look at, those of one kind of furniture together: no kind is looked at more."""
    found = []
    for name in NEAR_LABELS:
        surfaces = [top for obj in world.objects if obj.name == name for top in tops(obj)]
        found += [surfaces] if surfaces else []
    return found


def _look_at(rng: np.random.Generator, top: Top) -> Float64[np.ndarray, "4 4"]:
    """A camera that looks about at a point of the surface."""
    x, y = (float(rng.uniform(-0.5, 0.5)) * side for side in top.size_m)
    yaw, pitch = float(rng.uniform(-math.pi, math.pi)), -float(rng.uniform(*ABOVE_RAD))
    forward = [math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch)]
    pose = np.eye(4)
    pose[:3, 3] = top.at(x, y) - float(rng.uniform(*DISTANCE_M)) * np.array(forward)
    off, tilt, roll = rng.normal(0.0, (0.2, 0.15, ROLL_RAD))
    pose[:3, :3] = camera_rotation(yaw + float(off), pitch + float(tilt), float(roll))
    return pose


def _is_free(
    point_m: Float64[np.ndarray, "3"],
    top: Top,
    rooms: tuple[Room, ...],
    solids: tuple[SceneObject, ...],
) -> bool:
    """Whether a camera fits at the point, in the room of what it looks at."""
    if not HEIGHT_M[0] <= point_m[2] <= HEIGHT_M[1]:
        return False
    if not any(_holds(room, top.middle_m) and _holds(room, point_m) for room in rooms):
        return False
    steps = np.vstack([np.zeros((1, 3)), CLEAR_M * np.eye(3), -CLEAR_M * np.eye(3)])
    around = point_m + steps
    near = (s for s in solids if np.hypot(*(point_m[:2] - s.position_m[:2])) < WIDEST_M)
    return not any(bool(solid.contains(around).any()) for solid in near)


def _holds(room: Room, point_m: Float64[np.ndarray, "3"]) -> bool:
    """Whether a point lies in a room's rectangle, clear of its walls."""
    low, high = np.array(room.lower_m) + CLEAR_M, np.array(room.upper_m) - CLEAR_M
    return bool(np.all((point_m[:2] >= low) & (point_m[:2] <= high)))
