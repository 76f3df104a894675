"""A furnished world with what people leave about, and with people in it."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.labels import LabelSpace
from hydra_mono.simulation.building.walkable import WalkMap, make_walk_map
from hydra_mono.simulation.clutter.items import KINDS, PAINTS
from hydra_mono.simulation.clutter.tops import Taken, Top, taken_by, tops
from hydra_mono.simulation.life.figures import SIT, person
from hydra_mono.simulation.materials import add_paints
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import (
    SceneObject,
    concatenate,
    make_object,
    object_surface,
    vector,
)

MENUS: dict[str, tuple[str, ...]] = {  # what lies on what; twice: twice as often
    "desk": (
        *("papers", "papers", "book", "book", "keyboard", "mouse", "monitor", "cup", "pencils"),
        *("cable", "cable", "telephone", "laptop", "desk lamp", "small box", "can", "bottle"),
        *("frame", "pot plant", "papers", "upright books"),
    ),
    "table": (
        *("cup", "cup", "bottle", "bowl", "papers", "book", "laptop", "pot plant", "can"),
        *("small box", "bag", "towel", "papers"),
    ),
    "counter": (
        *("cup", "bottle", "bottle", "bowl", "can", "can", "small box", "towel", "pot plant"),
        *("papers", "book"),
    ),
    "bookshelf": (
        *("upright books", "upright books", "upright books", "book", "small box", "frame", "can"),
        *("papers", "cup", "pot plant"),
    ),
    "bed": ("pillow", "pillow", "clothes", "clothes", "bag", "book", "laptop", "towel", "papers"),
    "sofa": ("pillow", "pillow", "clothes", "bag", "book", "papers"),
    "chair": ("clothes", "bag", "book", "papers", "pillow"),
    "floor": ("bag", "bag", "clothes", "shoes", "shoes", "small box", "papers", "cable", "book"),
}
LIKE = {  # furniture whose menu is another's
    **dict.fromkeys(("cabinet", "dresser", "nightstand", "washing machine", "oven"), "table"),
    **dict.fromkeys(("bench", "stool", "armchair"), "chair"),
    **dict.fromkeys(("refrigerator", "radiator", "wardrobe"), "bookshelf"),
}
PER_M2 = (4.0, 22.0)  # objects on a square metre, of a tidy and of a heaped surface
ON_OBJECTS = 0.5  # chance that something lies on a book or a box
FLOOR_M2 = 3.0  # of floor for each object that lies about
WALL_M = (0.2, 0.5)  # from walls and furniture to what lies on the floor
SQUARE = 0.6  # share of objects laid along a surface's sides, to within a few degrees
PEOPLE = 4  # most in a building; none in some
TRIES = 3  # places looked at for an object before it is left out


@dataclass
class _Heap:
    """What has been laid out so far, beside what was ``there``."""

    labels: LabelSpace
    there: Taken
    objects: list[SceneObject] = field(default_factory=list)

    def is_free(self, obj: SceneObject, point_m: Float64[np.ndarray, "3"]) -> bool:
        """Whether an object fits at a point."""
        radius = (obj.size_m[0] + obj.size_m[1]) / 4
        all_taken = (self.there, taken_by(self.objects))
        return all(taken.is_free(point_m, radius, obj.size_m[2]) for taken in all_taken)


def lived_in(rng: np.random.Generator, world: World) -> World:
    """The world with small objects on its furniture and floors and with people.

    They are further ``objects``, numbered after those there are. Equal generators give equal
    worlds.
    """
    heap = _Heap(world.labels, taken_by((*world.fixed, *world.objects)))
    walk_map = make_walk_map(world.plan, (*world.fixed, *world.objects))
    _seat_and_stand_people(rng, world, walk_map, heap)
    for obj in world.objects:
        _fill(rng, heap, obj)
    _litter(rng, walk_map, heap)
    return _with(rng, world, heap.objects)


def _with(rng: np.random.Generator, world: World, found: list[SceneObject]) -> World:
    first = 1 + max((obj.instance for obj in world.objects), default=0)
    found = [replace(obj, instance=first + index) for index, obj in enumerate(found)]
    palette = add_paints(rng, world.palette, PAINTS)
    solids = [object_surface(obj, palette.index) for obj in found]
    return replace(
        world,
        objects=(*world.objects, *found),
        palette=palette,
        surface=concatenate([world.surface, *solids]),
    )


def _fill(rng: np.random.Generator, heap: _Heap, obj: SceneObject) -> None:
    """Lays objects on each free surface of a piece of furniture."""
    menu = MENUS.get(LIKE.get(obj.name, obj.name), ())
    if not menu:
        return
    density = float(rng.uniform(*PER_M2)) * float(rng.random() < 0.85)  # the others are bare
    for top in tops(obj):
        for _ in range(int(rng.poisson(density * top.area_m2))):
            _lay(rng, heap, menu, top)


def _lay(
    rng: np.random.Generator, heap: _Heap, menu: tuple[str, ...], top: Top, level: int = 0
) -> None:
    """One object at a free place of a surface, and perhaps another one on it."""
    kind = KINDS[str(rng.choice(menu))]
    obj = make_object(kind.label, _label_id(heap.labels, kind.label), kind.build(rng))
    if obj.size_m[2] > top.air_m:
        return
    radius = (obj.size_m[0] + obj.size_m[1]) / 4
    for _ in range(TRIES):
        x, y = (float(rng.uniform(-0.5, 0.5)) * max(side - radius, 0.0) for side in top.size_m)
        point = top.at(x, y)
        if heap.is_free(obj, point):
            placed = obj.at(vector(point), top.yaw_rad + _turn(rng))
            heap.objects.append(placed)
            if kind.flat and level < 3 and rng.random() < ON_OBJECTS:
                for upper in tops(placed)[-1:]:
                    _lay(rng, heap, ("book", "papers", "cup", "small box"), upper, level + 1)
            return


def _turn(rng: np.random.Generator) -> float:
    if rng.random() < SQUARE:
        return float(rng.normal(0.0, 0.1))
    return float(rng.uniform(-math.pi, math.pi))


def _litter(rng: np.random.Generator, walk_map: WalkMap, heap: _Heap) -> None:
    """Lays objects on the floor, near walls and furniture."""
    near = (walk_map.clearance_m > WALL_M[0]) & (walk_map.clearance_m < WALL_M[1])
    cells = np.argwhere(near & (walk_map.room >= 0))
    area = float(np.count_nonzero(walk_map.clearance_m > 0)) * 0.05**2
    for _ in range(int(rng.poisson(area / FLOOR_M2)) if len(cells) else 0):
        cell = cells[int(rng.integers(len(cells)))]
        point = walk_map.point((int(cell[0]), int(cell[1])))
        top = Top("floor", np.array([*point, walk_map.floor_m]), (0.2, 0.2), _turn(rng), 1.0)
        _lay(rng, heap, MENUS["floor"], top)


def _seat_and_stand_people(
    rng: np.random.Generator, world: World, walk_map: WalkMap, heap: _Heap
) -> None:
    seats = [obj for obj in world.objects if obj.name in ("chair", "sofa", "armchair")]
    free = np.argwhere(walk_map.reachable())
    label = _label_id(world.labels, "person")
    for number in range(int(rng.integers(PEOPLE + 1))):
        figure = person(rng, number, label, instance=1)
        if seats and rng.random() < 0.4:
            seat = seats.pop(int(rng.integers(len(seats))))
            heap.objects.append(figure.postures[SIT].at(seat.position_m, seat.yaw_rad))
        elif len(free):
            cell = free[int(rng.integers(len(free)))]
            x, y = (float(v) for v in walk_map.point((int(cell[0]), int(cell[1]))))
            posture = figure.postures[int(rng.integers(SIT))]
            yaw = float(rng.uniform(-math.pi, math.pi))
            heap.objects.append(posture.at((x, y, walk_map.floor_m), yaw))


def _label_id(labels: LabelSpace, name: str) -> int:
    return next(label.id for label in labels.labels if label.name == name)
