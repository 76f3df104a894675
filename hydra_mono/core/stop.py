"""Signals that request a stop: after the first one work ends well, after a second one soon."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")  # the last one is not there on Windows
HURRIED = 2  # signals after which work is interrupted
FORCED = 3  # signals after which even writing is


class StopRequest:
    """Whether a signal came, and which was the first."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._count = 0
        self._shields = 0

    def is_set(self) -> bool:
        return self._count > 0

    @property
    def is_hurried(self) -> bool:
        """A second signal came: leave out whatever is not the map."""
        return self._count >= HURRIED

    @property
    def exit_code(self) -> int:
        """0, or 128 and the number of the signal, as shells have it."""
        return 0 if self.signal_number is None else 128 + self.signal_number

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """A block that a second signal does not interrupt; a third one does."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        self.signal_number = self.signal_number or number
        if self._count >= (FORCED if self._shields else HURRIED):
            raise KeyboardInterrupt


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Handles the stopping signals until the block ends; those ignored (nohup) stay ignored.

    Within another such block, and outside the main thread, it handles none.
    """
    request = StopRequest()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in STOPPING:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, request.on_signal)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
