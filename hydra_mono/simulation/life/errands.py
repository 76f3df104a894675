"""Objects that people carry or push elsewhere, in the camera's view or out of it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hydra_mono.simulation.body import Body
from hydra_mono.simulation.building.walkable import make_walk_map
from hydra_mono.simulation.life.figures import CARRY, STAND
from hydra_mono.simulation.life.performer import Performer
from hydra_mono.simulation.life.stage import Stage
from hydra_mono.simulation.life.wander import LOOKAHEAD_S, Storey
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import SceneObject

CARRIED = ("box", "bin", "plant", "stool")
PUSHED = ("chair", "office chair", "stool", "bin")
LARGEST_M = 0.65  # of what one person carries
PICK_UP_M = 0.8  # from where one stands to what is picked up
PUT_DOWN_M = 0.62  # from where one stands to what was put down: clear of his feet
HOLD_M, HOLD_HEIGHT_M = 0.4, 0.8  # of what is carried, ahead of the carrier and over the floor
LIFT_S = 0.6
PUSH_AHEAD_M = 0.62  # from who pushes to the middle of what he pushes
PUSH_M_S = 0.5
PUSH_LENGTHS_M = (2.0, 1.5, 1.1)
WAITS_S = (0.0, 2.0, 5.0, 9.0)  # before setting out, to be there at the right moment
TRIES = 6  # places to carry it to
MARGIN_S = 1.5  # out of view for so long before and after


@dataclass(slots=True, eq=False)
class Errand:
    """``starts``: spots of the roadmap to begin at; of a push, with its direction and length.

    ``seen``: frames in which the camera looks towards where the object stands at first.
    """

    obj: SceneObject
    kind: Literal["carry", "push"]
    in_view: bool
    starts: list[tuple[int, Float64[np.ndarray, "2"], float]]
    seen: Bool[np.ndarray, " n"]

    def may_start(self, frame: int, margin: int) -> bool:
        """Whether the camera knows the object by then, and does or does not look, as wanted."""
        if not self.seen[:frame].any():
            return False
        if self.in_view:
            return _share(self.seen[frame : frame + margin]) > 0.5
        return not self.seen[max(frame - margin, 0) : frame + margin].any()


@dataclass(frozen=True, slots=True)
class Moved:
    """An object under way from frame ``first`` to ``last``, and where it stands afterwards."""

    obj: SceneObject
    kind: Literal["carry", "push"]
    first: int
    last: int
    place_m: Float64[np.ndarray, "2"]


def carrying(storey: Storey, obj: SceneObject, in_view: bool) -> Errand | None:
    """The errand to carry an object away; None where nobody can reach it."""
    spot = storey.roadmap.add(np.array(obj.position_m[:2]), PICK_UP_M)
    if spot is None or max(obj.size_m) > LARGEST_M:
        return None
    seen = storey.stage.facing(np.array(obj.position_m[:2]))
    return Errand(obj, "carry", in_view, [(spot, np.zeros(2), 0.0)], seen)


def pushing(storey: Storey, world: World, obj: SceneObject, in_view: bool) -> Errand | None:
    """The errand to push an object straight on; None where there is no room to."""
    others = tuple(t for t in (*world.fixed, *world.objects) if t.instance != obj.instance)
    number = world.plan.floors_m.index(storey.stage.walk_map.floor_m)
    clear = make_walk_map(world.plan, others, number)
    place, starts = np.array(obj.position_m[:2]), []
    for angle in np.arange(8) * np.pi / 4 + obj.yaw_rad:
        ahead = np.array([np.cos(angle), np.sin(angle)])
        for length in PUSH_LENGTHS_M:
            line = place + np.linspace(-PUSH_AHEAD_M, length, 24)[:, None] * ahead
            feet = np.array([line[0], place + (length - PUSH_AHEAD_M) * ahead])
            if np.all(clear.clearance(line) > 0.3) and np.all(storey.roadmap.is_free(feet)):
                spot = storey.roadmap.add(feet[0], 0.06)
                starts += [] if spot is None else [(spot, ahead, length)]
                break
    return Errand(obj, "push", in_view, starts, storey.stage.facing(place)) if starts else None


def try_errand(
    rng: np.random.Generator, storey: Storey, performer: Performer, spot: int, errand: Errand
) -> tuple[int, Moved] | None:
    """Runs the errand if its moment can be met; the spot he is at then, and what he moved."""
    for wait_s in WAITS_S:
        for start, ahead, length in errand.starts:
            wait = round(wait_s / storey.stage.frame_s)
            here = storey.roadmap.spots_m[spot]
            to_it = np.zeros((0, 2))
            if start != spot:
                to_it = performer.paced(storey.roadmap.path(spot, start))
            to_it = np.concatenate([np.repeat(here[None], wait, axis=0), to_it])
            margin = round(MARGIN_S / storey.stage.frame_s)
            if not errand.may_start(performer.frame + len(to_it), margin):
                continue
            if errand.kind == "push":
                done = _push(storey, performer, errand, to_it, ahead, length)
            else:
                done = _carry(rng, storey, performer, errand, to_it, start)
            if done is not None:
                return done
    return None


def _push(
    storey: Storey,
    performer: Performer,
    errand: Errand,
    to_it: Float64[np.ndarray, "f 2"],
    ahead: Float64[np.ndarray, "2"],
    length: float,
) -> tuple[int, Moved] | None:
    place = np.array(errand.obj.position_m[:2])
    feet = place - PUSH_AHEAD_M * ahead
    steps = performer.paced(np.array([feet, feet + length * ahead]), PUSH_M_S)
    first = performer.frame + len(to_it)
    moved = Moved(errand.obj, "push", first, first + len(steps), place + length * ahead)
    if not _is_the_moment(storey.stage, errand, moved):
        return None
    if not _is_clear(storey.stage, performer.frame, np.concatenate([to_it, steps])):
        return None
    if storey.stage.gap_m(steps + PUSH_AHEAD_M * ahead, first) < 0:
        return None
    end = storey.roadmap.add(steps[-1], 0.06)
    if end is None:
        return None
    performer.walk(to_it)
    performer.walk(steps, carries=True)
    return end, moved


def _carry(
    rng: np.random.Generator,
    storey: Storey,
    performer: Performer,
    errand: Errand,
    to_it: Float64[np.ndarray, "f 2"],
    start: int,
) -> tuple[int, Moved] | None:
    roadmap, stage = storey.roadmap, storey.stage
    lift = round(LIFT_S / stage.frame_s)
    first = performer.frame + len(to_it)
    for _ in range(TRIES):
        goal, angle = int(rng.integers(storey.open_spots)), rng.uniform(-np.pi, np.pi)
        here, ahead = roadmap.spots_m[goal], np.array([np.cos(angle), np.sin(angle)])
        place = here + PUT_DOWN_M * ahead
        if goal == start or not roadmap.is_free(place[None])[0]:
            continue
        path = performer.paced(roadmap.path(start, goal))
        pick = np.repeat(roadmap.spots_m[start][None], lift, axis=0)
        put = np.repeat(here[None], lift, axis=0)
        moved = Moved(errand.obj, "carry", first, first + len(path) + 2 * lift, place)
        whole = np.concatenate([to_it, pick, path, put])
        if not _is_the_moment(stage, errand, moved):
            continue
        if not _is_clear(stage, performer.frame, whole) or _is_short(errand, moved):
            continue
        performer.walk(to_it)
        reach = np.array(errand.obj.position_m[:2]) - roadmap.spots_m[start]
        performer.face(float(np.arctan2(reach[1], reach[0])))
        performer.stand(roadmap.spots_m[start], lift, posture=CARRY + STAND)
        performer.walk(path, carries=True)
        performer.face(float(angle))
        performer.stand(here, lift, posture=CARRY + STAND)
        return goal, moved
    return None


def _is_short(errand: Errand, moved: Moved) -> bool:
    """Whether the object comes to stand so near that it is hardly a change."""
    return bool(np.hypot(*(moved.place_m - errand.obj.position_m[:2])) < 1.0)


def _is_clear(stage: Stage, frame: int, path: Float64[np.ndarray, "f 2"]) -> bool:
    after = np.repeat(path[-1:], round(LOOKAHEAD_S / stage.frame_s), axis=0)
    return stage.gap_m(np.concatenate([path, after]), frame) > 0


def _is_the_moment(stage: Stage, errand: Errand, moved: Moved) -> bool:
    """Out of view all the time, if wanted, and looked at again; nobody comes where it is put."""
    first, last = moved.first, moved.last
    if last >= len(stage) or not stage.is_left_alone(moved.place_m, last):
        return False
    if errand.in_view:
        return True
    new, margin = stage.facing(moved.place_m), round(MARGIN_S / stage.frame_s)
    span = slice(max(first - margin, 0), last + margin)
    unseen = not (errand.seen[span].any() or new[span].any())
    return bool(unseen and (errand.seen[last:].any() or new[last:].any()))


def _share(flags: Bool[np.ndarray, " n"]) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def moved_body(
    moved: Moved, performer: Performer, stamps_ns: Int64[np.ndarray, " n"], floor_m: float
) -> Body:
    """The object over the whole time: before, in his hands or before him, and afterwards."""
    first, last = moved.first, moved.last
    start = np.array(moved.obj.position_m)
    goal = np.array([*moved.place_m, floor_m])
    positions = np.tile(start, (len(stamps_ns), 1))
    yaws = np.full(len(stamps_ns), moved.obj.yaw_rad)
    shares = np.linspace(0, 1, last - first + 1)[1:, None]
    if moved.kind == "push":
        positions[first:last] = start + shares * (goal - start)
    else:
        span = slice(first, last)
        headings = performer.headings_rad[span]
        ahead = np.column_stack([np.cos(headings), np.sin(headings)])
        held = np.column_stack(
            [
                performer.positions_m[span] + HOLD_M * ahead,
                np.full(last - first, floor_m + HOLD_HEIGHT_M),
            ]
        )
        seconds = np.arange(1, last - first + 1) * float(stamps_ns[1] - stamps_ns[0]) / 1e9
        up = np.clip(seconds / LIFT_S, 0, 1)[:, None]
        down = np.clip((seconds[-1] - seconds) / LIFT_S, 0, 1)[:, None]
        lifted = start + up * (held - start)
        positions[span] = np.where(up < 1, lifted, goal + down * (held - goal))
        yaws[span] += headings - headings[0]
        yaws[last:] = yaws[last - 1]
    positions[last:] = goal
    return Body(
        obj=moved.obj,
        stamps_ns=stamps_ns,
        positions_m=positions,
        yaws_rad=yaws,
        moves=((int(stamps_ns[first]), int(stamps_ns[last])),),
    )
