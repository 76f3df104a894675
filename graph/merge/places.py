"""Places of two robots: those that are one, and edges between neighbours."""

from collections import Counter

import numpy as np
from jaxtyping import Float64

from hydra_mono.graph.merge.balls import Balls
from hydra_mono.graph.merge.rule import MergeRule, Reconciled
from hydra_mono.graph.model.nodes import Edge
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol


def join_places(graph: SceneGraph, balls: Balls, rule: MergeRule, done: Reconciled) -> None:
    """Places with nearly one centre become one, and neighbours of two robots are joined."""
    gone: set[int] = set()
    kept: set[int] = set()
    for a, b, away_m in balls.pairs(rule.same_place_m):
        if a in gone or b in gone or b in kept:
            continue
        _absorb(graph, balls.symbols[b], balls.symbols[a], away_m)
        gone.add(b)
        kept.add(a)
        done.places += 1
    _link(graph, balls, gone, rule, done)


def _link(
    graph: SceneGraph, balls: Balls, gone: set[int], rule: MergeRule, done: Reconciled
) -> None:
    """Edges to the nearest places of other robots, a few from each."""
    links: Counter[int] = Counter()
    for a, b, away_m in balls.pairs(2 * float(balls.radius_m.max(initial=0.0))):
        ends = balls.symbols[a], balls.symbols[b]
        clearance_m = _clearance_between(balls.radius_m[[a, b]], away_m)
        if a in gone or b in gone or clearance_m < rule.link_m or graph.has_edge(*ends):
            continue
        if max(links[a], links[b]) >= rule.links:
            continue
        nodes = [balls.places[end] for end in ends]
        stamps = {
            "first_seen_ns": max(node.first_seen_ns for node in nodes),
            "last_seen_ns": max(node.last_seen_ns for node in nodes),
        }
        graph.add_edge(*ends, Edge(weight=clearance_m, is_weighted=True, **stamps))
        links.update((a, b))
        done.links += 1


def _absorb(graph: SceneGraph, source: NodeSymbol, target: NodeSymbol, away_m: float) -> None:
    """Gives a place's edges to another so near by; their clearance shrinks by as much at most."""
    for other in graph.siblings(source):
        edge = graph.get_edge(source, other)
        graph.update_edge(source, other, weight=max(edge.weight - away_m, 0.0))
    graph.merge_nodes(source, target)


def _clearance_between(radius_m: Float64[np.ndarray, "2"], away_m: float) -> float:
    """Free on the line between two balls' centres: at least as much as where they cross."""
    return min(float(radius_m.min()), float(radius_m.sum() - away_m) / 2)
