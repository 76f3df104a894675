"""The JSON Schema of graph.json, made from the types of the nodes.

``graph.schema.json`` is its output, kept for readers that have no Python.
"""

import json
from importlib import resources
from typing import Any

from pydantic import TypeAdapter

from hydra_mono.graph.io.entries import BACKGROUND, EDGE, FLOW, LABEL_SPACE, LOOK, NODES
from hydra_mono.graph.io.graph_json import FRAME, SCHEMA, UNITS, VERSION
from hydra_mono.graph.model.symbols import LAYERS, LayerInfo

Json = dict[str, Any]

DESCRIPTIONS = {
    "position_m": "x, y, z in metres, world axes",
    "first_seen_ns": "nanoseconds",
    "last_seen_ns": "nanoseconds",
    "is_active": "inside the active window and subject to change",
    "ending": "null for what is present; else how it ended and when",
    "Ending.kind": "removed: left the world; retracted: never was there; merged: part of another",
    "from_ns": "nanoseconds; of a removal: when it was last seen there",
    "until_ns": "nanoseconds; since when the ending is known",
    "into": "id of the node it was merged into",
    "by_hand": "what a person decided: the node, its name, its ending; updates leave that alone",
    "label": "id in label_space",
    "color": "red, green, blue, 0 to 255",
    "seen_fraction": "share of the box's volume within the sides that were seen, 0 to 1",
    "completed_sides": "sides of the box, in its own axes, that were not seen but completed",
    "mesh_blocks": "blocks of the map that hold its surface",
    "radius_m": "metres to the nearest surface",
    "basis_points": "surfaces that the place lies between",
    "storey": "from 0 upwards",
    "storey_heights_m": "heights of the floors in metres, from below",
    "category": "what kind of room: kitchen, ...; room while nobody can tell",
    "probability": "of the category or label, 0 to 1; 0 before it is known",
    "second": "the next likely label; null where no other was seen",
    "view_count": "from how many of eight directions, seen from above, it was looked at",
    "evidence": "objects and features that speak for the category, most telling first",
    "outline_m": "corners of the border seen from above, counter-clockwise",
    "area_m2": "square metres within the outline; 0 without one",
    "RoomNode.height_m": "metres from the floor to the top of the free space",
    "Passage.height_m": "metres from the floor to the lintel or ceiling; null where not seen",
    "passages": "gaps in walls that lead to other rooms; each room has its own copy",
    "width_m": "metres along the wall",
    "heading_rad": "direction of the wall from the x axis, radians",
    "is_open": "whether free space led through it when last seen; null: not known",
    "last_seen_open_ns": "nanoseconds; null: never",
    "stamp_ns": "nanoseconds",
    "quat_wxyz": "world from body, scalar first; the camera's axes: x right, y down, z forward",
    "weight": "between places: metres to the nearest surface along the edge",
    "is_weighted": "whether the weight means anything",
    "presence": "when it came and went, as rays of depth images tell; null before any did",
    "appeared_after_ns": "last look that saw its space free before; null: maybe always there",
    "vanished_before_ns": "first look that saw through its place; null: none did",
    "trajectory": "where it was, if it was moved; it came there by the stamps",
    "seen": "present, absent (seen through) or occluded",
    "Look.from_ns": "nanoseconds, of the first look that showed this",
    "Look.until_ns": "nanoseconds, of the last one in a row",
    "BackgroundChange.kind": "what became of surface that belongs to no object",
    "BackgroundChange.block": "block of the mesh it lies in",
    "after_ns": "nanoseconds; it happened after that look",
    "before_ns": "nanoseconds; and not later than that one",
    "agent": "letter of the agent's ids",
    "Visit.from_ns": "nanoseconds, of the first pose there",
    "Visit.until_ns": "nanoseconds, of the last pose there",
    "direction_rad": "of passing through, counter-clockwise from +x; null: none",
    "directions": "visits by direction, eight sectors from +x counter-clockwise",
    "hours": "visits by the hour of the day in which they began, of the stamps' clock",
    "yaw_rad": "radians, counter-clockwise seen from above",
}


def graph_schema() -> Json:
    """The JSON Schema (draft 2020-12) of ``to_document``, as it is shipped."""
    file = resources.files("hydra_mono.graph.io").joinpath("graph.schema.json")
    schema: Json = json.loads(file.read_text(encoding="utf-8"))
    return schema


def schema_text() -> str:
    """What graph.schema.json is to hold."""
    return json.dumps(build_schema(), indent=2) + "\n"


def build_schema() -> Json:
    """The schema that follows from the types."""
    codecs = NODES | {"edge": EDGE, "label_space": LABEL_SPACE, "look": LOOK, "flow": FLOW}
    codecs["background_change"] = BACKGROUND
    rows: Any = [(name, "serialization", codec.adapter) for name, codec in codecs.items()]
    refs, pool = TypeAdapter.json_schemas(rows)
    defs: Json = pool["$defs"]
    names = {name: ref["$ref"].rsplit("/", 1)[1] for (name, _), ref in refs.items()}
    for definition in defs.values():
        _describe(definition)
    for info in LAYERS:
        defs[info.singular] = _node(defs.pop(names[info.name]), info)
    defs["edge"] = _edge(defs.pop(names["edge"]))
    for name in ("look", "flow", "background_change"):
        defs[name] = defs.pop(names[name])
    defs["flow"] = _with_properties(defs["flow"], "flow", {"place": {"type": "string"}})
    return _document(defs, f"#/$defs/{names['label_space']}")


def _describe(definition: Json) -> None:
    properties = definition.get("properties")
    if properties is None:  # a symbol or an enumeration
        return
    definition["required"] = list(properties)  # every field is written
    for name, field in properties.items():
        field.pop("title", None)
        field.pop("default", None)
        text = DESCRIPTIONS.get(f"{definition['title']}.{name}", DESCRIPTIONS.get(name))
        if text:
            field["description"] = text


def _node(definition: Json, info: LayerInfo) -> Json:
    pattern = rf"^[{info.prefixes}]\([0-9]+\)$"
    own = {"id": {"type": "string", "pattern": pattern}, "layer": {"const": info.name}}
    return _with_properties(definition, info.singular, own)


def _edge(definition: Json) -> Json:
    own = {
        "source": {"type": "string", "description": "the parent, or the lower id of siblings"},
        "target": {"type": "string"},
        "kind": {"enum": ["parent", "sibling"]},
    }
    return _with_properties(definition, "edge", own)


def _with_properties(definition: Json, title: str, own: Json) -> Json:
    properties = own | definition["properties"]
    return definition | {"title": title, "properties": properties, "required": list(properties)}


def _looks() -> Json:
    looks = {"type": "array", "items": {"$ref": "#/$defs/look"}}
    return {
        "type": "object",
        "description": "the looks at the place of a node, oldest first",
        "properties": {"id": {"type": "string"}, "looks": looks},
        "required": ["id", "looks"],
    }


def _document(defs: Json, label_space: str) -> Json:
    count = {"type": "integer", "minimum": 0}
    layer = {"layer": {"type": "integer"}, "count": count, "present": count}
    properties = {
        "schema": {"const": SCHEMA},
        "units": {"const": UNITS},
        "frame": {"const": FRAME},
        "origin_m": {
            "type": "array",
            "items": {"type": "number"},
            "minItems": 3,
            "maxItems": 3,
            "description": "the map's own origin in the world: positions below are the world's, "
            "mesh_blocks are counted from here",
        },
        "stamp_ns": {
            "type": ["integer", "null"],
            "description": "latest stamp in the graph; null in an empty one",
        },
        "label_space": {"$ref": label_space},
        "layers": {
            "type": "object",
            "properties": {info.name: {"$ref": "#/$defs/layer"} for info in LAYERS},
            "required": [info.name for info in LAYERS],
            "additionalProperties": False,
        },
        "nodes": {
            "type": "array",
            "items": {"oneOf": [{"$ref": f"#/$defs/{info.singular}"} for info in LAYERS]},
        },
        "edges": {"type": "array", "items": {"$ref": "#/$defs/edge"}},
        "looks": {"type": "array", "items": _looks()},
        "flow": {"type": "array", "items": {"$ref": "#/$defs/flow"}},
        "background_changes": {"type": "array", "items": {"$ref": "#/$defs/background_change"}},
    }
    defs["layer"] = {
        "type": "object",
        "description": "its number in spark_dsg, its nodes, and those of them not ended",
        "properties": layer,
        "required": list(layer),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"hydra-mono scene graph, format {VERSION}",
        "description": "Objects, agents, places, rooms, buildings; each has at most one parent.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "$defs": dict(sorted(defs.items())),
    }
