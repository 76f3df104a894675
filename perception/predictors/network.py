"""A network as a predictor: one colour image in; depth, labels, normals and edges out."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.prediction import Prediction
from hydra_mono.perception.networks.input_spec import InputSpec
from hydra_mono.perception.networks.interface import CHANNELS, MIN_DEPTH_M
from hydra_mono.perception.predictors.fuse_batchnorm import fuse_batchnorm

CPU = torch.device("cpu")


@runtime_checkable
class Network(Protocol):
    """Anything that turns a batch of normalised images (b 3 h w) into maps by task.

    All are of the images' size: ``depth`` (b 1 h w) is planar z in metres; where it has them,
    ``semantics`` (b k h w) and ``edges`` (b 1 h w) are logits and ``normals`` (b 3 h w) are in
    camera axes, of any length and sign. Other tasks are left alone.
    """

    def __call__(self, image: Tensor, /) -> Mapping[str, Tensor]: ...


class TorchNetwork:
    """A torch network made quick: batch norms fused, channels last, a GPU in half precision."""

    def __init__(self, network: nn.Module, device: torch.device = CPU) -> None:
        self._device = device
        self._network = fuse_batchnorm(network).to(device)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, image: Float[Tensor, "b 3 h w"]) -> Mapping[str, Tensor]:
        on_gpu = self._device.type == "cuda"
        image = image.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.float16, enabled=on_gpu):
            maps: Mapping[str, Tensor] = self._network(image)
        return maps


class NetworkPredictor:
    """Shows a network what the camera sees, as the network wants it (``InputSpec``).

    The network's depth is made true for the frame's camera by the ratio of focal lengths,
    multiplied by ``depth_scale`` and raised to ``MIN_DEPTH_M``; how far depth is used is the
    mapping's to say. Labels are as probable as the softmax of their logits over ``temperature``
    says. Class i of the network is label i of ``label_space``. Any depth that a frame brings is
    ignored.
    """

    depth_is_measured = False
    needs_depth = False

    def __init__(
        self,
        network: Network,
        label_space: LabelSpace,
        images: InputSpec,
        *,
        depth_scale: float = 1.0,
        temperature: float = 1.0,
        device: torch.device = CPU,
    ) -> None:
        self._network, self._temperature = network, temperature
        self._label_space = label_space
        self._images = images
        self._depth_scale = depth_scale
        self._device = device

    @property
    def label_space(self) -> LabelSpace:
        return self._label_space

    def __call__(self, frame: Frame) -> Prediction:
        """What the network predicts for the frame's image.

        Raises:
            BadFrameError: ``no-prediction``, the network's numbers are not finite.
        """
        with torch.inference_mode():
            found = self._network(self._images.shown(frame.rgb, self._device))
            # in float32: a GPU's half precision is too coarse to read
            maps = {task: found[task].float() for task in CHANNELS if task in found}
            if not all(bool(values.sum().isfinite()) for values in maps.values()):
                raise BadFrameError(frame.name, "no-prediction", "the network's output overflows")
            if "semantics" in maps and self._temperature != 1.0:
                maps["semantics"] = maps["semantics"] / self._temperature
            maps["depth"] *= self._depth_scale * self._images.depth_factor(frame.intrinsics)
            return read_maps(maps, frame.intrinsics)


def read_maps(maps: Mapping[str, Tensor], camera: Intrinsics) -> Prediction:
    """The maps at the camera's size, in the units of a prediction."""
    size = (camera.height, camera.width)
    labels = confidence = normals = edges = None
    if "semantics" in maps:
        labels, confidence = (_nearest(x, size) for x in classified(maps["semantics"]))
    if "normals" in maps:
        normals = facing_camera(_bilinear(maps["normals"], size), camera)
    if "edges" in maps:
        edges = _bilinear(maps["edges"].sigmoid(), size)[..., 0].clip(0, 1)
    return Prediction(
        depth_m=_bilinear(maps["depth"], size)[..., 0].clip(MIN_DEPTH_M),
        labels=labels,
        confidence=confidence,
        normals=normals,
        edges=edges,
    )


def classified(
    logits: Float[Tensor, "1 k h w"],
) -> tuple[UInt8[Tensor, "1 1 h w"], Float[Tensor, "1 1 h w"]]:
    """The likeliest class of each pixel and its probability."""
    best, labels = logits.max(dim=1, keepdim=True)
    confidence = (logits - best).exp_().sum(dim=1, keepdim=True).reciprocal_()
    return labels.to(torch.uint8), confidence


def facing_camera(
    normals: Float32[np.ndarray, "h w 3"], camera: Intrinsics
) -> Float32[np.ndarray, "h w 3"]:
    """Unit normals, turned round where they look away from the camera; 0 where there is none."""
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    unit = np.divide(normals, length, out=np.zeros_like(normals), where=length > 1e-6)
    away = np.einsum("hwc,hwc->hw", unit, camera_rays(camera)) > 0
    return np.asarray(np.where(away[..., None], -unit, unit), np.float32)


def _bilinear(
    values: Float[Tensor, "1 c h w"], size: tuple[int, int]
) -> Float32[np.ndarray, "H W c"]:
    last = values.contiguous(memory_format=torch.channels_last)
    resized = F.interpolate(last, size, mode="bilinear", align_corners=False)
    return np.asarray(resized[0].permute(1, 2, 0).cpu().numpy())


def _nearest(values: Tensor, size: tuple[int, int]) -> np.ndarray:
    """Resized without mixing neighbours: halfway between two labels is no label."""
    return np.asarray(F.interpolate(values, size, mode="nearest-exact")[0, 0].cpu().numpy())
