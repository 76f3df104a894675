"""Networks from weights files and back: recognised, checked key by key, converted.

Four kinds are known: networks saved here, the published state dicts of a method, DINOv2's own
checkpoints and the Hugging Face form of these. Nothing is loaded in part, and nothing is allocated
before names and shapes agree.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from hydra_mono.core.files.atomic import write_with
from hydra_mono.perception.networks.backbones.dinov2 import from_hugging_face, infer_vit
from hydra_mono.perception.networks.backbones.vit import VisionTransformer, VitConfig
from hydra_mono.perception.networks.interface import (
    TEMPERATURES,
    MultiTaskNetwork,
    NetworkConfig,
    Shapes,
)
from hydra_mono.perception.networks.registry import MODULES, build, method, name_of
from hydra_mono.perception.weights_io.files import (
    CheckpointError,
    Weights,
    read_weights,
    shapes_of,
    write_weights,
)
from hydra_mono.perception.weights_io.names import (
    DINOV2,
    HUGGING_FACE,
    likely_cause,
    method_of,
    recognise,
)

TEMPERATURE_KEY = "semantics.temperature"  # of the metadata
CONFIG_PREFIX = "hydra_mono."  # of the key of the metadata that holds a method's numbers


def load_network(
    path: Path, expected: NetworkConfig | None = None, *, compat: bool = False
) -> MultiTaskNetwork:
    """The network a file holds, in evaluation mode.

    ``expected``: refuse weights of any other network; ``None``: take the numbers from the file.
    ``compat``: of published weights, compute exactly what the published code computes.

    Raises:
        CheckpointError: no network, or not the expected one (the message names the first key that
            is missing, unexpected or of another shape, and the likely cause), or its numbers are
            not finite.
    """
    weights = read_weights(path)
    config = expected or config_of(weights)
    if compat:
        config = method(name_of(config)).follow_published(config)
    network = empty_network(config, weights)
    check_finite(weights)
    types = {name: value.dtype for name, value in network.state_dict().items()}
    state = {name: value.to(types[name]) for name, value in weights.tensors.items()}
    network.load_state_dict(state, assign=True)
    network.temperature = _temperature(weights)
    return network.eval()


def load_backbone(path: Path, expected: VitConfig | None = None) -> VisionTransformer:
    """DINOv2's transformer from its own checkpoint or the Hugging Face form.

    Raises:
        CheckpointError: not a DINOv2 checkpoint, or not of the expected size.
    """
    weights = read_weights(path)
    state = _dinov2_state(weights)
    try:
        backbone = VisionTransformer(expected or infer_vit(shapes_of(state)))
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    load_strictly(backbone, state, path)
    return backbone.eval()


def save_network(
    network: MultiTaskNetwork,
    path: Path,
    *,
    half: bool = False,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Writes a safetensors file that ``load_network`` builds the same network from.

    ``half``: half precision. ``notes``: strings to keep beside the weights.
    """
    state = network.state_dict()
    tensors = {name: _stored(value, half=half) for name, value in state.items()}
    notes = {**(notes or {}), **_config_note(network.config)}
    if network.temperature != 1.0:
        notes[TEMPERATURE_KEY] = f"{network.temperature:.4g}"
    write_weights(path, tensors, notes)


def load_strictly(module: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Loads when every key and shape agrees; else changes nothing.

    Raises:
        CheckpointError: one line with the first key that differs and the likely cause.
    """
    _check_fits(module, state, path)
    module.load_state_dict(dict(state))


def convert_weights(source: Path, target: Path, *, half: bool = False) -> None:
    """Writes the weights under the names used here: safetensors, or ``torch.save`` for .pt, .pth.

    Raises:
        CheckpointError: the source is of no known kind, or the target's suffix is none of these.
    """
    if target.suffix not in (".safetensors", ".pt", ".pth"):
        raise CheckpointError(f"{target}: end the name in .safetensors, .pt or .pth")
    weights = read_weights(source)
    metadata, state = dict(weights.metadata), weights.tensors
    if holds_network(weights):
        config = config_of(weights)
        metadata |= _config_note(config)
        empty_network(config, weights)
    else:
        state = _dinov2_state(weights)
    check_finite(weights)
    stored = {name: _stored(value, half=half) for name, value in state.items()}
    if target.suffix == ".safetensors":
        write_weights(target, stored, metadata)
    else:
        write_with(target, lambda file: torch.save(stored, file))


def holds_network(weights: Weights) -> bool:
    """Whether a method of the registry made these weights."""
    return saved_by_us(weights) is not None or method_of(weights.shapes) is not None


def saved_by_us(weights: Weights) -> str | None:
    """The method whose numbers stand in the file."""
    return next((name for name in MODULES if CONFIG_PREFIX + name in weights.metadata), None)


def config_of(weights: Weights) -> NetworkConfig:
    """The numbers of the network that a file holds: those written beside it, or by its shapes.

    Raises:
        CheckpointError: it holds no network of a known method.
    """
    try:
        if own := saved_by_us(weights):
            return _parsed_config(own, weights.metadata[CONFIG_PREFIX + own])
        name = method_of(weights.shapes)
        infer = method(name).infer if name else None
        if infer is None:
            known = ", ".join(MODULES)
            raise ValueError(f"holds {recognise(weights.shapes)}, not a network ({known})")
        return infer(weights.shapes)
    except ValueError as error:
        raise CheckpointError(f"{weights.path}: {error}") from error


def empty_network(config: NetworkConfig, weights: Weights) -> MultiTaskNetwork:
    """The network on torch's meta device, which allocates nothing; the weights fit it.

    Raises:
        CheckpointError: they do not.
    """
    try:
        with torch.device("meta"):
            network = build(config)
    except (ValueError, RuntimeError, ZeroDivisionError) as error:
        raise CheckpointError(f"{weights.path}: describes no network: {error}") from error
    _check_fits(network, weights.tensors, weights.path)
    return network


def check_finite(weights: Weights) -> None:
    """Raises CheckpointError: a number is NaN or infinite."""
    if broken := not_finite(weights):
        more = f" (and {len(broken) - 1} more)" if broken[1:] else ""
        raise CheckpointError(f"{weights.path}: '{broken[0]}' holds NaN or infinite numbers{more}")


def not_finite(weights: Weights) -> list[str]:
    """The tensors that hold NaN or infinite numbers."""
    found = []
    for name, value in weights.tensors.items():
        if value.is_floating_point():
            wide = (
                value.float() if value.element_size() == 1 else value
            )  # torch has none for 8 bits
            found += [] if bool(torch.isfinite(wide).all()) else [name]
    return found


def differences(own: Shapes, found: Shapes) -> tuple[list[str], list[str], list[str]]:
    """Names that are missing, unexpected, and of another shape."""
    missing = [name for name in own if name not in found]
    extra = [name for name in found if name not in own]
    return missing, extra, [k for k, shape in own.items() if found.get(k, shape) != shape]


def _config_note(config: Any) -> dict[str, str]:
    return {CONFIG_PREFIX + name_of(config): json.dumps(dataclasses.asdict(config))}


def _temperature(weights: Weights) -> float:
    """Of the labels, where the file has one."""
    text = weights.metadata.get(TEMPERATURE_KEY, "1")
    least, largest = TEMPERATURES
    try:
        if least <= float(text) <= largest:
            return float(text)
    except ValueError:
        pass
    detail = f"'{TEMPERATURE_KEY}' is '{text[:40]}', not a number from {least} to {largest}"
    raise CheckpointError(f"{weights.path}: {detail}")


def _parsed_config(name: str, text: str) -> NetworkConfig:
    try:
        config: NetworkConfig = TypeAdapter(method(name).config).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        detail = f"{place} {first['msg']}".strip().lower()
        raise ValueError(
            f"its '{CONFIG_PREFIX}{name}' does not describe a network: {detail}"
        ) from error
    return config


def _check_fits(module: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    own, found = shapes_of(module.state_dict()), shapes_of(state)
    if problem := _first_difference(own, found):
        raise CheckpointError(f"{path}: {problem}; {likely_cause(own, found)}")


def _first_difference(own: Shapes, found: Shapes) -> str | None:
    missing, extra, reshaped = differences(own, found)
    if missing:
        return f"'{missing[0]}' is missing (and {len(missing) - 1} more of {len(own)})"
    if reshaped:
        name = reshaped[0]
        return f"'{name}' has shape {found[name]}, expected {own[name]}"
    if extra:
        return f"'{extra[0]}' is unexpected (and {len(extra) - 1} more)"
    return None


def _dinov2_state(weights: Weights) -> dict[str, Tensor]:
    kind = recognise(weights.shapes)
    if kind == DINOV2:
        return weights.tensors
    if kind != HUGGING_FACE:
        raise CheckpointError(f"{weights.path}: holds {kind}, not a DINOv2 backbone")
    try:
        return from_hugging_face(weights.tensors)
    except ValueError as error:
        raise CheckpointError(f"{weights.path}: {error}") from error


def _stored(value: Tensor, *, half: bool) -> Tensor:
    value = value.detach().cpu().contiguous()
    return value.half() if half and value.is_floating_point() else value
