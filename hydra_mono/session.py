"""One run over one sequence: read, check, map, save under way, and stop gracefully."""

import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np
import psutil
from jaxtyping import Float64

from hydra_mono.core.config import DataConfig
from hydra_mono.core.errors import BadFrameError, DataError, ExportError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.gate.frame_gate import FrameGate, rejection_line
from hydra_mono.core.source import Source, stream
from hydra_mono.core.timing import frozen_gc, summary
from hydra_mono.pipeline import Mapper

logger = logging.getLogger(__name__)

MEGABYTE = 2.0**20
NAMED_FRAMES = 20  # skipped frames listed by name in the metrics
PREDICTOR_FAULTS = ("predictor-error", "bad-prediction")
MOST_FAULTS = 20  # predictions in a row that failed, after which a run ends


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
    interrupted: bool = False
    failures: int = 0  # of the predictor, in a row
    failure: str | None = None  # why the run ended before the sequence did

    @property
    def frames(self) -> int:
        return len(self.stamps_ns)

    def use(self, frame: Frame) -> None:
        self.stamps_ns.append(frame.stamp_ns)
        self.world_from_camera.append(frame.world_from_camera)
        self.intrinsics = frame.intrinsics
        self.failures = 0
        if self.frames == 1:
            self.first_rss_mb = psutil.Process().memory_info().rss / MEGABYTE

    def skip(self, error: BadFrameError) -> None:
        logger.info("skipped %s", error)
        self.skipped[error.reason] += 1
        if len(self.skipped_frames) < NAMED_FRAMES:
            self.skipped_frames.append(str(error))
        self.failures = self.failures + 1 if error.reason in PREDICTOR_FAULTS else self.failures
        if self.failures >= MOST_FAULTS:
            self.failure = f"the predictor failed on {self.failures} frames in a row; last {error}"


class Session:
    """Feeds a source to a mapper; ``save`` is called under way and must write what there is.

    ``on_frame`` is told after every frame, for a progress bar.
    """

    def __init__(
        self,
        mapper: Mapper,
        gate: FrameGate,
        *,
        save: Callable[["Session"], None],
        on_frame: Callable[["Session"], None] = lambda session: None,
        checkpoint_interval_s: float = 30.0,
    ) -> None:
        self.mapper = mapper
        self.log = RunLog()
        self._gate = gate
        self._save = save
        self._on_frame = on_frame
        self._interval_s = checkpoint_interval_s
        self._next_save_s = time.perf_counter() + checkpoint_interval_s

    def run(self, source: Source, data: DataConfig) -> None:
        """Maps the whole source; Ctrl-C finishes the frame in hand and keeps what is mapped.

        Raises:
            DataError: not one frame could be used.
        """
        frames = stream(source, start=data.start, stride=data.stride, max_frames=data.max_frames)
        with frozen_gc(), interrupt_flag() as interrupted:
            while not interrupted.is_set() and self.log.failure is None:
                item = self.mapper.clock.stage("read", next, frames, None)
                if item is None:
                    break
                self._take(item)
                self._checkpoint()
            self.log.interrupted = interrupted.is_set()
        self._require_frames(source)
        self.mapper.finish()
        line = rejection_line(self.log.frames, self.log.skipped)
        if line is not None:
            logger.warning("%s: %s", source.name, line)

    def _take(self, item: Frame | BadFrameError) -> None:
        try:
            if isinstance(item, BadFrameError):
                raise item
            frame = self._gate.check(item)
            self.mapper.graph.origin_m = self._gate.origin_m
            self.mapper.step(frame)
            self.log.use(frame)
        except BadFrameError as error:
            self.mapper.clock.drop_frame()
            self.log.skip(error)
        self._on_frame(self)

    def _checkpoint(self) -> None:
        """Saves what there is; the longer a save takes, the rarer the saves."""
        if time.perf_counter() < self._next_save_s or not self.log.frames:
            return
        started = time.perf_counter()
        try:
            self.mapper.clock.stage("write", self._save, self)
        except ExportError as error:  # the map is in memory still, and the disk may be mended
            logger.warning("cannot save under way: %s", error)
        ended = time.perf_counter()
        self._next_save_s = ended + max(self._interval_s, 20 * (ended - started))

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
            "origin_m": list(self.origin_m),
            "stamp_offset_ns": self._gate.stamp_offset_ns,
            "seconds": round(elapsed_s, 3),
            "fps": round(log.frames / elapsed_s, 3),
            "frame_ms": summary(clock.frame_ms),
            "stage_ms": {name: summary(values) for name, values in clock.stage_ms.items()},
            "layers": graph.counts_present(),
            "edges": graph.edge_count,
            "mesh": {"vertices": self.mapper.mesh.vertex_count, "blocks": len(self.mapper.mesh)},
            "peak_rss_mb": round(max(peak_rss_mb(), log.first_rss_mb), 1),  # counters lag a little
            "first_frame_rss_mb": round(log.first_rss_mb, 1),
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


@contextmanager
def interrupt_flag() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; a second one interrupts as usual."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        flag.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)
