"""What nodes and edges know. All frozen: the graph swaps them whole and keeps their history."""

from dataclasses import dataclass
from typing import Literal

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.mesh import BlockKey
from hydra_mono.graph.model.presence import NO_TRAJECTORY, Presence, Trajectory
from hydra_mono.graph.model.symbols import Color, SymbolText

Position = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a node is no part of the present world any more.

    ``removed``: it was there and left the world, at some instant from ``from_ns`` (last seen
    there) to ``until_ns`` (seen to be gone). ``retracted``: it never was there; the evidence for
    it was a mistake, found out at ``until_ns``. ``merged``: it is a part of ``into``, as known
    since ``until_ns``. In the last two cases both stamps are equal.
    """

    kind: Literal["removed", "retracted", "merged"]
    from_ns: int
    until_ns: int
    into: SymbolText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Common to every node.

    ``is_active``: still inside the window and subject to change. ``ending``: None for what is
    present; a node with an ending stays in the graph as a memory.
    """

    position_m: Position
    first_seen_ns: int
    last_seen_ns: int
    is_active: bool = True
    ending: Ending | None = None

    @property
    def is_present(self) -> bool:
        """Neither removed nor retracted nor merged into another."""
        return self.ending is None

    @property
    def removed_ns(self) -> int | None:
        """When it was seen to be gone from the world; None while present, or never there."""
        return self.ending.until_ns if self.ending and self.ending.kind == "removed" else None

    def exists_at(self, stamp_ns: int) -> bool:
        """Whether the world as known at a stamp, in nanoseconds, had this node."""
        has_ended = self.ending is not None and self.ending.until_ns <= stamp_ns
        return self.first_seen_ns <= stamp_ns and not has_ended


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectNode(Node):
    """A physical object. ``mesh_blocks`` are the blocks of the map that hold its surface.

    ``seen_fraction``: share of the box's volume within the sides that were seen.
    ``completed_sides``: the others, in the box's own axes (``-x``); they were put at a wall, at
    the floor, or at the least width of the class. ``presence``: when it came and went, as rays
    tell; None before any did. ``trajectory``: where it was, if it was moved.
    """

    label: int
    name: str
    color: Color
    box: BoundingBox
    seen_fraction: float = 1.0
    completed_sides: tuple[str, ...] = ()
    vertex_count: int = 0
    mesh_blocks: tuple[BlockKey, ...] = ()
    presence: Presence | None = None
    trajectory: Trajectory = NO_TRAJECTORY


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceNode(Node):
    """A ball of free space: nothing solid within ``radius_m`` of the position."""

    radius_m: float
    basis_points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomNode(Node):
    """A room: ``box`` bounds the free space of its places; ``storey`` counts from 0 upwards."""

    name: str
    color: Color
    box: BoundingBox
    storey: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingNode(Node):
    name: str
    color: Color
    box: BoundingBox
    storey_heights_m: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentNode(Node):
    """One pose of somebody's trajectory (the camera's: camera axes)."""

    stamp_ns: int
    quat_wxyz: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A link inside a layer (``weight``: clearance in metres between places) or to a parent."""

    first_seen_ns: int
    last_seen_ns: int
    weight: float = 1.0
    is_weighted: bool = False
