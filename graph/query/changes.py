"""What changed, and when something was last seen."""

import math
from collections.abc import Iterator

from hydra_mono.graph.model.nodes import ObjectNode, Position
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.query.answers import Answer, ChangeFact, ObjectFact
from hydra_mono.graph.query.facts import object_fact
from hydra_mono.graph.query.index import GraphIndex
from hydra_mono.graph.query.names import find_node
from hydra_mono.graph.query.words import display_name

MOVED_M = 0.3  # a centre that moves less may be a box that was seen from another side


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


def changed(index: GraphIndex, since_ns: int) -> Answer[ChangeFact]:
    """What came, went or moved after a stamp, in the order of time."""
    found = [
        fact
        for symbol, node in index.objects.items()
        for fact in _changes_of(index, symbol, node, since_ns)
    ]
    found.sort(key=lambda fact: (fact.until_ns, fact.object_id))
    if found:
        return Answer("found", tuple(found))
    if since_ns >= index.now_ns:
        return Answer("not seen yet", (), "nobody has looked since")
    return Answer("none", (), "nothing changed since")


def _changes_of(
    index: GraphIndex, symbol: NodeSymbol, node: ObjectNode, since_ns: int
) -> Iterator[ChangeFact]:
    name, ending = display_name(symbol, node), node.ending
    if node.first_seen_ns > since_ns and ending is None:
        seen_ns, where_m = node.first_seen_ns, node.position_m
        yield ChangeFact("appeared", symbol, name, seen_ns, seen_ns, where_m)
    if ending is not None:
        if ending.until_ns > since_ns:
            span = ending.from_ns, ending.until_ns
            yield ChangeFact(ending.kind, symbol, name, *span, node.position_m)
        return
    if node.last_seen_ns <= since_ns:
        return
    before = _position_at(index, symbol, since_ns)
    if before is not None and math.dist(before[1], node.position_m) > MOVED_M:
        span = before[0], node.last_seen_ns
        yield ChangeFact("moved", symbol, name, *span, node.position_m, before[1])


def _position_at(
    index: GraphIndex, symbol: NodeSymbol, stamp_ns: int
) -> tuple[int, Position] | None:
    """Since when and where it was as known at a stamp; None where it was not known then."""
    moves = index.moves.get(symbol, ())
    known = [(since_ns, position_m) for since_ns, position_m in moves if since_ns <= stamp_ns]
    return known[-1] if known else None
