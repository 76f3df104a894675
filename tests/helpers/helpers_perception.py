"""Networks of toy size, recorded activations, and weights that anyone can make again."""

import contextlib
import dataclasses
import json
import os
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.perception.networks.backbones.convnext import ConvConfig
from hydra_mono.perception.networks.backbones.vit import VisionTransformer, VitConfig
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import COMPACT, M2HConfig
from hydra_mono.perception.weights_io.checkpoint import load_network
from hydra_mono.perception.weights_io.files import CheckpointError

TINY_VIT = VitConfig(width=64, depth=12, heads=1, grid=5)
TINY_CONV = ConvConfig(widths=(8, 8, 16, 16), depths=(1, 1, 1, 1))
TINY = M2HConfig(backbone=TINY_VIT, classes=5, channels=32)
TINY_LIGHT = M2HConfig(backbone=TINY_VIT, classes=5, channels=32, light=True)
REGISTERED = dataclasses.replace(TINY_VIT, registers=4)
TINY_COMPACT = dataclasses.replace(COMPACT, backbone=TINY_CONV, channels=32, classes=5)
TINY_NYU40 = dataclasses.replace(COMPACT, backbone=TINY_CONV, channels=16)


def recorded(name: str) -> Path:
    """A file of the recorded activations; skips the test where there are none."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("HYDRA_MONO_TEST_DATA", beside)) / "m2h_oracle" / name
    if not path.exists():
        pytest.skip(f"no recorded activations: {path} (set HYDRA_MONO_TEST_DATA)")
    return path


def made_tensor(key: str, shape: tuple[int, ...]) -> Tensor:
    """The value that the recording's rule gives a parameter of this name and shape."""
    noise = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if key.endswith("running_var"):
        value = 1 + 0.1 * np.abs(noise)
    elif key.endswith("running_mean"):
        value = 0.05 * noise
    elif key.endswith(("cls_token", "pos_embed", "mask_token")):
        value = 0.02 * noise
    elif len(shape) >= 2:
        value = noise / np.sqrt(np.prod(shape[1:]))
    else:
        value = 0.02 * noise if key.endswith("bias") else 1 + 0.1 * noise
    return torch.from_numpy(np.asarray(value, dtype=np.float32))


def made_state(shapes: dict[str, list[int]]) -> dict[str, Tensor]:
    return {key: made_tensor(key, tuple(shape)) for key, shape in shapes.items()}


def fill(network: nn.Module) -> None:
    """Gives every parameter its made value, so that none is trivial."""
    shapes = {key: list(value.shape) for key, value in network.state_dict().items()}
    network.load_state_dict(made_state(shapes))


def made_image(seed: int, height: int, width: int) -> Tensor:
    values = np.random.default_rng(seed).standard_normal((1, 3, height, width))
    return torch.from_numpy(values.astype(np.float32))


class _EnoughError(Exception):
    """The last activation asked for is there."""


def activations(
    network: nn.Module, names: list[str], image: Tensor, until: str | None = None
) -> dict[str, Tensor]:
    """The outputs of the named modules on an image, ``.outI`` for the I-th of several.

    ``until``: stop the computation after this module.
    """
    found: dict[str, Tensor] = {}

    def keep(name: str, value: Any) -> None:
        if isinstance(value, Tensor):
            found[name] = value
        elif value is not None:
            for index, part in enumerate(value):
                keep(f"{name}.out{index}", part)

    def hook(module: str) -> Any:
        def run(_module: nn.Module, _inputs: Any, output: Any) -> None:
            keep(module, output)
            if module == until:
                raise _EnoughError

        return run

    modules = sorted({name.partition(".out")[0] for name in names if not name.startswith("output")})
    hooks = [network.get_submodule(name).register_forward_hook(hook(name)) for name in modules]
    with torch.inference_mode(), contextlib.suppress(_EnoughError):
        maps = network(image)
        found |= {f"output.{task}": values for task, values in maps.items()}
    for handle in hooks:
        handle.remove()
    return found


def deviations(case: str, found: dict[str, Tensor]) -> dict[str, float]:
    """Greatest difference from each recorded array, in the array's standard deviations."""
    strides = json.loads(recorded(f"{case}.json").read_text())
    result: dict[str, float] = {}
    with np.load(recorded(f"{case}.npz")) as arrays:
        for name in found:
            value = found[name][:, :: strides[name]["channel_stride"]]
            if value.ndim == 4:
                step = strides[name]["pixel_stride"]
                value = value[:, :, ::step, ::step]
            expected = arrays[name]
            assert tuple(value.shape) == expected.shape, name
            result[name] = float(np.abs(value.numpy() - expected).max() / expected.std())
    return result


@cache
def made(config: M2HConfig) -> M2H:
    """A network filled by the recording's rule."""
    network = M2H(config).eval()
    fill(network)
    return network


def hugging_face_form(network: VisionTransformer) -> dict[str, Tensor]:
    """The network's weights under the names that ``transformers`` uses, written out by hand."""
    theirs: dict[str, Tensor] = {}
    words = {
        "cls_token": "embeddings.cls_token",
        "pos_embed": "embeddings.position_embeddings",
        "mask_token": "embeddings.mask_token",
        "register_tokens": "embeddings.register_tokens",
        "patch_embed.proj": "embeddings.patch_embeddings.projection",
        "blocks.": "encoder.layer.",
        "ls1.gamma": "layer_scale1.lambda1",
        "ls2.gamma": "layer_scale2.lambda1",
        "attn.proj": "attention.output.dense",
    }
    for name, value in network.state_dict().items():
        if ".attn.qkv." in name:
            for role, part in zip(("query", "key", "value"), value.chunk(3), strict=True):
                new = name.replace("attn.qkv", f"attention.attention.{role}")
                theirs[new.replace("blocks.", "encoder.layer.")] = part
            continue
        for ours, word in words.items():
            name = name.replace(ours, word)
        theirs["layernorm" + name[4:] if name.startswith("norm.") else name] = value
    return theirs


def saved(path: Path, state: Any) -> Path:
    """The path, with the state written there as torch does."""
    torch.save(state, path)
    return path


def complaint(path: Path, expected: M2HConfig | None = TINY) -> str:
    """The one line that says why the file is refused."""
    with pytest.raises(CheckpointError) as caught:
        load_network(path, expected)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


def colour_frame(width: int, height: int) -> Frame:
    """A frame of random colours without depth."""
    rgb = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    camera = Intrinsics(width, width, width / 2 - 0.5, height / 2 - 0.5, width, height)
    return Frame(0, "colour", 0, np.eye(4), camera, rgb)
