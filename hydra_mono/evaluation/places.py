"""Places against the true distance field and the true Voronoi diagram."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float64
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree

from hydra_mono.core.truth import GroundTruth, TruthGrid
from hydra_mono.evaluation.grid import is_free, voxels_in_balls
from hydra_mono.evaluation.inputs import RunInputs
from hydra_mono.evaluation.ratios import share
from hydra_mono.evaluation.surface import Surface
from hydra_mono.evaluation.truth_view import TruthView
from hydra_mono.graph.model.nodes import PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.places.voronoi import gvd_voxels

_EDGE_STEP_M = 0.05
_EDGE_TOLERANCE_M = 0.05

Places = dict[NodeSymbol, PlaceNode]


@dataclass(frozen=True, slots=True)
class PlaceScores:
    """Clearance error: |true distance to the nearest surface − radius|, 0 true inside a solid.

    GVD error: from a place to the nearest voxel of the true Voronoi diagram. Free space
    covered: of the voxels of all true rooms, those in some place's ball. Edges passable: those
    whose straight segment keeps the clearance they state, 5 cm allowed.
    """

    clearance_error_m: float | None
    mean_clearance_error_m: float | None
    p90_clearance_error_m: float | None
    gvd_error_m: float | None
    free_space_covered: float | None
    edges_passable: float | None
    count: int
    edge_count: int


def score_places(run: RunInputs, truth: GroundTruth, view: TruthView) -> PlaceScores:
    """Hughes et al. (Hydra, 2022) for the GVD error; the clearances are exact."""
    places = find_places(run.graph, view.end_ns)
    positions = np.array([place.position_m for place in places.values()]).reshape(-1, 3)
    radii = np.array([place.radius_m for place in places.values()])
    errors = np.abs(_clearances_m(truth.grid, view.surface, positions) - radii)
    passable = _passable_edges(run.graph, places, view.surface)
    in_rooms = truth.grid.free & (truth.grid.room >= 0)
    covered = voxels_in_balls(truth.grid, list(places.values())) & in_rooms
    return PlaceScores(
        clearance_error_m=float(np.median(errors)) if len(errors) else None,
        mean_clearance_error_m=float(errors.mean()) if len(errors) else None,
        p90_clearance_error_m=float(np.quantile(errors, 0.9)) if len(errors) else None,
        gvd_error_m=_gvd_error_m(truth.grid, positions),
        free_space_covered=share(int(covered.sum()), int(in_rooms.sum())),
        edges_passable=share(int(passable.sum()), len(passable)),
        count=len(places),
        edge_count=len(passable),
    )


def find_places(graph: SceneGraph, stamp_ns: int) -> Places:
    """The places of the graph at a stamp."""
    return {
        symbol: node
        for symbol, node in graph.nodes(Layer.PLACES)
        if isinstance(node, PlaceNode) and node.exists_at(stamp_ns)
    }


def _clearances_m(
    grid: TruthGrid, surface: Surface, points_m: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, " n"]:
    """Exact distance to the nearest surface; 0 for a point in no free voxel."""
    distances = surface.distance_m(points_m.astype(np.float32))
    return np.where(is_free(grid, points_m), distances, 0.0)


def _passable_edges(graph: SceneGraph, places: Places, surface: Surface) -> Bool[np.ndarray, " e"]:
    """For every weighted edge between places, whether its segment is as clear as it says."""
    edges = [
        (places[a].position_m, places[b].position_m, edge.weight)
        for a, b, edge in graph.edges()
        if a in places and b in places and edge.is_weighted
    ]
    segments = [_along(np.array(start), np.array(end)) for start, end, _ in edges]
    points = np.concatenate([*segments, np.zeros((0, 3))]).astype(np.float32)
    distances = surface.distance_m(points)
    ends = np.cumsum([0, *(len(segment) for segment in segments)])
    clearances = np.array([distances[a:b].min() for a, b in pairwise(ends)])
    stated = np.array([weight for _, _, weight in edges])
    return np.asarray(clearances >= stated - _EDGE_TOLERANCE_M, dtype=bool)


def _along(
    start_m: Float64[np.ndarray, "3"], end_m: Float64[np.ndarray, "3"]
) -> Float64[np.ndarray, "n 3"]:
    count = int(np.linalg.norm(end_m - start_m) / _EDGE_STEP_M) + 2
    return np.linspace(start_m, end_m, count)


def _gvd_error_m(grid: TruthGrid, positions_m: Float64[np.ndarray, "n 3"]) -> float | None:
    """Mean distance to the nearest true GVD voxel; None without places or GVD."""
    voxels = np.argwhere(_true_gvd(grid))
    if not len(voxels) or not len(positions_m):
        return None
    centres = grid.origin_m + voxels * grid.voxel_size_m
    return float(KDTree(centres).query(positions_m)[0].mean())


def _true_gvd(grid: TruthGrid) -> Bool[np.ndarray, "x y z"]:
    """What lies outside the grid is solid."""
    free = np.pad(grid.free, 1)
    distance, parent = distance_transform_edt(free, return_indices=True)
    on_diagram, _ = gvd_voxels(
        (distance * grid.voxel_size_m).astype(np.float32),
        np.ascontiguousarray(np.moveaxis(parent, 0, -1)),
        free,
        voxel_size_m=grid.voxel_size_m,
    )
    return on_diagram[1:-1, 1:-1, 1:-1]
