"""A graph from a file of the spark_dsg library, which Hydra writes: enough of it to be queried.

Objects, places, rooms, buildings and trajectories are read; layers of other kinds (surface
places, segments, traversability) are left out. Numbers of nodes stay, so ``O(7)`` is O(7) there.
"""

import math
from typing import Any

from hydra_mono.core.errors import ExportError, GraphError
from hydra_mono.core.files.documents import shortened
from hydra_mono.core.labels import NO_LABELS, Label, LabelSpace
from hydra_mono.core.map.ranges import FARTHEST_M
from hydra_mono.graph.io.graph_json import LoadedGraph, add_nodes
from hydra_mono.graph.model.nodes import Edge, Position
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import AGENT_PREFIXES, LAYERS_BY_NAME, Layer, NodeSymbol

HEADER_KEY = "SPARK_DSG_header"
_NUMBER_BITS = 56  # of a 64-bit id below its letter
_PREFIX = {info.layer: info.prefixes for name, info in LAYERS_BY_NAME.items() if name != "agents"}
_MAX_LABELS = 255  # a label space has no more
_NO_LABEL = 0  # of nodes whose class has no id of ours; their name is kept

Json = dict[str, Any]

_DAMAGE = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, GraphError)


def is_dsg(document: Any) -> bool:
    """Whether a document is one of spark_dsg."""
    return isinstance(document, dict) and HEADER_KEY in document


def from_dsg(document: Json) -> LoadedGraph:
    """The graph of a document of spark_dsg.

    Raises:
        ExportError: the document is damaged, or of a version with other fields.
    """
    try:
        labels, names = _labels(document), _label_names(document)
        graph, symbols = SceneGraph(), dict[int, NodeSymbol]()
        nodes: dict[NodeSymbol, Json] = {}
        for entry in document["nodes"]:
            symbol = _symbol(entry)
            if symbol is not None and symbol not in nodes:
                nodes[symbol] = _node(symbol, entry["attributes"], names)
                symbols[int(entry["id"])] = symbol
        add_nodes(graph, [{"id": str(symbol), **node} for symbol, node in nodes.items()])
        for entry in document["edges"]:
            ends = symbols.get(int(entry["source"])), symbols.get(int(entry["target"]))
            _add_edge(graph, *ends, entry.get("info") or {})
    except _DAMAGE as error:
        raise ExportError(f"damaged spark_dsg document: {shortened(repr(error))}") from error
    stamps = [node.last_seen_ns for key in graph.layer_keys() for _, node in graph.nodes(*key)]
    return LoadedGraph(graph, labels, max(stamps, default=None))


def _labels(document: Json) -> LabelSpace:
    """The classes of objects as a label space, where ids fit into one."""
    rows = [
        (label, name)
        for label, name in sorted(_label_names(document).items())
        if 0 < label <= _MAX_LABELS
    ]
    if not rows:
        return NO_LABELS
    grey = LAYERS_BY_NAME["objects"].color
    return LabelSpace("spark_dsg", tuple(Label(i, name, grey, "object") for i, name in rows))


def _label_names(document: Json) -> dict[int, str]:
    spaces = (document.get("metadata") or {}).get("labelspaces") or {}
    return {int(label): str(name) for label, name in spaces.get("_l2p0", [])}


def _symbol(entry: Json) -> NodeSymbol | None:
    """The node's symbol by its layer; None for layers that are left out."""
    number = int(entry["id"]) & ((1 << _NUMBER_BITS) - 1)
    letter = chr(int(entry["id"]) >> _NUMBER_BITS)
    partition = int(entry.get("partition") or 0)
    if entry["attributes"].get("type") == "AgentNodeAttributes":
        return NodeSymbol(letter, number) if letter in AGENT_PREFIXES else None
    if partition or entry["layer"] not in {int(layer) for layer in Layer}:
        return None
    return NodeSymbol(_PREFIX[Layer(entry["layer"])], number)


def _node(symbol: NodeSymbol, raw: Json, names: dict[int, str]) -> Json:
    """The fields of a node of its layer."""
    common: Json = {
        "position_m": _position(raw["position"]),
        "last_seen_ns": _stamp(raw),
        "first_seen_ns": _first_stamp(raw),
        "is_active": bool(raw.get("is_active", False)),
    }
    if symbol.is_agent:
        quat = raw["world_R_body"]
        w, x, y, z = (float(quat[axis]) for axis in "wxyz")
        stamp_ns = int(raw.get("timestamp") or 0)
        return common | {"stamp_ns": stamp_ns, "quat_wxyz": (w, x, y, z)}
    if symbol.layer is Layer.PLACES:
        radius_m, points = float(raw["distance"]), int(raw.get("num_basis_points") or 0)
        return common | {"radius_m": radius_m, "basis_points": points}
    box = _box(raw.get("bounding_box") or {}, common["position_m"])
    color = raw.get("color") or {}
    common |= {"color": tuple(int(color.get(c, 128)) & 255 for c in "rgb"), "box": box}
    name = str(raw.get("name") or "")
    if symbol.layer is Layer.OBJECTS:
        label = int(raw.get("semantic_label") or 0)
        kind = names.get(label) or name or "object"
        known = label if label in names and 0 < label <= _MAX_LABELS else _NO_LABEL
        return common | {"label": known, "name": kind}
    if symbol.layer is Layer.ROOMS:
        return common | {"name": _room_name(symbol, name)}
    return common | {"name": name or "building"}


def _room_name(symbol: NodeSymbol, name: str) -> str:
    """Hydra's rooms are called ``R(2)``, or nothing."""
    return name if name and name != str(symbol) else f"room {symbol.number}"


def _stamp(raw: Json) -> int:
    return int(raw.get("last_update_time_ns") or 0)


def _first_stamp(raw: Json) -> int:
    own = (raw.get("metadata") or {}).get("first_seen_ns")
    return min(int(own), _stamp(raw)) if own is not None else _stamp(raw)


def _position(raw: list[float]) -> Position:
    x, y, z = (float(value) for value in raw)
    if not all(map(math.isfinite, (x, y, z))):
        raise ValueError("a position is not finite")
    return x, y, z


def _box(raw: Json, position_m: Position) -> Json:
    """The box; around the position where it is none. Only turns about z are kept."""
    if raw.get("type") in (None, "INVALID"):
        return {"center_m": position_m, "dimensions_m": (0.0, 0.0, 0.0)}
    quat = raw.get("world_R_center") or {"w": 1.0, "z": 0.0}
    yaw_rad = 2 * math.atan2(float(quat["z"]), float(quat["w"]))
    size_m = _position([max(float(side), 0.0) for side in raw["dimensions"]])
    return {
        "center_m": _position(raw["world_P_center"]),
        "dimensions_m": size_m,
        "yaw_rad": yaw_rad,
    }


def _add_edge(graph: SceneGraph, a: NodeSymbol | None, b: NodeSymbol | None, info: Json) -> None:
    """An edge of the file; what our graphs do not allow (a second parent) is left out."""
    if a is None or b is None or a == b or graph.has_edge(a, b):
        return
    if a.layer == b.layer and a.partition != b.partition:
        return
    if a.layer != b.layer and graph.find_parent(min(a, b, key=lambda end: end.layer)) is not None:
        return
    stamps = [graph.get_node(end).first_seen_ns for end in (a, b)]
    weight, is_weighted = float(info.get("weight") or 0.0), bool(info.get("weighted"))
    if not abs(weight) <= FARTHEST_M:
        raise ValueError(f"the edge {a}-{b} has the weight {weight:.3g}")
    both = {"first_seen_ns": max(stamps), "last_seen_ns": max(stamps)}
    graph.add_edge(a, b, Edge(**both, weight=weight, is_weighted=is_weighted))
