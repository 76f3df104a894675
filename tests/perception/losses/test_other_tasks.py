"""Losses and scores of parts, saliency and disparity on maps whose values are plain."""

import math

import numpy as np
import pytest
import torch

from hydra_mono.perception.losses.other_tasks import LOSSES
from hydra_mono.perception.metrics.other_tasks import (
    METERS,
    DisparityError,
    PartsIoU,
    SaliencyF,
)
from hydra_mono.perception.tasks import INDOOR, TASKS


def test_every_task_beyond_the_indoor_ones_has_a_loss_and_a_score() -> None:
    assert set(LOSSES) == set(METERS) == set(TASKS) - set(INDOOR)


def test_parts_are_learned_where_they_are_known() -> None:
    logits, labels = torch.zeros(1, 7, 1, 2), torch.tensor([[[3, 255]]])
    assert float(LOSSES["parts"](logits, labels)) == pytest.approx(math.log(7))


def test_what_stands_out_weighs_as_much_as_all_the_rest() -> None:
    labels = torch.zeros(1, 1, 10, dtype=torch.long)
    labels[..., 0] = 1
    logits = torch.zeros(1, 2, 1, 10, requires_grad=True)
    LOSSES["saliency"](logits, labels).backward()
    grad = logits.grad
    assert grad is not None
    assert float(grad[0, 1, 0, 0]) == pytest.approx(-9 * float(grad[0, 1, 0, 1]))


def test_negative_disparity_is_unknown() -> None:
    truth = torch.tensor([[[4.0, -1.0]]])
    assert float(LOSSES["disparity"](torch.full((1, 1, 1, 2), 7.0), truth)) == 3


def test_the_error_of_disparity_is_pooled() -> None:
    meter = DisparityError()
    assert meter.score() is None
    meter.add(np.full((1, 1, 3), 5, np.float32), np.array([[4.0, 5.0, -1.0]], np.float32))
    meter.add(np.full((1, 1, 1), 5, np.float32), np.array([[3.0]], np.float32))
    assert meter.score() == pytest.approx(math.sqrt((1 + 0 + 4) / 3))


def logits_of(classes: np.ndarray, count: int) -> np.ndarray:
    return np.moveaxis(np.eye(count, dtype=np.float32)[classes], 2, 0)


def test_parts_count_alike_whatever_their_size() -> None:
    truth = np.array([[0, 0, 0, 1, 255]], np.uint8)
    found = np.array([[0, 0, 1, 1, 5]])
    meter = PartsIoU()
    meter.add(logits_of(found, 7), truth)
    assert meter.score() == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_the_f_measure_is_that_of_the_best_threshold() -> None:
    """Of probabilities .9, .6, .3 for salient, other, salient: at .5 P = R = 1/2; at .65 P = 1,
    R = 1/2; below .3 P = 2/3, R = 1."""
    probability = np.array([[0.9, 0.6, 0.3, 0.9]])
    logits = np.stack([np.zeros_like(probability), np.log(probability / (1 - probability))])
    meter = SaliencyF()
    meter.add(logits.astype(np.float32), np.array([[1, 0, 1, 255]], np.uint8))
    scores = [1.3 * p * r / (0.3 * p + r) for p, r in ((0.5, 0.5), (1, 0.5), (2 / 3, 1))]
    assert meter.score() == pytest.approx(max(scores))


def test_published_ranges_hold_for_perfect_maps() -> None:
    truth = np.array([[0, 1, 1, 0]], np.uint8)
    meter = SaliencyF()
    meter.add(9 * logits_of(truth, 2), truth)
    assert meter.score() == pytest.approx(1.0)
