"""Refinement of what a network predicts of one frame, before it is fused."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import inverse, rotation_angle_rad
from hydra_mono.core.map.state import State, Stateful
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.monocular.depth_fit import DepthFit
from hydra_mono.mapping.monocular.low_res import LowResEstimate, downsample, upsample
from hydra_mono.mapping.monocular.metric_scale import MetricScale, ScaleRule
from hydra_mono.mapping.monocular.plane_sweep import COARSE, FINE
from hydra_mono.mapping.monocular.scale import AlignRule, ScaleAligner
from hydra_mono.mapping.monocular.steps import (
    reject_between_surfaces,
    reject_inconsistent,
    reject_unsupported,
    set_expected_sigma,
    weigh_incidence,
    weigh_labels,
)
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.mapping.tsdf.volume import SemanticVolume

Step = Callable[[LowResEstimate, Sequence[LowResEstimate]], LowResEstimate]

_HISTORY = 48  # estimates kept: 4 m at 8 cm, farther than any image the sweep compares with
_LEAST_MOVE_M = 0.08  # between estimates that are kept: parallax for the sweep at 0.5 m depth
_LEAST_TURN = 0.15  # rad between them otherwise: a seventh of a field of view of 60°


class Refiner:
    """Takes each frame's low-resolution estimate through ``steps``.

    A step is a function of the estimate and of those of earlier frames, oldest first.
    ``last``: steps of which later frames are not told: they compare with what was estimated, not
    with what was fused of it. ``learning``: steps that have a memory of their own, by name.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        height_px: int,
        learning: Mapping[str, Stateful] | None = None,
        last: Sequence[Step] = (),
    ) -> None:
        self._steps, self._last = tuple(steps), tuple(last)
        self._height_px = height_px
        self._learning = dict(learning or {})
        self._past: deque[LowResEstimate] = deque(maxlen=_HISTORY)

    def __call__(self, frame: Frame, prediction: Prediction) -> Prediction:
        """The prediction with refined depth and its deviation; depth is 0 where it is rejected."""
        before = downsample(frame, prediction, self._height_px)
        estimate, past = before, tuple(self._past)
        for step in self._steps:
            estimate = step(estimate, past)
        if not past or _has_moved(past[-1], estimate):
            self._past.append(estimate)
        for step in self._last:
            estimate = step(estimate, past)
        return upsample(prediction, before, estimate)

    def figures(self) -> dict[str, Any]:
        """For the metrics of a run: the scale found by motion."""
        metrics = (step for step in self._steps if isinstance(step, MetricScale))
        return next((metric.figures() for metric in metrics), {})

    def state(self) -> State:
        """See ``core.map.state``."""
        return {
            "learning": {name: step.state() for name, step in self._learning.items()},
            "past": [_estimate_state(estimate) for estimate in self._past],
        }

    def restore(self, state: State) -> None:
        for name, step in self._learning.items():
            step.restore(state["learning"][name])
        self._past = deque(map(_restored_estimate, state["past"]), maxlen=_HISTORY)


def _estimate_state(estimate: LowResEstimate) -> State:
    """Arrays, of which None ones are left out, and the camera as a list."""
    camera = [getattr(estimate.camera, field.name) for field in fields(Intrinsics)]
    arrays = {
        field.name: getattr(estimate, field.name)
        for field in fields(LowResEstimate)
        if field.name != "camera"
    }
    return {"camera": camera} | {k: np.array(v) for k, v in arrays.items() if v is not None}


def _restored_estimate(state: State) -> LowResEstimate:
    names = [field.name for field in fields(LowResEstimate) if field.name != "camera"]
    arrays: dict[str, Any] = {name: state.get(name) for name in names}
    return LowResEstimate(camera=Intrinsics(*state["camera"]), **arrays)


def _has_moved(before: LowResEstimate, estimate: LowResEstimate) -> bool:
    relative = inverse(before.world_from_camera) @ estimate.world_from_camera
    moved_m = float((relative[:3, 3] ** 2).sum() ** 0.5)
    return moved_m > _LEAST_MOVE_M or rotation_angle_rad(relative[:3, :3]) > _LEAST_TURN


def create_refiner(rule: MonocularRule, volume: SemanticVolume) -> Refiner:
    """The steps that are switched on, in the order in which they build on one another."""
    aligner = ScaleAligner(volume.surface_along, AlignRule())
    metric = MetricScale(ScaleRule())
    fit = DepthFit((COARSE, FINE) if rule.sweep else (), rule.smooth)

    def learnt() -> float:
        return fit.expected_sigma

    switched: list[tuple[bool, Step]] = [
        (rule.metric, metric),
        (True, set_expected_sigma(rule, learnt if rule.sweep else None)),
        (rule.metric, metric.widen),
        (rule.confidence, weigh_labels),
        (rule.align, lambda estimate, past: aligner(estimate)),
        (rule.sweep or rule.smooth, fit),
        (rule.temporal, reject_inconsistent),
        (rule.borders, reject_between_surfaces),
    ]
    last: list[tuple[bool, Step]] = [
        (rule.support and rule.sweep and rule.noise, reject_unsupported(learnt)),
        (rule.incidence, weigh_incidence),
    ]
    learning: dict[str, Stateful] = {"metric": metric, "aligner": aligner, "fit": fit}
    steps, ends = ([step for is_on, step in some if is_on] for some in (switched, last))
    return Refiner(steps, rule.height_px, learning, ends)
