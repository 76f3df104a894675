"""What a run's graph says of tracks, stays and changes, as plain values."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from hydra_mono.evaluation.dynamics.changes import ChangeKind, FoundChange
from hydra_mono.evaluation.dynamics.objects_over_time import Stay
from hydra_mono.graph.model.nodes import AgentNode, ObjectNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import CAMERA_PREFIX, Layer, NodeSymbol

PAUSE_NS = 1_000_000_000  # nobody is supposed where he was not seen for longer


@dataclass(frozen=True, slots=True)
class FoundTrack:
    """Where somebody was seen: ``seen_until_ns[i]`` is when he left ``positions_m[i]``."""

    number: int
    stamps_ns: Int64[np.ndarray, " n"]
    seen_until_ns: Int64[np.ndarray, " n"]
    positions_m: Float64[np.ndarray, "n 3"]

    def at(self, stamp_ns: int) -> Float64[np.ndarray, "3"] | None:
        """His place at a stamp, between two nodes in between; None where he was not seen."""
        row = int(np.searchsorted(self.stamps_ns, stamp_ns, side="right")) - 1
        if row < 0:
            return None
        if row + 1 < len(self.stamps_ns):
            gap = int(self.stamps_ns[row + 1] - self.seen_until_ns[row])
            if gap <= PAUSE_NS:
                return np.array(
                    [np.interp(stamp_ns, self.stamps_ns, axis) for axis in self.positions_m.T]
                )
        is_seen = stamp_ns <= self.seen_until_ns[row]
        return self.positions_m[row] if is_seen else None


def found_tracks(graph: SceneGraph) -> list[FoundTrack]:
    """One a letter of agents, without the camera's."""
    by_letter: dict[str, list[AgentNode]] = {}
    for key in graph.layer_keys():
        for symbol, node in graph.present(*key):
            if isinstance(node, AgentNode) and symbol.prefix != CAMERA_PREFIX:
                by_letter.setdefault(symbol.prefix, []).append(node)
    return [_track(number, nodes) for number, nodes in enumerate(by_letter.values())]


def _track(number: int, nodes: list[AgentNode]) -> FoundTrack:
    nodes = sorted(nodes, key=lambda node: node.stamp_ns)
    return FoundTrack(
        number=number,
        stamps_ns=np.array([node.stamp_ns for node in nodes], np.int64),
        seen_until_ns=np.array([max(node.stamp_ns, node.last_seen_ns) for node in nodes], np.int64),
        positions_m=np.array([node.position_m for node in nodes], np.float64).reshape(-1, 3),
    )


def found_stays(graph: SceneGraph) -> list[tuple[int, Stay]]:
    """(the run's label, stay) of every object at every place; not of what never was there."""
    objects = [(s, n) for s, n in graph.nodes(Layer.OBJECTS) if isinstance(n, ObjectNode)]
    parts: dict[NodeSymbol, list[ObjectNode]] = {}
    for _, node in objects:
        if node.ending is not None and node.ending.into is not None:
            parts.setdefault(node.ending.into, []).append(node)
    return [
        (node.label, stay) for symbol, node in objects for stay in stays_of(node, parts.get(symbol))
    ]


def stays_of(node: ObjectNode, merged: list[ObjectNode] | None = None) -> list[Stay]:
    """The one place that knows how the graph tells when an object was where.

    An object that nobody saw come was there always. What is retracted or merged has no stay of its
    own; ``merged`` are the nodes that are part of this one: they tell when it came to a new place.
    """
    if node.ending is not None and node.ending.kind != "removed":
        return []
    presence, trajectory = node.presence, node.trajectory
    came, went = (-math.inf, -math.inf), (math.inf, math.inf)
    if node.ending is not None:
        went = (float(node.ending.from_ns), float(node.ending.until_ns))
    if presence is not None and presence.vanished_before_ns is not None:
        went = (float(presence.last_seen_ns), float(presence.vanished_before_ns))
    if presence is not None and presence.appeared_after_ns is not None:
        came = (float(presence.appeared_after_ns), float(presence.first_seen_ns))
    if not trajectory:
        return [Stay(node.label, node.box.center_m, came, went)]
    rests, stamps_ns = trajectory.rests, trajectory.stamps_ns
    begins = [came, *(_move(stamps_ns, i, merged or []) for i in rests[1:])]
    ends = [
        begin if after == at + 1 else (float(stamps_ns[at + 1]), float(stamps_ns[at + 2]))
        for at, after, begin in zip(rests, rests[1:], begins[1:], strict=False)
    ]
    return [
        Stay(node.label, trajectory.positions_m[at], begin, end)
        for at, begin, end in zip(rests, begins, [*ends, went], strict=True)
    ]


def _move(stamps_ns: tuple[int, ...], i: int, merged: list[ObjectNode]) -> tuple[float, float]:
    """When it came to its ``i``-th place: after the last look there that did not show it."""
    looks = [node.presence for node in merged]
    after = [
        look.appeared_after_ns
        for look in looks
        if look is not None
        and look.first_seen_ns == stamps_ns[i]
        and look.appeared_after_ns is not None
    ]
    return float(max([stamps_ns[i - 1], *after])), float(stamps_ns[i])


def found_changes(stays: list[Stay]) -> list[FoundChange]:
    """Beginnings and ends of stays that have both a before and an after."""
    changes = []
    kinds: tuple[ChangeKind, ...] = ("appeared", "vanished")
    for stay in stays:
        for kind, (first, last) in zip(kinds, (stay.came_ns, stay.went_ns), strict=True):
            if math.isfinite(first) and math.isfinite(last):
                changes.append(FoundChange(kind, stay.label, stay.center_m, int(first), int(last)))
    return changes
