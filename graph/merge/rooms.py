"""Rooms that two robots saw, and the buildings over them."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from hydra_mono.core.box import axis_aligned_box
from hydra_mono.graph.merge.balls import Balls
from hydra_mono.graph.merge.robots import robot_of
from hydra_mono.graph.merge.rule import MergeRule, Reconciled, seen_by_both
from hydra_mono.graph.model.nodes import BuildingNode, Passage, RoomNode, Window
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol


def join_rooms(
    graph: SceneGraph, balls: Balls, stamp_ns: int, rule: MergeRule, done: Reconciled
) -> None:
    """Rooms of two robots whose free space is in good part the same."""
    shared: Counter[tuple[NodeSymbol, NodeSymbol]] = Counter()
    for a, b in _covered(balls):
        rooms = graph.find_parent(balls.symbols[a]), graph.find_parent(balls.symbols[b])
        if rooms[0] is not None and rooms[1] is not None:
            shared[rooms[0], rooms[1]] += 1
    sizes = {room: len(graph.children(room)) for room, _ in graph.present(Layer.ROOMS)}
    shares: dict[tuple[NodeSymbol, NodeSymbol], float] = {}
    for (inner, outer), count in shared.items():
        lower, upper = sorted((inner, outer))
        share = count / max(sizes[inner], 1)
        shares[lower, upper] = max(share, shares.get((lower, upper), 0.0))
    into = done.rooms_into
    for (lower, upper), share in sorted(shares.items(), key=lambda e: (-e[1], e[0])):
        stays, goes = sorted((last_of(into, lower), last_of(into, upper)))
        if share >= rule.inside_share and stays != goes and robot_of(goes) != robot_of(stays):
            graph.update_node(stays, **_joined_room(_room(graph, stays), _room(graph, goes)))
            graph.mark_merged(goes, stays, stamp_ns)
            into[goes] = stays
            done.rooms += 1
    for symbol, node in list(graph.present(Layer.ROOMS)):
        if isinstance(node, RoomNode) and into:
            passages = tuple(dict.fromkeys(_renamed_passages(node.passages, into)))
            graph.update_node(symbol, passages=passages)


def _covered(balls: Balls) -> Iterator[tuple[int, int]]:
    """(row, row of the nearest place of another robot whose ball holds its centre)."""
    largest_m = float(balls.radius_m.max(initial=0.0))
    seen: set[tuple[int, int]] = set()
    for a, b, away_m in balls.pairs(largest_m):  # nearest first
        for inner, outer in ((a, b), (b, a)):
            key = inner, int(balls.robots[outer])
            if key not in seen and away_m < balls.radius_m[outer]:
                seen.add(key)
                yield inner, outer


def last_of(into: dict[NodeSymbol, NodeSymbol], symbol: NodeSymbol) -> NodeSymbol:
    while symbol in into:
        symbol = into[symbol]
    return symbol


def _room(graph: SceneGraph, symbol: NodeSymbol) -> RoomNode:
    node = graph.get_node(symbol)
    assert isinstance(node, RoomNode)
    return node


def _joined_room(node: RoomNode, part: RoomNode) -> dict[str, Any]:
    corners = np.concatenate([node.box.corners(), part.box.corners()])
    larger = part if part.area_m2 > node.area_m2 else node
    surer = part if part.probability > node.probability else node
    return {
        **seen_by_both(node, part),
        "box": axis_aligned_box(corners),
        **{name: getattr(larger, name) for name in ("outline_m", "area_m2")},
        **{name: getattr(surer, name) for name in ("category", "probability", "evidence")},
        "height_m": max(node.height_m, part.height_m),
        "passages": node.passages + part.passages,
        "windows": _unlike(node.windows + part.windows),
        "name": part.name if "name" in part.by_hand and not node.by_hand else node.name,
        "by_hand": tuple(dict.fromkeys((*node.by_hand, *part.by_hand))),
    }


def _unlike(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Windows of two maps of a room; of one seen twice, the larger view."""
    kept: list[Window] = []
    for window in sorted(windows, key=lambda w: -w.width_m * w.height_m):
        if all(math.dist(window.position_m, w.position_m) >= window.width_m for w in kept):
            kept.append(window)
    return tuple(kept)


def _renamed_passages(
    passages: Iterable[Passage], into: dict[NodeSymbol, NodeSymbol]
) -> Iterator[Passage]:
    """Passages between the rooms that are left; of one seen twice, the first."""
    kept: list[Passage] = []
    for passage in passages:
        first, second = sorted(last_of(into, room) for room in passage.rooms)
        middle = np.array(passage.position_m)
        again = any(
            p.rooms == (first, second)
            and np.linalg.norm(np.array(p.position_m) - middle) < max(p.width_m, passage.width_m)
            for p in kept
        )
        if first != second and not again:
            kept.append(replace(passage, rooms=(first, second)))
    yield from kept


def join_buildings(graph: SceneGraph, stamp_ns: int, rule: MergeRule, done: Reconciled) -> None:
    """Buildings whose rooms became one are one; so are storeys on one height."""
    building_of = {robot_of(s): s for s, _ in graph.present(Layer.BUILDINGS)}
    for goes, stays in sorted(done.rooms_into.items()):
        above = graph.find_parent(last_of(done.rooms_into, stays))
        building = building_of.get(robot_of(goes))
        if above is None or building is None or building == above:
            continue
        if graph.get_node(building).is_present:
            _join_buildings(graph, building, above, stamp_ns, rule)
            done.buildings += 1


def _join_buildings(
    graph: SceneGraph, goes: NodeSymbol, stays: NodeSymbol, stamp_ns: int, rule: MergeRule
) -> None:
    nodes = [graph.get_node(symbol) for symbol in (stays, goes)]
    known = [node for node in nodes if isinstance(node, BuildingNode)]
    heights_m: list[float] = []
    for height_m in sorted(height for node in known for height in node.storey_heights_m):
        if not heights_m or height_m - heights_m[-1] > rule.storey_m:
            heights_m.append(height_m)
    for symbol, node in zip((stays, goes), known, strict=True):
        for room in graph.children(symbol):
            storey = _room(graph, room).storey
            if storey < len(node.storey_heights_m):
                off_m = np.abs(np.array(heights_m) - node.storey_heights_m[storey])
                graph.update_node(room, storey=int(np.argmin(off_m)))
    box = axis_aligned_box(np.concatenate([node.box.corners() for node in known]))
    news = seen_by_both(nodes[0], nodes[1])
    graph.update_node(stays, box=box, storey_heights_m=tuple(heights_m), **news)
    graph.mark_merged(goes, stays, stamp_ns)
