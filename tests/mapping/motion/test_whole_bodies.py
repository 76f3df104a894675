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

RED, BLUE = (200, 30, 30), (30, 30, 200)
Shown = tuple[Frame, Prediction, np.ndarray]


def labelled(shown: Shown) -> tuple[Frame, Prediction]:
    frame, prediction, truth = shown
    return frame, replace(prediction, labels=np.where(truth, PERSON, 1).astype(np.uint8))


def tracked(room: Room, shown: list[Shown]) -> TrackedAgent:
    """Who is followed through frames, after the last."""
    for one in shown:
        motion = room.show(*labelled(one))
    return motion.agents[-1]


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


def test_the_floor_is_the_lowest_of_the_heights_of_which_much_is_seen() -> None:
    rng = np.random.default_rng(1)
    floor = Floor()
    assert floor.height_m(1.5) is None
    for _ in range(4):
        wall = rng.uniform(0, 2.5, 400)
        floor.learn(np.concatenate([rng.normal(0.0, 0.01, 300), [0.75] * 200, wall]), 1.5)
    assert floor.height_m(1.5) == pytest.approx(0.0, abs=0.03)
    upstairs = np.concatenate([rng.normal(2.9, 0.01, 900), rng.uniform(0, 2.5, 90)])
    floor.learn(upstairs, 4.4)
    assert floor.height_m(4.4) == pytest.approx(2.9, abs=0.03)
    assert floor.height_m(1.5) == pytest.approx(0.0, abs=0.03)


def test_the_floor_is_known_again_from_its_saved_state() -> None:
    floor, fresh = Floor(), Floor()
    floor.learn(np.full(500, -0.4), 1.0)
    fresh.restore(floor.state())
    assert fresh.height_m(1.0) == floor.height_m(1.0) == pytest.approx(-0.4, abs=0.03)
