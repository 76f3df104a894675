"""Graphs at random, for hypothesis."""

import math

from hypothesis import strategies as st

from hydra_mono.core.box import BoundingBox
from hydra_mono.graph.model.nodes import (
    AgentNode,
    BuildingNode,
    Edge,
    Ending,
    Node,
    ObjectNode,
    PlaceNode,
    RoomNode,
)
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

metres = st.floats(-1e3, 1e3, allow_nan=False)
lengths = st.floats(0, 50)
stamps = st.integers(0, 2**62)
vectors = st.tuples(metres, metres, metres)
quats = st.floats(-math.pi, math.pi).map(
    lambda rad: (math.cos(rad), 0.0, 0.6 * math.sin(rad), 0.8 * math.sin(rad))
)
colors = st.tuples(*[st.integers(0, 255)] * 3)
boxes = st.builds(
    BoundingBox, vectors, st.tuples(lengths, lengths, lengths), st.floats(-math.pi, math.pi)
)
names = st.text(st.characters(codec="utf-8"), max_size=8)
endings = st.builds(
    Ending,
    kind=st.sampled_from(["removed", "retracted", "merged"]),
    from_ns=stamps,
    until_ns=stamps,
    into=st.none() | st.builds(NodeSymbol, st.sampled_from("OpRBab"), st.integers(0, 10**6)),
)
common = {
    "position_m": vectors,
    "first_seen_ns": stamps,
    "last_seen_ns": stamps,
    "is_active": st.booleans(),
    "ending": st.none() | endings,
}
named = common | {"name": names, "color": colors, "box": boxes}
NODES: dict[str, st.SearchStrategy[Node]] = {
    "O": st.builds(
        ObjectNode,
        **named,
        label=st.integers(1, 255),
        seen_fraction=st.floats(0, 1),
        completed_sides=st.lists(st.sampled_from(["-x", "+x", "-z"]), max_size=3).map(tuple),
        vertex_count=st.integers(0, 10**6),
        mesh_blocks=st.lists(st.tuples(*[st.integers(-99, 99)] * 3), max_size=3).map(tuple),
    ),
    "p": st.builds(PlaceNode, **common, radius_m=lengths, basis_points=st.integers(0, 9)),
    "R": st.builds(RoomNode, **named, storey=st.integers(-2, 9)),
    "B": st.builds(BuildingNode, **named, storey_heights_m=st.lists(metres, max_size=3).map(tuple)),
    "a": st.builds(AgentNode, **common, stamp_ns=stamps, quat_wxyz=quats),
}
NODES["b"] = NODES["a"]
edges = st.builds(
    Edge, first_seen_ns=stamps, last_seen_ns=stamps, weight=lengths, is_weighted=st.booleans()
)


@st.composite
def graphs(draw: st.DrawFn) -> SceneGraph:
    """Up to two nodes of each kind, and whichever of the drawn edges the graph accepts."""
    graph = SceneGraph()
    for prefix, nodes in NODES.items():
        for number in draw(st.lists(st.integers(0, 10**6), max_size=2, unique=True)):
            graph.add_node(NodeSymbol(prefix, number), draw(nodes))
    everything = [n for key in graph.layer_keys() for n in graph.symbols(*key)]
    if not everything:
        return graph
    for _ in range(draw(st.integers(0, 8))):
        a, b = draw(st.sampled_from(everything)), draw(st.sampled_from(everything))
        if a != b and not graph.has_edge(a, b) and _fits(graph, a, b):
            graph.add_edge(a, b, draw(edges))
    return graph


def _fits(graph: SceneGraph, a: NodeSymbol, b: NodeSymbol) -> bool:
    if a.layer == b.layer:
        return a.partition == b.partition
    return graph.find_parent(a if a.layer < b.layer else b) is None
