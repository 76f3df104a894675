"""The 3D-aware regularizer: volume integration, and that networks do not know of it."""

import pytest
import torch
from helpers_methods import toy
from helpers_training import RULE, planes
from torch import Tensor

from hydra_mono.core.config.training import LossConfig
from hydra_mono.perception.networks.registry import build
from hydra_mono.perception.networks.triplane.regularizer import (
    TriplaneRegularizer,
    orthogonal_rays,
    ray_weights,
    sampled,
)
from hydra_mono.training.data.batches import Batch
from hydra_mono.training.data.shots import Photographs
from hydra_mono.training.data.sources import cached_batches
from hydra_mono.training.objective import Objective

TASKS = {"depth": 1, "semantics": 41, "normals": 3, "edges": 1}


def test_weights_along_a_ray_sum_to_1_at_most_and_to_what_is_not_let_through() -> None:
    torch.manual_seed(0)
    density, spacing = 20 * torch.rand(2, 5, 16), torch.full((16,), 0.125)
    total = ray_weights(density, spacing).sum(2)
    assert bool((total <= 1 + 1e-6).all()) and float(total.max()) > 0.9
    torch.testing.assert_close(total, 1 - (-(density * spacing).sum(2)).exp())


def test_an_opaque_sample_is_all_that_is_seen() -> None:
    density = torch.zeros(1, 1, 4)
    density[..., 2:] = 1e6  # what is behind it is hidden
    assert ray_weights(density, torch.ones(4))[0, 0].tolist() == [0, 0, 1, 0]


def test_each_sample_weighs_by_its_opacity_and_what_the_ones_before_let_through() -> None:
    torch.manual_seed(0)
    density, spacing = torch.rand(1, 1, 6), torch.rand(6)
    found, through = ray_weights(density, spacing)[0, 0], 1.0
    for index in range(6):
        opacity = 1 - float((-density[0, 0, index] * spacing[index]).exp())
        assert float(found[index]) == pytest.approx(opacity * through, abs=1e-6)
        through *= 1 - opacity


def test_a_point_has_the_sum_of_what_it_projects_to() -> None:
    """Planes that hold their own coordinates: xy tells y, xz and yz tell z."""
    along = (torch.arange(8) + 0.5) / 8 * 2 - 1
    plane = along[:, None].expand(8, 8)  # rows: the second axis of a plane
    found = sampled(
        plane[None, None, None].expand(1, 3, 1, 8, 8), torch.tensor([[[0.3, -0.4, 0.5]]])
    )
    assert float(found) == pytest.approx(-0.4 + 0.5 + 0.5, abs=1e-5)


def test_rays_go_straight_through_the_cube() -> None:
    points, spacing = orthogonal_rays((2, 4), 5, False, torch.zeros(1))
    assert points.shape == (8, 5, 3) and float(spacing.sum()) == pytest.approx(2)
    assert torch.equal(points[:, 0, :2], points[:, 4, :2])  # x and y stay
    assert points[0, :, 2].tolist() == pytest.approx([-0.8, -0.4, 0, 0.4, 0.8])
    assert points[1, 0, 0] > points[0, 0, 0] and points[4, 0, 1] > points[0, 0, 1]


def batch() -> Batch:
    return cached_batches(None, Photographs(planes(), 128, 0))(RULE, (0, 0, 0))


@pytest.mark.parametrize("name", ["m2h", "mti_net", "invpt"])
def test_it_teaches_the_backbone_and_is_no_part_of_the_network(name: str) -> None:
    torch.manual_seed(0)
    network = build(toy(name))
    widths = network.backbone.widths
    image = torch.rand(1, 3, 32, 32)
    before, names = network.eval()(image), list(network.state_dict())
    objective = Objective(
        network, LossConfig(), regularizer=TriplaneRegularizer(widths, network.tasks)
    )
    after = network(image)
    assert all(torch.equal(before[task], after[task]) for task in before)
    assert list(network.state_dict()) == names
    regularizer = objective.regularizer
    assert regularizer is not None
    shared = network.train().training_maps(batch().image, (24, 32)).shared
    rendered = regularizer(shared)
    assert {task: tuple(x.shape[1:]) for task, x in rendered.items()} == {
        task: (count, 6, 8) for task, count in TASKS.items()
    }
    sum(x.square().mean() for x in rendered.values()).backward()  # type: ignore[union-attr]
    taught: list[Tensor | None] = [p.grad for p in network.backbone.parameters()]
    assert any(grad is not None and bool(grad.any()) for grad in taught)


def test_its_losses_are_added_by_its_weight() -> None:
    torch.manual_seed(0)
    network = build(toy("mtl"))
    regularizer = TriplaneRegularizer(network.backbone.widths, network.tasks)
    objective = Objective(network, LossConfig(), regularizer=regularizer).eval()
    totals = []
    for weight in (0.0, 1.0, 2.0):
        regularizer.weight = weight
        totals.append(float(objective(batch())[0].detach()))
    assert totals[1] > totals[0]
    assert totals[2] - totals[1] == pytest.approx(totals[1] - totals[0], rel=1e-3)
