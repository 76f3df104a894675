"""Where rerun's messages go: a file that leaves room for the map, or a viewer's process."""

import logging
import shutil
import time
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import rerun as rr

from hydra_mono.core.errors import HydraMonoError
from hydra_mono.viz.rerun_process import ViewerProcess

logger = logging.getLogger(__name__)

CHECK_S = 1.0  # between looks at the free space
MAP_COPIES = 3  # of the last outputs: the next ones are larger, and lie beside them for a while
SPARE_BYTES = 64 << 20  # for maps that were not saved yet


@runtime_checkable
class Sink(Protocol):
    """Takes the messages of one recording; all but ``close`` are called by the viewer's worker."""

    recording: rr.RecordingStream
    patience_s: float  # how long the end of a run waits for it

    def open(self, layout: Any) -> None: ...

    def check(self) -> None:
        """Raises where no more may be sent."""
        ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


class FileSink:
    """A recording on disk that leaves room for the map."""

    patience_s = 20.0  # the last tiles of a large map on a slow disk

    def __init__(self, recording: rr.RecordingStream, path: Path) -> None:
        self.recording = recording
        self._path = path
        self._next_check_s = 0.0

    def open(self, layout: Any) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.check()
        self.recording.save(self._path, default_blueprint=layout)

    def check(self) -> None:
        """Once a second: writes what waits, and sees whether the map still has room twice over.

        Raises:
            HydraMonoError: it has not; the recording ends here.
        """
        now_s = time.monotonic()
        if now_s < self._next_check_s:
            return
        self._next_check_s = now_s + CHECK_S
        # What waits in rerun is memory: 25 to 135 MB per 1,000 frames without this, none with it
        self.recording.flush(timeout_sec=self.patience_s)
        folder = self._path.parent
        files = (file for file in folder.iterdir() if file != self._path and file.is_file())
        reserve = MAP_COPIES * sum(file.stat().st_size for file in files) + SPARE_BYTES
        if shutil.disk_usage(folder).free < reserve:
            self.recording.disconnect()
            raise HydraMonoError(f"{folder}: what is left of the disk is kept for the map")

    def finish(self) -> None:
        self.recording.flush(timeout_sec=self.patience_s)
        self.recording.disconnect()

    def close(self) -> None: ...


class ProcessSink:
    """A viewer's process; the window stays, a server ends with the run."""

    patience_s = 5.0

    def __init__(self, recording: rr.RecordingStream, process: ViewerProcess) -> None:
        self.recording = recording
        self._process = process

    def open(self, layout: Any) -> None:
        self._process.wait_until_ready()
        self.recording.connect_grpc(self._process.url, default_blueprint=layout)
        if self._process.page:
            logger.warning("the viewer is at %s", self._process.page)

    def check(self) -> None:
        self._process.check()

    def finish(self) -> None:
        self.recording.flush(timeout_sec=self.patience_s)
        self.recording.disconnect()

    def close(self) -> None:
        self._process.close()
