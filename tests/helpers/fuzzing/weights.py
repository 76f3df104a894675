"""Weights files as fuzz targets; apart from the others, as torch takes long to import."""

from collections.abc import Callable
from pathlib import Path

import torch

from fuzzing.targets import Doubts, Target
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.weights_io.checkpoint import save_network
from hydra_mono.perception.weights_io.describe import describe_weights
from hydra_mono.perception.weights_io.files import read_weights, write_weights


def _tiny() -> M2H:
    from helpers_perception import TINY, made

    return made(TINY)


def _state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {"a.weight": torch.rand(3, 4, generator=generator), "a.bias": torch.zeros(4)}


def _read(name: str) -> Callable[[Path], Doubts]:
    def read(folder: Path) -> Doubts:
        weights = read_weights(folder / name)
        _, problems = describe_weights(folder / name)
        finite = all(bool(torch.isfinite(value).all()) for value in weights.tensors.values())
        if not finite and not problems:
            yield "weights that are not finite"

    return read


WEIGHTS: dict[str, Target] = {
    "safetensors": Target(
        lambda folder: write_weights(folder / "weights.safetensors", _state(), {"made": "by"}),
        _read("weights.safetensors"),
    ),
    "torch": Target(
        lambda folder: torch.save(_state(), folder / "weights.pt"), _read("weights.pt")
    ),
}
NETWORK = Target(  # builds networks, so it takes a third of a second an input
    lambda folder: save_network(_tiny(), folder / "network.safetensors"),
    _read("network.safetensors"),
)
