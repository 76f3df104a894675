"""Stages of the graph, put back elsewhere, hold what they held."""

import numpy as np
from helpers_graph import object_node, place, standing_box
from helpers_rooms import Explorer, World

from hydra_mono.core.map.state import Stateful
from hydra_mono.graph.hierarchy import ParentAssigner
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

TWO_ROOMS = World([(0, 0, 5, 4), (5.2, 0, 10, 4)]).open((5, 1.5, 5.2, 2.4))


def same(a: object, b: object) -> bool:
    """Whether two states are equal, arrays and all."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(np.array_equal(np.asarray(a), np.asarray(b)))


def test_walls_and_rooms_go_on_as_those_they_were_taken_from() -> None:
    one, other = (Explorer(TWO_ROOMS) for _ in range(2))
    one.see((-9, -9), (6, 9))
    for name in ("graph", "walls", "layer"):
        stage: Stateful = getattr(other, name)
        stage.restore(getattr(one, name).state())
        assert same(stage.state(), getattr(one, name).state())
    other.stamp_ns, other.truth = one.stamp_ns, dict(one.truth)
    one.see(), other.see()
    assert other.partition() == one.partition() and one.room_count() == 2
    assert same(other.graph.state(), one.graph.state())


def test_parents_are_looked_for_where_they_were_left() -> None:
    graph, one, other = SceneGraph(), ParentAssigner(), ParentAssigner()
    graph.add_node(NodeSymbol("p", 0), place(0.0, 0.0, 1.0, 0.5))
    graph.add_node(NodeSymbol("O", 0), object_node(standing_box(1.0, 0.0, (1.0, 1.0, 0.7))))
    one.update(graph, 3)
    other.restore(one.state())
    assert same(other.state(), one.state())
    version = graph.version
    other.update(graph, 4)
    assert graph.version == version
