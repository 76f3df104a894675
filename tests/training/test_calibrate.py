"""The temperature of a network's labels: found, kept beside the weights, used by predictions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_methods import SMALL, toy
from helpers_perception import colour_frame
from helpers_training import plane_sample

from hydra_mono.cli.main import main
from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import ConfigError, DataError
from hydra_mono.core.labels import load_label_space
from hydra_mono.perception.networks.registry import build
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.perception.weights_io.checkpoint import load_network, save_network
from hydra_mono.perception.weights_io.files import CheckpointError, read_weights, write_weights
from hydra_mono.training import calibrate
from hydra_mono.training.calibrate import best_temperature, fit_temperature
from hydra_mono.training.evaluate import evaluate_network
from hydra_mono.training.readers import open_samples
from hydra_mono.training.samples import Sample

NYU40 = load_label_space("nyu40")


class Plane:
    """One sample."""

    name = "plane"

    def __init__(self, known: bool = True) -> None:
        self._known = known

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        sample = plane_sample(camera=SMALL)
        if not self._known:
            sample.labels[:] = 0
        return sample


def test_the_temperature_that_logits_were_made_with_is_found() -> None:
    """Labels drawn by softmax(x) of logits 2.5 x."""
    generator = torch.Generator().manual_seed(0)
    x = 3 * torch.randn(20_000, 6, generator=generator)
    labels = torch.multinomial(x[:, 1:].softmax(1), 1, generator=generator)[:, 0] + 1
    assert best_temperature(2.5 * x, labels) == pytest.approx(2.5, rel=0.05)


def test_the_temperature_goes_with_the_weights_and_into_every_probability(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build(toy("mtl")).eval()
    frame, path = colour_frame(64, 48), tmp_path / "w.safetensors"
    found = []
    for temperature in (1.0, 0.25):
        network.temperature = temperature
        save_network(network, path)
        assert load_network(path).temperature == temperature
        predict = create_predictor(PredictorConfig(name="mtl", weights=str(path)), NYU40)
        found.append(predict(frame))
    plain, sharp = found
    assert plain.confidence is not None and sharp.confidence is not None
    assert plain.labels is not None and np.array_equal(plain.labels, sharp.labels)  # type: ignore[arg-type]
    assert bool((sharp.confidence > plain.confidence).all())
    spec = network.config.input_spec()
    scores = evaluate_network(network, Plane(), spec)
    network.temperature = 1.0
    colder, plainer = scores.calibration, evaluate_network(network, Plane(), spec).calibration
    assert colder is not None and plainer is not None
    assert colder.confidence > plainer.confidence and colder.accuracy == plainer.accuracy


@pytest.mark.parametrize("text", ["warm", "nan", "0", "1e9"])
def test_a_temperature_that_is_none_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_network(build(toy("mtl")), path)
    weights = read_weights(path)
    write_weights(path, weights.tensors, weights.metadata | {"semantics.temperature": text})
    with pytest.raises(CheckpointError, match=r"not a number from 0\.1 to 10"):
        load_network(path)


def test_without_labels_there_is_nothing_to_calibrate() -> None:
    with pytest.raises(ConfigError, match="tells no labels"):
        fit_temperature(build(toy("mtl", tasks=("depth",))).eval(), Plane())
    with pytest.raises(DataError, match="no pixel has a label"):
        fit_temperature(build(toy("mtl")).eval(), Plane(known=False))


def test_the_command_writes_calibrated_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_network(build(toy("mtl")), source)
    monkeypatch.setattr(open_samples, "open_samples", lambda spec: Plane())
    monkeypatch.setattr(calibrate, "best_temperature", lambda logits, labels: 1.5)
    call = ["weights", "calibrate", str(source), str(target), "--data", "plane:here"]
    assert main(call) == 0
    assert "temperature 1.500" in capsys.readouterr().out
    assert load_network(target).temperature == 1.5
    assert read_weights(target).metadata["semantics.calibrated_on"] == "plane"
