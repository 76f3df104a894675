"""Facts of single nodes, as answers tell them."""

from hydra_mono.graph.model.nodes import Node
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.query.answers import ObjectFact, Provenance, RoomFact
from hydra_mono.graph.query.snapshot.index import GraphIndex, category_of
from hydra_mono.graph.query.snapshot.words import display_name, room_category


def object_fact(
    index: GraphIndex, symbol: NodeSymbol, distance_m: float | None = None
) -> ObjectFact:
    node = index.objects[symbol]
    room = index.room_of.get(symbol)
    return ObjectFact(
        id=symbol,
        name=display_name(symbol, node),
        category=category_of(index.labels, node),
        room_id=room,
        room=index.room_name(symbol),
        storey=index.rooms[room].storey if room is not None else None,
        position_m=node.position_m,
        box=node.box,
        first_seen_ns=node.first_seen_ns,
        last_seen_ns=index.seen_ns[symbol],
        provenance=provenance(index, node),
        until_ns=node.ending.until_ns if node.ending else None,
        distance_m=distance_m,
    )


def room_fact(index: GraphIndex, symbol: NodeSymbol) -> RoomFact:
    room = index.rooms[symbol]
    return RoomFact(
        id=symbol,
        name=room.name,
        category=room_category(room),
        storey=room.storey,
        position_m=room.position_m,
        box=room.box,
        objects=len(index.objects_in.get(symbol, ())),
        places=len(index.places_in.get(symbol, ())),
        provenance=provenance(index, room),
        probability=room.probability,
        evidence=room.evidence,
        area_m2=room.area_m2,
        height_m=room.height_m,
    )


def provenance(index: GraphIndex, node: Node) -> Provenance:
    """Edited by hand; or of the map that was taken up again and not seen since; or seen."""
    if node.by_hand:
        return "edited"
    is_old = index.restored_ns is not None and node.last_seen_ns <= index.restored_ns
    return "restored" if is_old else "seen"
