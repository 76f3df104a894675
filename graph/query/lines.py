"""Answers as lines that people read."""

from typing import Any

from hydra_mono.graph.model.nodes import Position
from hydra_mono.graph.query.answers import (
    Answer,
    ChangeFact,
    DoorFact,
    Neighbour,
    ObjectFact,
    Path,
    Pose,
    RelationFact,
    RoomFact,
    WindowFact,
)

NS_PER_S = 1e9


def answer_lines(answer: Answer[Any]) -> list[str]:
    """The items, a line each; before them the status where nothing, or no more, is there."""
    rows = [_line(item) for item in answer.items]
    if answer.is_found:
        return [*([answer.note] if answer.note else []), *rows]
    head = answer.status if answer.status != "none" else "there is none"
    return [f"{head}: {answer.note}" if answer.note else head, *rows]


def _line(item: Any) -> str:
    match item:
        case ObjectFact():
            return _object(item)
        case RoomFact():
            return _room(item)
        case Pose():
            return _pose(item)
        case Path():
            return _path(item)
        case Neighbour():
            return f"{item.room} ({item.room_id}), {item.clearance_m:.2f} m of clearance"
        case DoorFact():
            return _door(item)
        case WindowFact():
            return _window(item)
        case RelationFact():
            return f"{item.subject} is {item.verb.replace('_', ' ')} {item.target}"
        case ChangeFact():
            return _change(item)
    return str(item)


def _object(item: ObjectFact) -> str:
    where = f" in {item.room}" if item.room else ""
    away = f", {item.distance_m:.2f} m away" if item.distance_m is not None else ""
    until = f", until {item.until_ns / NS_PER_S:.1f} s" if item.until_ns is not None else ""
    by = " (by hand)" if item.provenance == "edited" else ""
    seen = f", last seen at {item.last_seen_ns / NS_PER_S:.1f} s"
    return f"{item.name} ({item.id}){by}{where} at {_xyz(item.position_m)}{away}{seen}{until}"


def _room(item: RoomFact) -> str:
    sure = f", {item.probability:.0%} sure: {', '.join(item.evidence)}" if item.evidence else ""
    area = f"{item.area_m2:.1f} m², " if item.area_m2 else ""
    return f"{item.name} ({item.id}): {area}{item.objects} objects, {_xyz(item.position_m)}{sure}"


def _pose(item: Pose) -> str:
    degrees = f"{item.yaw_rad * 57.29577951308232:.0f}°"  # degrees in a radian
    where = f" in {item.room}" if item.room else ""
    return (
        f"stand at {_xyz(item.position_m)}{where}, facing {degrees}, {item.gap_m:.2f} m before it"
    )


def _path(item: Path) -> str:
    rooms = " > ".join(item.rooms)
    width = f"{item.clearance_m:.2f} m of clearance"
    return f"{item.length_m:.2f} m over {len(item.place_ids)} places, {width}: {rooms}"


def _door(item: DoorFact) -> str:
    state = {None: "", True: ", open", False: ", closed"}[item.is_open]
    rooms = " - ".join(item.rooms)
    return f"{item.kind} {rooms} at {_xyz(item.position_m)}, {item.width_m:.2f} m wide{state}"


def _window(item: WindowFact) -> str:
    size = f"{item.width_m:.2f} m wide, {item.height_m:.2f} m high"
    return f"window of {item.room} at {_xyz(item.position_m)}, {size}, {item.sill_m:.2f} m up"


def _change(item: ChangeFact) -> str:
    span = f"{item.from_ns / NS_PER_S:.1f} to {item.until_ns / NS_PER_S:.1f} s"
    before = f" from {_xyz(item.before_m)}" if item.before_m else ""
    what = f"{item.kind} {item.detail}".strip() + before
    return f"{item.name} ({item.object_id}) {what} at {_xyz(item.position_m)}, {span}"


def _xyz(position_m: Position) -> str:
    x, y, z = position_m
    return f"({x:.2f}, {y:.2f}, {z:.2f})"
