"""What ``weights info`` tells of a file, and what it finds wrong with it."""

from pathlib import Path

import pytest
import torch
from helpers_perception import TINY, TINY_COMPACT, made, saved
from torch import Tensor

from hydra_mono.cli.main import main
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.weights_io.checkpoint import save_network
from hydra_mono.perception.weights_io.describe import describe_weights


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return made(TINY).state_dict()


def described(path: Path) -> dict[str, str]:
    rows, problems = describe_weights(path)
    assert not problems
    return dict(rows)


def test_a_description_tells_what_the_file_holds(tmp_path: Path, state: dict[str, Tensor]) -> None:
    rows = described(saved(tmp_path / "m2h.pt", state))
    assert rows["contents"] == "M2H, the full flavour"
    assert rows["tensors"] == str(len(state)) and rows["published as"] == "unknown"
    network = M2H(TINY)
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert rows["parameters"] == f"{counted / 1e6:.2f} M"
    assert rows["types"] == "float32, int64" and rows["values"] == "finite"
    expected = "a vision transformer 64 wide with 12 blocks and 0 registers; 5 classes; 32 channels"
    assert rows["network"].startswith(expected)
    assert "G multiply-accumulates" in rows["cost"]
    backbone = saved(tmp_path / "vit.pth", network.backbone.state_dict())
    assert "width=64" in described(backbone)["backbone"]


def test_our_own_file_brings_a_checksum_and_its_notes(tmp_path: Path) -> None:
    save_network(made(TINY_COMPACT), tmp_path / "own.safetensors", notes={"step": "7"})
    rows = described(tmp_path / "own.safetensors")
    assert rows["checksum"] == "agrees" and rows["step"] == "7"
    assert rows["contents"].endswith("(convolutional backbone), saved by hydra-mono")


def test_missing_extra_and_misshapen_tensors_are_named(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    name = "mlt_head.cross_attn.0.norm_layers.2.bias"
    other = "mlt_head.seg_out.refine.conv1.conv.bias"
    changed = {k: v for k, v in state.items() if k != name}
    changed |= {"optimizer.step": torch.zeros(1), other: torch.zeros(3)}
    rows, problems = describe_weights(saved(tmp_path / "odd.pt", changed))
    assert dict(rows)["contents"] == "M2H, the full flavour"
    assert problems == [
        f"'{name}' missing",
        "'optimizer.step' unexpected",
        f"'{other}' of another shape",
    ]


def test_numbers_that_are_not_finite_are_a_failure(
    tmp_path: Path, state: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    name = "mlt_head.conv_edge.head.2.bias"
    path = saved(tmp_path / "nan.pt", state | {name: torch.tensor([float("inf")])})
    assert main(["weights", "info", str(path)]) == 1
    printed = capsys.readouterr()
    assert "M2H, the full flavour" in printed.out
    assert f"NaN or infinite numbers in '{name}'" in printed.err
    assert len(printed.err.splitlines()) == 1
