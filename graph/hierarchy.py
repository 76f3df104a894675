"""Which place an object or an agent belongs to."""

import numpy as np
from jaxtyping import Float64

from hydra_mono.graph.model.nodes import Edge, Node, ObjectNode, PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

CENTRE_WEIGHT = 0.05  # of the distance to a place's centre: ranks balls that all touch
TOLERANCE_M = 0.05  # half a voxel nearer than the present parent, so that noise re-parents nothing


def assign_parents(graph: SceneGraph, stamp_ns: int) -> None:
    """Gives every active object and agent, and every one without a parent, a place as parent.

    The place is the one whose ball of free space is nearest: a ball does not reach through a
    wall, so a place beyond the wall is farther even where its centre is nearer. Cost goes with
    the active nodes; only where no place is active are the archived ones looked at.
    """
    wanting = _wanting(graph)
    places = _places(graph) if wanting else []
    if not places:
        return
    centres = np.array([place.position_m for _, place in places])
    radii = np.array([place.radius_m for _, place in places])
    for symbol, node in wanting:
        scores = _scores(node, centres, radii)
        best = int(np.argmin(scores))
        if not _stays(graph, symbol, node, float(scores[best])):
            stamp = max(node.first_seen_ns, min(stamp_ns, node.last_seen_ns))
            edge = Edge(first_seen_ns=stamp, last_seen_ns=stamp)
            graph.set_parent(symbol, places[best][0], edge)
        _stamp(graph, symbol, node)


def _wanting(graph: SceneGraph) -> list[tuple[NodeSymbol, Node]]:
    """Objects and agents that are active or have no parent, sorted."""
    found: dict[NodeSymbol, Node] = {}
    for layer, partition in graph.layer_keys():
        if layer == Layer.OBJECTS:
            found.update(graph.active_nodes(layer, partition))
            found.update(graph.orphans(layer, partition))
    return sorted(found.items())


def _places(graph: SceneGraph) -> list[tuple[NodeSymbol, PlaceNode]]:
    """Active places, or all of them where none is active."""
    nodes = list(graph.active_nodes(Layer.PLACES)) or list(graph.nodes(Layer.PLACES))
    return [(symbol, node) for symbol, node in nodes if isinstance(node, PlaceNode)]


def _stays(graph: SceneGraph, symbol: NodeSymbol, node: Node, best: float) -> bool:
    """Whether the present parent, archived or not, is as near as the best active place."""
    parent = graph.find_parent(symbol)
    place = graph.find_node(parent) if parent is not None else None
    if not isinstance(place, PlaceNode):
        return False
    score = _scores(node, np.array([place.position_m]), np.array([place.radius_m]))[0]
    return bool(score <= best + TOLERANCE_M)


def _stamp(graph: SceneGraph, symbol: NodeSymbol, node: Node) -> None:
    parent = graph.find_parent(symbol)
    if parent is None:
        return
    last_seen_ns = max(node.last_seen_ns, graph.get_edge(symbol, parent).last_seen_ns)
    graph.update_edge(symbol, parent, last_seen_ns=last_seen_ns)


def _scores(
    node: Node, centres_m: Float64[np.ndarray, "p 3"], radii_m: Float64[np.ndarray, " p"]
) -> Float64[np.ndarray, " p"]:
    """Metres between the node's box, or its point, and each ball, plus a share of the centre's.

    0 is as near as can be: balls that touch a box are ranked by their centres.
    """
    if isinstance(node, ObjectNode):
        half = np.array(node.box.dimensions_m) / 2
        outside = np.maximum(np.abs(node.box.to_box_frame(centres_m)) - half, 0)
    else:
        outside = centres_m - np.array(node.position_m)
    distance = np.linalg.norm(outside, axis=1)
    return np.asarray(np.maximum(distance - radii_m, 0) + CENTRE_WEIGHT * distance)
