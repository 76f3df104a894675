"""Predictors from settings: which weights, which numbers, and what is refused."""

import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_perception import TINY_NYU40, TINY_VIT, colour_frame, fill, saved
from helpers_runs import SMALL_WORLD, small_config

from hydra_mono.cli.main import main
from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.gate.frame_gate import create_gate
from hydra_mono.core.labels import load_label_space
from hydra_mono.core.prediction import Predictor
from hydra_mono.perception.networks.input_spec import InputSpec
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import M2HConfig
from hydra_mono.perception.predictors import create as predict
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.perception.predictors.network import NetworkPredictor
from hydra_mono.perception.weights_io.checkpoint import load_network, save_network
from hydra_mono.perception.weights_io.files import CheckpointError
from hydra_mono.pipeline import Mapper
from hydra_mono.simulation.source import open_simulated

NYU40 = load_label_space("nyu40")
FEED = {"feed_height": 64, "feed_width": 64}


@pytest.fixture(scope="module")
def network() -> M2H:
    made = M2H(TINY_NYU40).eval()
    fill(made)
    return made


@pytest.fixture(scope="module")
def weights(network: M2H, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_network(network, path)
    return path


def test_the_weights_say_how_large_the_images_are_and_for_which_camera(tmp_path: Path) -> None:
    """The feed and the focal length of the file, unless the config sets others."""
    network, path = (
        M2H(dataclasses.replace(TINY_NYU40, feed=(32, 64), focal_px=50.0)),
        tmp_path / "w.pt",
    )
    fill(network)
    save_network(network, path)
    frame = colour_frame(64, 48)
    own = create_predictor(PredictorConfig(name="m2h", weights=str(path)), NYU40)
    by_hand = NetworkPredictor(network.eval(), NYU40, InputSpec((32, 64), 50.0))
    np.testing.assert_allclose(own(frame).depth_m, by_hand(frame).depth_m, rtol=1e-3)
    config = PredictorConfig(name="m2h", weights=str(path), focal_px=100.0)
    halved = create_predictor(config, NYU40)(frame)
    np.testing.assert_allclose(2 * halved.depth_m, own(frame).depth_m, rtol=1e-3)


def test_a_gpu_that_is_not_there_is_told(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = PredictorConfig(name="m2h", weights=str(weights), device="cuda")
    with pytest.raises(ConfigError, match="finds no GPU"):
        create_predictor(config, NYU40)


@pytest.mark.parametrize(
    ("source", "name"), [("apartment", predict.SHIPPED), ("nyu40", predict.SHIPPED_REAL)]
)
def test_without_weights_simulated_and_real_rooms_have_their_own(
    source: str, name: str, network: M2H, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    save_network(network, tmp_path / name, half=True)
    monkeypatch.setattr(predict, "shipped_weights", lambda name: tmp_path / name)
    found = create_predictor(PredictorConfig(name="m2h", **FEED), load_label_space(source))(
        colour_frame(64, 48)
    )
    assert found.depth_m.shape == (48, 64) and found.depth_m.dtype == np.float32


def test_weights_without_a_network_are_a_mistake() -> None:
    with pytest.raises(ConfigError, match="--predictor m2h"):
        create_predictor(PredictorConfig(name="sensor", weights="some.pt"), NYU40)


def test_a_network_of_other_classes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "five.safetensors"
    save_network(M2H(dataclasses.replace(TINY_NYU40, classes=5)), path)
    with pytest.raises(ConfigError, match="5 classes"):
        create_predictor(PredictorConfig(name="m2h", weights=str(path)), NYU40)


def test_weights_of_another_variant_are_refused(weights: Path) -> None:
    config = PredictorConfig(name="m2h", weights=str(weights), variant="compact")
    with pytest.raises(CheckpointError, match=r"tiny\.safetensors"):
        create_predictor(config, NYU40)


AS_IT_IS = "monocular.enabled=false"  # an untrained network's depth is confirmed by no other view


def tiny_predictor(weights: Path) -> Predictor:
    return create_predictor(PredictorConfig(name="m2h", weights=str(weights), **FEED), NYU40)


def test_frames_without_depth_are_mapped(weights: Path) -> None:
    config = small_config(AS_IT_IS)
    source = open_simulated("simulated/5", config.simulation)
    mapper, gate = Mapper(config, tiny_predictor(weights)), create_gate(config.data)
    for index in range(5):
        frame = replace(source[index], depth_m=None, labels=None, normals=None)
        gate.check(frame)
        mapper.step(frame)
    mapper.finish()
    assert mapper.label_space.name == "nyu40"
    assert mapper.mesh.whole_mesh().vertices_m.shape[0] > 0


def test_the_command_line_tells_what_weights_are_and_converts_them(
    weights: Path, network: M2H, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "half.safetensors"
    assert main(["weights", "convert", str(weights), str(target), "--half"]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    assert main(["weights", "info", str(target)]) == 0
    printed = capsys.readouterr().out
    assert ", saved by hydra-mono" in printed and "float16" in printed
    state = load_network(target).state_dict()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(state[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("options", ["--predictor m2h --weights {}", "--weights {}", ""])
def test_a_run_uses_the_network(
    options: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, by its weights, and where nothing else is found."""
    monkeypatch.setattr(predict, "shipped_weights", lambda name: weights)
    sizes = [part for side in FEED for part in ("--set", f"predictor.{side}=64")]
    common = ["--viewer", "none", "--output", str(tmp_path), "--quiet", "--max-frames", "12"]
    common += ["--set", AS_IT_IS]
    assert main(["run", *options.format(weights).split(), *common, *sizes, *SMALL_WORLD]) == 0
    assert "nyu40" in (tmp_path / "latest" / "graph.json").read_text()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict as M2H's authors save theirs, of toy size."""
    network = M2H(M2HConfig(backbone=TINY_VIT, channels=16))
    fill(network)
    return saved(tmp_path_factory.mktemp("published") / "m2h.pt", network.state_dict())


def test_the_published_node_squashes_images_and_scales_depth(published: Path) -> None:
    """224 by 224 whatever the proportions, its own order of operations, depth times 0.967."""
    frame = colour_frame(80, 40)
    settings = {"name": "m2h", "weights": str(published), "published_node": True}
    found = create_predictor(PredictorConfig(**settings, **FEED), NYU40)(frame)
    network = load_network(published, compat=True)
    images = InputSpec((64, 64), squashed=True)
    shown = images.shown(frame.rgb)
    assert shown.shape == (1, 3, 64, 64)
    with torch.inference_mode():
        depth = network(shown)["depth"]
    expected = 0.967 * torch.nn.functional.interpolate(depth, (40, 80), mode="bilinear")
    np.testing.assert_allclose(found.depth_m, expected[0, 0].numpy(), rtol=1e-4)


def test_our_own_weights_do_not_follow_the_published_node(weights: Path) -> None:
    config = PredictorConfig(name="m2h", weights=str(weights), published_node=True)
    with pytest.raises(ConfigError, match="none of the published weights"):
        create_predictor(config, NYU40)


def test_a_wrong_variant_says_what_the_file_holds(published: Path) -> None:
    config = PredictorConfig(name="m2h", weights=str(published), variant="compact")
    with pytest.raises(CheckpointError, match="holds M2H, the full flavour, with a vision tr"):
        create_predictor(config, NYU40)
    with pytest.raises(ConfigError, match="'tiny': m2h has full, small, small_96, compact"):
        create_predictor(config.model_copy(update={"variant": "tiny"}), NYU40)


def test_an_onnx_file_is_not_for_openvino(tmp_path: Path) -> None:
    config = PredictorConfig(name="onnx", weights=str(tmp_path / "a.onnx"), backend="openvino")
    with pytest.raises(ConfigError, match=r"backend openvino does not compute ONNX files"):
        create_predictor(config, NYU40)
