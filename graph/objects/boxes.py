"""The box of an object: round its surface, to its contours, to what it stands against."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from hydra_mono.core.box import BoundingBox, axis_aligned_box
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.keyframe import KeyframeInput
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import BlockKey, MeshUpdate
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.objects.box_completion import CompletionRule, complete_box
from hydra_mono.graph.objects.box_fit import fit_box, is_outline_round, seen_share
from hydra_mono.graph.objects.clusters import Cluster
from hydra_mono.graph.objects.structure import StructureStore

TRIM = 0.0075  # share of the surface beyond each side: noise, measured on closed and open plans
OUTWARD_M = 0.06  # a side is looked for so far outside where the surface put it
INWARD_M = 0.08  # and so far inside: occlusion artifacts lie behind contours
_FLATLY_SEEN = 0.75  # of a side's area; a side seen so well is where its surface is
_COMPLETED_M = 0.01  # past what was seen; less is no completion
_EVIDENT_SHARE = 0.75  # of a class's least width; labels at borders hide the rest
_OUTERMOST = 0.03  # share of the ends that lie past a side by noise alone
_BAND_M = 0.02  # ends so close together are of one side
_LEAST_ENDS = 10  # that make a side
_TOLD_ENDS = 8  # that tell where a side is not
_CROWD = 0.1  # of the densest band's ends; fewer farther out lie on what is behind
NO_POINTS = np.zeros((0, 3))
_SIDES = tuple((axis, sign) for axis in range(3) for sign in (-1, 1))
_SECTORS = 24  # of 15°, in which ends on a circle are counted
_TOLD_SECTORS = 8  # of those, at least: a third of the circle
_CIRCLE_ENDS = 12  # on a circle that a round object is taken to have
_CIRCLE_STEP_M, _CIRCLE_STEPS = 0.01, 5  # of centres tried, up to a voxel aside
_CIRCLE_QUANTILE = 0.9  # of the ends are within; the others are on what is behind
_WIDE = 0.85  # of a round object's radius; surface farther out is where it is widest
_CIRCLE_NOISE_M = 0.01  # of ends, in or out of the circle
_TIP_IMAGES = 5  # that showed each of them; fewer are errors of labels
_TIP_ENDS = 5  # at least, that show what rises from a top
_TIP_GAP_M = 0.06  # at most, between one of them and the next above
_TIP_REACH_M = 0.25  # above the top, that it is looked for in
_TIP_LEAST_M = 0.03  # that it rises; less is noise of the top


@dataclass(frozen=True, slots=True)
class OutlinedBox:
    """A box, and where contours show its level sides: metres past them, by (axis, sign)."""

    box: BoundingBox
    ends_m: Mapping[tuple[int, int], float]


def fit_to_outline(
    box: BoundingBox,
    ends_m: Float64[np.ndarray, "e 3"],
    points_m: Float64[np.ndarray, "n 3"],
    normals: Float64[np.ndarray, "n 3"],
    is_sure: Bool[np.ndarray, " n"],
    tip_ends_m: Float64[np.ndarray, "t 3"] = NO_POINTS,
) -> OutlinedBox:
    """The box with its sides at the outermost of the ends that were seen, where there are enough.

    ``ends_m``: points on the object's contours. ``points_m`` and ``normals`` are its surface, of
    which ``is_sure`` tells whether it is round. Sides seen flatly stay where their surface is, but
    for the top, whose surface is often thin. ``tip_ends_m``: those of the points that many images
    showed, above the box too.
    """
    half = np.array(box.dimensions_m) / 2
    ends = box.to_box_frame(ends_m)
    ends = ends[np.all(np.abs(ends) < half + OUTWARD_M, axis=1)]
    surface, facing = box.to_box_frame(points_m), box.turn_to_box_frame(normals)
    is_round = is_outline_round(surface[is_sure], normals[is_sure], half)
    lower, upper = -half, half.copy()
    if len(ends) >= _LEAST_ENDS:
        for axis, sign in _SIDES:
            is_top = axis == 2 and sign > 0
            if axis < 2 and is_round:
                continue
            if not is_top and seen_share(surface, facing, half, axis, sign) > _FLATLY_SEEN:
                continue
            side_m = _side(sign * ends[:, axis])
            if side_m is not None and -INWARD_M < side_m - half[axis] < OUTWARD_M:
                (upper if sign > 0 else lower)[axis] = sign * side_m
    if is_round:
        _fit_circle(_at_widest(ends, surface), lower, upper)
    upper[2] = _tip(box.to_box_frame(tip_ends_m), lower, upper)
    told = {} if is_round else _told_ends(ends, lower, upper)
    return OutlinedBox(box.with_corners(lower, upper), told)


def _side(outward_m: Float64[np.ndarray, " e"]) -> float | None:
    """Where ends crowd outermost; None where they do not."""
    outermost = np.quantile(outward_m, 1 - _OUTERMOST, method="higher")
    crowd = outward_m[outward_m > outermost - _BAND_M]
    return float(np.median(crowd)) if len(crowd) >= _LEAST_ENDS else None


def _told_ends(
    ends: Float64[np.ndarray, "e 3"],
    lower: Float64[np.ndarray, "3"],
    upper: Float64[np.ndarray, "3"],
) -> dict[tuple[int, int], float]:
    """Metres past a level side to the outermost crowd of ends in its half of the box.

    Few ends farther out lie on what is behind the object.
    """
    told = {}
    for axis, sign in _SIDES[:4]:
        side_m = upper[axis] if sign > 0 else -lower[axis]
        inward_m = min(INWARD_M, (upper[axis] - lower[axis]) / 2)
        past = np.sort(sign * ends[:, axis] - side_m)
        past = past[np.searchsorted(past, -inward_m) :]
        counts = np.searchsorted(past, past + _BAND_M) - np.arange(len(past))
        crowds = np.flatnonzero(counts >= max(_TOLD_ENDS, _CROWD * counts.max(initial=0)))
        if len(crowds):
            same = crowds[past[crowds] > past[crowds[-1]] - _BAND_M]
            start = int(same[np.argmax(counts[same])])
            told[axis, sign] = float(np.median(past[start : start + counts[start]]))
    return told


def _tip(
    ends: Float64[np.ndarray, "e 3"],
    lower: Float64[np.ndarray, "3"],
    upper: Float64[np.ndarray, "3"],
) -> float:
    """The top, or that of what rises from it too thin for voxels, like a tap."""
    within = np.all((ends[:, :2] > lower[:2]) & (ends[:, :2] < upper[:2]), axis=1)
    height = np.sort(ends[within & (ends[:, 2] > upper[2]), 2])
    gaps = np.diff(height, prepend=upper[2]) > _TIP_GAP_M
    rises = height[: int(np.argmax(gaps)) if gaps.any() else len(height)]
    if len(rises) < _TIP_ENDS or rises[-2] < upper[2] + _TIP_LEAST_M:
        return float(upper[2])
    return float(rises[-2])  # the very highest may be noise


def _at_widest(
    ends: Float64[np.ndarray, "e 3"], surface: Float64[np.ndarray, "n 3"]
) -> Float64[np.ndarray, "m 3"]:
    """Ends at the heights at which a round object's surface is widest: a lamp's shade, not foot."""
    radius_m = np.hypot(surface[:, 0], surface[:, 1])
    wide = surface[radius_m > _WIDE * np.quantile(radius_m, 1 - _OUTERMOST), 2]
    is_there = (ends[:, 2] > wide.min() - _BAND_M) & (ends[:, 2] < wide.max() + _BAND_M)
    return np.asarray(ends[is_there])


def _fit_circle(
    ends: Float64[np.ndarray, "e 3"],
    lower: Float64[np.ndarray, "3"],
    upper: Float64[np.ndarray, "3"],
) -> None:
    """Moves the level sides of a round object to the circle that most of its outer ends lie on.

    Centres are tried on a grid about the box's; a circle holds all ends but the outermost tenth.
    """
    middle, radius_m = (lower + upper)[:2] / 2, float((upper - lower)[:2].max()) / 2
    steps = np.arange(-_CIRCLE_STEPS, _CIRCLE_STEPS + 1) * _CIRCLE_STEP_M
    centres = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) + middle
    if len(ends) < _CIRCLE_ENDS:
        return
    offsets = ends[None, :, :2] - centres[:, None]
    distance_m = np.hypot(offsets[..., 0], offsets[..., 1])
    radii_m = np.quantile(distance_m, _CIRCLE_QUANTILE, axis=1)
    is_on = np.abs(distance_m - radii_m[:, None]) < _CIRCLE_NOISE_M
    best = int(np.argmax(is_on.sum(axis=1)))
    angles = np.arctan2(offsets[best, is_on[best], 1], offsets[best, is_on[best], 0])
    told = len(np.unique(np.floor(angles * (_SECTORS / 2 / np.pi))))
    fits = abs(radii_m[best] - radius_m) < OUTWARD_M and told >= _TOLD_SECTORS
    if fits and np.count_nonzero(is_on[best]) >= _CIRCLE_ENDS:
        lower[:2], upper[:2] = centres[best] - radii_m[best], centres[best] + radii_m[best]


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
        lower_m, upper_m = box.bounds(OUTWARD_M)
        tip_m = upper_m + np.array([0.0, 0.0, _TIP_REACH_M])
        near = keyframe.contours.near
        outlined = fit_to_outline(
            box,
            near(cluster.label, lower_m, upper_m),
            points_m,
            normals,
            is_sure,
            near(cluster.label, lower_m, tip_m, least_images=_TIP_IMAGES),
        )
        box = outlined.box
        if self._completion is None:
            return box, box
        least_width_m = float(self._least_widths_m[cluster.label])
        return box, complete_box(
            box,
            points_m,
            normals,
            self._structure.near(box, mesh, block_size_m),
            self._completion,
            is_sure=is_sure,
            ends_m=outlined.ends_m,
            least_width_m=least_width_m if is_evident(box, least_width_m) else 0.0,
        )


def object_node(
    cluster: Cluster, seen: BoundingBox, box: BoundingBox, labels: LabelSpace, *, is_active: bool
) -> ObjectNode:
    """The node of a cluster, of which the box ``seen`` was seen and ``box`` is completed."""
    return ObjectNode(
        position_m=box.center_m,
        first_seen_ns=int(cluster.surface.first_seen_ns.min()),
        last_seen_ns=int(cluster.surface.last_seen_ns.max()),
        is_active=is_active,
        label=cluster.label,
        name=labels.name_of(cluster.label),
        color=labels.color_of(cluster.label),
        box=box,
        seen_fraction=seen_fraction(seen, box),
        completed_sides=completed_sides(seen, box),
        vertex_count=len(cluster.surface),
        mesh_blocks=cluster.blocks,
    )


def completed_sides(seen: BoundingBox, box: BoundingBox) -> tuple[str, ...]:
    """Sides of a box (as ``-x``, in its own axes) that lie outside those of what was seen."""
    middle = box.to_box_frame(np.array([seen.center_m]))[0]
    half, seen_half = np.array(box.dimensions_m) / 2, np.array(seen.dimensions_m) / 2
    return tuple(
        ("+" if sign > 0 else "-") + name
        for axis, name in enumerate("xyz")
        for sign in (-1, 1)
        if half[axis] - sign * middle[axis] - seen_half[axis] > _COMPLETED_M
    )


def seen_fraction(seen: BoundingBox, box: BoundingBox) -> float:
    """How much of a box's volume lies in the box of what was seen, which is turned alike."""
    shares = np.array(seen.dimensions_m) / np.maximum(box.dimensions_m, 1e-6)  # of a flat one
    return float(np.prod(np.minimum(shares, 1.0)))


def is_evident(seen: BoundingBox, least_width_m: float) -> bool:
    """Whether what was seen reaches as far as its class does at least, in one level direction.

    A speck that would have to be completed along both is no evidence of an object.
    """
    return max(seen.dimensions_m[:2]) >= _EVIDENT_SHARE * least_width_m
