"""Which places were looked at, when, and what was seen there: a bounded log by node."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from hydra_mono.core.map.ranges import StampNs
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.background import MOST_CHANGES, BackgroundChange
from hydra_mono.graph.model.symbols import NodeSymbol

GAP_NS = 2_000_000_000  # between two looks with one answer, up to which they are one long look
MOST_LOOKS = 16  # of a node: some visits to its room; the oldest are forgotten first


class Seen(StrEnum):
    """What a look at the place of a node showed.

    ``PRESENT``: its surface is where it was. ``ABSENT``: the camera saw through it. ``OCCLUDED``:
    something stood before it. ``NOT_LOOKED``: nobody looked, or saw nothing certain.
    """

    PRESENT = "present"
    ABSENT = "absent"
    OCCLUDED = "occluded"
    NOT_LOOKED = "not_looked"


@dataclass(frozen=True, slots=True)
class Look:
    """A time in which every look at a place had one answer; both stamps are of looks."""

    seen: Seen
    from_ns: StampNs
    until_ns: StampNs


NO_LOOK = Look(Seen.NOT_LOOKED, 0, 0)


class LookLog:
    """Every node's looks, oldest first; at most ``MOST_LOOKS`` of each, so memory is bounded.

    ``background``: changes of what is no object, oldest first, at most ``MOST_CHANGES``.
    """

    def __init__(self) -> None:
        self._looks: dict[NodeSymbol, list[Look]] = {}
        self.background: list[BackgroundChange] = []

    def note(self, changes: Iterable[BackgroundChange]) -> None:
        """Takes changes of the background in."""
        self.background = [*self.background, *changes][-MOST_CHANGES:]

    def add(self, symbol: NodeSymbol, stamp_ns: int, seen: Seen) -> None:
        """A look at a stamp not before the node's last; looks soon after one another are one."""
        looks = self._looks.setdefault(symbol, [])
        last = looks[-1] if looks else NO_LOOK
        if last.seen is seen and stamp_ns - last.until_ns <= GAP_NS:
            looks[-1] = replace(last, until_ns=stamp_ns)
            return
        looks.append(Look(seen, stamp_ns, stamp_ns))
        if len(looks) > MOST_LOOKS:
            del looks[0]

    def of(self, symbol: NodeSymbol) -> tuple[Look, ...]:
        return tuple(self._looks.get(symbol, ()))

    def since(self, symbol: NodeSymbol, since_ns: int) -> Look:
        """What the looks from a stamp on tell: the latest that is certain, else an occluded one."""
        looks = [look for look in self.of(symbol) if look.until_ns >= since_ns]
        certain = [look for look in looks if look.seen is not Seen.OCCLUDED]
        found = (certain or looks or [NO_LOOK])[-1]
        return replace(found, from_ns=max(found.from_ns, since_ns)) if looks else found

    def is_absent(self, symbol: NodeSymbol) -> bool:
        """Whether the last certain look saw through it."""
        return self.since(symbol, 0).seen is Seen.ABSENT

    def vanished(self, symbol: NodeSymbol) -> tuple[int, int] | None:
        """(last look that saw it, first one after that which saw through it); None while there."""
        last_ns: int | None = None
        gone_ns: int | None = None
        for look in self.of(symbol):
            if look.seen is Seen.PRESENT:
                last_ns, gone_ns = look.until_ns, None
            elif look.seen is Seen.ABSENT and gone_ns is None:
                gone_ns = look.from_ns
        return None if last_ns is None or gone_ns is None else (last_ns, gone_ns)

    def put(self, symbol: NodeSymbol, looks: list[Look]) -> None:
        """Takes the place of what is known of a node: from a file, or from a node that it was."""
        self._looks[symbol] = list(looks)[-MOST_LOOKS:]

    def forget(self, symbol: NodeSymbol) -> None:
        self._looks.pop(symbol, None)

    def symbols(self) -> list[NodeSymbol]:
        return sorted(self._looks)

    def __len__(self) -> int:
        """How many looks are kept, of all nodes together."""
        return sum(map(len, self._looks.values()))

    def state(self) -> State:
        """See ``core.map.state``."""
        return {
            "symbols": [str(symbol) for symbol in self._looks],
            "looks": [
                [[str(look.seen), look.from_ns, look.until_ns] for look in looks]
                for looks in self._looks.values()
            ],
            "background": _BACKGROUND.dump_python(self.background, mode="json"),
        }

    def restore(self, state: State) -> None:
        rows = zip(state["symbols"], state["looks"], strict=True)
        self._looks = {
            NodeSymbol.parse(text): [Look(Seen(seen), a, b) for seen, a, b in looks]
            for text, looks in rows
        }
        self.background = _BACKGROUND.validate_python(state["background"])


_BACKGROUND: Any = TypeAdapter(list[BackgroundChange])
