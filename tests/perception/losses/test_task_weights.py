"""Weights of tasks: fixed, by pace, by uncertainty."""

import math

import pytest
import torch

from hydra_mono.perception.losses.task_weights import (
    DynamicWeightAverage,
    UncertaintyWeights,
    create_weighting,
)


def losses(a: float, b: float) -> dict[str, torch.Tensor]:
    return {"a": torch.tensor(a), "b": torch.tensor(b)}


def test_fixed_weights_are_a_weighted_sum() -> None:
    weighting = create_weighting("fixed", {"a": 2.0, "b": 0.5})
    assert float(weighting(losses(1.0, 4.0))) == pytest.approx(4.0)


def test_dwa_follows_its_equation_after_two_windows() -> None:
    weighting = DynamicWeightAverage({"a": 1.0, "b": 1.0}, temperature=2.0, window=1)
    weighting(losses(1.0, 1.0))
    weighting(losses(0.5, 0.9))
    total = math.exp(0.5 / 2) + math.exp(0.9 / 2)
    expected = [2 * math.exp(0.5 / 2) / total, 2 * math.exp(0.9 / 2) / total]
    assert weighting.factors.tolist() == pytest.approx(expected)
    assert weighting.factors[1] > weighting.factors[0]  # the slower task counts more


def test_dwa_keeps_its_pace_over_a_restart() -> None:
    first = DynamicWeightAverage({"a": 1.0, "b": 1.0}, window=1)
    first(losses(1.0, 1.0))
    second = DynamicWeightAverage({"a": 1.0, "b": 1.0}, window=1)
    second.load_state_dict(first.state_dict())
    assert float(first(losses(0.5, 0.9))) == float(second(losses(0.5, 0.9)))


def test_uncertainty_is_least_where_the_variance_is_the_loss() -> None:
    weighting = UncertaintyWeights({"a": 1.0, "b": 1.0})
    with torch.no_grad():
        weighting.log_variance.copy_(torch.tensor([0.4, 2.0]).log())
    weighting(losses(0.4, 2.0)).backward()
    assert weighting.log_variance.grad is not None
    assert weighting.log_variance.grad.tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
