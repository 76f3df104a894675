"""From a distance field and the places there were: the places and edges there should be."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hydra_mono.core.freespace import FreeSpace
from hydra_mono.graph.places.clearance import Clearance, UnknownSpace
from hydra_mono.graph.places.cover import (
    Balls,
    Borders,
    Samples,
    choose_balls,
    crosses_border,
    drop_redundant,
)
from hydra_mono.graph.places.edges import Links, are_stray, joining, near_pairs, without_detours
from hydra_mono.graph.places.voronoi import VORONOI, VoronoiRule, gvd_voxels

MIN_EDGE_CLEARANCE_M = 0.25  # a robot half a metre wide passes
_MARGIN_M = 0.05  # half a voxel: the surface in it may be so much nearer than where it is kept
_SAFETY_M = 0.05  # with the margin a voxel: noise of far surface; edges are not refused for it
_MOVED_M = 0.8  # farther than a block of the map from a change the diagram hardly moves
_NEIGHBOURS = 16  # nearest places that an edge may lead to; 3-D Voronoi cells have 15.5 on average


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRules:
    """What makes a place and an edge."""

    min_radius_m: float = 0.2  # m to the nearest surface: two voxels of free space
    min_edge_clearance_m: float = MIN_EDGE_CLEARANCE_M
    min_joining_clearance_m: float = 0.2  # m; where nothing wider joins two parts
    min_volume_m3: float = 0.015  # m³ that it adds to the rest: a ball of 0.15 m radius
    max_edge_length_m: float = 2.0  # m; longer edges seldom lie inside the box of a refresh
    max_past_border_m: float = 0.5  # m into the next room; balls in doorways are 0.35 to 0.6 m
    min_component_size: int = 3  # places; smaller islands are noise of depth behind surfaces
    voronoi: VoronoiRule = VORONOI


@dataclass(frozen=True, slots=True)
class Plan:
    """The balls that were (some moved), then new ones; ``stays`` False for those to go.

    ``is_fresh``: looked at anew; ``links`` are all the edges that touch a fresh ball.
    """

    balls: Balls
    stays: Bool[np.ndarray, " n"]
    is_fresh: Bool[np.ndarray, " n"]
    links: Links


def plan_places(
    space: FreeSpace,
    known: Balls,
    known_links: Links,
    is_anchored: Bool[np.ndarray, " m"],
    rules: PlaceRules,
    borders: Borders | None = None,
) -> Plan:
    """Looks anew at the changed part of the box and leaves the rest as it was.

    ``is_anchored``: known balls with an edge to a place that is not among ``known``. Balls that
    reach far past a border belong to no one room; others cover the space there.
    """
    known_links = Links(known_links.pairs, known_links.clearance_m + _SAFETY_M)
    is_changed = _is_affected(space, known, known_links)
    space = _with_wider_change(space)
    field = Clearance(space)
    voxels, diagram = _diagram(space, rules)
    balls, is_valid = _settled(field, known, is_changed, diagram)
    candidates = _thinned(field, voxels, diagram)
    keeps = ~crosses_border(balls.plus(candidates), rules.max_past_border_m, borders)
    is_told = _reaches_changed_box(space, balls, np.zeros(len(balls)))
    is_valid &= keeps[: len(balls)] | ~is_told | is_anchored  # places out of reach link to these
    candidates = candidates.take(keeps[len(balls) :])
    stays, new = _cover(field, balls, is_valid, candidates, rules)
    balls = balls.plus(new)
    stays = np.concatenate([stays, np.ones(len(new), bool)])
    is_fresh = np.concatenate([is_changed, np.ones(len(new), bool)])
    anchored = np.concatenate([is_anchored, np.zeros(len(new), bool)])
    links = _links(field, balls, stays, is_fresh, known_links, rules)
    stays &= ~are_stray(len(balls), links, anchored, rules.min_component_size) | ~is_fresh
    both = is_fresh[links.pairs].any(axis=1) & stays[links.pairs].all(axis=1)
    return Plan(balls, stays, is_fresh, limit_by_unknown_space(space, balls, links.take(both)))


def limit_by_unknown_space(space: FreeSpace, balls: Balls, links: Links) -> Links:
    """Edges are chosen by what was seen; the width they state must hold for the unseen too."""
    starts, ends = (balls.center_m[column] for column in links.pairs.T)
    stated_m = links.clearance_m - _SAFETY_M
    widest_m = float(stated_m.max(initial=0.0))
    proven_m = UnknownSpace(space).along(starts, ends, up_to_m=widest_m)
    return Links(links.pairs, np.minimum(stated_m, proven_m))


def _cover(
    field: Clearance,
    balls: Balls,
    is_valid: Bool[np.ndarray, " n"],
    candidates: Balls,
    rules: PlaceRules,
) -> tuple[Bool[np.ndarray, " n"], Balls]:
    """Which balls stay, and those of the candidates that fill what is left uncovered."""
    space = field.space
    largest = max(balls.radius_m.max(initial=0.0), candidates.radius_m.max(initial=0.0))
    samples = Samples(space, float(largest))
    threshold = rules.min_volume_m3 / samples.volume_m3
    near = np.flatnonzero(is_valid & _reaches_changed_box(space, balls, balls.radius_m))
    inside = samples.inside(balls.take(near))
    counts = np.where(samples.is_counted, 0, len(balls) + 1)
    for held in inside:
        counts[held] += 1
    may_go = np.flatnonzero(_reaches_changed_box(space, balls.take(near), -balls.radius_m[near]))
    may_go = may_go[np.argsort(balls.radius_m[near[may_go]], kind="stable")]
    stays = is_valid.copy()
    stays[near[drop_redundant(inside, counts, may_go, threshold / 4)]] = False
    chosen = candidates.take(choose_balls(samples.inside(candidates), counts == 0, threshold))
    center = field.recentred(chosen.center_m)
    radius = _radius_m(field, center, np.zeros(len(center)))
    return stays, Balls(center, radius, chosen.basis_points)


def _with_wider_change(space: FreeSpace) -> FreeSpace:
    """The same with the changed box widened to where the diagram is likely to have moved."""
    steps = round(_MOVED_M / space.voxel_size_m)
    shape = np.array(space.distance_m.shape, np.int32)
    return replace(
        space,
        changed_lower=np.maximum(space.changed_lower - steps, 0).astype(np.int32),
        changed_upper=np.minimum(space.changed_upper + steps, shape).astype(np.int32),
    )


def _is_affected(space: FreeSpace, balls: Balls, links: Links) -> Bool[np.ndarray, " n"]:
    """Balls that lie near the changed box or reach into it, and the ends of edges that do."""
    is_affected = _reaches_changed_box(space, balls, np.maximum(balls.radius_m, _MOVED_M))
    ends = balls.center_m[links.pairs]
    lower, upper = _changed_box_m(space)
    reach = links.clearance_m[:, None]
    enters = np.all(
        (ends.max(axis=1) + reach >= lower) & (ends.min(axis=1) - reach <= upper), axis=1
    )
    is_affected[links.pairs[enters]] = True
    return is_affected


def _changed_box_m(space: FreeSpace) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]:
    return (
        (space.lower + space.changed_lower) * space.voxel_size_m,
        (space.lower + space.changed_upper) * space.voxel_size_m,
    )


def _reaches_changed_box(
    space: FreeSpace, balls: Balls, reach_m: Float64[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    lower, upper = _changed_box_m(space)
    reach = reach_m[:, None]  # negative: must lie inside by so much
    return np.asarray(
        np.all((balls.center_m >= lower - reach) & (balls.center_m <= upper + reach), axis=1)
    )


def _diagram(space: FreeSpace, rules: PlaceRules) -> tuple[np.ndarray, np.ndarray]:
    """Box-relative GVD voxels of the changed part, and basis points on the whole box."""
    window = tuple(
        slice(int(a), int(b)) for a, b in zip(space.changed_lower, space.changed_upper, strict=True)
    )
    basis = np.zeros(space.distance_m.shape, np.uint8)
    _, basis[window] = gvd_voxels(
        space.distance_m[window],
        space.parent[window] - (space.lower + space.changed_lower),
        space.observed_free[window],
        voxel_size_m=space.voxel_size_m,
        rule=rules.voronoi,
    )
    basis[space.distance_m < rules.min_radius_m] = 0
    return np.argwhere(basis > 0), basis


def _settled(
    field: Clearance, known: Balls, is_changed: Bool[np.ndarray, " n"], diagram: np.ndarray
) -> tuple[Balls, Bool[np.ndarray, " n"]]:
    """The known balls, those in the changed part moved to the nearest voxel of the diagram.

    A ball on the diagram stays where it is; one with none within two voxels is not valid.
    Outside the changed part, where a ball may still reach into it, there is no telling.
    """
    space = field.space
    rows = np.flatnonzero(is_changed)
    shape = np.array(diagram.shape)
    around = space.voxel_of(known.center_m[rows])[:, None] + _steps(2)
    inside = np.all((around >= 0) & (around < shape), axis=2)
    around = np.clip(around, 0, shape - 1)
    on_diagram = (diagram[tuple(np.moveaxis(around, 2, 0))] > 0) & inside
    choice = on_diagram.argmax(axis=1)
    is_valid = np.ones(len(known), bool)
    is_told = _reaches_changed_box(space, known.take(rows), np.zeros(len(rows)))
    is_valid[rows] = on_diagram.any(axis=1) | ~is_told
    center, basis = known.center_m.copy(), known.basis_points.copy()
    best = around[np.arange(len(rows)), choice]
    moves = on_diagram.any(axis=1) & is_told & (choice > 0)
    center[rows[moves]] = field.recentred(space.centre_of(best[moves].astype(np.int32)))
    basis[rows] = np.where(is_told, diagram[tuple(best.T)], basis[rows])
    before = np.where(is_valid[rows] & ~moves, known.radius_m[rows], 0.0)
    radius = known.radius_m.copy()
    radius[rows] = _radius_m(field, center[rows], before)
    return Balls(center, radius, basis), is_valid


def _radius_m(
    field: Clearance, center_m: Float64[np.ndarray, "n 3"], before_m: Float64[np.ndarray, " n"]
) -> Float64[np.ndarray, " n"]:
    """Distance to the nearest surface; what was known before where that may lie off the box."""
    distance = field.at(center_m)
    return np.asarray(
        np.clip(before_m, np.minimum(field.space.exact_up_to_m(center_m), distance), distance)
    )


def _steps(reach: int) -> Int64[np.ndarray, "n 3"]:
    """Steps to the voxels round one, itself first, nearest first."""
    steps = np.indices((2 * reach + 1,) * 3).reshape(3, -1).T - reach
    return np.asarray(steps[np.argsort(np.sum(steps**2, axis=1), kind="stable")])


def _thinned(field: Clearance, voxels: Int64[np.ndarray, "n 3"], diagram: np.ndarray) -> Balls:
    """The voxel of the diagram farthest from any surface, of each cell of three voxels."""
    space = field.space
    at = tuple(voxels.T)
    radius = space.distance_m[at].astype(np.float64)
    cells = (voxels + space.lower) // 3
    order = np.lexsort((*voxels.T[::-1], -radius, *cells.T[::-1]))
    cells = cells[order]
    first = np.ones(len(cells), bool)
    first[1:] = np.any(cells[1:] != cells[:-1], axis=1)
    rows = order[first]
    center = space.centre_of(voxels[rows].astype(np.int32))
    return Balls(
        center_m=center,
        radius_m=_radius_m(field, center, np.zeros(len(center))),
        basis_points=diagram[at][rows].astype(np.int64),
    )


def _links(
    field: Clearance,
    balls: Balls,
    stays: Bool[np.ndarray, " n"],
    is_fresh: Bool[np.ndarray, " n"],
    known: Links,
    rules: PlaceRules,
) -> Links:
    rows = np.flatnonzero(stays)
    near = near_pairs(
        balls.center_m[rows],
        is_fresh[rows],
        neighbours=_NEIGHBOURS,
        max_length_m=rules.max_edge_length_m,
    )
    pairs = rows[near]
    ends = balls.center_m[pairs[:, 0]], balls.center_m[pairs[:, 1]]
    clearance = clamp_to_known_region(field, ends, _widths_between(len(balls), pairs, known))
    clearance = np.minimum(clearance, balls.radius_m[pairs].min(axis=1, initial=np.inf))
    found = Links(pairs, clearance)
    settled = known.take(~is_fresh[known.pairs].any(axis=1) & stays[known.pairs].all(axis=1))
    wide = found.take(clearance >= rules.min_edge_clearance_m).plus(settled)
    kept = wide.take(without_detours(wide.pairs, balls.center_m, wide.clearance_m))
    narrow = found.take(clearance >= rules.min_joining_clearance_m)
    return kept.plus(joining(len(balls), kept, narrow))


def clamp_to_known_region(
    field: Clearance,
    ends_m: tuple[Float64[np.ndarray, "e 3"], Float64[np.ndarray, "e 3"]],
    before_m: Float64[np.ndarray, " e"],
) -> Float64[np.ndarray, " e"]:
    """Width of segments; what was known before where nearer surfaces may lie off the box.

    ``ends_m``: the segments; ``before_m``: widths known of them from before, 0 where none.
    """
    width = field.along(*ends_m) - _MARGIN_M
    certain = np.minimum(*(field.space.exact_up_to_m(end) for end in ends_m)) - _MARGIN_M
    return np.asarray(np.clip(before_m, np.minimum(certain, width), width))


def _widths_between(
    count: int, pairs: Int64[np.ndarray, "e 2"], known: Links
) -> Float64[np.ndarray, " e"]:
    """Widths of pairs that were linked; 0 for others."""
    width = np.zeros((count, count))
    width[known.pairs[:, 0], known.pairs[:, 1]] = known.clearance_m
    return np.asarray(width[pairs[:, 0], pairs[:, 1]])
