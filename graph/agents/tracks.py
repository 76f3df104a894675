"""Whoever moves as agent nodes: one letter an agent, a node where he moved on."""

import math
from collections.abc import Sequence
from dataclasses import replace

from hydra_mono.core.map.motion import TrackedAgent
from hydra_mono.core.map.state import State
from hydra_mono.graph.agents.records import AgentRecord, Journey
from hydra_mono.graph.model.nodes import AgentNode, Edge
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import AGENT_PREFIXES, NodeSymbol, agent_prefix

SEPARATION_M = 0.25  # between nodes of one agent: half a step, finer than any place
FIRST_AGENT = 1  # letters from ``b`` on; ``a`` is the camera
LEAST_SPEED_M_S = 0.1  # slower, the velocity does not tell where somebody faces


class AgentTracks:
    """Adds a node ``b(n)`` where a tracked agent moved on; neighbours along his track are linked.

    Agents beyond the letters there are share the last one, each with a chain of his own. A track
    found out to be of somebody known goes on as his: its nodes are merged into nodes of his letter.
    """

    def __init__(self, separation_m: float = SEPARATION_M) -> None:
        self._separation_m = separation_m
        self._journeys: dict[int, Journey] = {}
        self._prefixes: dict[int, str] = {}  # of those merged too: letters are not recycled

    def update(self, graph: SceneGraph, agents: Sequence[TrackedAgent]) -> None:
        """Takes over one frame's agents; those supposed behind something change nothing."""
        for agent in agents:
            if agent.formerly is not None:
                self._merge(graph, agent.formerly, agent)
            if agent.is_seen:
                self._follow(graph, agent)

    def records(self) -> tuple[AgentRecord, ...]:
        """Everybody who ever moved, by number."""
        known = sorted(self._journeys.items())
        return tuple(journey.record(self._prefixes[track]) for track, journey in known)

    def _follow(self, graph: SceneGraph, agent: TrackedAgent) -> None:
        journey = self._journeys.get(agent.track)
        if journey is None:
            journey = self._journeys[agent.track] = Journey(agent, agent.stamp_ns)
            index = min(FIRST_AGENT + len(self._prefixes), len(AGENT_PREFIXES) - 1)
            self._prefixes[agent.track] = agent_prefix(index)
        journey.add(agent)
        prefix = self._prefixes[agent.track]
        last = _last_node(prefix, journey)
        if last is not None and self._is_near(graph, last, agent):
            graph.update_node(last, last_seen_ns=agent.stamp_ns)
            return
        symbol = graph.next_symbol(prefix)
        graph.add_node(symbol, _node(agent))
        if last is not None and graph.has_node(last):
            edge = Edge(first_seen_ns=agent.stamp_ns, last_seen_ns=agent.stamp_ns)
            graph.add_edge(last, symbol, edge)
            graph.update_node(last, is_active=False)
        journey.numbers.append(symbol.number)

    def _merge(self, graph: SceneGraph, track: int, agent: TrackedAgent) -> None:
        """The nodes of a track given up go on as those of the agent it turned out to be.

        Each is merged into one of his letter at the same place and time; what was seen beside him,
        a part of his, into his last.
        """
        given_up, kept = self._journeys.get(track), self._journeys.get(agent.track)
        if given_up is None or kept is None:
            return
        del self._journeys[track]
        until_ns, prefix = kept.latest.stamp_ns, self._prefixes[agent.track]
        for number in given_up.numbers:
            symbol = NodeSymbol(self._prefixes[track], number)
            node, last = graph.find_node(symbol), _last_node(prefix, kept)
            if node is None or last is None or not graph.has_node(last):
                continue
            if node.last_seen_ns > until_ns:
                into = graph.next_symbol(prefix)
                graph.add_node(into, replace(node, is_active=False))
                seen = Edge(first_seen_ns=node.first_seen_ns, last_seen_ns=node.first_seen_ns)
                graph.add_edge(last, into, seen)
                kept.numbers.append(into.number)
                last = into
            graph.mark_merged(symbol, last, agent.stamp_ns)
        kept.extend(given_up)

    def _is_near(self, graph: SceneGraph, symbol: NodeSymbol, agent: TrackedAgent) -> bool:
        node = graph.find_node(symbol)
        if node is None:
            return False
        return math.dist(node.position_m, agent.position_m) < self._separation_m

    def state(self) -> State:
        """See ``core.map.state``."""
        return {
            "known": list(self._prefixes),
            "prefixes": list(self._prefixes.values()),
            "tracks": list(self._journeys),
            "journeys": [journey.state() for journey in self._journeys.values()],
        }

    def restore(self, state: State) -> None:
        self._prefixes = dict(zip(state["known"], state["prefixes"], strict=True))
        restored = [Journey.restored(journey) for journey in state["journeys"]]
        self._journeys = dict(zip(state["tracks"], restored, strict=True))


def _last_node(prefix: str, journey: Journey) -> NodeSymbol | None:
    return NodeSymbol(prefix, journey.numbers[-1]) if journey.numbers else None


def _node(agent: TrackedAgent) -> AgentNode:
    """The node where the agent is now, facing where he goes."""
    x, y, _ = agent.velocity_m_s
    yaw_rad = math.atan2(y, x) if math.hypot(x, y) > LEAST_SPEED_M_S else 0.0
    return AgentNode(
        position_m=agent.position_m,
        first_seen_ns=agent.stamp_ns,
        last_seen_ns=agent.stamp_ns,
        stamp_ns=agent.stamp_ns,
        quat_wxyz=(math.cos(yaw_rad / 2), 0.0, 0.0, math.sin(yaw_rad / 2)),
    )
