"""Rooms against true rooms, as sets of free-space voxels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from hydra_mono.core.truth import GroundTruth
from hydra_mono.evaluation.grid import voxels_in_balls
from hydra_mono.evaluation.inputs import RunInputs
from hydra_mono.evaluation.ratios import mean, share
from hydra_mono.graph.model.nodes import PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol


@dataclass(frozen=True, slots=True)
class RoomScores:
    """Precision: mean over estimated rooms of the share that lies in one true room.

    Recall: mean over true rooms of the share that one estimated room holds. An estimated room
    is the free space in the balls of its places; a true one all its free space, or for
    ``_covered`` what of it the places of any room cover. ``total_`` sums before dividing.
    Free space of no true room is left out throughout.
    """

    precision: float | None
    recall: float | None
    precision_covered: float | None
    recall_covered: float | None
    total_precision: float | None
    total_recall: float | None
    total_recall_covered: float | None
    truth_count: int
    estimated_count: int


@dataclass(frozen=True, slots=True)
class RoomOverlaps:
    """Voxel counts: true room × estimated room, and the sizes of the sets."""

    shared: Int64[np.ndarray, "t e"]
    estimated: Int64[np.ndarray, " e"]
    true: Int64[np.ndarray, " t"]
    true_covered: Int64[np.ndarray, " t"]


def score_rooms(run: RunInputs, truth: GroundTruth) -> RoomScores:
    """Hughes et al. (Hydra, 2022), and the totals that their tool prints."""
    return score_overlaps(room_overlaps(run, truth))


def room_overlaps(run: RunInputs, truth: GroundTruth) -> RoomOverlaps:
    """Counts voxels in common; estimated rooms without any voxel have a column of zeros."""
    grid = truth.grid
    rooms = np.where(grid.free, grid.room, np.int16(-1)).astype(np.int64)
    indices = [room.index for room in truth.rooms]
    covered = np.zeros(rooms.shape, dtype=bool)
    columns = []
    for places in room_places(run.graph, run.end_ns).values():
        inside = voxels_in_balls(grid, places)
        covered |= inside
        columns.append(_counts(rooms[inside], indices))
    shared = np.array(columns, dtype=np.int64).reshape(len(columns), len(indices)).T
    return RoomOverlaps(
        shared=shared,
        estimated=shared.sum(axis=0),
        true=_counts(rooms.ravel(), indices),
        true_covered=_counts(rooms[covered], indices),
    )


def score_overlaps(overlaps: RoomOverlaps) -> RoomScores:
    best_true = overlaps.shared.max(axis=0, initial=0)
    best_estimated = overlaps.shared.max(axis=1, initial=0)
    precision = mean(_shares(best_true, overlaps.estimated))
    return RoomScores(
        precision=precision,
        recall=mean(_shares(best_estimated, overlaps.true)),
        precision_covered=precision,
        recall_covered=mean(_shares(best_estimated, overlaps.true_covered)),
        total_precision=share(int(best_true.sum()), int(overlaps.estimated.sum())),
        total_recall=share(int(best_estimated.sum()), int(overlaps.true.sum())),
        total_recall_covered=share(int(best_estimated.sum()), int(overlaps.true_covered.sum())),
        truth_count=len(overlaps.true),
        estimated_count=len(overlaps.estimated),
    )


def room_places(graph: SceneGraph, stamp_ns: int) -> dict[NodeSymbol, list[PlaceNode]]:
    """The places under every room of the graph at a stamp."""
    members: dict[NodeSymbol, list[PlaceNode]] = {
        symbol: [] for symbol, node in graph.nodes(Layer.ROOMS) if node.exists_at(stamp_ns)
    }
    for symbol, node in graph.nodes(Layer.PLACES):
        parent = graph.find_parent(symbol)
        if parent in members and isinstance(node, PlaceNode) and node.exists_at(stamp_ns):
            members[parent].append(node)
    return members


def _counts(rooms: Int64[np.ndarray, " n"], indices: list[int]) -> Int64[np.ndarray, " t"]:
    inside = rooms[rooms >= 0]
    counts = np.bincount(inside, minlength=max(indices, default=-1) + 1)
    return counts[indices].astype(np.int64) if indices else np.zeros(0, dtype=np.int64)


def _shares(parts: Int64[np.ndarray, " n"], wholes: Int64[np.ndarray, " n"]) -> list[float]:
    """Shares of the sets that are not empty."""
    return [float(p / w) for p, w in zip(parts, wholes, strict=True) if w > 0]
