"""The mechanisms by which a draft is made better, each a step of its own."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from hydra_mono.core.config import MonocularConfig
from hydra_mono.mapping.monocular.consistency import ask
from hydra_mono.mapping.monocular.depth_edges import between_surfaces
from hydra_mono.mapping.monocular.low_res import LowResEstimate
from hydra_mono.mapping.monocular.noise import cos_incidence, relative_deviation
from hydra_mono.mapping.monocular.plane_sweep import SweepRule, sweep
from hydra_mono.mapping.monocular.poisson import (
    Evidence,
    best_change,
    deviation_with,
    joined,
    slopes_of_normals,
    ties,
)
from hydra_mono.mapping.tsdf.semantics import vote_weight

Past = Sequence[LowResEstimate]
Slopes = tuple[Float32[np.ndarray, "g w"], Float32[np.ndarray, "h v"]]

_WITNESSES = 4  # earlier frames that are asked whether they agree
_TOLERANCE = 0.08  # of depth; frames that differ by more contradict each other
_NORMAL_SIGMA = 0.007  # of a step of log depth that normals tell
_EVEN_SIGMA = 0.02  # of a step of the change of log depth where they do not
_NO_PRECISION = 1e-6
_WINDOW_PX, _STEP, _EDGE_STEP = 7, 0.15, 0.1  # see between_surfaces


def expect_noise(config: MonocularConfig) -> Callable[[LowResEstimate, Past], LowResEstimate]:
    """The network's usual deviation: growing with depth, or the same at any depth."""
    grows = config.noise
    sigma_m = config.sigma if grows else config.flat_sigma
    per_square = config.sigma_per_square if grows else 0.0

    def step(draft: LowResEstimate, past: Past) -> LowResEstimate:
        deviation = relative_deviation(draft.depth_m, sigma_m, per_square)
        return replace(draft, deviation=deviation)

    return step


def weigh_confidence(draft: LowResEstimate, past: Past) -> LowResEstimate:
    """Votes count as the network is sure of them."""
    if draft.confidence is None:
        return draft
    return replace(draft, trust=draft.trust * vote_weight(draft.confidence))


def fit_depth(
    rules: Sequence[SweepRule], use_normals: bool
) -> Callable[[LowResEstimate, Past], LowResEstimate]:
    """Depth that agrees best with the network's, with earlier images and with the normals.

    Every rule is one search in earlier images, round the depth that those before have found.
    """

    def step(draft: LowResEstimate, past: Past) -> LowResEstimate:
        own = np.where(draft.usable, 1 / draft.deviation**2, np.float32(_NO_PRECISION))
        evidence = Evidence(np.zeros_like(draft.log_depth), own)
        slopes = _slopes(draft) if use_normals else None
        if not rules:
            return _fitted(draft, evidence, slopes)[0]
        for rule in rules:
            found = sweep(draft, past, rule)
            if found is not None:
                draft = replace(draft, deviation=deviation_with(draft.deviation, found))
                evidence = joined([evidence, found])
            draft, evidence = _fitted(draft, evidence, slopes)
        return draft

    return step


def _slopes(draft: LowResEstimate) -> Slopes | None:
    """Steps of log depth that the normals tell, down and to the right."""
    if draft.normals is None:
        return None
    camera, rays = draft.camera, draft.rays
    down = slopes_of_normals(draft.normals, rays, camera.fy, axis=0)
    return down, slopes_of_normals(draft.normals, rays, camera.fx, axis=1)


def _fitted(
    draft: LowResEstimate, evidence: Evidence, slopes: Slopes | None
) -> tuple[LowResEstimate, Evidence]:
    """The draft changed as the evidence asks, and what the evidence asks of it now."""
    sigma = _NORMAL_SIGMA if slopes else _EVEN_SIGMA
    down, right = slopes or (None, None)
    rows, columns = (
        ties(draft.log_depth, slope, sigma, axis) for axis, slope in enumerate((down, right))
    )
    change = best_change(evidence, rows, columns)
    left = replace(evidence, change=evidence.change - change)
    return replace(draft, log_depth=draft.log_depth + change), left


def leave_out_flicker(draft: LowResEstimate, past: Past) -> LowResEstimate:
    """Leaves out depth that earlier frames contradict, and trusts labels as they agree."""
    said = ask(draft, past[-_WITNESSES:], _TOLERANCE)
    contradicted = said.other_depth > said.same_depth
    agreement = (1.0 + said.same_label) / (1.0 + said.same_label + said.other_label)
    return replace(
        draft,
        usable=draft.usable & ~contradicted,
        trust=(draft.trust * agreement).astype(np.float32),
    )


def cut_borders(draft: LowResEstimate, past: Past) -> LowResEstimate:
    """Leaves out pixels between a near and a far surface."""
    between = between_surfaces(
        draft.log_depth,
        _steepness(draft),
        draft.edges,
        window_px=_WINDOW_PX,
        step=_STEP,
        edge_step=_EDGE_STEP,
    )
    return replace(draft, usable=draft.usable & ~between)


def _steepness(draft: LowResEstimate) -> Float32[np.ndarray, "h w"]:
    """Change of log depth per pixel that the normals explain; 0 where there are none."""
    total = np.zeros_like(draft.log_depth)
    down, right = _slopes(draft) or (None, None)
    if down is not None and right is not None:
        total[1:] += np.abs(np.nan_to_num(down))
        total[:, 1:] += np.abs(np.nan_to_num(right))
    return total


def weigh_incidence(draft: LowResEstimate, past: Past) -> LowResEstimate:
    """Raises the deviation of surfaces that are seen flatly.

    Seen flatly, depth errs as one over the cosine, of which only the cosine's share lies across
    the surface; the root is between the two.
    """
    if draft.normals is None:
        return draft
    cos = cos_incidence(draft.normals, draft.rays)
    return replace(draft, deviation=draft.deviation / np.sqrt(cos))
