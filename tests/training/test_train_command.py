"""``hydra-mono train`` from the command line: a step, and the same command again."""

from pathlib import Path

import pytest
from helpers_training import planes, tiny_network

from hydra_mono.cli import train
from hydra_mono.cli.main import main
from hydra_mono.perception.networks.m2h_config import COMPACTS
from hydra_mono.training.trainer import LATEST

STAGE = "training.stages=[{steps: 1, height: 64, width: 96, batch: 2}]"
SETTINGS = [
    *("--set", STAGE, "--set", "training.worlds=0", "--set", "training.photographs=1"),
    *("--set", "training.warmup=0", "--set", "training.validate_every=1"),
]


def test_a_step_is_learned_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(COMPACTS, "conv", tiny_network())
    monkeypatch.setattr(train, "_samples", lambda options, config, part: planes())
    command = ["train", "--device", "cpu", "--quiet", "--no-recording", "--nyuv2", "planes"]
    for _ in range(2):
        assert main([*command, "--output", str(tmp_path), *SETTINGS]) == 0
        assert capsys.readouterr().out.startswith("step 1 of 1: ")
    assert (tmp_path / LATEST).is_file()
    assert "photographs.rmse_m" in (tmp_path / "validation.csv").read_text()
    assert "worlds: 0" in (tmp_path / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nyuv2", "nowhere"], "nowhere"),
        (["--set", "training.stages=[{steps: 0}]"], "training.stages"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--quiet", "--output", str(tmp_path / "out"), *arguments]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
