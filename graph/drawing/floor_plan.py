"""The floor plan of a storey as SVG: rooms, passages, objects and the camera's path."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

from hydra_mono.graph.drawing.labels import Labels, Line, Rectangle, extent
from hydra_mono.graph.drawing.svg import document, element, polygon, polyline, rgb, text, title
from hydra_mono.graph.model.nodes import ObjectNode, Passage, PlaceNode, RoomNode, Window
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

PIXELS_PER_M = 60.0  # a flat of 12 m is as wide as a page
MOST_PIXELS = 1600.0  # a larger building is drawn smaller
MARGIN_M = 0.6
INK, PALE_INK, PATH, GONE = "#222222", "#777777", "#c03030", "#a05020"
WALL_PX = 3.0
GLASS = "#7db7d8"
LEAN_PX = 4.0  # so far words may lean out of their object, all told: less than a letter


@dataclass(frozen=True, slots=True)
class Sheet:
    """From the world to the drawing: y points down there."""

    lower_m: tuple[float, float]
    upper_m: tuple[float, float]
    scale: float

    @staticmethod
    def around(points_m: Float64[np.ndarray, "n 2"]) -> "Sheet":
        """A sheet that holds the points; one metre of nothing where there are none."""
        if not len(points_m):
            points_m = np.zeros((1, 2))
        lower, upper = points_m.min(axis=0) - MARGIN_M, points_m.max(axis=0) + MARGIN_M
        scale = min(PIXELS_PER_M, MOST_PIXELS / float((upper - lower).max()))
        (x0, y0), (x1, y1) = lower.tolist(), upper.tolist()
        return Sheet((x0, y0), (x1, y1), scale)

    @property
    def size_px(self) -> tuple[float, float]:
        return (
            (self.upper_m[0] - self.lower_m[0]) * self.scale,
            (self.upper_m[1] - self.lower_m[1]) * self.scale,
        )

    def at(self, x_m: float, y_m: float) -> tuple[float, float]:
        return (x_m - self.lower_m[0]) * self.scale, (self.upper_m[1] - y_m) * self.scale

    def all_at(self, points_m: np.ndarray | Sequence[Sequence[float]]) -> list[tuple[float, float]]:
        return [self.at(float(point[0]), float(point[1])) for point in points_m]


@dataclass(frozen=True)
class StoreyScene:
    """What is on one storey; world coordinates are the graph's own."""

    rooms: dict[NodeSymbol, RoomNode] = field(default_factory=dict)
    places: dict[NodeSymbol, list[PlaceNode]] = field(default_factory=dict)
    objects: dict[NodeSymbol, ObjectNode] = field(default_factory=dict)
    path_m: Float64[np.ndarray, "n 3"] = field(default_factory=lambda: np.zeros((0, 3)))

    def points_m(self) -> Float64[np.ndarray, "n 2"]:
        """Everything that the sheet has to hold."""
        parts = [self.path_m[:, :2], *(node.box.footprint() for node in self.objects.values())]
        for symbol, room in self.rooms.items():
            if room.outline_m:
                parts.append(np.array(room.outline_m))
            for place in self.places.get(symbol, []):
                reach_m = np.array([[-place.radius_m] * 2, [place.radius_m] * 2])
                parts.append(np.array(place.position_m[:2]) + reach_m)
        return np.concatenate(parts)


def storeys_of(graph: SceneGraph) -> list[int]:
    rooms = [node for _, node in graph.present(Layer.ROOMS) if isinstance(node, RoomNode)]
    return sorted({room.storey for room in rooms}) or [0]


def storey_scene(
    graph: SceneGraph, storey: int, path_m: Float64[np.ndarray, "n 3"] | None = None
) -> StoreyScene:
    """Rooms, places and objects of a storey, those that left too, and the path's part on it."""
    rooms = {
        symbol: node
        for symbol, node in graph.present(Layer.ROOMS)
        if isinstance(node, RoomNode) and node.storey == storey
    }
    places: dict[NodeSymbol, list[PlaceNode]] = {}
    objects: dict[NodeSymbol, ObjectNode] = {}
    for symbol in rooms:
        for child in graph.children(symbol):
            place = graph.get_node(child)
            if isinstance(place, PlaceNode) and place.is_present:
                places.setdefault(symbol, []).append(place)
            objects |= {
                below: node
                for below in graph.children(child)
                if isinstance(node := graph.get_node(below), ObjectNode)
                and (node.is_present or node.removed_ns is not None)
            }
    on_it = np.zeros((0, 3)) if path_m is None else path_m[_on_storey(path_m, rooms)]
    return StoreyScene(rooms, places, objects, on_it)


def _on_storey(path_m: Float64[np.ndarray, "n 3"], rooms: dict[NodeSymbol, RoomNode]) -> np.ndarray:
    """Points whose height is within that of the rooms' boxes."""
    if not rooms:
        return np.ones(len(path_m), bool)
    spans = [room.box.bounds() for room in rooms.values()]
    low, high = min(lower[2] for lower, _ in spans), max(upper[2] for _, upper in spans)
    return np.asarray((path_m[:, 2] >= low) & (path_m[:, 2] <= high))


def floor_plan_svg(
    graph: SceneGraph, storey: int = 0, path_m: Float64[np.ndarray, "n 3"] | None = None
) -> str:
    """A storey's plan, one element of SVG. Objects that left are dashed."""
    scene = storey_scene(graph, storey, path_m)
    sheet = Sheet.around(scene.points_m())
    content = [element("rect", width="100%", height="100%", fill="#ffffff")]
    for symbol, room in scene.rooms.items():
        content += _room(sheet, room, scene.places.get(symbol, []))
    for passage in {p: None for room in scene.rooms.values() for p in room.passages}:
        content.append(_passage(sheet, passage))
    for room in scene.rooms.values():
        content += [_window(sheet, window) for window in room.windows]
    order = sorted(scene.objects, key=lambda symbol: scene.objects[symbol].box.center_m[2])
    content += [_object(sheet, symbol, scene.objects[symbol]) for symbol in order]
    content += _path(sheet, scene.path_m)
    content += _words(sheet, scene)
    content += _scale_bar(sheet)
    return document(*sheet.size_px, content)


def _room(sheet: Sheet, room: RoomNode, places: list[PlaceNode]) -> list[str]:
    """Its outline; the balls of its places where none was seen."""
    pale = rgb(room.color, pale=0.72)
    if room.outline_m:
        border = {"stroke": INK, "stroke_width": WALL_PX, "stroke_linejoin": "round"}
        return [polygon(sheet.all_at(room.outline_m), title(room.name), fill=pale, **border)]
    discs = []
    for place in places:
        x, y = sheet.at(*place.position_m[:2])
        discs.append(element("circle", cx=x, cy=y, r=place.radius_m * sheet.scale, fill=pale))
    return discs


def _passage(sheet: Sheet, passage: Passage) -> str:
    """White across the wall's lines, with a thin line where it was shut when last seen."""
    along = np.array([np.cos(passage.heading_rad), np.sin(passage.heading_rad)])
    ends = [np.array(passage.position_m[:2]) + s * along * passage.width_m / 2 for s in (-1, 1)]
    points = sheet.all_at(np.array(ends))
    words = f"{passage.kind}, {passage.width_m:.2f} m"
    gap = element(
        "polyline",
        title(words),
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        stroke="#ffffff",
        stroke_width=max(0.22 * sheet.scale, 2 * WALL_PX),  # m: an inner wall's thickness
    )
    shut = passage.is_open is False
    return gap + (polyline(points, stroke=INK, stroke_width=1.5) if shut else "")


def _window(sheet: Sheet, window: Window) -> str:
    """A pale line across the wall's."""
    along = np.array([np.cos(window.heading_rad), np.sin(window.heading_rad)])
    ends = [np.array(window.position_m[:2]) + s * along * window.width_m / 2 for s in (-1, 1)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in sheet.all_at(np.array(ends)))
    words = title(f"window, {window.width_m:.2f} × {window.height_m:.2f} m")
    return element("polyline", words, points=points, stroke=GLASS, stroke_width=2 * WALL_PX)


def _object(sheet: Sheet, symbol: NodeSymbol, node: ObjectNode) -> str:
    points = sheet.all_at(node.box.footprint())
    words = f"{node.name} {symbol}"
    if not node.is_present:
        dash = {"stroke": GONE, "stroke_dasharray": "4 3", "fill": "none"}
        return polygon(points, title(f"{words}: was there"), **dash)
    fill = rgb(node.color, pale=0.25)
    return polygon(points, title(words), fill=fill, stroke=PALE_INK, fill_opacity=0.85)


def _path(sheet: Sheet, path_m: Float64[np.ndarray, "n 3"]) -> list[str]:
    if len(path_m) < 2:
        return []
    points = sheet.all_at(path_m)
    (x0, y0), (x1, y1) = points[0], points[-1]
    line = polyline(points, stroke=PATH, stroke_width=1.5, stroke_opacity=0.6)
    start = element("circle", title("start"), cx=x0, cy=y0, r=4, fill="#ffffff", stroke=PATH)
    return [line, start, element("circle", title("end"), cx=x1, cy=y1, r=4, fill=PATH)]


def _words(sheet: Sheet, scene: StoreyScene) -> list[str]:
    """Names of rooms, then of objects, larger ones first; of those for which there is no room on
    the object or beside other words, only the pointer tells.
    """
    labels = Labels(Rectangle(0.0, 0.0, *sheet.size_px))
    present = {symbol: node for symbol, node in scene.objects.items() if node.is_present}
    boxes = {s: Rectangle.around(sheet.all_at(n.box.footprint())) for s, n in present.items()}
    halo = {"stroke": "#ffffff", "stroke_width": 3, "paint_order": "stroke"}
    style = {"fill": INK, "pointer_events": "none"}
    found = []
    for symbol, room in scene.rooms.items():
        lines = _room_lines(room)
        middles = [sheet.at(x, y) for x, y in _room_middles(room, scene.places.get(symbol, []))]
        at = labels.best(lines, middles, list(boxes.values()))
        found += labels.put(lines, at, **style, **halo)
    for symbol in sorted(boxes, key=lambda s: (-present[s].box.volume_m3, s)):
        lines, box = [Line(present[symbol].name, 9.0)], boxes[symbol]
        fits = extent(lines, (0.0, 0.0)).right * 2 <= box.right - box.left + LEAN_PX
        clear = next((m for m in _object_middles(box) if fits and labels.is_free(lines, m)), None)
        if clear is not None:
            found += labels.put(lines, clear, **style)
    return found


def _room_lines(room: RoomNode) -> list[Line]:
    area = [Line(f"{room.area_m2:.1f} m²", 11.0)] if room.area_m2 else []
    return [Line(room.name, 14.0, is_bold=True), *area]


def _room_middles(room: RoomNode, places: list[PlaceNode]) -> list[tuple[float, float]]:
    """Where a room's name may stand: at its own place, else at others, the widest first."""
    widest = sorted(places, key=lambda place: (-place.radius_m, place.position_m))
    return [(node.position_m[0], node.position_m[1]) for node in (room, *widest)]


def _object_middles(box: Rectangle) -> list[tuple[float, float]]:
    """The middle of an object, then above and below it."""
    x, y, third = (box.left + box.right) / 2, (box.top + box.bottom) / 2, (box.bottom - box.top) / 3
    return [(x, y), (x, y - third), (x, y + third)]


def _scale_bar(sheet: Sheet) -> list[str]:
    x, y = 12.0, sheet.size_px[1] - 10
    end = x + sheet.scale
    ticks = [(x, y - 4), (x, y), (end, y), (end, y - 4)]
    label = text("1 m", (x + end) / 2, y - 4, font_size=10, text_anchor="middle", fill=INK)
    return [polyline(ticks, stroke=INK), label]
