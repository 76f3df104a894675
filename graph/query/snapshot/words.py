"""What nodes are called."""

import re

from hydra_mono.graph.model.nodes import BY_HAND_NAME, ObjectNode, RoomNode
from hydra_mono.graph.model.symbols import NodeSymbol

_ARTICLE = re.compile(r"^(the|a|an|any|every|all)\s+")


def display_name(symbol: NodeSymbol, node: ObjectNode) -> str:
    """``chair 7`` for O(7), or the name that somebody gave it."""
    return node.name if BY_HAND_NAME in node.by_hand else f"{node.name} {symbol.number}"


def plain_words(text: str) -> str:
    """Lower case, single blanks, without article or quotes."""
    words = " ".join(text.lower().replace("_", " ").split()).strip("'\"?. ")
    return _ARTICLE.sub("", words)


def room_category(room: RoomNode) -> str:
    """What kind of room it is, else as far as its name says: ``kitchen``, or plain ``room``."""
    if room.category != "room":
        return room.category
    return re.sub(r"\s*[0-9]+$", "", plain_words(room.name)) or "room"
