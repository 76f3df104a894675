"""The vision transformer: DINOv2's positions, registers and taps, each by another way."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers_perception import TINY_CONV, TINY_VIT, fill, made_image
from PIL import Image
from torch import Tensor

from hydra_mono.perception.networks.backbones.convnext import ConvBackbone
from hydra_mono.perception.networks.backbones.vit import (
    Backbone,
    VisionTransformer,
    VitConfig,
)

REGISTERED = dataclasses.replace(TINY_VIT, registers=4)


def transformer(config: VitConfig) -> VisionTransformer:
    network = VisionTransformer(config).eval()
    fill(network)
    return network


def cubic(distance: np.ndarray) -> np.ndarray:
    """Keys' kernel with a = −0.75, which torch's bicubic interpolation uses."""
    a, d = -0.75, np.abs(distance)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def resampling(size: int, side: int, scale: float) -> np.ndarray:
    """Weights (size, side) of bicubic resampling, written from its definition."""
    weights = np.zeros((size, side))
    for row in range(size):
        center = (row + 0.5) / scale - 0.5
        first = int(np.floor(center))
        for source in range(first - 1, first + 3):
            weights[row, min(max(source, 0), side - 1)] += cubic(np.array(center - source))
    return weights


@pytest.mark.parametrize("grid", [(3, 7), (8, 5), (4, 4)])
def test_positions_are_resampled_with_a_tenth_added_to_the_size(grid: tuple[int, int]) -> None:
    network = transformer(TINY_VIT)
    side = TINY_VIT.grid
    square = network.pos_embed[0, 1:].detach().double().numpy().reshape(side, side, -1)
    rows, columns = (resampling(n, side, (n + 0.1) / side) for n in grid)
    expected = np.einsum("ys,xt,stc->yxc", rows, columns, square)
    found = network._positions(grid).detach().numpy()
    np.testing.assert_allclose(found[0, 1:], expected.reshape(grid[0] * grid[1], -1), atol=1e-5)
    np.testing.assert_array_equal(found[0, 0], network.pos_embed[0, 0].detach().numpy())


@pytest.mark.parametrize("grid", [(3, 7), (8, 2), (4, 10)])
def test_positions_with_registers_are_resampled_as_pillow_resizes(grid: tuple[int, int]) -> None:
    network = transformer(REGISTERED)
    square = network.pos_embed[0, 1:].detach().numpy().reshape(5, 5, -1)
    planes = [
        Image.fromarray(np.ascontiguousarray(plane)).resize(grid[::-1], Image.Resampling.BICUBIC)
        for plane in np.moveaxis(square, 2, 0)
    ]
    expected = np.stack([np.asarray(plane).ravel() for plane in planes], axis=1)
    found = network._positions(grid).detach().numpy()
    np.testing.assert_allclose(found[0, 1:], expected, atol=1e-6)


def test_positions_at_the_trained_size_are_the_trained_ones() -> None:
    network = transformer(TINY_VIT)
    assert network._positions((5, 5)) is network.pos_embed


def by_hand(network: VisionTransformer, image: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Every block's patch map and class token, through torch's own attention."""
    config = network.config
    patches = network.patch_embed.proj(image)
    grid = (patches.shape[2], patches.shape[3])
    tokens = torch.cat([network.cls_token, patches.flatten(2).mT], dim=1)
    tokens = tokens + network._positions(grid)
    if config.registers:
        tokens = torch.cat([tokens[:, :1], network.register_tokens, tokens[:, 1:]], dim=1)
    outputs = []
    for block in network.blocks:
        attention = torch.nn.MultiheadAttention(config.width, config.heads, batch_first=True)
        state = block.attn.state_dict()
        attention.load_state_dict(
            {
                "in_proj_weight": state["qkv.weight"],
                "in_proj_bias": state["qkv.bias"],
                "out_proj.weight": state["proj.weight"],
                "out_proj.bias": state["proj.bias"],
            }
        )
        normed = block.norm1(tokens)
        tokens = tokens + block.ls1.gamma * attention(normed, normed, normed)[0]
        inner = torch.nn.functional.gelu(block.mlp.fc1(block.norm2(tokens)))
        tokens = tokens + block.ls2.gamma * block.mlp.fc2(inner)
        patches = tokens[:, 1 + config.registers :].mT.reshape(1, -1, *grid)
        outputs.append((patches, tokens[:, 0]))
    return outputs


@pytest.mark.parametrize("config", [TINY_VIT, REGISTERED], ids=["plain", "registers"])
def test_taps_are_what_the_blocks_give(config: VitConfig) -> None:
    config = dataclasses.replace(config, heads=2, taps=(1, 3, 6, 10))
    network, image = transformer(config), made_image(1, 42, 28)
    with torch.inference_mode():
        taps, expected = network(image), by_hand(network, image)
    for tap, index in zip(taps, config.taps, strict=True):
        assert tap.features.shape == (1, 64, 3, 2)
        torch.testing.assert_close(tap.features, expected[index][0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(tap.class_token, expected[index][1], rtol=1e-4, atol=1e-5)


def test_registers_change_the_patches_but_are_not_among_them() -> None:
    network, image = transformer(REGISTERED), made_image(2, 28, 28)
    with torch.inference_mode():
        before = network(image)[3].features
        network.register_tokens.mul_(2)
        after = network(image)[3].features
    assert before.shape == after.shape == (1, 64, 2, 2)
    assert not torch.allclose(before, after)


@pytest.mark.parametrize(
    ("config", "millions", "tensors"),
    [
        (VitConfig(), 22.06, 175),
        (VitConfig(width=768, heads=12), 86.58, 175),
        (VitConfig(width=1024, depth=24, heads=16, taps=(4, 11, 17, 23)), 304.37, 343),
        (VitConfig(registers=4), 22.06, 176),
    ],
    ids=["S", "B", "L", "S with registers"],
)
def test_sizes_are_those_of_dinov2(config: VitConfig, millions: float, tensors: int) -> None:
    with torch.device("meta"):
        network = VisionTransformer(config)
    assert len(network.state_dict()) == tensors
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.006)


def test_the_convolutional_backbone_is_a_pyramid() -> None:
    network = ConvBackbone(TINY_CONV).eval()
    assert isinstance(network, Backbone)
    taps = network(made_image(3, 64, 96))
    assert [tuple(tap.features.shape[1:]) for tap in taps] == [
        (8, 16, 24),
        (8, 8, 12),
        (16, 4, 6),
        (16, 2, 3),
    ]
    assert all(tap.class_token is None for tap in taps)
