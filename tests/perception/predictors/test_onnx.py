"""A network from an ONNX file: what it is shown, what is read, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_runs import wall_frame

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import ConfigError, HydraMonoError
from hydra_mono.core.labels import load_label_space
from hydra_mono.perception.predictors.create import create_predictor

APARTMENT = load_label_space("apartment")
FEED = {"feed_height": 48, "feed_width": 64}

Shape = tuple[int | str, ...]


def onnx_file(
    path: Path,
    outputs: dict[str, int],
    *,
    size: tuple[int, int] | None = (48, 64),
    channels: int = 3,
) -> Path:
    """A network whose every output is the mean of the image's channels, so often repeated."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    extent: Shape = size or ("h", "w")
    nodes = [helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1], keepdims=1)]
    nodes += [
        helper.make_node("Concat", ["grey"] * count, [name], axis=1)
        for name, count in outputs.items()
    ]
    graph = helper.make_graph(
        nodes,
        "grey",
        [helper.make_tensor_value_info("image", real, (1, channels, *extent))],
        [helper.make_tensor_value_info(n, real, (1, c, *extent)) for n, c in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


ALL = {"depth": 1, "semantics": 41, "normals": 3, "edges": 1, "uncertainty": 2}


def onnx_config(path: Path, **settings: Any) -> PredictorConfig:
    plain = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    return PredictorConfig(name="onnx", weights=str(path), **{**plain, **settings})


def test_an_onnx_network_is_asked_and_read(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "grey.onnx", ALL)
    said = create_predictor(onnx_config(path), APARTMENT)(wall_frame(0))
    grey = 120 / 255
    np.testing.assert_allclose(said.depth_m, grey, rtol=1e-5)
    np.testing.assert_allclose(said.edges, 1 / (1 + np.exp(-grey)), rtol=1e-5)  # type: ignore[arg-type]
    np.testing.assert_allclose(said.confidence, 1 / 41, rtol=1e-4)  # type: ignore[arg-type]
    assert said.normals is not None and said.labels is not None
    np.testing.assert_allclose(np.linalg.norm(said.normals, axis=2), 1, rtol=1e-5)


def test_a_network_of_depth_alone_says_depth_alone(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "depth.onnx", {"depth": 1})
    config = onnx_config(path, focal_px=20.0)
    said = create_predictor(config, APARTMENT)(wall_frame(0))
    np.testing.assert_allclose(said.depth_m, 2 * 120 / 255, rtol=1e-5)  # the camera's 40 px
    assert said.labels is said.confidence is said.normals is said.edges is None


@pytest.mark.parametrize("size", [(96, 64), (48, 200), (64, 64)])
def test_images_of_other_proportions_are_filled_up_and_cropped(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    """Nothing of the filling, which is 0, gets into the maps."""
    path = onnx_file(tmp_path / "grey.onnx", {"depth": 1}, size=size)
    said = create_predictor(onnx_config(path), APARTMENT)(wall_frame(0))
    np.testing.assert_allclose(said.depth_m, 120 / 255, rtol=1e-5)


def test_a_network_for_any_size_needs_to_be_told_one(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "any.onnx", {"depth": 1}, size=None)
    with pytest.raises(ConfigError, match=r"set predictor\.feed_height"):
        create_predictor(onnx_config(path), APARTMENT)
    said = create_predictor(onnx_config(path, **FEED), APARTMENT)(wall_frame(0))
    assert said.depth_m.shape == (48, 64)


@pytest.mark.parametrize(
    ("outputs", "settings", "message"),
    [
        ({"disparity": 1}, {}, "no output 'depth' among disparity"),
        (
            {"depth": 1, "semantics": 5},
            {},
            r"'semantics' has shape \[1, 5, 48, 64\], wanted are 41",
        ),
        ({"depth": 1, "semantics": 41}, {"labels": "scannet20"}, r"wanted are \d\d channels"),
        ({"depth": 2}, {}, "wanted are 1 channels"),
        ({"depth": 1}, {"labels": "no_such"}, "no label space 'no_such'"),
        ({"depth": 1}, {"feed_height": 64, "feed_width": 64}, "takes 48×64 images"),
        ({"depth": 1}, {"device": "cuda"}, "pip install onnxruntime-gpu"),
    ],
)
def test_an_unfit_network_gets_one_clear_line(
    tmp_path: Path, outputs: dict[str, int], settings: dict[str, Any], message: str
) -> None:
    path = onnx_file(tmp_path / "unfit.onnx", outputs)
    with pytest.raises(HydraMonoError, match=message) as told:
        create_predictor(onnx_config(path, **settings), APARTMENT)
    assert len(str(told.value).splitlines()) == 1


def test_an_image_of_other_channels_is_told(tmp_path: Path) -> None:
    path = onnx_file(tmp_path / "four.onnx", {"depth": 1}, channels=4)
    with pytest.raises(ConfigError, match="fails on a 1×3×48×64 image"):
        create_predictor(onnx_config(path), APARTMENT)(wall_frame(0))


def test_what_is_no_onnx_file_is_told(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "text.onnx").write_text("no network")
    for name, message in (("text.onnx", "not a whole ONNX file"), ("none.onnx", "no such file")):
        with pytest.raises(ConfigError, match=message):
            create_predictor(onnx_config(tmp_path / name), APARTMENT)
