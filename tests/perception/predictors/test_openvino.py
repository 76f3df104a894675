"""OpenVINO, and extras that are not installed."""

import builtins
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from helpers_perception import TINY_NYU40, fill, made_image
from torch import Tensor

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import ConfigError, MissingDependencyError
from hydra_mono.core.labels import load_label_space
from hydra_mono.perception.networks.backbones.vit import VitConfig
from hydra_mono.perception.networks.interface import MultiTaskNetwork, TaskMaps, TrainingMaps
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import M2HConfig
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.perception.weights_io.checkpoint import save_network

NYU40 = load_label_space("nyu40")


FOUR_BLOCKS = VitConfig(width=64, depth=4, heads=1, taps=(0, 1, 2, 3), grid=5)
SHORT_VIT = M2HConfig(
    backbone=FOUR_BLOCKS, channels=16, light=True, attention_layers=1, head_upsamplings=0
)
REGISTERED_VIT = dataclasses.replace(
    SHORT_VIT, backbone=dataclasses.replace(FOUR_BLOCKS, registers=4)
)


@pytest.fixture(scope="module")
def network() -> M2H:
    made = M2H(TINY_NYU40).eval()
    fill(made)
    return made


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Tracing passes sizes on as tensors, where checks of types want integers."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize(
    ("config", "size"),
    [(TINY_NYU40, (45, 60)), (SHORT_VIT, (28, 42)), (REGISTERED_VIT, (30, 28))],
    ids=["convolutional", "transformer", "registers"],
)
def test_openvino_computes_what_torch_does(config: M2HConfig, size: tuple[int, int]) -> None:
    """Of sizes that are not square, whose positions have to be resampled, or need padding."""
    pytest.importorskip("openvino")
    from hydra_mono.perception.predictors.openvino import OpenVinoNetwork

    network, image = M2H(config).eval(), made_image(1, *size)
    fill(network)
    with torch.inference_mode():
        expected, found = network(image), OpenVinoNetwork(network, threads=1)(image)
    assert found.keys() == expected.keys()
    for task, ours in expected.items():
        assert (found[task] - ours).abs().max() < 1e-3 * max(1.0, float(ours.abs().max())), task


class Unusual(MultiTaskNetwork):
    """Computes something that OpenVINO cannot."""

    config = TINY_NYU40

    def forward(self, image: Tensor) -> TaskMaps:
        values = torch.linalg.eigvals(image[0, 0, :4, :4]).real.sum() + image[:, :1]
        return dict.fromkeys(self.tasks, values)

    def training_maps(self, image: Tensor, size: tuple[int, int]) -> TrainingMaps:
        raise NotImplementedError


@pytest.mark.usefixtures("unchecked_shapes")
def test_a_network_that_openvino_cannot_compute_is_one_line() -> None:
    pytest.importorskip("openvino")
    from hydra_mono.perception.predictors.openvino import OpenVinoNetwork

    network = OpenVinoNetwork(Unusual(), threads=1)
    with pytest.raises(ConfigError, match=r"backend openvino cannot .* predictor\.backend=torch"):
        network(made_image(1, 28, 28))


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a package absent."""

    def hide(package: str) -> None:
        real = builtins.__import__

        def import_(name: str, *rest: Any) -> Any:
            if name.split(".")[0] == package:
                raise ModuleNotFoundError(f"No module named '{package}'")
            return real(name, *rest)

        monkeypatch.setattr(builtins, "__import__", import_)

    return hide


def test_an_absent_extra_is_told_with_its_name(
    network: M2H, tmp_path: Path, without: Callable[[str], None]
) -> None:
    path = tmp_path / "tiny.safetensors"
    save_network(network, path)
    without("openvino")
    config = PredictorConfig(name="m2h", weights=str(path), backend="openvino")
    with pytest.raises(MissingDependencyError, match=r"pip install 'hydra-mono\[openvino\]'"):
        create_predictor(config, NYU40)
    without("onnxruntime")
    with pytest.raises(MissingDependencyError, match=r"pip install 'hydra-mono\[onnx\]'"):
        create_predictor(PredictorConfig(name="onnx", weights=str(tmp_path / "any.onnx")), NYU40)


def test_openvino_does_not_compute_on_cuda(network: M2H, tmp_path: Path) -> None:
    config = PredictorConfig(name="m2h", weights="unused", backend="openvino", device="cuda")
    with pytest.raises(ConfigError, match=r"not with predictor\.backend openvino"):
        create_predictor(config, NYU40)
