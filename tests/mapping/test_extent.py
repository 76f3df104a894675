"""One maximum depth, whoever uses it."""

from helpers_runs import small_config

from hydra_mono.core.config import MappingConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import load_label_space
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.extent import max_depth_m, window_radius_m
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.pipeline import Mapper


class Estimator:
    label_space = load_label_space("nyu40")

    def __call__(self, frame: Frame) -> Prediction:
        raise NotImplementedError


def test_estimated_depth_ends_at_the_smaller_of_two_limits() -> None:
    config = MappingConfig(max_depth=4.0)
    assert max_depth_m(config) == 4.0
    assert max_depth_m(config, MonocularRule(max_depth_m=3.0)) == 3.0
    assert max_depth_m(config, MonocularRule(max_depth_m=9.0)) == 4.0


def test_the_window_holds_all_that_is_seen() -> None:
    assert window_radius_m(MappingConfig(window_radius=3.0, max_depth=4.0)) == 6.0
    assert window_radius_m(MappingConfig(window_radius=9.0, max_depth=4.0)) == 9.0


def test_fusion_carving_and_scores_use_one_maximum_depth() -> None:
    mapper = Mapper(small_config("mapping.max_depth=3.0"), Estimator())
    used = {mapper.max_depth_m, mapper._volume._max_depth_m, mapper._free_space._max_depth_m}
    assert used == {3.0}
