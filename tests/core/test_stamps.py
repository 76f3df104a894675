"""Stamps: exact, in the unit that their size and spacing tell."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.core.files.stamps import (
    NANOSECONDS,
    SECONDS,
    UNITS,
    parse_stamp,
    to_ns,
    unit_like,
    unit_of,
)


@given(st.integers(-(2**63), 2**63 - 1))
def test_nanoseconds_survive_seconds_as_text(stamp_ns: int) -> None:
    text = f"{Decimal(stamp_ns).scaleb(-9):f}"
    assert to_ns(parse_stamp(text), SECONDS) == stamp_ns


@pytest.mark.parametrize("word", ["", "nan", "inf", "1_0", "1,5", "1e9999", "٣", "today"])
def test_words_that_are_no_stamps(word: str) -> None:
    with pytest.raises(ValueError, match="expected a stamp"):
        parse_stamp(word)


@pytest.mark.parametrize("word", ["9223372036.854775808", "1e30", "1e999", "-1e19"])
def test_stamps_beyond_64_bits(word: str) -> None:
    with pytest.raises(ValueError, match="beyond 64 bits"):
        to_ns(parse_stamp(word), SECONDS)


@pytest.mark.parametrize("unit_ns", UNITS.values())
@pytest.mark.parametrize("start_s", [0, 5, 1_305_031_102])
@pytest.mark.parametrize("step_s", ["0.033", "0.1", "0.5"])
def test_units_are_told(unit_ns: int, start_s: int, step_s: str) -> None:
    per_s = Decimal(SECONDS // unit_ns)
    stamps = [(start_s + index * Decimal(step_s)) * per_s for index in range(30)]
    assert unit_of(stamps) == unit_ns
    assert unit_of(stamps, NANOSECONDS) == unit_ns


@pytest.mark.parametrize("start_s", ["0.25", "1305031102"])
def test_key_frames_twelve_seconds_apart_are_in_seconds(start_s: str) -> None:
    assert unit_of([Decimal(start_s) + 12 * index for index in range(9)]) == SECONDS


def test_one_stamp_far_off_does_not_change_the_unit() -> None:
    stamps = [Decimal(10 + index) for index in range(9)]
    assert unit_of([*stamps, Decimal(10) ** 18]) == SECONDS
    assert unit_of([*stamps, Decimal("1e999")]) == SECONDS
    assert unit_of([]) == unit_of([Decimal(3)]) == unit_of([Decimal(3)] * 5) == SECONDS


def test_poses_a_few_milliseconds_apart_are_in_the_images_unit() -> None:
    images = [Decimal(5000 + 100 * index) for index in range(9)]
    poses = [Decimal(5000 + 5 * index) for index in range(150)]
    unit_ns = unit_of(images)
    assert unit_ns == UNITS["milliseconds"]
    assert unit_like(poses, images, unit_ns) == unit_ns
    assert unit_like([stamp / 1000 for stamp in poses], images, unit_ns) == SECONDS
