"""Simulated buildings as the graph that a perfect run, or one with noise, would make of them."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.labels import LabelSpace, load_label_space
from hydra_mono.graph.model.nodes import BuildingNode, Edge, ObjectNode, PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.simulation.building.measures import ODD, USUAL
from hydra_mono.simulation.building.plan import Plan
from hydra_mono.simulation.building.storeys import make_building
from hydra_mono.simulation.building.structure import fittings
from hydra_mono.simulation.building.windows import make_windows
from hydra_mono.simulation.furniture.placement import ODD_MANNER, USUAL_MANNER, furnish
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import SceneObject

LABELS = load_label_space("apartment")
TIMES = {"first_seen_ns": 0, "last_seen_ns": 10**9}
LINK = Edge(**TIMES)
BUILDING = NodeSymbol("B", 0)


@dataclass(frozen=True)
class Furnished:
    """A plan and what stands in it; nothing to look at."""

    plan: Plan
    objects: tuple[SceneObject, ...]


def furnished(
    rng: np.random.Generator, labels: LabelSpace, rooms: int, *, is_odd: bool = False
) -> Furnished:
    """A home as ``build_world`` furnishes it, without its surface."""
    measures, manner = (ODD, ODD_MANNER) if is_odd else (USUAL, USUAL_MANNER)
    plan = make_building(rng, rooms, 1, 1, measures)
    plan = replace(plan, windows=tuple(make_windows(rng, plan.rooms)))
    placed = furnish(rng, plan, fittings(rng, plan, labels), labels, manner)
    movable = [obj for obj in placed if obj.label in labels.object_ids]
    return Furnished(plan, tuple(replace(t, instance=i) for i, t in enumerate(movable, start=1)))


@dataclass(frozen=True)
class Built:
    """A world, its graph, and the kind of every room."""

    world: Furnished
    graph: SceneGraph
    kinds: dict[NodeSymbol, str]


@cache
def built(seed: int, rooms: int = 5, noise_m: float = 0.0, is_odd: bool = False) -> Built:
    """R(i) is room i of the plan, with one place p(i); O(i) is the object of instance i."""
    rng = np.random.default_rng([1, seed])
    world = furnished(rng, LABELS, rooms, is_odd=is_odd)
    kinds = {NodeSymbol("R", room.index): room.kind for room in world.plan.rooms}
    return Built(world, true_graph(world, rng, noise_m), kinds)


def true_graph(
    world: Furnished | World, rng: np.random.Generator | None = None, noise_m: float = 0.0
) -> SceneGraph:
    """The graph of a world, in the building's axes; see ``built``."""
    graph = SceneGraph()
    graph.add_node(BUILDING, building(tuple(world.plan.floors_m)))
    for room in world.plan.rooms:
        symbol = NodeSymbol("R", room.index)
        lower, upper = (*room.lower_m, room.floor_m), (*room.upper_m, room.ceiling_m)
        middle, size = np.add(lower, upper) / 2, np.subtract(upper, lower)
        box = BoundingBox(tuple(middle.tolist()), tuple(size.tolist()))
        graph.add_node(symbol, room_node(f"room {room.index + 1}", box, room.storey))
        graph.add_edge(BUILDING, symbol, LINK)
        place = PlaceNode(**TIMES, position_m=box.center_m, radius_m=0.8)
        graph.add_node(NodeSymbol("p", room.index), place)
        graph.add_edge(symbol, NodeSymbol("p", room.index), LINK)
    for opening in world.plan.openings:
        a, b = (NodeSymbol("R", index) for index in sorted(opening.rooms))
        if not graph.has_edge(a, b):
            edge = replace(LINK, weight=opening.width_m / 2, is_weighted=True)
            graph.add_edge(a, b, edge)
    for obj in world.objects:
        symbol = NodeSymbol("O", obj.instance)
        box = obj.box if rng is None else noisy(rng, obj.box, noise_m)
        graph.add_node(symbol, object_node(obj.label, box))
        graph.add_edge(symbol, NodeSymbol("p", room_of(world, obj.position_m)), LINK)
    return graph


def room_of(world: Furnished | World, position_m: tuple[float, float, float]) -> int:
    point = np.array(position_m[:2])
    away = [
        np.maximum(np.array(r.lower_m) - point, point - np.array(r.upper_m)).max()
        + 100 * abs(r.floor_m + 1 - position_m[2]) // 3
        for r in world.plan.rooms
    ]
    return world.plan.rooms[int(np.argmin(away))].index


def building(floors_m: tuple[float, ...]) -> BuildingNode:
    box = BoundingBox((0.0, 0.0, 1.0), (20.0, 20.0, 3.0))
    return BuildingNode(
        **TIMES,
        position_m=box.center_m,
        name="building",
        color=(9, 9, 9),
        box=box,
        storey_heights_m=floors_m,
    )


def room_node(name: str, box: BoundingBox, storey: int) -> RoomNode:
    return RoomNode(
        **TIMES, position_m=box.center_m, name=name, color=(9, 9, 9), box=box, storey=storey
    )


def object_node(label: int, box: BoundingBox) -> ObjectNode:
    return ObjectNode(
        **TIMES,
        position_m=box.center_m,
        label=label,
        name=LABELS.name_of(label),
        color=LABELS.color_of(label),
        box=box,
    )


def noisy(rng: np.random.Generator, box: BoundingBox, sigma_m: float) -> BoundingBox:
    """Every side of the box off by a little."""
    if not sigma_m:
        return box
    half = np.array(box.dimensions_m) / 2
    lower, upper = -half + rng.normal(0, sigma_m, 3), half + rng.normal(0, sigma_m, 3)
    return box.with_corners(np.minimum(lower, upper), np.maximum(lower, upper))
