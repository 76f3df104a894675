"""Somebody seen in part is where the whole of him is, and known by what he looks like."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_motion import CAMERA, PERSON, TENTH_NS, Room, seen

from hydra_mono.core.frame import Frame
from hydra_mono.core.map.motion import TrackedAgent
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.motion.appearance import Appearance, appearance
from hydra_mono.mapping.motion.floor import Floor
from hydra_mono.mapping.motion.scene import Scene

RED, BLUE = (200, 30, 30), (30, 30, 200)
Shown = tuple[Frame, Prediction, np.ndarray]


def labelled(shown: Shown) -> tuple[Frame, Prediction]:
    frame, prediction, truth = shown
    return frame, replace(prediction, labels=np.where(truth, PERSON, 1).astype(np.uint8))


def tracked(room: Room, shown: list[Shown]) -> TrackedAgent:
    """Who is followed through frames, after the last."""
    for one in shown:
        motion = room.show(*labelled(one))
    return [agent for agent in motion.agents if agent.label == PERSON][-1]


def hidden_below(shown: Shown, height_m: float, away_m: float) -> Shown:
    """The same behind a table's front that reaches up to a height."""
    frame, prediction, truth = shown
    rows = np.arange(CAMERA.height)[:, None]
    before = 1.2 - (rows - CAMERA.cy) / CAMERA.fy * away_m < height_m
    depth = np.where(before & (prediction.depth_m > away_m), away_m, prediction.depth_m)
    rgb = np.where((before & truth)[..., None], 90, frame.rgb).astype(np.uint8)
    return (
        replace(frame, rgb=rgb),
        replace(prediction, depth_m=depth.astype(np.float32)),
        truth & ~before,
    )


def test_whose_head_is_above_the_image_is_as_tall_as_people_are() -> None:
    """At 0.9 m, a camera 1.2 m high sees up to 1.61 m."""
    room = Room()
    start = room.watch_empty(10)
    agent = tracked(room, [seen(start + i * TENTH_NS, [(0.0, 0.9, RED)]) for i in range(5)])
    assert agent.position_m[2] == pytest.approx(0.85, abs=0.08)
    assert agent.dimensions_m[2] == pytest.approx(1.7, abs=0.1)


def test_who_walks_behind_a_table_stays_at_the_height_of_his_middle() -> None:
    room = Room()
    start = room.watch_empty(10)
    walk = [seen(start + i * TENTH_NS, [(-0.5 + 0.1 * i, 2.5, RED)]) for i in range(12)]
    behind = [hidden_below(one, 0.9, 1.5) for one in walk]
    agent = tracked(room, behind)
    assert agent.position_m[2] == pytest.approx(0.85, abs=0.08)
    assert agent.position_m[0] == pytest.approx(0.6, abs=0.12)


def test_whose_half_is_out_of_the_image_is_where_the_whole_of_him_is() -> None:
    """The image ends at x = 1.22 m, the middle of a body 0.5 m wide whose left half is seen."""
    room = Room()
    start = room.watch_empty(10)
    agent = tracked(room, [seen(start + i * TENTH_NS, [(1.22, 2.0, RED)]) for i in range(8)])
    assert agent.position_m[0] == pytest.approx(1.2, abs=0.08)


def test_who_is_believed_is_told_from_when_he_was_first_seen() -> None:
    room = Room()
    start = room.watch_empty(10)
    told: list[int] = []
    for step in range(6):
        frame, prediction = labelled(seen(start + step * TENTH_NS, [(0.1 * step, 2.0, RED)]))
        told += [agent.stamp_ns for agent in room.show(frame, prediction).agents]
    assert told == [start + step * TENTH_NS for step in range(6)]


def test_who_comes_back_by_another_door_a_minute_later_is_the_same() -> None:
    """Another one, in other clothes, is not."""
    room, numbers = Room(), {}
    now = room.watch_empty(10)
    for name, color, away in (("first", RED, 2.0), ("other", BLUE, 2.0), ("again", RED, 3.0)):
        shown = [seen(now + i * TENTH_NS, [(0.1 * i, away, color)]) for i in range(8)]
        numbers[name] = tracked(room, shown).track
        now = room.watch_empty(10, since_ns=now + 30 * 10 * TENTH_NS)
    assert numbers["again"] == numbers["first"] != numbers["other"]


def test_who_is_found_to_move_without_a_label_is_told_from_where_he_came() -> None:
    """Nobody has seen the space free that he walks through: it takes looks to tell."""
    room, told = Room(), {}
    for step in range(16):
        frame, prediction, _ = seen(step * TENTH_NS, [(-0.8 + 0.1 * step, 2.5, RED)])
        for agent in room.show(frame, prediction).agents:
            told.setdefault(agent.track, []).append((agent.stamp_ns, agent.position_m[0]))
    (samples,) = told.values()
    stamps = [stamp for stamp, _ in samples]
    assert stamps == sorted(set(stamps))
    assert stamps[0] <= 3 * TENTH_NS
    off = [abs(x - (-0.8 + stamp / 1e9)) for stamp, x in samples]
    assert max(off) < 0.3


def looks(legs: tuple[int, int, int], trunk: tuple[int, int, int]) -> Appearance:
    heights = np.linspace(0.0, 1.8, 200)
    rgb = np.where(heights[:, None] < 0.85, legs, trunk).astype(np.uint8)
    return appearance(rgb, heights, 0.0, 1.8)


def test_looks_differ_by_clothes_and_not_by_light_or_by_what_is_hidden() -> None:
    first = looks(BLUE, RED)
    darker, swapped = looks((25, 25, 180), (180, 25, 25)), looks(RED, BLUE)
    heights = np.linspace(1.0, 1.8, 100)
    upper = appearance(np.full((100, 3), RED, np.uint8), heights, 0.0, 1.8)
    nothing = appearance(np.full((4, 3), RED, np.uint8), heights[:4], 0.0, 1.8)
    assert first.difference(first) == pytest.approx(0.0, abs=1e-6)
    assert first.difference(darker) < 0.35 < 0.7 < first.difference(swapped)  # type: ignore[operator]
    assert first.difference(upper) == pytest.approx(0.0, abs=1e-6)
    assert first.difference(nothing) is None


def patches(*heights_m: float) -> Scene:
    """Level patches of 1.2 m side by side, and a wall as large."""
    rng = np.random.default_rng(1)
    x, y = np.meshgrid(np.arange(40) * 0.03, np.arange(40) * 0.03)
    parts = [np.stack([x, y, rng.normal(z, 0.003, x.shape)], axis=2) for z in heights_m]
    wall = np.stack([x, np.zeros_like(x), 2 * y], axis=2)
    points = np.concatenate([*parts, wall], axis=1)
    shape = points.shape[:2]
    return Scene(
        stride_px=4,
        cell_rad=0.015,
        points_m=points,
        depth_m=np.full(shape, 2.0, np.float32),
        valid=np.ones(shape, bool),
        voxels=np.floor(points * 10).astype(np.int32),
        sigma_m=np.zeros(shape, np.float32),
    )


def learnt(floor: Floor, camera_m: float, *heights_m: float) -> Floor:
    scene = patches(*heights_m)
    for _ in range(3):
        floor.learn(scene, scene.valid, camera_m)
    return floor


def test_the_floor_is_the_lowest_of_the_heights_of_which_much_is_seen() -> None:
    floor = Floor()
    assert floor.height_m(1.5) is None
    learnt(floor, 1.5, 0.0, 0.75, 0.75)
    assert floor.height_m(1.5) == pytest.approx(0.0, abs=0.03)
    learnt(floor, 4.4, 2.9)
    assert floor.height_m(4.4) == pytest.approx(2.9, abs=0.03)
    assert floor.height_m(1.5) == pytest.approx(0.0, abs=0.03)


def test_the_floor_is_known_again_from_its_saved_state() -> None:
    floor, fresh = learnt(Floor(), 1.0, -0.4), Floor()
    fresh.restore(floor.state())
    assert fresh.height_m(1.0) == floor.height_m(1.0) == pytest.approx(-0.4, abs=0.03)


def test_who_steps_on_a_floor_not_seen_before_is_not_joined_to_it() -> None:
    """Half the floor is seen for the first time while he walks: it is no part of him."""
    room = Room()
    now = 0
    for step in range(14):
        frame, prediction, truth = seen(now + step * TENTH_NS, [(-0.7 + 0.1 * step, 2.0, RED)])
        if step < 8:
            dark = np.where(truth, prediction.depth_m, 0) + 0.0
            dark[:, : CAMERA.width // 3] = prediction.depth_m[:, : CAMERA.width // 3]
            prediction = replace(prediction, depth_m=dark.astype(np.float32))
        motion = room.show(*labelled((frame, prediction, truth)))
    (agent,) = motion.agents
    assert agent.position_m[:2] == pytest.approx((0.6, 2.1), abs=0.15)
    assert max(agent.dimensions_m[:2]) < 0.8
