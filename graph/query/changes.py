"""What changed, and when something was last seen."""

from hydra_mono.graph.model.differences import Change, Difference
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.query.answers import Answer, ChangeFact, ObjectFact
from hydra_mono.graph.query.snapshot.facts import object_fact
from hydra_mono.graph.query.snapshot.index import GraphIndex
from hydra_mono.graph.query.snapshot.names import find_node
from hydra_mono.graph.query.snapshot.words import display_name

LATEST_NS = 1 << 62  # after every stamp: what is known now


def last_seen(index: GraphIndex, name: str) -> Answer[ObjectFact]:
    """When and where an object was last seen, whether it is there still or not.

    Raises:
        QueryError: there is no object of that name, or there are several.
    """
    symbol = find_node(index, name, (Layer.OBJECTS,))
    fact, ending = object_fact(index, symbol), index.objects[symbol].ending
    if ending is None:
        return Answer("found", (fact,))
    if ending.kind == "removed":
        return Answer("was there until", (fact,), "seen to be gone since")
    return Answer("none", (fact,), f"{ending.kind}: it is no object of its own")


def changed(index: GraphIndex, since_ns: int | None = None) -> Answer[ChangeFact]:
    """What the objects of the map have become since a stamp, in the order of time.

    The difference between the world as known then and now, ``GraphInTime.between``; without a
    stamp everything that happened, ``GraphInTime.events``.
    """
    told = index.told()
    found = told.events() if since_ns is None else told.between(since_ns, LATEST_NS)
    facts = tuple(_fact(index, d) for d in found if d.symbol.layer is Layer.OBJECTS)
    if facts:
        return Answer("found", facts)
    if since_ns is not None and since_ns >= index.now_ns:
        return Answer("not seen yet", (), "nobody has looked since")
    return Answer("none", (), "nothing changed since")


def _fact(index: GraphIndex, found: Difference) -> ChangeFact:
    node = index.objects.get(found.symbol)
    at_m = found.to_m or found.from_m or (node.position_m if node else None)
    return ChangeFact(
        kind=found.change.value,
        object_id=found.symbol,
        name=display_name(found.symbol, node) if node else f"{found.name} {found.symbol.number}",
        from_ns=found.before_ns if found.after_ns is None else found.after_ns,
        until_ns=min(found.before_ns, max(index.now_ns, found.after_ns or 0)),
        position_m=at_m or (0.0, 0.0, 0.0),
        before_m=found.from_m if found.change is Change.MOVED else None,
        detail=_detail(index, found),
    )


def _detail(index: GraphIndex, found: Difference) -> str:
    """What it was, where it was, or what it is part of."""
    if found.change is Change.RELABELLED:
        return f"from {found.from_name} to {found.to_name}"
    ends = [_named(index, end) for end in (found.from_node, found.to_node) if end is not None]
    return " to ".join(ends) if found.change is Change.REPARENTED else "".join(ends)


def _named(index: GraphIndex, symbol: NodeSymbol) -> str:
    if symbol in index.rooms:
        return index.rooms[symbol].name
    return display_name(symbol, node) if (node := index.objects.get(symbol)) else str(symbol)
