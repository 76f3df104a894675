"""The loss on pairs of pixels: nothing to learn where features are as alike as the truth."""

import math

import pytest
import torch
from helpers_methods import toy
from helpers_training import RULE, planes

from hydra_mono.core.config.training import LossConfig
from hydra_mono.perception.losses.pairs import pair_loss, picked
from hydra_mono.perception.networks.registry import build
from hydra_mono.training.data.batches import BatchMaker
from hydra_mono.training.data.shots import Photographs
from hydra_mono.training.objective import Objective


def test_features_of_the_classes_cost_nothing_and_others_do() -> None:
    labels = torch.tensor([[[[1, 1, 2], [2, 0, 1]]]])
    features = torch.nn.functional.one_hot(labels[:, 0], 3).permute(0, 3, 1, 2).float()
    assert float(pair_loss(features, "semantics", labels)) == pytest.approx(0)
    alike = torch.ones(1, 3, 2, 3)
    unequal = 2 * 3 * 2  # of the 25 pairs of five known pixels, three of class 1 and two of 2
    assert float(pair_loss(alike, "semantics", labels)) == pytest.approx(unequal / 25)


def test_depths_are_alike_by_their_ratio_and_normals_by_their_cosine() -> None:
    alike = torch.ones(1, 4, 1, 2)
    depth_m = torch.tensor([[[[1.0, 4.0]]]])
    assert float(pair_loss(alike, "depth", depth_m)) == pytest.approx((1 - 1 / 4) / 2)
    turned = torch.tensor([[0.0, 0.0, -1.0], [math.sin(1.0), 0.0, -math.cos(1.0)]])
    normals = turned.T[None, :, None]
    assert float(pair_loss(alike, "normals", normals)) == pytest.approx((1 - math.cos(1.0)) / 2)
    apart = torch.tensor([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]]).T[None, :, None]
    assert float(pair_loss(alike, "normals", apart)) == pytest.approx(1 / 2)  # clipped at 0


def test_a_pair_with_an_unknown_pixel_does_not_count() -> None:
    features = torch.eye(2)[None, :, None]
    assert float(pair_loss(features, "depth", torch.tensor([[[[3.0, 0.0]]]]))) == 0
    assert float(pair_loss(features, "normals", torch.zeros(1, 3, 1, 2))) == 0


def test_the_truth_is_taken_at_the_middle_of_a_pixel() -> None:
    truth = torch.arange(24).view(1, 1, 4, 6)
    found = picked(truth, torch.tensor([0, 1, 2, 3, 4, 5]), (2, 3))
    assert found.flatten().tolist() == [7, 9, 11, 19, 21, 23]


def test_pap_is_taught_by_it_and_without_it_where_its_weight_is_nothing() -> None:
    batch = BatchMaker(None, Photographs(planes(), 64, 0))(RULE, (0, 0, 0))
    totals = []
    for weight in (0.0, 1.0, 2.0):
        torch.manual_seed(0)
        objective = Objective(build(toy("pap", pairs=weight)), LossConfig())
        torch.manual_seed(1)  # the same pixels are drawn
        total, parts = objective(batch)
        assert ("pairs" in parts) == (weight > 0)
        totals.append(float(total.detach()))
    assert totals[1] > totals[0]
    assert totals[2] - totals[1] == pytest.approx(totals[1] - totals[0], rel=1e-3)
