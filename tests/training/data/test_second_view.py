"""Second views of simulated worlds: poses that hold, through crops, flips and turns."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers_methods import toy
from helpers_training import RULE

from hydra_mono.core.config.training import LossConfig
from hydra_mono.core.label_map import load_label_map
from hydra_mono.perception.losses.dense import rays_of
from hydra_mono.perception.networks.registry import build
from hydra_mono.perception.networks.triplane.regularizer import TriplaneRegularizer
from hydra_mono.training.data.batches import Batch, BatchMaker, BatchRule
from hydra_mono.training.data.second_view import SecondView, seen_by_both
from hydra_mono.training.data.shots import CachedWorlds
from hydra_mono.training.data.worlds.cache import ViewSize, cache_world
from hydra_mono.training.objective import Objective

LARGE = replace(RULE, height=96, width=128, feed_width=128, photographs=0.0, count=4)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> BatchMaker:
    folder: Path = tmp_path_factory.mktemp("worlds")
    mapping = load_label_map("apartment", "nyu40")
    world = cache_world(folder, 5, mapping.source, 6, ViewSize(128, 96), pairs=True)
    return BatchMaker(CachedWorlds([world], mapping.table), None)


def second_of(batch: Batch) -> SecondView:
    assert batch.second is not None
    return batch.second


@pytest.mark.parametrize("rule", [LARGE, replace(LARGE, roll_rad=0.2)], ids=["level", "rolled"])
def test_the_other_cameras_surfaces_lie_on_those_of_the_image(
    maker: BatchMaker, rule: BatchRule
) -> None:
    """Points of the second view, moved by its pose, have the image's depth and normal there."""
    batch = maker(rule, (0, 0, 0))
    second = seen_by_both(second_of(batch), batch.depth_m, batch.camera)
    points = second.depth_m * rays_of(second.camera, (48, 64))
    turn, origin = second.first_from_second[:, :3, :3], second.first_from_second[:, :3, 3]
    own = torch.einsum("bij,bjhw->bihw", turn, points) + origin[:, :, None, None]
    turned = torch.nn.functional.normalize(
        torch.einsum("bij,bjhw->bihw", turn, second.normals), dim=1
    )
    known = second.depth_m[:, 0] > 0
    assert 0.3 < float(known.float().mean()) < 1
    errors, cosines = [], []
    for k in range(rule.count):
        x, y, z = own[k][:, known[k]]
        fx, fy, cx, cy = batch.camera[k].tolist()
        u, v = (fx * x / z + cx).round().long(), (fy * y / z + cy).round().long()
        errors.append((batch.depth_m[k, 0, v, u] / z - 1).abs())
        normals = torch.nn.functional.normalize(batch.normals[k][:, v, u], dim=0)
        cosine = (normals * turned[k][:, known[k]]).sum(0)
        cosines.append(cosine[normals.norm(dim=0) > 0])
    assert float(torch.cat(errors).median()) < 0.01
    assert float((torch.cat(errors) < 0.1).float().mean()) > 0.9
    assert float((torch.cat(cosines) > math.cos(math.radians(3))).float().mean()) > 0.85


def test_what_lies_behind_a_surface_of_the_image_has_no_truth() -> None:
    """A second camera, 1 m to the right, sees past a board that the first one looks at."""
    depth = torch.full((1, 1, 8, 16), 4.0)
    board = depth.clone()
    board[..., 4:12] = 1.0
    camera = torch.tensor([[16.0, 16.0, 7.5, 3.5]])
    moved = torch.eye(4)[None].clone()
    moved[0, 0, 3] = 1.0
    labels = torch.ones(1, 8, 16, dtype=torch.int64)
    second = SecondView(
        depth,
        labels,
        torch.zeros(1, 3, 8, 16),
        torch.zeros(1, 1, 8, 16),
        torch.ones(1, 1, 8, 16, dtype=torch.bool),
        camera,
        moved,
    )
    found = seen_by_both(second, board, camera)
    # Column u of it lies at u + 4 of the image: 0 to 7 behind the board, but for its rims, where a
    # pixel beside it sees past; from 12 on outside the image
    assert found.labels[0, 4].tolist() == [1] + [0] * 6 + [1] * 5 + [0] * 4
    assert torch.equal(found.edges_known[0, 0], found.labels[0] > 0)


@pytest.mark.parametrize("name", ["mti_net", "invpt", "m2h"])
def test_a_second_view_teaches_the_network_and_leaves_its_outputs_alone(
    name: str, maker: BatchMaker
) -> None:
    torch.manual_seed(0)
    network = build(toy(name))
    batch = maker(replace(LARGE, height=32, width=64, feed_width=64, count=2), (0, 0, 0))
    before = network.eval()(batch.image)
    regularizer = TriplaneRegularizer(network.backbone.widths, network.tasks)
    objective = Objective(network, LossConfig(), regularizer=regularizer).eval()
    both, single = objective(batch)[0], objective(replace(batch, second=None))[0]
    assert float(both.detach()) > float(single.detach())
    (both - single).backward()
    taught = [p.grad for p in network.backbone.parameters()]
    assert any(grad is not None and bool(grad.any()) for grad in taught)
    gradients = [p.grad for p in regularizer.density.parameters()]
    assert all(grad is not None and bool(grad.any()) for grad in gradients)
    after = network.eval()(batch.image)
    assert all(torch.equal(before[task], after[task]) for task in before)
    assert not any("triplane" in key or "density" in key for key in network.state_dict())


def test_worlds_without_second_views_train_as_before(tmp_path: Path) -> None:
    mapping = load_label_map("apartment", "nyu40")
    world = cache_world(tmp_path, 5, mapping.source, 1, ViewSize(32, 24))
    batch = BatchMaker(CachedWorlds([world], mapping.table), None)(RULE, (0, 0, 0))
    assert batch.second is None
