"""Occupancy maps for Nav2 and ROS's map_server: an image and how to read it, for each storey.

Free is what the balls of places keep free above the floor; occupied are objects that stand there
and the borders of rooms; all else is unknown. Values are map_server's: 254, 0 and 205.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from hydra_mono.core.errors import ExportError
from hydra_mono.graph.io.dsg.places import HIGHEST_M, floor_places
from hydra_mono.graph.model.nodes import ObjectNode, PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

CELL_M = 0.05  # Nav2's usual resolution
MARGIN_M = 0.5
FREE, OCCUPIED, UNKNOWN = 254, 0, 205
MOST_CELLS = 100_000_000  # an image of 100 MB: half a kilometre square

Pixels = UInt8[np.ndarray, "y x"]


def nav2_files(graph: SceneGraph) -> dict[str, bytes]:
    """``map.pgm`` and ``map.yaml`` of the lowest storey; ``map_1.pgm`` and so on of the others.

    Raises:
        ExportError: there is no floor to stand on, or the map is too large for an image.
    """
    storeys = _places_by_storey(graph)
    if not storeys:
        raise ExportError("no free floor was seen, so there is no map for Nav2")
    files: dict[str, bytes] = {}
    for number, (storey, places) in enumerate(sorted(storeys.items())):
        name = "map" if number == 0 else f"map_{storey}"
        pixels, lower_m = occupancy(graph, storey, places)
        files[f"{name}.pgm"] = pgm(pixels)
        x, y = (float(a + b) for a, b in zip(lower_m, graph.origin_m[:2], strict=True))
        files[f"{name}.yaml"] = map_yaml(f"{name}.pgm", (x, y)).encode()
    return files


def _places_by_storey(graph: SceneGraph) -> dict[int, dict[NodeSymbol, float]]:
    storeys: dict[int, dict[NodeSymbol, float]] = {}
    for symbol, floor_m in floor_places(graph).items():
        room = graph.find_node(graph.find_parent(symbol) or symbol)
        storey = room.storey if isinstance(room, RoomNode) else 0
        storeys.setdefault(storey, {})[symbol] = floor_m
    return storeys


def occupancy(
    graph: SceneGraph, storey: int, places: Mapping[NodeSymbol, float]
) -> tuple[Pixels, Float64[np.ndarray, "2"]]:
    """The image, its first row at the highest y, and the corner of lowest x and y in metres.

    Raises:
        ExportError: the map is too large for an image.
    """
    nodes = [graph.get_node(symbol) for symbol in places]
    balls = [(node.position_m, node.radius_m) for node in nodes if isinstance(node, PlaceNode)]
    centers_m = np.array([center[:2] for center, _ in balls])
    radii_m = np.array([radius for _, radius in balls])
    lower_m = (centers_m - radii_m[:, None]).min(axis=0) - MARGIN_M
    upper_m = (centers_m + radii_m[:, None]).max(axis=0) + MARGIN_M
    shape = np.ceil((upper_m - lower_m) / CELL_M).astype(int)
    if shape.prod() > MOST_CELLS:
        raise ExportError(f"a map of {shape[0]} × {shape[1]} cells is too large for Nav2")
    cells = np.full(shape, UNKNOWN, np.uint8)
    for (center, _), radius_m in zip(balls, radii_m, strict=True):
        _fill_disc(cells, np.array(center[:2]) - lower_m, float(radius_m))
    for wall_m in _walls(graph, storey):
        inside = np.clip(((wall_m - lower_m) / CELL_M).astype(int), 0, shape - 1)
        cells[inside[:, 0], inside[:, 1]] = OCCUPIED
    floor_m = float(np.median(list(places.values())))
    for node in _standing(graph, floor_m):
        _fill_box(cells, node, lower_m)
    return np.ascontiguousarray(cells.T[::-1]), lower_m


def _fill_disc(
    cells: UInt8[np.ndarray, "x y"], center_m: Float64[np.ndarray, "2"], radius_m: float
) -> None:
    low = np.maximum(np.floor((center_m - radius_m) / CELL_M).astype(int), 0)
    high = np.ceil((center_m + radius_m) / CELL_M).astype(int)
    window = slice(low[0], high[0]), slice(low[1], high[1])
    x, y = ((np.arange(low[i], low[i] + cells[window].shape[i]) + 0.5) * CELL_M for i in (0, 1))
    inside: Bool[np.ndarray, "x y"] = (
        np.hypot(x[:, None] - center_m[0], y[None] - center_m[1]) <= radius_m
    )
    cells[window][inside] = FREE


def _walls(graph: SceneGraph, storey: int) -> list[Float64[np.ndarray, "n 2"]]:
    """Points along the borders of rooms, less those in passages."""
    found = []
    for _, room in graph.present(Layer.ROOMS):
        if not isinstance(room, RoomNode) or room.storey != storey or not room.outline_m:
            continue
        corners = np.array(room.outline_m)
        points = np.concatenate(
            [_along(a, b) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
        )
        for passage in room.passages:
            away_m = np.linalg.norm(points - np.array(passage.position_m[:2]), axis=1)
            points = points[away_m > passage.width_m / 2]
        found.append(points)
    return found


def _along(a: Float64[np.ndarray, "2"], b: Float64[np.ndarray, "2"]) -> Float64[np.ndarray, "n 2"]:
    count = int(np.linalg.norm(b - a) / CELL_M) + 2
    return np.asarray(a + np.linspace(0, 1, count)[:, None] * (b - a))


def _standing(graph: SceneGraph, floor_m: float) -> list[ObjectNode]:
    """Objects that a robot or a person would walk into."""
    found = []
    for _, node in graph.present(Layer.OBJECTS):
        if isinstance(node, ObjectNode):
            low_m = node.box.center_m[2] - node.box.dimensions_m[2] / 2 - floor_m
            if -0.5 < low_m < HIGHEST_M:  # m: boxes may reach a little into the floor
                found.append(node)
    return found


def _fill_box(
    cells: UInt8[np.ndarray, "x y"], node: ObjectNode, lower_m: Float64[np.ndarray, "2"]
) -> None:
    corners = node.box.footprint() - lower_m
    low = np.maximum(np.floor(corners.min(axis=0) / CELL_M).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0) / CELL_M).astype(int), cells.shape)
    if (low >= high).any():
        return
    x, y = np.meshgrid(*((np.arange(low[i], high[i]) + 0.5) * CELL_M for i in (0, 1)))
    level = np.full(x.size, node.box.center_m[2])
    points = np.column_stack([x.ravel() + lower_m[0], y.ravel() + lower_m[1], level])
    inside = node.box.contains(points).reshape(x.shape).T
    cells[low[0] : high[0], low[1] : high[1]][inside] = OCCUPIED


def pgm(pixels: Pixels) -> bytes:
    """A grey image in Netpbm's binary form."""
    height, width = pixels.shape
    return f"P5\n{width} {height}\n255\n".encode() + pixels.tobytes()


def map_yaml(image: str, origin_m: tuple[float, float]) -> str:
    """What map_server reads beside the image; with these, 205 is unknown."""
    x, y = origin_m
    return (
        f"image: {image}\nmode: trinary\nresolution: {CELL_M}\n"
        f"origin: [{x:.4f}, {y:.4f}, 0.0]\n"
        "negate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.196\n"
    )
