"""M2H as a predictor: one colour image in; depth, labels, normals and edges out."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32
from torch import Tensor, nn

from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.prediction import Prediction
from hydra_mono.perception.feed import COLOUR_MEAN, COLOUR_STD, Feed, Triple, grown
from hydra_mono.perception.m2h import Maps


class M2HPredictor:
    """Shows a network what the camera sees, at the size the network knows.

    ``network`` turns a batch of images into ``Maps``, as ``M2H`` does.
    The image is resized, in proportion, to fit ``feed_height`` × ``feed_width`` pixels. Its
    colours, 0..1, are normalised by ``mean`` and ``std``. The network's depth is multiplied by
    ``depth_scale`` and clipped to ``min_depth_m``..``max_depth_m``. Class i of the network is
    label i of ``label_space``. Any depth that a frame brings is ignored.
    """

    def __init__(
        self,
        network: nn.Module,
        label_space: LabelSpace,
        *,
        feed_height: int = 224,
        feed_width: int = 224,
        depth_scale: float = 1.0,
        min_depth_m: float = 0.001,
        max_depth_m: float = 10.0,
        mean: Triple = COLOUR_MEAN,
        std: Triple = COLOUR_STD,
    ) -> None:
        self._network = network.eval()
        self._label_space = label_space
        self._feed = Feed((feed_height, feed_width), mean=mean, std=std)
        self._depth_scale = depth_scale
        self._depth_range_m = (min_depth_m, max_depth_m)

    @property
    def label_space(self) -> LabelSpace:
        return self._label_space

    def __call__(self, frame: Frame) -> Prediction:
        """What the network says of the frame's image.

        Raises:
            BadFrameError: ``no-prediction``, the network's numbers are not finite.
        """
        with torch.inference_mode():
            maps: Maps = self._network(self._feed.shown(frame.rgb))
            if not all(bool(torch.isfinite(values).all()) for values in maps):
                raise BadFrameError(frame.name, "no-prediction", "the network's output overflows")
            return self._read(maps, frame.intrinsics)

    def _read(self, maps: Maps, camera: Intrinsics) -> Prediction:
        """The maps at the camera's size, in the units of a prediction."""
        size = (camera.height, camera.width)
        depth_m = grown(maps.depth_m * self._depth_scale, size).clamp(*self._depth_range_m)
        confidence, labels = maps.semantics.softmax(dim=1).max(dim=1, keepdim=True)
        normals = grown(maps.normals, size)[0].permute(1, 2, 0).numpy()
        return Prediction(
            depth_m=depth_m[0, 0].numpy(),
            labels=_repeated(labels.to(torch.uint8), size)[0, 0].numpy(),
            confidence=_repeated(confidence, size)[0, 0].clamp(0, 1).numpy(),
            normals=facing_camera(normals, camera),
            edges=grown(maps.edges.sigmoid(), size)[0, 0].clamp(0, 1).numpy(),
        )


def facing_camera(
    normals: Float32[np.ndarray, "h w 3"], camera: Intrinsics
) -> Float32[np.ndarray, "h w 3"]:
    """Unit normals, turned round where they look away from the camera; 0 where there is none."""
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    unit = np.divide(normals, length, out=np.zeros_like(normals), where=length > 1e-6)
    away = np.einsum("hwc,hwc->hw", unit, camera_rays(camera)) > 0
    return np.asarray(np.where(away[..., None], -unit, unit), np.float32)


def _repeated(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Resized without mixing neighbours: halfway between two labels is no label."""
    return F.interpolate(values, size, mode="nearest-exact")
