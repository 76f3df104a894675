"""Node ids as people read them: O(4), p(135), R(2), B(0), a(17); and the one table of layers."""

import re
import string
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from hydra_mono.core.errors import GraphError

Byte = Annotated[int, Field(ge=0, le=255)]
Color = tuple[Byte, Byte, Byte]


class Layer(IntEnum):
    """Higher number = ancestor; the numbers are those of the spark_dsg library.

    Agents share the objects' number, each in a partition of its own.
    """

    OBJECTS = 2
    PLACES = 3
    ROOMS = 4
    BUILDINGS = 5


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """What there is to know about a layer, for whoever names, writes or draws it.

    Args:
        name: in graph.json, metrics and messages; ``dsg_name`` is that of spark_dsg.
        singular: of one of its nodes.
        prefixes: letters of its symbols; one for each agent.
        layer: number, shared by objects and agents.
        color: of nodes that have none of their own.
        lift_m: metres above the map at which a viewer draws it.
    """

    name: str
    singular: str
    prefixes: str
    layer: Layer
    color: Color
    lift_m: float

    @property
    def dsg_name(self) -> str:
        return self.name.upper()


AGENT_PREFIXES = string.ascii_lowercase.replace("p", "")  # p is that of places
CAMERA_PREFIX = AGENT_PREFIXES[0]
LAYERS: tuple[LayerInfo, ...] = (
    LayerInfo("objects", "object", "O", Layer.OBJECTS, (150, 150, 150), 0.0),
    LayerInfo("agents", "agent", AGENT_PREFIXES, Layer.OBJECTS, (150, 150, 150), 0.0),
    LayerInfo("places", "place", "p", Layer.PLACES, (150, 150, 150), 4.0),
    LayerInfo("rooms", "room", "R", Layer.ROOMS, (150, 150, 150), 7.5),
    LayerInfo("buildings", "building", "B", Layer.BUILDINGS, (169, 8, 194), 11.0),
)
LAYERS_BY_NAME = {info.name: info for info in LAYERS}
AGENTS = LAYERS_BY_NAME["agents"]
_INFO_OF_PREFIX = {prefix: info for info in LAYERS for prefix in info.prefixes}
_LAYER_OF_PREFIX = {prefix: info.layer for prefix, info in _INFO_OF_PREFIX.items()}
_PARTITION_OF_PREFIX = {
    prefix: ord(prefix) if prefix in AGENT_PREFIXES else 0 for prefix in _INFO_OF_PREFIX
}
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
        return _LAYER_OF_PREFIX[self.prefix]

    @property
    def partition(self) -> int:
        """0, or the letter's code for an agent."""
        return _PARTITION_OF_PREFIX[self.prefix]

    @property
    def info(self) -> LayerInfo:
        """The row of ``LAYERS`` that the node belongs to."""
        return _INFO_OF_PREFIX[self.prefix]

    @property
    def is_agent(self) -> bool:
        return self.partition != 0

    def __str__(self) -> str:
        return f"{self.prefix}({self.number})"

    @staticmethod
    def parse(text: str) -> "NodeSymbol":
        """The symbol written as ``O(4)``.

        Raises:
            GraphError: the text is no symbol.
        """
        return _symbol(text)


@lru_cache(maxsize=1 << 16)  # a document names each node several times; some 10 MB when full
def _symbol(text: str) -> NodeSymbol:
    match = _PATTERN.fullmatch(text)
    if not match or match[1] not in _INFO_OF_PREFIX:
        raise GraphError(f"'{text}' is not a node id such as O(4) or p(135)")
    if int(match[2]) >= 1 << 56:
        raise GraphError(f"'{text}' is out of range: the number must be below 2^56")
    return NodeSymbol(match[1], int(match[2]))


def agent_prefix(index: int) -> str:
    """The letter of the agent with that index from 0; the camera is 0, ``a``.

    Raises:
        GraphError: there are more agents than letters.
    """
    if not 0 <= index < len(AGENT_PREFIXES):
        raise GraphError(f"no agent {index}: a graph has trajectories of {len(AGENT_PREFIXES)}")
    return AGENT_PREFIXES[index]


def _parsed(value: Any) -> Any:
    """For pydantic, which turns only a ``ValueError`` into its own error."""
    if isinstance(value, NodeSymbol):
        return tuple(value)
    try:
        return tuple(NodeSymbol.parse(value))
    except (GraphError, TypeError) as error:
        raise ValueError(str(error)) from error


SymbolText = Annotated[
    NodeSymbol,
    BeforeValidator(_parsed),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z]\([0-9]+\)$"}),
]
"""A symbol that reads and writes itself as text in JSON."""
