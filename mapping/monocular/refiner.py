"""What a network predicts of one frame, made better before it is fused."""

from collections import deque
from collections.abc import Callable, Sequence

from hydra_mono.core.config import MonocularConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.geometry import inverse, rotation_angle_rad
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.monocular.low_res import LowResEstimate, finished, make_draft
from hydra_mono.mapping.monocular.plane_sweep import COARSE, FINE
from hydra_mono.mapping.monocular.scale import AlignRule, ScaleAligner
from hydra_mono.mapping.monocular.steps import (
    cut_borders,
    expect_noise,
    fit_depth,
    leave_out_flicker,
    weigh_confidence,
    weigh_incidence,
)
from hydra_mono.mapping.tsdf.volume import SemanticVolume

Step = Callable[[LowResEstimate, Sequence[LowResEstimate]], LowResEstimate]

_HISTORY = 48  # drafts remembered
_LEAST_MOVE_M = 0.08  # between drafts that are remembered
_LEAST_TURN = 0.15  # rad, likewise


class Refiner:
    """Takes each frame's draft through ``steps``, with the drafts of frames before at hand.

    A step is a function of the draft and of those of earlier frames, oldest first.
    """

    def __init__(self, steps: Sequence[Step], height: int) -> None:
        self._steps = tuple(steps)
        self._height = height
        self._past: deque[LowResEstimate] = deque(maxlen=_HISTORY)

    def __call__(self, frame: Frame, prediction: Prediction) -> Prediction:
        """The prediction with better depth and its deviation; 0 depth where it is left out."""
        before = make_draft(frame, prediction, self._height)
        draft, past = before, tuple(self._past)
        for step in self._steps:
            draft = step(draft, past)
        if not past or _has_moved(past[-1], draft):
            self._past.append(draft)
        return finished(prediction, before, draft)


def _has_moved(before: LowResEstimate, draft: LowResEstimate) -> bool:
    relative = inverse(before.world_from_camera) @ draft.world_from_camera
    moved_m = float((relative[:3, 3] ** 2).sum() ** 0.5)
    return moved_m > _LEAST_MOVE_M or rotation_angle_rad(relative[:3, :3]) > _LEAST_TURN


def create_refiner(config: MonocularConfig, volume: SemanticVolume) -> Refiner:
    """The steps that are switched on, in the order in which they build on one another."""
    aligner = ScaleAligner(volume.surface_along, AlignRule())
    switched: list[tuple[bool, Step]] = [
        (True, expect_noise(config)),
        (config.confidence, weigh_confidence),
        (config.align, lambda draft, past: aligner(draft)),
        (
            config.sweep or config.smooth,
            fit_depth((COARSE, FINE) if config.sweep else (), config.smooth),
        ),
        (config.temporal, leave_out_flicker),
        (config.borders, cut_borders),
        (config.incidence, weigh_incidence),
    ]
    return Refiner([step for is_on, step in switched if is_on], config.height)
