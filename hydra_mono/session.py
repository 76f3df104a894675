"""One run over one sequence: read, check, map, save under way, and stop gracefully."""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from jaxtyping import Float64

from hydra_mono.core.config import DataConfig
from hydra_mono.core.errors import BadFrameError, DataError, ExportError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.gate.frame_gate import FrameGate, rejection_line
from hydra_mono.core.map.state import State
from hydra_mono.core.source import Source, stream
from hydra_mono.core.stop import StopRequest, stop_request
from hydra_mono.core.timing import frozen_gc, peaks, summary
from hydra_mono.graph.model.symbols import Layer
from hydra_mono.pipeline import Mapper

logger = logging.getLogger(__name__)

MEGABYTE = 2.0**20
NAMED_FRAMES = 20  # skipped frames listed by name in the metrics
PREDICTOR_FAULTS = ("predictor-error", "bad-prediction")
MOST_FAULTS = 20  # predictions in a row that failed, after which a run ends
FIRST_SAVE_S = 1.0  # after the first frame; each pause is twice the one before, up to the setting
CAMERA = ord("a")  # partition of the camera's own poses among the agents
SAVE_SHARE = 0.03  # of the run's time that saves under way may take


@dataclass
class RunLog:
    """What happened to the frames: which were used, which skipped and why."""

    stamps_ns: list[int] = field(default_factory=list)
    world_from_camera: list[Float64[np.ndarray, "4 4"]] = field(default_factory=list)
    intrinsics: Intrinsics | None = None
    skipped: Counter[str] = field(default_factory=Counter)
    skipped_frames: list[str] = field(default_factory=list)
    started_s: float = field(default_factory=time.perf_counter)
    first_rss_mb: float = 0.0
    rss_mb: list[float] = field(default_factory=list)  # after each frame
    interrupted: bool = False
    failures: int = 0  # of the predictor, in a row
    failure: str | None = None  # why the run ended before the sequence did
    failed_stage: str = ""  # in which something raised that ended the run
    restored_ns: int | None = None  # last stamp of the run that this one goes on from
    complete: bool = False  # the run went on to the end of the source
    taken: int = 0  # frames of the source that were read, used or not

    @property
    def frames(self) -> int:
        return len(self.stamps_ns)

    def use(self, frame: Frame) -> None:
        self.stamps_ns.append(frame.stamp_ns)
        self.world_from_camera.append(frame.world_from_camera)
        self.intrinsics = frame.intrinsics
        self.failures = 0
        self.rss_mb.append(psutil.Process().memory_info().rss / MEGABYTE)
        self.first_rss_mb = self.rss_mb[0]

    def skip(self, error: BadFrameError) -> None:
        logger.info("skipped %s", error)
        self.skipped[error.reason] += 1
        if len(self.skipped_frames) < NAMED_FRAMES:
            self.skipped_frames.append(str(error))
        self.failures = self.failures + 1 if error.reason in PREDICTOR_FAULTS else self.failures
        if self.failures >= MOST_FAULTS:
            self.failure = f"the predictor failed on {self.failures} frames in a row; last {error}"


class SaveSchedule:
    """When to save under way: soon at first, then ever rarer, within a share of the time."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._pause_s = min(FIRST_SAVE_S, interval_s)
        self._next_s: float | None = None
        self._checked_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether to save now; called once a frame, from the first one mapped."""
        if self._next_s is None:
            self._next_s, self._checked_s = now_s + self._pause_s, now_s
        frame_s, self._checked_s = now_s - self._checked_s, now_s
        return now_s + frame_s >= self._next_s  # the next frame may take as long as this one

    def saved(self, started_s: float, ended_s: float) -> None:
        self._pause_s = min(2 * self._pause_s, self._interval_s)
        self._next_s = ended_s + max(self._pause_s, (ended_s - started_s) / SAVE_SHARE)
        self._checked_s = ended_s


class Session:
    """Feeds a source to a mapper; ``save`` is called under way and must write what there is.

    ``on_frame`` is told after every frame, for a progress bar. ``kept``: where ``keeps_state``,
    what the mapper remembered after the last frame, so that the run can go on.
    """

    def __init__(
        self,
        mapper: Mapper,
        gate: FrameGate,
        *,
        save: Callable[["Session"], None],
        on_frame: Callable[["Session"], None] = lambda session: None,
        checkpoint_interval_s: float = 30.0,
        keeps_state: bool = False,
    ) -> None:
        self.mapper = mapper
        self.log = RunLog()
        self._gate = gate
        self._save = save
        self._on_frame = on_frame
        self._schedule = SaveSchedule(checkpoint_interval_s)
        self._keeps_state = keeps_state
        self.kept: State | None = None

    def run(self, source: Source, data: DataConfig, stop: StopRequest | None = None) -> None:
        """Maps the whole source; a stopping signal lets it finish the frame in hand.

        Whatever ends it early, the map is brought up to the last frame before the error goes on.

        Raises:
            DataError: not one frame could be used.
            Exception, KeyboardInterrupt: whatever the reader, predictor or mapper raised.
        """
        if stop is None:
            with stop_request() as own:
                return self.run(source, data, own)
        try:
            with frozen_gc():
                self._feed(source, data, stop)
        except BaseException:
            self.log.failed_stage = self.mapper.clock.last_stage
            self._rescue(stop)
            raise
        self._require_frames(source)
        self.log.complete = not self.log.interrupted and self.log.failure is None
        if self._keeps_state:
            self.kept = self.mapper.state()
        self.mapper.finish()
        line = rejection_line(self.log.frames, self.log.skipped)
        if line is not None:
            logger.warning("%s: %s", source.name, line)

    def _feed(self, source: Source, data: DataConfig, stop: StopRequest) -> None:
        frames = stream(source, start=data.start, stride=data.stride, max_frames=data.max_frames)
        try:
            while not stop.is_set() and self.log.failure is None:
                item = self.mapper.clock.stage("read", next, frames, None)
                if item is None:
                    break
                self.log.taken += 1
                self._take(item)
        finally:
            self.log.interrupted = stop.is_set()

    def _rescue(self, stop: StopRequest) -> None:
        """Brings up to date what can be, after an error; in a hurry, nothing."""
        if stop.is_hurried or not self.log.frames:
            return
        try:
            self.mapper.finish()
        except Exception:  # the error that is under way already says what is wrong
            logger.info("the map cannot be brought up to date", exc_info=True)

    def _take(self, item: Frame | BadFrameError) -> None:
        try:
            if isinstance(item, BadFrameError):
                raise item
            frame = self._gate.check(item)
            self.mapper.graph.origin_m = self._gate.origin_m
            self._checkpoint(frame.stamp_ns)
            self.mapper.step(frame)
            self.log.use(frame)
        except BadFrameError as error:
            self.mapper.clock.drop_frame()
            self.log.skip(error)
        self._on_frame(self)

    def _checkpoint(self, stamp_ns: int) -> None:
        """Saves what there is, if it is time, with mesh and graph of one keyframe.

        ``stamp_ns``: of the frame that comes next. Only where the refresh would end before it
        anyhow: what the map becomes must not depend on how fast the machine is.
        """
        if not self.log.frames or not self._schedule.is_due(time.perf_counter()):
            return
        if not self.mapper.settles_before(stamp_ns):
            return
        self.mapper.settle()
        started_s = time.perf_counter()
        try:
            self.mapper.clock.stage("write", self._save, self)
        except Exception as error:  # the map is in memory still, and the disk may be mended
            known = isinstance(error, ExportError)
            logger.warning("cannot save under way: %s", error, exc_info=not known)
        self._schedule.saved(started_s, time.perf_counter())

    def _require_frames(self, source: Source) -> None:
        if self.log.frames:
            return
        if self.log.interrupted:
            raise DataError(f"{source.name}: interrupted before the first frame was mapped")
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.log.skipped.items())
        raise DataError(
            f"{source.name}: no usable frame among {len(source)} "
            f"(skipped: {reasons or 'none'}; first: {(self.log.skipped_frames or ['-'])[0]})"
        )

    def take_up(self, origin_m: tuple[float, float, float]) -> None:
        """Frames that come are of a map that has an origin, and its log, already."""
        self.mapper.graph.origin_m = origin_m
        self._gate.resume(origin_m, max(self.log.stamps_ns, default=None))

    @property
    def origin_m(self) -> tuple[float, float, float]:
        """The map's origin in the source's world; the graph, mesh and log are relative to it."""
        return self._gate.origin_m

    def metrics(self) -> dict[str, Any]:
        """Figures of the run so far, JSON-safe."""
        clock, graph, log = self.mapper.clock, self.mapper.graph, self.log
        elapsed_s = time.perf_counter() - log.started_s
        return {
            "frames": log.frames,
            "interrupted": log.interrupted,
            "complete": log.complete,
            "origin_m": list(self.origin_m),
            "restored_ns": log.restored_ns,
            "stamp_offset_ns": self._gate.stamp_offset_ns,
            "seconds": round(elapsed_s, 3),
            "fps": round(len(log.rss_mb) / elapsed_s, 3),
            "frame_ms": summary(clock.frame_ms),
            "stage_ms": {name: summary(values) for name, values in clock.stage_ms.items()},
            "layers": graph.counts_present(),
            "ended_objects": graph.count(Layer.OBJECTS) - graph.count_present(Layer.OBJECTS),
            "camera_poses": graph.count(Layer.OBJECTS, CAMERA),
            "edges": graph.edge_count,
            "metric_scale": self.mapper.scale_figures(),
            "mesh": {"vertices": self.mapper.mesh.vertex_count, "blocks": len(self.mapper.mesh)},
            "peak_rss_mb": round(max(peak_rss_mb(), log.first_rss_mb), 1),  # counters lag a little
            "first_frame_rss_mb": round(log.first_rss_mb, 1),
            "series": {"frame_ms": peaks(clock.frame_ms), "rss_mb": peaks(log.rss_mb)},
            "skipped": {
                "total": sum(log.skipped.values()),
                "reasons": dict(sorted(log.skipped.items())),
                "frames": log.skipped_frames,
            },
        }


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, MiB."""
    try:
        import resource
    except ImportError:  # Windows has no getrusage
        return float(psutil.Process().memory_info().rss) / MEGABYTE
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MEGABYTE if os.uname().sysname == "Darwin" else 1024.0)
