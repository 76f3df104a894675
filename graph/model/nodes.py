"""What nodes and edges know. All frozen: the graph swaps them whole and keeps their history."""

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.map.ranges import (
    AngleRad,
    AreaM2,
    Block,
    CoordinateM,
    Count,
    LabelId,
    LengthM,
    PointM,
    Share,
    StampNs,
    Storey,
    UnitQuat,
)
from hydra_mono.graph.model.presence import NO_TRAJECTORY, Presence, Trajectory
from hydra_mono.graph.model.symbols import Color, SymbolText

Position = PointM
ByHand = Literal["node", "name", "ending"]
BY_HAND_NODE: Final = "node"
BY_HAND_NAME: Final = "name"
BY_HAND_ENDING: Final = "ending"


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a node is no part of the present world any more.

    ``removed``: it was there and left the world, at some instant from ``from_ns`` (last seen
    there) to ``until_ns`` (seen to be gone). ``retracted``: it never was there; the evidence for
    it was a mistake, found out at ``until_ns``. ``merged``: it is a part of ``into``, as known
    since ``until_ns``. In the last two cases both stamps are equal.
    """

    kind: Literal["removed", "retracted", "merged"]
    from_ns: StampNs
    until_ns: StampNs
    into: SymbolText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Common to every node.

    ``is_active``: still inside the window and subject to change. ``ending``: None for what is
    present; a node with an ending stays in the graph as a memory. ``by_hand``: what a person
    said of it, the node itself, its name or its end, which no update changes.
    """

    position_m: Position
    first_seen_ns: StampNs
    last_seen_ns: StampNs
    is_active: bool = True
    ending: Ending | None = None
    by_hand: tuple[ByHand, ...] = ()

    @property
    def is_present(self) -> bool:
        """Neither removed nor retracted nor merged into another."""
        return self.ending is None

    @property
    def removed_ns(self) -> int | None:
        """When it was seen to be gone from the world; None while present, or never there."""
        return self.ending.until_ns if self.ending and self.ending.kind == "removed" else None

    def updated(self, **changes: Any) -> "Node":
        """The node with other fields, less what a person has decided otherwise."""
        if self.by_hand and "by_hand" not in changes:
            fixed = {"name"} if BY_HAND_NAME in self.by_hand else set()
            if BY_HAND_ENDING in self.by_hand:
                fixed |= {"ending", "is_active"}
            changes = {name: value for name, value in changes.items() if name not in fixed}
        return replace(self, **changes)

    def exists_at(self, stamp_ns: int) -> bool:
        """Whether the world as known at a stamp, in nanoseconds, had this node."""
        has_ended = self.ending is not None and self.ending.until_ns <= stamp_ns
        return self.first_seen_ns <= stamp_ns and not has_ended


@dataclass(frozen=True, slots=True)
class SecondLabel:
    """What an object may be if not what its label says."""

    label: LabelId
    name: str
    probability: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectNode(Node):
    """A physical object. ``mesh_blocks`` are the blocks of the map that hold its surface.

    ``seen_fraction``: share of the box's volume within the sides that were seen.
    ``completed_sides``: the others, in the box's own axes (``-x``); they were put at a wall, at
    the floor, or at the least width of the class. ``presence``: when it came and went, as rays
    tell; None before any did. ``trajectory``: where it was, if it was moved. ``probability``: of
    its label, as the predictor says in the mean over views from apart; 0 before it was looked at.
    ``second``: the next likely label. ``view_count``: from how many of eight directions it was
    seen.
    """

    label: LabelId
    name: str
    color: Color
    box: BoundingBox
    seen_fraction: Share = 1.0
    completed_sides: tuple[str, ...] = ()
    vertex_count: Count = 0
    mesh_blocks: tuple[Block, ...] = ()
    presence: Presence | None = None
    trajectory: Trajectory = NO_TRAJECTORY
    probability: Share = 0.0
    second: SecondLabel | None = None
    view_count: Count = 0

    @property
    def is_refuted(self) -> bool:
        """Retracted because the predictor does not say it is what its label says."""
        return self.ending is not None and self.ending.kind == "retracted" and self.view_count > 0


def named_alike(whole: ObjectNode, part: ObjectNode) -> dict[str, Any]:
    """Fields of a whole that takes over the name which a person gave to a part of it."""
    if BY_HAND_NAME not in part.by_hand or BY_HAND_NAME in whole.by_hand:
        return {}
    return {"name": part.name, "by_hand": (*whole.by_hand, BY_HAND_NAME)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceNode(Node):
    """A ball of free space: nothing solid within ``radius_m`` of the position."""

    radius_m: LengthM
    basis_points: Count = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A gap in a wall that leads from a room to another.

    ``position_m``: its middle, 1 m above the floor. ``height_m``: None where no upper end was
    seen. ``heading_rad``: direction of the wall, from the world's x axis. ``is_open``: whether
    free space led through it when last seen; None while that is not known.
    """

    kind: Literal["door", "opening"]
    rooms: tuple[SymbolText, SymbolText]
    position_m: Position
    width_m: LengthM
    height_m: LengthM | None = None
    heading_rad: AngleRad = 0.0
    is_open: bool | None = None
    last_seen_open_ns: StampNs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window in a wall of a room. ``position_m``: the middle of its pane.

    ``heading_rad``: direction of the wall, from the world's x axis.
    """

    position_m: Position
    width_m: LengthM
    height_m: LengthM
    heading_rad: AngleRad
    last_seen_ns: StampNs


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomNode(Node):
    """A room: ``box`` bounds the free space of its places; ``storey`` counts from 0 upwards.

    ``category``: what kind of room, ``room`` while nobody can tell, with its ``probability`` and
    what speaks for it. ``outline_m``: its border seen from above, counter-clockwise; empty, and
    ``area_m2`` 0, while hardly a wall was seen.
    """

    name: str
    color: Color
    box: BoundingBox
    storey: Storey = 0
    category: str = "room"
    probability: Share = 0.0
    evidence: tuple[str, ...] = ()
    outline_m: tuple[tuple[CoordinateM, CoordinateM], ...] = ()
    area_m2: AreaM2 = 0.0
    height_m: LengthM = 0.0
    passages: tuple[Passage, ...] = ()
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingNode(Node):
    name: str
    color: Color
    box: BoundingBox
    storey_heights_m: tuple[CoordinateM, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentNode(Node):
    """One pose of somebody's trajectory (the camera's: camera axes)."""

    stamp_ns: StampNs
    quat_wxyz: UnitQuat


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A link inside a layer (``weight``: clearance in metres between places) or to a parent."""

    first_seen_ns: StampNs
    last_seen_ns: StampNs
    weight: LengthM = 1.0
    is_weighted: bool = False
