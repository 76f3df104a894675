"""Stamps as text: seconds, milliseconds, microseconds or nanoseconds, exactly."""

import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from hydra_mono.core.files.documents import shortened

UNITS = {"seconds": 10**9, "milliseconds": 10**6, "microseconds": 10**3, "nanoseconds": 1}
SECONDS, NANOSECONDS = UNITS["seconds"], UNITS["nanoseconds"]

_STAMP = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DATES_S = 1e9, 4e9  # seconds since 1970: 2001 to 2096; no two units share a number
_LEAST_SPACING_S, _MOST_SPACING_S = 2e-3, 1e4  # between frames: 500 Hz, a picture in 3 hours
_MOST_VIDEO_SPACING_S = 10.0  # whole numbers farther apart are rather milliseconds
_SENSELESS = Decimal(10) ** 30  # in any unit
_USUAL_SPACING_S = 0.1  # what an unknown unit is chosen for


def parse_stamp(word: str) -> Decimal:
    """A stamp in whatever unit, without the rounding of floats; ``1.305e+09`` is one too.

    Raises:
        ValueError: the word is no finite number.
    """
    if not _STAMP.fullmatch(word):
        raise ValueError(f"expected a stamp, found {shortened(word)!r}")
    return Decimal(word)


def to_ns(stamp: Decimal, unit_ns: int) -> int:
    """The stamp in nanoseconds.

    Raises:
        ValueError: 64 bits cannot hold it.
    """
    if stamp.adjusted() > 30:  # far beyond, and costly to write out
        raise ValueError(f"the stamp {shortened(str(stamp))} is beyond 64 bits of nanoseconds")
    stamp_ns = int((stamp * unit_ns).to_integral_value())
    if not -(2**63) <= stamp_ns < 2**63:
        raise ValueError(f"the stamp {shortened(str(stamp))} is beyond 64 bits of nanoseconds")
    return stamp_ns


def unit_of(stamps: Sequence[Decimal], usual_ns: int = SECONDS) -> int:
    """Nanoseconds in the unit that a sequence's stamps are in, told by their size and spacing.

    Stamps that are dates of 2001 to 2096 in one unit are in that unit. Others are in the
    usual one, where their spacing may be that of frames; else in the unit that brings the
    spacing nearest to 0.1 s.
    """
    values = np.sort(np.array([float(stamp) for stamp in stamps if abs(stamp) < _SENSELESS]))
    steps = np.diff(values)
    spacing = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    typical = float(np.median(np.abs(values))) if len(values) else 0.0
    for unit_ns in UNITS.values():
        unit_s = unit_ns * 1e-9
        if _DATES_S[0] <= typical * unit_s < _DATES_S[1] and spacing * unit_s <= _MOST_SPACING_S:
            return unit_ns
    has_fraction = any(stamp != stamp.to_integral_value() for stamp in stamps[:100])
    most_s = _MOST_SPACING_S if has_fraction else _MOST_VIDEO_SPACING_S
    usual_s = spacing * usual_ns * 1e-9
    if spacing == 0 or _LEAST_SPACING_S <= usual_s < most_s:
        return usual_ns
    return min(
        UNITS.values(),
        key=lambda unit_ns: abs(np.log10(spacing * unit_ns * 1e-9 / _USUAL_SPACING_S)),
    )


def unit_like(stamps: Sequence[Decimal], others: Sequence[Decimal], others_unit_ns: int) -> int:
    """The unit of stamps beside others of the same recording: theirs, where sizes agree."""
    largest, other = (max((abs(stamp) for stamp in some), default=0) for some in (stamps, others))
    is_alike = other <= 100 * largest and largest <= 100 * other
    return others_unit_ns if is_alike else unit_of(stamps)


def unit_name(unit_ns: int) -> str:
    """``seconds`` and so on."""
    return next(name for name, size in UNITS.items() if size == unit_ns)
