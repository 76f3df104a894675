"""A torch network computed by OpenVINO, several times faster on Intel's and AMD's processors."""

import warnings
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.core.errors import ConfigError, MissingDependencyError
from hydra_mono.perception.networks.interface import MultiTaskNetwork, TaskMaps
from hydra_mono.perception.predictors.fuse_batchnorm import fuse_batchnorm


class OpenVinoNetwork:
    """A network converted in memory and compiled once for every size of image; single precision.

    Raises:
        MissingDependencyError: the extra ``openvino`` is not installed.
    """

    def __init__(self, network: MultiTaskNetwork, threads: int | None = None) -> None:
        self._core = _openvino().Core()
        self._tasks = tuple(network.tasks)
        self._network = InOrder(fuse_batchnorm(network), self._tasks)
        self._settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = str(threads)
        self._compiled: dict[tuple[int, ...], Any] = {}

    def __call__(self, image: Float[Tensor, "b 3 h w"]) -> TaskMaps:
        """The maps of the image.

        Raises:
            ConfigError: OpenVINO cannot compute this network.
        """
        size = tuple(image.shape)
        try:
            if size not in self._compiled:
                self._compiled[size] = self._compile(size)
            maps = self._compiled[size](image.numpy())
        except Exception as error:  # converters and plug-ins raise errors of many kinds
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            advice = "use predictor.backend=torch"
            raise ConfigError(
                f"predictor.backend openvino cannot compute this network: {line[:200]}; {advice}"
            ) from error
        return {task: torch.from_numpy(maps[index]) for index, task in enumerate(self._tasks)}

    def _compile(self, size: tuple[int, ...]) -> Any:
        model = _converted(self._network, size)
        return self._core.compile_model(model, "CPU", self._settings)


class InOrder(nn.Module):
    """The maps in the order of the tasks: a traced graph's outputs have no names."""

    def __init__(self, network: nn.Module, tasks: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.tasks = network, tasks

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        maps = self.network(image)
        return tuple(maps[task] for task in self.tasks)


def _converted(network: nn.Module, size: tuple[int, ...]) -> Any:
    """The network for images of one size, as OpenVINO's model.

    By the frontend itself: ``openvino.convert_model`` does the same, and reports over the
    network that it was used. The first call, untraced, resamples the positions of a transformer,
    which then are constants of the graph.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(size)
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        warnings.catch_warnings(action="ignore"),  # sizes are constants; OpenVINO still traces
    ):
        network(example)
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
