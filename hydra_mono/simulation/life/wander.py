"""What people do of their own accord: go from spot to spot, stay, sit down, meet."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

from hydra_mono.simulation.life.figures import SIT
from hydra_mono.simulation.life.performer import Performer
from hydra_mono.simulation.life.roadmap import Roadmap
from hydra_mono.simulation.life.stage import Stage
from hydra_mono.simulation.shapes import SceneObject

TRIES = 8  # goals looked at before one is chosen
MOST_TRIES = 5 * TRIES  # where somebody is hemmed in
LOOKAHEAD_S = 6.0  # nobody comes near for so long after a stay
STAY_S = (1.0, 8.0)
SIT_S = (20.0, 60.0)
SIT_CHANCE = 0.3
SHOWN_CHANCE = 0.6  # of going where the camera looks, so that there is something to see
SIT_DOWN_S = 0.8
SEATS = ("sofa", "armchair", "bench", "stool", "chair", "office chair", "single bed", "bed")
SEAT_REACH_M = 0.35  # from the spot before a seat to where a walker fits
KNEES_M = 0.28  # of one who sits, behind the seat's front edge


@dataclass(frozen=True, slots=True)
class Seat:
    """``spot`` of the roadmap lies before it; who sits is at ``middle_m`` and looks ``heading``."""

    spot: int
    middle_m: Float64[np.ndarray, "2"]
    heading_rad: float
    instance: int


@dataclass(slots=True)
class Storey:
    """Where people can go on a storey, and what is known of the others there.

    The first ``open_spots`` of the roadmap are for anybody to go to.
    """

    roadmap: Roadmap
    stage: Stage
    open_spots: int
    seats: list[Seat] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A path, paced, to a spot and how long to stay there."""

    spot: int
    steps_m: Float64[np.ndarray, "f 2"]
    stay: int
    seat: Seat | None
    gap_m: float
    shown: float


def find_seats(roadmap: Roadmap, objects: list[SceneObject]) -> list[Seat]:
    """Seats with room to walk before them."""
    seats = []
    for obj in objects:
        if obj.name not in SEATS:
            continue
        front = np.array([-np.sin(obj.yaw_rad), np.cos(obj.yaw_rad)])
        place, deep = np.array(obj.position_m[:2]), obj.size_m[1]
        spot = roadmap.add(place + front * (deep / 2 + 0.35), SEAT_REACH_M)
        if spot is not None:
            middle = place + front * max(deep / 2 - KNEES_M, 0.0)
            heading = float(obj.yaw_rad + np.pi / 2)
            seats.append(Seat(spot, middle, heading, obj.instance))
    return seats


def start(rng: np.random.Generator, storey: Storey, performer: Performer) -> int:
    """Puts somebody on a spot where nobody is for a while; returns the spot."""
    frames = round(LOOKAHEAD_S / storey.stage.frame_s)
    spots: list[int] = rng.permutation(storey.open_spots).tolist()
    best = max(spots, key=lambda spot: _start_gap_m(storey, spot, frames))
    performer.stand(storey.roadmap.spots_m[best], 1)
    return best


def _start_gap_m(storey: Storey, spot: int, frames: int) -> float:
    stay = np.broadcast_to(storey.roadmap.spots_m[spot], (frames, 2))
    return min(storey.stage.gap_m(stay, 0), 1.0)  # beyond a metre all are as good: the first wins


def wander(rng: np.random.Generator, storey: Storey, performer: Performer, spot: int) -> int:
    """One path and one stay; returns the spot where he then is."""
    plans: list[_Plan] = []
    while len(plans) < MOST_TRIES and not any(plan.gap_m > 0 for plan in plans):
        plans += [_draw(rng, storey, performer, spot) for _ in range(TRIES)]
    plans.append(_plan(storey, performer, spot, spot, round(1 / storey.stage.frame_s), None))
    clear = [plan for plan in plans if plan.gap_m > 0]
    if not clear:
        chosen = max(plans, key=lambda plan: plan.gap_m)
    elif rng.random() < SHOWN_CHANCE:
        chosen = max(clear, key=lambda plan: plan.shown)
    else:
        chosen = clear[0]
    performer.walk(chosen.steps_m)
    here = storey.roadmap.spots_m[chosen.spot]
    if chosen.seat is None:
        performer.stand(here, chosen.stay)
    else:
        _sit(storey.stage, performer, here, chosen.seat, chosen.stay)
    return chosen.spot


def _draw(rng: np.random.Generator, storey: Storey, performer: Performer, spot: int) -> _Plan:
    stage = storey.stage
    if performer.figure.can_sit and storey.seats and rng.random() < SIT_CHANCE:
        seat = storey.seats[int(rng.integers(len(storey.seats)))]
        stay = round(float(rng.uniform(*SIT_S)) / stage.frame_s)
        return _plan(storey, performer, spot, seat.spot, stay, seat)
    goal = int(rng.integers(storey.open_spots))
    stay = round(float(rng.uniform(*STAY_S)) / stage.frame_s)
    return _plan(storey, performer, spot, goal, stay, None)


def _plan(
    storey: Storey, performer: Performer, spot: int, goal: int, stay: int, seat: Seat | None
) -> _Plan:
    steps = np.zeros((0, 2))
    if goal != spot:
        steps = performer.paced(storey.roadmap.path(spot, goal))
    end = storey.roadmap.spots_m[goal]
    after = np.broadcast_to(end, (stay + round(LOOKAHEAD_S / storey.stage.frame_s), 2))
    whole = np.concatenate([steps, after])
    gap = storey.stage.gap_m(whole, performer.frame)
    if seat is not None:
        sits = np.broadcast_to(seat.middle_m, after.shape)
        gap = min(gap, storey.stage.gap_m(sits, performer.frame + len(steps)))
    shown = storey.stage.shown(whole[: len(steps) + stay], performer.frame)
    return _Plan(goal, steps, stay, seat, gap, shown)


def _sit(
    stage: Stage, performer: Performer, before_m: Float64[np.ndarray, "2"], seat: Seat, stay: int
) -> None:
    """Steps back onto the seat, stays, and steps forward again."""
    steps = max(2, round(SIT_DOWN_S / stage.frame_s))
    shares = np.linspace(0, 1, steps + 1)[1:, None]
    performer.face(seat.heading_rad)
    for share in shares:
        performer.stand(before_m + share * (seat.middle_m - before_m), 1)
    performer.stand(seat.middle_m, stay, posture=SIT)
    for share in shares:
        performer.stand(seat.middle_m + share * (before_m - seat.middle_m), 1)
