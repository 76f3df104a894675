"""What stands on, in, under or beside what, and what is fixed to a wall."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hydra_mono.core.box import BoundingBox
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.query.answers import Answer, RelationFact
from hydra_mono.graph.query.gaps import BoxGap, bottom_m, box_gap, share_over, top_m
from hydra_mono.graph.query.snapshot.index import GraphIndex, category_of
from hydra_mono.graph.query.snapshot.names import find_node
from hydra_mono.graph.query.snapshot.words import display_name

HOLDERS = frozenset(  # classes with an inside that something may be put into
    {"bookcase", "bookshelf", "shelf", "shelves", "cabinet", "wardrobe", "dresser", "refrigerator"}
    | {"box", "bin", "bathtub", "sink", "nightstand", "drawer", "basket", "microwave", "oven"}
)
ON_WALLS = frozenset(  # classes that need no floor: elsewhere a box off the floor is a bad box
    {"picture", "painting", "mirror", "clock", "television", "shelf", "whiteboard", "curtain"}
    | {"blind", "blinds", "light", "lamp", "radiator", "cabinet", "signboard", "poster"}
)


@dataclass(frozen=True, slots=True)
class RelationRule:
    """Thresholds in metres and shares.

    Args:
        on_gap_m: between a bottom and the top below it; boxes are good to a voxel, 5 cm, each.
        sunk_m: so far a bottom may lie below a top, for tops that are not level: sofas, beds.
        over_share: of a footprint that lies over another's, to stand on it and not beside it.
        inside_share: the same, to be inside; unseen sides make boxes a little too large.
        next_m: level gap of neighbours: nobody walks between them.
        level_share: of the lower one's height that both share, to be side by side.
        off_floor_m: a bottom so high above the floor stands on no floor: higher than legs are.
    """

    on_gap_m: float = 0.10
    sunk_m: float = 0.15
    over_share: float = 0.5
    inside_share: float = 0.8
    next_m: float = 0.45
    level_share: float = 0.5
    off_floor_m: float = 0.5


RULE = RelationRule()


def relations(index: GraphIndex, name: str, rule: RelationRule = RULE) -> Answer[RelationFact]:
    """All relations of an object, of others to it too.

    Raises:
        QueryError: there is no object of that name, or there are several.
    """
    symbol = find_node(index, name, (Layer.OBJECTS,))
    if symbol not in index.boxes.row_of:
        return Answer("was there until", (), "it is not there any more")
    found = tuple(relations_of(index, symbol, rule))
    note = "" if found else "it stands by itself"
    return Answer("found" if found else "none", found, note)


def all_relations(index: GraphIndex, rule: RelationRule = RULE) -> list[RelationFact]:
    """Every relation of every object, sorted by subject; ``next_to`` is told of both."""
    return [
        fact
        for symbol in index.boxes.symbols
        for fact in relations_of(index, symbol, rule)
        if fact.subject_id == symbol
    ]


def relations_of(
    index: GraphIndex, symbol: NodeSymbol, rule: RelationRule = RULE
) -> Iterator[RelationFact]:
    """Of one object that is there: with those around it, then with the floor or a wall."""
    box = index.objects[symbol].box
    row = index.boxes.row_of[symbol]
    near = index.boxes.near(box.center_m, float(index.boxes.reach_m[row]) + rule.next_m)
    others = [s for s in near if s != symbol and _same_room(index, s, symbol)]
    found = [fact for other in others for fact in _between(index, symbol, other, rule)]
    yield from found
    yield from _support(index, symbol, found, rule)


def _same_room(index: GraphIndex, a: NodeSymbol, b: NodeSymbol) -> bool:
    """Neighbours on two sides of a wall have nothing to do with one another."""
    rooms = index.room_of.get(a), index.room_of.get(b)
    return None in rooms or rooms[0] == rooms[1]


def _between(
    index: GraphIndex, a: NodeSymbol, b: NodeSymbol, rule: RelationRule
) -> Iterator[RelationFact]:
    """Relations of a to b, and of b to a; at most one pair of them."""
    boxes = {s: index.objects[s].box for s in (a, b)}
    gap = box_gap(boxes[a], boxes[b])
    for subject, target in ((a, b), (b, a)):
        inner, outer = boxes[subject], boxes[target]
        over = share_over(inner, outer) if gap.level_m == 0 else 0.0
        if _is_on(inner, outer, over, rule):
            yield _fact(index, subject, "on", target, bottom_m(inner) - top_m(outer))
            return
        if _is_in(index, target, inner, outer, over, rule):
            yield _fact(index, subject, "in", target, 0.0)
            return
        if _is_under(inner, outer, over, gap, rule):
            yield _fact(index, subject, "under", target, gap.level_m)
            return
    if _is_beside(boxes[a], boxes[b], gap, rule):
        yield _fact(index, a, "next_to", b, gap.level_m)


def _is_on(inner: BoundingBox, outer: BoundingBox, over: float, rule: RelationRule) -> bool:
    lift_m = bottom_m(inner) - top_m(outer)
    higher = top_m(inner) > top_m(outer)
    return higher and -rule.sunk_m <= lift_m <= rule.on_gap_m and over >= rule.over_share


def _is_in(
    index: GraphIndex,
    target: NodeSymbol,
    inner: BoundingBox,
    outer: BoundingBox,
    over: float,
    rule: RelationRule,
) -> bool:
    holds = category_of(index.labels, index.objects[target]) in HOLDERS
    low = bottom_m(inner) >= bottom_m(outer) - rule.on_gap_m
    high = inner.center_m[2] <= top_m(outer)
    return holds and low and high and over >= rule.inside_share


def _is_under(
    inner: BoundingBox, outer: BoundingBox, over: float, gap: BoxGap, rule: RelationRule
) -> bool:
    """Below a table's top, or pushed under it; not where it merely leans over a little."""
    below = top_m(inner) <= top_m(outer) and inner.volume_m3 < outer.volume_m3
    return below and gap.level_m == 0 and over >= rule.over_share


def _is_beside(a: BoundingBox, b: BoundingBox, gap: BoxGap, rule: RelationRule) -> bool:
    lower_m = min(a.dimensions_m[2], b.dimensions_m[2])
    return gap.level_m <= rule.next_m and -gap.upright_m >= rule.level_share * lower_m


def _support(
    index: GraphIndex, symbol: NodeSymbol, found: Iterable[RelationFact], rule: RelationRule
) -> Iterator[RelationFact]:
    """What carries an object that no other one carries: the floor, or a wall."""
    if any(fact.subject_id == symbol and fact.verb in ("on", "in") for fact in found):
        return
    room = index.room_of.get(symbol)
    if room is None:
        return
    floor_m = index.floors_m[room]
    lift_m = bottom_m(index.objects[symbol].box) - floor_m
    category = category_of(index.labels, index.objects[symbol])
    if lift_m > rule.off_floor_m and category in ON_WALLS:
        yield _fact(index, symbol, "attached_to", None, lift_m, "wall")
    elif lift_m <= rule.off_floor_m:
        yield _fact(index, symbol, "on", None, max(lift_m, 0.0), "floor")


def _fact(
    index: GraphIndex,
    subject: NodeSymbol,
    verb: str,
    target: NodeSymbol | None,
    gap_m: float,
    name: str = "",
) -> RelationFact:
    names = {s: display_name(s, index.objects[s]) for s in (subject, target) if s is not None}
    return RelationFact(
        subject_id=subject,
        subject=names[subject],
        verb=verb,  # type: ignore[arg-type]
        target_id=target,
        target=names[target] if target is not None else name,
        gap_m=gap_m,
    )
