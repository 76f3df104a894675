"""The mechanisms together, on a small simulated world seen by a network that errs."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_estimates import Plane, moved, scaled
from helpers_runs import small_config
from scipy.ndimage import gaussian_filter

from hydra_mono.core.config import MonocularConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.monocular.depth_fit import DepthFit
from hydra_mono.mapping.monocular.low_res import LowResEstimate
from hydra_mono.mapping.monocular.plane_sweep import COARSE, FINE
from hydra_mono.mapping.monocular.refiner import create_refiner
from hydra_mono.mapping.monocular.steps import (
    reject_between_surfaces,
    reject_inconsistent,
    reject_unsupported,
    set_expected_sigma,
    weigh_incidence,
    weigh_labels,
)
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.mapping.tsdf.volume import create_volume
from hydra_mono.perception.predictors.create import SensorPredictor
from hydra_mono.pipeline import Mapper, is_monocular
from hydra_mono.simulation.source import SimulatedSource, open_simulated

SWITCHES = (
    "metric",
    "align",
    "sweep",
    "smooth",
    "temporal",
    "support",
    "borders",
    "incidence",
    "noise",
    "confidence",
)
RULE = MonocularRule()
WALL = Plane(normal=(0.3, 0.1, -1.0), offset_m=-2.2)


class Erring:
    """The truth with every frame's depth off by its own scale, dented, its steps blurred."""

    def __init__(self, label_space: LabelSpace) -> None:
        self.label_space = label_space
        self._rng = np.random.default_rng(2)

    def __call__(self, frame: Frame) -> Prediction:
        assert frame.depth_m is not None and frame.labels is not None
        noise = gaussian_filter(self._rng.standard_normal(frame.depth_m.shape), 12)
        error = self._rng.normal(0, 0.05) + 0.06 * noise / noise.std()
        blurred = gaussian_filter(frame.depth_m, 1.5)
        return Prediction(
            depth_m=(blurred * np.exp(error)).astype(np.float32),
            labels=frame.labels,
            confidence=np.full(frame.labels.shape, 0.9, np.float32),
            normals=frame.normals,
            edges=np.zeros(frame.labels.shape, np.float32),
        )


@pytest.fixture(scope="module")
def source() -> SimulatedSource:
    return open_simulated("simulated/5", small_config("simulation.noise=none").simulation)


def test_refined_depth_is_nearer_to_the_truth(source: SimulatedSource) -> None:
    predictor, config = Erring(source.label_space), small_config()
    volume = create_volume(config.mapping, RULE)
    refine = create_refiner(RULE, volume)
    before, after = [], []
    for index in range(0, 60, 4):
        frame = source[index]
        predicted = predictor(frame)
        refined = refine(frame, predicted)
        volume.integrate(frame, refined)
        assert frame.depth_m is not None
        kept = (frame.depth_m > 0) & (refined.depth_m > 0)
        if index < 8:
            continue  # before there is parallax nothing is fused
        true_m = frame.depth_m[kept]
        before.append(np.abs(np.log(predicted.depth_m[kept] / true_m)).mean())
        after.append(np.abs(np.log(refined.depth_m[kept] / true_m)).mean())
        assert kept.mean() > 0.7
    assert np.mean(after[2:]) < 0.6 * np.mean(before[2:])


@pytest.mark.parametrize("switch", SWITCHES)
def test_every_switch_changes_what_is_fused(source: SimulatedSource, switch: str) -> None:
    results = []
    for rule in (RULE, replace(RULE, **{switch: False})):
        predictor = Erring(source.label_space)
        volume = create_volume(small_config().mapping, rule)
        refine = create_refiner(rule, volume)
        refined = []
        for index in range(0, 32, 8):
            refined.append(refine(source[index], predictor(source[index])))
            volume.integrate(source[index], refined[-1])
        results.append(refined)
    assert any(
        not np.array_equal(getattr(one, name), getattr(other, name))
        for one, other in zip(*results, strict=True)
        for name in ("depth_m", "sigma_m", "confidence")
    )


def test_what_a_sensor_measures_is_fused_as_it_is(source: SimulatedSource) -> None:
    mapper = Mapper(small_config(), SensorPredictor(source.label_space))
    seen = []
    mapper._volume.integrate = lambda frame, prediction, keep: seen.append(prediction)
    mapper.step(source[0])
    assert seen[0].sigma_m is None
    np.testing.assert_array_equal(seen[0].depth_m, source[0].depth_m)


def test_a_networks_depth_is_refined_unless_that_is_switched_off(source: SimulatedSource) -> None:
    class Guesser:
        label_space = source.label_space

        def __call__(self, frame: Frame) -> Prediction:
            raise NotImplementedError

    sensor = SensorPredictor(source.label_space)
    assert is_monocular(MonocularConfig(), Guesser())
    assert not is_monocular(MonocularConfig(enabled=False), Guesser())
    assert not is_monocular(MonocularConfig(), sensor)
    assert is_monocular(MonocularConfig(enabled=True), sensor)


def test_depth_follows_earlier_images_where_these_are_patterned() -> None:
    estimate = scaled(WALL.estimate(), 1.2)
    past = [WALL.estimate(moved(x=-0.3)), WALL.estimate(moved(y=0.25))]
    fitted = DepthFit((COARSE, FINE), use_normals=True)(estimate, past)
    error = np.abs(fitted.log_depth - WALL.estimate().log_depth)
    assert np.median(error) < 0.01
    assert np.median(fitted.log_depth_sigma) < 0.5 * np.median(estimate.log_depth_sigma)


def test_contradicted_depth_is_left_out_and_disputed_labels_count_less() -> None:
    past = [WALL.estimate(moved(x=x)) for x in (-0.05, 0.05)]
    inner = np.s_[6:-6, 6:-6]
    near = reject_inconsistent(scaled(WALL.estimate(), 0.8), past)
    assert not near.usable[inner].any()
    renamed = replace(WALL.estimate(), labels=np.full((48, 64), 9, np.uint8))
    disputed = reject_inconsistent(renamed, past)
    assert disputed.usable.all()
    assert disputed.label_weight[inner] == pytest.approx(1 / 3)


def certain(estimate: LowResEstimate, sigma: float) -> LowResEstimate:
    return replace(estimate, log_depth_sigma=np.full_like(estimate.log_depth, sigma))


def test_where_a_network_is_trusted_its_depth_needs_no_support() -> None:
    trusting = reject_unsupported(lambda: 0.07)
    assert trusting(certain(WALL.estimate(), 0.07), [WALL.estimate(moved(x=-0.3))]).usable.all()
    assert not trusting(certain(WALL.estimate(), 0.2), []).usable.any()


def test_where_it_is_not_another_view_must_agree() -> None:
    doubting = reject_unsupported(lambda: 0.2)
    estimate, inner = certain(WALL.estimate(), 0.015), np.s_[6:-6, 6:-16]
    agreeing, other = WALL.estimate(moved(x=-0.3)), scaled(WALL.estimate(moved(x=-0.3)), 1.1)
    assert doubting(estimate, [agreeing]).usable[inner].all()
    assert not doubting(estimate, [other]).usable[inner].any()
    assert not doubting(estimate, [WALL.estimate(moved(x=-0.01))]).usable.any()
    assert not doubting(certain(estimate, 0.05), [agreeing]).usable.any()  # 11 cm at 2.2 m


def test_ramps_are_left_out() -> None:
    estimate = WALL.estimate()
    step = np.clip((np.arange(64) - 30) / 4, 0, 1) * 0.6
    cut = reject_between_surfaces(
        replace(estimate, log_depth=estimate.log_depth + step.astype(np.float32)), []
    )
    assert not cut.usable[10:-10, 31:34].any() and cut.usable[:, :26].all()


def test_flat_views_and_far_surfaces_are_less_certain() -> None:
    flat = Plane(normal=(0.0, -1.0, -0.2), offset_m=-1.0).estimate()
    assert (weigh_incidence(flat, []).log_depth_sigma > flat.log_depth_sigma).all()
    grows = set_expected_sigma(RULE)(scaled(WALL.estimate(), 2.0), [])
    near = set_expected_sigma(RULE)(WALL.estimate(), [])
    assert (grows.log_depth_sigma > near.log_depth_sigma).all()
    flat_rule = replace(RULE, noise=False, flat_sigma_m=0.2)
    learnt = set_expected_sigma(RULE, lambda: 0.17)(WALL.estimate(), [])
    np.testing.assert_allclose(learnt.log_depth_sigma, 0.17)
    even = set_expected_sigma(flat_rule)(WALL.estimate(), [])
    np.testing.assert_allclose(even.log_depth_sigma * WALL.estimate().depth_m, 0.2, rtol=1e-5)


def test_a_doubtful_label_counts_less() -> None:
    estimate = WALL.estimate()
    doubtful = replace(estimate, confidence=np.full((48, 64), 0.6, np.float32))
    sure, unsure = (weigh_labels(d, []).label_weight.max() for d in (estimate, doubtful))
    assert 0 < unsure < 0.3 < sure < 1
