"""Depth that agrees best with the network's, with earlier images and with predicted normals."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from hydra_mono.core.map.state import State
from hydra_mono.mapping.monocular.low_res import LowResEstimate
from hydra_mono.mapping.monocular.plane_sweep import SweepRule, sweep
from hydra_mono.mapping.monocular.poisson import (
    Evidence,
    combined,
    sigma_after,
    slopes_of_normals,
    smoothness_term,
    solve_screened_poisson,
)

Past = Sequence[LowResEstimate]
Slopes = tuple[Float32[np.ndarray, "g w"], Float32[np.ndarray, "h v"]]

_NORMAL_SIGMA = 0.007  # of a step of log depth by normals: 10° at 60° of incidence, 100 px focal
_EVEN_SIGMA = 0.02  # of a step of the change of log depth where there are none
_NO_PRECISION = 1e-6  # of unusable pixels; not 0, so that the equation stays solvable
_MATCHED_SIGMA = 0.15  # of a change found; what is known less well says nothing of the network
_LEAST_MATCHED = 0.05  # share of the pixels so matched, lest a few decide
_FIRST_SPREAD = 0.1  # of log depth before any is known: between 0.07 and 0.2, see below
_LEAST_SPREAD, _MOST_SPREAD = 0.05, 0.35  # a network never better; worse ones are no use
_SPAN_SPREADS = 3.0  # searched to either side: all but 0.3 % of what is expected
_LEAST_SPAN, _MOST_SPAN = 0.3, 0.8  # the scale's own error in one frame; 2.2 times as far
_SLOWNESS = 20.0  # frames over which the network's deviation is averaged


class DepthFit:
    """Fits depth to all that is known of it; learns meanwhile how wrong the network is.

    Every rule is one search in earlier images, round the depth that those before have found. The
    deviation of a network is not what it was in training: by how much the first search changes what
    it can match tells it, here and lately (simulated rooms 0.07, where the truth is 0.06; desks
    0.18 and 0.23, where it is 0.18 and 0.26). The search looks as far as that needs.
    """

    def __init__(self, rules: Sequence[SweepRule], use_normals: bool) -> None:
        self._rules = tuple(rules)
        self._use_normals = use_normals
        self._spread = _FIRST_SPREAD

    def state(self) -> State:
        """See ``core.map.state``."""
        return {"spread": self._spread}

    def restore(self, state: State) -> None:
        self._spread = float(state["spread"])

    @property
    def expected_sigma(self) -> float:
        """Deviation of the network's log depth, here and lately."""
        return float(np.clip(self._spread, _LEAST_SPREAD, _MOST_SPREAD))

    def __call__(self, estimate: LowResEstimate, past: Past) -> LowResEstimate:
        expected = self.expected_sigma
        own = np.where(estimate.usable, 1 / estimate.log_depth_sigma**2, np.float32(_NO_PRECISION))
        evidence = Evidence(np.zeros_like(estimate.log_depth), own)
        steps = slopes(estimate) if self._use_normals else None
        if not self._rules:
            return _fitted(estimate, evidence, steps)[0]
        for number, rule in enumerate(self._rules):
            found = sweep(estimate, past, rule if number else widened(rule, expected))
            if found is not None:
                if number == 0:
                    self._learn(estimate, found)
                estimate = replace(
                    estimate, log_depth_sigma=sigma_after(estimate.log_depth_sigma, found)
                )
                evidence = combined([evidence, found])
            estimate, evidence = _fitted(estimate, evidence, steps)
        return estimate

    def _learn(self, estimate: LowResEstimate, found: Evidence) -> None:
        """Takes the spread of what the first search found into the running mean."""
        matched = estimate.usable & (found.precision > 1 / _MATCHED_SIGMA**2)
        if matched.mean() < _LEAST_MATCHED:
            return
        spread = 1.4826 * float(np.median(np.abs(found.change[matched])))
        self._spread += (spread - self._spread) / _SLOWNESS


def widened(rule: SweepRule, expected_sigma: float) -> SweepRule:
    """The rule for a network of that deviation: its prior and range, in steps as fine."""
    span = float(np.clip(_SPAN_SPREADS * expected_sigma, _LEAST_SPAN, _MOST_SPAN))
    steps = 2 * round(span * rule.steps / (2 * rule.span))
    return replace(rule, prior=expected_sigma, span=span, steps=steps)


def slopes(estimate: LowResEstimate) -> Slopes | None:
    """Steps of log depth by the predicted normals, down and to the right."""
    if estimate.normals is None:
        return None
    camera, rays = estimate.camera, estimate.rays
    down = slopes_of_normals(estimate.normals, rays, camera.fy, axis=0)
    return down, slopes_of_normals(estimate.normals, rays, camera.fx, axis=1)


def _fitted(
    estimate: LowResEstimate, evidence: Evidence, steps: Slopes | None
) -> tuple[LowResEstimate, Evidence]:
    """The estimate changed to fit the evidence, and what of the evidence is left."""
    sigma = _NORMAL_SIGMA if steps else _EVEN_SIGMA
    down, right = steps or (None, None)
    rows, columns = (
        smoothness_term(estimate.log_depth, slope, sigma, axis)
        for axis, slope in enumerate((down, right))
    )
    change = solve_screened_poisson(evidence, rows, columns)
    left = replace(evidence, change=evidence.change - change)
    return replace(estimate, log_depth=estimate.log_depth + change), left
