"""A prediction at the low resolution that a network really has, while it is refined."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, Float64, UInt8

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.prediction import Prediction

_NEAREST_M = 0.05  # m; less is no depth


@dataclass(frozen=True, slots=True)
class LowResEstimate:
    """Small images of one frame.

    ``gray``: the luminance, 0..255. ``log_depth``: of planar z in metres, where ``usable``.
    ``usable``: false where nothing is fused. ``log_depth_sigma``: standard deviation of
    ``log_depth``, that is of the depth relative to itself. ``label_weight``: of a vote, 0..1.
    ``labels``, ``confidence``, ``normals`` and ``edges`` as in ``Prediction``.
    """

    camera: Intrinsics
    world_from_camera: Float64[np.ndarray, "4 4"]
    gray: Float32[np.ndarray, "h w"]
    log_depth: Float32[np.ndarray, "h w"]
    usable: Bool[np.ndarray, "h w"]
    log_depth_sigma: Float32[np.ndarray, "h w"]
    label_weight: Float32[np.ndarray, "h w"]
    labels: UInt8[np.ndarray, "h w"] | None
    confidence: Float32[np.ndarray, "h w"] | None
    normals: Float32[np.ndarray, "h w 3"] | None
    edges: Float32[np.ndarray, "h w"] | None

    @property
    def depth_m(self) -> Float32[np.ndarray, "h w"]:
        return np.asarray(np.exp(self.log_depth))

    @property
    def rays(self) -> Float32[np.ndarray, "h w 3"]:
        return _rays(self.camera)


@lru_cache(maxsize=4)
def _rays(camera: Intrinsics) -> Float32[np.ndarray, "h w 3"]:
    return camera_rays(camera)


def downsample(frame: Frame, prediction: Prediction, height: int) -> LowResEstimate:
    """The frame and its prediction at a height in pixels, sigma and label weight 1 everywhere."""
    camera = frame.intrinsics
    height = min(height, camera.height)
    width = max(1, round(camera.width * height / camera.height))
    at = _nearest(camera, height, width)
    depth_m = prediction.depth_m[at]
    usable = np.isfinite(depth_m) & (depth_m > _NEAREST_M)
    return LowResEstimate(
        camera=camera.resized(width, height),
        world_from_camera=frame.world_from_camera,
        gray=_luminance(frame.rgb, height, width),
        log_depth=np.log(np.where(usable, depth_m, np.float32(1))),
        usable=usable,
        log_depth_sigma=np.ones((height, width), np.float32),
        label_weight=np.ones((height, width), np.float32),
        labels=None if prediction.labels is None else prediction.labels[at],
        confidence=None if prediction.confidence is None else prediction.confidence[at],
        normals=None if prediction.normals is None else prediction.normals[at],
        edges=None if prediction.edges is None else prediction.edges[at],
    )


def upsample(prediction: Prediction, before: LowResEstimate, after: LowResEstimate) -> Prediction:
    """The prediction at its own size, with the changes from one estimate to the other."""
    size = prediction.depth_m.shape
    depth_m = prediction.depth_m * _upsampled(np.exp(after.log_depth - before.log_depth), size)
    at = _nearest(after.camera, *size)
    return replace(
        prediction,
        depth_m=np.where(after.usable[at], depth_m, np.float32(0)),
        sigma_m=depth_m * _upsampled(after.log_depth_sigma, size),
        confidence=None if prediction.labels is None else after.label_weight[at],
    )


def _nearest(camera: Intrinsics, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Index of the pixels of a camera's image that an image of another size shows."""
    rows = ((np.arange(height) + 0.5) * camera.height / height).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * camera.width / width).astype(np.intp)
    return rows[:, None], columns[None]


def _luminance(
    rgb: UInt8[np.ndarray, "h w 3"], height: int, width: int
) -> Float32[np.ndarray, "sh sw"]:
    """Rec. 601 luma, every small pixel the mean of those it covers."""
    image = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].float()
    small = F.interpolate(image, (height, width), mode="area")[0].numpy()
    return np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), small, axes=1)


def _upsampled(values: Float32[np.ndarray, "h w"], size: tuple[int, ...]) -> np.ndarray:
    image = torch.from_numpy(values)[None, None]
    return F.interpolate(image, size, mode="bilinear", align_corners=False)[0, 0].numpy()
