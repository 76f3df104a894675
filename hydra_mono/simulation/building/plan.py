"""Floor plans: rooms as rectangles, joined by doorways and wide openings."""

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from jaxtyping import Float64

from hydra_mono.simulation.building.flights import Flight
from hydra_mono.simulation.building.layout import Cell, layout
from hydra_mono.simulation.building.measures import USUAL, Measures

WALL_M = 0.12
PASSAGES = ("corridor", "stairs")  # kinds of rooms that lead to others and hold little


@dataclass(frozen=True, slots=True)
class Room:
    """The inside of a room: an upright box of air."""

    index: int
    kind: str
    lower_m: tuple[float, float]
    upper_m: tuple[float, float]
    floor_m: float
    ceiling_m: float
    storey: int = 0

    @property
    def size_m(self) -> tuple[float, float]:
        return self.upper_m[0] - self.lower_m[0], self.upper_m[1] - self.lower_m[1]

    @property
    def area_m2(self) -> float:
        return self.size_m[0] * self.size_m[1]

    @property
    def middle_m(self) -> tuple[float, float]:
        return (self.lower_m[0] + self.upper_m[0]) / 2, (self.lower_m[1] + self.upper_m[1]) / 2


@dataclass(frozen=True, slots=True)
class Opening:
    """A gap in the wall between two rooms; the wall's normal is along ``axis``.

    ``wall_m`` is the wall's extent on that axis (from the room below it to the room above),
    ``span_m`` the gap's extent along the wall.
    """

    rooms: tuple[int, int]
    axis: int
    wall_m: tuple[float, float]
    span_m: tuple[float, float]
    bottom_m: float
    top_m: float
    wide: bool

    @property
    def width_m(self) -> float:
        return self.span_m[1] - self.span_m[0]

    @property
    def middle_m(self) -> Float64[np.ndarray, "2"]:
        across, along = sum(self.wall_m) / 2, sum(self.span_m) / 2
        return np.array([across, along] if self.axis == 0 else [along, across])


@dataclass(frozen=True, slots=True)
class Window:
    """A niche in an outer wall of ``room``, at the lower (``side`` -1) or upper end of ``axis``."""

    room: int
    axis: int
    side: int
    span_m: tuple[float, float]
    bottom_m: float
    top_m: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Rooms, how they are joined and where they look out; every room can be reached."""

    rooms: tuple[Room, ...]
    openings: tuple[Opening, ...]
    windows: tuple[Window, ...]
    flights: tuple[Flight, ...] = ()  # the first leads up from storey 0, the next from storey 1

    @property
    def storeys(self) -> int:
        return len(self.flights) + 1

    @property
    def floors_m(self) -> tuple[float, ...]:
        """Height of every storey's floor."""
        return (self.rooms[0].floor_m, *(flight.top_m for flight in self.flights))

    def openings_of(self, room: int) -> tuple[Opening, ...]:
        return tuple(opening for opening in self.openings if room in opening.rooms)


def make_plan(
    rng: np.random.Generator, rooms: int, joints: int, measures: Measures = USUAL
) -> Plan:
    """A storey of ``rooms`` rooms, ``joints`` of whose walls have wide openings; no windows yet."""
    ceiling = draw_ceiling(rng, measures)
    return plan_of_cells(rng, layout(rng, rooms), joints, ceiling, measures)


def draw_ceiling(rng: np.random.Generator, measures: Measures = USUAL) -> float:
    """Metres from floor to ceiling."""
    return float(rng.uniform(*measures.ceiling_m))


def plan_of_cells(
    rng: np.random.Generator,
    cells: list[Cell],
    joints: int,
    ceiling_m: float,
    measures: Measures = USUAL,
) -> Plan:
    """Rooms in the cells, numbered alike, with names, doors and wide openings."""
    half = WALL_M / 2
    bare = [
        Room(
            index=i,
            kind=cell.kind,
            lower_m=(cell.lower[0] + half, cell.lower[1] + half),
            upper_m=(cell.upper[0] - half, cell.upper[1] - half),
            floor_m=0.0,
            ceiling_m=_dropped(rng, cell, ceiling_m, measures),
        )
        for i, cell in enumerate(cells)
    ]
    walls = _shared_walls(bare)
    wide = _choose_joints(rng, bare, walls, joints)
    named = _name_rooms(rng, bare, wide)
    openings = [_wide_opening(rng, named, walls[pair], pair) for pair in wide]
    doors = _choose_doors(rng, named, walls, wide)
    openings += [_doorway(rng, named, walls[pair], pair, measures) for pair in doors]
    return Plan(tuple(named), tuple(openings), windows=())


def _dropped(rng: np.random.Generator, cell: Cell, ceiling_m: float, measures: Measures) -> float:
    """A room's own ceiling: the building's, or in half of the rooms one hung below it."""
    if measures.dropped_m == 0 or cell.kind == "stairs" or rng.random() < 0.5:
        return ceiling_m
    return max(ceiling_m - float(rng.uniform(0, measures.dropped_m)), measures.ceiling_m[0])


@dataclass(frozen=True, slots=True)
class _Wall:
    axis: int
    wall: tuple[float, float]
    span: tuple[float, float]

    @property
    def length(self) -> float:
        return self.span[1] - self.span[0]


def _shared_walls(rooms: list[Room]) -> dict[tuple[int, int], _Wall]:
    """Walls between two rooms of one storey, by the pair (lower side first)."""
    walls: dict[tuple[int, int], _Wall] = {}
    for first, second in combinations(rooms, 2):
        for a, b in ((first, second), (second, first)):
            for axis in (0, 1):
                gap = b.lower_m[axis] - a.upper_m[axis]
                along = 1 - axis
                start = max(a.lower_m[along], b.lower_m[along])
                end = min(a.upper_m[along], b.upper_m[along])
                if abs(gap - WALL_M) < 1e-6 and end - start > 1.15 and a.storey == b.storey:
                    walls[a.index, b.index] = _Wall(
                        axis, (a.upper_m[axis], b.lower_m[axis]), (start, end)
                    )
    return walls


def _choose_joints(
    rng: np.random.Generator,
    rooms: list[Room],
    walls: dict[tuple[int, int], _Wall],
    joints: int,
) -> list[tuple[int, int]]:
    """Pairs to join widely: a chain of neighbours, none of them a passage."""
    pairs = [
        pair
        for pair, wall in walls.items()
        if wall.length > 2.2 and not any(rooms[i].kind in PASSAGES for i in pair)
    ]
    chosen: list[tuple[int, int]] = []
    while pairs and len(chosen) < joints:
        chained = [p for p in pairs if any(set(p) & set(c) for c in chosen)] or pairs
        pair = chained[int(rng.integers(len(chained)))]
        chosen.append(pair)
        pairs.remove(pair)
    return chosen


def _name_rooms(
    rng: np.random.Generator, rooms: list[Room], wide: list[tuple[int, int]]
) -> list[Room]:
    """Living, kitchen and dining where rooms are joined widely; the smallest is the bathroom."""
    kinds = {room.index: room.kind for room in rooms if room.kind}
    joined = sorted({i for pair in wide for i in pair}, key=lambda i: -rooms[i].area_m2)
    kinds |= dict(zip(joined, ("living", "kitchen", "dining", "office"), strict=False))
    rest = sorted((r.index for r in rooms if r.index not in kinds), key=lambda i: rooms[i].area_m2)
    wanted = [k for k in ("living", "kitchen") if k not in kinds.values()]
    if rest:
        kinds[rest.pop(0)] = "bathroom"
    for kind in wanted:
        if rest:
            kinds[rest.pop()] = kind
    others = ["bedroom", "office", "bedroom", "storage", "dining", "bathroom", "bedroom", "office"]
    if "dining" in kinds.values():
        others.remove("dining")
    for turn, index in enumerate(reversed(rest)):
        kinds[index] = others[turn % len(others)]
    return [replace(room, kind=kinds.get(room.index, "office")) for room in rooms]


def _choose_doors(
    rng: np.random.Generator,
    rooms: list[Room],
    walls: dict[tuple[int, int], _Wall],
    wide: list[tuple[int, int]],
) -> list[tuple[int, int]]:
    """A spanning tree over what is not joined yet, corridors first, and a few doors more."""
    group = list(range(len(rooms)))

    def join(pair: tuple[int, int]) -> bool:
        a, b = group[pair[0]], group[pair[1]]
        for i, value in enumerate(group):
            group[i] = a if value == b else value
        return a != b

    for pair in wide:
        join(pair)
    hubs = {"corridor": 0, "living": 1, "dining": 2}
    order = sorted(
        (pair for pair in walls if pair not in wide),
        key=lambda p: (min(hubs.get(rooms[i].kind, 3) for i in p), -walls[p].length),
    )
    doors = [pair for pair in order if join(pair)]
    spare = [p for p in order if p not in doors and all(rooms[i].kind != "bathroom" for i in p)]
    return doors + [pair for pair in spare if rng.random() < 0.12]


def _wide_opening(
    rng: np.random.Generator, rooms: list[Room], wall: _Wall, pair: tuple[int, int]
) -> Opening:
    width = float(rng.uniform(1.5, min(3.0, wall.length - 0.5)))
    start = float(wall.span[0] + 0.25 + rng.uniform(0, 1) * (wall.length - 0.5 - width))
    lintel = rng.random() < 0.5
    top = _lower_ceiling_m(rooms, pair) - (float(rng.uniform(0.25, 0.4)) if lintel else 0.0)
    floor = rooms[pair[0]].floor_m
    return Opening(pair, wall.axis, wall.wall, (start, start + width), floor, top, True)


def _lower_ceiling_m(rooms: list[Room], pair: tuple[int, int]) -> float:
    return min(rooms[index].ceiling_m for index in pair)


def _doorway(
    rng: np.random.Generator,
    rooms: list[Room],
    wall: _Wall,
    pair: tuple[int, int],
    measures: Measures,
) -> Opening:
    """A doorway near one end of the wall, so that furniture finds room beside it."""
    width = min(float(rng.uniform(*measures.door_width_m)), wall.length - 0.2)
    slack = wall.length - width - 0.4
    place = rng.uniform(0.0, 0.3) if rng.random() < 0.5 else rng.uniform(0.7, 1.0)
    start = float(wall.span[0] + 0.2 + max(slack, 0) * place)
    if slack < 0:
        start = (wall.span[0] + wall.span[1] - width) / 2
    floor = rooms[pair[0]].floor_m
    top = floor + float(rng.uniform(2.0, 2.1))
    if measures.tall_doors and rng.random() < measures.tall_doors:
        top = _lower_ceiling_m(rooms, pair)
    return Opening(pair, wall.axis, wall.wall, (start, start + width), floor, top, False)
