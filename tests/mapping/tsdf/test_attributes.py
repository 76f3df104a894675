"""Colour, label and timestamps of voxels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.mapping.tsdf.attributes import (
    fuse_color,
    fuse_label,
    update_timestamps,
    vote,
    vote_weight,
)
from hydra_mono.mapping.tsdf.blocks import NEVER, BlockPool, VoxelArrays


@pytest.fixture
def voxels() -> VoxelArrays:
    pool = BlockPool(4)
    pool.insert(np.zeros((1, 3), np.int32))
    return pool.voxels


HERE = np.array([3], np.int64)


def test_a_colour_is_the_mean_of_what_was_seen(voxels: VoxelArrays) -> None:
    for number, gray in enumerate((10, 20, 60)):
        voxels.weight.reshape(-1)[HERE] = number + 1
        fuse_color(voxels, HERE, np.full((1, 3), gray, np.uint8))
        update_timestamps(voxels, HERE, number)
    assert voxels.color.reshape(-1, 3)[3] == pytest.approx(30, abs=0.01)


def test_a_colour_that_changed_has_changed_after_many_frames(voxels: VoxelArrays) -> None:
    voxels.weight.reshape(-1)[HERE] = 20
    update_timestamps(voxels, HERE, 0)
    for _ in range(60):
        fuse_color(voxels, HERE, np.full((1, 3), 200, np.uint8))
    assert (voxels.color.reshape(-1, 3)[3] > 190).all()


def test_the_first_frame_stays_the_first_and_the_last_moves_on(voxels: VoxelArrays) -> None:
    assert voxels.first_seen.reshape(-1)[3] == NEVER
    for number in (4, 7, 9):
        update_timestamps(voxels, HERE, number)
    assert (voxels.first_seen.reshape(-1)[3], voxels.last_seen.reshape(-1)[3]) == (4, 9)


def test_the_label_with_more_weight_wins(voxels: VoxelArrays) -> None:
    for label, weight in ((5, 1.0), (6, 0.4), (6, 0.4), (6, 0.4)):
        fuse_label(voxels, HERE, np.array([label], np.uint8), np.array([weight], np.float32), 10.0)
    assert voxels.label.reshape(-1)[3] == 6


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
