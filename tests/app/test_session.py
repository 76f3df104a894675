"""A run goes on past bad frames, saves under way, and keeps what it has when stopped."""

import logging
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from helpers_runs import (
    Fault,
    WallSource,
    back_in_time,
    broken_image,
    jump,
    nan_pose,
    no_depth,
    small_config,
)

from hydra_mono.cli.run import require_map
from hydra_mono.core.errors import DataError, ExportError
from hydra_mono.core.frame import Frame
from hydra_mono.core.gate.frame_gate import create_gate
from hydra_mono.core.prediction import Prediction
from hydra_mono.core.timing import StageClock
from hydra_mono.perception.predictors.create import SensorPredictor
from hydra_mono.pipeline import Mapper
from hydra_mono.session import SaveSchedule, Session


def session_for(source: WallSource, **options: object) -> Session:
    config = small_config()
    mapper = Mapper(config, SensorPredictor(source.label_space))
    options.setdefault("save", lambda session: None)
    return Session(mapper, create_gate(config.data), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (nan_pose, "nan-pose"),
        (jump, "pose-jump"),
        (no_depth, "empty-depth"),
        (back_in_time, "stamp-order"),
        (broken_image, "broken-image"),
    ],
)
def test_a_bad_frame_is_skipped_counted_and_named(fault: Fault, reason: str) -> None:
    source = WallSource(faults={5: fault})
    session = session_for(source)
    session.run(source, small_config().data)
    metrics = session.metrics()
    assert metrics["frames"] == 11
    assert metrics["skipped"]["reasons"] == {reason: 1}
    assert "wall-5" in metrics["skipped"]["frames"][0]


def test_a_bad_frame_leaves_no_trace_in_the_map() -> None:
    with_fault, without = WallSource(faults={11: nan_pose}), WallSource(count=11)
    sessions = [session_for(source) for source in (with_fault, without)]
    for session, source in zip(sessions, (with_fault, without), strict=True):
        session.run(source, small_config().data)
    a, b = (session.mapper.mesh.whole_mesh() for session in sessions)
    assert a.vertices_m.tobytes() == b.vertices_m.tobytes() and len(a) > 0


def test_nothing_usable_is_an_error_that_says_why() -> None:
    source = WallSource(count=3, faults=dict.fromkeys(range(3), nan_pose))
    with pytest.raises(DataError, match=r"wall: no usable frame among 3 .*3 nan-pose"):
        session_for(source).run(source, small_config().data)


def test_start_stride_and_count_choose_frames() -> None:
    source = WallSource(count=12)
    session = session_for(source)
    session.run(source, small_config("data.start=2", "data.stride=3", "data.max_frames=2").data)
    assert session.log.stamps_ns == [200_000_000, 500_000_000]


def test_ctrl_c_finishes_the_frame_in_hand_and_keeps_the_map() -> None:
    def press(session: Session) -> None:
        if session.log.frames == 4:
            os.kill(os.getpid(), signal.SIGINT)

    source = WallSource(count=12)
    session = session_for(source, on_frame=press)
    before = signal.getsignal(signal.SIGINT)
    session.run(source, small_config().data)
    assert session.metrics()["interrupted"] and session.log.frames == 4
    assert session.mapper.mesh.vertex_count > 0
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_saves_under_way() -> None:
    saves: list[int] = []
    source = WallSource()
    session = session_for(
        source,
        save=lambda session: saves.append(session.log.frames),
        checkpoint_interval_s=0.0,
    )
    session.run(source, small_config().data)
    assert saves and saves[0] < 6


def test_metrics_hold_what_users_read(tmp_path: Path) -> None:
    source = WallSource()
    session = session_for(source)
    session.run(source, small_config().data)
    metrics = session.metrics()
    assert {"median", "p95"} <= metrics["stage_ms"]["integrate"].keys()
    assert {"objects", "agents", "places", "rooms", "buildings"} == metrics["layers"].keys()
    assert metrics["peak_rss_mb"] >= metrics["first_frame_rss_mb"] > 0
    assert len(session.mapper.clock.frame_ms) == metrics["frames"]
    assert metrics["camera_poses"] > 1 and metrics["layers"]["agents"] == 1  # the camera


def test_a_full_disk_under_way_does_not_end_the_run(caplog: pytest.LogCaptureFixture) -> None:
    def full(session: Session) -> None:
        raise ExportError("cannot write graph.json: No space left on device")

    source = WallSource(count=6)
    session = session_for(source, save=full, checkpoint_interval_s=0.0)
    session.run(source, small_config().data)
    assert session.log.frames == 6 and "No space left" in caplog.text


class Failing(SensorPredictor):
    """Raises, or says nothing of use, on some frames."""

    def __init__(self, source: WallSource, bad: range, depth: float | None = None) -> None:
        super().__init__(source.label_space)
        self._bad, self._depth = bad, depth

    def __call__(self, frame: Frame) -> Prediction:
        if frame.index not in self._bad:
            return super().__call__(frame)
        if self._depth is None:
            raise ZeroDivisionError("a fault of the plug-in")
        return Prediction(np.full((48, 64), self._depth, np.float32))


def failing_session(source: WallSource, predictor: SensorPredictor) -> Session:
    config = small_config()
    gate = create_gate(config.data, needs_depth=True)
    return Session(Mapper(config, predictor), gate, save=lambda session: None)


@pytest.mark.parametrize("depth", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_a_prediction_that_fails_costs_its_frame_only(depth: float | None) -> None:
    source = WallSource()
    session = failing_session(source, Failing(source, range(4, 6), depth))
    session.run(source, small_config().data)
    reason = "predictor-error" if depth is None else "bad-prediction"
    assert session.metrics()["skipped"]["reasons"] == {reason: 2}
    assert session.log.frames == 10 and session.mapper.mesh.vertex_count > 0
    assert session.log.failure is None


def test_a_predictor_that_goes_on_failing_ends_the_run_and_keeps_the_map() -> None:
    source = WallSource(count=60)
    session = failing_session(source, Failing(source, range(10, 60)))
    session.run(source, small_config().data)
    assert session.log.frames == 10 and session.log.skipped["predictor-error"] == 20
    assert session.mapper.mesh.vertex_count > 0
    with pytest.raises(DataError, match="ZeroDivisionError: a fault of the plug-in") as caught:
        require_map(session, source, Path("results/run"))
    assert "results/run" in str(caught.value) and "\n" not in str(caught.value)


def test_a_predictor_that_never_succeeds_is_an_error_that_names_its_own() -> None:
    source = WallSource()
    session = failing_session(source, Failing(source, range(12)))
    with pytest.raises(DataError, match=r"no usable frame.*ZeroDivisionError"):
        session.run(source, small_config().data)


def test_an_empty_map_is_an_error() -> None:
    source = WallSource()
    session = session_for(source)
    with pytest.raises(DataError, match="no surface was mapped"):
        require_map(session, source, Path("results/run"))
    session.run(source, small_config().data)
    require_map(session, source, Path("results/run"))


def test_many_rejected_frames_are_said_with_the_setting(caplog: pytest.LogCaptureFixture) -> None:
    source = WallSource(faults=dict.fromkeys((3, 7), jump))
    with caplog.at_level(logging.WARNING):
        session_for(source).run(source, small_config().data)
    assert "wall: 2 of 12 frames were rejected (2 pose-jump)" in caplog.text
    assert "--set data.max_speed=" in caplog.text


def test_a_reader_that_fails_leaves_a_map_brought_up_to_date() -> None:
    def broken(frame: Frame) -> Frame:
        raise ZeroDivisionError("a fault of the reader")

    source = WallSource(faults={7: broken})
    session = session_for(source)
    with pytest.raises(ZeroDivisionError):
        session.run(source, small_config().data)
    assert session.log.frames == 7 and session.log.failed_stage == "read"
    assert session.mapper.mesh.vertex_count > 0


@pytest.mark.parametrize("frame_s", [0.1, 0.5, 2.0, 4.0])
def test_the_first_save_comes_within_three_seconds(frame_s: float) -> None:
    """Or after the first frame, where one takes longer than that."""
    schedule = SaveSchedule(30.0)
    schedule.is_due(0.0)
    due = [step for step in range(1, 40) if schedule.is_due(step * frame_s)]
    assert due[0] * frame_s <= max(3.0, frame_s)


def test_saves_take_a_bounded_share_of_the_time_and_never_stop() -> None:
    schedule, now_s, saving_s, saves = SaveSchedule(30.0), 0.0, 0.0, 0
    while now_s < 3600.0:
        now_s += 0.1
        if schedule.is_due(now_s):
            cost_s = 0.05 + now_s / 1000  # a map that grows
            schedule.saved(now_s, now_s + cost_s)
            now_s, saving_s, saves = now_s + cost_s, saving_s + cost_s, saves + 1
    assert saving_s < 0.035 * now_s and saves > 30


def test_stages_that_did_not_run_in_a_frame_have_no_time() -> None:
    clock = StageClock()
    clock.stage("mesh", int)
    clock.end_frame()
    assert set(clock.latest_ms()) == {"mesh"}
    clock.stage("view", int)
    clock.end_frame()
    assert set(clock.latest_ms()) == {"view"}
