"""What differs between two versions of a node, or between the world as known at two stamps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hydra_mono.graph.model.nodes import (
    AgentNode,
    BuildingNode,
    Node,
    ObjectNode,
    Position,
    RoomNode,
)
from hydra_mono.graph.model.symbols import Layer, NodeSymbol


class Change(StrEnum):
    """``APPEARED``: came into the world; ``DISCOVERED``: seen for the first time, where nobody had
    looked before. ``VANISHED``: left the world. ``RETRACTED``: never was there. ``MERGED``: is part
    of another. ``REPARENTED``: is in another room, or part of another building.
    """

    APPEARED = "appeared"
    DISCOVERED = "discovered"
    VANISHED = "vanished"
    MOVED = "moved"
    RETRACTED = "retracted"
    MERGED = "merged"
    REPARENTED = "reparented"
    RELABELLED = "relabelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One change of a node.

    It happened after ``after_ns`` (None: nobody knows) and not later than ``before_ns``.
    ``from_m``/``to_m``: of what moved, or where it was, or is. ``from_name``/``to_name``: of what
    was relabelled. ``from_node``/``to_node``: old and new parent, or what it was merged into.
    """

    change: Change
    symbol: NodeSymbol
    name: str
    after_ns: int | None
    before_ns: int
    from_m: Position | None = None
    to_m: Position | None = None
    from_name: str | None = None
    to_name: str | None = None
    from_node: NodeSymbol | None = None
    to_node: NodeSymbol | None = None


def name_of(node: Node) -> str:
    """What people call a node: its label or its name."""
    if isinstance(node, ObjectNode | RoomNode | BuildingNode):
        return node.name
    return "agent" if isinstance(node, AgentNode) else "place"


def differences(
    symbol: NodeSymbol, before: Node | None, after: Node | None, known_ns: int
) -> list[Difference]:
    """What happened to a node from one version of it to a later one, known since ``known_ns``.

    None: it was no part of the graph.
    """
    was, now = _present(before), _present(after)
    if now is None:
        return [] if was is None else [_ended(symbol, was, after, known_ns)]
    if was is None:
        return _moved(symbol, before, now) or [_came(symbol, now)]
    return [*_moved(symbol, was, now), *_relabelled(symbol, was, now, known_ns)]


def _present(node: Node | None) -> Node | None:
    return node if node is not None and node.is_present else None


def _came(symbol: NodeSymbol, node: Node) -> Difference:
    presence = node.presence if isinstance(node, ObjectNode) else None
    after_ns = presence.appeared_after_ns if presence else None
    return Difference(
        change=Change.DISCOVERED if after_ns is None else Change.APPEARED,
        symbol=symbol,
        name=name_of(node),
        after_ns=after_ns,
        before_ns=presence.first_seen_ns if presence else node.first_seen_ns,
        to_m=node.position_m,
    )


def _ended(symbol: NodeSymbol, was: Node, now: Node | None, known_ns: int) -> Difference:
    """By its ending; what was dropped without one had no evidence, and counts as retracted."""
    ending = now.ending if now is not None else None
    kinds = {"removed": Change.VANISHED, "merged": Change.MERGED}
    change = Change.RETRACTED if ending is None else kinds.get(ending.kind, Change.RETRACTED)
    return Difference(
        change=change,
        symbol=symbol,
        name=name_of(was),
        after_ns=ending.from_ns if ending is not None else was.last_seen_ns,
        before_ns=ending.until_ns if ending is not None else known_ns,
        from_m=was.position_m,
        to_node=ending.into if ending is not None else None,
    )


def _moved(symbol: NodeSymbol, was: Node | None, now: Node) -> list[Difference]:
    """A longer trajectory: of what was there, or had been seen to be gone and is elsewhere."""
    if not isinstance(was, ObjectNode) or not isinstance(now, ObjectNode):
        return []
    old, new = was.trajectory, now.trajectory
    if len(new) <= max(len(old), 1) or new.stamps_ns[-1] in old.stamps_ns:
        return []
    seen_ns = was.presence.last_seen_ns if was.presence else was.last_seen_ns
    by_ns = new.stamps_ns[-1]
    return [
        Difference(
            change=Change.MOVED,
            symbol=symbol,
            name=now.name,
            after_ns=seen_ns if seen_ns < by_ns else new.stamps_ns[-2],
            before_ns=by_ns,
            from_m=was.position_m,
            to_m=new.positions_m[-1],
        )
    ]


def _relabelled(symbol: NodeSymbol, was: Node, now: Node, known_ns: int) -> list[Difference]:
    old, new = name_of(was), name_of(now)
    if old == new:
        return []
    return [
        Difference(
            change=Change.RELABELLED,
            symbol=symbol,
            name=new,
            after_ns=None,
            before_ns=known_ns,
            from_name=old,
            to_name=new,
        )
    ]


def reparented(
    nodes: Mapping[NodeSymbol, Node],
    before: Mapping[NodeSymbol, NodeSymbol],
    after: Mapping[NodeSymbol, NodeSymbol],
    between_ns: tuple[int, int],
) -> list[Difference]:
    """Of nodes that had a parent at both ends of a time, those that have another one."""
    return [
        Difference(
            change=Change.REPARENTED,
            symbol=symbol,
            name=name_of(node),
            after_ns=between_ns[0],
            before_ns=between_ns[1],
            from_node=before[symbol],
            to_node=after[symbol],
        )
        for symbol, node in sorted(nodes.items())
        if symbol in before and symbol in after and before[symbol] != after[symbol]
    ]


def in_order(found: Iterable[Difference]) -> list[Difference]:
    """By when each is known to have happened, then by node."""
    return sorted(found, key=lambda d: (d.before_ns, d.symbol.layer, d.symbol, d.change))


TOLD = (Layer.OBJECTS, Layer.ROOMS, Layer.BUILDINGS)
"""Layers whose nodes come and go in the world; places are planned anew all the time."""
