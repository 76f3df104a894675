"""The network's scale measured by motion: poses are metric, and parallax tells depth in metres."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.map.state import State
from hydra_mono.mapping.monocular.low_res import LowResEstimate
from hydra_mono.mapping.monocular.plane_sweep import matching_cost, partners

_LEAST_SHOWN = 0.3  # share of the pixels that a hypothesis must show in the other image
_LEAST_CURVATURE = 1e-6  # of an energy; less is flat


@dataclass(frozen=True, slots=True)
class ScaleRule:
    """See ``MetricScale``. Measured on fr1/xyz, fr1/rpy and a simulated apartment.

    ``partners``, ``parallax`` as in ``SweepRule``.
    """

    span: float = 1.0  # log scales searched, to either side: 0.37 to 2.7 of the predicted depth
    steps: int = 32  # of 6 %: finer than the minimum is wide, which a parabola then refines
    stride: int = 4  # one pixel of so many is compared: 800, each a frame's 1/800 of one unknown
    partners: int = 1  # several frames tell more than several partners of one
    parallax: float = 0.1  # twice as much loses half the pixels, half as much is as sharp on fr1
    least_parallax: float = 0.03  # of it three pixels between the ends of what is searched
    most_parallax: float = 0.3  # beyond, near hypotheses leave the image
    sharpness: float = (
        40.0  # of a unit of matching cost: frames are right to 0.13 where cost rises 1.5 h²
    )
    independent: float = 0.5  # share of a frame's evidence that the frames beside it do not have
    memory: float = 25.0  # frames with parallax after which evidence has faded to 1/e: some seconds
    prior_sigma: float = 0.4  # of the log scale of a network in rooms it was not trained on
    frame_sigma: float = 0.15  # of a frame's scale about the slow one: 0.19 on fr1, 0.06 simulated
    waits: int = 10  # frames without parallax after which the network's own scale is believed
    unknown_sigma: float = 0.2  # deviation of log depth meanwhile: no such frame makes surface


class MetricScale:
    """Brings each estimate to metres by what parallax says of the network's log scale.

    Two unknowns: the scale of the network here, which changes slowly, and the frame's own, near
    it. The evidence is the mean photometric difference to an earlier image as a function of the
    log scale h, over the pixels of the whole frame, a truncated and so robust cost (as in DTAM,
    Newcombe et al., ICCV 2011, with one unknown for all pixels). Energies of frames are added,
    older ones fading; the prior is (h / ``prior_sigma``)²/2, so that a camera that only turns
    keeps the network's scale. The curvature at the minimum gives the deviation.
    """

    def __init__(self, rule: ScaleRule) -> None:
        self._rule = rule
        self._scales = np.linspace(-rule.span, rule.span, rule.steps + 1)
        self._energy = np.zeros(rule.steps + 1)
        self._frames = 0
        self._pairs = 0

    def state(self) -> State:
        """See ``core.map.state``."""
        return {"energy": self._energy.copy(), "frames": self._frames, "pairs": self._pairs}

    def restore(self, state: State) -> None:
        self._energy = state["energy"].copy()
        self._frames, self._pairs = state["frames"], state["pairs"]

    @property
    def is_measured(self) -> bool:
        """Whether any parallax has been seen; else the scale is the network's."""
        return self._pairs > 0

    @property
    def log_scale(self) -> tuple[float, float]:
        """What is to be added to the network's log depth here, and its deviation."""
        return minimum(self._energy + self._prior(0.0, self._rule.prior_sigma), self._scales)

    def figures(self) -> dict[str, Any]:
        """For the metrics of a run."""
        found, sigma = self.log_scale
        return {
            "scale": round(float(np.exp(found)), 4),
            "log_sigma": round(sigma, 4),
            "pairs": self._pairs,
            "from": "parallax" if self.is_measured else "the network: there was no parallax",
        }

    def __call__(self, estimate: LowResEstimate, past: Sequence[LowResEstimate]) -> LowResEstimate:
        rule, frame = self._rule, None
        self._frames += 1
        cost = self._cost(estimate, past)
        if cost is not None:
            self._pairs += 1
            kept = np.exp(-1 / rule.memory)
            self._energy = kept * self._energy + rule.independent * rule.sharpness * cost
            frame = rule.sharpness * cost
        log_scale, _ = self.log_scale
        if frame is not None:
            log_scale, _ = minimum(frame + self._prior(log_scale, rule.frame_sigma), self._scales)
        return replace(estimate, log_depth=(estimate.log_depth + log_scale).astype(np.float32))

    def widen(self, estimate: LowResEstimate, past: Sequence[LowResEstimate]) -> LowResEstimate:
        """A step after this one: adds the scale's deviation while parallax is waited for."""
        if self.is_measured or self._frames > self._rule.waits:
            return estimate
        unsure = np.hypot(estimate.log_depth_sigma, np.float32(self._rule.unknown_sigma))
        return replace(estimate, log_depth_sigma=unsure)

    def _prior(self, centre: float, sigma: float) -> Float64[np.ndarray, " k"]:
        return np.asarray(((self._scales - centre) / sigma) ** 2 / 2)

    def _cost(
        self, estimate: LowResEstimate, past: Sequence[LowResEstimate]
    ) -> Float64[np.ndarray, " k"] | None:
        """Mean difference to the earlier image by scale; None where none has parallax."""
        rule = self._rule
        metric = replace(
            estimate,
            log_depth=(estimate.log_depth + self.log_scale[0]).astype(np.float32),
        )
        chosen = partners(metric, past, rule, (rule.least_parallax, rule.most_parallax))
        if not chosen:
            return None
        total, shown = matching_cost(estimate, chosen, self._scales.astype(np.float32), rule.stride)
        usable = estimate.usable[:: rule.stride, :: rule.stride]
        count = (shown * usable).sum(axis=(1, 2))
        mean = (total * usable).sum(axis=(1, 2)) / np.maximum(count, 1)
        is_shown = count >= _LEAST_SHOWN * max(int(usable.sum()), 1)
        if not is_shown.any():
            return None
        return np.asarray(np.where(is_shown, mean, mean[is_shown].max()), np.float64)


def minimum(
    energy: Float64[np.ndarray, " k"], scales: Float64[np.ndarray, " k"]
) -> tuple[float, float]:
    """Where an energy is least, by a parabola, and the deviation that its curvature means."""
    step = float(scales[1] - scales[0])
    best = int(np.clip(energy.argmin(), 1, len(energy) - 2))
    before, least, after = (float(energy[best + i]) for i in (-1, 0, 1))
    bend = max(before - 2 * least + after, _LEAST_CURVATURE)
    place = float(np.clip((before - after) / (2 * bend), -1.0, 1.0))
    return float(scales[best]) + place * step, step / float(np.sqrt(bend))
