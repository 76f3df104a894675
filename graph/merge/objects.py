"""Objects that two robots saw."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from hydra_mono.core.box import box_iou
from hydra_mono.graph.merge.robots import robot_of
from hydra_mono.graph.merge.rule import MergeRule, Reconciled, seen_by_both
from hydra_mono.graph.model.nodes import ObjectNode, named_alike
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol


def join_objects(graph: SceneGraph, stamp_ns: int, rule: MergeRule, done: Reconciled) -> None:
    """Objects of one class whose boxes overlap, best overlap first, each robot's at most once."""
    by_label: dict[int, list[NodeSymbol]] = defaultdict(list)
    nodes = {s: n for s, n in graph.present(Layer.OBJECTS) if isinstance(n, ObjectNode)}
    for symbol in sorted(nodes):
        by_label[nodes[symbol].label].append(symbol)
    found = [pair for group in by_label.values() for pair in _overlaps(nodes, group, rule)]
    taken: dict[NodeSymbol, set[int]] = {s: {robot_of(s)} for s in nodes}
    gone: set[NodeSymbol] = set()
    for _, a, b in sorted(found, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if a in gone or b in gone or taken[a] & taken[b]:
            continue
        graph.update_node(a, **_whole(nodes[a], nodes[b]))
        nodes[a] = _object(graph, a)
        graph.mark_merged(b, a, stamp_ns)
        taken[a] |= taken[b]
        gone.add(b)
        done.objects += 1


def _object(graph: SceneGraph, symbol: NodeSymbol) -> ObjectNode:
    node = graph.get_node(symbol)
    assert isinstance(node, ObjectNode)
    return node


def _overlaps(
    nodes: dict[NodeSymbol, ObjectNode], group: list[NodeSymbol], rule: MergeRule
) -> Iterator[tuple[float, NodeSymbol, NodeSymbol]]:
    """(overlap, object of the lower robot, object of another) of objects of one class."""
    if len({robot_of(symbol) for symbol in group}) < 2:
        return
    centers_m = np.array([nodes[s].box.center_m for s in group])
    reach_m = np.array([np.linalg.norm(nodes[s].box.dimensions_m) / 2 for s in group])
    near = KDTree(centers_m).query_ball_point(centers_m, reach_m)
    for i, others in enumerate(near):
        for j in others:
            a, b = sorted((group[i], group[j]))
            if robot_of(a) == robot_of(b):
                continue
            iou = box_iou(nodes[a].box, nodes[b].box)
            if iou >= rule.iou:
                yield iou, a, b


def _whole(node: ObjectNode, part: ObjectNode) -> dict[str, Any]:
    """What an object is known to be once another robot's look at it is added."""
    better = part if part.seen_fraction > node.seen_fraction else node
    names = ("position_m", "box", "seen_fraction", "completed_sides")
    return {
        **{name: getattr(better, name) for name in names},
        **seen_by_both(node, part),
        **named_alike(node, part),
        "vertex_count": max(node.vertex_count, part.vertex_count),
    }
