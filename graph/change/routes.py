"""Objects that were seen to move: which one a track of motion began as, and where it led."""

import math
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field

from hydra_mono.core.map.motion import TrackedAgent
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.presence import Point
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

STILL_M = 0.1  # from its first place: there it has not set out yet, but for errors of the track
POINT_M = 0.25  # between points of a route: as between nodes of an agent
SET_OUT_M = 1.0  # a track is believed after 0.3 m or four frames; and half the size of an object
ARRIVED_M = 0.8  # between a track's end and the object there: a cluster may take in floor
ENDED_NS = 3_000_000_000  # its surface is taken out of the map so long before a track is believed
MOST_ROUTES = 32  # tracks remembered; the oldest led nowhere
MOST_POINTS = 64  # of a route; beyond, every second one of the older half is dropped


@dataclass(slots=True)
class Route:
    """``owner``: the object that set out, None where it is none that is known."""

    owner: NodeSymbol | None
    stamps_ns: list[int] = field(default_factory=list)
    positions_m: list[Point] = field(default_factory=list)

    def add(self, stamp_ns: int, position_m: Point) -> None:
        """Takes in where it is now, unless it is still where it was.

        The first stamp is the last one at its first place: a track may be traced back to then.
        """
        if self.positions_m and math.dist(self.positions_m[-1], position_m) < POINT_M:
            is_first = len(self.stamps_ns) == 1
            if is_first and math.dist(self.positions_m[0], position_m) < STILL_M:
                self.stamps_ns[0] = stamp_ns
            return
        self.stamps_ns.append(stamp_ns)
        self.positions_m.append(position_m)
        if len(self.stamps_ns) > MOST_POINTS:
            del self.stamps_ns[1 : MOST_POINTS // 2 : 2], self.positions_m[1 : MOST_POINTS // 2 : 2]


class Routes:
    """The latest tracks that have an object's label, by number."""

    def __init__(self) -> None:
        self._routes: dict[int, Route] = {}

    def follow(self, graph: SceneGraph, agents: Iterable[TrackedAgent]) -> None:
        """Takes one frame's agents in.

        An object whose surface was taken out because it moves was there all the same: if it was
        retracted for that, it is removed instead.
        """
        for agent in agents:
            if not agent.is_seen or not agent.label:
                continue
            route = self._routes.get(agent.track)
            if route is None:
                route = self._routes[agent.track] = Route(self._owner(graph, agent))
                if len(self._routes) > MOST_ROUTES:
                    del self._routes[next(iter(self._routes))]
            route.add(agent.stamp_ns, agent.position_m)
            if route.owner is not None and len(route.stamps_ns) > 1:
                _set_out(graph, route.owner, (route.stamps_ns[0], route.stamps_ns[1]))

    def _owner(self, graph: SceneGraph, agent: TrackedAgent) -> NodeSymbol | None:
        """The nearest object of its label that stands, or just stood, where it was first seen."""
        taken = {route.owner for route in self._routes.values()}
        near = [
            (math.dist(node.position_m[:2], agent.position_m[:2]), symbol)
            for symbol, node in graph.nodes(Layer.OBJECTS)
            if isinstance(node, ObjectNode)
            and node.label == agent.label
            and symbol not in taken
            and _may_set_out(node, agent.stamp_ns)
        ]
        away_m, symbol = min(near, default=(math.inf, None))
        return symbol if away_m <= SET_OUT_M else None

    def arrived(
        self, graph: SceneGraph, watched: Container[NodeSymbol]
    ) -> Iterator[tuple[NodeSymbol, NodeSymbol, Route]]:
        """(object that set out, the one that is where its route ended, the route); each once."""
        for track, route in list(self._routes.items()):
            node = graph.find_node(route.owner) if route.owner is not None else None
            if route.owner is None or not isinstance(node, ObjectNode) or node.removed_ns is None:
                continue
            near = [
                (math.dist(other.position_m[:2], route.positions_m[-1][:2]), symbol)
                for symbol, other in graph.present(Layer.OBJECTS)
                if symbol in watched and _may_be_it(node, other, route)
            ]
            away_m, symbol = min(near, default=(math.inf, None))
            if symbol is not None and away_m <= ARRIVED_M:
                del self._routes[track]
                yield route.owner, symbol, route

    def state(self) -> State:
        """See ``core.map.state``."""
        routes = self._routes.values()
        return {
            "tracks": list(self._routes),
            "owners": [None if route.owner is None else str(route.owner) for route in routes],
            "stamps_ns": [list(route.stamps_ns) for route in routes],
            "positions_m": [[list(point) for point in route.positions_m] for route in routes],
        }

    def restore(self, state: State) -> None:
        rows = zip(state["owners"], state["stamps_ns"], state["positions_m"], strict=True)
        routes = [
            Route(
                owner and NodeSymbol.parse(owner), list(stamps), [(x, y, z) for x, y, z in points]
            )
            for owner, stamps, points in rows
        ]
        self._routes = dict(zip(state["tracks"], routes, strict=True))


def _may_set_out(node: ObjectNode, stamp_ns: int) -> bool:
    ending = node.ending
    if ending is None:
        return True
    return ending.kind != "merged" and stamp_ns - ending.until_ns <= ENDED_NS


def _set_out(graph: SceneGraph, symbol: NodeSymbol, interval_ns: tuple[int, int]) -> None:
    node = graph.find_node(symbol)
    if isinstance(node, ObjectNode) and node.ending and node.ending.kind == "retracted":
        graph.mark_removed(symbol, interval_ns)


def _may_be_it(gone: ObjectNode, other: object, route: Route) -> bool:
    """Whether an object is of the label of one that set out, and was first seen since then."""
    return (
        isinstance(other, ObjectNode)
        and other.label == gone.label
        and other.presence is not None
        and gone.presence is not None
        and other.presence.first_seen_ns >= route.stamps_ns[0]
    )
