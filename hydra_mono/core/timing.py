"""How long each stage of each frame took."""

import gc
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import numpy as np

Params = ParamSpec("Params")
Result = TypeVar("Result")


@dataclass
class StageClock:
    """Wall time per stage and frame; ``outside`` names stages that are not the mapper's work."""

    outside: Collection[str] = ()
    stage_ms: dict[str, list[float]] = field(default_factory=dict)
    frame_ms: list[float] = field(default_factory=list)
    _current_ms: float = 0.0
    _running_ms: dict[str, float] = field(default_factory=dict)  # of the frame in hand
    _latest_ms: dict[str, float] = field(default_factory=dict)  # of the frame before
    _stage: str = ""

    def stage(
        self, name: str, work: Callable[Params, Result], *args: Params.args, **kwargs: Params.kwargs
    ) -> Result:
        """Calls ``work`` and books its time, also when it raises."""
        self._stage = name
        started = time.perf_counter()
        try:
            return work(*args, **kwargs)
        finally:
            elapsed_ms = (time.perf_counter() - started) * 1e3
            self.stage_ms.setdefault(name, []).append(elapsed_ms)
            self._running_ms[name] = self._running_ms.get(name, 0.0) + elapsed_ms
            if name not in self.outside:
                self._current_ms += elapsed_ms

    def end_frame(self) -> None:
        """Closes the books of one frame."""
        self.frame_ms.append(self._current_ms)
        self._latest_ms = self._running_ms
        self.drop_frame()

    def drop_frame(self) -> None:
        """Forgets what was booked for a frame that was given up."""
        self._current_ms = 0.0
        self._running_ms = {}

    def latest_ms(self) -> dict[str, float]:
        """Times of the stages that ran in the latest frame, and of no other."""
        return self._latest_ms

    @property
    def last_stage(self) -> str:
        """The stage that ran last, or still runs; empty before the first."""
        return self._stage


def summary(values_ms: list[float]) -> dict[str, float]:
    """Median, 95th percentile and mean, milliseconds; zeros for no values."""
    if not values_ms:
        return {"median": 0.0, "p95": 0.0, "mean": 0.0}
    median, p95 = np.percentile(values_ms, [50, 95])
    numbers = {"median": median, "p95": p95, "mean": np.mean(values_ms)}
    return {name: round(float(value), 3) for name, value in numbers.items()}


SERIES_POINTS = 200  # of a plot on a page: more are not told apart


def peaks(values: list[float]) -> list[float]:
    """The values in order, or the largest of each of ``SERIES_POINTS`` equal steps."""
    steps = np.array_split(np.array(values), min(len(values), SERIES_POINTS)) if values else []
    return [round(float(step.max()), 1) for step in steps]


@contextmanager
def frozen_gc() -> Iterator[None]:
    """Keeps the garbage collector off everything that exists already.

    Imported libraries hold several hundred thousand objects; a full collection that walks them
    takes a tenth of a second, in the middle of some frame.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
