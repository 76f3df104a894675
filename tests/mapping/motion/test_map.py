"""Motion in a room of closed form: what moves, who it is, and what stays."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_motion import LABELS, PERSON, TENTH_NS, Room, seen

from hydra_mono.mapping.motion.map import MotionMap

RED, BLUE = (200, 30, 30), (30, 30, 200)


def test_a_body_that_enters_free_space_is_found_to_its_outline() -> None:
    room = Room()
    start = room.watch_empty()
    hit = miss = extra = 0
    for step in range(15):
        frame, prediction, truth = seen(start + step * TENTH_NS, [(-0.7 + 0.1 * step, 2.0, RED)])
        moving = room.show(frame, prediction).moving
        assert moving is not None
        hit, miss = hit + int((moving & truth).sum()), miss + int((~moving & truth).sum())
        extra += int((moving & ~truth).sum())
    assert hit / (hit + miss) > 0.95
    assert hit / (hit + miss + extra) > 0.8  # two pixels round a body are left out of the map too


def test_noise_of_a_depth_camera_moves_nothing() -> None:
    room = Room()
    for number in range(40):
        frame, prediction, _ = seen(number * TENTH_NS, [], noise_m=0.02)
        assert room.show(frame, prediction).moving is None


def test_uncertain_depth_makes_no_walls_move() -> None:
    """Depth off by 30 cm a frame, and known to be: nothing moves. Believed to be exact: it does."""
    found = {}
    for sigma_m in (0.3, 0.0):
        room = Room()
        room.watch_empty()
        frame, prediction, _ = seen(21 * TENTH_NS, [])
        nearer = replace(
            prediction,
            depth_m=prediction.depth_m - np.float32(0.5),
            sigma_m=np.full_like(prediction.depth_m, sigma_m),
        )
        found[sigma_m] = room.show(frame, nearer).moving
    assert found[0.3] is None
    assert found[0.0] is not None


def test_the_label_of_somebody_is_enough_at_the_first_frame() -> None:
    frame, prediction, truth = seen(0, [(0.0, 2.0, RED)])
    labels = np.where(truth, PERSON, 1).astype(np.uint8)
    moving = Room().show(frame, replace(prediction, labels=labels)).moving
    assert moving is not None
    assert moving[truth].all()


def test_who_walks_is_one_agent_with_his_speed() -> None:
    room = Room()
    start = room.watch_empty()
    for step in range(16):
        frame, prediction, _ = seen(start + step * TENTH_NS, [(-0.8 + 0.1 * step, 2.0, RED)])
        motion = room.show(frame, prediction)
    (agent,) = motion.agents
    assert agent.velocity_m_s[0] == pytest.approx(1.0, abs=0.15)
    assert agent.position_m[0] == pytest.approx(0.7, abs=0.1)
    assert agent.color[0] > agent.color[2]


def test_two_who_pass_each_other_keep_their_numbers() -> None:
    room = Room()
    start = room.watch_empty()
    numbers: dict[str, set[int]] = {"red": set(), "blue": set()}
    for step in range(20):
        red, blue = (-0.95 + 0.1 * step, 1.8, RED), (0.95 - 0.1 * step, 2.6, BLUE)
        frame, prediction, _ = seen(start + step * TENTH_NS, [red, blue])
        for agent in room.show(frame, prediction).agents:
            if agent.is_seen:
                numbers["red" if agent.color[0] > agent.color[2] else "blue"].add(agent.track)
    assert numbers["red"].isdisjoint(numbers["blue"])
    assert len(numbers["red"]) == len(numbers["blue"]) == 1


def test_who_is_hidden_for_two_seconds_is_still_the_same() -> None:
    room = Room()
    start = room.watch_empty()
    before, after = set(), set()
    for step in range(45):
        hidden = 10 <= step < 30
        body = [] if hidden else [(-0.9 + 0.04 * step, 2.0, RED)]
        frame, prediction, _ = seen(start + step * TENTH_NS, body)
        found = {agent.track for agent in room.show(frame, prediction).agents if agent.is_seen}
        (before if step < 10 else after).update(found)
    assert before == after
    assert len(before) == 1


def test_what_is_put_down_comes_to_stay() -> None:
    room = Room()
    start = room.watch_empty()
    moving = []
    for step in range(340):
        frame, prediction, truth = seen(start + step * TENTH_NS, [(0.0, 2.0, BLUE)])
        found = room.show(frame, prediction).moving
        moving.append(found is not None and bool(found[truth].any()))
    assert all(moving[:250])
    assert not any(moving[-10:])


def test_a_map_goes_on_from_its_saved_state() -> None:
    first, second = Room(), Room()
    start = first.watch_empty()
    second.watch_empty()
    fresh = MotionMap(LABELS, voxel_size_m=0.1)
    fresh.restore(second.motion.state())
    second.motion = fresh
    for step in range(8):
        frame, prediction, _ = seen(start + step * TENTH_NS, [(-0.4 + 0.1 * step, 2.0, RED)])
        a, b = first.show(frame, prediction), second.show(frame, prediction)
        assert a.agents == b.agents
        np.testing.assert_array_equal(a.moving, b.moving)
