"""HRNet: published sizes and names, and maps at four scales."""

from pathlib import Path

import pytest
import torch
from helpers_methods import parameters
from helpers_perception import saved

from hydra_mono.core.errors import MissingDependencyError
from hydra_mono.perception.networks.backbones.hrnet import HRNETS, HrNet, HrNetConfig
from hydra_mono.perception.weights_io.files import CheckpointError
from hydra_mono.perception.weights_io.pretrained import load_hrnet, load_pretrained

TINY = HrNetConfig(8, 1, (1, 1, 1), 1)


@pytest.mark.parametrize(("name", "millions"), [("hrnet_w18_s", 3.86), ("hrnet_w48", 65.3)])
def test_the_published_sizes(name: str, millions: float) -> None:
    with torch.device("meta"):
        assert parameters(HrNet(HRNETS[name])) / 1e6 == pytest.approx(millions, abs=0.05)


def test_maps_are_at_strides_4_to_32() -> None:
    found = HrNet(TINY).eval()(torch.rand(2, 3, 64, 96))
    shapes = [tuple(tap.features.shape) for tap in found]
    assert shapes == [(2, 8, 16, 24), (2, 16, 8, 12), (2, 32, 4, 6), (2, 64, 2, 3)]


def test_parameters_bear_the_published_names() -> None:
    with torch.device("meta"):
        names = set(HrNet(HRNETS["hrnet_w18_s"]).state_dict())
    assert {
        "layer1.0.downsample.0.weight",
        "transition1.0.0.weight",
        "transition1.1.0.0.weight",
        "transition3.3.0.1.running_mean",
        "stage3.2.branches.2.1.conv2.weight",
        "stage4.0.fuse_layers.0.3.0.weight",
        "stage4.1.fuse_layers.3.0.2.0.weight",
    } <= names
    assert "stage4.1.fuse_layers.3.3.0.weight" not in names


def test_a_classifiers_weights_load_without_its_head_and_others_do_not(tmp_path: Path) -> None:
    state = HrNet(TINY).state_dict()
    path = saved(tmp_path / "w.pth", state | {"classifier.weight": torch.zeros(3)})
    loaded = load_hrnet(path, TINY)
    assert all(torch.equal(value, state[name]) for name, value in loaded.state_dict().items())
    with pytest.raises(CheckpointError):
        load_hrnet(path, HrNetConfig(16, 1, (1, 1, 1), 1))
    with pytest.raises(MissingDependencyError, match="come in no wheel"):
        load_pretrained("hrnet_w48", None)
