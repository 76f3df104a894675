"""Estimates for every pixel of an image, from a sensor, a data set or a network."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.source import Needs


@dataclass(frozen=True, slots=True)
class Prediction:
    """Per-pixel estimates of one frame, all at the frame's size.

    ``depth_m``: planar z in metres, 0 for none. ``labels``: ids of the predictor's label space,
    0 for unknown. ``confidence``: probability of the label, 0..1. ``normals``: unit, camera axes,
    facing the camera. ``edges``: probability of an occlusion or object border, 0..1.
    ``sigma_m``: standard deviation of the depth; None: that of a depth camera.
    """

    depth_m: Float32[np.ndarray, "h w"]
    labels: UInt8[np.ndarray, "h w"] | None = None
    confidence: Float32[np.ndarray, "h w"] | None = None
    normals: Float32[np.ndarray, "h w 3"] | None = None
    edges: Float32[np.ndarray, "h w"] | None = None
    sigma_m: Float32[np.ndarray, "h w"] | None = None


@runtime_checkable
class Predictor(Protocol):
    """Turns a ``Frame`` into a ``Prediction``; raises ``BadFrameError`` when it cannot.

    Two attributes tell the rest of the program what it is; both may be left out and are then
    False. ``depth_is_measured``: its depth comes from a depth camera and is fused as it is; else
    it is an estimate, which the mapper refines. ``needs_depth``: it reads the frame's own depth,
    so frames without usable depth are rejected before it sees them.
    """

    @property
    def label_space(self) -> LabelSpace: ...

    def __call__(self, frame: Frame) -> Prediction: ...


def depth_is_measured(predictor: Predictor) -> bool:
    """Whether its depth comes from a sensor; without the attribute it is an estimate."""
    return bool(getattr(predictor, "depth_is_measured", False))


def needs_depth(predictor: Predictor) -> bool:
    """Whether it reads the frame's own depth; without the attribute it reads colour alone."""
    return bool(getattr(predictor, "needs_depth", False))


def needs_of(predictor: Predictor) -> Needs:
    """What it reads of frames; labels (``needs_labels``) where it reads depth, unless it says."""
    depth = needs_depth(predictor)
    labels = bool(getattr(predictor, "needs_labels", depth))
    return Needs("required" if depth else "unused", "required" if labels else "unused")
