"""A torch network computed by OpenVINO, several times faster on Intel's and AMD's processors."""

import warnings
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.core.errors import MissingDependencyError
from hydra_mono.perception.networks.m2h import Maps
from hydra_mono.perception.predictors.fuse_batchnorm import fuse_batchnorm


class OpenVinoNetwork:
    """M2H converted in memory and compiled once for every size of image; single precision.

    Raises:
        MissingDependencyError: the extra ``openvino`` is not installed.
    """

    def __init__(self, network: nn.Module, threads: int | None = None) -> None:
        self._core = _openvino().Core()
        self._network = fuse_batchnorm(network)
        self._settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = str(threads)
        self._compiled: dict[tuple[int, ...], Any] = {}

    def __call__(self, image: Float[Tensor, "b 3 h w"]) -> Maps:
        size = tuple(image.shape)
        if size not in self._compiled:
            self._compiled[size] = self._compile(size)
        said = self._compiled[size](image.numpy())
        return Maps(*(torch.from_numpy(said[index]) for index in range(len(Maps._fields))))

    def _compile(self, size: tuple[int, ...]) -> Any:
        model = _converted(self._network, size)
        return self._core.compile_model(model, "CPU", self._settings)


def _converted(network: nn.Module, size: tuple[int, ...]) -> Any:
    """The network for images of one size, as OpenVINO's model.

    By the frontend itself: ``openvino.convert_model`` does the same, and reports over the
    network that it was used.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(size)
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        warnings.catch_warnings(action="ignore"),  # torch prefers export, OpenVINO still traces
    ):
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            network, example, check_trace=False, strict=False
        )
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced)  # has to live until it is converted
        model = frontend.convert(frontend.load(decoder))
    model.reshape({0: list(size)})
    return model


def _openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        advice = "pip install 'hydra-mono[openvino]'"
        raise MissingDependencyError(f"predictor.backend openvino: {error}; {advice}") from error
    return openvino
