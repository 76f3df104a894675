"""Which rooms are next to which, and through what."""

import numpy as np

from hydra_mono.graph.model.nodes import Passage
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.query.answers import Answer, DoorFact, Neighbour, WindowFact
from hydra_mono.graph.query.snapshot.index import GraphIndex
from hydra_mono.graph.query.snapshot.names import find_node

ROOM = (Layer.ROOMS,)


def neighbours(index: GraphIndex, name: str) -> Answer[Neighbour]:
    """The rooms that one can go to from a room without passing another, widest first.

    Raises:
        QueryError: there is no room of that name, or there are several.
    """
    room = find_node(index, name, ROOM)
    found = [
        Neighbour(other, index.rooms[other].name, clearance_m)
        for other, clearance_m in index.beside[room].items()
    ]
    found.sort(key=lambda entry: (-entry.clearance_m, entry.room_id))
    if found:
        return Answer("found", tuple(found))
    return Answer("none", (), f"no way out of {index.rooms[room].name} was seen")


def doors(index: GraphIndex, name: str) -> Answer[DoorFact]:
    """What leads out of a room: doors and openings in its walls, and ways without a wall.

    Raises:
        QueryError: there is no room of that name, or there are several.
    """
    room = find_node(index, name, ROOM)
    found = [
        _door(index, passage)
        for passage in index.rooms[room].passages
        if all(end in index.rooms for end in passage.rooms)
    ]
    known = {end for fact in found for end in fact.room_ids}
    for other in index.beside[room]:
        if other not in known:
            found += _passage(index, room, other)
    if found:
        return Answer("found", tuple(found))
    return Answer("none", (), f"no way out of {index.rooms[room].name} was seen")


def windows(index: GraphIndex, name: str) -> Answer[WindowFact]:
    """The windows of a room, largest first.

    Raises:
        QueryError: there is no room of that name, or there are several.
    """
    room = find_node(index, name, ROOM)
    node = index.rooms[room]
    floor_m = index.floors_m[room]
    found = [
        WindowFact(
            room_id=room,
            room=node.name,
            position_m=w.position_m,
            width_m=w.width_m,
            height_m=w.height_m,
            sill_m=w.position_m[2] - w.height_m / 2 - floor_m,
            last_seen_ns=w.last_seen_ns,
        )
        for w in sorted(node.windows, key=lambda w: -w.width_m * w.height_m)
    ]
    if found:
        return Answer("found", tuple(found))
    if not index.labels.ids_with_role("window"):
        return Answer("not seen yet", (), "the labels of this map know of no windows")
    return Answer("none", (), f"no window was seen in {node.name}")


def _door(index: GraphIndex, passage: Passage) -> DoorFact:
    return DoorFact(
        kind=passage.kind,
        room_ids=passage.rooms,
        rooms=tuple(index.rooms[end].name for end in passage.rooms),
        position_m=passage.position_m,
        width_m=passage.width_m,
        height_m=passage.height_m,
        is_open=passage.is_open,
        last_seen_open_ns=passage.last_seen_open_ns,
    )


def _passage(index: GraphIndex, room: NodeSymbol, other: NodeSymbol) -> list[DoorFact]:
    """The middle of the widest edge between places of two rooms."""
    net = index.net
    here, there = (_mask(index, symbol) for symbol in (room, other))
    starts, ends = net.edges[:, 0], net.edges[:, 1]
    rows = np.flatnonzero((here[starts] & there[ends]) | (there[starts] & here[ends]))
    if not len(rows):
        return []
    row = rows[int(np.argmax(net.edge_clearance_m[rows]))]
    x, y, z = net.centers_m[net.edges[row]].mean(axis=0).tolist()
    fact = DoorFact(
        kind="passage",
        room_ids=(room, other),
        rooms=(index.rooms[room].name, index.rooms[other].name),
        position_m=(x, y, z),
        width_m=2 * float(net.edge_clearance_m[row]),
    )
    return [fact]


def _mask(index: GraphIndex, room: NodeSymbol) -> np.ndarray:
    mask = np.zeros(len(index.net.symbols), bool)
    mask[[index.net.row_of[place] for place in index.places_in.get(room, ())]] = True
    return mask
