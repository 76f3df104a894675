"""Everybody and everything that moves in a dynamic world, drawn from a seed."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64, Int64

from hydra_mono.simulation.body import Body
from hydra_mono.simulation.building.walkable import make_walk_map
from hydra_mono.simulation.life.doors import swinging, with_leaves
from hydra_mono.simulation.life.errands import (
    CARRIED,
    PUSHED,
    Errand,
    Moved,
    carrying,
    moved_body,
    pushing,
    try_errand,
)
from hydra_mono.simulation.life.figures import Figure, person, pet, robot
from hydra_mono.simulation.life.performer import Performer
from hydra_mono.simulation.life.roadmap import Roadmap
from hydra_mono.simulation.life.stage import make_stage
from hydra_mono.simulation.life.unseen import unseen_changes
from hydra_mono.simulation.life.wander import Storey, find_seats, start, wander
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import SceneObject

PEOPLE = (2, 5)  # so many, the second left out; fewer than rooms, that they can give way
PET_CHANCE, ROBOT_CHANCE = 0.5, 0.4
UNSEEN = 3  # objects that come or go behind the camera's back
ERRANDS = 2  # of each kind: one in view, one out of view
MOVABLE = ("chair", "box", "bin", "plant", "stool", "bench")


def household(
    rng: np.random.Generator,
    world: World,
    poses: Float64[np.ndarray, "n 4 4"],
    stamps_ns: Int64[np.ndarray, " n"],
    people: int,
    changes: int,
) -> tuple[World, tuple[Body, ...]]:
    """Who lives in the world while the camera walks, and the world with doors that move.

    ``people`` and ``changes`` (objects that come or go unseen) are drawn where they are 0. The
    first figure is on storey 0, the next on storey 1 and so on round; nobody takes the stairs.
    """
    figures = _figures(rng, world, people)
    storeys = [_storey(rng, world, poses, stamps_ns, i) for i in range(world.plan.storeys)]
    bodies: list[Body] = []
    for number, storey in enumerate(storeys):
        loose = [t for t in world.objects if t.name in MOVABLE and _stands_on(storey, t)]
        loose = [loose[i] for i in rng.permutation(len(loose)).tolist()]
        errands = _errands(storey, world, loose)
        left = [t for t in loose if t.instance not in {e.obj.instance for e in errands}]
        unseen = unseen_changes(rng, storey.stage, left, stamps_ns, changes or UNSEEN)
        busy = {e.obj.instance for e in errands} | {b.obj.instance for b in unseen}
        storey.seats = [seat for seat in storey.seats if seat.instance not in busy]
        here = figures[number :: len(storeys)]
        bodies += [*unseen, *_live(rng, storey, here, errands, stamps_ns)]
    first = max(figure.postures[0].instance for figure in figures) + 1
    world, hinges = with_leaves(world, first)
    for hinge in hinges:
        storey = min(storeys, key=lambda s: abs(s.stage.walk_map.floor_m - hinge.obj.position_m[2]))
        leaf = swinging(rng, storey.stage, storey.stage.others_m, hinge, stamps_ns)
        bodies += [leaf] if leaf else []
    return world, tuple(bodies)


def _live(
    rng: np.random.Generator,
    storey: Storey,
    figures: list[Figure],
    errands: list[Errand],
    stamps_ns: Int64[np.ndarray, " n"],
) -> Iterator[Body]:
    """One after the other: who is planned later gives way to those before."""
    stage = storey.stage
    for figure in figures:
        performer = Performer(figure, len(stamps_ns), stage.frame_s)
        moved: list[Moved] = []
        spot = start(rng, storey, performer)
        while not performer.is_done:
            done = _errand(rng, storey, performer, spot, errands) if figure.can_carry else None
            if done is None:
                spot = wander(rng, storey, performer, spot)
                continue
            spot, what = done
            moved.append(what)
            stage.settled.append((what.place_m, what.last))
        stage.others_m.append(performer.positions_m)
        floor = stage.walk_map.floor_m
        yield performer.body(stamps_ns, floor)
        for what in moved:
            yield moved_body(what, performer, stamps_ns, floor)


def _errand(
    rng: np.random.Generator,
    storey: Storey,
    performer: Performer,
    spot: int,
    errands: list[Errand],
) -> tuple[int, Moved] | None:
    """The first errand whose moment has come; it is then off the list."""
    for errand in errands:
        done = try_errand(rng, storey, performer, spot, errand)
        if done is not None:
            errands.remove(errand)
            return done
    return None


def _errands(storey: Storey, world: World, objects: list[SceneObject]) -> list[Errand]:
    """Some of each kind, every other one in view."""
    found: list[Errand] = []
    for names, make in ((CARRIED, "carry"), (PUSHED, "push")):
        count = 0
        for obj in objects:
            taken = obj.instance in {errand.obj.instance for errand in found}
            if count == ERRANDS or taken or obj.name not in names:
                continue
            in_view = count % 2 == 0
            errand = (
                carrying(storey, obj, in_view)
                if make == "carry"
                else pushing(storey, world, obj, in_view)
            )
            if errand is not None:
                found.append(errand)
                count += 1
    return found


def _stands_on(storey: Storey, obj: SceneObject) -> bool:
    return abs(obj.position_m[2] - storey.stage.walk_map.floor_m) < 0.01


def _storey(
    rng: np.random.Generator,
    world: World,
    poses: Float64[np.ndarray, "n 4 4"],
    stamps_ns: Int64[np.ndarray, " n"],
    number: int,
) -> Storey:
    objects = (*world.fixed, *world.objects)
    walk_map = make_walk_map(world.plan, objects, number)
    roadmap = Roadmap(walk_map)
    roadmap.spread(rng)
    near = [t for t in objects if abs(t.position_m[2] - walk_map.floor_m) < 0.1]
    stage = make_stage(walk_map, stamps_ns, poses)
    return Storey(roadmap, stage, len(roadmap.spots_m), find_seats(roadmap, near))


def _figures(rng: np.random.Generator, world: World, people: int) -> list[Figure]:
    """Animals and robots have label 0: the simulator's label space has no name for them."""
    label = next(label.id for label in world.labels.labels if label.kind == "agent")
    first = max((obj.instance for obj in world.objects), default=0) + 1
    rooms = len(world.plan.rooms)
    count = people or min(int(rng.integers(*PEOPLE)), max(rooms - 1, 2))
    figures = [person(rng, i + 1, label, first + i) for i in range(count)]
    if rng.random() < PET_CHANCE:
        figures.append(pet(rng, 1, 0, first + len(figures)))
    if rng.random() < ROBOT_CHANCE:
        figures.append(robot(rng, 1, 0, first + len(figures)))
    return figures
