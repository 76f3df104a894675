"""Places: balls of free space and the edges one can travel between them."""

import numpy as np
from jaxtyping import Bool, Float64

from hydra_mono.core.freespace import FreeSpace
from hydra_mono.core.map.keyframe import KeyframeInput
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.nodes import Edge, PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import LAYERS_BY_NAME, Layer, NodeSymbol
from hydra_mono.graph.places.cover import Balls, Borders
from hydra_mono.graph.places.edges import Links
from hydra_mono.graph.places.plan import MIN_EDGE_CLEARANCE_M, PlaceRules, Plan, plan_places
from hydra_mono.graph.places.voronoi import VORONOI


class PlaceLayer:
    """Keeps the places of a scene graph in step with the free space.

    Hydra (Hughes et al. 2022, section III-B) finds places on the generalised Voronoi diagram;
    here the fewest balls on it are kept that fill the space, so what they cover is explicit.
    """

    def __init__(self, rules: PlaceRules) -> None:
        self._rules = rules
        self._archive = _Archive()

    def update(
        self, graph: SceneGraph, keyframe: KeyframeInput, borders: Borders | None = None
    ) -> None:
        """Replans what changed; places outside the window are frozen until it returns.

        ``borders``: of rooms, that places are to keep to one side of, where they are known.
        """
        space, stamp_ns = keyframe.free_space, keyframe.stamp_ns
        graph.advance(stamp_ns)
        if space.window_center_m is not None:
            self._archive.move_window(graph, space.window_center_m, space.window_radius_m)
        if not space.distance_m.size:
            return
        symbols, known = _places_in(graph, space)
        links, is_anchored = _links_between(graph, symbols)
        plan = plan_places(space, known, links, is_anchored, self._rules, borders)
        symbols = _write_nodes(graph, symbols, plan, stamp_ns)
        _write_edges(graph, symbols, plan, stamp_ns)

    def state(self) -> State:
        """See ``core.map.state``; the places themselves are in the graph."""
        return self._archive.state()

    def restore(self, state: State) -> None:
        self._archive.restore(state)


def create_places() -> PlaceLayer:
    """The layer by the one rule.

    Edges that join what nothing wider joins may be as narrow as places, or a fifth narrower than
    other edges, whichever is less.
    """
    least_m = VORONOI.min_distance_m
    rules = PlaceRules(
        min_radius_m=least_m,
        min_joining_clearance_m=min(least_m, 0.8 * MIN_EDGE_CLEARANCE_M),
        voronoi=VORONOI,
    )
    return PlaceLayer(rules)


class _Archive:
    """Where the frozen places are, so that those back in the window are found without a search."""

    def __init__(self, cell_m: float = 4.0) -> None:
        self._cell_m = cell_m
        self._cells: dict[tuple[int, ...], list[NodeSymbol]] = {}

    def move_window(
        self, graph: SceneGraph, center_m: Float64[np.ndarray, "3"], radius_m: float
    ) -> None:
        self._thaw(graph, center_m, radius_m)
        x, y, z = center_m.tolist()
        for symbol, node in graph.active_nodes(Layer.PLACES):
            dx, dy, dz = node.position_m[0] - x, node.position_m[1] - y, node.position_m[2] - z
            if (dx * dx + dy * dy + dz * dz) ** 0.5 > radius_m:
                graph.update_node(symbol, is_active=False)
                self._cells.setdefault(self._cell(node.position_m), []).append(symbol)

    def _thaw(self, graph: SceneGraph, center_m: Float64[np.ndarray, "3"], radius_m: float) -> None:
        if not self._cells:
            return
        first, last = self._cell(center_m - radius_m), self._cell(center_m + radius_m)
        for step in np.ndindex(*(b - a + 1 for a, b in zip(first, last, strict=True))):
            key = tuple(a + s for a, s in zip(first, step, strict=True))
            frozen = self._cells.pop(key, [])
            still = [s for s in frozen if not self._wake(graph, s, center_m, radius_m)]
            if still:
                self._cells[key] = still

    @staticmethod
    def _wake(
        graph: SceneGraph, symbol: NodeSymbol, center_m: Float64[np.ndarray, "3"], radius_m: float
    ) -> bool:
        """Whether the symbol needs no more watching: active again, or gone."""
        node = graph.find_node(symbol)
        if node is None:
            return True
        if _distance_m(node.position_m, center_m) > radius_m:
            return False
        graph.update_node(symbol, is_active=True)
        return True

    def state(self) -> State:
        cells = list(self._cells.items())
        return {
            "cells": [list(cell) for cell, _ in cells],
            "symbols": [[symbol.number for symbol in symbols] for _, symbols in cells],
        }

    def restore(self, state: State) -> None:
        prefix = LAYERS_BY_NAME["places"].prefixes
        self._cells = {
            tuple(cell): [NodeSymbol(prefix, number) for number in numbers]
            for cell, numbers in zip(state["cells"], state["symbols"], strict=True)
        }

    def _cell(self, position_m: tuple[float, ...] | np.ndarray) -> tuple[int, ...]:
        return tuple(int(np.floor(value / self._cell_m)) for value in position_m)


def _distance_m(position_m: tuple[float, ...], center_m: Float64[np.ndarray, "3"]) -> float:
    dx, dy, dz = (a - b for a, b in zip(position_m, center_m.tolist(), strict=True))
    return float((dx * dx + dy * dy + dz * dz) ** 0.5)


def _places_in(graph: SceneGraph, space: FreeSpace) -> tuple[list[NodeSymbol], Balls]:
    """Active places whose centre lies in the box."""
    x0, y0, z0 = (space.lower * space.voxel_size_m).tolist()
    x1, y1, z1 = ((space.lower + space.distance_m.shape) * space.voxel_size_m).tolist()
    found = [
        (symbol, node)
        for symbol, node in graph.active_nodes(Layer.PLACES)
        if x0 <= node.position_m[0] < x1
        and y0 <= node.position_m[1] < y1
        and z0 <= node.position_m[2] < z1
        and isinstance(node, PlaceNode)
    ]
    return [symbol for symbol, _ in found], Balls(
        center_m=np.array([node.position_m for _, node in found], np.float64).reshape(-1, 3),
        radius_m=np.array([node.radius_m for _, node in found], np.float64),
        basis_points=np.array([node.basis_points for _, node in found], np.int64),
    )


def _links_between(
    graph: SceneGraph, symbols: list[NodeSymbol]
) -> tuple[Links, Bool[np.ndarray, " n"]]:
    """Edges among the places, and which of them have edges to others as well."""
    row_of = {symbol: row for row, symbol in enumerate(symbols)}
    is_anchored = np.zeros(len(symbols), bool)
    pairs, clearances = [], []
    for row, symbol in enumerate(symbols):
        for other in graph.siblings(symbol):
            other_row = row_of.get(other)
            if other_row is None:
                is_anchored[row] = True
            elif other_row > row:
                pairs.append((row, other_row))
                clearances.append(graph.get_edge(symbol, other).weight)
    return Links(np.array(pairs, np.int64).reshape(-1, 2), np.array(clearances)), is_anchored


def _write_nodes(
    graph: SceneGraph, symbols: list[NodeSymbol], plan: Plan, stamp_ns: int
) -> list[NodeSymbol]:
    """Brings the nodes in line with the plan; returns the symbols of all its balls."""
    centers, radii = plan.balls.center_m.tolist(), plan.balls.radius_m.tolist()
    basis = plan.balls.basis_points.tolist()
    written = list(symbols)
    for row in range(len(plan.balls)):
        position = (centers[row][0], centers[row][1], centers[row][2])
        if row >= len(symbols):
            written.append(graph.next_symbol(LAYERS_BY_NAME["places"].prefixes))
        if row < len(symbols) and not plan.stays[row]:
            graph.remove_node(symbols[row])
        elif row < len(symbols) and plan.is_fresh[row]:
            graph.update_node(
                symbols[row],
                position_m=position,
                radius_m=radii[row],
                basis_points=basis[row],
                last_seen_ns=stamp_ns,
            )
        elif row >= len(symbols) and plan.stays[row]:
            node = PlaceNode(
                position_m=position,
                first_seen_ns=stamp_ns,
                last_seen_ns=stamp_ns,
                radius_m=radii[row],
                basis_points=basis[row],
            )
            graph.add_node(written[row], node)
    return written


def _write_edges(graph: SceneGraph, symbols: list[NodeSymbol], plan: Plan, stamp_ns: int) -> None:
    wanted = {
        (symbols[a], symbols[b]): weight
        for (a, b), weight in zip(
            plan.links.pairs.tolist(), plan.links.clearance_m.tolist(), strict=True
        )
    }
    row_of = {symbol: row for row, symbol in enumerate(symbols)}
    for row in np.flatnonzero(plan.is_fresh & plan.stays).tolist():
        for other in graph.siblings(symbols[row]):
            pair = (symbols[row], other)
            if other in row_of and pair not in wanted and pair[::-1] not in wanted:
                graph.remove_edge(*pair)
    for (a, b), weight in wanted.items():
        if graph.has_edge(a, b):
            graph.update_edge(a, b, weight=weight, last_seen_ns=stamp_ns)
        else:
            edge = Edge(
                first_seen_ns=stamp_ns, last_seen_ns=stamp_ns, weight=weight, is_weighted=True
            )
            graph.add_edge(a, b, edge)
