"""The mechanisms by which an estimate is refined, each a step of its own."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from hydra_mono.mapping.monocular.consistency import check_multiview_consistency
from hydra_mono.mapping.monocular.depth_edges import between_surfaces
from hydra_mono.mapping.monocular.depth_fit import Past, slopes
from hydra_mono.mapping.monocular.low_res import LowResEstimate
from hydra_mono.mapping.monocular.noise import cos_incidence, log_depth_sigma
from hydra_mono.mapping.monocular.plane_sweep import partners
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.mapping.tsdf.attributes import vote_weight

_COMPARED = 4  # earlier frames compared with: the last 0.3 m of the walk
_TOLERANCE = 0.08  # of depth; frames that differ by more contradict each other: sigma_m at 1 m
_MOST_SIGMA = 0.12  # of log depth that makes surface: 12 cm at 1 m, what a truncation spans
_MOST_SIGMA_M = 0.05  # likewise where networks are not trusted: a voxel
_TRUSTED_SIGMA = 0.1  # of a network in rooms like those it was trained on: 0.07 there
_WINDOW_PX = 7  # in which a step of depth is searched: networks blur one over 4 of these pixels
_STEP = 0.15  # of log depth in that window, beside the slope: 30 cm at 2 m
_EDGE_STEP = 0.1  # likewise where the network is certain of an edge


@dataclass(frozen=True, slots=True)
class SupportRule:
    """Earlier views that are to agree; ``partners`` and ``parallax`` as in ``SweepRule``."""

    partners: int = 6  # so that most of an image is shown by some
    parallax: float = 0.12  # that of the sweep
    least: float = 0.02  # of parallax; views nearer than that err alike
    tolerance: float = 0.05  # of depth: two searched depths that are right differ by 3 %


_SUPPORT = SupportRule()


def set_expected_sigma(
    rule: MonocularRule, learnt: Callable[[], float] | None = None
) -> Callable[[LowResEstimate, Past], LowResEstimate]:
    """Sets the expected deviation: of log depth as learnt, else by the rule.

    The rule's grows with depth, or is the same at any depth.
    """
    sigma_m = rule.sigma_m if rule.noise else rule.flat_sigma_m
    per_square = rule.sigma_per_square if rule.noise else 0.0

    def step(estimate: LowResEstimate, past: Past) -> LowResEstimate:
        if learnt is not None and rule.noise:
            sigma = np.full_like(estimate.log_depth, learnt())
        else:
            sigma = log_depth_sigma(estimate.depth_m, sigma_m, per_square)
        return replace(estimate, log_depth_sigma=sigma)

    return step


def weigh_labels(estimate: LowResEstimate, past: Past) -> LowResEstimate:
    """Labels weigh by the log odds of their confidence."""
    if estimate.confidence is None:
        return estimate
    return replace(estimate, label_weight=estimate.label_weight * vote_weight(estimate.confidence))


def reject_inconsistent(estimate: LowResEstimate, past: Past) -> LowResEstimate:
    """Rejects depth that earlier frames contradict; labels weigh by the share that agrees."""
    counts = check_multiview_consistency(estimate, past[-_COMPARED:], _TOLERANCE)
    contradicted = counts.other_depth > counts.same_depth
    agreement = (1.0 + counts.same_label) / (1.0 + counts.same_label + counts.other_label)
    return replace(
        estimate,
        usable=estimate.usable & ~contradicted,
        label_weight=(estimate.label_weight * agreement).astype(np.float32),
    )


def reject_unsupported(
    expected_sigma: Callable[[], float],
) -> Callable[[LowResEstimate, Past], LowResEstimate]:
    """Rejects depth that only a network tells which is often wrong here.

    Where the network is expected to be good its depth is taken. Where it is not, a pixel must be
    known better than the network knows it, and an earlier view from apart must agree.
    """

    def step(estimate: LowResEstimate, past: Past) -> LowResEstimate:
        usable = estimate.usable & (estimate.log_depth_sigma < _MOST_SIGMA)
        if expected_sigma() > _TRUSTED_SIGMA and past:
            views = partners(estimate, past, _SUPPORT, (_SUPPORT.least, np.inf))
            counts = check_multiview_consistency(estimate, views, _SUPPORT.tolerance)
            usable &= counts.same_depth > 0
            usable &= estimate.log_depth_sigma * estimate.depth_m < _MOST_SIGMA_M
        return replace(estimate, usable=usable)

    return step


def reject_between_surfaces(estimate: LowResEstimate, past: Past) -> LowResEstimate:
    """Rejects pixels between a near and a far surface."""
    between = between_surfaces(
        estimate.log_depth,
        _explained_slope(estimate),
        estimate.edges,
        window_px=_WINDOW_PX,
        step=_STEP,
        edge_step=_EDGE_STEP,
    )
    return replace(estimate, usable=estimate.usable & ~between)


def _explained_slope(estimate: LowResEstimate) -> Float32[np.ndarray, "h w"]:
    """Change of log depth per pixel that the normals explain; 0 where there are none."""
    total = np.zeros_like(estimate.log_depth)
    down, right = slopes(estimate) or (None, None)
    if down is not None and right is not None:
        total[1:] += np.abs(np.nan_to_num(down))
        total[:, 1:] += np.abs(np.nan_to_num(right))
    return total


def weigh_incidence(estimate: LowResEstimate, past: Past) -> LowResEstimate:
    """Raises the deviation of surfaces that are seen obliquely.

    The error of depth grows with one over the cosine, of which only the cosine's share lies across
    the surface; the root is between the two.
    """
    if estimate.normals is None:
        return estimate
    cos = cos_incidence(estimate.normals, estimate.rays)
    return replace(estimate, log_depth_sigma=estimate.log_depth_sigma / np.sqrt(cos))
