"""Which group of places is which room of before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hydra_mono.graph.model.symbols import NodeSymbol


@dataclass
class Claim:
    """What a group has of earlier rooms: ``held`` places, and ``settled`` ones among them."""

    held: dict[NodeSymbol, int] = field(default_factory=dict)
    settled: dict[NodeSymbol, int] = field(default_factory=dict)
    rivals: set[int] = field(default_factory=set)


def claim_rooms(claims: Sequence[Claim]) -> Mapping[int, NodeSymbol]:
    """The earlier room that each group goes on being; groups left out are new rooms.

    The group with most of a room's places keeps it, ties go to the older room and then the first
    group. A room goes to two groups only where both lead on to settled places of it and no way
    between them crosses a border: two ends of one room whose middle is out of the window.
    """
    wishes = sorted(
        (-count, room.number, group, room)
        for group, claim in enumerate(claims)
        for room, count in claim.held.items()
    )
    taken: dict[int, NodeSymbol] = {}
    owners: dict[NodeSymbol, list[int]] = {}
    for _, _, group, room in wishes:
        present = owners.get(room, [])
        both_lead_on = all(room in claims[g].settled for g in (group, *present))
        shared = both_lead_on and claims[group].rivals.isdisjoint(present)
        if group not in taken and (not present or shared):
            taken[group] = room
            owners.setdefault(room, []).append(group)
    return taken
