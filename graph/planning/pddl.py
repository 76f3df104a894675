"""A planning problem over places and objects in PDDL, written by unified-planning.

Types: place, thing. The agent goes from place to connected place, at a cost of the length in
centimetres; looks at a thing from a place that faces it; picks one movable thing up and puts it
down elsewhere. Planners that know disjunctions and costs solve it: Fast Downward, ENHSP.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hydra_mono.core.errors import ExportError, MissingDependencyError
from hydra_mono.core.labels import LabelSpace
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.planning.goals import Goals
from hydra_mono.graph.query.objects import camera_position
from hydra_mono.graph.query.routes import RULE, approach
from hydra_mono.graph.query.snapshot.index import GraphIndex, index_of

VIEWS = 3  # places to look at a thing from: more make the problem larger, not easier
CM_PER_M = 100.0  # costs are whole numbers, as planners want them


def pddl_files(graph: SceneGraph, labels: LabelSpace, goals: Goals) -> dict[str, bytes]:
    """``domain.pddl`` and ``problem.pddl``; without goals, to look at every object.

    Raises:
        MissingDependencyError: unified-planning is not installed.
        ExportError: there is no place to be in.
    """
    planning = _load()
    writer = planning.io.PDDLWriter(_problem(planning, index_of(graph, labels), goals))
    return {
        "domain.pddl": writer.get_domain().encode(),
        "problem.pddl": writer.get_problem().encode(),
    }


def _load() -> Any:
    try:
        import unified_planning
        import unified_planning.io
        import unified_planning.model
        import unified_planning.shortcuts
    except ImportError as error:
        raise MissingDependencyError(
            f"PDDL is written by unified-planning ({error}); pip install unified-planning"
        ) from error
    return unified_planning


@dataclass(frozen=True)
class _World:
    """The problem under way: its fluents, and its objects by symbol."""

    problem: Any
    fluents: dict[str, Any]
    places: dict[NodeSymbol, Any]
    things: dict[NodeSymbol, Any]

    def set(self, name: str, *arguments: Any, value: Any = True) -> None:
        self.problem.set_initial_value(self.fluents[name](*arguments), value)


def _problem(planning: Any, index: GraphIndex, goals: Goals) -> Any:
    if not index.net.symbols:
        raise ExportError("no free space was seen, so there is nothing to plan in")
    world = _declare(planning, index)
    _add_actions(planning, world)
    _tell_places(world, index, goals)
    _tell_things(world, index)
    _add_goals(planning, world, index, goals)
    return world.problem


def _declare(planning: Any, index: GraphIndex) -> _World:
    short = planning.shortcuts
    problem = planning.model.Problem("scene")
    place, thing = short.UserType("place"), short.UserType("thing")
    truth = short.BoolType()
    fluents = {
        "at": planning.model.Fluent("at", truth, p=place),
        "connected": planning.model.Fluent("connected", truth, a=place, b=place),
        "safe": planning.model.Fluent("safe", truth, p=place),
        "faces": planning.model.Fluent("faces", truth, p=place, t=thing),
        "thing_at": planning.model.Fluent("thing_at", truth, t=thing, p=place),
        "movable": planning.model.Fluent("movable", truth, t=thing),
        "looked_at": planning.model.Fluent("looked_at", truth, t=thing),
        "holding": planning.model.Fluent("holding", truth, t=thing),
        "hand_free": planning.model.Fluent("hand_free", truth),
    }
    for fluent in fluents.values():
        problem.add_fluent(fluent, default_initial_value=False)
    fluents["distance"] = planning.model.Fluent("distance", short.IntType(), a=place, b=place)
    problem.add_fluent(fluents["distance"], default_initial_value=0)
    places = {s: planning.model.Object(f"p{s.number}", place) for s in index.net.symbols}
    things = {s: planning.model.Object(f"o{s.number}", thing) for s in index.boxes.symbols}
    problem.add_objects([*places.values(), *things.values()])
    return _World(problem, fluents, places, things)


def _add_actions(planning: Any, world: _World) -> None:
    short, fluents = planning.shortcuts, world.fluents
    place, thing = (world.problem.user_type(name) for name in ("place", "thing"))
    goto = planning.model.InstantaneousAction("goto", a=place, b=place)
    a, b = start, end = goto.parameters
    for condition in (fluents["at"](a), fluents["connected"](a, b), fluents["safe"](b)):
        goto.add_precondition(condition)
    goto.add_effect(fluents["at"](a), False)
    goto.add_effect(fluents["at"](b), True)
    look = planning.model.InstantaneousAction("look", t=thing, p=place)
    t, p = look.parameters
    for condition in (fluents["at"](p), fluents["faces"](p, t)):
        look.add_precondition(condition)
    look.add_effect(fluents["looked_at"](t), True)
    pick = planning.model.InstantaneousAction("pick", t=thing, p=place)
    t, p = pick.parameters
    for name, arguments in (("at", (p,)), ("thing_at", (t, p)), ("movable", (t,))):
        pick.add_precondition(fluents[name](*arguments))
    pick.add_precondition(fluents["hand_free"]())
    pick.add_effect(fluents["thing_at"](t, p), False)
    pick.add_effect(fluents["hand_free"](), False)
    pick.add_effect(fluents["holding"](t), True)
    put = planning.model.InstantaneousAction("put", t=thing, p=place)
    t, p = put.parameters
    put.add_precondition(fluents["at"](p))
    put.add_precondition(fluents["holding"](t))
    put.add_effect(fluents["holding"](t), False)
    put.add_effect(fluents["hand_free"](), True)
    put.add_effect(fluents["thing_at"](t, p), True)
    world.problem.add_actions([goto, look, pick, put])
    one = short.Int(1)
    costs = {goto: fluents["distance"](start, end), look: one, pick: one, put: one}
    world.problem.add_quality_metric(short.MinimizeActionCosts(costs))


def _tell_places(world: _World, index: GraphIndex, goals: Goals) -> None:
    net = index.net
    start = index.net.nearest(camera_position(index))[0]
    world.set("at", world.places[net.symbols[start]])
    world.set("hand_free")
    for symbol, place in world.places.items():
        if index.room_of.get(symbol) not in goals.avoid:
            world.set("safe", place)
    wide = net.edge_clearance_m >= RULE.clearance_m
    for (low, high), length_m in zip(
        net.edges[wide].tolist(), net.edge_length_m[wide], strict=True
    ):
        ends = world.places[net.symbols[low]], world.places[net.symbols[high]]
        for a, b in (ends, ends[::-1]):
            world.set("connected", a, b)
            world.set("distance", a, b, value=int(np.ceil(length_m * CM_PER_M)))


def _tell_things(world: _World, index: GraphIndex) -> None:
    movable = set(index.labels.ids("movable"))
    for symbol, thing in world.things.items():
        views = [world.places[p.place_id] for p in approach(index, str(symbol)).items[:VIEWS]]
        for place in views:
            world.set("faces", place, thing)
        if views:
            world.set("thing_at", thing, views[0])
        if index.objects[symbol].label in movable:
            world.set("movable", thing)


def _add_goals(planning: Any, world: _World, index: GraphIndex, goals: Goals) -> None:
    fluents, any_of = world.fluents, planning.shortcuts.Or
    look_at = goals.look_at
    if not (goals.be_in or look_at or goals.bring):
        look_at = tuple(s for s in world.things if approach(index, str(s)).is_found)
    for symbol in look_at:
        world.problem.add_goal(fluents["looked_at"](world.things[symbol]))
    for symbol, room in goals.bring:
        inside = index.places_in.get(room, ())
        thing = world.things[symbol]
        options = [fluents["thing_at"](thing, world.places[place]) for place in inside]
        world.problem.add_goal(any_of(*options))
    for room in goals.be_in:
        inside = index.places_in.get(room, ())
        world.problem.add_goal(any_of(*(fluents["at"](world.places[place]) for place in inside)))
