"""Jobs for a worker that may fall behind, or stop, without the sender ever waiting."""

import threading
from collections.abc import Callable, Hashable

Job = Callable[[], None]

CROWDED = 64  # waiting jobs above which a newer one takes the place of the older of its kind


class Mailbox:
    """First in, first out; when crowded, at most one job of each key waits.

    So it holds at most ``CROWDED`` jobs and one for each key. ``dropped`` counts jobs that newer
    ones replaced, and those put after it was closed.
    """

    def __init__(self, crowded: int = CROWDED) -> None:
        self.dropped = 0
        self._crowded = crowded
        self._jobs: dict[tuple[Hashable, int], Job] = {}  # ordered; one key may wait several times
        self._latest: dict[Hashable, int] = {}
        self._count = 0
        self._is_closed = False
        self._news = threading.Condition()

    def put(self, key: Hashable, job: Job) -> None:
        """Leaves a job; never waits."""
        with self._news:
            if self._is_closed:
                self.dropped += 1
                return
            if (
                len(self._jobs) >= self._crowded
                and self._jobs.pop(self._slot(key), None) is not None
            ):
                self.dropped += 1
            self._count += 1
            self._latest[key] = self._count
            self._jobs[self._slot(key)] = job
            self._news.notify()

    def take(self) -> Job | None:
        """The oldest job, once there is one; None after the last of a closed mailbox."""
        with self._news:
            while not self._jobs and not self._is_closed:
                self._news.wait()
            if not self._jobs:
                return None
            slot = next(iter(self._jobs))
            if self._latest.get(slot[0]) == slot[1]:
                del self._latest[slot[0]]
            return self._jobs.pop(slot)

    def close(self, *, discard: bool = False) -> None:
        """No more jobs are taken in; with ``discard``, those waiting are dropped."""
        with self._news:
            self._is_closed = True
            if discard:
                self.dropped += len(self._jobs)
                self._jobs.clear()
            self._news.notify_all()

    def __len__(self) -> int:
        return len(self._jobs)

    def _slot(self, key: Hashable) -> tuple[Hashable, int]:
        return key, self._latest.get(key, 0)
