"""What comes with the package, and what one is told where something does not."""

from pathlib import Path

import pytest
from helpers_runs import SMALL_WORLD

from hydra_mono.cli.main import main
from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.labels import load_label_space
from hydra_mono.perception.predictors import create as predict
from hydra_mono.perception.predictors.create import create_predictor, shipped_weights
from hydra_mono.perception.weights_io.checkpoint import load_network
from hydra_mono.perception.weights_io.files import CHECKSUM_KEY, read_weights

NYU40 = load_label_space("nyu40")


@pytest.mark.parametrize("name", [predict.SHIPPED, predict.SHIPPED_REAL])
def test_shipped_weights_are_compact_networks_of_nyu40(name: str) -> None:
    try:
        path = shipped_weights(name)
    except ConfigError as error:
        pytest.skip(str(error))
    assert path.stat().st_size < 25e6
    network = load_network(path)
    assert network.config.classes == 41 and network.config.input_spec().size == (192, 256)
    assert CHECKSUM_KEY in read_weights(path).metadata


def test_a_package_without_its_weights_says_what_to_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(predict.resources, "files", lambda package: tmp_path)
    with pytest.raises(ConfigError, match=r"lacks its weights .* --weights FILE"):
        create_predictor(PredictorConfig(name="m2h"), NYU40)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["weights", "info", "missing.pt"], "missing.pt"),
        (["weights", "convert", "missing.pt", "x.pt"], "missing.pt"),
        (["weights", "convert", "missing.pt", "x.onnx"], ".safetensors"),
        (["run", "--predictor", "onnx"], "--weights FILE"),
        (["run", "--predictor", "m3h"], "unknown predictor 'm3h'; choose sensor, m2h, onnx"),
        (["run", "--predictor", "m2h", "--set", "predictor.feed_width=64"], "feed_height"),
        (["run", "--predictor", "m2h", "--weights", "missing.pt"], "missing.pt"),
    ],
)
def test_a_mistake_is_one_clear_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ["--output", str(tmp_path), *SMALL_WORLD] if arguments[0] == "run" else []
    assert main([*arguments, *output]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and message in lines[0]
