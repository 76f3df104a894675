"""Which objects there are, where, and which is nearest."""

import math
from collections.abc import Sequence

import numpy as np

from hydra_mono.core.box import BoundingBox
from hydra_mono.graph.model.nodes import Position
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.query.answers import Answer, ObjectFact, RoomFact
from hydra_mono.graph.query.gaps import box_gap
from hydra_mono.graph.query.snapshot.facts import object_fact, room_fact
from hydra_mono.graph.query.snapshot.index import GraphIndex
from hydra_mono.graph.query.snapshot.names import find_category, find_node
from hydra_mono.graph.query.snapshot.words import plain_words

ROOM, OBJECT = (Layer.ROOMS,), (Layer.OBJECTS,)


def objects(
    index: GraphIndex,
    category: str | None = None,
    room: str | None = None,
    storey: int | None = None,
) -> Answer[ObjectFact]:
    """Objects of a class (all), in a room (any), on a storey from 0 (any); sorted by id.

    Where there is none: those that were there, or whether anybody has looked.

    Raises:
        QueryError: there is no such class or room.
    """
    wanted = find_category(index, category).name if category else None
    within = find_node(index, room, ROOM) if room else None
    everything = index.by_category.get(wanted, ()) if wanted else sorted(index.objects)
    here = [s for s in everything if _is_within(index, s, within, storey)]
    there = [s for s in here if index.objects[s].is_present]
    if there:
        return Answer("found", tuple(object_fact(index, symbol) for symbol in there))
    return _absence(index, [s for s in here if was_removed(index, s)], within, storey)


def was_removed(index: GraphIndex, symbol: NodeSymbol) -> bool:
    """Whether it was there and left; what never was there, or is part of another, did not."""
    ending = index.objects[symbol].ending
    return ending is not None and ending.kind == "removed"


def _is_within(
    index: GraphIndex, symbol: NodeSymbol, room: NodeSymbol | None, storey: int | None
) -> bool:
    above = index.room_of.get(symbol)
    if room is not None and above != room:
        return False
    return storey is None or (above is not None and index.rooms[above].storey == storey)


def _absence(
    index: GraphIndex, gone: list[NodeSymbol], room: NodeSymbol | None, storey: int | None
) -> Answer[ObjectFact]:
    if gone:
        facts = tuple(object_fact(index, symbol) for symbol in gone)
        return Answer("was there until", facts, "seen before, and seen to be gone since")
    if room is not None:
        looked_at = bool(index.places_in.get(room))
        where = index.rooms[room].name
    else:
        rooms = [r for r in index.rooms.values() if storey is None or r.storey == storey]
        looked_at = bool(rooms)
        where = f"the {len(rooms)} rooms that were seen" if len(rooms) != 1 else rooms[0].name
    if looked_at:
        return Answer("none", (), f"none was seen in {where}")
    seen = "no storey so high was seen" if storey is not None else "no room was seen"
    return Answer("not seen yet", (), seen)


def nearest(
    index: GraphIndex, category: str, start: str | Position | None = None
) -> Answer[ObjectFact]:
    """The object of a class that is nearest to an object, a room's middle or a point.

    Measured from box to box, through walls; ``start`` None is where the camera was last.

    Raises:
        QueryError: there is no such class or start.
    """
    wanted = find_category(index, category).name
    box, own = _start_box(index, start)
    candidates = [s for s in index.by_category.get(wanted, ()) if s in index.boxes.row_of]
    candidates = [s for s in candidates if s != own]
    found = nearest_to_box(index, box, candidates)
    if found is not None:
        return Answer("found", (object_fact(index, *found),))
    if own in index.boxes.row_of and own in index.by_category.get(wanted, ()):
        return Answer("none", (), f"no other {wanted} was seen")
    return objects(index, wanted)


def _start_box(
    index: GraphIndex, start: str | Position | None
) -> tuple[BoundingBox, NodeSymbol | None]:
    if isinstance(start, tuple):
        return BoundingBox(start, (0.0, 0.0, 0.0)), None
    if start is None:
        return BoundingBox(camera_position(index), (0.0, 0.0, 0.0)), None
    symbol = find_node(index, start, (Layer.OBJECTS, Layer.ROOMS, Layer.PLACES))
    if symbol in index.objects:
        return index.objects[symbol].box, symbol
    if symbol in index.rooms:
        return BoundingBox(index.rooms[symbol].position_m, (0.0, 0.0, 0.0)), None
    position_m = index.net.position_of(symbol)
    return BoundingBox(position_m, (0.0, 0.0, 0.0)), None


def camera_position(index: GraphIndex) -> Position:
    """Where the camera was last; the origin of a graph without a camera."""
    return index.camera_m or (0.0, 0.0, 0.0)


def nearest_to_box(
    index: GraphIndex, box: BoundingBox, candidates: Sequence[NodeSymbol]
) -> tuple[NodeSymbol, float] | None:
    """The candidate whose box is nearest, and how far it is; exact.

    Boxes are measured in the order of the least distance that their centres, turns and heights
    allow, until none that follows can be nearer.
    """
    if not candidates:
        return None
    rows = np.array([index.boxes.row_of[symbol] for symbol in candidates])
    offset_m = index.boxes.centers_m[rows] - np.array(box.center_m)
    away_m = np.linalg.norm(offset_m, axis=1)
    half_m = index.boxes.half_m[rows] + np.array(_half_m(box))
    level_m = np.linalg.norm(offset_m[:, :2], axis=1) - half_m[:, 0]
    upright_m = np.abs(offset_m[:, 2]) - half_m[:, 1]
    least_m = np.hypot(np.maximum(level_m, 0.0), np.maximum(upright_m, 0.0))
    best: tuple[float, float, NodeSymbol] | None = None
    for row in np.argsort(least_m, kind="stable").tolist():
        if best is not None and least_m[row] > best[0]:
            break  # none that follows is nearer
        gap_m = box_gap(box, index.objects[candidates[row]].box).distance_m
        entry = (gap_m, float(away_m[row]), candidates[row])
        best = entry if best is None else min(best, entry)
    assert best is not None
    return best[2], best[0]


def _half_m(box: BoundingBox) -> tuple[float, float]:
    """Half the diagonal seen from above, and half the height."""
    x, y, z = box.dimensions_m
    return math.hypot(x, y) / 2, z / 2


def where(index: GraphIndex, name: str) -> Answer[ObjectFact]:
    """Where an object is; of one that left, where and until when it was.

    Raises:
        QueryError: there is no object of that name, or there are several.
    """
    symbol = find_node(index, name, OBJECT)
    node = index.objects[symbol]
    fact = object_fact(index, symbol)
    if node.ending is None:
        return Answer("found", (fact,))
    if node.ending.kind == "removed":
        return Answer("was there until", (fact,), "seen to be gone since")
    if (into := node.ending.into) is not None and into in index.objects:
        whole = object_fact(index, into)
        return Answer("found", (whole,), f"{fact.name} is part of {whole.name}")
    return Answer("none", (), f"{fact.name} turned out to be a mistake")


def rooms(
    index: GraphIndex, category: str | None = None, storey: int | None = None
) -> Answer[RoomFact]:
    """The rooms, of a kind and on a storey if told, sorted by id."""
    facts = [room_fact(index, symbol) for symbol in sorted(index.rooms)]
    wanted = plain_words(category).rstrip("s") if category else None
    kept = [f for f in facts if wanted in (None, f.category) and storey in (None, f.storey)]
    if kept:
        return Answer("found", tuple(kept))
    if not facts:
        return Answer("not seen yet", (), "no room was seen")
    return Answer("none", (), f"none among the {len(facts)} rooms that were seen")
