"""The camera's walk through every room, hand-held, with its eyes on what is still unseen."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from scipy import ndimage

from hydra_mono.core.frame import Intrinsics
from hydra_mono.simulation.building.plan import Plan
from hydra_mono.simulation.building.walkable import WalkMap
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.walk.gaze import Scout, Targets, camera_rotation
from hydra_mono.simulation.walk.routes import Routes
from hydra_mono.simulation.walk.walker import EYE_M, Pace, Walker, eye_over

STANDPOINTS = 6  # at most, in a room
STANDPOINT_SPACING_M = 0.9


def plan_walk(
    rng: np.random.Generator,
    world: World,
    camera: Intrinsics,
    scene: Any,
    pace: Pace,
    frames: int | None,
    rounds: int = 1,
) -> Float64[np.ndarray, "n 4 4"]:
    """Camera poses of a walk through every room; further rounds until there are ``frames``.

    Without ``frames`` it goes round ``rounds`` times.
    """
    routes = Routes(world.plan, (*world.fixed, *world.objects))
    order = visiting_order(world.plan)
    spots = {room: _standpoints(routes.map_of(room), room) for room in order}
    walker = Walker(routes, pace, spots[order[0]][0])
    done = 0
    while len(walker) < frames if frames else done < rounds:
        done += 1
        targets = Targets(rng, world.plan, world.surface, camera, scene)
        for room in order:
            _visit(walker, targets, room, spots[room])
            if len(walker) >= (frames or math.inf):
                break
        order = order[::-1]
    poses = hand_held(rng, walker.frames, pace)
    return poses if frames is None else poses[:frames]


def _visit(
    walker: Walker, targets: Targets, room: int, spots: list[Float64[np.ndarray, "3"]]
) -> None:
    """Looks round the room, standpoint after standpoint, until little in it is unseen."""
    scout = Scout(targets, room, [eye_over(spot) for spot in spots])
    first = len(walker)
    while view := scout.next_view(walker.eye_m, walker.yaw_rad, walker.pitch_rad):
        if np.linalg.norm(spots[view.standpoint] - walker.feet_m) > 0.01:
            walker.walk_to(targets, spots[view.standpoint])
        walker.look(targets, view.yaw_rad, view.pitch_rad)
    if len(walker) == first:
        walker.walk_to(targets, spots[0])


def visiting_order(plan: Plan) -> list[int]:
    """Rooms depth first, always through the nearest opening, storey by storey from room 0 up."""
    order: list[int] = []

    def visit(room: int) -> None:
        order.append(room)
        while paths := [o for o in plan.openings_of(room) if not set(o.rooms) <= set(order)]:
            here = np.array(plan.rooms[order[-1]].middle_m)
            path = min(paths, key=lambda o: float(np.linalg.norm(o.middle_m - here)))
            visit(path.rooms[0] if path.rooms[1] == room else path.rooms[1])

    for start in (0, *(flight.rooms[1] for flight in plan.flights)):
        visit(start)
    return order


def _standpoints(walk_map: WalkMap, room: int) -> list[Float64[np.ndarray, "3"]]:
    """Spots of a room far from one another, the one with most clearance first."""
    inside = walk_map.reachable() & (walk_map.room == room)
    roomy = inside & (walk_map.clearance_m >= 0.35)
    cells = np.argwhere(roomy if roomy.any() else inside)
    chosen = [int(np.argmax(walk_map.clearance_m[tuple(cells.T)]))]
    distance = _metres(cells, chosen[0])
    while len(chosen) < STANDPOINTS and distance.max() > STANDPOINT_SPACING_M:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, _metres(cells, chosen[-1]))
    spots = [walk_map.point((int(cells[i, 0]), int(cells[i, 1]))) for i in chosen]
    return [np.array([*spot, walk_map.floor_m]) for spot in spots]


def _metres(cells: Int64[np.ndarray, "n 2"], of: int) -> Float64[np.ndarray, " n"]:
    return np.asarray(np.linalg.norm(cells - cells[of], axis=1) * 0.05)


def hand_held(
    rng: np.random.Generator, frames: Float64[np.ndarray, "n 5"], pace: Pace
) -> Float64[np.ndarray, "n 4 4"]:
    """The walk with starts and stops eased, a small sway of the hand and a bob at each step."""
    eased = ndimage.gaussian_filter1d(frames, 0.2 * pace.fps, axis=0, mode="nearest")
    time = np.arange(len(frames)) / pace.fps
    rates = rng.uniform((0.3, 0.8), (0.5, 1.1), (3, 2))  # Hz
    phases = rng.uniform(0, 2 * np.pi, (3, 2))
    waves = np.sin(2 * np.pi * rates[..., None] * time + phases[..., None])
    sway = np.radians([[1.0], [1.0], [1.2]]) * (0.7 * waves[:, 0] + 0.3 * waves[:, 1])
    moved = np.linalg.norm(np.diff(eased[:, :2], axis=0, prepend=eased[:1, :2]), axis=1)
    bob = 0.015 * np.sin(2 * np.pi * np.cumsum(moved) / 0.65)
    poses = np.tile(np.eye(4), (len(frames), 1, 1))
    for i, (x, y, z, yaw, pitch) in enumerate(eased):
        poses[i, :3, :3] = camera_rotation(yaw + sway[0, i], pitch + sway[1, i], sway[2, i])
        poses[i, :3, 3] = (x, y, z + EYE_M + bob[i])
    return poses
