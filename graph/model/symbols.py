"""Node ids as people read them: O(4), p(135), R(2), B(0), a(17)."""

import re
from enum import IntEnum
from typing import NamedTuple

from hydra_mono.core.errors import GraphError


class Layer(IntEnum):
    """Higher number = ancestor. Agents share the objects' number in partitions of their own."""

    OBJECTS = 2
    PLACES = 3
    ROOMS = 4
    BUILDINGS = 5


_LAYER_OF_PREFIX = {
    "O": Layer.OBJECTS,
    "p": Layer.PLACES,
    "R": Layer.ROOMS,
    "B": Layer.BUILDINGS,
}
_AGENT_PREFIXES = "abcdefgh"
_PATTERN = re.compile(r"([A-Za-z])\(([0-9]{1,17})\)")


class NodeSymbol(NamedTuple):
    """Prefix letter and number; ``value`` is the 64-bit integer of the spark_dsg library."""

    prefix: str
    number: int

    @property
    def value(self) -> int:
        return (ord(self.prefix) << 56) | self.number

    @property
    def layer(self) -> Layer:
        return Layer.OBJECTS if self.is_agent else _LAYER_OF_PREFIX[self.prefix]

    @property
    def partition(self) -> int:
        """0, or the letter's code for an agent."""
        return ord(self.prefix) if self.is_agent else 0

    @property
    def is_agent(self) -> bool:
        return self.prefix in _AGENT_PREFIXES

    def __str__(self) -> str:
        return f"{self.prefix}({self.number})"

    @staticmethod
    def parse(text: str) -> "NodeSymbol":
        """The symbol written as ``O(4)``.

        Raises:
            GraphError: the text is no symbol.
        """
        match = _PATTERN.fullmatch(text)
        if not match or not (match[1] in _LAYER_OF_PREFIX or match[1] in _AGENT_PREFIXES):
            raise GraphError(f"'{text}' is not a node id such as O(4) or p(135)")
        if int(match[2]) >= 1 << 56:
            raise GraphError(f"'{text}' is out of range: the number must be below 2^56")
        return NodeSymbol(match[1], int(match[2]))
