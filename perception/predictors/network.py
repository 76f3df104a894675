"""A network as a predictor: one colour image in; depth, labels, normals and edges out."""

from typing import NamedTuple, Protocol, runtime_checkable

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
from hydra_mono.perception.networks.input_spec import COLOUR_MEAN, COLOUR_STD, InputSpec, Triple
from hydra_mono.perception.predictors.fuse_batchnorm import fuse_batchnorm

CPU = torch.device("cpu")


@runtime_checkable
class NetworkOutput(Protocol):
    """What a network says of an image, each at the size of the image it was shown.

    ``semantics`` (b k h w) and ``edges`` (b 1 h w) are logits, ``normals`` (b 3 h w) are in camera
    axes, of any length and sign, ``depth_m`` (b 1 h w) is planar z.
    """

    @property
    def depth_m(self) -> Tensor: ...
    @property
    def semantics(self) -> Tensor | None: ...
    @property
    def normals(self) -> Tensor | None: ...
    @property
    def edges(self) -> Tensor | None: ...


@runtime_checkable
class Network(Protocol):
    """Anything that turns a batch of normalised images (b 3 h w) of any size into maps."""

    def __call__(self, image: Tensor, /) -> NetworkOutput: ...


class PartialMaps(NamedTuple):
    """Depth, and what else a network says."""

    depth_m: Tensor
    semantics: Tensor | None = None
    normals: Tensor | None = None
    edges: Tensor | None = None


class TorchNetwork:
    """A torch network made quick: fuse_batchnorm, channels last, on a GPU in half precision."""

    def __init__(self, network: nn.Module, device: torch.device = CPU) -> None:
        self._device = device
        self._network = fuse_batchnorm(network).to(device)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, image: Float[Tensor, "b 3 h w"]) -> NetworkOutput:
        on_gpu = self._device.type == "cuda"
        with torch.autocast(self._device.type, torch.float16, enabled=on_gpu):
            said: NetworkOutput = self._network(image.contiguous(memory_format=torch.channels_last))
        return said


class NetworkPredictor:
    """Shows a network what the camera sees, at the size the network knows.

    The image is resized, in proportion, to fit ``feed`` (height, width in pixels). Its colours,
    0..1, are normalised by ``mean`` and ``std``. The network's depth is true for a camera of
    ``focal_px`` at the size it is shown; for the frame's camera it is multiplied by the ratio of
    focal lengths, for then things look as large (``None``: whatever the camera, no factor). It
    is multiplied by ``depth_scale`` too and clipped to ``min_depth_m``..``max_depth_m``. Class i
    of the network is label i of ``label_space``. Any depth that a frame brings is ignored.
    """

    def __init__(
        self,
        network: Network,
        label_space: LabelSpace,
        *,
        feed: tuple[int, int] = (224, 224),
        focal_px: float | None = None,
        depth_scale: float = 1.0,
        min_depth_m: float = 0.001,
        max_depth_m: float = 10.0,
        mean: Triple = COLOUR_MEAN,
        std: Triple = COLOUR_STD,
        device: torch.device = CPU,
    ) -> None:
        self._network = network
        self._label_space = label_space
        self._feed = InputSpec(feed, focal_px, mean, std)
        self._depth_scale = depth_scale
        self._depth_range_m = (min_depth_m, max_depth_m)
        self._device = device

    @property
    def label_space(self) -> LabelSpace:
        return self._label_space

    def __call__(self, frame: Frame) -> Prediction:
        """What the network says of the frame's image.

        Raises:
            BadFrameError: ``no-prediction``, the network's numbers are not finite.
        """
        with torch.inference_mode():
            image = self._feed.shown(frame.rgb, self._device)
            maps = single_precision(self._network(image))
            if not all(x is None or bool(x.sum().isfinite()) for x in maps):
                raise BadFrameError(frame.name, "no-prediction", "the network's output overflows")
            factor = self._depth_scale * self._feed.depth_factor(frame.intrinsics)
            depth_m = maps.depth_m * factor
            return self._read(maps._replace(depth_m=depth_m), frame.intrinsics)

    def _read(self, maps: PartialMaps, camera: Intrinsics) -> Prediction:
        """The maps at the camera's size, in the units of a prediction."""
        size = (camera.height, camera.width)
        labels = confidence = normals = edges = None
        if maps.semantics is not None:
            labels, confidence = (_repeated(x, size) for x in classified(maps.semantics))
        if maps.normals is not None:
            normals = facing_camera(_grown(maps.normals, size), camera)
        if maps.edges is not None:
            edges = _grown(maps.edges.sigmoid(), size)[..., 0].clip(0, 1)
        return Prediction(
            depth_m=_grown(maps.depth_m, size)[..., 0].clip(*self._depth_range_m),
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


def single_precision(said: NetworkOutput) -> PartialMaps:
    """The same in float32; a GPU's half precision is too coarse to read."""
    others = (said.semantics, said.normals, said.edges)
    return PartialMaps(said.depth_m.float(), *(None if x is None else x.float() for x in others))


def _grown(values: Float[Tensor, "1 c h w"], size: tuple[int, int]) -> Float32[np.ndarray, "H W c"]:
    last = values.contiguous(memory_format=torch.channels_last)
    grown = F.interpolate(last, size, mode="bilinear", align_corners=False)
    return np.asarray(grown[0].permute(1, 2, 0).cpu().numpy())


def _repeated(values: Tensor, size: tuple[int, int]) -> np.ndarray:
    """Resized without mixing neighbours: halfway between two labels is no label."""
    return np.asarray(F.interpolate(values, size, mode="nearest-exact")[0, 0].cpu().numpy())
