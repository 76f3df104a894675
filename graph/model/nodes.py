"""What nodes and edges know. All frozen: the graph swaps them whole and keeps the change feed."""

from dataclasses import dataclass

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.mesh import BlockKey

Position = tuple[float, float, float]
Color = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Common to every node.

    ``is_active``: still inside the window and subject to change. ``removed_ns``: when it was
    found gone; such a node stays in the graph as a memory of what was there.
    """

    position_m: Position
    first_seen_ns: int
    last_seen_ns: int
    is_active: bool = True
    removed_ns: int | None = None

    def exists_at(self, stamp_ns: int) -> bool:
        """Whether the world as known then had this node."""
        return self.first_seen_ns <= stamp_ns and not (
            self.removed_ns is not None and self.removed_ns <= stamp_ns
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectNode(Node):
    """A thing. ``mesh_blocks`` are the blocks of the map that hold its surface."""

    label: int
    name: str
    color: Color
    box: BoundingBox
    vertex_count: int = 0
    mesh_blocks: tuple[BlockKey, ...] = ()


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
