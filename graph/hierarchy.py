"""Which place an object or an agent belongs to."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.map.state import State
from hydra_mono.graph.model.history import Changes, Version
from hydra_mono.graph.model.nodes import Edge, Node, ObjectNode, PlaceNode, Position
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

CENTRE_WEIGHT = 0.05  # of the distance to a place's centre: ranks balls that all touch
TOLERANCE_M = 0.05  # half a voxel nearer than the present parent, so that noise re-parents nothing

Ball = tuple[Position, float]
Balls = dict[NodeSymbol, Ball]
Nodes = dict[NodeSymbol, Node]


class ParentAssigner:
    """Gives every active object and agent, and every one without a parent, a place as parent.

    The place is the one whose ball of free space is nearest: a ball does not reach through a
    wall, so a place beyond the wall is farther even where its centre is nearer. Only where no
    place is active are the archived ones looked at.

    Nodes that changed are compared with every active place, all others with the places that
    moved since the last update, so the cost goes with what changed.
    """

    def __init__(self) -> None:
        self._version: Version = (0, 0)
        self._balls: Balls = {}
        self._scores: dict[NodeSymbol, tuple[NodeSymbol, float]] = {}

    def update(self, graph: SceneGraph, stamp_ns: int) -> None:
        """Brings parents up to date; new edges begin when their node was seen, at ``stamp_ns``."""
        graph.advance(stamp_ns)
        changes = graph.changes_since(self._version).nodes
        self._version = graph.version
        moved = self._sync(graph, changes)
        archived = [s for s in changes.changed if s.layer is Layer.PLACES and s not in self._balls]
        anew = _to_look_at_anew(graph, changes, [*moved, *archived])
        for symbol in (*anew, *changes.removed):
            self._scores.pop(symbol, None)
        others = {s: node for s, node in _active(graph) if s not in anew}
        places = self._balls or _all_balls(graph)
        self._assign(graph, anew, places, stamp_ns)
        self._assign(graph, others, self._compared(places, changes, moved), stamp_ns)
        for symbol, node in sorted(anew.items()):
            _mark_seen(graph, symbol, node)

    def state(self) -> State:
        """See ``core.map.state``."""
        scores = [(str(s), str(p), score) for s, (p, score) in self._scores.items()]
        balls = [(str(s), *position, radius) for s, (position, radius) in self._balls.items()]
        return {
            "version": list(self._version),
            "balls": [list(row) for row in balls],
            "scores": [list(row) for row in scores],
        }

    def restore(self, state: State) -> None:
        parse = NodeSymbol.parse
        self._version = (state["version"][0], state["version"][1])
        self._balls = {parse(s): ((x, y, z), radius) for s, x, y, z, radius in state["balls"]}
        self._scores = {parse(s): (parse(p), score) for s, p, score in state["scores"]}

    def _sync(self, graph: SceneGraph, changes: Changes[NodeSymbol]) -> list[NodeSymbol]:
        """Takes over the active places; returns those that came, moved or woke."""
        moved = []
        for symbol in (*changes.new, *changes.changed):
            node = graph.get_node(symbol)
            if not isinstance(node, PlaceNode):
                continue
            ball = (node.position_m, node.radius_m)
            if not (node.is_active and node.is_present):
                self._balls.pop(symbol, None)
            elif self._balls.get(symbol) != ball:
                self._balls[symbol] = ball
                moved.append(symbol)
        for symbol in changes.removed:
            self._balls.pop(symbol, None)
        return moved

    def _compared(
        self, places: Balls, changes: Changes[NodeSymbol], moved: list[NodeSymbol]
    ) -> Balls:
        """Places that a node which did not change may belong to now.

        Those that moved; where none is active, all once any changed: the last active one may have
        been archived, and its children are nearer to an older one.
        """
        if self._balls:
            return {symbol: places[symbol] for symbol in moved}
        news = (*changes.new, *changes.changed, *changes.removed)
        return places if any(symbol.layer is Layer.PLACES for symbol in news) else {}

    def _assign(self, graph: SceneGraph, nodes: Nodes, places: Balls, stamp_ns: int) -> None:
        """Re-parents the nodes to which one of the places is nearer than their present parent."""
        if not nodes or not places:
            return
        children, symbols = sorted(nodes), sorted(places)
        scores = _scores([nodes[child] for child in children], [places[s] for s in symbols])
        nearest = scores.argmin(axis=1).tolist()
        for row, child in enumerate(children):
            node, best, score = nodes[child], symbols[nearest[row]], float(scores[row].min())
            if self._score_of_parent(graph, child, node) <= score + TOLERANCE_M:
                continue
            seen_ns = max(node.first_seen_ns, min(stamp_ns, node.last_seen_ns))
            graph.set_parent(child, best, Edge(first_seen_ns=seen_ns, last_seen_ns=seen_ns))
            self._scores[child] = (best, score)
            _mark_seen(graph, child, node)

    def _score_of_parent(self, graph: SceneGraph, child: NodeSymbol, node: Node) -> float:
        """That of the present parent, archived or not; infinite without one."""
        parent = graph.find_parent(child)
        known = self._scores.get(child)
        if known is not None and known[0] == parent:
            return known[1]
        place = graph.find_node(parent) if parent is not None else None
        if parent is None or not isinstance(place, PlaceNode):
            return float("inf")
        score = float(_scores([node], [(place.position_m, place.radius_m)])[0, 0])
        self._scores[child] = (parent, score)
        return score


def _to_look_at_anew(
    graph: SceneGraph, changes: Changes[NodeSymbol], places: list[NodeSymbol]
) -> Nodes:
    """Objects and agents that changed, have no parent, or whose parent is one of the places."""
    anew: Nodes = {}
    for symbol in (*changes.new, *changes.changed):
        if symbol.layer is Layer.OBJECTS and (node := graph.get_node(symbol)).is_active:
            anew[symbol] = node
    for place in places:
        for symbol in graph.children(place):
            if (node := graph.get_node(symbol)).is_active:
                anew[symbol] = node
    for layer, partition in graph.layer_keys():
        if layer is Layer.OBJECTS:
            anew.update(graph.orphans(layer, partition))
    return anew


def _active(graph: SceneGraph) -> Iterator[tuple[NodeSymbol, Node]]:
    """Active objects and agents."""
    for layer, partition in graph.layer_keys():
        if layer is Layer.OBJECTS:
            yield from graph.active_nodes(layer, partition)


def _all_balls(graph: SceneGraph) -> Balls:
    return {
        symbol: (node.position_m, node.radius_m)
        for symbol, node in graph.present(Layer.PLACES)
        if isinstance(node, PlaceNode)
    }


def _mark_seen(graph: SceneGraph, symbol: NodeSymbol, node: Node) -> None:
    """The edge to the parent was last seen when the node was."""
    parent = graph.find_parent(symbol)
    if parent is not None:
        last_seen_ns = max(node.last_seen_ns, graph.get_edge(symbol, parent).last_seen_ns)
        graph.update_edge(symbol, parent, last_seen_ns=last_seen_ns)


def _scores(nodes: list[Node], balls: list[Ball]) -> Float64[np.ndarray, "n p"]:
    """Metres between each node's box, or its point, and each ball, plus a share to the centre.

    0 is as near as can be: balls that touch a box are ranked by their centres.
    """
    boxes = [node.box if isinstance(node, ObjectNode) else None for node in nodes]
    centers = np.array(
        [b.center_m if b else n.position_m for b, n in zip(boxes, nodes, strict=True)]
    )
    half = np.array([box.dimensions_m if box else (0.0, 0.0, 0.0) for box in boxes]) / 2
    yaws = np.array([box.yaw_rad if box else 0.0 for box in boxes])[:, None]
    dx, dy, dz = np.moveaxis(np.array([ball[0] for ball in balls]) - centers[:, None], 2, 0)
    cos, sin = np.cos(yaws), np.sin(yaws)
    along = np.stack([cos * dx + sin * dy, cos * dy - sin * dx, dz], axis=2)
    distance = np.linalg.norm(np.maximum(np.abs(along) - half[:, None], 0), axis=2)
    radii = np.array([ball[1] for ball in balls])
    return np.asarray(np.maximum(distance - radii, 0) + CENTRE_WEIGHT * distance)
