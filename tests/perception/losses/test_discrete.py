"""Losses of heads that tell a value as a class: bins, clusters, no and yes."""

import math

import pytest
import torch

from hydra_mono.perception.losses.discrete import (
    depth_bins,
    directions,
    discrete_loss,
    edge_class_loss,
    normal_clusters,
)


def test_bins_of_depth_have_one_ratio_from_0_7_to_10_metres() -> None:
    ratio = (10 / 0.7) ** (1 / 40)
    depth = torch.tensor([0.0, 0.1, 0.71, 0.7 * ratio**1.5, 0.7 * ratio**39.5, 9.99, 50.0])
    assert depth_bins(depth.view(1, 1, 1, -1), 40).flatten().tolist() == [-1, 0, 0, 1, 39, 39, 39]


def test_directions_are_unit_vectors_that_face_the_camera_and_are_near_every_normal() -> None:
    centres = directions(40)
    torch.testing.assert_close(centres.norm(dim=1), torch.ones(40))
    assert float(centres[:, 2].max()) < 0
    torch.manual_seed(0)
    normals = torch.nn.functional.normalize(torch.randn(2000, 3), dim=1)
    normals[:, 2] = -normals[:, 2].abs()
    nearest = (normals @ centres.T).max(1).values.acos().rad2deg()
    assert float(nearest.max()) < 25  # 40 equal caps of the half sphere have a radius of 13°


def test_normals_belong_to_the_nearest_direction_and_none_to_none() -> None:
    truth = torch.cat([directions(40)[7], torch.zeros(3)]).view(2, 3).T.reshape(1, 3, 1, 2)
    assert normal_clusters(truth, 40).flatten().tolist() == [7, -1]


def test_cross_entropy_leaves_out_what_is_not_known() -> None:
    logits = torch.zeros(1, 4, 1, 2)
    labels = torch.tensor([[[2, -1]]])
    assert float(discrete_loss(logits, labels)) == pytest.approx(math.log(4))
    assert float(discrete_loss(logits, torch.full((1, 1, 2), -1))) == 0


def test_an_edge_counts_by_its_weight() -> None:
    truth, known = torch.tensor([[[[1.0, 0.0]]]]), torch.ones(1, 1, 1, 2, dtype=torch.bool)
    logits = torch.zeros(1, 2, 1, 2)
    found = edge_class_loss(logits, truth, known, positive_weight=0.8)
    assert float(found) == pytest.approx(math.log(2) * (0.8 + 0.2) / 2)
    known[..., 1] = False
    found = edge_class_loss(logits, truth, known, positive_weight=0.8)
    assert float(found) == pytest.approx(math.log(2) * 0.8)
