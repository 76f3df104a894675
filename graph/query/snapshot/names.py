"""From what people call something to its symbol, and back."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from hydra_mono.core.errors import GraphError, QueryError
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.query.snapshot.index import GraphIndex
from hydra_mono.graph.query.snapshot.words import display_name, plain_words, room_category

LEAST_LIKENESS = 0.6  # of two words, for one to be proposed for the other: difflib's own choice
MOST_CANDIDATES = 6  # listed where a name means several: a line's worth
_SYMBOL = re.compile(r"([a-zA-Z])\(?([0-9]+)\)?")


@dataclass(frozen=True, slots=True)
class Category:
    """A class of objects as asked for. ``is_known``: some label or object has that name."""

    name: str
    is_known: bool


def find_category(index: GraphIndex, text: str) -> Category:
    """The class that a word means, in the singular.

    Raises:
        QueryError: no label and no object is called so; says what is most alike.
    """
    wanted = plain_words(text)
    known = _categories(index)
    for candidate in _singulars(wanted):
        if candidate in known:
            return Category(candidate, True)
    raise QueryError(f"no class of objects is called '{wanted}'{_proposal(wanted, known)}")


def _categories(index: GraphIndex) -> set[str]:
    labels = index.labels
    named = {label.name.lower() for label in labels.labels if label.id in labels.object_ids}
    return named | set(index.by_category)


def _singulars(word: str) -> list[str]:
    """What a word may be the plural of, itself first: bookshelves, boxes, chairs."""
    found = [word]
    if word.endswith("ves"):
        found += [word[:-3] + "f", word[:-3] + "fe"]
    if word.endswith("es"):
        found.append(word[:-2])
    if word.endswith("ies"):
        found.append(word[:-3] + "y")
    if word.endswith("s"):
        found.append(word[:-1])
    return found


def find_node(index: GraphIndex, text: str, layers: Iterable[Layer]) -> NodeSymbol:
    """The one node of some layers that is meant by a name, such as ``chair 7``, or an id.

    A class does where there is but one of it.

    Raises:
        QueryError: there is none, or there are several; says which, or what is most alike.
    """
    wanted, allowed = plain_words(text), tuple(layers)
    symbol = _as_symbol(text, allowed)
    if symbol is not None and _is_known(index, symbol):
        return symbol
    found = [symbol for symbol in index.names.get(wanted, ()) if symbol.layer in allowed]
    if not found and Layer.OBJECTS in allowed:
        found = [s for c in _singulars(wanted) for s in index.by_category.get(c, [])]
        found = [s for s in found if index.objects[s].is_present] or found[-1:]
    if not found and Layer.ROOMS in allowed:
        found = [s for s, room in index.rooms.items() if room_category(room) == wanted]
    if len(found) == 1:
        return found[0]
    if not found:
        known = {name for name, found in index.names.items() if found[0].layer in allowed}
        known |= _categories(index) if Layer.OBJECTS in allowed else set()
        is_class = not known.isdisjoint(_singulars(wanted))
        hint = ": none was seen" if is_class else _proposal(wanted, known)
        raise QueryError(f"there is no '{text.strip()}' in the graph{hint}")
    several = ", ".join(f"{_name(index, s)} ({s})" for s in found[:MOST_CANDIDATES])
    more = ", ..." if len(found) > MOST_CANDIDATES else ""
    raise QueryError(f"'{text.strip()}' may be any of {len(found)}: {several}{more}")


def _as_symbol(text: str, layers: tuple[Layer, ...]) -> NodeSymbol | None:
    match = _SYMBOL.fullmatch(text.strip())
    if match is None:
        return None
    for letter in (match[1], match[1].upper(), match[1].lower()):
        try:
            symbol = NodeSymbol.parse(f"{letter}({match[2]})")
        except GraphError:
            continue
        if symbol.layer in layers and not symbol.is_agent:
            return symbol
    return None


def _is_known(index: GraphIndex, symbol: NodeSymbol) -> bool:
    return symbol in index.objects or symbol in index.rooms or symbol in index.net.row_of


def _name(index: GraphIndex, symbol: NodeSymbol) -> str:
    room = index.rooms.get(symbol)
    return room.name if room else display_name(symbol, index.objects[symbol])


def _proposal(wanted: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(wanted, sorted(known), n=1, cutoff=LEAST_LIKENESS)
    return f": did you mean '{close[0]}'?" if close else ""
