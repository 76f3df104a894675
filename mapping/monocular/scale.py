"""Each frame's depth brought to the scale of the map, without letting the map's scale drift."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64

from hydra_mono.core.map.state import State
from hydra_mono.mapping.monocular.low_res import LowResEstimate

Surface = Callable[
    [Float32[np.ndarray, "k n 3"]], tuple[Float32[np.ndarray, " n"], Bool[np.ndarray, " n"]]
]

_STRIDE = 3  # every third pixel of the estimate: some 1,400 rays, enough for two unknowns
_STEPS = 30  # points along a ray; 1.7 % apart, less than a truncation within 5 m
_HUBER = 1.345  # deviations; 95 % as efficient as least squares where nothing is an outlier
_ROUNDS = 5  # of reweighting: the weights settle within a few


@dataclass(frozen=True, slots=True)
class AlignRule:
    """See ``ScaleAligner``."""

    span: float = 0.25  # log ratios of depth searched, to either side: five scale_sigma
    least_overlap: float = 0.3  # share of the pixels that must meet the map: less is one object
    gain: float = 0.8  # share of what is found that is applied; below 1 the map keeps its scale
    scale_sigma: float = 0.05  # expected log scale of a frame: benchmarks/degraded.py has 0.04
    shift_sigma_m: float = 0.05  # m; expected shift, as large as the scale's effect at 1 m
    samples: float = 30.0  # independent pixels of a frame: errors are correlated over a sixth of it
    memory: float = 200.0  # frames that the mean correction is taken over: a room or two


class ScaleAligner:
    """Scales and shifts an estimate's depth so that it meets the surface already in the map.

    Model: the depth of frame t is exp(x_t) times the truth, x_t having mean zero over a run (the
    network is unbiased) but being alike from frame to frame. The map's own scale m is the mean
    of what was put into it. A frame is corrected by g (r_t − b_t), r_t = m − x_t the log ratio
    found and b_t its running mean over many frames. Without the correction m would be the mean
    of the x_t, near zero but with every frame doubled beside the last; with g = 1 and no b_t
    m would never leave the first frame's x_0, and could walk away from it with each new room.
    b_t approaches m − 0, so that what is put in has the scale m − g m: the map is drawn back to
    the network's mean scale at the rate g / memory and cannot run away from it.

    ``surface``: where rays given as points first meet the map, see ``first_crossing``.
    """

    def __init__(self, surface: Surface, rule: AlignRule) -> None:
        self._surface = surface
        self._rule = rule
        self._mean = 0.0

    def state(self) -> State:
        """See ``core.map.state``."""
        return {"mean": self._mean}

    def restore(self, state: State) -> None:
        self._mean = state["mean"]

    def __call__(self, estimate: LowResEstimate) -> LowResEstimate:
        rule = self._rule
        ratio, inverse_depth = self._ratios(estimate)
        compared = int(estimate.usable[::_STRIDE, ::_STRIDE].sum())
        if len(ratio) < max(rule.least_overlap * compared, 3):
            return estimate
        log_scale, shift_m = fit_scale(ratio, inverse_depth, rule)
        self._mean += (log_scale - self._mean) / rule.memory
        change = rule.gain * (log_scale - self._mean + shift_m * np.exp(-estimate.log_depth))
        return replace(estimate, log_depth=(estimate.log_depth + change).astype(np.float32))

    def _ratios(
        self, estimate: LowResEstimate
    ) -> tuple[Float32[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
        """Log of the map's depth over the estimate's, and the estimate's inverse depth."""
        usable = estimate.usable[::_STRIDE, ::_STRIDE]
        rays = estimate.rays[::_STRIDE, ::_STRIDE][usable]
        depth_m = estimate.depth_m[::_STRIDE, ::_STRIDE][usable]
        pose = estimate.world_from_camera.astype(np.float32)
        reach = (rays * depth_m[:, None]) @ pose[:3, :3].T
        tried = np.linspace(-self._rule.span, self._rule.span, _STEPS + 1, dtype=np.float32)
        place, found = self._surface(np.exp(tried)[:, None, None] * reach + pose[:3, 3])
        ratio = tried[0] + place * (tried[1] - tried[0])
        return ratio[found], 1 / depth_m[found]


def fit_scale(
    log_ratio: Float32[np.ndarray, " n"], inverse_depth: Float32[np.ndarray, " n"], rule: AlignRule
) -> tuple[float, float]:
    """Log scale and shift (metres) with log_ratio ≈ log_scale + shift · inverse_depth.

    Huber's estimate (1964) by reweighted least squares, starting from the median; both unknowns
    are drawn to zero by their expected sizes.
    """
    design = np.stack([np.ones(len(log_ratio)), inverse_depth.astype(np.float64)], axis=1)
    values = log_ratio.astype(np.float64)
    prior = np.diag([rule.scale_sigma**-2.0, rule.shift_sigma_m**-2.0])
    found: Float64[np.ndarray, "2"] = np.array([np.median(values), 0.0])
    for _ in range(_ROUNDS):
        error = values - design @ found
        sigma = max(1.4826 * float(np.median(np.abs(error))), 0.01)
        weight = 1 / np.maximum(1, np.abs(error) / (_HUBER * sigma))
        weight *= rule.samples / (len(values) * sigma**2)
        weighted = design * weight[:, None]
        found = np.linalg.solve(design.T @ weighted + prior, weighted.T @ values)
    return float(found[0]), float(found[1])
