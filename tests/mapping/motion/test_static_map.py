"""Whatever happens before the camera, the map is of the room that stays."""

from collections.abc import Iterator

import numpy as np
import pytest
from helpers_motion import LABELS, LOOKING_ALONG_Y, TENTH_NS, Room, seen, walk

from hydra_mono.core.map.motion import Motion
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.freespace.map import FreeSpaceMap
from hydra_mono.mapping.motion.map import MotionMap

RED = (200, 30, 30)
LEAVES = [(0.12 * step, 2.0) for step in range(14)]  # to the right, out of view
SECOND_NS = 10**9


def crossing(steps: int = 24) -> Iterator[tuple[float, float]]:
    return ((-1.4 + 0.12 * step, 2.2) for step in range(steps))


@pytest.fixture
def room() -> Room:
    return Room(fused=True)


def test_who_sat_for_a_minute_and_walks_off_leaves_nothing(room: Room) -> None:
    """Without a label he has come to stay after 30 s, and is mapped until he goes."""
    now = room.watch_empty()
    for _ in range(60):
        frame, prediction, _ = seen(now, [(0.0, 2.0, RED)])
        room.show(frame, prediction)
        now += SECOND_NS
    assert len(room.stray()) > 100
    now, _ = walk(room, now, LEAVES, RED)
    room.watch_empty(20, since_ns=now)
    assert len(room.stray()) == 0
    where_he_sat = np.array([[0.0, 2.0, 0.9], [0.1, 2.1, 1.3]])
    assert room.free.is_free(where_he_sat).all()


def test_who_stood_there_from_the_start_and_walks_off_leaves_nothing(room: Room) -> None:
    now, _ = walk(room, 0, [(0.0, 2.0)] * 25, RED)
    assert len(room.stray()) > 100
    now, _ = walk(room, now, LEAVES, RED)
    room.watch_empty(20, since_ns=now)
    assert len(room.stray()) == 0


def test_who_turns_on_the_spot_where_he_has_stood_from_the_start_is_taken_out(room: Room) -> None:
    """Nobody saw the space he fills: it is told by what he uncovers, and covers anew."""
    now, _ = walk(room, 0, [(0.0, 2.0)] * 12, RED)
    assert len(room.stray()) > 100
    sway = [(0.22 * np.sin(0.35 * step), 2.0) for step in range(30)]
    _, found = walk(room, now, sway, RED)
    assert len(room.stray()) == 0
    last: Motion = found[-1]
    assert last.moving is not None
    assert len(last.agents) == 1


def test_dropped_frames_harm_nothing(room: Room) -> None:
    now = room.watch_empty()
    for step, (x, away) in enumerate(crossing()):
        if step % 4 in (0, 3):
            frame, prediction, _ = seen(now + step * TENTH_NS, [(x, away, RED)])
            room.show(frame, prediction)
    assert len(room.stray()) == 0


@pytest.mark.parametrize("gap_s", [300, -5])
def test_a_pause_or_a_jump_of_the_clock_harms_nothing(room: Room, gap_s: int) -> None:
    """Somebody came in the pause, stands, and goes on."""
    now = room.watch_empty() + gap_s * SECOND_NS
    now, _ = walk(room, now, [(0.0, 2.0)] * 10, RED)
    now, _ = walk(room, now, LEAVES, RED)
    room.watch_empty(20, since_ns=now)
    assert len(room.stray()) == 0


def test_a_body_that_fills_the_view_harms_nothing(room: Room) -> None:
    now = room.watch_empty(12)
    before = len(room.surface_m())
    for step in range(20):
        frame, prediction, _ = seen(now, [], doors_m=0.0 if step > 2 else 0.3)
        room.show(frame, prediction)
        now += TENTH_NS
    room.watch_empty(10, since_ns=now)
    assert len(room.stray()) == 0
    assert len(room.surface_m()) > 0.98 * before


def test_a_lift_whose_doors_close_on_the_camera_keeps_what_was_before_them(room: Room) -> None:
    now = room.watch_empty(12)
    before = len(room.surface_m())
    gaps = [*np.linspace(0.7, 0.0, 12), *[0.0] * 20, *np.linspace(0.0, 0.7, 12)]
    for gap_m in gaps:
        frame, prediction, _ = seen(now, [], doors_m=float(gap_m))
        room.show(frame, prediction)
        now += TENTH_NS
    room.watch_empty(10, since_ns=now)
    assert len(room.stray()) == 0
    assert len(room.surface_m()) > 0.98 * before


def test_poses_that_jump_while_somebody_walks_harm_nothing(room: Room) -> None:
    """Off by 10 cm for half a second, twice: no surface is lost, nobody is invented."""
    now = room.watch_empty(12)
    before = len(room.surface_m())
    numbers = set()
    for step, (x, away) in enumerate(crossing()):
        told = LOOKING_ALONG_Y.copy()
        if step % 12 >= 7:
            told[:3, 3] += [0.06, 0.06, 0.05]
        frame, prediction, _ = seen(now, [(x, away, RED)], told=told)
        numbers |= {agent.track for agent in room.show(frame, prediction).agents}
        now += TENTH_NS
    room.watch_empty(20, since_ns=now)
    assert len(numbers) == 1
    assert len(room.stray()) == 0
    assert len(room.surface_m()) > 0.98 * before


def test_a_camera_that_moves_through_a_still_room_sees_nothing_move(room: Room) -> None:
    rng = np.random.default_rng(3)
    for step in range(40):
        pose, told = LOOKING_ALONG_Y.copy(), LOOKING_ALONG_Y.copy()
        pose[:3, 3] += [0.3 * np.sin(0.2 * step), 0.02 * step, 0.1 * np.cos(0.15 * step)]
        told[:3, 3] = pose[:3, 3] + rng.normal(0, 0.01, 3)
        box = [(0.3, 2.0, (0, 90, 0))]
        frame, prediction, _ = seen(step * TENTH_NS, box, noise_m=0.01, pose=pose, told=told)
        motion = room.show(frame, prediction)
        assert not motion.agents
        assert motion.moving is None
    assert len(room.stray()) > 100


def test_the_state_holds_the_looks_too() -> None:
    """Somebody who turns on the spot is found at the same frame by a map that goes on."""
    first, second = Room(), Room()
    now, _ = walk(first, 0, [(0.0, 2.0)] * 12, RED)
    walk(second, 0, [(0.0, 2.0)] * 12, RED)
    fresh = MotionMap(LABELS, voxel_size_m=0.1)
    fresh.restore(second.motion.state())
    second.motion = fresh
    sway = [(0.22 * np.sin(0.35 * step), 2.0) for step in range(20)]
    _, one = walk(first, now, sway, RED)
    _, other = walk(second, now, sway, RED)
    assert any(motion.moving is not None for motion in one)
    for a, b in zip(one, other, strict=True):
        assert a.agents == b.agents
        np.testing.assert_array_equal(a.mistaken, b.mistaken)
        np.testing.assert_array_equal(a.moving, b.moving)


def test_a_networks_biased_and_noisy_depth_moves_no_wall_but_shows_who_walks() -> None:
    """Off by 5 % a frame as a whole, by 3 % in patches, and known to be."""
    room, rng = Room(), np.random.default_rng(5)
    room.space = FreeSpaceMap(
        voxel_size_m=0.1, max_depth_m=5.0, window_radius_m=8.0, margin_sigmas=2.0
    )
    found = []
    for step in range(60):
        walker = [(-0.9 + 0.1 * (step - 40), 1.4, RED)] if step >= 40 else []
        frame, prediction, truth = seen(step * TENTH_NS, walker)
        patches = rng.normal(0, 0.03, (15, 20)).repeat(8, 0).repeat(8, 1)
        off = (1 + rng.normal(0, 0.05) + patches).astype(np.float32)
        depth_m = prediction.depth_m * off
        estimate = Prediction(depth_m, sigma_m=np.float32(0.06) * depth_m)
        moving = room.show(frame, estimate).moving
        if step < 40:
            assert moving is None
        else:
            found.append(moving is not None and bool(moving[truth].any()))
    assert sum(found) >= 10
