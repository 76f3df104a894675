"""Nodes, edges and label spaces as plain JSON values and back, checked against their types.

pydantic reads the annotations of the frozen dataclasses; it gives the JSON Schema too.
"""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from hydra_mono.core.errors import ExportError
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.ranges import PointM, StampNs
from hydra_mono.graph.io.text import to_json
from hydra_mono.graph.model.background import BackgroundChange
from hydra_mono.graph.model.flow import Flow
from hydra_mono.graph.model.looks import Look
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

NODE_TYPES: dict[str, type[Node]] = {
    "objects": ObjectNode,
    "agents": AgentNode,
    "places": PlaceNode,
    "rooms": RoomNode,
    "buildings": BuildingNode,
}

Plain = dict[str, Any]


class Codec:
    """Values of one type to plain JSON values and back."""

    def __init__(self, kind: Any) -> None:
        self.adapter: Any = TypeAdapter(kind)
        self._many: Any = TypeAdapter(list[kind])

    def dump(self, value: Any) -> Any:
        return self.adapter.dump_python(value, mode="json")

    def load(self, plain: Any, where: str) -> Any:
        """The value: exact types, finite numbers, nothing converted; what is absent by default.

        Raises:
            ExportError: the entry does not fit; the message says where.
        """
        return self.load_many([plain], [where])[0]

    def load_many(self, plains: list[Any], wheres: list[str]) -> list[Any]:
        """The values of many entries at once, which takes a fraction of the time; see ``load``."""
        try:
            found: list[Any] = self._many.validate_json(to_json(plains), strict=True)
            return found
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            number, *parts = first["loc"]
            path = ": ".join([wheres[int(number)], *map(str, parts)])
            shown = str(first["input"])[:80]
            raise ExportError(
                f"damaged graph document: {path}: {first['msg']}, found {shown!r}"
            ) from error


NODES = {name: Codec(kind) for name, kind in NODE_TYPES.items()}
EDGE = Codec(Edge)
LOOK = Codec(Look)
FLOW = Codec(Flow)
BACKGROUND = Codec(BackgroundChange)
LABEL_SPACE = Codec(LabelSpace)
STAMP = Codec(StampNs | None)
ORIGIN = Codec(PointM)


def node_entry(symbol: NodeSymbol, node: Node) -> Plain:
    name = symbol.info.name
    return {"id": str(symbol), "layer": name, **NODES[name].dump(node)}


def edge_entry(a: NodeSymbol, b: NodeSymbol, edge: Edge) -> Plain:
    """``a`` is the lower end; a parent is the source of its edge."""
    is_parent = a.layer != b.layer
    source, target = (b, a) if is_parent else (a, b)
    return {
        "source": str(source),
        "target": str(target),
        "kind": "parent" if is_parent else "sibling",
        **EDGE.dump(edge),
    }


def with_ending(entry: Plain) -> Plain:
    """A node of format 1, which knew only ``removed_ns``, as one of format 2."""
    removed_ns = entry.get("removed_ns")
    ending = None
    if removed_ns is not None:
        from_ns = min(entry["last_seen_ns"], removed_ns)
        ending = {"kind": "removed", "from_ns": from_ns, "until_ns": removed_ns, "into": None}
    return {key: value for key, value in entry.items() if key != "removed_ns"} | {"ending": ending}
