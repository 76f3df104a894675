"""Muon against the singular value decomposition, and AdamW against torch's own."""

import copy

import pytest
import torch
from helpers_training import tiny_config, tiny_network
from torch import nn

from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import COMPACT
from hydra_mono.training.optimizer import Muon, is_matrix, is_vector, orthogonalised
from hydra_mono.training.trainer import create_optimizer


@pytest.mark.parametrize("shape", [(24, 24), (16, 48), (96, 32)])
def test_orthogonalised_matrices_keep_their_singular_vectors_and_lose_their_values(
    shape: tuple[int, int],
) -> None:
    matrix = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))
    u, _, vt = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonalised(matrix, steps=8)
    values = torch.diagonal(u.mT @ found @ vt.mT, dim1=1, dim2=2)
    assert values.min() > 0.6 and values.max() < 1.3
    assert torch.linalg.svdvals(found).max() < 1.3


def test_a_matrix_moves_by_a_step_of_the_size_of_adamws() -> None:
    weight = nn.Parameter(torch.zeros(64, 32, 1, 1))
    optimizer = Muon([{"params": [weight], "orthogonal": True}], lr=0.01)
    weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(2))
    optimizer.step()
    moved = weight.detach()
    assert float(moved.square().mean().sqrt()) == pytest.approx(0.2 * 0.01, rel=0.25)
    assert float((moved * weight.grad).sum()) < 0


def test_decay_shrinks_a_matrix_by_rate_times_decay() -> None:
    weight = nn.Parameter(torch.ones(16, 16))
    group = {"params": [weight], "orthogonal": True, "weight_decay": 0.5}
    optimizer = Muon([group], lr=0.1)
    weight.grad = torch.zeros(16, 16)
    optimizer.step()
    assert torch.allclose(weight, torch.full((16, 16), 0.95), atol=1e-6)


def test_what_is_no_matrix_is_stepped_as_torchs_adamw_steps_it() -> None:
    ours = nn.Parameter(torch.linspace(-1, 1, 7))
    theirs = copy.deepcopy(ours)
    mine = Muon([{"params": [ours], "weight_decay": 0.1}], lr=0.02)
    reference = torch.optim.AdamW([theirs], lr=0.02, betas=(0.9, 0.99), weight_decay=0.1)
    for step in range(4):
        ours.grad = torch.sin(ours.detach() * 3 + step)
        theirs.grad = torch.sin(theirs.detach() * 3 + step)
        mine.step()
        reference.step()
    assert torch.allclose(ours, theirs, atol=1e-7)


def test_inner_layers_are_matrices_and_ends_depthwise_kernels_and_scales_are_not() -> None:
    named = dict(M2H(COMPACT).named_parameters())
    matrices = {name for name, p in named.items() if is_matrix(name, p)}
    assert "backbone.stages.2.0.widen.weight" in matrices
    assert not any("depthwise" in n or "final_conv" in n or "downs.0." in n for n in matrices)
    vectors = {name for name, p in named.items() if is_vector(p)}
    assert "backbone.stages.2.0.scale" in vectors and not vectors & matrices
    share = sum(named[n].numel() for n in matrices) / sum(p.numel() for p in named.values())
    assert share > 0.9


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_every_parameter_is_in_one_group(kind: str) -> None:
    network = M2H(tiny_network())
    optimizer = create_optimizer(network, tiny_config().model_copy(update={"optimizer": kind}))
    grouped = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in network.parameters())
    assert any(group["orthogonal"] for group in optimizer.param_groups) == (kind == "muon")
