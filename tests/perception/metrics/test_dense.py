"""Scores of depth, labels and normals against plain loops, and Δ_m against published tables."""

import math

import numpy as np
import pytest

from hydra_mono.perception.metrics.dense import (
    Confusion,
    DepthErrors,
    NormalErrors,
    NormalScores,
    SemanticScores,
    angles_deg,
    delta_m,
)

TASKS = ("miou", "rmse", "mean_deg", "ods_f")
SINGLE_TASK = (51.15, 0.5792, 19.77, 77.35)  # ViT-B, each task by itself
LOWER = frozenset({"rmse", "mean_deg"})


def confused(predicted: list[int], truth: list[int]) -> SemanticScores:
    confusion = Confusion()
    confusion.add(np.array(predicted, np.uint8), np.array(truth, np.uint8))
    scores = confusion.scores()
    assert scores is not None
    return scores


def turned(angles: list[float]) -> NormalScores:
    """Scores of normals that are wrong by these angles."""
    radians = np.deg2rad(angles)
    predicted = np.stack([np.sin(radians), 0 * radians, -np.cos(radians)], axis=1)
    errors = NormalErrors()
    errors.add(predicted.astype(np.float32), np.float32([[0, 0, -1]] * len(angles)))
    scores = errors.scores()
    assert scores is not None
    return scores


def plain_iou(pairs: list[tuple[int, int]], label: int) -> float | None:
    hits = sum(p == label and t == label for p, t in pairs)
    union = sum(label in (p, t) for p, t in pairs)
    return hits / union if union else None


def test_intersection_over_union_by_hand() -> None:
    scores = confused([1, 1, 2, 2, 3], [1, 2, 2, 2, 2])
    assert scores.class_iou == pytest.approx({1: 0.5, 2: 0.5, 3: 0.0})
    assert scores.pixel_accuracy == pytest.approx(0.6)


def test_the_three_rules_differ_in_the_classes_they_ask_for() -> None:
    scores = confused([1, 1, 2, 2, 3], [1, 2, 2, 2, 2])
    assert scores.miou == pytest.approx(1 / 2)  # 1 and 2 are true
    assert scores.miou_occurring == pytest.approx(1 / 3)  # 3 is predicted
    assert scores.miou_40 == pytest.approx(1 / 40)


def test_pixels_without_truth_do_not_count_and_no_answer_is_a_miss() -> None:
    scores = confused([5, 7, 0, 5], [0, 0, 5, 5])
    assert scores.class_iou == {5: 0.5}
    assert scores.pixel_accuracy == 0.5


def test_labels_pool_over_images_as_plain_loops_count() -> None:
    rng = np.random.default_rng(0)
    confusion, pairs = Confusion(), []
    for _ in range(3):
        truth, predicted = rng.integers(0, 12, (2, 6, 7), np.uint8)
        confusion.add(predicted, truth)
        every = zip(predicted.ravel().tolist(), truth.ravel().tolist(), strict=True)
        pairs += [(p, t) for p, t in every if t > 0]
    scores = confusion.scores()
    assert scores is not None
    expected = {label: plain_iou(pairs, label) for label in range(1, 41)}
    occurring = {label: iou for label, iou in expected.items() if iou is not None}
    assert scores.class_iou == pytest.approx(occurring)
    assert scores.miou_40 == pytest.approx(sum(occurring.values()) / 40)
    assert scores.pixel_accuracy == pytest.approx(sum(p == t for p, t in pairs) / len(pairs))


def test_labels_of_another_label_space_are_refused() -> None:
    with pytest.raises(ValueError, match="above 40"):
        confused([41], [1])


def test_depth_pools_over_images_as_plain_loops_count() -> None:
    rng = np.random.default_rng(1)
    errors, pairs = DepthErrors(), []
    for _ in range(3):
        truth = rng.uniform(0.5, 9, (5, 6)).astype(np.float32)
        predicted = (truth * rng.uniform(0.4, 2.2, truth.shape)).astype(np.float32)
        valid = rng.random(truth.shape) < 0.7
        errors.add(predicted, truth, valid)
        pairs += list(zip(predicted[valid].tolist(), truth[valid].tolist(), strict=True))
    scores = errors.scores()
    assert scores is not None
    count = len(pairs)
    assert scores.rmse_m == pytest.approx(math.sqrt(sum((p - g) ** 2 for p, g in pairs) / count))
    assert scores.abs_rel == pytest.approx(sum(abs(p - g) / g for p, g in pairs) / count)
    assert scores.sq_rel_m == pytest.approx(sum((p - g) ** 2 / g for p, g in pairs) / count)
    logs = sum((math.log(p) - math.log(g)) ** 2 for p, g in pairs) / count
    assert scores.rmse_log == pytest.approx(math.sqrt(logs))
    for power, share in enumerate((scores.delta_1, scores.delta_2, scores.delta_3), 1):
        near = sum(max(p / g, g / p) < 1.25**power for p, g in pairs)
        assert share == pytest.approx(near / count)
    assert 0 < scores.delta_1 < scores.delta_2 < scores.delta_3 < 1


def test_pooled_error_weighs_pixels_not_images() -> None:
    errors = DepthErrors()
    for pixels, error_m in ((1, 3.0), (8, 0.0)):
        truth = np.full(pixels, 2.0, np.float32)
        errors.add(truth + np.float32(error_m), truth, truth > 0)
    scores = errors.scores()
    assert scores is not None and scores.rmse_m == pytest.approx(1.0)


def test_the_mask_and_nothing_else_says_what_is_valid() -> None:
    errors = DepthErrors()
    truth = np.float32([2.0, 2.0, 0.0])
    errors.add(np.float32([2.0, 7.0, 1.0]), truth, np.array([True, False, False]))
    scores = errors.scores()
    assert scores is not None and scores.rmse_m == 0 and scores.delta_1 == 1


def test_depth_that_is_not_positive_counts_as_none_at_all() -> None:
    errors = DepthErrors()
    errors.add(np.float32([-5.0, 0.0]), np.float32([2.0, 2.0]), np.ones(2, bool))
    scores = errors.scores()
    assert scores is not None
    assert scores.rmse_m == pytest.approx(2.0) and scores.abs_rel == pytest.approx(1.0)
    assert math.isfinite(scores.rmse_log)


def test_beyond_the_cap_nothing_is_scored() -> None:
    errors = DepthErrors(cap_m=10.0)
    errors.add(np.float32([15.0, 3.0]), np.float32([9.0, 30.0]), np.ones(2, bool))
    scores = errors.scores()
    assert scores is not None and scores.rmse_m == pytest.approx(1.0)


def test_angles_are_those_of_the_arc_cosine_and_exact_when_small() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(2, 200, 3))
    cosine = np.einsum("nc,nc->n", first, second)
    cosine /= np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    np.testing.assert_allclose(angles_deg(first, second), np.rad2deg(np.arccos(cosine)), rtol=1e-9)
    tiny = angles_deg(np.array([[0.0, 0.0, 1.0]]), np.array([[1e-9, 0.0, 1.0]]))
    np.testing.assert_allclose(tiny, np.rad2deg(1e-9), rtol=1e-6)
    opposite = angles_deg(np.array([[0.0, 0.0, 2.0]]), np.array([[0.0, 0.0, -3.0]]))
    np.testing.assert_allclose(opposite, 180)


def test_normals_by_hand() -> None:
    scores = turned([0.0, 10.0, 20.0, 25.0, 60.0])
    assert scores.mean_deg == pytest.approx(23.0, abs=1e-4)
    assert scores.rmse_deg == pytest.approx(math.sqrt((100 + 400 + 625 + 3600) / 5), abs=1e-4)
    assert scores.median_deg == pytest.approx(20.0, abs=0.011)
    shares = (scores.within_11_25, scores.within_22_5, scores.within_30)
    assert shares == pytest.approx((0.4, 0.6, 0.8))


def test_the_median_is_right_to_a_hundredth_of_a_degree() -> None:
    angles = np.random.default_rng(3).gamma(2.0, 9.0, 4001).clip(0, 180)
    assert turned(angles.tolist()).median_deg == pytest.approx(np.median(angles), abs=0.011)


def test_normals_without_truth_do_not_count_and_none_predicted_is_a_right_angle() -> None:
    errors = NormalErrors()
    truth = np.float32([[0, 0, 0], [0, 0, -1]])
    errors.add(np.float32([[1, 0, 0], [0, 0, 0]]), truth)
    scores = errors.scores()
    assert scores is not None and scores.mean_deg == pytest.approx(90)


def test_where_nothing_is_known_there_is_no_score() -> None:
    nothing = np.zeros((4, 5), np.uint8)
    confusion, depth, normals = Confusion(), DepthErrors(), NormalErrors()
    confusion.add(nothing + np.uint8(3), nothing)
    depth.add(nothing + np.float32(1), nothing.astype(np.float32), nothing > 0)
    normals.add(np.ones((4, 5, 3), np.float32), np.zeros((4, 5, 3), np.float32))
    assert confusion.scores() is None and depth.scores() is None and normals.scores() is None


@pytest.mark.parametrize(
    ("scores", "gain"),
    [
        ((49.27, 0.5823, 19.92, 75.88), -1.717),
        ((50.30, 0.5367, 19.00, 77.60), 2.473),
        ((51.34, 0.5222, 18.95, 77.60), 3.671),
        ((59.93, 0.4942, 17.60, 78.60), 11.108),
    ],
)
def test_the_gain_of_published_networks(scores: tuple[float, ...], gain: float) -> None:
    named, alone = (dict(zip(TASKS, x, strict=True)) for x in (scores, SINGLE_TASK))
    assert delta_m(named, alone, LOWER) == pytest.approx(gain, abs=5e-4)
    assert delta_m(alone, alone, LOWER) == 0


def test_a_gain_over_other_tasks_is_refused() -> None:
    with pytest.raises(ValueError, match="against"):
        delta_m({"miou": 0.5}, {"rmse": 0.5}, LOWER)
