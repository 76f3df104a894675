"""The tasks of dense prediction as data: what each one's map holds, and how the field scores it.

Networks, losses and metrics take tasks by name from here; a new one is a row of ``TASKS``, a loss
and a metric.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Task = Literal["depth", "semantics", "normals", "edges", "parts", "saliency", "disparity"]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task.

    ``channels``: of its map; None: one a class of the label space. ``values``: what a network's
    numbers are made into: logits as they are, positive ones (softplus), unit vectors.
    ``metric``: the one that multi-task work reports, and Δ_m is made of.
    """

    channels: int | None
    values: Literal["logits", "positive", "unit"]
    metric: str
    lower_is_better: bool


TASKS: Mapping[str, TaskSpec] = {
    "depth": TaskSpec(1, "positive", "RMSE", lower_is_better=True),  # planar z in metres
    "semantics": TaskSpec(None, "logits", "mIoU", lower_is_better=False),  # class 0 is unknown
    "normals": TaskSpec(3, "unit", "mErr", lower_is_better=True),  # camera axes
    "edges": TaskSpec(1, "logits", "odsF", lower_is_better=False),
    # PASCAL-Context: background and six parts of people; background and what stands out
    "parts": TaskSpec(7, "logits", "parts mIoU", lower_is_better=False),
    "saliency": TaskSpec(2, "logits", "maxF", lower_is_better=False),
    "disparity": TaskSpec(1, "positive", "disparity RMSE", lower_is_better=True),  # pixels
}
IN_PIXELS = frozenset({"disparity"})  # values are pixels of the image, and grow with it
NO_TRUTH: Mapping[str, float] = {"parts": 255, "saliency": 255, "disparity": -1}
INDOOR: tuple[Task, ...] = ("depth", "semantics", "normals", "edges")  # of NYUv2 and our own worlds


def channels_of(task: str, classes: int) -> int:
    """Channels of a task's map, in a label space of so many classes."""
    return TASKS[task].channels or classes
