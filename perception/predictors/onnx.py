"""A network from an ONNX file: any that predicts depth, and perhaps semantics, normals, edges.

Its one input is a batch of one normalised image, 1×3×h×w float32. Its outputs are known by name
(``depth``, ``semantics``, ``normals``, ``edges``; others are left alone) and mean what
``network.Network`` states: 1×c×h×w or, of one channel, 1×h×w, of any size in proportion.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hydra_mono.core.errors import ConfigError, MissingDependencyError
from hydra_mono.perception.networks.interface import CHANNELS, TaskMaps

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


class OnnxNetwork:
    """Images smaller than ``feed`` are filled up to it with zeros, evenly on all sides.

    ``feed``: height and width that the network wants; ``None``: those that the file fixes.
    ``device``: ``cpu``, ``cuda``, or ``auto`` for the GPU where onnxruntime can use one.

    Raises:
        MissingDependencyError: the extra ``onnx`` is not installed, or knows no GPU.
        ConfigError: not an ONNX file, or its inputs and outputs are not as above.
    """

    def __init__(
        self,
        path: Path,
        *,
        classes: int,
        feed: tuple[int, int] | None = None,
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        self._path, self._classes = path, classes
        self._session = _open(path, device, threads)
        self._input = self._checked_input()
        self.feed = self._checked_feed(feed)
        present = {output.name for output in self._session.get_outputs()}
        self._names = [name for name in CHANNELS if name in present]
        if "depth" not in present:
            raise ConfigError(f"{path}: no output 'depth' among {', '.join(sorted(present))}")
        for output in self._session.get_outputs():
            self._check_channels(output.name, output.shape)

    def __call__(self, image: Float[Tensor, "1 3 h w"]) -> TaskMaps:
        """The maps of the image.

        Raises:
            ConfigError: the network fails on it, or an output is of another shape.
        """
        height, width = image.shape[2:]
        top, left = (self.feed[0] - height) // 2, (self.feed[1] - width) // 2
        right, bottom = self.feed[1] - width - left, self.feed[0] - height - top
        padded = F.pad(image, (left, right, top, bottom))
        rows, columns = slice(top, top + height), slice(left, left + width)
        return {
            name: self._checked(name, values)[:, :, rows, columns]
            for name, values in zip(self._names, self._run(padded), strict=True)
        }

    def _run(self, image: Tensor) -> list[np.ndarray]:
        try:
            maps: list[np.ndarray] = self._session.run(self._names, {self._input: image.numpy()})
        except Exception as error:  # onnxruntime's errors share no base of their own
            size = "×".join(map(str, image.shape))
            raise ConfigError(f"{self._path}: fails on a {size} image: {_line(error)}") from error
        return maps

    def _checked(self, name: str, values: np.ndarray) -> Float[Tensor, "1 c h w"]:
        self._check_channels(name, list(values.shape))
        maps = torch.from_numpy(np.asarray(values, np.float32))
        if maps.ndim == 3:
            maps = maps[:, None]
        if tuple(maps.shape[2:]) != self.feed:
            maps = F.interpolate(maps, self.feed, mode="bilinear", align_corners=False)
        return maps

    def _checked_input(self) -> str:
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
            found = ", ".join(f"{x.name} {x.type} {x.shape}" for x in inputs)
            raise ConfigError(f"{self._path}: wants one 1×3×h×w float image, the file has {found}")
        return str(inputs[0].name)

    def _checked_feed(self, feed: tuple[int, int] | None) -> tuple[int, int]:
        fixed = tuple(self._session.get_inputs()[0].shape[2:])
        if all(isinstance(extent, int) for extent in fixed):
            if feed is not None and feed != fixed:
                wanted, given = ("×".join(map(str, size)) for size in (fixed, feed))
                raise ConfigError(f"{self._path}: takes {wanted} images, the feed is {given}")
            return int(fixed[0]), int(fixed[1])
        if feed is None:
            advice = "set predictor.feed_height and predictor.feed_width"
            raise ConfigError(f"{self._path}: takes images of any size; {advice}")
        return feed

    def _check_channels(self, name: str, shape: list[Any]) -> None:
        if name not in CHANNELS:
            return
        wanted = CHANNELS[name] or self._classes
        found = 1 if len(shape) == 3 else shape[1] if len(shape) == 4 else 0
        if found == wanted or not isinstance(found, int):  # a file may leave it open
            return
        hint = " (predictor.labels and unknown)" if name == "semantics" else ""
        detail = f"output '{name}' has shape {shape}, wanted are {wanted} channels{hint}"
        raise ConfigError(f"{self._path}: {detail}")


def _open(path: Path, device: str, threads: int | None) -> Any:
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 4  # errors are reported in one line below
    providers = _providers(runtime, device)
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    try:
        return runtime.InferenceSession(str(path), sess_options=options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no base of their own
        raise ConfigError(f"{path}: not a whole ONNX file: {_line(error)}") from error


def _providers(runtime: Any, device: str) -> list[str]:
    has_gpu = CUDA in runtime.get_available_providers()
    if device == "cuda" and not has_gpu:
        raise MissingDependencyError(
            "predictor.device cuda: this onnxruntime has no CUDA; pip install onnxruntime-gpu"
        )
    return [CUDA, CPU] if has_gpu and device != "cpu" else [CPU]


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        advice = "pip install 'hydra-mono[onnx]'"
        raise MissingDependencyError(f"predictor onnx: {error}; {advice}") from error
    return onnxruntime
