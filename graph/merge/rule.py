"""When nodes of two maps are one, and what became of them."""

from dataclasses import dataclass, field
from typing import Any

from hydra_mono.graph.model.nodes import Node
from hydra_mono.graph.model.symbols import NodeSymbol


@dataclass(frozen=True, slots=True)
class MergeRule:
    """When two nodes of two robots are one; lengths in metres.

    Args:
        same_place_m: between centres; places of one map are farther apart.
        link_m: least clearance of a new edge: a small robot's radius.
        links: new edges of a place at most: as many as a place has in a map of one robot.
        iou: of boxes of one class; half-seen objects overlap so little with the whole.
        inside_share: of a room's places that lie in the other's free space; the smaller room
            counts, which may be the part of it that a robot saw.
        storey_m: between two floors that are one storey.
    """

    same_place_m: float = 0.25
    link_m: float = 0.2
    links: int = 4
    iou: float = 0.25
    inside_share: float = 0.5
    storey_m: float = 1.0


RULE = MergeRule()


@dataclass
class Reconciled:
    """How many nodes became part of others, by layer."""

    objects: int = 0
    places: int = 0
    rooms: int = 0
    buildings: int = 0
    links: int = 0
    rooms_into: dict[NodeSymbol, NodeSymbol] = field(default_factory=dict)


def seen_by_both(node: Node, part: Node) -> dict[str, Any]:
    return {
        "first_seen_ns": min(node.first_seen_ns, part.first_seen_ns),
        "last_seen_ns": max(node.last_seen_ns, part.last_seen_ns),
    }
