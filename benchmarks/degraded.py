"""A stand-in for a network: the truth, made as wrong as a small network would make it."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from hydra_mono.core.frame import Frame
from hydra_mono.core.label_map import load_label_map
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.prediction import Prediction

COARSE = (48, 64)  # what a network that predicts at a quarter of 192 x 256 pixels resolves


@dataclass(frozen=True, slots=True)
class Faults:
    """How wrong. Deviations of log depth, correlations from one frame to the next."""

    scale: float = 0.04
    scale_memory: float = 0.95
    field: float = 0.065
    field_memory: float = 0.9
    normal_deg: float = 10.0
    confused: float = 0.12  # share of the image whose label is wrong
    seed: int = 0


class DegradedPredictor:
    """True depth, labels, normals and borders with a small network's faults; NYU40 labels.

    Depth: steps blurred by a quarter of the network's size, a smooth multiplicative field and a
    scale, both remembered from frame to frame. Labels: wrong in blobs and torn at borders, with
    a confidence that is lower there by and large.
    """

    def __init__(self, source_labels: LabelSpace, faults: Faults | None = None) -> None:
        self._map = load_label_map(source_labels.name, "nyu40")
        self._faults = faults or Faults()
        self._rng = np.random.default_rng(self._faults.seed)
        self._scale = 0.0
        self._fields: dict[str, np.ndarray] = {}
        self._confusion = self._rng.choice(list(set(self._map.table.tolist()) - {0}), 256)

    @property
    def label_space(self) -> LabelSpace:
        return self._map.target

    def __call__(self, frame: Frame) -> Prediction:
        assert frame.depth_m is not None and frame.labels is not None
        size = frame.depth_m.shape
        depth_m = _blurred(frame.depth_m) * np.exp(self._next_scale() + self._field("depth", size))
        labels = self._map.table[frame.labels]
        labels, confidence = self._mislabelled(labels)
        return Prediction(
            depth_m=np.clip(depth_m, 0.05, 10).astype(np.float32),
            labels=labels,
            confidence=confidence,
            normals=self._turned(frame),
            edges=_edges(frame.depth_m, frame.labels),
        )

    def _next_scale(self) -> float:
        memory, size = self._faults.scale_memory, self._faults.scale
        kick = self._rng.normal(0, size) * np.sqrt(1 - memory**2)
        self._scale = memory * self._scale + kick
        return self._scale

    def _field(
        self, name: str, size: tuple[int, ...], deviation: float | None = None
    ) -> np.ndarray:
        """A smooth random image that changes slowly from frame to frame."""
        memory = self._faults.field_memory
        fresh = self._rng.standard_normal((9, 12))
        old = self._fields.get(name)
        field = fresh if old is None else memory * old + np.sqrt(1 - memory**2) * fresh
        self._fields[name] = field
        upsampled = F.interpolate(torch.from_numpy(field)[None, None], size, mode="bicubic")[0, 0]
        return upsampled.numpy() * 1.25 * (self._faults.field if deviation is None else deviation)

    def _mislabelled(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Labels at the coarse size with blobs of wrong ones, and how sure of them it is."""
        coarse = _nearest(labels, COARSE)
        doubt = self._field("labels", COARSE, 1.0)
        limit = np.quantile(doubt, 1 - self._faults.confused)
        wrong = doubt > limit
        torn = ndimage.maximum_filter(coarse, 3) != ndimage.minimum_filter(coarse, 3)
        shift = self._rng.integers(-1, 2, (2, *COARSE))
        v, u = np.indices(COARSE) + shift
        torn_labels = coarse[np.clip(v, 0, COARSE[0] - 1), np.clip(u, 0, COARSE[1] - 1)]
        named = np.where(wrong, self._confusion[coarse], np.where(torn, torn_labels, coarse))
        confidence = 0.95 - 0.15 * torn - 0.3 / (1 + np.exp(-3 * (doubt - limit)))
        confidence = np.clip(confidence + self._rng.normal(0, 0.05, COARSE), 0.2, 1)
        named = np.where(coarse > 0, named, coarse).astype(np.uint8)
        size = (labels.shape[0], labels.shape[1])
        return _nearest(named, size), _nearest(confidence.astype(np.float32), size)

    def _turned(self, frame: Frame) -> np.ndarray:
        assert frame.normals is not None
        size = frame.normals.shape[:2]
        tilt = np.tan(np.radians(self._faults.normal_deg)) / np.sqrt(2)
        noise = [self._field(f"normal {axis}", size, tilt) for axis in "xyz"]
        turned = frame.normals + np.stack(noise, axis=2)
        turned /= np.maximum(np.linalg.norm(turned, axis=2, keepdims=True), 1e-6)
        known = np.any(frame.normals != 0, axis=2, keepdims=True)
        return np.where(known, turned, 0).astype(np.float32)


def _blurred(depth_m: np.ndarray) -> np.ndarray:
    image = torch.from_numpy(np.where(depth_m > 0, depth_m, 10).astype(np.float32))[None, None]
    coarse = F.interpolate(image, COARSE, mode="area")
    return F.interpolate(coarse, image.shape[2:], mode="bilinear")[0, 0].numpy()


def _nearest(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    values = torch.from_numpy(np.ascontiguousarray(image))[None, None]
    return F.interpolate(values, size, mode="nearest-exact")[0, 0].numpy()


def _edges(depth_m: np.ndarray, labels: np.ndarray) -> np.ndarray:
    near, far = ndimage.minimum_filter(depth_m, 3), ndimage.maximum_filter(depth_m, 3)
    step = (far > 1.1 * near) | (ndimage.maximum_filter(labels, 3) != labels)
    coarse = F.interpolate(
        torch.from_numpy(step[None, None].astype(np.float32)), COARSE, mode="area"
    )
    upsampled = F.interpolate((3 * coarse).clamp(max=0.95), depth_m.shape, mode="bilinear")
    return upsampled[0, 0].numpy().astype(np.float32)
