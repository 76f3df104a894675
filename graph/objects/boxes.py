"""The box of an object: round its surface, to its contours, to what it stands against."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float64

from hydra_mono.core.box import BoundingBox, axis_aligned_box
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.keyframe import KeyframeInput
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import BlockKey, MeshUpdate
from hydra_mono.graph.objects.box_completion import CompletionRule, StructureStore, complete_box
from hydra_mono.graph.objects.box_fit import fit_box, is_outline_round, seen_share
from hydra_mono.graph.objects.clusters import Cluster

TRIM = 0.0075  # share of the surface beyond each side: noise, measured on closed and open plans
OUTWARD_M = 0.06  # a side is looked for so far outside where the surface put it
INWARD_M = 0.08  # and so far inside: veils hang out behind outlines
_FLATLY_SEEN = 0.75  # of a side's area; a side seen so well is where its surface is
_OUTERMOST = 0.03  # share of the ends that lie past a side by noise alone
_BAND_M = 0.02  # ends so close together are of one side
_LEAST_ENDS = 10  # that make a side
_SIDES = tuple((axis, sign) for axis in range(3) for sign in (-1, 1))


def fit_to_outline(
    box: BoundingBox,
    ends_m: Float64[np.ndarray, "e 3"],
    points_m: Float64[np.ndarray, "n 3"],
    normals: Float64[np.ndarray, "n 3"],
    is_sure: Bool[np.ndarray, " n"],
) -> BoundingBox:
    """The box with its sides at the outermost of the ends that were seen, where there are enough.

    ``ends_m``: points on the thing's outlines. ``points_m`` and ``normals`` are its surface, of
    which ``is_sure`` tells whether it is round: outlines that touch a side at a point say little.
    Sides seen flatly stay where their surface is, but for the top, whose surface is often thin.
    """
    half = np.array(box.dimensions_m) / 2
    ends = box.to_box_frame(ends_m)
    ends = ends[np.all(np.abs(ends) < half + OUTWARD_M, axis=1)]
    if len(ends) < _LEAST_ENDS:
        return box
    surface, facing = box.to_box_frame(points_m), box.turn_to_box_frame(normals)
    is_round = is_outline_round(surface[is_sure], normals[is_sure], half)
    corners = {-1: -half, 1: half.copy()}
    for axis, sign in _SIDES:
        is_top = axis == 2 and sign > 0
        if axis < 2 and is_round:
            continue
        if not is_top and seen_share(surface, facing, half, axis, sign) > _FLATLY_SEEN:
            continue
        side_m = _side(sign * ends[:, axis])
        if side_m is not None and -INWARD_M < side_m - half[axis] < OUTWARD_M:
            corners[sign][axis] = sign * side_m
    return box.with_corners(corners[-1], corners[1])


def _side(outward_m: Float64[np.ndarray, " e"]) -> float | None:
    """Where ends crowd outermost; None where they do not."""
    outermost = np.quantile(outward_m, 1 - _OUTERMOST, method="higher")
    crowd = outward_m[outward_m > outermost - _BAND_M]
    return float(np.median(crowd)) if len(crowd) >= _LEAST_ENDS else None


class BoxFitter:
    """Fits boxes to clusters of surface in a scene whose walls and floors it keeps track of."""

    def __init__(self, labels: LabelSpace, completion: CompletionRule | None) -> None:
        self._least_widths_m = labels.least_widths_m
        self._completion = completion
        self._structure = StructureStore(labels)

    def apply(self, update: MeshUpdate) -> None:
        self._structure.apply(update)

    def forget(self, blocks: Iterable[BlockKey]) -> None:
        self._structure.forget(blocks)

    def state(self) -> State:
        """See ``core.map.state``."""
        return self._structure.state()

    def restore(self, state: State) -> None:
        self._structure.restore(state)

    def fit(self, cluster: Cluster, keyframe: KeyframeInput) -> tuple[BoundingBox, BoundingBox]:
        """The box of what was seen, and the same one with its unseen sides completed."""
        mesh, block_size_m = keyframe.mesh, keyframe.mesh_update.block_size_m
        surface = cluster.surface
        points_m, normals = surface.points_m.astype(np.float64), surface.normals.astype(np.float64)
        is_sure = ~(surface.is_fringe | surface.is_occlusion_artifact)
        about = self._structure.near(axis_aligned_box(points_m), mesh, block_size_m)
        box = fit_box(
            points_m,
            normals,
            surface.is_fringe,
            surface.is_occlusion_artifact,
            TRIM,
            self._structure.yaws_near(about),
        )
        ends_m = keyframe.contours.near(cluster.label, *box.bounds(OUTWARD_M))
        box = fit_to_outline(box, ends_m, points_m, normals, is_sure)
        if self._completion is None:
            return box, box
        return box, complete_box(
            box,
            points_m,
            normals,
            self._structure.near(box, mesh, block_size_m),
            self._completion,
            is_sure=is_sure,
            least_width_m=float(self._least_widths_m[cluster.label]),
        )
