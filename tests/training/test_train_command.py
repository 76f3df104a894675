"""``hydra-mono train`` from the command line: worlds, a step, and the same command again."""

from pathlib import Path

import pytest
from helpers_training import tiny_network

from hydra_mono.cli.main import main
from hydra_mono.perception.networks.m2h_config import COMPACTS
from hydra_mono.training.trainer import LATEST

SETTINGS = [
    *("--set", "training.stages=[{steps: 1, height: 64, width: 96, batch: 2}]"),
    *("--set", "training.worlds=1", "--set", "training.held_back=1", "--set", "training.views=2"),
    *("--set", "training.photographs=0", "--set", "training.warmup=0"),
]


def test_a_step_is_learned_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(COMPACTS, "conv", tiny_network())
    folders = ["--output", str(tmp_path / "out"), "--cache", str(tmp_path / "worlds")]
    command = ["train", "--device", "cpu", "--quiet", "--no-recording", *folders, *SETTINGS]
    for _ in range(2):
        assert main(command) == 0
        assert capsys.readouterr().out.startswith("step 1 of 1: ")
    assert (tmp_path / "out" / LATEST).is_file()
    assert "views: 2" in (tmp_path / "out" / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nyuv2", "nowhere"], "nowhere"),
        (["--set", "training.stages=[]"], "training.stages"),
        (["--start-from", "missing.safetensors", "--set", "training.worlds=0"], "missing"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--quiet", "--output", str(tmp_path / "out"), *arguments]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
