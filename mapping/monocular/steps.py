"""The mechanisms by which an estimate is refined, each a step of its own."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from hydra_mono.mapping.monocular.consistency import check_multiview_consistency
from hydra_mono.mapping.monocular.depth_edges import between_surfaces
from hydra_mono.mapping.monocular.low_res import LowResEstimate
from hydra_mono.mapping.monocular.noise import cos_incidence, log_depth_sigma
from hydra_mono.mapping.monocular.plane_sweep import SweepRule, sweep
from hydra_mono.mapping.monocular.poisson import (
    Evidence,
    combined,
    sigma_after,
    slopes_of_normals,
    smoothness_term,
    solve_screened_poisson,
)
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.mapping.tsdf.semantics import vote_weight

Past = Sequence[LowResEstimate]
Slopes = tuple[Float32[np.ndarray, "g w"], Float32[np.ndarray, "h v"]]

_COMPARED = 4  # earlier frames compared with: the last 0.3 m of the walk
_TOLERANCE = 0.08  # of depth; frames that differ by more contradict each other: sigma_m at 1 m
_NORMAL_SIGMA = 0.007  # of a step of log depth by normals: 10° at 60° of incidence, 100 px focal
_EVEN_SIGMA = 0.02  # of a step of the change of log depth where there are none
_NO_PRECISION = 1e-6  # of unusable pixels; not 0, so that the equation stays solvable
_WINDOW_PX = 7  # in which a step of depth is searched: networks blur one over 4 of these pixels
_STEP = 0.15  # of log depth in that window, beside the slope: 30 cm at 2 m
_EDGE_STEP = 0.1  # likewise where the network is certain of an edge


def set_expected_sigma(rule: MonocularRule) -> Callable[[LowResEstimate, Past], LowResEstimate]:
    """Sets the expected deviation: growing with depth, or the same at any depth."""
    sigma_m = rule.sigma_m if rule.noise else rule.flat_sigma_m
    per_square = rule.sigma_per_square if rule.noise else 0.0

    def step(estimate: LowResEstimate, past: Past) -> LowResEstimate:
        sigma = log_depth_sigma(estimate.depth_m, sigma_m, per_square)
        return replace(estimate, log_depth_sigma=sigma)

    return step


def weigh_labels(estimate: LowResEstimate, past: Past) -> LowResEstimate:
    """Labels weigh by the log odds of their confidence."""
    if estimate.confidence is None:
        return estimate
    return replace(estimate, label_weight=estimate.label_weight * vote_weight(estimate.confidence))


def fit_depth(
    rules: Sequence[SweepRule], use_normals: bool
) -> Callable[[LowResEstimate, Past], LowResEstimate]:
    """Depth that agrees best with the network's, with earlier images and with the normals.

    Every rule is one search in earlier images, round the depth that those before have found.
    """

    def step(estimate: LowResEstimate, past: Past) -> LowResEstimate:
        own = np.where(estimate.usable, 1 / estimate.log_depth_sigma**2, np.float32(_NO_PRECISION))
        evidence = Evidence(np.zeros_like(estimate.log_depth), own)
        slopes = _slopes(estimate) if use_normals else None
        if not rules:
            return _fitted(estimate, evidence, slopes)[0]
        for rule in rules:
            found = sweep(estimate, past, rule)
            if found is not None:
                estimate = replace(
                    estimate, log_depth_sigma=sigma_after(estimate.log_depth_sigma, found)
                )
                evidence = combined([evidence, found])
            estimate, evidence = _fitted(estimate, evidence, slopes)
        return estimate

    return step


def _slopes(estimate: LowResEstimate) -> Slopes | None:
    """Steps of log depth by the predicted normals, down and to the right."""
    if estimate.normals is None:
        return None
    camera, rays = estimate.camera, estimate.rays
    down = slopes_of_normals(estimate.normals, rays, camera.fy, axis=0)
    return down, slopes_of_normals(estimate.normals, rays, camera.fx, axis=1)


def _fitted(
    estimate: LowResEstimate, evidence: Evidence, slopes: Slopes | None
) -> tuple[LowResEstimate, Evidence]:
    """The estimate changed to fit the evidence, and what of the evidence is left."""
    sigma = _NORMAL_SIGMA if slopes else _EVEN_SIGMA
    down, right = slopes or (None, None)
    rows, columns = (
        smoothness_term(estimate.log_depth, slope, sigma, axis)
        for axis, slope in enumerate((down, right))
    )
    change = solve_screened_poisson(evidence, rows, columns)
    left = replace(evidence, change=evidence.change - change)
    return replace(estimate, log_depth=estimate.log_depth + change), left


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
    down, right = _slopes(estimate) or (None, None)
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
