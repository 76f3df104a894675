"""Averages of weights of one network, which hold up better on other data than either."""

from pathlib import Path

import torch

from hydra_mono.core.errors import ConfigError
from hydra_mono.perception.weights_io.checkpoint import load_network, save_network
from hydra_mono.perception.weights_io.files import CheckpointError


def average_weights(
    first: Path, second: Path, target: Path, *, share: float = 0.5, half: bool = False
) -> None:
    """Writes (1 − share)·first + share·second, tensor by tensor (Wortsman et al., ICML 2022).

    That is the average of two networks only where one was trained on from the other, or both from
    a third. ``half``: in half precision.

    Raises:
        CheckpointError: one of them is no network, they are not of the same network, or the
            target's suffix is not .safetensors.
        ConfigError: ``share`` is not within 0..1.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"the second's share is {share:g}; give one within 0 and 1")
    if target.suffix != ".safetensors":
        raise CheckpointError(f"{target}: end the name in .safetensors")
    network = load_network(first)
    own, other = network.state_dict(), load_network(second, network.config).state_dict()
    for name, value in own.items():  # counts cannot be mixed; they are the second's
        mixes = value.is_floating_point()
        value.copy_(torch.lerp(value, other[name], share) if mixes else other[name])
    save_network(network, target, half=half)
