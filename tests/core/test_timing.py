"""Stage times are booked where they belong."""

import pytest

from hydra_mono.core.timing import StageClock, peaks


def test_the_latest_times_are_those_of_the_last_frames_stages_alone() -> None:
    clock = StageClock()
    clock.stage("mesh", lambda: None)
    clock.stage("integrate", lambda: None)
    clock.end_frame()
    clock.stage("integrate", lambda: None)
    clock.stage("integrate", lambda: None)
    clock.end_frame()
    assert set(clock.latest_ms()) == {"integrate"}
    assert clock.latest_ms()["integrate"] == pytest.approx(clock.frame_ms[-1])


def test_a_frame_that_was_given_up_leaves_no_time() -> None:
    clock = StageClock()
    clock.stage("integrate", lambda: None)
    clock.drop_frame()
    clock.end_frame()
    assert clock.latest_ms() == {} and clock.frame_ms == [0.0]


def test_stages_outside_do_not_count_for_the_frame() -> None:
    clock = StageClock(outside=("read",))
    clock.stage("read", lambda: None)
    clock.end_frame()
    assert clock.frame_ms == [0.0] and "read" in clock.latest_ms()


def test_a_series_keeps_its_peaks_however_long() -> None:
    assert peaks([]) == []
    assert peaks([3.0, 1.0]) == [3.0, 1.0]
    long = peaks([1.0] * 5000 + [70.0] + [1.0] * 5000)
    assert len(long) == 200
    assert max(long) == 70.0
