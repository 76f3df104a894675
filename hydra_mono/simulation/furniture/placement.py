"""Furnishes rooms: groups of objects against walls, in corners or in the middle."""

import math
from dataclasses import dataclass, replace

import numpy as np

from hydra_mono.core.labels import LabelSpace
from hydra_mono.simulation.building.corners import Slant, slant_of
from hydra_mono.simulation.building.plan import Plan, Room
from hydra_mono.simulation.furniture.catalog import build
from hydra_mono.simulation.furniture.clear_paths import Taken, are_paths_free, keep_out, space_of
from hydra_mono.simulation.furniture.odd_recipes import ODD_RECIPES
from hydra_mono.simulation.furniture.parts import make_style
from hydra_mono.simulation.furniture.recipes import RECIPES, Group, Item, Recipe
from hydra_mono.simulation.shapes import SceneObject

ATTEMPTS = 30


@dataclass(frozen=True, slots=True)
class Manner:
    """What stands in rooms, and how far apart groups stand: of one label, of two, off the wall.

    ``back_m`` is the range of gaps behind what stands, ``hung_back_m`` behind what hangs.
    """

    recipes: dict[str, Recipe]
    same_label_gap_m: float
    gap_m: float
    back_m: tuple[float, float]
    hung_back_m: tuple[float, float]


USUAL_MANNER = Manner(RECIPES, 0.42, 0.09, (0.03, 0.03), (0.012, 0.012))
ODD_MANNER = Manner(ODD_RECIPES, 0.15, 0.05, (0.0, 0.1), (0.005, 0.05))


def furnish(
    rng: np.random.Generator,
    plan: Plan,
    fixed: list[SceneObject],
    labels: LabelSpace,
    manner: Manner = USUAL_MANNER,
) -> list[SceneObject]:
    """Objects of every room, numbered from 1; doorways and the paths between them stay free."""
    objects: list[SceneObject] = []
    for room in plan.rooms:
        solids = [obj for obj in fixed if is_inside(room, obj)]
        taken = [space_of(obj) for obj in solids] + keep_out(plan, room)
        slants = [slant for slant in map(slant_of, solids) if slant is not None]
        site = _Site(plan, room, taken, slants[0] if slants else None, manner)
        objects += _furnish_room(rng, site, labels)
    return [replace(obj, instance=i) for i, obj in enumerate(objects, start=1)]


def is_inside(room: Room, obj: SceneObject) -> bool:
    """Whether the middle of the object's underside lies in the room, or on its borders."""
    x, y, z = obj.position_m
    return (
        room.lower_m[0] <= x <= room.upper_m[0]
        and room.lower_m[1] <= y <= room.upper_m[1]
        and room.floor_m - 0.1 <= z <= room.ceiling_m
    )


@dataclass(frozen=True, slots=True)
class _Site:
    """A room being furnished; ``taken`` grows."""

    plan: Plan
    room: Room
    taken: list[Taken]
    slant: Slant | None
    manner: Manner


def _furnish_room(rng: np.random.Generator, site: _Site, labels: LabelSpace) -> list[SceneObject]:
    style = make_style(rng)
    placed: list[SceneObject] = []
    for group, chance in site.manner.recipes[site.room.kind]:
        if rng.random() > chance:
            continue
        prototypes = [build(item.kind, rng, style, labels) for item in group.items]
        objects = _try_group(rng, site, group, prototypes)
        placed += objects
        site.taken.extend(space_of(obj) for obj in objects)
    return placed


def _try_group(
    rng: np.random.Generator, site: _Site, group: Group, prototypes: list[SceneObject]
) -> list[SceneObject]:
    """The group at the first place found where it fits and leaves the paths free; else nothing."""
    if group.where == "slant" and site.slant is None:
        return []
    taken = site.taken
    if group.where == "slant" and site.slant is not None:  # beside it, though within its bounds
        own = space_of(site.slant.solid)
        taken = [space for space in taken if not np.array_equal(space.lower, own.lower)]
    for _ in range(ATTEMPTS):
        objects = _arrange(rng, site, group, prototypes)
        if not _fits(site, objects, taken):
            continue
        if group.items[0].above_m > 0.8 or are_paths_free(
            site.plan, site.room, objects, site.taken
        ):
            return objects
    return []


def _arrange(
    rng: np.random.Generator, site: _Site, group: Group, prototypes: list[SceneObject]
) -> list[SceneObject]:
    """Objects of the group in the world; its frame has the wall along x and the room along +y."""
    room = site.room
    local = _local_layout(rng, group, prototypes, site.manner)
    low = min(float(obj.box.footprint()[:, 0].min()) for obj in local)
    high = max(float(obj.box.footprint()[:, 0].max()) for obj in local)
    origin, yaw = _anchor(rng, site, group, (low, high))
    cos, sin = math.cos(yaw), math.sin(yaw)
    placed = []
    for obj in local:
        x, y, z = obj.position_m
        position = (origin[0] + cos * x - sin * y, origin[1] + sin * x + cos * y, room.floor_m + z)
        placed.append(obj.at(position, _wrap(obj.yaw_rad + yaw)))
    return placed


def _wrap(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi


def _local_layout(
    rng: np.random.Generator, group: Group, prototypes: list[SceneObject], manner: Manner
) -> list[SceneObject]:
    """Offsets count from the first object: beside it, before it, or on top of it."""
    first = prototypes[0]
    low, high = manner.back_m if group.items[0].above_m < 0.8 else manner.hung_back_m
    back = low if low == high else float(rng.uniform(low, high))
    middle = first.size_m[1] / 2 + back
    placed = [first.at((0.0, middle, group.items[0].above_m), 0.0)]
    for item, obj in zip(group.items[1:], prototypes[1:], strict=True):
        x, y, z = _offset(item, first, obj)
        jitter = float(rng.uniform(-1, 1)) * math.radians(item.jitter_deg)
        placed.append(obj.at((x, middle + y, z), math.radians(item.yaw_deg) + jitter))
    return placed


def _offset(item: Item, first: SceneObject, obj: SceneObject) -> tuple[float, float, float]:
    """``x`` and ``y`` are gaps where ``beside``/``before`` say so, offsets of middles otherwise."""
    x, y = item.x_m, item.y_m
    if item.beside:
        x += item.beside * (first.size_m[0] + obj.size_m[0]) / 2
        y += (obj.size_m[1] - first.size_m[1]) / 2
    if item.before:
        y += (first.size_m[1] + obj.size_m[1]) / 2
    z = first.size_m[2] if item.on_top else item.above_m
    return x, y, z


def _anchor(
    rng: np.random.Generator, site: _Site, group: Group, extent: tuple[float, float]
) -> tuple[tuple[float, float], float]:
    """Origin and yaw of the group's frame."""
    plan, room = site.plan, site.room
    if group.where == "slant" and site.slant is not None:
        shift, yaw = (extent[0] + extent[1]) / 2, site.slant.yaw_rad
        x, y = site.slant.foot_m
        return (x - shift * math.cos(yaw), y - shift * math.sin(yaw)), yaw
    if group.where in ("middle", "free"):
        x = rng.uniform(room.lower_m[0] + 0.8, max(room.upper_m[0] - 0.8, room.lower_m[0] + 0.81))
        y = rng.uniform(room.lower_m[1] + 0.8, max(room.upper_m[1] - 0.8, room.lower_m[1] + 0.81))
        if group.where == "free":
            return (float(x), float(y)), float(rng.uniform(-math.pi, math.pi))
        return (float(x), float(y)), float(rng.integers(4)) * math.pi / 2
    side = int(rng.integers(4))
    if group.where == "window":
        sills = [w for w in plan.windows if w.room == room.index]
        if sills:
            window = sills[int(rng.integers(len(sills)))]
            side = {(1, -1): 0, (0, 1): 1, (1, 1): 2, (0, -1): 3}[window.axis, window.side]
            middle = sum(window.span_m) / 2
            return _on_wall(room, side, middle), side * math.pi / 2
    along = side % 2
    # walls 2 and 3 run against the axis, so the group's left end lies at the higher coordinate
    low, high = extent if side in (0, 1) else (-extent[1], -extent[0])
    start, end = room.lower_m[along] + 0.03 - low, room.upper_m[along] - 0.03 - high
    place = float(rng.random())
    if group.where == "corner":
        place = float(place > 0.5)
    return _on_wall(room, side, start + place * (end - start)), side * math.pi / 2


def _on_wall(room: Room, side: int, along: float) -> tuple[float, float]:
    """Side 0 is the wall at low y (facing +y), then counter-clockwise: high x, high y, low x."""
    return (
        (along, room.lower_m[1]),
        (room.upper_m[0], along),
        (along, room.upper_m[1]),
        (room.lower_m[0], along),
    )[side]


def _fits(site: _Site, objects: list[SceneObject], taken: list[Taken]) -> bool:
    room = site.room
    for obj in objects:
        space = space_of(obj)
        inside = (
            np.all(space.lower[:2] >= np.array(room.lower_m) + 0.008)
            and np.all(space.upper[:2] <= np.array(room.upper_m) - 0.008)
            and space.upper[2] < room.ceiling_m - 0.05
        )
        if not inside or any(_collide(space, other, site.manner) for other in taken):
            return False
    return True


def _collide(space: Taken, other: Taken, manner: Manner) -> bool:
    gap = manner.gap_m if other.label else 0.0
    if other.label == space.label:
        gap = manner.same_label_gap_m
    return bool(np.all(space.lower - gap < other.upper) and np.all(other.lower - gap < space.upper))
