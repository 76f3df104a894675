"""Whoever moves as agent nodes: one letter an agent, a node where he moved on."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from hydra_mono.core.errors import GraphError
from hydra_mono.core.map.motion import TrackedAgent
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.nodes import AgentNode, Edge
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol, agent_prefix

SEPARATION_M = 0.25  # between nodes of one agent: half a step, finer than any place
FIRST_AGENT = 1  # letters from ``b`` on; ``a`` is the camera
LEAST_SPEED_M_S = 0.1  # slower, the velocity does not tell which way somebody faces

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Last:
    """The newest node of a track."""

    prefix: str
    symbol: NodeSymbol
    position_m: tuple[float, float, float]


class AgentTracks:
    """Adds a node ``b(n)`` where a tracked agent moved on; neighbours along his track are linked.

    Agents beyond the letters there are get no nodes; the first such is told in the log.
    """

    def __init__(self, separation_m: float = SEPARATION_M) -> None:
        self._separation_m = separation_m
        self._last: dict[int, _Last] = {}
        self._is_full = False

    def update(self, graph: SceneGraph, agents: Sequence[TrackedAgent]) -> None:
        """Takes over one frame's agents; those supposed behind something change nothing."""
        for agent in agents:
            if agent.is_seen:
                self._follow(graph, agent)

    def _follow(self, graph: SceneGraph, agent: TrackedAgent) -> None:
        last = self._last.get(agent.track)
        if last is not None and math.dist(last.position_m, agent.position_m) < self._separation_m:
            graph.update_node(last.symbol, last_seen_ns=agent.stamp_ns)
            return
        prefix = self._new_prefix() if last is None else last.prefix
        if prefix is None:
            return
        symbol = graph.next_symbol(prefix)
        graph.add_node(symbol, _node(agent))
        if last is not None:
            edge = Edge(first_seen_ns=agent.stamp_ns, last_seen_ns=agent.stamp_ns)
            graph.add_edge(last.symbol, symbol, edge)
            graph.update_node(last.symbol, is_active=False)
        self._last[agent.track] = _Last(prefix, symbol, agent.position_m)

    def _new_prefix(self) -> str | None:
        """The next letter; None when they are used up."""
        try:
            return agent_prefix(FIRST_AGENT + len(self._last))
        except GraphError as error:
            if not self._is_full:
                logger.warning("more agents than the graph has letters for: %s", error)
            self._is_full = True
            return None

    def state(self) -> State:
        """See ``core.map.state``."""
        return {
            "tracks": list(self._last),
            "symbols": [str(last.symbol) for last in self._last.values()],
            "positions_m": [list(last.position_m) for last in self._last.values()],
            "is_full": self._is_full,
        }

    def restore(self, state: State) -> None:
        self._last = {}
        rows = zip(state["tracks"], state["symbols"], state["positions_m"], strict=True)
        for track, text, (x, y, z) in rows:
            symbol = NodeSymbol.parse(text)
            self._last[track] = _Last(symbol.prefix, symbol, (x, y, z))
        self._is_full = bool(state["is_full"])


def _node(agent: TrackedAgent) -> AgentNode:
    """The node where the agent is now, facing the way he goes."""
    x, y, _ = agent.velocity_m_s
    yaw_rad = math.atan2(y, x) if math.hypot(x, y) > LEAST_SPEED_M_S else 0.0
    return AgentNode(
        position_m=agent.position_m,
        first_seen_ns=agent.stamp_ns,
        last_seen_ns=agent.stamp_ns,
        stamp_ns=agent.stamp_ns,
        quat_wxyz=(math.cos(yaw_rad / 2), 0.0, 0.0, math.sin(yaw_rad / 2)),
    )
