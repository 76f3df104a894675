"""Averages of two networks' weights."""

from pathlib import Path

import pytest
import torch
from helpers_perception import TINY, TINY_COMPACT

from hydra_mono.cli.main import main
from hydra_mono.core.errors import ConfigError
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import M2HConfig
from hydra_mono.perception.weights_io.average import average_weights
from hydra_mono.perception.weights_io.checkpoint import load_network, save_network
from hydra_mono.perception.weights_io.files import CheckpointError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a.safetensors and b.safetensors, of one network, and c.safetensors of another."""
    folder = tmp_path_factory.mktemp("weights")
    for name, config in (("a", TINY_COMPACT), ("b", TINY_COMPACT), ("c", TINY)):
        save_network(_fresh(config, seed=ord(name)), folder / f"{name}.safetensors")
    return folder


def _fresh(config: M2HConfig, seed: int) -> M2H:
    torch.manual_seed(seed)
    return M2H(config)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_every_weight_lies_between_by_the_share(folder: Path, share: float) -> None:
    a, b = folder / "a.safetensors", folder / "b.safetensors"
    average_weights(a, b, folder / "between.safetensors", share=share)
    first, second, between = (
        load_network(path).state_dict() for path in (a, b, folder / "between.safetensors")
    )
    for name, value in between.items():
        expected = (1 - share) * first[name].double() + share * second[name].double()
        torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-5)


def test_weights_of_two_networks_have_no_average(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"c\.safetensors"):
        average_weights(
            folder / "a.safetensors", folder / "c.safetensors", folder / "x.safetensors"
        )


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(folder: Path, share: float) -> None:
    a = folder / "a.safetensors"
    with pytest.raises(ConfigError, match="share"):
        average_weights(a, a, folder / "x.safetensors", share=share)


def test_the_command_writes_half_precision(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(folder / f"{name}.safetensors") for name in ("a", "b", "mean")]
    assert main(["weights", "average", *names, "--half"]) == 0
    assert capsys.readouterr().out.strip() == names[2]
    size = (folder / "mean.safetensors").stat().st_size
    assert size < 0.6 * (folder / "a.safetensors").stat().st_size
