"""What answers are made of. All frozen, and plain enough to become JSON as they are."""

from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

from pydantic import TypeAdapter

from hydra_mono.core.box import BoundingBox
from hydra_mono.graph.model.nodes import Position
from hydra_mono.graph.model.symbols import SymbolText

Status = Literal["found", "none", "not seen yet", "was there until"]
Provenance = Literal["seen", "restored", "edited"]

ChangeKind = Literal[
    "appeared",
    "discovered",
    "vanished",
    "moved",
    "retracted",
    "merged",
    "reparented",
    "relabelled",
]

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Item]):
    """What was found, or why nothing was.

    ``status``: ``found``; ``none``: looked at, and there is none; ``not seen yet``: nobody has
    looked there; ``was there until``: there was, and ``items`` tell what and until when.
    ``note``: what the status rests on, in words.
    """

    status: Status
    items: tuple[Item, ...] = ()
    note: str = ""

    @property
    def is_found(self) -> bool:
        return self.status == "found"

    def plain(self) -> dict[str, Any]:
        """Dicts, lists, strings and numbers only."""
        rows = [_plain(item) for item in self.items]
        return {"status": self.status, "note": self.note, "items": rows}


def in_world(answer: Answer[Item], origin_m: Position) -> Answer[Item]:
    """The answer with the world's positions, from those relative to a map's own origin."""
    if not any(origin_m):
        return answer
    return replace(answer, items=tuple(_moved(item, origin_m) for item in answer.items))


def _moved(item: Any, origin_m: Position) -> Any:
    news: dict[str, Any] = {}
    for name in ("position_m", "before_m"):
        if (point_m := getattr(item, name, None)) is not None:
            news[name] = shifted(point_m, origin_m)
    if (box := getattr(item, "box", None)) is not None:
        news["box"] = replace(box, center_m=shifted(box.center_m, origin_m))
    if isinstance(item, Path):
        news["points_m"] = tuple(shifted(point_m, origin_m) for point_m in item.points_m)
        news["end"] = None if item.end is None else _moved(item.end, origin_m)
    return replace(item, **news)


def shifted(point_m: Position, offset_m: Position) -> Position:
    x, y, z = (a + b for a, b in zip(point_m, offset_m, strict=True))
    return x, y, z


def _plain(item: Any) -> Any:
    return TypeAdapter(type(item)).dump_python(item, mode="json")


@dataclass(frozen=True, slots=True)
class RoomFact:
    """A room. ``category``: what kind of room, ``room`` while nobody can tell.

    ``probability`` and ``evidence``: of the category. ``area_m2``: 0 where no outline was seen.
    """

    id: SymbolText
    name: str
    category: str
    storey: int
    position_m: Position
    box: BoundingBox
    objects: int
    places: int
    provenance: Provenance
    probability: float = 0.0
    evidence: tuple[str, ...] = ()
    area_m2: float = 0.0
    height_m: float = 0.0


@dataclass(frozen=True, slots=True)
class ObjectFact:
    """An object: where it is, or where it was until ``until_ns``.

    ``distance_m``: to the place or object asked from, box to box; None where none was.
    """

    id: SymbolText
    name: str
    category: str
    room_id: SymbolText | None
    room: str | None
    storey: int | None
    position_m: Position
    box: BoundingBox
    first_seen_ns: int
    last_seen_ns: int
    provenance: Provenance
    until_ns: int | None = None
    distance_m: float | None = None


@dataclass(frozen=True, slots=True)
class Pose:
    """Where to stand. ``position_m`` is in the air at the height of the place that holds it.

    ``yaw_rad``: direction to face, counter-clockwise from x. ``gap_m``: level distance to the box
    of what is faced; ``clearance_m``: nothing solid is nearer to the position.
    """

    position_m: Position
    yaw_rad: float
    place_id: SymbolText
    clearance_m: float
    gap_m: float
    room: str | None


@dataclass(frozen=True, slots=True)
class Path:
    """A path over places. ``clearance_m``: nothing solid is nearer to its edges."""

    points_m: tuple[Position, ...]
    place_ids: tuple[SymbolText, ...]
    length_m: float
    clearance_m: float
    rooms: tuple[str, ...]
    end: Pose | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A room next to another. ``clearance_m``: of the widest edge between their places."""

    room_id: SymbolText
    room: str
    clearance_m: float


@dataclass(frozen=True, slots=True)
class DoorFact:
    """A passage between two rooms.

    ``passage``: places of both are joined, and no wall tells more; ``width_m`` is then twice the
    clearance there. Heights and whether it is open are None where nobody saw.
    """

    kind: Literal["door", "opening", "passage"]
    room_ids: tuple[SymbolText, ...]
    rooms: tuple[str, ...]
    position_m: Position
    width_m: float
    height_m: float | None = None
    is_open: bool | None = None
    last_seen_open_ns: int | None = None


@dataclass(frozen=True, slots=True)
class WindowFact:
    """A window in a wall of a room. ``sill_m``: from the floor to the pane."""

    room_id: SymbolText
    room: str
    position_m: Position
    width_m: float
    height_m: float
    sill_m: float
    last_seen_ns: int


@dataclass(frozen=True, slots=True)
class RelationFact:
    """``subject`` is ``verb`` ``target``; ``target_id`` is None for the floor and walls.

    ``gap_m``: between the surfaces that the relation is about.
    """

    subject_id: SymbolText
    subject: str
    verb: Literal["on", "in", "under", "next_to", "attached_to"]
    target_id: SymbolText | None
    target: str
    gap_m: float


@dataclass(frozen=True, slots=True)
class ChangeFact:
    """What became of an object: from some instant (``from_ns``) to another (``until_ns``).

    ``kind``: see ``Change``. ``detail``: the old and the new name or room, or what it is part of.
    """

    kind: ChangeKind
    object_id: SymbolText
    name: str
    from_ns: int
    until_ns: int
    position_m: Position
    before_m: Position | None = None
    detail: str = ""
