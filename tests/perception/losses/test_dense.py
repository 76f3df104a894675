"""Losses against their equations, written out pixel by pixel."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hydra_mono.perception.losses.dense import (
    berhu_loss,
    depth_gradient_loss,
    depth_loss,
    depth_normal_consistency,
    edge_loss,
    edge_semantic_consistency,
    normal_loss,
    rays_of,
    semantic_loss,
)

CAMERA = torch.tensor([[50.0, 60.0, 7.5, 5.5]])
SIZE = (12, 16)


def positive(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 4 + 0.5


def plane_depth(normal: Tensor, distance: float) -> Tensor:
    return distance / torch.einsum("bchw,c->bhw", rays_of(CAMERA, SIZE), normal)[:, None]


def test_cross_entropy_leaves_out_unlabelled_pixels() -> None:
    logits = torch.randn(1, 3, 2, 2)
    labels = torch.tensor([[[1, 0], [2, 0]]])
    share = logits.softmax(1)
    expected = -(share[0, 1, 0, 0].log() + share[0, 2, 1, 0].log()) / 2
    assert float(semantic_loss(logits, labels)) == pytest.approx(float(expected), abs=1e-5)


def test_class_weights_weigh_the_mean() -> None:
    logits = torch.randn(1, 3, 1, 2)
    labels = torch.tensor([[[1, 2]]])
    share = logits.softmax(1)
    expected = -(share[0, 1, 0, 0].log() + 3 * share[0, 2, 0, 1].log()) / 4
    weight = torch.tensor([0.0, 1.0, 3.0])
    assert float(semantic_loss(logits, labels, weight)) == pytest.approx(float(expected), abs=1e-5)


def test_no_truth_makes_no_loss_and_no_gradient() -> None:
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    depth = positive(1, 1, 2, 2).requires_grad_()
    loss = semantic_loss(logits, torch.zeros(1, 2, 2, dtype=torch.int64))
    loss = loss + depth_loss(depth, torch.zeros(1, 1, 2, 2), log_weight=1.0)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(1e-3, abs=1e-6)  # the root's small constant
    assert logits.grad is not None and not logits.grad.any()
    assert depth.grad is not None and not depth.grad.any()


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 3.0))
def test_fully_invariant_depth_loss_does_not_see_scale(scale: float) -> None:
    truth = positive(2, 1, 5, 6)
    loss = depth_loss(truth * scale, truth, invariance=1.0, l1_weight=0.0, ratio_weight=0.0)
    assert float(loss) == pytest.approx(1e-3, abs=2e-3)


def test_depth_loss_of_a_scaled_image_is_the_rest_of_the_variance() -> None:
    truth = positive(1, 1, 5, 6)
    loss = depth_loss(truth * 1.5, truth, invariance=0.85, l1_weight=0.0, ratio_weight=0.0)
    assert float(loss) == pytest.approx(math.sqrt(0.15) * math.log(1.5), rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 3.0), st.floats(0.2, 20.0))
def test_ratio_term_sees_scale_alike_near_and_far(scale: float, distance: float) -> None:
    truth = distance * positive(2, 1, 5, 6)
    loss = depth_loss(truth * scale, truth, log_weight=0.0, l1_weight=0.0)
    assert float(loss) == pytest.approx(abs(math.log(scale)), rel=1e-3, abs=1e-5)


def test_gradient_loss_sees_steps_and_not_scale() -> None:
    truth = torch.ones(1, 1, 4, 4)
    truth[..., 2:] = 2.0
    assert float(depth_gradient_loss(3 * truth, truth)) == pytest.approx(0, abs=1e-6)
    flat = depth_gradient_loss(torch.ones_like(truth), truth, scales=1)
    assert float(flat) == pytest.approx(math.log(2) / 3, rel=1e-5)  # one step in three


def test_gradient_loss_leaves_out_pairs_without_truth() -> None:
    truth = torch.tensor([1.0, 0.0, 3.0]).view(1, 1, 1, 3)
    assert float(depth_gradient_loss(torch.ones_like(truth), truth, scales=1)) == 0


def test_berhu_is_linear_below_c_and_quadratic_above() -> None:
    truth = torch.full((1, 1, 1, 3), 2.0)
    depth = truth + torch.tensor([0.1, -0.2, 1.0])
    c = 0.2
    expected = (0.1 + 0.2 + (1.0 + c**2) / (2 * c)) / 3
    assert float(berhu_loss(depth, truth)) == pytest.approx(expected, rel=1e-5)


def test_normal_loss_is_one_minus_the_cosine() -> None:
    angle = math.radians(25)
    truth = torch.tensor([0.0, 0.0, -1.0]).view(1, 3, 1, 1)
    found = torch.tensor([math.sin(angle), 0.0, -math.cos(angle)]).view(1, 3, 1, 1)
    assert float(normal_loss(found * 3, truth)) == pytest.approx(1 - math.cos(angle), abs=1e-6)
    assert float(normal_loss(found, truth * 0)) == 0


def test_edge_loss_balances_by_the_share_of_the_others() -> None:
    logits = torch.tensor([0.3, -1.0, 2.0, 0.1]).view(1, 1, 2, 2)
    truth = torch.tensor([1.0, 0.0, 0.0, 0.0]).view(1, 1, 2, 2)
    known = torch.tensor([True, True, True, False]).view(1, 1, 2, 2)
    p = logits.sigmoid().flatten()
    beta = 2 / 3
    expected = -(beta * p[0].log() + (1 - beta) * ((1 - p[1]).log() + (1 - p[2]).log())) / 3
    assert float(edge_loss(logits, truth, known)) == pytest.approx(float(expected), abs=1e-6)


def test_a_planes_depth_agrees_with_its_normal_and_no_other() -> None:
    normal = torch.tensor([0.2, -0.5, -0.8])
    normal = normal / normal.norm()
    depth = plane_depth(normal, -2.0)
    everywhere = torch.ones(1, 1, *SIZE, dtype=torch.bool)
    same = normal.view(1, 3, 1, 1).expand(1, 3, *SIZE)
    assert float(depth_normal_consistency(depth, same, CAMERA, everywhere)) < 1e-5
    turned = torch.tensor([0.0, 0.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, *SIZE)
    loss = depth_normal_consistency(depth, turned, CAMERA, everywhere)
    assert float(loss) == pytest.approx(1 + float(normal[2]), abs=1e-4)


def test_semantics_may_change_at_edges_alone() -> None:
    logits = torch.zeros(1, 2, 3, 4)
    logits[:, 0, :, :2] = 30.0
    logits[:, 1, :, 2:] = 30.0
    nowhere = torch.full((1, 1, 3, 4), -30.0)
    there = nowhere.clone()
    there[..., 1] = 30.0
    assert float(edge_semantic_consistency(nowhere, logits)) == pytest.approx(1 / 3, abs=1e-4)
    assert float(edge_semantic_consistency(there, logits)) < 1e-4
