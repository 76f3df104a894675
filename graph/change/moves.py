"""Moved objects: who may be whom, and two nodes made one with a trajectory."""

from collections.abc import Iterable, Mapping

from hydra_mono.graph.change.identity import Candidate
from hydra_mono.graph.change.routes import Route
from hydra_mono.graph.change.samples import Appearance
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.presence import Presence, Trajectory
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

MOST_CANDIDATES = 64  # of those that came or went: older ones have been somewhere else since
_OF_ITS_PLACE = (
    *("position_m", "box", "seen_fraction", "completed_sides", "vertex_count"),
    *("mesh_blocks", "is_active", "last_seen_ns"),
)


def candidates(
    graph: SceneGraph, symbols: Iterable[NodeSymbol], appearances: Mapping[NodeSymbol, Appearance]
) -> list[Candidate]:
    """Objects whose appearance is known, with the interval in which they went, or came."""
    found = []
    for symbol in symbols:
        node, appearance = graph.find_node(symbol), appearances.get(symbol)
        if not isinstance(node, ObjectNode) or node.presence is None or appearance is None:
            continue
        known = node.presence
        after, before = known.appeared_after_ns, known.first_seen_ns
        if known.vanished_before_ns is not None:
            after, before = known.last_seen_ns, known.vanished_before_ns
        size = node.box.dimensions_m
        found.append(Candidate(symbol, node.label, size, appearance, after or 0, before))
    return found


def join(
    graph: SceneGraph,
    kept: NodeSymbol,
    given_up: NodeSymbol,
    stamp_ns: int,
    route: Route | None = None,
) -> None:
    """The object that vanished is where the other appeared: one node, with its trajectory.

    ``route``: on which it was seen to move there.
    """
    old, new = graph.get_node(kept), graph.get_node(given_up)
    assert isinstance(old, ObjectNode) and isinstance(new, ObjectNode)
    assert old.presence is not None and new.presence is not None
    graph.set_parent(kept, None, None)
    graph.mark_merged(given_up, kept, stamp_ns)
    first_ns, came_ns = old.presence.first_seen_ns, new.presence.first_seen_ns
    start = old.trajectory or Trajectory((first_ns,), (old.position_m,))
    last_ns = max(new.presence.last_seen_ns, came_ns)
    if route is not None:
        start, came_ns = _along(start, old, route), route.stamps_ns[-1]
    graph.update_node(
        kept,
        **{name: getattr(new, name) for name in _OF_ITS_PLACE},
        ending=None,
        trajectory=start.and_then(came_ns, new.position_m),
        presence=Presence(old.presence.appeared_after_ns, first_ns, last_ns, None),
    )


def _along(start: Trajectory, old: ObjectNode, route: Route) -> Trajectory:
    """A trajectory that goes on from where an object was last seen, up to the route's last point.

    That one is left out: there the object rests.
    """
    assert old.presence is not None
    left_ns = min(old.presence.last_seen_ns, route.stamps_ns[0] - 1)
    left_ns = max(left_ns, start.stamps_ns[-1])
    start = start.and_then(left_ns, old.position_m, is_rest=False)
    for stamp_ns, position_m in zip(route.stamps_ns[:-1], route.positions_m[:-1], strict=True):
        start = start.and_then(stamp_ns, position_m, is_rest=False)
    return start


def enqueue(newest_last: dict[NodeSymbol, None], symbol: NodeSymbol) -> None:
    """The newest last; the oldest is forgotten where there are too many."""
    newest_last.pop(symbol, None)
    newest_last[symbol] = None
    if len(newest_last) > MOST_CANDIDATES:
        del newest_last[next(iter(newest_last))]
