"""Who comes back after minutes is known again, and nobody else is taken for him."""

import numpy as np
import pytest
from helpers_motion import PERSON

from hydra_mono.mapping.motion.appearance import Appearance, appearance
from hydra_mono.mapping.motion.body_boxes import BodyBox
from hydra_mono.mapping.motion.detections import Detection
from hydra_mono.mapping.motion.identity import IdentityRule, least_difference, odds, probabilities
from hydra_mono.mapping.motion.tracker import Tracker

RED, BLUE, GREEN = (200, 30, 30), (30, 30, 200), (30, 160, 40)
TENTH_NS, MINUTE_NS = 100_000_000, 60_000_000_000
RULE = IdentityRule()


def clothed(trunk: tuple[int, int, int], legs: tuple[int, int, int] = GREEN) -> Appearance:
    heights = np.linspace(0.0, 1.7, 120)
    rgb = np.where(heights[:, None] < 0.8, legs, trunk).astype(np.uint8)
    return appearance(rgb, heights, 0.0, 1.7)


def body(
    x_m: float,
    looks: Appearance,
    tall_m: float = 1.7,
    label: int = PERSON,
    area_m2: float = 0.5,
) -> Detection:
    middle = np.array([x_m, 2.0, tall_m / 2])
    voxel = np.floor(middle * 10).astype(np.int32)[None]
    box = BodyBox(middle, np.array([0.5, 0.4, tall_m]), stands=True, is_cut=False)
    return Detection(box, label, looks, area_m2, voxel, voxel, is_evident=True)


def numbers(tracker: Tracker, start_ns: int, *bodies: Detection, frames: int = 15) -> list[int]:
    """Whom a tracker tells of, after somebody has stood before it for a while."""
    for step in range(frames):
        agents = tracker.update(list(bodies), start_ns + step * TENTH_NS)
    return [agent.track for agent in agents if agent.is_seen]


def test_who_comes_back_after_ten_minutes_is_the_same_and_another_is_not() -> None:
    tracker = Tracker(frozenset([PERSON]))
    (first,) = numbers(tracker, 0, body(0.0, clothed(RED)))
    (other,) = numbers(tracker, 5 * MINUTE_NS, body(4.0, clothed(BLUE, RED)))
    (again,) = numbers(tracker, 10 * MINUTE_NS, body(8.0, clothed(RED)))
    assert again == first != other


def test_of_two_clothed_alike_one_alone_is_not_guessed() -> None:
    tracker = Tracker(frozenset([PERSON]))
    both = numbers(tracker, 0, body(0.0, clothed(RED)), body(2.0, clothed(RED)))
    (again,) = numbers(tracker, MINUTE_NS, body(6.0, clothed(RED)))
    assert len(set(both)) == 2
    assert again not in both


def test_who_is_in_view_at_once_with_somebody_is_not_he() -> None:
    tracker = Tracker(frozenset([PERSON]))
    (first,) = numbers(tracker, 0, body(0.0, clothed(RED)))
    found = numbers(tracker, 15 * TENTH_NS, body(0.0, clothed(RED)), body(2.5, clothed(RED)))
    assert first in found
    assert len(set(found)) == 2


def test_what_somebody_carries_does_not_become_him() -> None:
    tracker = Tracker(frozenset([PERSON]))
    (first,) = numbers(tracker, 0, body(0.0, clothed(RED)))
    box = body(0.1, clothed(RED), label=PERSON + 1)
    assert first not in numbers(tracker, 15 * TENTH_NS, box, frames=3)


def test_after_a_pause_of_minutes_who_stands_there_is_known_by_his_looks() -> None:
    for looks, is_same in ((clothed(RED), True), (clothed(BLUE, RED), False)):
        tracker = Tracker(frozenset([PERSON]))
        (first,) = numbers(tracker, 0, body(0.0, clothed(RED)))
        (found,) = numbers(tracker, 5 * MINUTE_NS, body(0.3, looks))
        assert (found == first) is is_same


def test_who_is_told_of_as_somebody_new_gets_his_number_once_his_clothes_are_seen() -> None:
    tracker, dark = Tracker(frozenset([PERSON])), clothed((5, 5, 5), (5, 5, 5))
    (first,) = numbers(tracker, 0, body(0.0, clothed(RED)))
    (new,) = numbers(tracker, MINUTE_NS, body(4.0, dark), frames=12)
    told = []
    for step in range(12, 140):
        told += tracker.update([body(4.0, clothed(RED))], MINUTE_NS + step * TENTH_NS)
    assert new != first
    assert told[0].track == new and told[-1].track == first
    assert [agent.formerly for agent in told if agent.formerly is not None] == [new]


def test_a_sliver_beside_a_body_begins_no_track_but_a_small_body_alone_does() -> None:
    sliver = body(0.6, clothed(RED), area_m2=0.02)
    both = numbers(Tracker(frozenset([PERSON])), 0, body(0.0, clothed(RED)), sliver)
    alone = numbers(Tracker(frozenset([PERSON])), 0, sliver)
    assert len(both) == len(alone) == 1


def test_what_a_door_frame_tears_off_somebody_is_he_once_only_that_is_seen() -> None:
    tracker = Tracker(frozenset([PERSON]))
    (first,) = numbers(tracker, 0, body(0.0, clothed(RED)))
    pieces = [body(0.0, clothed(RED), area_m2=0.2), body(0.6, clothed(RED), area_m2=0.1)]
    tracker.update(pieces, 15 * TENTH_NS)
    tracker.update(pieces, 16 * TENTH_NS)
    (left,) = numbers(tracker, 17 * TENTH_NS, body(0.9, clothed(RED)))
    assert left == first


def test_a_state_tells_who_was_lost() -> None:
    tracker, fresh = Tracker(frozenset([PERSON])), Tracker(frozenset([PERSON]))
    first = numbers(tracker, 0, body(0.0, clothed(RED)))
    fresh.restore(tracker.state())
    assert numbers(fresh, MINUTE_NS, body(2.0, clothed(RED))) == first


def test_odds_speak_for_one_person_where_looks_and_heights_agree() -> None:
    assert odds(0.1, 0.02, RULE) > 5
    assert odds(0.6, 0.02, RULE) < 0.5
    assert odds(0.2, 0.8, RULE) < odds(0.2, 0.0, RULE)
    assert odds(None, None, RULE) == 1.0


def test_probabilities_leave_room_for_somebody_new() -> None:
    assert probabilities([], RULE) == []
    assert probabilities([1.0, 1.0], RULE) == pytest.approx([RULE.returns / 2] * 2)
    assert sum(probabilities([3.0, 0.2], RULE)) < 1


def test_looks_of_earlier_visits_count() -> None:
    seen = [clothed(RED), clothed(BLUE)]
    assert least_difference([clothed(BLUE)], seen) == pytest.approx(0.0, abs=1e-6)
    assert least_difference([], seen) is None
