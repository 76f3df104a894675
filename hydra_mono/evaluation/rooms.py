"""Rooms against true rooms, as sets of free-space voxels."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64

from hydra_mono.core.truth import GroundTruth
from hydra_mono.evaluation.grid import voxels_in_balls
from hydra_mono.evaluation.inputs import RunInputs
from hydra_mono.evaluation.ratios import mean, share
from hydra_mono.graph.model.nodes import PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

LEAST_PART = 0.2  # of a true room, for a part to be more than a border drawn a little off
UNKNOWN_CATEGORY = "room"
KINDS = {"living": "living room", "dining": "dining room", "stairs": "staircase"}


@dataclass(frozen=True, slots=True)
class RoomScores:
    """Precision: mean over estimated rooms of the share that lies in one true room.

    Recall: mean over true rooms of the share that one estimated room holds. An estimated room
    is the free space in the balls of its places; a true one all its free space, or for
    ``_covered`` what of it the places of any room cover. ``total_`` sums before dividing.
    Free space of no true room is left out throughout. ``over_segmented``: true rooms of which two
    or more estimated ones each hold a fifth; ``under_segmented``: estimated rooms that hold a fifth
    of two or more true ones; fifths of what places cover. ``kinds_right``: of the estimated rooms
    that are told to be of a kind, the share whose kind is that of the true room most of them is.
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
    over_segmented: int
    under_segmented: int
    kinds_right: float | None = None


@dataclass(frozen=True, slots=True)
class RoomOverlaps:
    """Voxel counts: true room × estimated room, and the sizes of the sets."""

    shared: Int64[np.ndarray, "t e"]
    estimated: Int64[np.ndarray, " e"]
    true: Int64[np.ndarray, " t"]
    true_covered: Int64[np.ndarray, " t"]


def score_rooms(run: RunInputs, truth: GroundTruth) -> RoomScores:
    """Hughes et al. (Hydra, 2022), and the totals that their tool prints."""
    overlaps = room_overlaps(run, truth)
    return replace(score_overlaps(overlaps), kinds_right=_kinds_right(run, truth, overlaps))


def _kinds_right(run: RunInputs, truth: GroundTruth, overlaps: RoomOverlaps) -> float | None:
    right = []
    for column, symbol in enumerate(room_places(run.graph, run.end_ns)):
        node = run.graph.get_node(symbol)
        category = node.category if isinstance(node, RoomNode) else UNKNOWN_CATEGORY
        if category == UNKNOWN_CATEGORY or not overlaps.estimated[column]:
            continue
        true = truth.rooms[int(np.argmax(overlaps.shared[:, column]))].name
        kind = true.rstrip(" 0123456789")  # rooms are numbered from the second of a kind on
        right.append(float(KINDS.get(kind, kind) == category))
    return mean(right)


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
    large = overlaps.shared >= LEAST_PART * np.maximum(overlaps.true_covered, 1)[:, None]
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
        over_segmented=int((large.sum(axis=1) >= 2).sum()),
        under_segmented=int((large.sum(axis=0) >= 2).sum()),
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
