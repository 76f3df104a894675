"""ResNet-50, Swin-T and ViT: published sizes and names, and Swin's windows against a plain loop."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers_methods import parameters, toy
from helpers_perception import saved
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.create import create_backbone, has_stages
from hydra_mono.perception.networks.backbones.resnet import RESNETS, ResNet, ResNetConfig
from hydra_mono.perception.networks.backbones.swin import (
    SWINS,
    Swin,
    SwinConfig,
    WindowAttention,
    map_of,
    windows_of,
)
from hydra_mono.perception.networks.backbones.vit import VITS, VisionTransformer, VitConfig
from hydra_mono.perception.networks.registry import build
from hydra_mono.perception.weights_io.checkpoint import load_network, save_network
from hydra_mono.perception.weights_io.classifiers import load_resnet, load_swin, load_vit
from hydra_mono.perception.weights_io.files import CheckpointError

TINY_RESNET = ResNetConfig(4, (1, 2, 1, 1))
TINY_SWIN = SwinConfig(4, (2, 2, 1, 1), (1, 2, 2, 2), window=3)
TINY_VIT = VitConfig(8, 4, 2, (0, 1, 2, 3), patch=16, grid=2)
SWIN_ONLY = 96 + 192 + 384  # channels of the norms that a classifier lacks


@pytest.mark.parametrize(
    ("config", "published"),
    [
        (RESNETS["resnet50"], 25_557_032 - 2048 * 1000 - 1000),
        (SWINS["swin_t"], 28_288_354 - 768 * 1000 - 1000 + 2 * SWIN_ONLY),
        (VITS["vit_s16"], 22_050_664 - 384 * 1000 - 1000 + 384 * (1 + 2 * 12)),
    ],
)
def test_the_published_number_of_parameters_without_the_classifier(
    config: Any, published: int
) -> None:
    """Plus what a classifier lacks: norms of Swin's maps; a mask token and factors of ViT."""
    assert parameters(create_backbone(config)) == published


@pytest.mark.parametrize("config", [TINY_RESNET, TINY_SWIN])
def test_maps_are_at_strides_4_to_32(config: ResNetConfig | SwinConfig) -> None:
    backbone = create_backbone(config).eval()
    found = [tap.features for tap in backbone(torch.rand(2, 3, 64, 96))]
    sizes = [(16, 24), (8, 12), (4, 6), (2, 3)]
    expected = [(2, w, *size) for w, size in zip(backbone.widths, sizes, strict=True)]
    assert [tuple(x.shape) for x in found] == expected


def torchvision_swin(name: str) -> str:
    """By torchvision's way of counting: a stage's blocks, then its merging, are features."""
    parts = name.split(".")
    if parts[0] == "patch_embed":
        return f"features.0.{0 if parts[1] == 'proj' else 2}.{parts[2]}"
    if parts[0] == "layers" and parts[2] == "downsample":
        return ".".join([f"features.{2 * int(parts[1]) + 2}", *parts[3:]])
    if parts[0] == "layers":
        name = ".".join([f"features.{2 * int(parts[1]) + 1}", *parts[3:]])
    return name.replace("fc1", "0").replace("fc2", "3")


def torchvision_vit(name: str) -> str:
    known = {"cls_token": "class_token", "pos_embed": "encoder.pos_embedding"}
    block = name.split(".")[1] if "." in name else ""
    for ours, theirs in {
        "patch_embed.proj": "conv_proj",
        f"blocks.{block}": f"encoder.layers.encoder_layer_{block}",
        "attn.qkv.": "self_attention.in_proj_",
        "attn.proj": "self_attention.out_proj",
        "norm1": "ln_1",
        "norm2": "ln_2",
        "mlp.fc1": "mlp.0",
        "mlp.fc2": "mlp.3",
    }.items():
        name = name.replace(ours, theirs)
    name = name.replace("norm.", "encoder.ln.") if name.startswith("norm.") else name
    return known.get(name, name)


OWN = ("norms.", "mask_token")  # of ours alone
Namer = Callable[[str], str]


@pytest.mark.parametrize(
    ("config", "load", "theirs", "extra"),
    [
        (TINY_RESNET, load_resnet, str, ("fc.weight", "fc.bias")),
        (TINY_SWIN, load_swin, str, ("head.weight", "layers.0.blocks.1.attn_mask")),
        (TINY_SWIN, load_swin, torchvision_swin, ("features.1.0.attn.relative_position_index",)),
        (TINY_VIT, load_vit, str, ("head.bias",)),
        (TINY_VIT, load_vit, torchvision_vit, ("heads.head.weight",)),
    ],
)
def test_classifiers_load_under_their_published_names(
    config: Any, load: Any, theirs: Namer, extra: tuple[str, ...], tmp_path: Path
) -> None:
    torch.manual_seed(1)
    source = create_backbone(config)
    for value in source.parameters():
        nn.init.normal_(value, std=0.3)
    scales = [name for name in source.state_dict() if ".ls" in name]
    source.load_state_dict({k: torch.ones_like(source.state_dict()[k]) for k in scales}, False)
    if isinstance(source, Swin):
        source.norms = Swin(TINY_SWIN).norms
    own = {
        k: v for k, v in source.state_dict().items() if not k.startswith(OWN) and k not in scales
    }
    published = {theirs(k): v for k, v in own.items()} | {k: torch.zeros(3) for k in extra}
    if theirs is not str:
        assert not set(published) & set(own) - {"norm.weight", "norm.bias"}
    loaded = load(saved(tmp_path / "w.pth", published), config)
    image = torch.rand(1, 3, 64, 64)
    pairs = zip(source.eval()(image), loaded(image), strict=True)
    assert all(torch.equal(one.features, other.features) for one, other in pairs)
    with pytest.raises(CheckpointError):
        load(saved(tmp_path / "x.pth", published | {"unheard.of": torch.zeros(1)}), config)


def test_the_names_are_torchvisions_and_the_authors() -> None:
    with torch.device("meta"):
        resnet, swin = set(ResNet(TINY_RESNET).state_dict()), set(Swin(TINY_SWIN).state_dict())
        vit = set(VisionTransformer(TINY_VIT).state_dict())
    assert {"conv1.weight", "layer2.1.bn3.running_var", "layer4.0.downsample.0.weight"} <= resnet
    assert "layer2.1.downsample.0.weight" not in resnet
    assert "layers.0.blocks.1.attn.relative_position_bias_table" in swin
    assert {"patch_embed.norm.bias", "layers.2.downsample.reduction.weight"} <= swin
    assert "layers.3.downsample.norm.weight" not in swin
    assert {"blocks.3.attn.qkv.bias", "pos_embed", "norm.weight"} <= vit


@pytest.mark.parametrize(("size", "shift"), [((6, 9), 1), ((5, 7), 1), ((3, 6), 1), ((6, 6), 0)])
def test_shifted_windows_are_those_of_a_plain_loop(size: tuple[int, int], shift: int) -> None:
    """Each pixel attends to those of its window, counted from the shift, and no others."""
    torch.manual_seed(2)
    attention = WindowAttention(8, 2, window=3, shift=shift)
    nn.init.normal_(attention.relative_position_bias_table)
    x = torch.randn(1, *size, 8)
    with torch.inference_mode():
        torch.testing.assert_close(attention(x), looped(attention, x), atol=1e-5, rtol=1e-4)


def looped(attention: WindowAttention, x: Tensor) -> Tensor:
    """The same, pixel by pixel; rows and columns beyond the map hold zeros that are attended to."""
    window, heads = attention.window, attention.heads
    height, width = (-(-side // window) * window for side in x.shape[1:3])
    whole = torch.zeros(height, width, 8)
    whole[: x.shape[1], : x.shape[2]] = x[0]
    query, key, value = attention.qkv(whole).unflatten(2, (3, heads, 4)).unbind(2)
    shifts = [0 if side <= window else attention.shift for side in (height, width)]

    def cell(row: int, column: int) -> tuple[int, int]:
        return (row - shifts[0]) // window, (column - shifts[1]) // window

    pixels = [(row, column) for row in range(height) for column in range(width)]
    out = torch.zeros(1, *x.shape[1:])
    table = attention.relative_position_bias_table
    for row, column in pixels:
        if row >= x.shape[1] or column >= x.shape[2]:
            continue
        near = [p for p in pixels if cell(*p) == cell(row, column)]
        scores = torch.stack(
            [
                (query[row, column] * key[r, c]).sum(1) / 2
                + table[(row - r + window - 1) * (2 * window - 1) + column - c + window - 1]
                for r, c in near
            ]
        )  # n heads
        values = torch.stack([value[r, c] for r, c in near])  # n heads d
        mixed = (scores.softmax(0)[..., None] * values).sum(0).flatten()
        out[0, row, column] = attention.proj(mixed)
    return out


def test_a_map_is_put_together_from_its_windows() -> None:
    x = torch.rand(2, 6, 9, 5)
    assert torch.equal(map_of(windows_of(x, 3), (6, 9), 3), x)
    assert torch.equal(windows_of(x, 3)[1], x[0, :3, 3:6].flatten(0, 1))


@pytest.mark.parametrize("config", [TINY_RESNET, TINY_SWIN, TINY_VIT])
def test_a_network_on_any_of_them_is_saved_and_loaded(config: Any, tmp_path: Path) -> None:
    network = build(toy("pad_net", backbone=config)).eval()
    save_network(network, tmp_path / "w.safetensors")
    loaded = load_network(tmp_path / "w.safetensors")
    image = torch.rand(1, 3, 48, 64)
    found = network(image)
    assert loaded.config == network.config and found["depth"].shape == (1, 1, 48, 64)
    assert all(torch.equal(values, found[task]) for task, values in loaded.eval()(image).items())
    assert has_stages(network.backbone) == isinstance(config, ResNetConfig)
