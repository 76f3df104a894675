# mypy: disable-error-code="no-any-return"
"""How much each task's loss counts: fixed, by its pace, or by its own uncertainty."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class FixedWeights(nn.Module):
    """Σ w_t L_t with the given weights."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.base = dict(weights)

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([self.base[name] * loss for name, loss in losses.items()]).sum()


class DynamicWeightAverage(nn.Module):
    """Tasks that learn slowly count more (Liu, Johns and Davison, CVPR 2019, eq. 7).

    λ_t = T exp(r_t / τ) / Σ exp(r / τ) with r_t = L_t(k−1)/L_t(k−2), means over ``window`` steps;
    on top of the given weights.
    """

    sums: Tensor
    steps: Tensor
    last: Tensor
    factors: Tensor

    def __init__(
        self, weights: Mapping[str, float], *, temperature: float = 2.0, window: int = 200
    ) -> None:
        super().__init__()
        self.base = dict(weights)
        self.temperature, self.window = temperature, window
        count = len(weights)
        self.register_buffer("sums", torch.zeros(count))
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("last", torch.zeros(count))
        self.register_buffer("factors", torch.ones(count))

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        ordered = [losses[name] for name in self.base]
        if self.training:
            self._observe(torch.stack(ordered).detach())
        weighted = [
            self.base[name] * self.factors[i] * loss
            for i, (name, loss) in enumerate(zip(self.base, ordered, strict=True))
        ]
        return torch.stack(weighted).sum()

    def _observe(self, values: Tensor) -> None:
        self.sums += values
        self.steps += 1
        if self.steps < self.window:
            return
        mean = self.sums / self.steps
        if bool((self.last > 0).all()):
            pace = mean / self.last
            self.factors.copy_(len(pace) * torch.softmax(pace / self.temperature, 0))
        self.last.copy_(mean)
        self.sums.zero_()
        self.steps.zero_()


class UncertaintyWeights(nn.Module):
    """Σ w_t L_t e^{−s_t} / 2 + s_t / 2 with trained s_t (Kendall, Gal and Cipolla, CVPR 2018)."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.base = dict(weights)
        self.log_variance = nn.Parameter(torch.zeros(len(weights)))

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        terms = [
            weight * losses[name] * torch.exp(-s) / 2 + s / 2
            for (name, weight), s in zip(self.base.items(), self.log_variance, strict=True)
        ]
        return torch.stack(terms).sum()


def create_weighting(kind: str, weights: Mapping[str, float]) -> nn.Module:
    """The weighting that the config names."""
    makers = {
        "fixed": FixedWeights,
        "dwa": DynamicWeightAverage,
        "uncertainty": UncertaintyWeights,
    }
    return makers[kind](weights)
