"""Symbols, nodes and edges in the form of ``core.state``."""

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from hydra_mono.graph.model.nodes import (
    AgentNode,
    BuildingNode,
    Edge,
    Node,
    ObjectNode,
    PlaceNode,
    RoomNode,
)
from hydra_mono.graph.model.symbols import NodeSymbol

_TYPES: dict[str, type[Node | Edge]] = {
    kind.__name__: kind for kind in (ObjectNode, PlaceNode, RoomNode, BuildingNode, AgentNode, Edge)
}
_ADAPTERS: dict[str, Any] = {name: TypeAdapter(kind) for name, kind in _TYPES.items()}


def value_state(value: Node | Edge | None) -> list[Any] | None:
    """[type, fields] of a node or an edge."""
    if value is None:
        return None
    name = type(value).__name__
    return [name, _ADAPTERS[name].dump_python(value, mode="json")]


def restored_value(state: list[Any] | None) -> Any:
    return None if state is None else _ADAPTERS[state[0]].validate_python(state[1])


def symbols_state(symbols: Iterable[NodeSymbol]) -> list[str]:
    return [str(symbol) for symbol in symbols]


def restored_symbols(state: Iterable[str]) -> list[NodeSymbol]:
    return [NodeSymbol.parse(text) for text in state]
