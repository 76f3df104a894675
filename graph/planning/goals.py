"""What is to be done, in a few words: goals for a planner."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hydra_mono.core.errors import QueryError
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.query.snapshot.index import GraphIndex
from hydra_mono.graph.query.snapshot.names import find_category, find_node

FORMS = (
    "'be in ROOM', 'look at OBJECT', 'look at every CLASS', 'bring OBJECT to ROOM', 'avoid ROOM'"
)


@dataclass(frozen=True, slots=True)
class Goals:
    """Symbols to reach, to look at, to carry (object, room), and to stay out of."""

    be_in: tuple[NodeSymbol, ...] = ()
    look_at: tuple[NodeSymbol, ...] = ()
    bring: tuple[tuple[NodeSymbol, NodeSymbol], ...] = ()
    avoid: tuple[NodeSymbol, ...] = ()


def parse_goals(index: GraphIndex, texts: Sequence[str]) -> Goals:
    """The goals that sentences describe.

    Raises:
        QueryError: a sentence is no goal, or names what the graph does not know.
    """
    be_in: list[NodeSymbol] = []
    look_at: list[NodeSymbol] = []
    bring: list[tuple[NodeSymbol, NodeSymbol]] = []
    avoid: list[NodeSymbol] = []
    for text in texts:
        if match := re.fullmatch(r"(?:be|go) (?:in|to) (.+)", text.strip(), re.IGNORECASE):
            be_in.append(find_node(index, match[1], (Layer.ROOMS,)))
        elif match := re.fullmatch(r"look at (?:every|all) (.+)", text.strip(), re.IGNORECASE):
            category = find_category(index, match[1]).name
            present = index.boxes.row_of
            look_at += [s for s in index.by_category.get(category, ()) if s in present]
        elif match := re.fullmatch(r"look at (.+)", text.strip(), re.IGNORECASE):
            look_at.append(_present(index, match[1]))
        elif match := re.fullmatch(r"bring (.+) to (.+)", text.strip(), re.IGNORECASE):
            room = find_node(index, match[2], (Layer.ROOMS,))
            bring.append((_present(index, match[1]), room))
        elif match := re.fullmatch(r"avoid (.+)", text.strip(), re.IGNORECASE):
            avoid.append(find_node(index, match[1], (Layer.ROOMS,)))
        else:
            raise QueryError(f"'{text[:80]}' is no goal: write {FORMS}")
    return Goals(tuple(be_in), tuple(look_at), tuple(bring), tuple(avoid))


def _present(index: GraphIndex, name: str) -> NodeSymbol:
    symbol = find_node(index, name, (Layer.OBJECTS,))
    if symbol not in index.boxes.row_of:
        raise QueryError(f"'{name}' is not there any more")
    return symbol
