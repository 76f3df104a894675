"""Who went through places, in which direction and when: counts over the agents' trajectories."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hydra_mono.core.map.ranges import AngleRad, Count, StampNs
from hydra_mono.graph.model.nodes import AgentNode, Position
from hydra_mono.graph.model.symbols import NodeSymbol

SECTORS = 8  # of directions, the first centred on +x, counter-clockwise: as compasses have
HOURS = 24
_HOUR_NS = 3_600_000_000_000
_LEAST_STEP_M = 0.1  # passing through; shorter, the direction is noise


@dataclass(frozen=True, slots=True)
class Visit:
    """An agent's stay at a place: letter, stamps of its first and last pose there.

    ``direction_rad``: from where it came to where it went on, counter-clockwise from +x seen from
    above; None for one that came and went on the same side, or stayed.
    """

    agent: str
    from_ns: StampNs
    until_ns: StampNs
    direction_rad: AngleRad | None


@dataclass(frozen=True, slots=True)
class Flow:
    """``visits``: in order of time. ``directions``: how many of them went into each of eight
    sectors, the first centred on +x, counter-clockwise. ``hours``: how many began in each hour of
    the day, of the stamps' own clock.
    """

    visits: tuple[Visit, ...]
    directions: tuple[Count, ...]
    hours: tuple[Count, ...]

    @property
    def count(self) -> int:
        return len(self.visits)


Pose = tuple[AgentNode, NodeSymbol | None]  # and the place it is at


def flow_of(visits: Sequence[Visit]) -> Flow:
    turn = 2 * math.pi / SECTORS
    sectors = Counter(
        round(visit.direction_rad / turn) % SECTORS
        for visit in visits
        if visit.direction_rad is not None
    )
    hours = Counter(visit.from_ns // _HOUR_NS % HOURS for visit in visits)
    return Flow(
        visits=tuple(sorted(visits, key=lambda visit: (visit.from_ns, visit.agent))),
        directions=tuple(sectors[i] for i in range(SECTORS)),
        hours=tuple(hours[i] for i in range(HOURS)),
    )


def visits_of(agent: str, poses: Sequence[Pose]) -> Iterator[tuple[NodeSymbol, Visit]]:
    """(place, visit) along one agent's poses in order of time."""
    start = 0
    for end in range(1, len(poses) + 1):
        if end < len(poses) and poses[end][1] == poses[start][1]:
            continue
        place = poses[start][1]
        if place is not None:
            came, went = poses[max(start - 1, 0)][0], poses[min(end, len(poses) - 1)][0]
            direction_rad = _direction_rad(came.position_m, went.position_m)
            first, last = poses[start][0], poses[end - 1][0]
            until_ns = max(last.stamp_ns, last.last_seen_ns)
            yield place, Visit(agent, first.stamp_ns, until_ns, direction_rad)
        start = end


def _direction_rad(start: Position, end: Position) -> float | None:
    x, y = end[0] - start[0], end[1] - start[1]
    return math.atan2(y, x) if math.hypot(x, y) >= _LEAST_STEP_M else None
