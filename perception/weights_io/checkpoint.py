"""Weights files: read without running code, recognised, checked key by key, converted.

Four kinds are known: M2H's published state dicts (both flavours), networks saved here, DINOv2's
own checkpoints and the Hugging Face form of these. Nothing is loaded in part.
"""

import dataclasses
import hashlib
import json
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from hydra_mono.core.errors import HydraMonoError
from hydra_mono.core.files.atomic import write_with
from hydra_mono.perception.networks.backbones.convnext import ConvConfig
from hydra_mono.perception.networks.backbones.efficientnet_lite import LiteConfig
from hydra_mono.perception.networks.backbones.vit import VisionTransformer, VitConfig
from hydra_mono.perception.networks.m2h import M2H, M2HConfig
from hydra_mono.perception.weights_io.names import (
    PUBLISHED,
    Kind,
    from_hugging_face,
    likely_cause,
    m2h_config,
    recognise,
    vit_config,
)
from hydra_mono.perception.weights_io.safetensors_io import (
    is_safetensors,
    read_safetensors,
    write_safetensors,
)

CONFIG_KEY = "hydra_mono.m2h"  # of the metadata: the network's numbers
WRAPPERS = ("state_dict", "model")  # what training scripts put a state dict into
LFS_POINTER = b"version https://git-lfs"
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


class CheckpointError(HydraMonoError):
    """A weights file cannot be read, or is not for this network."""


@dataclass(frozen=True)
class Weights:
    """What a file holds, under the names it came with but for a ``module.`` before them."""

    path: Path
    format: str
    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    @property
    def kind(self) -> Kind:
        if CONFIG_KEY in self.metadata:
            return Kind.OWN
        return recognise(self.tensors)


def read_weights(path: Path) -> Weights:
    """Reads a safetensors file or a ``torch.save``, never running code from it.

    Raises:
        CheckpointError: there is no such file, it is damaged, or it holds more than tensors.
    """
    try:
        with path.open("rb") as file:
            pointer = file.read(len(LFS_POINTER)) == LFS_POINTER
        if pointer:
            raise CheckpointError(f"{path}: a Git LFS pointer; fetch the weights by 'git lfs pull'")
        if is_safetensors(path):
            content = read_safetensors(path)
            return Weights(path, "safetensors", content.tensors, content.metadata)
        return Weights(path, "torch", _read_torch(path), {})
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise CheckpointError(f"{path}: damaged safetensors file: {error}") from error


def load_m2h(path: Path, expected: M2HConfig | None = None, *, compat: bool = False) -> M2H:
    """The network a file holds, in evaluation mode.

    ``expected``: refuse weights of any other network; ``None``: take the numbers from the file.
    ``compat``: of published weights, compute exactly what the published code computes.

    Raises:
        CheckpointError: not an M2H, or not the expected one; the message names the first key
            that is missing, unexpected or of another shape, and the likely cause.
    """
    weights = read_weights(path)
    config = expected or _m2h_config(weights, compat=compat)
    network = M2H(config)
    load_strictly(network, weights.tensors, path)
    return network.eval()


def load_backbone(path: Path, expected: VitConfig | None = None) -> VisionTransformer:
    """DINOv2's transformer from its own checkpoint or the Hugging Face form.

    Raises:
        CheckpointError: not a DINOv2 checkpoint, or not of the expected size.
    """
    weights = read_weights(path)
    state = _dinov2_state(weights)
    try:
        backbone = VisionTransformer(expected or vit_config(state))
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    load_strictly(backbone, state, path)
    return backbone.eval()


def save_m2h(
    network: M2H, path: Path, *, half: bool = False, notes: Mapping[str, str] | None = None
) -> None:
    """Writes a safetensors file that ``load_m2h`` builds the same network from.

    ``half``: half precision. ``notes``: strings to keep beside the weights.
    """
    tensors = {name: _stored(value, half=half) for name, value in network.state_dict().items()}
    write_safetensors(path, tensors, {**(notes or {}), CONFIG_KEY: _config_text(network.config)})


def load_strictly(module: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Loads when every key and shape agrees; else changes nothing.

    Raises:
        CheckpointError: one line with the first key that differs and the likely cause.
    """
    _check_fits(module, state, path)
    module.load_state_dict(dict(state))


def describe_weights(path: Path) -> list[tuple[str, str]]:
    """Rows of name and value for a table of what the file holds."""
    weights = read_weights(path)
    values = weights.tensors.values()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    counted = [v.numel() for name, v in weights.tensors.items() if not name.endswith(STATISTICS)]
    rows = [
        ("file", f"{path} ({path.stat().st_size / 1e6:.1f} MB, {weights.format})"),
        ("contents", weights.kind.value),
        ("published as", PUBLISHED.get(digest, "unknown")),
        ("tensors", str(len(weights.tensors))),
        ("parameters", f"{sum(counted) / 1e6:.2f} M"),
        ("types", ", ".join(sorted({str(v.dtype).removeprefix("torch.") for v in values}))),
    ]
    return rows + _described_network(weights) + sorted(weights.metadata.items())


def convert_weights(source: Path, target: Path, *, half: bool = False) -> None:
    """Writes the weights under the names used here: safetensors, or ``torch.save`` for .pt, .pth.

    Raises:
        CheckpointError: the source is of no known kind, or the target's suffix is none of these.
    """
    if target.suffix not in (".safetensors", ".pt", ".pth"):
        raise CheckpointError(f"{target}: end the name in .safetensors, .pt or .pth")
    weights = read_weights(source)
    metadata = dict(weights.metadata)
    if weights.kind in (Kind.M2H, Kind.M2H_SMALL, Kind.OWN):
        config, state = _m2h_config(weights, compat=False), weights.tensors
        metadata[CONFIG_KEY] = _config_text(config)
        with torch.device("meta"):
            network = M2H(config)
        _check_fits(network, state, source)
    else:
        state = _dinov2_state(weights)
    stored = {name: _stored(value, half=half) for name, value in state.items()}
    if target.suffix == ".safetensors":
        write_safetensors(target, stored, metadata)
    else:
        write_with(target, lambda file: torch.save(stored, file))


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings(action="ignore"):  # what is wrong is told in one line below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: refused, it holds more than tensors (or is no weights file)"
        ) from error
    except OSError:
        raise
    except Exception as error:  # of a damaged file torch raises whatever it stumbles over
        raise CheckpointError(f"{path}: not a whole torch or safetensors file") from error
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not content:
        raise CheckpointError(f"{path}: holds no table of tensors")
    if odd := [name for name, value in content.items() if not isinstance(value, Tensor)]:
        raise CheckpointError(f"{path}: '{odd[0]}' is no tensor; expected a state dict")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _m2h_config(weights: Weights, *, compat: bool) -> M2HConfig:
    try:
        text = weights.metadata.get(CONFIG_KEY)
        config = m2h_config(weights.tensors) if text is None else _parsed_config(text)
    except ValueError as error:
        raise CheckpointError(f"{weights.path}: {error}") from error
    return dataclasses.replace(config, compat=config.compat or compat)


def _config_text(config: M2HConfig) -> str:
    return json.dumps(dataclasses.asdict(config))


def _parsed_config(text: str) -> M2HConfig:
    try:
        numbers = json.loads(text)
        backbone = numbers.pop("backbone")
        numbers["backbone"] = TypeAdapter(_backbone_kind(backbone)).validate_python(backbone)
        return TypeAdapter(M2HConfig).validate_python(numbers)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"its '{CONFIG_KEY}' does not describe a network") from error


def _backbone_kind(
    numbers: Mapping[str, object],
) -> type[VitConfig] | type[ConvConfig] | type[LiteConfig]:
    """Told by a number that only it has."""
    if "repeats" in numbers:
        return LiteConfig
    return ConvConfig if "widths" in numbers else VitConfig


def _check_fits(module: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    own = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    problem = _first_difference(own, found)
    if problem:
        raise CheckpointError(f"{path}: {problem}; {likely_cause(own, found)}")


def _dinov2_state(weights: Weights) -> dict[str, Tensor]:
    if weights.kind is Kind.DINOV2:
        return weights.tensors
    if weights.kind is not Kind.HUGGING_FACE:
        raise CheckpointError(f"{weights.path}: holds {weights.kind.value}, not a DINOv2 backbone")
    try:
        return from_hugging_face(weights.tensors)
    except ValueError as error:
        raise CheckpointError(f"{weights.path}: {error}") from error


def _described_network(weights: Weights) -> list[tuple[str, str]]:
    if weights.kind in (Kind.M2H, Kind.M2H_SMALL, Kind.OWN):
        config = _m2h_config(weights, compat=False)
        rows = [("channels", str(config.channels)), ("classes", str(config.classes))]
        return [*rows, ("backbone", str(config.backbone))]
    if weights.kind in (Kind.DINOV2, Kind.HUGGING_FACE):
        return [("backbone", str(load_backbone(weights.path).config))]
    return []


def _first_difference(
    own: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]
) -> str | None:
    for name, shape in own.items():
        if name not in found:
            missing = len(own.keys() - found.keys())
            return f"'{name}' is missing (and {missing - 1} more of {len(own)})"
        if found[name] != shape:
            return f"'{name}' has shape {found[name]}, expected {shape}"
    unexpected = [name for name in found if name not in own]
    if unexpected:
        return f"'{unexpected[0]}' is unexpected (and {len(unexpected) - 1} more)"
    return None


def _stored(value: Tensor, *, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    return value.half() if half and value.is_floating_point() else value
