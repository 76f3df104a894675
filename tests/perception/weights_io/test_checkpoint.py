"""Weights files: what is read, what is refused, and what the one line then says."""

import dataclasses
import pickle
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
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hydra_mono.core.errors import HydraMonoError
from hydra_mono.perception.networks.backbones.vit import VisionTransformer, VitConfig
from hydra_mono.perception.networks.m2h import M2HConfig
from hydra_mono.perception.weights_io.checkpoint import (
    CheckpointError,
    convert_weights,
    describe_weights,
    load_backbone,
    load_m2h,
    read_weights,
    save_m2h,
)
from hydra_mono.perception.weights_io.safetensors_io import write_safetensors


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
    loaded = load_m2h(saved(tmp_path / "weights.pt", content))
    assert loaded.config == config and not loaded.training
    image = made_image(1, 28, 42)
    with torch.inference_mode():
        assert torch.equal(loaded(image).semantics, network(image).semantics)


@pytest.mark.parametrize("config", [TINY_LIGHT, TINY_COMPACT], ids=["small", "compact"])
def test_a_saved_network_knows_its_numbers(tmp_path: Path, config: M2HConfig) -> None:
    network = made(config)
    save_m2h(network, tmp_path / "own.safetensors", notes={"trained_on": "nothing"})
    loaded = load_m2h(tmp_path / "own.safetensors")
    assert loaded.config == config
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert ("trained_on", "nothing") in describe_weights(tmp_path / "own.safetensors")


def test_half_precision_halves_the_file_and_loads_as_single(tmp_path: Path) -> None:
    network = made(TINY_COMPACT)
    save_m2h(network, tmp_path / "whole.safetensors")
    save_m2h(network, tmp_path / "half.safetensors", half=True)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.7 * sizes[1]  # the header stays
    loaded = load_m2h(tmp_path / "half.safetensors").state_dict()
    for name, value in network.state_dict().items():
        assert loaded[name].dtype == value.dtype
        torch.testing.assert_close(loaded[name], value, rtol=1e-3, atol=1e-6)


def test_compat_is_the_readers_choice(tmp_path: Path, state: dict[str, Tensor]) -> None:
    path = saved(tmp_path / "m2h.pt", state)
    convert_weights(path, tmp_path / "m2h.safetensors")
    for file in (path, tmp_path / "m2h.safetensors"):
        assert load_m2h(file).config == TINY
        assert load_m2h(file, compat=True).config == dataclasses.replace(TINY, compat=True)


@pytest.mark.parametrize("config", [TINY_VIT, REGISTERED], ids=["plain", "registers"])
@pytest.mark.parametrize("prefix", ["", "dinov2."])
def test_dinov2_and_hugging_face_files_hold_the_same(
    tmp_path: Path, config: VitConfig, prefix: str
) -> None:
    network = VisionTransformer(config)
    fill(network)
    theirs = {prefix + name: value for name, value in hugging_face_form(network).items()}
    write_safetensors(tmp_path / "model.safetensors", theirs, {"format": "pt"})
    own = saved(tmp_path / "dinov2.pth", network.state_dict())
    for path in (tmp_path / "model.safetensors", own):
        loaded = load_backbone(path)
        assert loaded.config == config
        for name, value in network.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], value), name


def test_a_hugging_face_file_with_a_name_too_few_or_too_many_is_refused(tmp_path: Path) -> None:
    theirs = hugging_face_form(VisionTransformer(TINY_VIT))
    write_safetensors(tmp_path / "more.safetensors", theirs | {"head.weight": torch.zeros(2)})
    with pytest.raises(CheckpointError, match=r"'head.weight' is unexpected"):
        load_backbone(tmp_path / "more.safetensors")
    del theirs["encoder.layer.3.attention.attention.key.bias"]
    write_safetensors(tmp_path / "less.safetensors", theirs)
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
    assert "backbone is 128 wide with 12 blocks and 0 registers, expected 64 wide" in text


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


class Bomb:
    """Runs a command when it is unpickled by a careless reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    path = saved(tmp_path / "bomb.pt", {"weight": torch.zeros(1), "x": Bomb(tmp_path / "boom")})
    assert "more than tensors" in complaint(path)
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Bomb(tmp_path / "boom")))
    complaint(tmp_path / "plain.pt")
    assert not (tmp_path / "boom").exists()


def test_files_that_are_no_weights_are_refused_in_one_line(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    assert "cannot be read" in complaint(tmp_path / "nothing.pt")
    (tmp_path / "empty.pt").touch()
    complaint(tmp_path / "empty.pt")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:af35\nsize 326476753\n"
    (tmp_path / "pointer.pt").write_text(pointer)
    assert "git lfs pull" in complaint(tmp_path / "pointer.pt")
    whole = saved(tmp_path / "whole.pt", state).read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    complaint(tmp_path / "cut.pt")
    assert "no table" in complaint(saved(tmp_path / "list.pt", [torch.zeros(1)]))
    assert "'a' is no tensor" in complaint(saved(tmp_path / "odd.pt", {"a": 1}))
    assert "unknown network" in complaint(saved(tmp_path / "a.pt", {"a": torch.zeros(1)}), None)
    assert issubclass(CheckpointError, HydraMonoError)


@given(st.integers(0, 10**9), st.integers(0, 255), st.sampled_from(["torch", "safetensors"]))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, where: int, what: int, form: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    tensors = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(3)}
    if form == "torch":
        torch.save(tensors, path)
    else:
        write_safetensors(path, tensors)
    content = bytearray(path.read_bytes())
    content[where % len(content)] = what
    path.write_bytes(content)
    try:
        assert read_weights(path).tensors
    except CheckpointError as error:
        assert "\n" not in str(error)
