"""One label per voxel, by weighted majority."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.mapping.tsdf.semantics import vote, vote_weight


def after(votes: list[tuple[int, float]], max_weight: float = 100.0) -> tuple[int, float]:
    label, weight = np.zeros(1, np.uint8), np.zeros(1, np.float32)
    for seen, trust in votes:
        seen_label, seen_weight = np.array([seen], np.uint8), np.array([trust], np.float32)
        label, weight = vote(label, weight, seen_label, seen_weight, max_weight)
    return int(label[0]), float(weight[0])


def test_a_heavier_label_takes_over_and_a_lighter_one_only_subtracts() -> None:
    votes = [(10, 0.1), (15, 0.15), (20, 0.2), (10, 0.1), (15, 0.15)]
    labels = [after(votes[: n + 1])[0] for n in range(len(votes))]
    assert labels == [10, 15, 20, 20, 15]


def test_unknown_pixels_and_pixels_without_trust_change_nothing() -> None:
    assert after([(7, 0.5), (0, 9.0), (3, 0.0)]) == (7, 0.5)


def test_the_weight_is_bounded() -> None:
    assert after([(7, 1.0)] * 50, max_weight=10.0) == (7, 10.0)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=60))
def test_a_label_seen_more_than_half_the_time_wins(seen: list[int]) -> None:
    counts = np.bincount(seen)
    if counts.max() * 2 > len(seen):
        assert after([(label, 1.0) for label in seen])[0] == counts.argmax()


def test_votes_weigh_by_log_odds_and_hardly_anything_at_evens() -> None:
    weights = vote_weight(np.array([0.2, 0.5, 0.8, 0.95, 1.0], np.float32))
    np.testing.assert_allclose(weights[2:], [np.log(4) / np.log(19), 1, 1], atol=1e-5)
    assert 0 < weights[0] == weights[1] < 0.05
