"""The network: what it gives, for any size, and that shortcuts change nothing."""

import dataclasses

import pytest
import torch
from helpers_perception import TINY, TINY_CONV, TINY_LIGHT, fill, made_image
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hydra_mono.perception.networks.backbones.vit import Backbone, FeatureMap
from hydra_mono.perception.networks.complexity import complexity
from hydra_mono.perception.networks.interface import TaskMaps
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import COMPACT, FULL, SMALL, SMALL_96, M2HConfig
from hydra_mono.perception.networks.padding import pad_to_multiple

TINY_COMPACT = dataclasses.replace(COMPACT, backbone=TINY_CONV, channels=32, classes=5)
TINIES = {"full": TINY, "light": TINY_LIGHT, "compact": TINY_COMPACT}


def network_of(config: M2HConfig) -> M2H:
    network = M2H(config).eval()
    fill(network)
    return network


@pytest.fixture(scope="module", params=TINIES)
def network(request: pytest.FixtureRequest) -> M2H:
    return network_of(TINIES[request.param])


@pytest.mark.parametrize("size", [(14, 14), (28, 42), (30, 47), (61, 15)])
def test_maps_have_the_size_of_any_image(network: M2H, size: tuple[int, int]) -> None:
    with torch.inference_mode():
        depth, semantics, normals, edges = network(made_image(1, *size)).values()
    assert depth.shape == (1, 1, *size)
    assert semantics.shape == (1, 5, *size)
    assert normals.shape == (1, 3, *size)
    assert edges.shape == (1, 1, *size)


def test_depth_is_positive_and_normals_are_unit(network: M2H) -> None:
    with torch.inference_mode():
        maps = network(made_image(2, 45, 60))
    assert maps["depth"].min() > 0.0009
    torch.testing.assert_close(maps["normals"].norm(dim=1), torch.ones(1, 45, 60))


def test_images_of_a_batch_do_not_touch_one_another(network: M2H) -> None:
    both = torch.cat([made_image(3, 32, 45), made_image(4, 32, 45)])
    with torch.inference_mode():
        together = network(both)
        alone = network(both[1:])
    for whole, single in zip(together.values(), alone.values(), strict=True):
        torch.testing.assert_close(whole[1:], single, rtol=1e-4, atol=1e-4)


def test_the_same_image_gives_the_same_bytes(network: M2H) -> None:
    image = made_image(5, 30, 40)
    with torch.inference_mode():
        first, second = network(image), network(image)
    assert all(torch.equal(a, b) for a, b in zip(first.values(), second.values(), strict=True))


def test_mixed_precision_says_nearly_the_same(network: M2H) -> None:
    image = made_image(12, 42, 56)
    with torch.inference_mode():
        whole = network(image)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = network(image)
    for exact, rough in zip(whole.values(), mixed.values(), strict=True):
        both = torch.stack([exact.flatten(), rough.float().flatten()])
        assert torch.corrcoef(both)[0, 1] > 0.98


def test_every_parameter_that_is_used_learns(network: M2H) -> None:
    network.train()
    maps = network(made_image(6, 33, 40).repeat(2, 1, 1, 1))
    sum(part.square().mean() for part in maps.values()).backward()
    silent = {name for name, value in network.named_parameters() if value.grad is None}
    network.eval().zero_grad()
    unused = {"backbone.mask_token", "backbone.norm.weight", "backbone.norm.bias"}
    assert silent == (unused if network.backbone.has_class_token else set())


def test_training_moves_the_running_statistics_and_evaluation_does_not() -> None:
    network = network_of(TINY_COMPACT)
    name = "mlt_head.conv_depth.aspp.project.1.running_mean"
    before = network.state_dict()[name].clone()
    network(made_image(7, 32, 32))
    assert torch.equal(network.state_dict()[name], before)
    network.train()(made_image(7, 32, 32).repeat(2, 1, 1, 1))
    assert not torch.equal(network.state_dict()[name], before)


@pytest.mark.parametrize("config", [TINY, TINY_LIGHT], ids=["full", "light"])
def test_the_shortcuts_change_nothing_but_rounding(config: M2HConfig) -> None:
    """At a multiple of the patch, where no padding tells the two apart."""
    image = made_image(8, 42, 70)
    with torch.inference_mode():
        quick = network_of(config)(image)
        slow = network_of(dataclasses.replace(config, compat=True))(image)
    slow["normals"] = torch.nn.functional.normalize(slow["normals"], dim=1)
    for ours, theirs in zip(quick.values(), slow.values(), strict=True):
        assert (ours - theirs).abs().max() < 1e-4 * theirs.std()


class Stamp(torch.nn.Module):
    """A head that gives the image back, to see where its pixels end up."""

    def __init__(self, padded: Tensor) -> None:
        super().__init__()
        self.padded = padded

    def forward(self, taps: list[FeatureMap], size: tuple[int, int]) -> TaskMaps:
        image = torch.nn.functional.interpolate(self.padded, size, mode="bilinear")
        return {"depth": image[:, :1], "semantics": image, "normals": image, "edges": image}


@pytest.mark.parametrize("size", [(29, 43), (41, 30), (28, 27)])
def test_the_padding_is_cropped_off_without_a_shift(size: tuple[int, int]) -> None:
    image = made_image(9, *size)
    network = network_of(TINY)
    network.mlt_head = Stamp(pad_to_multiple(image, 14)[0])  # type: ignore[assignment]
    assert torch.equal(network(image)["depth"], image[:, :1])


def test_compat_leaves_the_padding_in() -> None:
    image = made_image(10, 29, 43)
    network = network_of(dataclasses.replace(TINY, compat=True))
    padded = pad_to_multiple(image, 14)[0]
    network.mlt_head = Stamp(padded)  # type: ignore[assignment]
    squeezed = torch.nn.functional.interpolate(padded, (29, 43), mode="bilinear")
    assert torch.equal(network(image)["semantics"], squeezed)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_padding_is_least_and_centred(height: int, width: int, multiple: int) -> None:
    image = torch.ones(1, 1, height, width)
    padded, top, left = pad_to_multiple(image, multiple)
    rows, columns = padded.shape[2] - height, padded.shape[3] - width
    assert padded.shape[2] % multiple == 0 and 0 <= rows < multiple
    assert padded.shape[3] % multiple == 0 and 0 <= columns < multiple
    assert (top, left) == (rows // 2, columns // 2)
    assert padded[:, :, top : top + height, left : left + width].sum() == padded.sum()


class Halving(torch.nn.Module):
    """The least backbone that the protocol allows."""

    multiple = 8
    widths = (3, 3, 3, 3)
    has_class_token = False

    def forward(self, image: Tensor) -> list[FeatureMap]:
        pool = torch.nn.functional.avg_pool2d
        return [FeatureMap(pool(image, 2**power), None) for power in range(4)]


def test_any_backbone_of_four_maps_can_be_plugged_in() -> None:
    assert isinstance(Halving(), Backbone)
    network = M2H(TINY_COMPACT, Halving()).eval()
    with torch.inference_mode():
        assert network(made_image(11, 30, 43))["semantics"].shape == (1, 5, 30, 43)


@pytest.mark.parametrize(
    ("config", "millions", "giga_macs", "saved"),
    [(FULL, 81.54, 448.7, 0.04), (SMALL, 33.77, 58.1, 0.18), (SMALL_96, 29.04, 26.7, 0.18)],
    ids=["M2H", "M2H-small", "as-built"],
)
def test_parameters_and_macs_are_the_published_ones(
    config: M2HConfig, millions: float, giga_macs: float, saved: float
) -> None:
    cost = complexity(dataclasses.replace(config, compat=True), 224, 224)
    assert cost.parameters / 1e6 == pytest.approx(millions, abs=0.005)
    assert cost.macs / 1e9 == pytest.approx(giga_macs, rel=0.02)
    assert complexity(config).macs < (1 - saved) * cost.macs  # what the shortcuts are worth


def test_the_compact_network_is_within_twelve_million_parameters() -> None:
    assert complexity(COMPACT).parameters < 12e6
