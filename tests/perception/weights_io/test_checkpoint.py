"""Networks from files: loaded, refused with the likely cause, converted."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers_perception import (
    REGISTERED,
    TINY,
    TINY_COMPACT,
    TINY_LIGHT,
    TINY_VIT,
    complaint,
    fill,
    hugging_face_form,
    made,
    made_image,
    saved,
)
from torch import Tensor

from hydra_mono.perception.networks.backbones.vit import VisionTransformer, VitConfig
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import COMPACT, SMALL_96, M2HConfig
from hydra_mono.perception.weights_io.checkpoint import (
    convert_weights,
    load_backbone,
    load_network,
    save_network,
)
from hydra_mono.perception.weights_io.files import CheckpointError, read_weights, write_weights


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return made(TINY).state_dict()


@pytest.mark.parametrize("config", [TINY, TINY_LIGHT], ids=["full", "small"])
@pytest.mark.parametrize("wrapped", ["bare", "wrapped"])
def test_a_state_dict_gives_back_its_network(
    tmp_path: Path, config: M2HConfig, wrapped: str
) -> None:
    network = made(config)
    content: Any = network.state_dict()
    if wrapped == "wrapped":
        content = {"epoch": 3, "model": {f"module.{k}": v for k, v in content.items()}}
    loaded = load_network(saved(tmp_path / "weights.pt", content))
    assert loaded.config == config and not loaded.training
    image = made_image(1, 28, 42)
    with torch.inference_mode():
        assert torch.equal(loaded(image)["semantics"], network(image)["semantics"])


@pytest.mark.parametrize("config", [TINY_LIGHT, TINY_COMPACT], ids=["small", "compact"])
def test_a_saved_network_knows_its_numbers(tmp_path: Path, config: M2HConfig) -> None:
    network = made(config)
    save_network(network, tmp_path / "own.safetensors", notes={"trained_on": "nothing"})
    loaded = load_network(tmp_path / "own.safetensors")
    assert loaded.config == config
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert read_weights(tmp_path / "own.safetensors").metadata["trained_on"] == "nothing"


def test_half_precision_halves_the_file_and_loads_as_single(tmp_path: Path) -> None:
    network = made(TINY_COMPACT)
    save_network(network, tmp_path / "whole.safetensors")
    save_network(network, tmp_path / "half.safetensors", half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.7 * sizes[1]  # the header stays
    loaded = load_network(tmp_path / "half.safetensors").state_dict()
    for name, value in network.state_dict().items():
        assert loaded[name].dtype == value.dtype
        torch.testing.assert_close(loaded[name], value, rtol=1e-3, atol=1e-6)


def test_compat_is_the_readers_choice(tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = saved(tmp_path / "m2h.pt", state)
    convert_weights(path, tmp_path / "m2h.safetensors")
    for file in (path, tmp_path / "m2h.safetensors"):
        assert load_network(file).config == TINY
        assert load_network(file, compat=True).config == dataclasses.replace(TINY, compat=True)


@pytest.mark.parametrize("config", [TINY_VIT, REGISTERED], ids=["plain", "registers"])
@pytest.mark.parametrize("prefix", ["", "dinov2."])
def test_dinov2_and_hugging_face_files_hold_the_same(
    tmp_path: Path, config: VitConfig, prefix: str
) -> None:
    network = VisionTransformer(config)
    fill(network)
    theirs = {prefix + name: value for name, value in hugging_face_form(network).items()}
    write_weights(tmp_path / "model.safetensors", theirs, {"format": "pt"})
    own = saved(tmp_path / "dinov2.pth", network.state_dict())
    for path in (tmp_path / "model.safetensors", own):
        loaded = load_backbone(path)
        assert loaded.config == config
        for name, value in network.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], value), name


def test_a_hugging_face_file_with_a_name_too_few_or_too_many_is_refused(tmp_path: Path) -> None:
    theirs = hugging_face_form(VisionTransformer(TINY_VIT))
    write_weights(tmp_path / "more.safetensors", theirs | {"head.weight": torch.zeros(2)})
    with pytest.raises(CheckpointError, match=r"'head.weight' is unexpected"):
        load_backbone(tmp_path / "more.safetensors")
    del theirs["encoder.layer.3.attention.attention.key.bias"]
    write_weights(tmp_path / "less.safetensors", theirs)
    with pytest.raises(CheckpointError, match=r"layer.3.attention.attention.key.bias' is missing"):
        load_backbone(tmp_path / "less.safetensors")


def test_another_flavour_is_named(tmp_path: Path) -> None:
    text = complaint(saved(tmp_path / "small.pt", made(TINY_LIGHT).state_dict()))
    assert "lightweight" in text and "expected M2H, the full flavour" in text


def test_another_number_of_classes_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "m2h.pt", made(dataclasses.replace(TINY, classes=4)).state_dict())
    text = complaint(path)
    assert "'mlt_head.seg_out.final_conv.weight' has shape (4, 8, 1, 1)" in text
    assert "4 classes, expected 5" in text


def test_another_backbone_is_named(tmp_path: Path) -> None:
    wide = dataclasses.replace(TINY, backbone=VitConfig(width=128, heads=2, grid=5))
    text = complaint(saved(tmp_path / "m2h.pt", made(wide).state_dict()))
    assert (
        "transformer 128 wide with 12 blocks and 0 registers, expected a vision transformer 64"
        in text
    )


def test_another_number_of_channels_is_named(tmp_path: Path) -> None:
    wide = dataclasses.replace(TINY, channels=48)
    text = complaint(saved(tmp_path / "m2h.pt", made(wide).state_dict()))
    assert "48 channels, expected 32" in text


def test_a_backbone_alone_is_no_m2h(tmp_path: Path) -> None:
    path = saved(tmp_path / "dinov2.pth", VisionTransformer(TINY_VIT).state_dict())
    for expected in (TINY, None):
        assert "holds a DINOv2 backbone" in complaint(path, expected)
    with pytest.raises(CheckpointError, match="not a DINOv2 backbone"):
        load_backbone(saved(tmp_path / "m2h.pt", made(TINY).state_dict()))


@pytest.mark.parametrize(
    "name", ["mlt_head.cross_attn.1.ffn_fc1.bias", "backbone.blocks.7.ls2.gamma"]
)
def test_a_missing_or_added_tensor_is_named(
    tmp_path: Path, state: dict[str, Tensor], name: str
) -> None:
    less = {key: value for key, value in state.items() if key != name}
    assert f"'{name}' is missing" in complaint(saved(tmp_path / "less.pt", less), None)
    more = state | {name + "_2": torch.zeros(1)}
    assert f"'{name}_2' is unexpected" in complaint(saved(tmp_path / "more.pt", more), None)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_conversion_keeps_every_number(
    tmp_path: Path, state: dict[str, Tensor], suffix: str
) -> None:
    source, target = saved(tmp_path / "m2h.pth", state), tmp_path / f"out{suffix}"
    convert_weights(source, target)
    loaded = load_network(target)
    assert loaded.config == TINY
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in state.items())


def test_conversion_gives_hugging_face_weights_dinov2s_names(tmp_path: Path) -> None:
    network = VisionTransformer(REGISTERED)
    write_weights(tmp_path / "model.safetensors", hugging_face_form(network))
    convert_weights(tmp_path / "model.safetensors", tmp_path / "dinov2.pth")
    converted = torch.load(tmp_path / "dinov2.pth", weights_only=True)
    assert converted.keys() == network.state_dict().keys()


def test_nothing_is_converted_that_is_not_understood(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    source = saved(tmp_path / "m2h.pt", {**state, "extra": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="'extra' is unexpected"):
        convert_weights(source, tmp_path / "out.safetensors")
    with pytest.raises(CheckpointError, match=r"end the name in \.safetensors"):
        convert_weights(saved(tmp_path / "good.pt", state), tmp_path / "out.onnx")
    assert not list(tmp_path.glob("out*"))


def test_metadata_that_describes_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    tensors = made(TINY_COMPACT).state_dict()
    for text in ("{", "[]", '{"backbone": {"widths": 3}}', '{"backbone": 1}', '{"x": 1}'):
        write_weights(path, tensors, {"hydra_mono.m2h": text})
        assert "does not describe a network" in complaint(path, None)


@pytest.mark.parametrize(
    "numbers",
    [
        {"channels": 10**12},
        {"classes": 10**15},
        {"attention_layers": 10**9},
        {"backbone": {"widths": [8, 8, 16, 10**9]}},
        {"backbone": {"depth": 10**9}},
        {"channels": 8192, "backbone": {"widths": [8192] * 4}},  # within bounds, but not the file's
        {"focal_px": float("nan")},
        {"attention_heads": 5},
    ],
)
def test_metadata_that_describes_another_size_allocates_nothing(
    tmp_path: Path, numbers: dict[str, Any]
) -> None:
    path = tmp_path / "own.safetensors"
    config = dataclasses.asdict(TINY_COMPACT) | numbers
    tensors = made(TINY_COMPACT).state_dict()
    write_weights(path, tensors, {"hydra_mono.m2h": json.dumps(config)})
    text = complaint(path, None)
    assert any(cause in text for cause in ("does not describe a", "has shape", "is missing"))


def test_the_light_flavour_as_the_published_builder_makes_it_is_loaded(tmp_path: Path) -> None:
    """96 channels, yet heads of 128 and 64; under the toy's backbone, and refused for another."""
    config = dataclasses.replace(SMALL_96, backbone=TINY_VIT, classes=5, channels=16)
    network = M2H(config)
    fill(network)
    path = saved(tmp_path / "light.pt", network.state_dict())
    loaded = load_network(path)
    assert loaded.config == config and loaded.config.widths == (128, 64)
    text = complaint(path, dataclasses.replace(config, head_widths=None))
    assert "heads of 128 and 64 channels, expected heads of 8 and 4 channels" in text


def test_another_flavour_than_the_compact_is_named_in_full(tmp_path: Path) -> None:
    text = complaint(saved(tmp_path / "small.pt", made(TINY_LIGHT).state_dict()), COMPACT)
    assert "the file holds M2H, the lightweight flavour (M2H-small), with a vision trans" in text
    assert "expected M2H, the compact flavour" in text


def test_numbers_that_are_not_finite_are_not_loaded(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    broken = state | {"mlt_head.conv_edge.head.2.bias": torch.tensor([float("nan")])}
    assert "'mlt_head.conv_edge.head.2.bias' holds NaN" in complaint(
        saved(tmp_path / "nan.pt", broken)
    )
