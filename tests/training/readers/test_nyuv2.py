"""NYU Depth v2 in its four layouts: what is read is what the corner of a room is."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers_samples import (
    NYU_LAYOUTS,
    UNKNOWN_PX,
    Corner,
    angles_deg,
    border_of,
    corner,
    write_flat_nyu,
    write_nyu,
)

from hydra_mono.core.errors import DataError
from hydra_mono.training.readers.nyuv2 import CAMERA, split_by_scene
from hydra_mono.training.readers.nyuv2_layouts import nyu_camera, open_nyuv2
from hydra_mono.training.samples import SampleSource

SMALL = CAMERA.resized(64, 48)
SIGNS = (-1, 1, 1)  # of the axes that the data sets here store normals in
NUMBERS = [f"{n:04d}" for n in (1, 2, 5, 6, 9, 12, 13, 20, 31, 40, 41, 55, 56)]


@pytest.fixture(scope="module")
def truths() -> dict[str, Corner]:
    turns = np.array([0.3, 0.25, 0.1])
    turns = turns + np.random.default_rng(4).uniform(-0.1, 0.1, (len(NUMBERS), 3))
    return {number: corner(SMALL, tuple(turn)) for number, turn in zip(NUMBERS, turns, strict=True)}


@pytest.fixture(params=sorted(NYU_LAYOUTS))
def package(request: pytest.FixtureRequest, tmp_path: Path, truths: dict[str, Corner]) -> Path:
    return write_nyu(tmp_path / "NYUD_MT", request.param, truths, ["0055", "0056"], SIGNS)


def flat_nyu() -> Path:
    """The recorded images; skips the test where they are absent."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data" / "nyuv2_train795"
    root = Path(os.environ.get("HYDRA_MONO_NYUV2", beside))
    if not root.is_dir():
        pytest.skip("no NYUv2 images (HYDRA_MONO_NYUV2)")
    return root


def test_a_package_gives_depth_labels_and_edges_as_they_are(
    package: Path, truths: dict[str, Corner]
) -> None:
    samples = open_nyuv2(package, "all")
    assert isinstance(samples, SampleSource)
    sample = samples[1]
    truth = truths[sample.name]
    assert np.abs(sample.depth_m - truth.depth_m).max() < 1e-5
    assert np.array_equal(sample.labels, truth.labels)
    assert np.array_equal(sample.edges == 1, border_of(truth.labels))
    assert set(np.unique(sample.edges)) == {0, 1}
    assert np.abs(sample.rgb.astype(int) - truth.rgb).mean() < 4
    assert sample.intrinsics == SMALL


def test_normals_come_in_our_axes_whichever_way_theirs_point(
    package: Path, truths: dict[str, Corner]
) -> None:
    samples = open_nyuv2(package, "all")
    for index in (0, 7):
        sample, truth = samples[index], truths[samples[index].name]
        off = angles_deg(sample.normals, truth.normals)
        assert off.size > 0.9 * sample.labels.size
        assert np.median(off) < 1 and np.percentile(off, 95) < 8  # jpeg blurs at borders
        assert not sample.normals[UNKNOWN_PX][:3, :4].any()
        lengths = np.linalg.norm(sample.normals, axis=2)
        assert np.abs(lengths[lengths > 0] - 1).max() < 1e-5


@pytest.mark.parametrize("signs", [(1, 1, 1), (1, -1, -1), (-1, 1, -1)])
def test_any_choice_of_axes_is_found_from_the_depth(
    tmp_path: Path, truths: dict[str, Corner], signs: tuple[int, ...]
) -> None:
    root = write_nyu(tmp_path / "NYUD_MT", "vandenhende", truths, [], signs)
    sample = open_nyuv2(root, "train")[0]
    assert angles_deg(sample.normals, truths[sample.name].normals).max() < 0.1


def test_normals_that_contradict_the_depth_are_refused(
    tmp_path: Path, truths: dict[str, Corner]
) -> None:
    root = write_nyu(tmp_path / "NYUD_MT", "vandenhende", truths, [], SIGNS)
    for path in (root / "normals").iterdir():
        np.save(path, np.load(path)[..., [1, 2, 0]])
    with pytest.raises(DataError, match=r"normals: the normals fit the depth with no choice"):
        open_nyuv2(root, "train")[0]


def test_parts_share_no_scene_and_test_is_the_official_one(
    tmp_path: Path, truths: dict[str, Corner]
) -> None:
    package = write_nyu(tmp_path / "NYUD_MT", "vandenhende", truths, ["0055", "0056"], SIGNS)
    names = {
        part: {source[i].name for i in range(len(source))}
        for part in ("train", "validation", "all", "test")
        for source in [open_nyuv2(package, part)]
    }
    assert names["test"] == {"0055", "0056"}
    assert names["all"] == set(NUMBERS) - names["test"]
    assert names["validation"] == {"0031"}  # the sixth run of consecutive numbers
    assert names["train"] == names["all"] - names["validation"]


def test_scenes_are_told_apart_by_the_gaps_between_numbers() -> None:
    ids = [number for number in NUMBERS if number < "0055"]
    assert split_by_scene(ids, "validation") == ["0031"]
    offset = [str(5000 + int(number)) for number in ids]  # as the cropped images are numbered
    assert split_by_scene(offset, "validation") == ["5031"]
    assert split_by_scene([], "train") == []
    with pytest.raises(DataError, match=r"id 'img_1' is no number"):
        split_by_scene(["0001", "img_1"], "train")


def test_the_cropped_images_have_the_camera_of_the_whole_ones() -> None:
    """Row 45 and column 40 of an image are row and column 0 of the cropped one."""
    cropped = nyu_camera(560, 425, Path("x.png"))
    for u, v in ((0, 0), (300, 200)):
        whole_ray = ((u + 40 - CAMERA.cx) / CAMERA.fx, (v + 45 - CAMERA.cy) / CAMERA.fy)
        assert np.allclose(
            whole_ray, ((u - cropped.cx) / cropped.fx, (v - cropped.cy) / cropped.fy)
        )
    with pytest.raises(DataError, match=r"x\.png is 100×100; NYU's images are 640×480, or 560"):
        nyu_camera(100, 100, Path("x.png"))


def test_what_is_wrong_with_a_package_is_named(package: Path) -> None:
    samples = open_nyuv2(package, "all")
    depth = next((package / "depth").glob("0002.*"))
    depth.write_bytes(depth.read_bytes()[:90])
    with pytest.raises(DataError, match=r"depth/0002\.\w+: cannot be read"):
        samples[1]
    depth.unlink()
    with pytest.raises(DataError, match=r"depth/0002\.\w+ is missing; the data set lists it"):
        samples[1]
    next((package / "normals").glob("0001.*")).unlink()
    with pytest.raises(DataError, match=r"normals holds no 0001\.npy or 0001\.png or 0001\.jpg"):
        open_nyuv2(package, "all")


def test_an_image_of_another_size_is_refused(tmp_path: Path, truths: dict[str, Corner]) -> None:
    root = write_nyu(tmp_path / "NYUD_MT", "vandenhende", truths, [], SIGNS)
    samples = open_nyuv2(root, "all")
    np.save(root / "depth" / "0005.npy", np.ones((24, 32), np.float32))
    with pytest.raises(DataError, match=r"0005\.npy: expected an array of \(48, 64, 1\), found"):
        samples[2]


def test_pickled_arrays_are_never_loaded(tmp_path: Path, truths: dict[str, Corner]) -> None:
    root = write_nyu(tmp_path / "NYUD_MT", "vandenhende", truths, [], SIGNS)
    samples = open_nyuv2(root, "all")
    np.save(root / "depth" / "0005.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"0005\.npy: cannot be read \(ValueError"):
        samples[2]


def test_the_flat_layout_reads_eight_bit_depth_inside_the_white_frame(tmp_path: Path) -> None:
    truth = corner(CAMERA)
    samples = open_nyuv2(write_flat_nyu(tmp_path / "flat", {"0001": truth}), "all")
    sample = samples[0]
    inner = (slice(10, -10), slice(10, -10))
    assert np.abs(sample.depth_m - truth.depth_m[inner]).max() <= 0.5 / 25.5 + 1e-6
    assert np.array_equal(sample.labels, truth.labels[inner])
    assert sample.rgb.shape[:2] == (sample.intrinsics.height, sample.intrinsics.width)
    assert sample.intrinsics.cx == CAMERA.cx - 10
    off = angles_deg(sample.normals, truth.normals[inner])
    assert np.median(off) < 3
    with pytest.raises(DataError, match="this layout has no test part"):
        open_nyuv2(tmp_path / "flat", "test")
    with pytest.raises(DataError, match=r"train\.txt: cannot be read"):
        open_nyuv2(tmp_path, "train")


def test_real_images_have_depth_labels_and_normals_that_face_the_camera() -> None:
    root = flat_nyu()
    train, validation = open_nyuv2(root, "train"), open_nyuv2(root, "validation")
    assert len(train) + len(validation) == len(open_nyuv2(root, "all")) == 795
    rays = np.stack(np.meshgrid(np.arange(620.0), np.arange(460.0)), 2) - (315.582, 243.736)
    rays = np.concatenate([rays / 519, np.ones((460, 620, 1))], 2)
    labelled = []
    for source, index in ((train, 5), (train, 600), (validation, 20)):
        sample = source[index]
        assert sample.rgb.shape == (460, 620, 3)
        assert 0.5 < np.median(sample.depth_m[sample.depth_m > 0]) < 6
        assert sample.labels.max() <= 40
        labelled.append((sample.labels > 0).mean())
        known = np.abs(sample.normals).sum(axis=2) > 0
        assert known.mean() > 0.3
        assert ((sample.normals * rays).sum(axis=2)[known] < 0.05).mean() > 0.99
        assert 0.001 < (sample.edges == 1).mean() < 0.2
    assert np.mean(labelled) > 0.5
