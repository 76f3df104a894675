"""The time of the map: the stamps of a source, as long as they make sense."""

import logging
from collections import deque
from dataclasses import dataclass

import numpy as np

from hydra_mono.core.errors import BadFrameError

logger = logging.getLogger(__name__)

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ClockRule:
    """When a stamp is doubted; a doubted stamp is believed once the next one agrees with it."""

    max_gap_s: float = 10.0  # recorders that drop frames and hand-picked key frames stay below
    typical_gaps: float = 20.0  # of key frames 12 s apart a pause of minutes is believable
    first_gap_s: float = 600.0  # before a third stamp nobody knows how far apart frames lie
    recent: int = 15  # intervals that say what is typical; a second at the rate of a slow camera
    max_stamp_ns: int = 1 << 62  # year 2116; sums of two such stamps still fit 64 bits
    tie_ns: int = 1_000  # between frames of one stamp; below any camera's interval


@dataclass(frozen=True, slots=True)
class Tick:
    """A stamp as the source gave it, and as the map has it.

    ``coarseness_s``: how far apart in time frames of one source stamp may be.
    """

    raw_ns: int
    stamp_ns: int
    offset_ns: int
    coarseness_s: float = 0.0


class MapClock:
    """Turns a source's stamps into ones that increase strictly.

    A stamp at or before the last one, or far ahead of it, is rejected once. When the next stamp
    agrees with the rejected one, it is believed: a leap ahead as a pause, a step back as a clock
    that was set back, whose later stamps are moved on by ``offset_ns``. Frames that share a stamp
    are spread over the interval between stamps.
    """

    def __init__(self, rule: ClockRule | None = None) -> None:
        self._rule = rule or ClockRule()
        self._last: Tick | None = None
        self._doubted_ns: int | None = None
        self._gaps_ns: deque[int] = deque(maxlen=self._rule.recent)
        self._ties = 0  # frames so far that share the last raw stamp
        self._usual_ties = 0  # frames that shared the raw stamp before

    @property
    def offset_ns(self) -> int:
        """What is added to the source's stamps now; not 0 once its clock was set back."""
        return 0 if self._last is None else self._last.offset_ns

    def resume(self, stamp_ns: int) -> None:
        """A map's last stamp, from which others go on."""
        self._last = Tick(stamp_ns, stamp_ns, 0)

    def read(self, frame_name: str, raw_ns: int) -> Tick:
        """The stamp of the map; ``accept`` it when the frame is used.

        Raises:
            BadFrameError: ``bad-stamp``, ``stamp-order`` or ``stamp-leap``.
        """
        if abs(raw_ns) > self._rule.max_stamp_ns:
            raise BadFrameError(frame_name, "bad-stamp", f"{raw_ns} ns lies beyond the year 2116")
        if self._last is None:
            return Tick(raw_ns, raw_ns, 0)
        if raw_ns == self._last.raw_ns:
            return self._tie(self._last)
        if raw_ns > self._last.raw_ns:
            return self._ahead(frame_name, raw_ns, self._last)
        return self._behind(frame_name, raw_ns, self._last)

    def _tie(self, last: Tick) -> Tick:
        coarseness_s = self._typical_gap_ns() / _SECOND_NS if self._gaps_ns else 1.0
        stamp_ns = last.stamp_ns + self._tie_ns()
        return Tick(last.raw_ns, stamp_ns, last.offset_ns, coarseness_s)

    def _ahead(self, frame_name: str, raw_ns: int, last: Tick) -> Tick:
        gap_ns = raw_ns - last.raw_ns
        if gap_ns > self._max_gap_ns() and not self._agrees(raw_ns, last):
            self._doubted_ns = raw_ns
            detail = f"{gap_ns / _SECOND_NS:.1f} s after the last frame"
            raise BadFrameError(frame_name, "stamp-leap", detail)
        stamp_ns = max(raw_ns + last.offset_ns, last.stamp_ns + self._rule.tie_ns)
        return Tick(raw_ns, stamp_ns, last.offset_ns, last.coarseness_s if self._ties > 1 else 0.0)

    def _behind(self, frame_name: str, raw_ns: int, last: Tick) -> Tick:
        if not self._agrees(raw_ns, last):
            self._doubted_ns = raw_ns
            detail = f"{raw_ns} ns is not after {last.raw_ns} ns"
            raise BadFrameError(frame_name, "stamp-order", detail)
        stamp_ns = last.stamp_ns + self._typical_gap_ns()
        return Tick(raw_ns, stamp_ns, stamp_ns - raw_ns)

    def accept(self, tick: Tick) -> None:
        """The frame of this stamp is used."""
        last = self._last
        if last is not None and tick.offset_ns != last.offset_ns:
            logger.warning(
                "the clock of the frames went back %.1f s; later stamps are moved on by %.1f s",
                (last.raw_ns - tick.raw_ns) / _SECOND_NS,
                tick.offset_ns / _SECOND_NS,
            )
        elif last is not None and tick.raw_ns > last.raw_ns:
            self._gaps_ns.append(tick.raw_ns - last.raw_ns)
        is_tie = last is not None and tick.raw_ns == last.raw_ns
        if not is_tie:
            self._usual_ties = self._ties
        self._ties = self._ties + 1 if is_tie else 1
        self._last, self._doubted_ns = tick, None

    def _agrees(self, raw_ns: int, last: Tick) -> bool:
        """Whether a stamp goes on from the one that was rejected just before."""
        if self._doubted_ns is None:
            return False
        is_next = 0 < raw_ns - self._doubted_ns <= self._max_gap_ns()
        return is_next or last.raw_ns < self._doubted_ns < raw_ns

    def _typical_gap_ns(self) -> int:
        return int(np.median(self._gaps_ns)) if self._gaps_ns else _SECOND_NS // 10

    def _max_gap_ns(self) -> int:
        rule = self._rule
        if len(self._gaps_ns) < 2:
            return int(rule.first_gap_s * _SECOND_NS)
        typical_s = self._typical_gap_ns() / _SECOND_NS
        return int(max(rule.max_gap_s, rule.typical_gaps * typical_s) * _SECOND_NS)

    def _tie_ns(self) -> int:
        """Step to the next frame of one stamp: as many fit into an interval as did before."""
        if self._usual_ties < 2 or self._ties >= self._usual_ties or not self._gaps_ns:
            return self._rule.tie_ns
        return max(self._rule.tie_ns, self._typical_gap_ns() // (self._usual_ties + 1))
