"""What of a map tells where it lies: objects, surfaces and free space, in the world's axes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.model.nodes import ObjectNode, PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer

CELL_M = 0.1  # one surface point a cell and direction: as fine as walls are told apart
UPRIGHT = 0.5  # |z| of a normal below it is a wall's or a piece of furniture's side
LEVEL = 0.9  # z of a normal above it is a floor's or a table's
FLOOR_SHARE = 0.5  # of the largest level surface, for another to be a floor too: no table is


@dataclass(frozen=True, slots=True)
class MapView:
    """A map as it is aligned: world axes, metres.

    ``classes``: of the objects at ``objects_m``. ``surface_m`` and ``normals``: thinned vertices
    of the mesh. Free space is the union of balls ``free_m``, ``free_radius_m``.
    """

    classes: tuple[str, ...]
    objects_m: Float64[np.ndarray, "n 3"]
    surface_m: Float64[np.ndarray, "v 3"]
    normals: Float64[np.ndarray, "v 3"]
    free_m: Float64[np.ndarray, "p 3"]
    free_radius_m: Float64[np.ndarray, " p"]

    @property
    def upright(self) -> Bool[np.ndarray, " v"]:
        """Which surface points are sides: floors and ceilings lie anywhere on one another."""
        return np.asarray(np.abs(self.normals[:, 2]) < UPRIGHT)

    @property
    def floors_m(self) -> list[float]:
        """Heights of the largest level surfaces, from below."""
        heights_m = self.surface_m[self.normals[:, 2] > LEVEL, 2]
        if not len(heights_m):
            return []
        first = np.floor(heights_m.min() / CELL_M)
        counts = np.bincount((np.floor(heights_m / CELL_M) - first).astype(np.int64))
        wide = np.convolve(counts, np.ones(2, np.int64))[: len(counts)]  # a floor on two cells' rim
        best = np.flatnonzero((wide >= FLOOR_SHARE * wide.max()) & (counts > 0))
        kept = [i for i in best if i - 1 not in best or wide[i] > wide[i - 1]]
        rows = np.floor(heights_m / CELL_M) - first
        return [float(np.median(heights_m[np.abs(rows - (i - 0.5)) < 1])) for i in kept]


def view_of(graph: SceneGraph, mesh: SemanticMesh, labels: LabelSpace) -> MapView:
    """The view of a map whose mesh and graph are relative to the graph's origin."""
    origin_m = np.array(graph.origin_m)
    objects = [n for _, n in graph.present(Layer.OBJECTS) if isinstance(n, ObjectNode)]
    places = [n for _, n in graph.present(Layer.PLACES) if isinstance(n, PlaceNode)]
    vertices_m = mesh.vertices_m.astype(np.float64) + origin_m
    normals = mesh.normals.astype(np.float64)
    kept = _thinned(vertices_m, normals)
    return MapView(
        classes=tuple(labels.name_of(n.label) for n in objects),
        objects_m=np.array([n.box.center_m for n in objects]).reshape(-1, 3) + origin_m,
        surface_m=vertices_m[kept],
        normals=normals[kept],
        free_m=np.array([n.position_m for n in places]).reshape(-1, 3) + origin_m,
        free_radius_m=np.array([n.radius_m for n in places], np.float64),
    )


def _thinned(
    points_m: Float64[np.ndarray, "v 3"], normals: Float64[np.ndarray, "v 3"]
) -> Int64[np.ndarray, " k"]:
    """One point of each cell and main direction, so that both sides of a thin wall stay."""
    if not len(points_m):
        return np.zeros(0, np.int64)
    axis = np.argmax(np.abs(normals), axis=1)
    side = np.take_along_axis(normals, axis[:, None], axis=1)[:, 0] > 0
    cells = np.floor(points_m / CELL_M).astype(np.int64)
    keys = np.column_stack([cells, 2 * axis + side])
    _, first = np.unique(keys, axis=0, return_index=True)
    return np.sort(first)
