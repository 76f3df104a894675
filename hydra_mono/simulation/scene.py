"""A furnished building: everything that is in the world, and where it is at a stamp."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.errors import DataError
from hydra_mono.core.labels import LabelSpace
from hydra_mono.simulation.building.corners import odd_corners
from hydra_mono.simulation.building.measures import ODD, USUAL
from hydra_mono.simulation.building.plan import Plan
from hydra_mono.simulation.building.storeys import make_building
from hydra_mono.simulation.building.structure import fittings, structure_surface
from hydra_mono.simulation.building.walkable import make_walk_map
from hydra_mono.simulation.building.windows import make_windows
from hydra_mono.simulation.furniture.placement import ODD_MANNER, USUAL_MANNER, furnish, is_inside
from hydra_mono.simulation.materials import Palette, make_palette
from hydra_mono.simulation.shapes import SceneObject, Surface, concatenate, object_surface

SPLITS = {"simulated": 1, "training": 2}  # first word of a seed, so splits share no world
_WET = ("bathroom", "kitchen")


@dataclass(frozen=True)
class World:
    """The building and what stands in it. Objects never moved are part of ``surface``."""

    plan: Plan
    labels: LabelSpace
    palette: Palette
    fixed: tuple[SceneObject, ...]
    objects: tuple[SceneObject, ...]
    surface: Surface
    lights_m: Float64[np.ndarray, "rooms 3"]


def build_world(
    rng: np.random.Generator,
    labels: LabelSpace,
    *,
    rooms: int,
    joints: int,
    storeys: int = 1,
    is_odd: bool = False,
) -> World:
    """A building drawn from ``rng``, of ``rooms`` a storey: equal generators give equal worlds.

    ``is_odd``: of measures, shapes and furniture that homes seldom have.
    """
    measures, manner = (ODD, ODD_MANNER) if is_odd else (USUAL, USUAL_MANNER)
    plan = make_building(rng, rooms, joints, storeys, measures)
    plan = replace(plan, windows=tuple(make_windows(rng, plan.rooms)))
    corners = odd_corners(rng, plan, measures, labels) if measures.odd_corners else []
    fixed = [*fittings(rng, plan, labels), *corners]
    placed = furnish(rng, plan, fixed, labels, manner)
    movable = [obj for obj in placed if obj.label in labels.object_ids]
    fixed += [replace(obj, instance=0) for obj in placed if obj not in movable]
    objects = _cleared(plan, fixed, movable)
    palette = make_palette(rng, with_mirror=is_odd)
    surface = structure_surface(plan, labels, palette.index, _finishes(rng, plan))
    solids = [object_surface(obj, palette.index) for obj in (*fixed, *objects)]
    lights = [(*room.middle_m, room.ceiling_m - 0.25) for room in plan.rooms]
    return World(
        plan=plan,
        labels=labels,
        palette=palette,
        fixed=tuple(fixed),
        objects=tuple(objects),
        surface=concatenate([surface, *solids]),
        lights_m=np.array(lights),
    )


def _cleared(plan: Plan, fixed: list[SceneObject], objects: list[SceneObject]) -> list[SceneObject]:
    """The objects less those, latest first, that would keep a walker out of a room."""
    while blocked := _blocked_rooms(plan, (*fixed, *objects)):
        inside = [obj for obj in objects if is_inside(plan.rooms[blocked[0]], obj)]
        if not inside:
            raise DataError(f"room {blocked[0]} of the simulated building cannot be reached")
        objects = [obj for obj in objects if obj is not inside[-1]]
    return [replace(obj, instance=i) for i, obj in enumerate(objects, start=1)]


def _blocked_rooms(plan: Plan, objects: tuple[SceneObject, ...]) -> list[int]:
    maps = [make_walk_map(plan, objects, storey) for storey in range(plan.storeys)]
    reached = {room for each in maps for room in np.unique(each.room[each.reachable()]).tolist()}
    return [room.index for room in plan.rooms if room.index not in reached]


def _finishes(rng: np.random.Generator, plan: Plan) -> dict[int, dict[str, str]]:
    finishes = {}
    wood = f"floor_wood{rng.integers(2)}"
    for room in plan.rooms:
        wet = room.kind in _WET
        carpet = room.kind in ("bedroom", "office") and rng.random() < 0.4
        finishes[room.index] = {
            "wall": "wall_tile" if room.kind == "bathroom" else f"wall{rng.integers(5)}",
            "floor": f"floor_tile{rng.integers(2)}" if wet else "floor_carpet" if carpet else wood,
            "ceiling": "ceiling",
        }
    return finishes
