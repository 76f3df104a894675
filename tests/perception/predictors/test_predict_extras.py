"""OpenVINO, and extras that are not installed."""

import builtins
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from helpers_perception import TINY_CONV, fill, made_image

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import ConfigError, MissingDependencyError
from hydra_mono.core.labels import load_label_space
from hydra_mono.perception.networks.m2h import COMPACT, M2H
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.perception.weights_io.checkpoint import save_m2h

NYU40 = load_label_space("nyu40")


@pytest.fixture(scope="module")
def network() -> M2H:
    made = M2H(dataclasses.replace(COMPACT, backbone=TINY_CONV, channels=16)).eval()
    fill(made)
    return made


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Tracing passes sizes on as tensors, where checks of types want integers."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("unchecked_shapes")
def test_openvino_computes_what_torch_does(network: M2H) -> None:
    pytest.importorskip("openvino")
    from hydra_mono.perception.predictors.openvino import OpenVinoNetwork

    quick = OpenVinoNetwork(network, threads=1)
    for size in ((32, 64), (45, 60)):
        image = made_image(1, *size)
        with torch.inference_mode():
            expected, said = network(image), quick(image)
        for theirs, ours in zip(said, expected, strict=True):
            assert (theirs - ours).abs().max() < 1e-3 * max(1.0, float(ours.abs().max()))


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
    save_m2h(network, path)
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
