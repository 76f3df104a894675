"""Door leaves that are closed for a while, when nobody is in the doorway."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hydra_mono.simulation.body import Body
from hydra_mono.simulation.building.plan import Opening, Plan
from hydra_mono.simulation.life.stage import Stage
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import SceneObject

SWING_S = 1.6
CLOSED_S = (8.0, 60.0)
DOORWAY_M = 1.3  # from its middle: whoever is nearer keeps the door open
HINGE_GAP_M = 0.02  # between hinge and leaf
LEAF_MATERIAL = "door"


@dataclass(frozen=True, slots=True)
class Hinge:
    """Where a leaf turns: from ``open_rad`` (flat along the wall) to ``closed_rad``."""

    obj: SceneObject
    axis_m: Float64[np.ndarray, "2"]
    open_rad: float
    closed_rad: float
    middle_m: Float64[np.ndarray, "2"]

    @property
    def reach_m(self) -> float:
        """From the hinge to the leaf's middle."""
        return self.obj.size_m[0] / 2 + HINGE_GAP_M


def with_leaves(world: World, first_instance: int) -> tuple[World, list[Hinge]]:
    """The world whose door leaves are objects of their own, and their hinges."""
    hinges: list[Hinge] = []
    instances = world.surface.instances.copy()
    corners = world.surface.vertices_m[world.surface.faces]
    for obj in world.fixed:
        if obj.parts[0].material != LEAF_MATERIAL:
            continue
        leaf = replace(obj, instance=first_instance + len(hinges))
        hinge = _hinge(world.plan, leaf)
        if hinge is None:
            continue
        inside = obj.box.contains(corners.reshape(-1, 3)).reshape(-1, 3).all(axis=1)
        instances[inside & (world.surface.labels == obj.label)] = leaf.instance
        hinges.append(hinge)
    leaves = [hinge.obj for hinge in hinges]
    places = {leaf.position_m for leaf in leaves}
    fixed = tuple(
        t for t in world.fixed if t.parts[0].material != LEAF_MATERIAL or t.position_m not in places
    )
    surface = replace(world.surface, instances=instances)
    return replace(world, fixed=fixed, objects=(*world.objects, *leaves), surface=surface), hinges


def _hinge(plan: Plan, leaf: SceneObject) -> Hinge | None:
    """The doorway's end beside which the leaf rests."""
    place = np.array(leaf.position_m[:2])
    reach = leaf.size_m[0] / 2 + HINGE_GAP_M
    for opening in plan.openings:
        along = 1 - opening.axis
        is_here = min(abs(place[opening.axis] - face) for face in opening.wall_m) < 0.1
        for end, other in (opening.span_m, opening.span_m[::-1]):
            if is_here and abs(abs(place[along] - end) - reach) < 0.01 and _is_out(place, opening):
                axis = place.copy()
                axis[along] = end
                start, goal = place - axis, np.zeros(2)
                goal[along] = np.sign(other - end)
                turn = _outward(opening, place, start, goal)
                first = float(np.arctan2(start[1], start[0]))
                return Hinge(leaf, axis, first, first + turn, opening.middle_m)
    return None


def _is_out(place: Float64[np.ndarray, "2"], opening: Opening) -> bool:
    low, high = opening.span_m
    return not low < place[1 - opening.axis] < high


def _outward(
    opening: Opening,
    place: Float64[np.ndarray, "2"],
    start: Float64[np.ndarray, "2"],
    goal: Float64[np.ndarray, "2"],
) -> float:
    """Half a turn, the one of two that swings into the room the leaf is in."""
    out = np.zeros(2)
    out[opening.axis] = np.sign(place[opening.axis] - sum(opening.wall_m) / 2)
    cross = start[0] * out[1] - start[1] * out[0]
    return float(np.pi * np.sign(cross))


def swinging(
    rng: np.random.Generator,
    stage: Stage,
    people_m: list[Float64[np.ndarray, "n 2"]],
    hinge: Hinge,
    stamps_ns: Int64[np.ndarray, " n"],
) -> Body | None:
    """The leaf closed once for a while; None where people pass all the time or objects stand."""
    if not _is_free(stage, hinge):
        return None
    swing = max(2, round(SWING_S / stage.frame_s))
    alone = np.ones(len(stage), dtype=bool)
    for path in (stage.camera_m, *people_m):
        alone &= np.hypot(*(path - hinge.middle_m).T) > DOORWAY_M
    spans = [(a, b) for a, b in _runs(alone) if b - a > 2 * swing + CLOSED_S[0] / stage.frame_s]
    if not spans:
        return None
    first, last = spans[int(rng.integers(len(spans)))]
    last = min(last, first + 2 * swing + round(float(rng.uniform(*CLOSED_S)) / stage.frame_s))
    frames = np.arange(len(stage))
    share = np.clip((frames - first) / swing, 0, 1) - np.clip((frames - last + swing) / swing, 0, 1)
    angles = hinge.open_rad + share * (hinge.closed_rad - hinge.open_rad)
    offsets = hinge.reach_m * np.column_stack([np.cos(angles), np.sin(angles)])
    height = np.full(len(stage), hinge.obj.position_m[2])
    closed = (int(stamps_ns[first]), int(stamps_ns[first + swing]))
    opened = (int(stamps_ns[last - swing]), int(stamps_ns[min(last, len(stage) - 1)]))
    return Body(
        obj=hinge.obj,
        stamps_ns=stamps_ns,
        positions_m=np.column_stack([hinge.axis_m + offsets, height]),
        yaws_rad=hinge.obj.yaw_rad + angles - hinge.open_rad,
        moves=(closed, opened),
    )


def _is_free(stage: Stage, hinge: Hinge) -> bool:
    """Whether nothing stands where the leaf swings, but the leaf itself."""
    shares = np.linspace(0.25, 0.9, 14)
    angles = hinge.open_rad + shares * (hinge.closed_rad - hinge.open_rad)
    rays = np.column_stack([np.cos(angles), np.sin(angles)])
    tips = np.linspace(0.3, 2 * hinge.reach_m, 6)
    points = hinge.axis_m + (tips[:, None, None] * rays).reshape(-1, 2)
    return bool(np.all(stage.walk_map.clearance(points) > 0.0))


def _runs(flags: Bool[np.ndarray, " n"]) -> list[tuple[int, int]]:
    """(first, one past the last) of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
