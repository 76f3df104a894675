"""Names that planners can use: lower case, digits and underscores, unique, the same every time."""

import re
import unicodedata
from collections.abc import Mapping

from hydra_mono.graph.model.nodes import RoomNode
from hydra_mono.graph.model.symbols import NodeSymbol


def slug(name: str, fallback: str = "object") -> str:
    """``Washing machine 3`` becomes ``washing_machine``: the class without the running number."""
    return re.sub(r"[_0-9]+$", "", _words(name)) or fallback


def room_names(rooms: Mapping[NodeSymbol, RoomNode]) -> dict[NodeSymbol, str]:
    """``room 2`` stays ``room_2``; a name without a number gets the node's."""
    words = {symbol: _words(room.name) for symbol, room in rooms.items()}
    names = {
        symbol: words[symbol]
        if re.fullmatch("[a-z].*[0-9]", words[symbol])
        else planner_name(room_class(room), symbol)
        for symbol, room in rooms.items()
    }
    if len(set(names.values())) == len(names):
        return names
    return {symbol: planner_name(room_class(room), symbol) for symbol, room in rooms.items()}


def room_class(room: RoomNode) -> str:
    """What kind of room it is, else as far as its name says: ``kitchen``, or plain ``room``."""
    return slug(room.name if room.category == "room" else room.category, "room")


def planner_name(kind: str, symbol: NodeSymbol) -> str:
    """``chair`` and O(7) make ``chair_7``; numbers are never used twice, so it stays the same."""
    return f"{kind}_{symbol.number}"


def _words(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
