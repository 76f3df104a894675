"""From labelled surface to candidate objects."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from hydra_mono.core.mesh import BlockKey
from hydra_mono.graph.objects.box_fit import find_yaw, least_rectangle_yaw
from hydra_mono.graph.objects.splitting import split_touching
from hydra_mono.graph.objects.surface import (
    CELL_BITS,
    CELL_MIDDLE,
    PartKey,
    Surface,
    join,
    unpack_grid,
    unpack_labels,
)

JOIN_DISTANCE_M = 0.4  # between a seat and its back, a shade and a base
LEAST_SHARE = 0.1  # of an object's cells; a remnant smaller does not carry its name on
_SLACK_M = 0.05
_SHEET_M = 0.1  # two voxels: a side of a box, seen from before it or from above
_RIM_M = 0.1  # between two sides of one: noise leaves the cell at their rim empty
_FOOT_HEIGHT_M = 0.2
_FOOT_REACH_M = 1.5
_STUB_M = 0.1  # of a piece's end, that tells whether a pole begins there
_POLE_WIDTH_M = 0.17  # voxels of 5 cm show a pole of 4 cm up to three of them wide, and noise
_CRUMB_RATIO = 4  # times the cells that what a crumb fell off has
_CRUMB_SIZE = 4  # times the least size of an object
_CRUMB_REACH_M = 0.25


@dataclass(frozen=True, slots=True)
class Cluster:
    """Surface of one label that is connected. ``cells`` are sorted and unique."""

    label: int
    cells: Int64[np.ndarray, " c"]
    blocks: tuple[BlockKey, ...]
    surface: Surface


def find_clusters(
    parts: list[tuple[PartKey, Surface]], min_cells: int, join_distance_m: float = JOIN_DISTANCE_M
) -> list[Cluster]:
    """Clusters of at least ``min_cells`` cells, ordered by their first cell.

    Cells that touch are connected; so are pieces of one label of which one stands above, below
    or within the other with a gap of no more than ``join_distance_m`` (a seat and its legs).
    """
    if not parts:
        return []
    surface = join(part for _, part in parts)
    part_index = np.repeat(np.arange(len(parts)), [len(part) for _, part in parts])
    cells, cell_of_vertex = np.unique(surface.cells, return_inverse=True)
    component = cluster_cells(cells)
    component = _join_pieces(cells, component, surface, cell_of_vertex, join_distance_m)
    wanted = _object_components(cells, component, surface, cell_of_vertex, min_cells)
    order = np.argsort(component[cell_of_vertex], kind="stable")
    ends = np.cumsum(np.bincount(component[cell_of_vertex]))
    clusters = []
    for i in wanted:
        index = order[ends[i - 1] if i else 0 : ends[i]]
        members = cells[component == i]
        keys = [parts[k][0] for k in np.flatnonzero(np.bincount(part_index[index]))]
        blocks = tuple(sorted(key for _, key in keys))
        clusters.append(Cluster(keys[0][0], members, blocks, surface.select(index)))
    return clusters


def split_cluster(
    cluster: Cluster, cell_size_m: float, least_width_m: float, *, in_rows: bool, min_cells: int
) -> list[Cluster]:
    """The parts of a cluster that are objects of their own; itself where it is one.

    See ``split_touching`` for ``least_width_m`` and ``in_rows``.
    """
    surface = cluster.surface
    yaw_rad = find_yaw(surface.normals[~surface.is_fringe].astype(np.float64))
    if yaw_rad is None:
        yaw_rad = least_rectangle_yaw(surface.points_m[:, :2].astype(np.float64)) or 0.0
    middles_m = (unpack_grid(cluster.cells) + CELL_MIDDLE) * cell_size_m
    part = split_touching(middles_m, yaw_rad, least_width_m, in_rows=in_rows)
    counts = np.bincount(part)
    if len(counts) == 1 or counts.min() < min_cells:
        return [cluster]
    part_of_vertex = part[np.searchsorted(cluster.cells, surface.cells)]
    return [
        replace(
            cluster,
            cells=cluster.cells[part == number],
            surface=surface.select(np.flatnonzero(part_of_vertex == number)),
        )
        for number in range(len(counts))
    ]


def _join_pieces(
    cells: Int64[np.ndarray, " c"],
    component: Int64[np.ndarray, " c"],
    surface: Surface,
    cell_of_vertex: Int64[np.ndarray, " n"],
    join_distance_m: float,
) -> Int64[np.ndarray, " c"]:
    lower, upper = _extents(surface.points_m, component[cell_of_vertex])
    _, first = np.unique(component, return_index=True)
    labels = unpack_labels(cells[first])
    poles = _pole_ends(surface.points_m, component[cell_of_vertex], lower, upper)
    linked = _stacked(lower, upper, poles, join_distance_m) | _meet_at_rim(lower, upper)
    linked &= labels[:, None] == labels
    merged = np.asarray(connected_components(csr_array(linked), directed=False)[1], np.int64)
    return renumber(merged[component])


def _object_components(
    cells: Int64[np.ndarray, " c"],
    component: Int64[np.ndarray, " c"],
    surface: Surface,
    cell_of_vertex: Int64[np.ndarray, " n"],
    min_cells: int,
) -> Int64[np.ndarray, " k"]:
    """Components that are objects: neither specks nor crumbs of a far larger one beside them."""
    lower, upper = _extents(surface.points_m, component[cell_of_vertex])
    counts = np.bincount(component)
    labels = unpack_labels(cells[np.unique(component, return_index=True)[1]])
    larger = counts > _CRUMB_RATIO * counts[:, None]
    beside = (labels[:, None] == labels) & larger & (_gaps_m(lower, upper) < _CRUMB_REACH_M)
    is_crumb = (counts < _CRUMB_SIZE * min_cells) & beside.any(axis=1)
    return np.flatnonzero((counts >= min_cells) & ~is_crumb)


def _extents(
    points_m: Float32[np.ndarray, "n 3"], component: Int64[np.ndarray, " n"]
) -> tuple[Float32[np.ndarray, "k 3"], Float32[np.ndarray, "k 3"]]:
    order = np.argsort(component, kind="stable")
    starts = np.flatnonzero(np.diff(component[order], prepend=-1))
    ordered = points_m[order]
    return np.minimum.reduceat(ordered, starts), np.maximum.reduceat(ordered, starts)


def _pole_ends(
    points_m: Float32[np.ndarray, "n 3"],
    component: Int64[np.ndarray, " n"],
    lower: Float32[np.ndarray, "k 3"],
    upper: Float32[np.ndarray, "k 3"],
) -> Bool[np.ndarray, "2 k"]:
    """Whether the lower, and whether the upper end of each piece is a stub of a pole."""
    height_m = points_m[:, 2]
    ends = (height_m < lower[component, 2] + _STUB_M, height_m > upper[component, 2] - _STUB_M)
    widths = []
    for is_end in ends:
        end_lower, end_upper = _extents(points_m[is_end], component[is_end])
        widths.append((end_upper - end_lower)[:, :2].max(axis=1))
    is_tall = upper[:, 2] - lower[:, 2] > _STUB_M
    return np.asarray((np.stack(widths) < _POLE_WIDTH_M) & is_tall)


def _stacked(
    lower: Float32[np.ndarray, "k 3"],
    upper: Float32[np.ndarray, "k 3"],
    poles: Bool[np.ndarray, "2 k"],
    distance_m: float,
) -> Bool[np.ndarray, "k k"]:
    """Pairs whose footprints overlap by half of the smaller one and that are close in height.

    Footprints are taken ``_SLACK_M`` wider, since those of thin poles would miss one another. A
    flat piece below is a foot, and an end as narrow as a pole goes on: what is between is too thin
    to be mapped, whatever its length.
    """
    overlap = np.minimum(upper[:, None], upper) - np.maximum(lower[:, None], lower)
    shared = np.prod(np.maximum(overlap[..., :2] + _SLACK_M, 0), axis=-1)
    footprint = np.prod(upper[:, :2] - lower[:, :2] + _SLACK_M, axis=-1)
    smaller = np.minimum(footprint[:, None], footprint)
    goes_on = (upper[:, 2] - lower[:, 2] < _FOOT_HEIGHT_M) | poles[1]
    is_below = lower[:, None, 2] < lower[:, 2]
    above_below = poles[0][None, :] | goes_on[:, None]  # as if the first were below the second
    on_foot = np.where(is_below, above_below, above_below.T)
    reach_m = np.where(on_foot, max(_FOOT_REACH_M, distance_m), distance_m)
    return np.asarray((shared >= 0.5 * smaller) & (overlap[..., 2] >= -reach_m))


def _meet_at_rim(
    lower: Float32[np.ndarray, "k 3"], upper: Float32[np.ndarray, "k 3"]
) -> Bool[np.ndarray, "k k"]:
    """Pairs of a level and an upright sheet that all but touch: two sides of one box."""
    sizes = upper - lower
    is_level, is_upright = sizes[:, 2] < _SHEET_M, sizes[:, :2].min(axis=1) < _SHEET_M
    pairs = is_level[:, None] & is_upright
    return np.asarray((pairs | pairs.T) & (_gaps_m(lower, upper) < _RIM_M))


def _gaps_m(
    lower: Float32[np.ndarray, "k 3"], upper: Float32[np.ndarray, "k 3"]
) -> Float32[np.ndarray, "k k"]:
    """Between the boxes of pieces, along the axis along which it is widest."""
    return np.asarray(np.maximum(lower[:, None] - upper, lower - upper[:, None]).max(axis=-1))


def cluster_cells(cells: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Components of sorted unique cells; cells of one label that touch, corners too, are one.

    Components are numbered by their first cell, so equal input gives equal numbers.
    """
    if not len(cells):
        return np.zeros(0, np.int64)
    pairs = [_neighbours(cells, offset) for offset in _half_of_26()]
    source, target = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    shape = (len(cells), len(cells))
    links = coo_array((np.ones(len(source), np.int8), (source, target)), shape=shape)
    _, component = connected_components(links.tocsr(), directed=False)
    return renumber(component.astype(np.int64))


def renumber(component: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The same grouping, numbered by first occurrence."""
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse])


def _half_of_26() -> list[int]:
    """Packed steps to 13 of a cell's 26 neighbours; the other 13 are their opposites."""
    steps = [
        (((x << CELL_BITS) + y) << CELL_BITS) + z
        for x in (-1, 0, 1)
        for y in (-1, 0, 1)
        for z in (-1, 0, 1)
    ]
    return [step for step in steps if step > 0]


def _neighbours(
    cells: Int64[np.ndarray, " n"], step: int
) -> tuple[Shaped[np.ndarray, " m"], Shaped[np.ndarray, " m"]]:
    """Index pairs of cells that lie ``step`` apart."""
    found = np.searchsorted(cells, cells + step)
    found[found == len(cells)] = 0
    source = np.flatnonzero(cells[found] == cells + step)
    return source, found[source]


@dataclass(frozen=True, slots=True)
class Association:
    """Indices of clusters and objects.

    ``heir``: the known each cluster goes on as, -1 for a new one. ``merged``: (object, the
    object it is now part of). ``lost``: objects that no cluster shares a cell with.
    """

    heir: tuple[int, ...]
    merged: tuple[tuple[int, int], ...]
    lost: tuple[int, ...]


def associate(
    clusters: list[Int64[np.ndarray, " _"]], known: list[Int64[np.ndarray, " _"]]
) -> Association:
    """Matches by shared cells: every object goes to the cluster that holds most of it.

    Of several objects in one cluster the first (the oldest) lives on and takes up the others; of
    several clusters of one object the largest share keeps its name and the others are new.
    """
    shared = count_shared(clusters, known)
    heir = [-1] * len(clusters)
    merged, lost = [], []
    for index, row in enumerate(shared):
        best = int(np.argmax(row)) if len(row) else -1
        if best < 0 or row[best] <= LEAST_SHARE * len(known[index]):
            lost.append(index)
        elif heir[best] < 0:
            heir[best] = index
        else:
            merged.append((index, heir[best]))
    return Association(tuple(heir), tuple(merged), tuple(lost))


def count_shared(
    clusters: list[Int64[np.ndarray, " _"]], known: list[Int64[np.ndarray, " _"]]
) -> Int64[np.ndarray, "t c"]:
    """Number of cells each object has in common with each cluster; clusters share none."""
    if not clusters or not known:
        return np.zeros((len(known), len(clusters)), np.int64)
    cells = np.concatenate(clusters)
    cluster_of = np.repeat(np.arange(len(clusters)), [len(c) for c in clusters])
    order = np.argsort(cells)
    cells, cluster_of = cells[order], cluster_of[order]
    wanted = np.concatenate(known)
    object_of = np.repeat(np.arange(len(known)), [len(cells) for cells in known])
    found = np.searchsorted(cells, wanted)
    found[found == len(cells)] = 0
    hit = cells[found] == wanted
    flat = object_of[hit] * len(clusters) + cluster_of[found[hit]]
    counts = np.bincount(flat, minlength=len(known) * len(clusters))
    return np.asarray(counts.reshape(len(known), len(clusters)))
