"""Stamps and poses: what is believed at once, what after a second frame, and what never."""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from helpers_datasets import HEIGHT, WIDTH, frame
from helpers_runs import small_config
from scipy.spatial.transform import Rotation

from hydra_mono.core.config import DataConfig
from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame
from hydra_mono.core.gate.frame_gate import FrameGate, create_gate, rejection_line
from hydra_mono.core.geometry import rotation_angle_rad
from hydra_mono.simulation.source import open_simulated

SECOND_NS = 10**9


def passed(frames: Iterable[Frame], gate: FrameGate | None = None) -> tuple[list[Frame], Counter]:
    """The frames that a gate lets through, and why it rejects the others."""
    gate, used, reasons = gate or FrameGate(), [], Counter()
    for each in frames:
        try:
            used.append(gate.check(each))
        except BadFrameError as error:
            reasons[error.reason] += 1
    return used, reasons


def moved(position: tuple[float, float, float], turn_deg: float = 0.0) -> np.ndarray:
    result = np.eye(4)
    result[:3, :3] = Rotation.from_euler("y", turn_deg, degrees=True).as_matrix()
    result[:3, 3] = position
    return result


@lru_cache
def walk() -> tuple[Frame, ...]:
    """120 frames of a walk through a simulated building, 10 a second."""
    config = small_config("simulation.frames=120", "simulation.rooms=3").simulation
    source = open_simulated("simulated/5", config)
    return tuple(source[index] for index in range(len(source)))


def stamped(stamps_ns: list[int]) -> list[Frame]:
    frames = [frame(index) for index in range(len(stamps_ns))]
    return [replace(each, stamp_ns=s) for each, s in zip(frames, stamps_ns, strict=True)]


def test_a_steady_walk_passes_unchanged() -> None:
    used, reasons = passed(walk())
    assert not reasons
    assert [each.stamp_ns for each in used] == [each.stamp_ns for each in walk()]
    assert all(a.rgb is b.rgb for a, b in zip(used, walk(), strict=True))


GOOD_NS = [round(1_305_031_100 * SECOND_NS + i * 0.1 * SECOND_NS) for i in range(60)]


def one_off(seconds: int) -> list[int]:
    return [*GOOD_NS[:16], GOOD_NS[16] + seconds * SECOND_NS, *GOOD_NS[17:]]


def set_to(seconds: int) -> list[int]:
    return [*GOOD_NS[:20], *(stamp + seconds * SECOND_NS for stamp in GOOD_NS[20:])]


FAULTY_NS: dict[str, list[int]] = {
    **{f"one off by {s} s": one_off(s) for s in (1, 9, 11, 1000, 10**8)},
    **{f"one off by {-s} s": one_off(-s) for s in (1, 11, 1000, 10**9)},
    **{f"clock set by {s} s": set_to(s) for s in (1, 11, 3600, 10**8)},
    **{f"clock set by {-s} s": set_to(-s) for s in (1, 11, 3600, 10**9)},
    "the first is wrong": [4 * 10**18, *GOOD_NS[1:]],
    "the last is wrong": [*GOOD_NS[:-1], 0],
    "one is zero": [*GOOD_NS[:30], 0, *GOOD_NS[31:]],
    "one is beyond 64 bits": [*GOOD_NS[:30], 2**70, *GOOD_NS[31:]],
    "one twice": [*GOOD_NS[:30], GOOD_NS[29], *GOOD_NS[31:]],
    "whole seconds": [t // SECOND_NS * SECOND_NS for t in GOOD_NS],
    "three of one stamp": [GOOD_NS[0] + i // 3 * 3 * SECOND_NS // 10 for i in range(60)],
    "all alike": [GOOD_NS[0]] * 60,
    "two swapped": [*GOOD_NS[:30], GOOD_NS[31], GOOD_NS[30], *GOOD_NS[32:]],
    "every 12 s": [GOOD_NS[0] + i * 12 * SECOND_NS for i in range(60)],
    "every 3 minutes": [GOOD_NS[0] + i * 180 * SECOND_NS for i in range(60)],
    "a break of an hour": GOOD_NS[:30] + [t + 3600 * SECOND_NS for t in GOOD_NS[30:]],
}


@pytest.mark.parametrize("kind", FAULTY_NS)
def test_no_fault_of_the_stamps_costs_more_than_one_frame(kind: str) -> None:
    used, reasons = passed(stamped(FAULTY_NS[kind]))
    assert len(used) >= 59, reasons
    steps = np.diff([each.stamp_ns for each in used])
    assert (steps > 0).all()


def test_a_clock_set_back_moves_later_stamps_on_and_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = FrameGate()
    with caplog.at_level(logging.WARNING):
        used, reasons = passed(stamped(FAULTY_NS["clock set by -3600 s"]), gate)
    assert reasons == {"stamp-order": 1}
    assert len(caplog.records) == 1 and "went back 3599.8 s" in caplog.text
    assert gate.stamp_offset_ns == pytest.approx(3600 * SECOND_NS, abs=SECOND_NS)
    span_s = (used[-1].stamp_ns - used[0].stamp_ns) / SECOND_NS
    assert span_s == pytest.approx(5.9, abs=0.2)


def test_a_break_is_time_that_passed() -> None:
    used, _ = passed(stamped(FAULTY_NS["a break of an hour"]))
    assert used[-1].stamp_ns == GOOD_NS[-1] + 3600 * SECOND_NS


def test_one_wild_stamp_does_not_move_the_map_s_time() -> None:
    used, reasons = passed(stamped(FAULTY_NS["one off by 1000 s"]))
    assert reasons == {"stamp-leap": 1}
    assert [each.stamp_ns for each in used] == GOOD_NS[:16] + GOOD_NS[17:]


def test_frames_of_one_stamp_are_spread_over_the_time_to_the_next() -> None:
    used, _ = passed(stamped(FAULTY_NS["whole seconds"]))
    stamps_s = np.array([each.stamp_ns for each in used]) / SECOND_NS
    later = stamps_s[25:] - stamps_s[0]
    assert np.abs(later - np.arange(25, 60) / 10).max() < 0.35


def test_a_rejected_frame_leaves_no_trace() -> None:
    gate = FrameGate()
    gate.check(frame(5))
    late_and_empty = frame(50, depth_m=np.zeros((HEIGHT, WIDTH), np.float32))
    assert passed([late_and_empty], gate)[1] == {"empty-depth": 1}
    assert passed([frame(6)], gate)[1] == {}


def test_depth_is_judged_where_the_predictor_needs_it_only() -> None:
    empty = frame(0, depth_m=np.zeros((HEIGHT, WIDTH), np.float32))
    assert passed([empty])[1] == {"empty-depth": 1}
    gate = create_gate(DataConfig(), needs_depth=False)
    assert passed([empty, frame(1, depth_m=None)], gate)[1] == {}


@pytest.mark.parametrize("stride", [3, 10, 20, 40])
def test_sparse_frames_of_a_walk_are_all_used(stride: int) -> None:
    assert passed(walk()[::stride])[1] == {}


def test_limits_are_speeds() -> None:
    def jump(metres: float, turn_deg: float, after_s: float, speed: float = 5.0) -> Counter:
        first = frame(0, world_from_camera=moved((0, 0, 0)), depth_m=None)
        pose = moved((metres, 0, 0), turn_deg)
        second = frame(1, world_from_camera=pose, depth_m=None, stamp_ns=round(after_s * 1e9))
        gate = create_gate(DataConfig(max_speed=speed))
        established = [replace(first, stamp_ns=i - 20) for i in range(20)]
        return passed([*established, second], gate)[1]

    assert jump(0.8, 0.0, 0.1) == {} and jump(1.0, 0.0, 0.1) == {"pose-jump": 1}
    assert jump(5.3, 0.0, 1.0) == {} and jump(5.6, 0.0, 1.0) == {"pose-jump": 1}
    assert jump(5.6, 0.0, 1.0, speed=6.0) == {}
    assert jump(0.0, 60.0, 0.1) == {} and jump(0.0, 80.0, 0.1) == {"pose-jump": 1}


def lost(frames: list[Frame], poses: list[np.ndarray]) -> list[Frame]:
    return [replace(f, world_from_camera=p) for f, p in zip(frames, poses, strict=True)]


def shifted(frames: Iterable[Frame], offset_m: tuple[float, float, float]) -> list[Frame]:
    return lost(list(frames), [moved(offset_m) @ f.world_from_camera for f in frames])


def test_one_wrong_pose_costs_one_frame() -> None:
    for at in (0, 1, 5, 60, 119):
        frames = list(walk())
        frames[at : at + 1] = shifted(frames[at : at + 1], (30.0, 0.0, 0.0))
        used, reasons = passed(frames)
        assert len(used) >= 118 and set(reasons) <= {"pose-jump"}, at


@pytest.mark.parametrize("kind", ["wild", "far away", "frozen", "NaN", "drifting"])
def test_a_loss_ends_with_the_first_good_pose(kind: str) -> None:
    frames = list(walk())
    part, rng = frames[50:80], np.random.default_rng(0)
    poses = {
        "wild": [moved(tuple(rng.normal(0, 30, 3)), 90.0 * i) for i in range(30)],
        "far away": [moved((40.0, 0, 0)) @ f.world_from_camera for f in part],
        "frozen": [frames[49].world_from_camera] * 30,
        "NaN": [np.full((4, 4), np.nan)] * 30,
        "drifting": [moved((9.0 + 0.3 * i, 0, 0)) @ part[0].world_from_camera for i in range(30)],
    }[kind]
    used, _ = passed([*frames[:50], *lost(part, poses), *frames[80:]])
    names = {each.name for each in used}
    assert {each.name for each in frames[:50] + frames[80:]} <= names


@pytest.mark.parametrize("offset_m", [(2.0, 0.0, 0.0), (0.0, 5.0, 0.0), (0.0, 0.0, 3.0)])
@pytest.mark.parametrize("has_depth", [True, False])
def test_a_wrong_jump_that_stays_is_not_followed(
    offset_m: tuple[float, float, float], has_depth: bool, caplog: pytest.LogCaptureFixture
) -> None:
    frames = list(walk()[:60]) + shifted(walk()[60:], offset_m)
    if not has_depth:
        frames = [replace(each, depth_m=None) for each in frames]
    with caplog.at_level(logging.WARNING):
        used, reasons = passed(frames)
    assert len(used) == 60 and reasons == {"pose-jump": 60}
    assert len(caplog.records) == 1 and "data.max_speed" in caplog.text


def test_poses_that_come_back_from_a_wrong_place_are_used_again() -> None:
    frames = [*walk()[:60], *shifted(walk()[60:90], (0.0, 5.0, 0.0)), *walk()[90:]]
    assert passed(frames)[1] == {"pose-jump": 30}


def test_a_cut_to_another_view_is_believed_with_the_second_frame() -> None:
    frames = [*walk()[:30], *(replace(f, stamp_ns=f.stamp_ns - 10**9) for f in walk()[100:])]
    frames = [replace(each, stamp_ns=i * 10**8) for i, each in enumerate(frames)]
    far = shifted(frames[30:], (20.0, 0.0, 0.0))
    used, reasons = passed([*frames[:30], *far])
    assert len(used) >= 49, reasons


def test_a_survey_s_coordinates_become_local_and_come_back() -> None:
    offset_m = (500_000.0, 4_500_000.0, 10_000_000.0)
    gate, near = FrameGate(), FrameGate()
    used, reasons = passed(shifted(walk(), offset_m), gate)
    assert not reasons and gate.origin_m == offset_m
    assert near.origin_m == (0.0, 0.0, 0.0)
    for local, true in zip(used, walk(), strict=True):
        np.testing.assert_allclose(local.world_from_camera, true.world_from_camera, atol=5e-9)


@pytest.mark.parametrize("far_m", [1e10, 2e8, -1e9])
def test_absurd_positions_are_refused_and_fix_no_origin(far_m: float) -> None:
    frames = [*shifted(walk()[:1], (far_m, 0.0, 0.0)), *walk()[1:]]
    gate = FrameGate()
    used, reasons = passed(frames, gate)
    assert reasons == {"far-pose": 1} and len(used) == 119 and gate.origin_m == (0.0, 0.0, 0.0)


def test_a_pose_out_of_reach_of_the_map_s_cells_is_refused() -> None:
    frames = [*walk()[:60], *shifted(walk()[60:], (0.0, 7000.0, 0.0))]
    assert passed(frames)[1] == {"far-pose": 60}


def test_who_rejects_a_tenth_says_so_and_names_the_setting() -> None:
    assert rejection_line(90, {"pose-jump": 10}) is None
    line = rejection_line(89, {"pose-jump": 9, "nan-pose": 2})
    assert line is not None and "11 of 100" in line and "--set data.max_speed=" in line


def test_the_walk_turns_and_moves() -> None:
    """The tests above say something only if the walk does."""
    first, last = walk()[0].world_from_camera, walk()[-1].world_from_camera
    turns = [
        rotation_angle_rad(a.world_from_camera[:3, :3].T @ b.world_from_camera[:3, :3])
        for a, b in zip(walk(), walk()[1:], strict=False)
    ]
    assert np.linalg.norm(last[:3, 3] - first[:3, 3]) > 1.0 or sum(turns) > np.pi
