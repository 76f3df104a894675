"""Where somebody can walk: clearance seen from above, and paths through it."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import ndimage
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from hydra_mono.core.errors import DataError
from hydra_mono.simulation.building.plan import Plan
from hydra_mono.simulation.building.structure import opening_air, room_air
from hydra_mono.simulation.shapes import SceneObject

CELL_M = 0.05
WALKER_HEIGHT_M = 1.9
RADIUS_M = 0.3


@dataclass(frozen=True)
class WalkMap:
    """Clearance of one storey: metres from a cell's middle to the nearest obstacle below 1.9 m."""

    origin_m: Float64[np.ndarray, "2"]
    floor_m: float
    clearance_m: Float64[np.ndarray, "x y"]
    room: Int64[np.ndarray, "x y"]

    def reachable(self) -> Bool[np.ndarray, "x y"]:
        """The largest connected area where a walker fits."""
        parts, count = ndimage.label(self.clearance_m >= RADIUS_M, np.ones((3, 3)))
        if count == 0:
            return np.zeros(parts.shape, dtype=bool)
        return np.asarray(parts == int(np.argmax(np.bincount(parts.ravel())[1:])) + 1)

    def cell(self, point_m: Float64[np.ndarray, "2"]) -> tuple[int, int]:
        x, y = np.rint((point_m - self.origin_m) / CELL_M).astype(int)
        return int(x), int(y)

    def point(self, cell: tuple[int, int]) -> Float64[np.ndarray, "2"]:
        return np.asarray(self.origin_m + np.array(cell) * CELL_M)

    def clearance(self, points_m: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, " n"]:
        """Interpolated clearance; 0 outside the map."""
        coordinates = ((points_m - self.origin_m) / CELL_M).T
        found = ndimage.map_coordinates(self.clearance_m, coordinates, order=1, mode="constant")
        return np.asarray(found)


def make_walk_map(plan: Plan, objects: tuple[SceneObject, ...], storey: int = 0) -> WalkMap:
    rooms = [room for room in plan.rooms if room.storey == storey]
    lower = np.min([room.lower_m for room in rooms], axis=0) - 0.2
    upper = np.max([room.upper_m for room in rooms], axis=0) + 0.2
    shape = np.ceil((upper - lower) / CELL_M).astype(int) + 1
    xs, ys = lower[0] + np.arange(shape[0]) * CELL_M, lower[1] + np.arange(shape[1]) * CELL_M
    room_of = np.full(tuple(shape), -1, np.int64)
    for opening in plan.openings:
        if plan.rooms[opening.rooms[0]].storey != storey:
            continue
        air = opening_air(opening)
        room_of[_window(xs, ys, air.lower_m, air.upper_m)] = opening.rooms[0]
    for room in rooms:
        air = room_air(room)
        room_of[_window(xs, ys, air.lower_m, air.upper_m)] = room.index
    for flight in plan.flights:
        if plan.rooms[flight.rooms[1]].storey == storey:
            room_of[_window(xs, ys, flight.lower_m, flight.upper_m)] = -1
    blocked = room_of < 0
    floor = rooms[0].floor_m
    for obj in objects:
        if floor - 0.05 < obj.position_m[2] < floor + WALKER_HEIGHT_M:
            _block(blocked, xs, ys, obj)
    distance = ndimage.distance_transform_edt(~blocked) * CELL_M - CELL_M / 2
    return WalkMap(lower, floor, np.maximum(distance, 0.0), room_of)


def _window(
    xs: np.ndarray, ys: np.ndarray, lower: tuple[float, ...], upper: tuple[float, ...]
) -> tuple[slice, slice]:
    x0, x1 = np.searchsorted(xs, [lower[0] - 1e-9, upper[0] + 1e-9])
    y0, y1 = np.searchsorted(ys, [lower[1] - 1e-9, upper[1] + 1e-9])
    return slice(int(x0), int(x1)), slice(int(y0), int(y1))


def _block(
    blocked: Bool[np.ndarray, "x y"], xs: np.ndarray, ys: np.ndarray, obj: SceneObject
) -> None:
    corners = obj.box.footprint()
    low, high = corners.min(axis=0) - CELL_M / 2, corners.max(axis=0) + CELL_M / 2
    blocked[_window(xs, ys, (low[0], low[1]), (high[0], high[1]))] = True


def find_path(
    walk_map: WalkMap, start_m: Float64[np.ndarray, "2"], goal_m: Float64[np.ndarray, "2"]
) -> Float64[np.ndarray, "n 2"]:
    """A short path that keeps its distance from obstacles, points every ``CELL_M``.

    Raises:
        DataError: there is no path.
    """
    start, goal = walk_map.cell(start_m), walk_map.cell(goal_m)
    for margin in (40, 120, 100_000):
        low = np.maximum(np.minimum(start, goal) - margin, 0)
        high = np.minimum(np.maximum(start, goal) + margin + 1, walk_map.clearance_m.shape)
        clearance = walk_map.clearance_m[low[0] : high[0], low[1] : high[1]]
        cells = _cheapest(clearance, np.array(start) - low, np.array(goal) - low)
        if len(cells):
            return smooth(walk_map, walk_map.origin_m + (cells + low) * CELL_M)
    raise DataError(f"the simulated building has no path from {start_m} to {goal_m}")


def _cheapest(
    clearance: Float64[np.ndarray, "x y"],
    start: Int64[np.ndarray, "2"],
    goal: Int64[np.ndarray, "2"],
) -> Int64[np.ndarray, "n 2"]:
    """Dijkstra over the cells, dearer near obstacles; empty where the goal is out of reach."""
    everywhere = np.ones(clearance.shape, dtype=bool)
    graph, _ = walk_graph(clearance, everywhere)
    numbers = np.arange(clearance.size).reshape(clearance.shape)
    first, last = int(numbers[tuple(start)]), int(numbers[tuple(goal)])
    distance, before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)
    if not np.isfinite(distance[last]):
        return np.zeros((0, 2), np.int64)
    chain = [last]
    while chain[-1] != first:
        chain.append(int(before[chain[-1]]))
    return np.stack(np.unravel_index(chain[::-1], clearance.shape), axis=1)


def walk_graph(
    clearance: Float64[np.ndarray, "x y"], chosen: Bool[np.ndarray, "x y"]
) -> tuple[csr_matrix, Int64[np.ndarray, "n 2"]]:
    """Costs of steps between neighbours among the chosen cells a walker fits in; those cells.

    A cell's number is its row in the second; the cost grows near obstacles.
    """
    cells = np.argwhere(chosen)
    numbers = np.zeros(clearance.shape, np.int64)
    numbers[chosen] = np.arange(len(cells))
    passable = chosen & (clearance >= RADIUS_M)
    cost = 1 + 3 * np.clip((0.7 - clearance) / 0.4, 0, 1) ** 2
    froms, tos, weights = [], [], []
    for dx, dy in ((1, 0), (0, 1), (1, 1), (1, -1)):
        a = (slice(0, clearance.shape[0] - dx), slice(max(-dy, 0), clearance.shape[1] - max(dy, 0)))
        b = (slice(dx, None), slice(max(dy, 0), clearance.shape[1] + min(dy, 0)))
        both = passable[a] & passable[b]
        froms.append(numbers[a][both])
        tos.append(numbers[b][both])
        weights.append(((cost[a] + cost[b]) / 2 * math.hypot(dx, dy))[both])
    edges = (np.concatenate(weights), (np.concatenate(froms), np.concatenate(tos)))
    return csr_matrix(edges, shape=(len(cells), len(cells))), cells


def smooth(walk_map: WalkMap, path: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "n 2"]:
    """Rounded corners, as far as the clearance stays what it was."""
    for sigma in (8.0, 4.0, 2.0):
        if len(path) < 4:
            break
        reach = int(4 * sigma)
        padded = np.concatenate([path[:1].repeat(reach, 0), path, path[-1:].repeat(reach, 0)])
        soft = ndimage.gaussian_filter1d(padded, sigma, axis=0, mode="nearest")[reach:-reach]
        soft = np.concatenate([path[:1], soft[1:-1], path[-1:]])
        if np.min(walk_map.clearance(soft)) > RADIUS_M - 0.03:
            return soft
    return path


def resampled(path: Float64[np.ndarray, "n d"], step_m: float) -> Float64[np.ndarray, "m d"]:
    """The path in equal steps, its first point left out."""
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0, lengths[-1], max(math.ceil(lengths[-1] / step_m), 1) + 1)[1:]
    return np.stack([np.interp(at, lengths, axis) for axis in path.T], axis=1)
