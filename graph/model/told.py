"""What was known when of objects, rooms and buildings, laid out for questions about a span of time.

A copy that later changes of the graph leave alone. A span costs as much as there are nodes that
changed after its beginning, not as there are nodes.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from jaxtyping import Int64

from hydra_mono.graph.model.differences import TOLD, Difference, differences, in_order, reparented
from hydra_mono.graph.model.nodes import Edge, Node, ObjectNode
from hydra_mono.graph.model.past import GraphPast, as_known
from hydra_mono.graph.model.presence import Trajectory
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

Value = TypeVar("Value")
Life = Sequence[tuple[int, Value | None]]  # since when a value was known, oldest first
NEVER_NS = -(1 << 62)  # before every stamp


@dataclass(frozen=True, slots=True)
class ToldPast:
    """``nodes``: versions of all told nodes, of row ``i`` those of ``symbols[i]``; and of places.

    ``parents``: of each child every edge to a parent that it ever had. ``changed_ns``: the latest
    stamp at which a told node, or what is above it, may have become another.
    """

    symbols: tuple[NodeSymbol, ...]
    nodes: Mapping[NodeSymbol, Life[Node]]
    parents: Mapping[NodeSymbol, Sequence[tuple[NodeSymbol, Life[Edge]]]]
    changed_ns: Int64[np.ndarray, " n"]

    def between(self, from_ns: int, until_ns: int) -> list[Difference]:
        """See ``GraphInTime.between``."""
        found: list[Difference] = []
        here: dict[NodeSymbol, Node] = {}
        for row in np.flatnonzero(self.changed_ns > from_ns).tolist():
            symbol = self.symbols[row]
            was, now = (_as_of(self._node(symbol, t), t) for t in (from_ns, until_ns))
            found += differences(symbol, was, now, until_ns)
            if _exists(was, from_ns) and now is not None and _exists(now, until_ns):
                here[symbol] = now
        was_in, is_in = (
            {symbol: above for symbol in here if (above := self._above(symbol, t)) is not None}
            for t in (from_ns, until_ns)
        )
        return in_order([*found, *reparented(here, was_in, is_in, (from_ns, until_ns))])

    def events(self) -> list[Difference]:
        """Everything known to have happened, by time."""
        return in_order(found for symbol in self.symbols for found in self._life(symbol))

    def _life(self, symbol: NodeSymbol) -> Iterator[Difference]:
        before: Node | None = None
        for known_ns, node in self.nodes[symbol]:
            yield from differences(symbol, before, node, known_ns)
            before = node

    def _node(self, symbol: NodeSymbol, stamp_ns: int) -> Node | None:
        return _value_at(self.nodes.get(symbol, ()), stamp_ns)

    def _above(self, symbol: NodeSymbol, stamp_ns: int) -> NodeSymbol | None:
        """The room of an object, else the parent, as known at a stamp."""
        above = self._parent(symbol, stamp_ns)
        while above is not None and above.layer < Layer.ROOMS:
            above = self._parent(above, stamp_ns)
        return above

    def _parent(self, child: NodeSymbol, stamp_ns: int) -> NodeSymbol | None:
        for parent, life in self.parents.get(child, ()):
            edge = _value_at(life, stamp_ns)
            if edge is not None and edge.first_seen_ns <= stamp_ns:
                return parent if _exists(self._node(parent, stamp_ns), stamp_ns) else None
        return None


def told_past(past: GraphPast) -> ToldPast:
    """The layout of a graph's memory; costs as much as it remembers."""
    symbols = tuple(s for s in past.symbols() if s.layer in TOLD and not s.is_agent)
    parents: dict[NodeSymbol, list[tuple[NodeSymbol, Life[Edge]]]] = {}
    for (low, high), life in past.edge_lives():
        if low.layer != high.layer and not low.is_agent:
            parents.setdefault(low, []).append((high, life))
    holders = {parent for edges in parents.values() for parent, _ in edges}
    nodes = {symbol: past.versions(symbol) for symbol in {*symbols, *holders}}
    changed_ns = [_changed_ns(symbol, nodes, parents) for symbol in symbols]
    return ToldPast(symbols, nodes, parents, np.array(changed_ns, np.int64))


def _changed_ns(
    symbol: NodeSymbol,
    nodes: Mapping[NodeSymbol, Life[Node]],
    parents: Mapping[NodeSymbol, Sequence[tuple[NodeSymbol, Life[Edge]]]],
) -> int:
    stamps_ns = [NEVER_NS, *_stamps_of(nodes[symbol])]
    for parent, life in parents.get(symbol, ()):
        stamps_ns.append(_switched_ns(life))
        if parent.layer < Layer.ROOMS:
            stamps_ns += [_switched_ns(above) for _, above in parents.get(parent, ())]
        if (versions := nodes[parent]) and not _is_there(versions[-1][1]):
            stamps_ns.append(versions[-1][0])
    return max(stamps_ns)


def _switched_ns(life: Life[Edge]) -> int:
    """When an edge last came or went; that it weighs something else moves nobody."""
    since_ns, there = NEVER_NS, bool(life) and life[-1][1] is not None
    for stamp_ns, edge in reversed(life):
        if (edge is not None) != there:
            break
        since_ns = stamp_ns
    return since_ns


def _stamps_of(versions: Life[Node]) -> Iterator[int]:
    """When a node last changed: as known, and by what its last version tells of its past."""
    if not versions:
        return
    stamp_ns, node = versions[-1]
    yield stamp_ns
    if node is not None and node.ending is not None:
        yield node.ending.until_ns
    if isinstance(node, ObjectNode):
        yield from node.trajectory.stamps_ns[-1:]


def _is_there(node: Node | None) -> bool:
    return node is not None and node.is_present


def _exists(node: Node | None, stamp_ns: int) -> bool:
    return node is not None and node.exists_at(stamp_ns)


def _value_at(life: Life[Value], stamp_ns: int) -> Value | None:
    row = bisect_right(life, stamp_ns, key=_stamp_of) - 1
    return life[row][1] if row >= 0 else None


def _stamp_of(entry: tuple[int, object]) -> int:
    return entry[0]


def _as_of(node: Node | None, stamp_ns: int) -> Node | None:
    """A version without what it tells of later times: a graph without history has one version."""
    if node is None:
        return None
    if node.ending is not None and node.ending.until_ns > stamp_ns:
        node = as_known(node, stamp_ns)
    if isinstance(node, ObjectNode) and node.trajectory.stamps_ns[-1:] > (stamp_ns,):
        return _before_moves(node, stamp_ns)
    return node


def _before_moves(node: ObjectNode, stamp_ns: int) -> ObjectNode:
    track = node.trajectory
    known = bisect_right(track.stamps_ns, stamp_ns)
    if not known:
        return node
    shorter = Trajectory(track.stamps_ns[:known], track.positions_m[:known], track.is_rest[:known])
    return replace(node, trajectory=shorter, position_m=track.positions_m[known - 1])
