"""Scores a network on samples with truth, as multi-task work on NYUv2 does."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from hydra_mono.core.errors import ConfigError, DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.perception.metrics.boundary import Boundaries, BoundaryScores
from hydra_mono.perception.metrics.calibration import CalibrationError, CalibrationScores
from hydra_mono.perception.metrics.dense import (
    Confusion,
    DepthErrors,
    DepthScores,
    NormalErrors,
    NormalScores,
    SemanticScores,
)
from hydra_mono.perception.metrics.other_tasks import METERS, Meter
from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.input_spec import InputSpec
from hydra_mono.perception.networks.interface import TaskMaps
from hydra_mono.perception.predictors.network import facing_camera
from hydra_mono.perception.tasks import IN_PIXELS
from hydra_mono.training.data_sets import INDOORS, DataSet
from hydra_mono.training.samples import NO_EDGE_KNOWN, Sample, SampleSource

Progress = Callable[[Iterable[int]], Iterable[int]]


@dataclass(frozen=True, slots=True)
class PerceptionScores:
    """What a network scores on a source; None for tasks without truth, or not requested.

    ``seconds_per_image``: median, from the colours to all maps at the image's size.
    """

    source: str
    images: int
    seconds_per_image: float
    semantics: SemanticScores | None
    depth: DepthScores | None
    normals: NormalScores | None
    boundaries: BoundaryScores | None
    calibration: CalibrationScores | None = None  # of the labels' probabilities
    others: dict[str, float] = field(default_factory=dict)  # by task, beyond those above

    def as_dict(self) -> dict[str, Any]:
        """Nested dicts of plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Estimates:
    """Estimates of one image, at its size; label ids, true metres; None for tasks it lacks."""

    depth_m: Float32[np.ndarray, "h w"] | None = None
    labels: UInt8[np.ndarray, "h w"] | None = None
    confidence: Float32[np.ndarray, "h w"] | None = None  # probability of the labels
    normals: Float32[np.ndarray, "h w 3"] | None = None
    edges: Float32[np.ndarray, "h w"] | None = None
    others: Mapping[str, Float32[np.ndarray, "k h w"]] = field(default_factory=dict)


def evaluate_network(
    network: nn.Module,
    source: SampleSource,
    feed: InputSpec,
    *,
    thresholds: int = 0,
    max_images: int | None = None,
    progress: Progress = iter,
    data_set: DataSet = INDOORS,
) -> PerceptionScores:
    """Scores pooled over the source, at the size of its truth.

    ``network``: turns a normalised image (1 3 h w) into maps by task; it runs where its parameters
    lie. ``thresholds``: of the boundary score, which is the slow one; 0: none. ``max_images``:
    at most so many, spread evenly. ``progress``: wraps the iteration over images. ``data_set``:
    that the source is of.

    Raises:
        ConfigError: the network has other classes than the data set and unknown.
        DataError: the source is empty, or the network's numbers are not finite.
    """
    if len(source) == 0:
        raise DataError(f"{source.name}: there is no image to evaluate on")
    boundaries = Boundaries(thresholds, data_set.edge_tolerance) if thresholds else None
    tally = Tally(boundaries, Confusion(data_set.labels))
    for index in progress(spread(len(source), max_images)):
        sample = source[index]
        start_s = time.perf_counter()
        estimates = estimate(network, feed, sample.rgb, sample.intrinsics, data_set)
        tally.add(sample, estimates, time.perf_counter() - start_s)
    return tally.scores(source.name)


def spread(count: int, wanted: int | None) -> list[int]:
    """All indices, or the wanted number of them, evenly spread."""
    if wanted is None or wanted >= count:
        return list(range(count))
    return [index * count // wanted for index in range(wanted)]


def estimate(
    network: nn.Module,
    feed: InputSpec,
    rgb: UInt8[np.ndarray, "h w 3"],
    camera: Intrinsics,
    data_set: DataSet = INDOORS,
) -> Estimates:
    """Shows the network an image; logits grow before the likeliest known class is taken.

    Raises:
        ConfigError: the network has other classes than the data set and unknown.
        DataError: the network's numbers are not finite.
    """
    size, device = (camera.height, camera.width), _device(network)
    with torch.inference_mode():
        found: TaskMaps = network(feed.shown(rgb, device))
        if not all(bool(torch.isfinite(values).all()) for values in found.values()):
            raise DataError("the network's output is not finite")
        maps = {task: resized(values.float(), size) for task, values in found.items()}
        depth, normals, edges = (maps.get(task) for task in ("depth", "normals", "edges"))
        factor = np.float32(feed.depth_factor(camera))
        labels, confidence = _labels(maps.get("semantics"), data_set, network)
        enlarged = np.float32(camera.width / feed.shown_size(size)[1])
        return Estimates(
            depth_m=None if depth is None else _array(depth[0, 0]) * factor,
            labels=labels,
            confidence=confidence,
            normals=None if normals is None else _facing(normals, camera),
            edges=None if edges is None else _array(edges[0, 0].sigmoid()),
            others={
                task: _array(maps[task][0]) * (enlarged if task in IN_PIXELS else np.float32(1))
                for task in maps
                if task in METERS
            },
        )


def _labels(
    logits: Float[Tensor, "1 k h w"] | None, data_set: DataSet, network: nn.Module
) -> tuple[UInt8[np.ndarray, "h w"] | None, Float32[np.ndarray, "h w"] | None]:
    """The likeliest known class, and how probable it is among these."""
    if logits is None:
        return None, None
    known = data_set.labels + 1
    if logits.shape[1] != known:
        told = f"{data_set.label_space} and unknown make {known}"
        raise ConfigError(f"the network has {logits.shape[1]} classes; {told}")
    temperature = getattr(network, "temperature", 1.0)
    best, labels = logits[0, 1:].max(dim=0)
    confidence = ((logits[0, 1:] - best) / temperature).exp().sum(0).reciprocal()
    return np.asarray((labels + 1).to(torch.uint8).cpu().numpy()), _array(confidence)


def _facing(normals: Float[Tensor, "1 3 h w"], camera: Intrinsics) -> np.ndarray:
    return facing_camera(_array(normals[0].permute(1, 2, 0)), camera)


def _device(network: nn.Module) -> torch.device:
    return next((p.device for p in network.parameters()), torch.device("cpu"))


def _array(values: Float[Tensor, "*size"]) -> Float32[np.ndarray, "*size"]:
    return np.asarray(values.cpu().numpy())


@dataclass
class Tally:
    """Counts of every task."""

    boundaries: Boundaries | None
    confusion: Confusion = field(default_factory=Confusion)
    calibration: CalibrationError = field(default_factory=CalibrationError)
    depth: DepthErrors = field(default_factory=DepthErrors)
    normals: NormalErrors = field(default_factory=NormalErrors)
    seconds: list[float] = field(default_factory=list)
    others: dict[str, Meter] = field(default_factory=dict)

    def add(self, sample: Sample, found: Estimates, seconds: float) -> None:
        self.seconds.append(seconds)
        if found.labels is not None:
            self.confusion.add(found.labels, sample.labels)
        if found.labels is not None and found.confidence is not None:
            self.calibration.add(found.confidence, found.labels, sample.labels)
        if found.depth_m is not None:
            self.depth.add(found.depth_m, sample.depth_m, sample.depth_m > 0)
        if found.normals is not None:
            self.normals.add(found.normals, sample.normals)
        if found.edges is not None and self.boundaries:
            unknown = sample.edges == NO_EDGE_KNOWN
            self.boundaries.add(found.edges, sample.edges == 1, unknown)
        for task in found.others.keys() & sample.others.keys():
            meter = self.others.setdefault(task, METERS[task]())
            meter.add(found.others[task], sample.others[task])

    def scores(self, source: str) -> PerceptionScores:
        return PerceptionScores(
            source=source,
            images=len(self.seconds),
            seconds_per_image=float(np.median(self.seconds)),
            semantics=self.confusion.scores(),
            calibration=self.calibration.scores(),
            depth=self.depth.scores(),
            normals=self.normals.scores(),
            boundaries=self.boundaries.scores() if self.boundaries else None,
            others={
                task: score
                for task, meter in self.others.items()
                if (score := meter.score()) is not None
            },
        )
