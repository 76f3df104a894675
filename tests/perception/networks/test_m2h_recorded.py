"""The same weights compute what the published modules computed, layer by layer."""

import dataclasses
import json
from functools import cache

import pytest
import torch
from helpers_perception import activations, deviations, made_image, made_state, recorded

from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import FULL, SMALL

# Of each array's standard deviation. Single precision rounds by 6e-8, and a map is some twenty sums
# of thousands of terms, whose order depends on the number of threads: up to 1.1e-4 was seen with
# one thread, so three times that is allowed.
TOLERANCE = 3e-4


@cache
def published(*, small: bool) -> M2H:
    """The network with the recording's weights, loaded strictly under the published names."""
    shapes = json.loads(recorded("m2h_small_keys.json" if small else "m2h_keys.json").read_text())
    with torch.device("meta"):
        network = M2H(dataclasses.replace(SMALL if small else FULL, compat=True)).eval()
    network.load_state_dict(made_state(shapes), strict=True, assign=True)
    return network


@pytest.mark.parametrize("small", [False, True], ids=["full", "small"])
def test_names_and_shapes_are_the_published_ones(small: bool) -> None:
    shapes = json.loads(recorded("m2h_small_keys.json" if small else "m2h_keys.json").read_text())
    with torch.device("meta"):
        own = M2H(SMALL if small else FULL).state_dict()
    assert {name: list(value.shape) for name, value in own.items()} == shapes


@pytest.mark.parametrize(
    ("case", "seed", "size", "until"),
    [
        ("m2h_224x224", 7, (224, 224), None),
        ("m2h_210x280", 8, (210, 280), "mlt_head.project_edges"),  # the rest takes half a minute
        ("m2h_small_224x224", 9, (224, 224), None),
    ],
)
def test_layers_agree(case: str, seed: int, size: tuple[int, int], until: str | None) -> None:
    names = list(json.loads(recorded(f"{case}.json").read_text()))
    network = published(small="small" in case)
    found = activations(network, names, made_image(seed, *size), until=until)
    wrong = {name: value for name, value in deviations(case, found).items() if value > TOLERANCE}
    assert not wrong
    assert until in found if until else set(found) == set(names)
