"""Names that planners can use: lower case, digits and underscores, unique, the same every time."""

import re
import unicodedata

from hydra_mono.graph.nodes import RoomNode
from hydra_mono.graph.symbols import NodeSymbol


def slug(name: str, fallback: str = "thing") -> str:
    """``Washing machine 3`` becomes ``washing_machine``: the class without the running number."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    text = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return re.sub(r"[_0-9]+$", "", text) or fallback


def room_class(room: RoomNode) -> str:
    """What kind of room it is as far as its name says: ``kitchen``, or plain ``room``."""
    return slug(room.name, "room")


def planner_name(kind: str, symbol: NodeSymbol) -> str:
    """``chair`` and O(7) make ``chair_7``; numbers are never used twice, so it stays the same."""
    return f"{kind}_{symbol.number}"
