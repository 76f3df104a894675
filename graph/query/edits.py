"""Corrections by hand: they stay over later updates, and over saving and loading.

What a node has of a person's is told by its ``by_hand``; the graph's verbs leave that alone.
"""

from dataclasses import replace

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.errors import QueryError
from hydra_mono.core.labels import UNKNOWN
from hydra_mono.graph.model.nodes import (
    BY_HAND_ENDING,
    BY_HAND_NAME,
    BY_HAND_NODE,
    ByHand,
    Edge,
    Ending,
    Node,
    ObjectNode,
    Position,
)
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import LAYERS_BY_NAME, Layer, NodeSymbol
from hydra_mono.graph.query.snapshot.index import GraphIndex
from hydra_mono.graph.query.snapshot.names import find_node
from hydra_mono.graph.query.snapshot.words import plain_words

LONGEST_NAME = 80  # characters; more is no name
USUAL_SIZE_M = (0.3, 0.3, 0.3)  # of what is added without one: some small thing
OBJECTS = LAYERS_BY_NAME["objects"]


def rename(index: GraphIndex, name: str, new_name: str) -> NodeSymbol:
    """Gives an object or a room a name of its own.

    Raises:
        QueryError: nothing is called so, or the new name is empty, too long, or taken.
    """
    symbol = find_node(index, name, (Layer.OBJECTS, Layer.ROOMS))
    wanted = " ".join(new_name.split()).strip("'\"")
    if not wanted or len(wanted) > LONGEST_NAME or not wanted.isprintable():
        raise QueryError(f"a name has 1 to {LONGEST_NAME} printable characters")
    if _is_taken(index, symbol, wanted):
        raise QueryError(f"'{wanted}' is taken already")
    node = index.graph.get_node(symbol)
    by_hand = _with(node, BY_HAND_NAME)
    index.graph.update_node(symbol, name=wanted, by_hand=by_hand)
    return symbol


def _is_taken(index: GraphIndex, symbol: NodeSymbol, name: str) -> bool:
    try:
        return find_node(index, name, (Layer.OBJECTS, Layer.ROOMS)) != symbol
    except QueryError:
        return False


def remove(index: GraphIndex, name: str) -> NodeSymbol:
    """Says that an object is not there: it is retracted, and stays so.

    Raises:
        QueryError: there is no object of that name, or there are several.
    """
    symbol = find_node(index, name, (Layer.OBJECTS,))
    node = index.graph.get_node(symbol)
    ending = Ending("retracted", index.now_ns, index.now_ns)
    by_hand = _with(node, BY_HAND_ENDING)
    index.graph.update_node(symbol, ending=ending, is_active=False, by_hand=by_hand)
    return symbol


def add(
    index: GraphIndex,
    category: str,
    position_m: Position,
    size_m: tuple[float, float, float] = USUAL_SIZE_M,
) -> NodeSymbol:
    """Adds an object round a position; its place, and so its room, is the nearest.

    Raises:
        QueryError: the class has no name, or the size is none.
    """
    kind = plain_words(category)
    if not kind or len(kind) > LONGEST_NAME or min(size_m) <= 0:
        raise QueryError("an object needs a class, and sizes above 0")
    label = next((entry for entry in index.labels.labels if entry.name.lower() == kind), None)
    node = ObjectNode(
        position_m=position_m,
        first_seen_ns=index.now_ns,
        last_seen_ns=index.now_ns,
        is_active=False,
        label=label.id if label else UNKNOWN,
        name=label.name if label else kind,
        color=label.color if label else OBJECTS.color,
        box=BoundingBox(position_m, size_m),
        by_hand=(BY_HAND_NODE,),
    )
    symbol = index.graph.next_symbol(OBJECTS.prefixes)
    index.graph.add_node(symbol, node)
    _put_at_nearest_place(index, index.graph, symbol, position_m)
    return symbol


def _put_at_nearest_place(
    index: GraphIndex, graph: SceneGraph, symbol: NodeSymbol, position_m: Position
) -> None:
    for row in index.net.nearest(position_m):
        edge = Edge(first_seen_ns=index.now_ns, last_seen_ns=index.now_ns)
        graph.set_parent(symbol, index.net.symbols[row], edge)


def _with(node: Node, said: ByHand) -> tuple[ByHand, ...]:
    return node.by_hand if said in node.by_hand else (*node.by_hand, said)


def take_edits_over(before: SceneGraph, after: SceneGraph) -> None:
    """Repeats on one graph what people said of the nodes of another that has the same symbols."""
    for key in before.layer_keys():
        for symbol, node in before.nodes(*key):
            if node.by_hand:
                _repeat(before, after, symbol, node)


def _repeat(before: SceneGraph, after: SceneGraph, symbol: NodeSymbol, node: Node) -> None:
    if not after.has_node(symbol):
        if BY_HAND_NODE in node.by_hand:
            after.add_node(symbol, replace(node))
            parent = before.find_parent(symbol)
            if parent is not None and after.has_node(parent):
                after.set_parent(symbol, parent, before.get_edge(symbol, parent))
        return
    said: dict[str, object] = {"by_hand": node.by_hand}
    if BY_HAND_NAME in node.by_hand:
        said["name"] = getattr(node, "name", "")
    if BY_HAND_ENDING in node.by_hand:
        said |= {"ending": node.ending, "is_active": False}
    after.update_node(symbol, **said)
