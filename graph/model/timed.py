"""Queries of a scene graph about time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hydra_mono.core.errors import GraphError
from hydra_mono.graph.model.differences import Difference
from hydra_mono.graph.model.flow import Flow, Pose, Visit, flow_of, visits_of
from hydra_mono.graph.model.looks import Look, LookLog
from hydra_mono.graph.model.nodes import AgentNode, Node, ObjectNode, Position
from hydra_mono.graph.model.past import GraphPast
from hydra_mono.graph.model.symbols import CAMERA_PREFIX, Layer, NodeSymbol
from hydra_mono.graph.model.told import ToldPast, told_past

if TYPE_CHECKING:
    from hydra_mono.graph.model.scene_graph import SceneGraph


@dataclass(frozen=True, slots=True)
class LastSeen:
    """When and where a node was last seen, and in which room (None: in none that is known)."""

    stamp_ns: int
    position_m: Position
    room: NodeSymbol | None


class GraphInTime:
    """The questions; the answers are in ``past`` (what was known when) and ``looks``."""

    origin_m: Position
    looks: LookLog
    _past: GraphPast
    _read_past: Callable[[], GraphPast] | None = None
    _told: tuple[GraphPast, tuple[int, int], ToldPast] | None = None

    @property
    def past(self) -> GraphPast:
        """What was known when; of a graph from a file it is read at the first question about it.

        Raises:
            ExportError: what the file told is damaged.
        """
        if self._read_past is not None:
            self._past, self._read_past = self._read_past(), None
        return self._past

    @past.setter
    def past(self, past: GraphPast) -> None:
        self._past, self._read_past = past, None

    def read_past_later(self, read: Callable[[], GraphPast]) -> None:
        """``read`` gives the past when it is needed: before the first change, or question of it."""
        self._read_past = read

    @property
    def is_past_read(self) -> bool:
        return self._read_past is None

    def told(self) -> ToldPast:
        """The past as it is now, for questions about spans of time; made anew after changes."""
        past = self.past
        if self._told is None or self._told[0] is not past or self._told[1] != past.version:
            self._told = past, past.version, told_past(past)
        return self._told[2]

    def at(self, stamp_ns: int) -> "SceneGraph":
        """The world as known at a stamp: what was present then, as and where it was then.

        Positions, boxes, labels, parents and edges are those of that instant, of nodes too that
        were removed, retracted, merged or planned anew since; told to ``past.slot_ns``.
        """
        graph = type(_whole(self))(self.origin_m)
        graph._fill(self.past.nodes_at(stamp_ns), self.past.edges_at(stamp_ns))
        return graph

    def between(self, from_ns: int, until_ns: int) -> list[Difference]:
        """What the world as known at one stamp has, or lacks, beside that at another: by time.

        Of objects, rooms and buildings; places are planned anew all the time.

        Raises:
            GraphError: the second stamp is before the first.
        """
        if until_ns < from_ns:
            raise GraphError(f"nothing is between {from_ns} and {until_ns}, which is before it")
        return self.told().between(from_ns, until_ns)

    def events(self, since_ns: int | None = None) -> list[Difference]:
        """Everything known to have happened, or to have happened after a stamp, by time."""
        found = self.told().events()
        return [d for d in found if since_ns is None or d.before_ns > since_ns]

    def last_seen(self, symbol: NodeSymbol) -> LastSeen:
        """When and where a node was last seen, ended or not; of an agent, its latest pose.

        Raises:
            GraphError: there never was such a node.
        """
        graph = _whole(self)
        if symbol.is_agent:
            symbol = max(graph.symbols(symbol.layer, symbol.partition), default=symbol)
        node = graph.find_node(symbol) or _last_version(self.past, symbol)
        room = room_of(graph, symbol) if graph.has_node(symbol) else None
        return LastSeen(_last_seen_ns(node), node.position_m, room)

    def was_looked_at(self, symbol: NodeSymbol, since_ns: int) -> Look:
        """Whether an object's place was looked at since a stamp, and what was seen there.

        Raises:
            GraphError: there never was such a node.
        """
        _last_version(self.past, symbol)
        return self.looks.since(symbol, since_ns)

    def flow(self, place: NodeSymbol) -> Flow:
        """Who went through a place, in which direction and when.

        Raises:
            GraphError: there is no such node.
        """
        graph = _whole(self)
        graph.get_node(place)
        return flow_of([visit for at, visit in visits(graph) if at == place])


def _whole(part: GraphInTime) -> "SceneGraph":
    """The graph that these queries are about; it is the only one with them."""
    return cast("SceneGraph", part)


def room_of(graph: "SceneGraph", symbol: NodeSymbol) -> NodeSymbol | None:
    """The room above a node, or itself; None where it is in none."""
    above: NodeSymbol | None = symbol
    while above is not None and above.layer < Layer.ROOMS:
        above = graph.find_parent(above)
    return above if above is not None and above.layer is Layer.ROOMS else None


def _last_version(past: GraphPast, symbol: NodeSymbol) -> Node:
    known = [node for _, node in past.versions(symbol) if node is not None]
    if not known:
        raise GraphError(f"there is no node {symbol}, and there never was")
    return known[-1]


def _last_seen_ns(node: Node) -> int:
    presence = node.presence if isinstance(node, ObjectNode) else None
    if presence is None:
        return node.last_seen_ns
    is_gone = presence.vanished_before_ns is not None
    return presence.last_seen_ns if is_gone else max(presence.last_seen_ns, node.last_seen_ns)


def flows(graph: "SceneGraph") -> dict[NodeSymbol, Flow]:
    """The flow of every place that somebody visited."""
    by_place: dict[NodeSymbol, list[Visit]] = {}
    for place, visit in visits(graph):
        by_place.setdefault(place, []).append(visit)
    return {place: flow_of(found) for place, found in sorted(by_place.items())}


def visits(graph: "SceneGraph") -> Iterator[tuple[NodeSymbol, Visit]]:
    """(place, visit) of every agent but the camera, agent by agent, each in order of time."""
    for layer, partition in graph.layer_keys():
        if partition and layer is Layer.OBJECTS and chr(partition) != CAMERA_PREFIX:
            for poses in _journeys(graph, graph.symbols(layer, partition)):
                yield from visits_of(chr(partition), poses)


def _journeys(graph: "SceneGraph", symbols: list[NodeSymbol]) -> Iterable[list[Pose]]:
    """The poses along each agent's links; several agents may share a letter."""
    journeys: dict[NodeSymbol, list[Pose]] = {}
    of: dict[NodeSymbol, list[Pose]] = {}
    for symbol in sorted(symbols):
        before = [other for other in graph.siblings(symbol) if other < symbol and other in of]
        poses = of[before[-1]] if before else journeys.setdefault(symbol, [])
        of[symbol] = poses
        node, place = graph.get_node(symbol), graph.find_parent(symbol)
        if isinstance(node, AgentNode):
            is_place = place is not None and place.layer is Layer.PLACES
            poses.append((node, place if is_place else None))
    return journeys.values()
