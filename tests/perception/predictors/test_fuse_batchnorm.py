"""A network with fused batch norms computes the same, with fewer modules."""

import dataclasses

import pytest
import torch
from helpers_perception import TINY, TINY_CONV, TINY_LIGHT, fill, made_image
from torch import nn

from hydra_mono.perception.networks.heads import SeparableConv
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import COMPACT
from hydra_mono.perception.predictors.fuse_batchnorm import fuse_batchnorm

TINY_COMPACT = dataclasses.replace(COMPACT, backbone=TINY_CONV, channels=32, classes=5)
TINIES = {"full": TINY, "light": TINY_LIGHT, "compact": TINY_COMPACT}


@pytest.fixture(params=TINIES)
def network(request: pytest.FixtureRequest) -> M2H:
    made = M2H(TINIES[request.param]).eval()
    fill(made)
    return made


def test_a_fused_network_computes_the_same(network: M2H) -> None:
    image = made_image(1, 45, 60)
    with torch.inference_mode():
        plain, quick = network(image), fuse_batchnorm(network)(image)
    for before, after in zip(plain.values(), quick.values(), strict=True):
        assert (before - after).abs().max() < 1e-5 * max(1.0, float(before.abs().max()))


def test_no_batch_norm_is_left_and_the_network_itself_keeps_its_own(network: M2H) -> None:
    count = sum(isinstance(part, nn.BatchNorm2d) for part in network.modules())
    assert count > 0
    assert not any(isinstance(part, nn.BatchNorm2d) for part in fuse_batchnorm(network).modules())
    assert sum(isinstance(part, nn.BatchNorm2d) for part in network.modules()) == count


@pytest.mark.parametrize("bias", [True, False])
def test_two_pointwise_convolutions_become_one(bias: bool) -> None:
    conv = SeparableConv(6, 4, 1, bias=bias)
    fill(conv)
    quick = fuse_batchnorm(conv)
    assert sum(isinstance(part, nn.Conv2d) for part in quick.modules()) == 1
    x = torch.randn(2, 6, 3, 5, generator=torch.manual_seed(0))
    torch.testing.assert_close(quick(x), conv(x), rtol=1e-5, atol=1e-6)


def test_a_wider_separable_convolution_is_left_as_it_is() -> None:
    quick = fuse_batchnorm(SeparableConv(6, 4, 3))
    assert sum(isinstance(part, nn.Conv2d) for part in quick.modules()) == 2


def test_a_norm_without_a_convolution_stays() -> None:
    network = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3)).eval()
    fill(network)
    image = made_image(2, 8, 9)
    torch.testing.assert_close(fuse_batchnorm(network)(image), network(image))
