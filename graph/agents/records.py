"""What is known of everybody who moved: trajectory, box, label, and where he has been."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from hydra_mono.core.map.motion import Position, TrackedAgent
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

SAMPLE_M = 0.1  # between samples of a trajectory: a fifth of the gate that tracks are scored with
SAMPLE_NS = 1_000_000_000  # and at the latest after a second, so that standing is told too
MOST_SAMPLES = 4096  # of one agent: 400 m; beyond, the older half is thinned by two


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """Somebody who moves, or moved; ``track`` is his number for good.

    ``symbols``: his nodes, oldest first. ``dimensions_m``: of his upright box, by world axes.
    ``label``: id of the label space, 0 for none. ``stamps_ns`` ascend; ``positions_m`` are
    middles of the box, ``velocities_m_s`` the filter's.
    """

    track: int
    symbols: tuple[NodeSymbol, ...]
    label: int
    color: tuple[int, int, int]
    dimensions_m: Position
    first_seen_ns: int
    last_seen_ns: int
    stamps_ns: Int64[np.ndarray, " n"]
    positions_m: Float64[np.ndarray, "n 3"]
    velocities_m_s: Float64[np.ndarray, "n 3"]

    def position_at(self, stamp_ns: int) -> Position | None:
        """Where he was, between samples by straight lines; None before and after he was seen."""
        if not self.first_seen_ns <= stamp_ns <= self.last_seen_ns:
            return None
        x, y, z = (np.interp(stamp_ns, self.stamps_ns, axis) for axis in self.positions_m.T)
        return float(x), float(y), float(z)


class Visit(NamedTuple):
    """A stay in a place; ``room`` is None where the place belongs to none."""

    place: NodeSymbol
    room: NodeSymbol | None
    from_ns: int
    until_ns: int


def visits(graph: SceneGraph, agent: AgentRecord) -> list[Visit]:
    """The places that an agent has been in, in order, as the graph's parents tell them now."""
    found: list[Visit] = []
    for symbol in agent.symbols:
        place = graph.find_parent(symbol)
        node = graph.find_node(symbol)
        if place is None or node is None:
            continue
        if found and found[-1].place == place:
            found[-1] = found[-1]._replace(until_ns=node.last_seen_ns)
        else:
            room = graph.find_parent(place)
            found.append(Visit(place, room, node.first_seen_ns, node.last_seen_ns))
    return found


@dataclass(slots=True)
class Journey:
    """An agent's samples as they come, bounded in number."""

    latest: TrackedAgent
    first_seen_ns: int
    numbers: list[int] = field(default_factory=list)  # of his nodes, all of one prefix
    samples: list[tuple[float, ...]] = field(default_factory=list)  # position and velocity
    stamps_ns: list[int] = field(default_factory=list)

    def add(self, agent: TrackedAgent) -> None:
        """Takes over a sighting; close ones only become the latest."""
        self.latest = agent
        if self.stamps_ns:
            moved_m = math.dist(self.samples[-1][:3], agent.position_m)
            if moved_m < SAMPLE_M and agent.stamp_ns - self.stamps_ns[-1] < SAMPLE_NS:
                return
        self._keep(agent)
        self._thin()

    def extend(self, later: "Journey") -> None:
        """Goes on with the samples of a track that turned out to be his, from his own last on."""
        if later.latest.stamp_ns <= self.latest.stamp_ns:
            return
        self._keep_latest()
        until_ns = self.stamps_ns[-1]
        later._keep_latest()
        for stamp_ns, sample in zip(later.stamps_ns, later.samples, strict=True):
            if stamp_ns > until_ns:
                self.stamps_ns.append(stamp_ns)
                self.samples.append(sample)
        self.latest = replace(later.latest, track=self.latest.track)
        self._thin()

    def _thin(self) -> None:
        while len(self.stamps_ns) > MOST_SAMPLES:
            half = len(self.stamps_ns) // 2
            self.stamps_ns = self.stamps_ns[:half:2] + self.stamps_ns[half:]
            self.samples = self.samples[:half:2] + self.samples[half:]

    def _keep_latest(self) -> None:
        if self.latest.stamp_ns > self.stamps_ns[-1]:
            self._keep(self.latest)

    def _keep(self, agent: TrackedAgent) -> None:
        self.stamps_ns.append(agent.stamp_ns)
        self.samples.append((*agent.position_m, *agent.velocity_m_s))

    def record(self, prefix: str) -> AgentRecord:
        """All of it, with the latest sighting."""
        stamps, samples, last = list(self.stamps_ns), list(self.samples), self.latest
        if last.stamp_ns > stamps[-1]:
            stamps.append(last.stamp_ns)
            samples.append((*last.position_m, *last.velocity_m_s))
        values = np.array(samples, np.float64)
        return AgentRecord(
            track=last.track,
            symbols=tuple(NodeSymbol(prefix, number) for number in self.numbers),
            label=last.label,
            color=last.color,
            dimensions_m=last.dimensions_m,
            first_seen_ns=self.first_seen_ns,
            last_seen_ns=last.stamp_ns,
            stamps_ns=np.array(stamps, np.int64),
            positions_m=values[:, :3],
            velocities_m_s=values[:, 3:],
        )

    def state(self) -> State:
        """See ``core.map.state``."""
        last = self.latest
        return {
            "latest": {name: getattr(last, name) for name in TrackedAgent.__dataclass_fields__}
            | {
                "position_m": list(last.position_m),
                "velocity_m_s": list(last.velocity_m_s),
                "dimensions_m": list(last.dimensions_m),
                "color": list(last.color),
            },
            "first_seen_ns": self.first_seen_ns,
            "numbers": np.array(self.numbers, np.int64),
            "samples": np.array(self.samples, np.float64),
            "stamps_ns": np.array(self.stamps_ns, np.int64),
        }

    @staticmethod
    def restored(state: State) -> "Journey":
        """The journey that gave the state."""
        latest: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in state["latest"].items()
        }
        return Journey(
            TrackedAgent(**latest),
            state["first_seen_ns"],
            state["numbers"].tolist(),
            [tuple(row) for row in state["samples"].tolist()],
            state["stamps_ns"].tolist(),
        )
