"""``hydra-mono history``: what happened in a run, in lines or as JSON."""

import argparse
import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra_mono.core.errors import ConfigError
from hydra_mono.graph.model.differences import Change, Difference
from hydra_mono.graph.model.looks import Seen
from hydra_mono.graph.model.nodes import Node, ObjectNode, Position
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.model.timed import room_of
from hydra_mono.outputs import LoadedRun, load_run

UNITS_S = {"s": 1, "m": 60, "h": 3600}
SEEN = {
    Seen.PRESENT: "its place was looked at, and it was there",
    Seen.ABSENT: "its place was looked at, and it was not there",
    Seen.OCCLUDED: "its place was in view, but hidden behind something",
    Seen.NOT_LOOKED: "nobody looked at its place",
}


@dataclass(frozen=True, slots=True)
class Clock:
    """Stamps as people read them: since the first frame of the run."""

    start_ns: int

    def text(self, stamp_ns: int | None) -> str:
        if stamp_ns is None:
            return "the start"
        tenths = round((stamp_ns - self.start_ns) / 1e8)
        sign, tenths = ("-", -tenths) if tenths < 0 else ("", tenths)
        return f"{sign}{tenths // 600}:{tenths % 600 // 10:02}.{tenths % 10}"

    def parse(self, text: str, option: str) -> int:
        """Nanoseconds of ``35s``, ``2m`` or ``1h`` after the first frame, or of a plain stamp.

        Raises:
            ConfigError: the text is no time.
        """
        if re.fullmatch(r"-?[0-9]{1,19}", text):
            return int(text)
        match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)([smh])", text)
        if not match:
            raise ConfigError(f"{option}: '{text}' is no time such as 35s, 2m or 1h, or a stamp")
        return self.start_ns + round(float(match[1]) * UNITS_S[match[2]] * 1e9)


def history(options: argparse.Namespace) -> int:
    """Prints what happened; exit status 1 and one line for an id or a time that is none."""
    run = load_run(Path(options.run))
    clock = Clock(int(run.trajectory.stamps_ns[0]) if len(run.trajectory.stamps_ns) else 0)
    since_ns = None if options.since is None else clock.parse(options.since, "--since")
    at_ns = None if options.at is None else clock.parse(options.at, "--at")
    node = None if options.object is None else _symbol(run.graph, options.object, Layer.OBJECTS)
    room = None if options.room is None else _symbol(run.graph, options.room, Layer.ROOMS)
    if at_ns is not None:
        entries, lines = _world_at(run.graph, at_ns, node, room)
    else:
        entries, lines = _events(run, clock, since_ns, node, room)
    if options.json:
        print(json.dumps(entries, indent=1))
    else:
        print("\n".join(lines) or "nothing")
    return 0


def _symbol(graph: SceneGraph, text: str, layer: Layer) -> NodeSymbol:
    """``O12`` or ``O(12)``, of a node that is or was in the graph."""
    match = re.fullmatch(r"([A-Za-z])\(?([0-9]{1,17})\)?", text)
    symbol = NodeSymbol.parse(f"{match[1]}({match[2]})" if match else text)
    if symbol.layer is not layer or symbol.is_agent:
        raise ConfigError(f"{text} is no id of {layer.name.lower()}, such as {layer.name[0]}(3)")
    if not graph.past.versions(symbol):
        raise ConfigError(f"there is no {symbol} in this run, and there never was")
    return symbol


def _world_at(
    graph: SceneGraph, stamp_ns: int, node: NodeSymbol | None, room: NodeSymbol | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """The objects as known at a stamp."""
    then = graph.at(stamp_ns)
    entries, lines = [], []
    for symbol, found in then.nodes(Layer.OBJECTS):
        inside = room_of(then, symbol)
        if node not in (None, symbol) or room not in (None, inside):
            continue
        assert isinstance(found, ObjectNode)
        at_m = _world(graph, found.position_m)
        place = str(inside) if inside else None
        entries.append({"id": str(symbol), "name": found.name, "position_m": at_m, "room": place})
        lines.append(f"{symbol!s:8} {found.name:16} {_point(at_m)}  {_room(then, inside)}")
    return entries, lines


def _events(
    run: LoadedRun,
    clock: Clock,
    since_ns: int | None,
    node: NodeSymbol | None,
    room: NodeSymbol | None,
) -> tuple[list[dict[str, Any]], list[str]]:
    graph, entries, lines = run.graph, [], []
    for found in graph.events(since_ns):
        inside = _room_then(graph, found)
        if node not in (None, found.symbol) or room not in (None, inside, found.symbol):
            continue
        entries.append(_entry(graph, found, inside))
        when = clock.text(found.before_ns)
        lines.append(f"{when:>8}  {found.symbol!s:8} {_sentence(graph, found, inside, clock)}")
    if node is not None:
        about, said = _about(graph, node, clock, since_ns)
        entries.append(about)
        lines += said
    return entries, lines


def _room_then(graph: SceneGraph, found: Difference) -> NodeSymbol | None:
    """The room a node was in when it happened, else the one it is in."""
    if found.symbol.layer is not Layer.OBJECTS:
        return None
    return room_of(graph, found.symbol) if graph.has_node(found.symbol) else None


def _sentence(graph: SceneGraph, found: Difference, room: NodeSymbol | None, clock: Clock) -> str:
    where = f"{_place(graph, found.to_m or found.from_m)}{_in(graph, room)}"
    interval = f"between {clock.text(found.after_ns)} and {clock.text(found.before_ns)}"
    match found.change:
        case Change.DISCOVERED:
            return f"{found.name} seen for the first time {where}"
        case Change.APPEARED:
            return f"{found.name} appeared {where}, {interval}"
        case Change.VANISHED:
            return f"{found.name} vanished from {where}, {interval}"
        case Change.MOVED:
            start = _place(graph, found.from_m)
            return f"{found.name} moved from {start} to {where}, {interval}"
        case Change.RETRACTED:
            return f"{found.name} retracted: it never was there"
        case Change.MERGED:
            return f"{found.name} merged into {found.to_node}"
        case Change.RELABELLED:
            return f"relabelled from {found.from_name} to {found.to_name}"
    return f"{found.name} went from {found.from_node} to {found.to_node}"


def _about(
    graph: SceneGraph, symbol: NodeSymbol, clock: Clock, since_ns: int | None
) -> tuple[dict[str, Any], list[str]]:
    """When an object was last seen, and what looks at its place have told."""
    last = graph.last_seen(symbol)
    look = graph.was_looked_at(symbol, since_ns if since_ns is not None else clock.start_ns)
    presence = _presence(graph, symbol)
    lines = [
        f"last seen {clock.text(last.stamp_ns)} {_place(graph, last.position_m)}"
        f"{_in(graph, last.room)}",
        SEEN[look.seen] + (_when(look, clock) if look.until_ns else ""),
    ]
    entry = {
        "id": str(symbol),
        "last_seen": {
            "stamp_ns": last.stamp_ns,
            "position_m": _world(graph, last.position_m),
            "room": str(last.room) if last.room else None,
        },
        "looked_at": dataclasses.asdict(look),
        "presence": presence,
    }
    return entry, lines


def _when(look: Any, clock: Clock) -> str:
    return f", {clock.text(look.from_ns)} to {clock.text(look.until_ns)}"


def _presence(graph: SceneGraph, symbol: NodeSymbol) -> dict[str, Any] | None:
    node: Node | None = graph.find_node(symbol)
    if not isinstance(node, ObjectNode) or node.presence is None:
        return None
    return dataclasses.asdict(node.presence)


def _entry(graph: SceneGraph, found: Difference, room: NodeSymbol | None) -> dict[str, Any]:
    points = {
        name: _world(graph, point) if (point := getattr(found, name)) else None
        for name in ("from_m", "to_m")
    }
    nodes = {
        name: str(other) if (other := getattr(found, name)) else None
        for name in ("from_node", "to_node")
    }
    plain = dataclasses.asdict(found) | {"change": str(found.change), "symbol": str(found.symbol)}
    return plain | points | nodes | {"room": str(room) if room else None}


def _world(graph: SceneGraph, position_m: Position) -> list[float]:
    """Where it is in the world: the map may have an origin of its own."""
    return [a + b for a, b in zip(position_m, graph.origin_m, strict=True)]


def _place(graph: SceneGraph, position_m: Position | None) -> str:
    return "somewhere" if position_m is None else _point(_world(graph, position_m))


def _point(at_m: list[float]) -> str:
    return f"({at_m[0]:.1f}, {at_m[1]:.1f}, {at_m[2]:.1f})"


def _in(graph: SceneGraph, room: NodeSymbol | None) -> str:
    return f" in {_room(graph, room)}" if room is not None else ""


def _room(graph: SceneGraph, room: NodeSymbol | None) -> str:
    node = graph.find_node(room) if room is not None else None
    return f"{getattr(node, 'name', 'room')} {room}" if room is not None else "no room"
