"""ScanNet, exported and ``.sens``: the same scene through both doors, whole and damaged."""

import logging
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers_datasets import (
    COLOR_K,
    COLOR_SIZE,
    DEPTH_SIZE,
    NUMBERS,
    RAW_IDS,
    color,
    matrix_text,
    pose,
    raw_depth,
    raw_labels,
    save,
    sens_bytes,
    smooth_color,
    to_depth_camera,
    truncate,
    write_exported,
    write_labels,
)
from scipy.ndimage import map_coordinates

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.source import Source, stream
from hydra_mono.datasets.readers.scannet_folder import ScanNetFolderSource
from hydra_mono.datasets.readers.scannet_sens import ScanNetSensSource


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    scene = tmp_path / "scans" / "scene0000_00"
    write_exported(scene)
    return scene


@pytest.fixture
def sens(tmp_path: Path) -> Path:
    scene = tmp_path / "scans" / "scene0001_00"
    scene.mkdir(parents=True)
    path = scene / "scene0001_00.sens"
    path.write_bytes(sens_bytes())
    return path


def assert_frames_are_right(source: Source, pose_digits: int = 9) -> None:
    assert len(source) == len(NUMBERS)
    u, v = to_depth_camera()
    inner = (u > 0) & (u < COLOR_SIZE[0] - 1) & (v > 0) & (v < COLOR_SIZE[1] - 1)
    for index in (3, 0, 2):  # any order
        frame, number = source[index], NUMBERS[index]
        np.testing.assert_almost_equal(frame.world_from_camera, pose(number), pose_digits)
        assert frame.depth_m is not None
        np.testing.assert_allclose(frame.depth_m, raw_depth(number, *DEPTH_SIZE) / 1000, rtol=1e-6)
        seen = smooth_color(number).astype(float)
        for channel in range(3):
            expected = map_coordinates(seen[..., channel], [v, u], order=1)
            assert np.abs(frame.rgb[..., channel] - expected)[inner].max() <= 0.51
        assert (frame.intrinsics.width, frame.intrinsics.height) == DEPTH_SIZE
        assert frame.intrinsics.fx == pytest.approx(58.0)
    assert inner.mean() > 0.85


def assert_labels_are_right(source: Source) -> None:
    assert source.label_space.name == "nyu40"
    u, v = to_depth_camera()
    inside = (u > -0.5) & (u < COLOR_SIZE[0] - 0.5) & (v > -0.5) & (v < COLOR_SIZE[1] - 0.5)
    columns = np.rint(u).astype(int).clip(0, COLOR_SIZE[0] - 1)
    rows = np.rint(v).astype(int).clip(0, COLOR_SIZE[1] - 1)
    raw = raw_labels(NUMBERS[1])[rows, columns]
    expected = np.vectorize(lambda i: RAW_IDS.get(int(i), 0))(raw) * inside
    np.testing.assert_array_equal(source[1].labels, expected)


@pytest.mark.parametrize("inner", ["", "frames"])
def test_an_exported_scene_reads_from_its_folder_and_from_frames(
    tmp_path: Path, inner: str
) -> None:
    scene = tmp_path / "scene0002_00"
    write_exported(scene / inner)
    source = ScanNetFolderSource(scene)
    assert_frames_are_right(source)
    assert (source.name, source.world_up) == ("scene0002_00", (0.0, 0.0, 1.0))
    stamps = [source[i].stamp_ns for i in range(4)]
    np.testing.assert_allclose(np.diff(stamps) / 1e9, [1 / 30, 1 / 30, 8 / 30], atol=1e-6)


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("depth_form", [0, 1])
def test_sens_versions_and_depth_forms_read_alike(
    sens: Path, version: int, depth_form: int
) -> None:
    sens.write_bytes(sens_bytes(version, depth_form=depth_form))
    source = ScanNetSensSource(sens)
    assert_frames_are_right(source, pose_digits=6)
    assert [source[i].stamp_ns for i in (0, 1)] == [1_000_000, 34_000_000]
    assert ScanNetSensSource(sens.parent).name == "scene0001_00"


def test_sens_colour_may_be_raw_png_or_jpeg(sens: Path) -> None:
    images = []
    for form in (0, 1, 2, -1):
        sens.write_bytes(sens_bytes(color_form=form))
        images.append(ScanNetSensSource(sens)[1].rgb.astype(int))
    np.testing.assert_array_equal(images[0], images[1])
    np.testing.assert_array_equal(images[2], images[3])
    assert np.abs(images[0] - images[2]).mean() < 5


@pytest.mark.parametrize("place", ["scene", "parent", "grandparent"])
def test_labels_become_nyu40_with_the_tsv_in_the_scene_or_above(scene: Path, place: str) -> None:
    tsv = {"scene": scene, "parent": scene.parent, "grandparent": scene.parents[1]}[place]
    write_labels(scene / "label-filt", tsv)
    source = ScanNetFolderSource(scene)
    assert_labels_are_right(source)


def test_labels_of_a_sens_come_from_the_folder_or_zip_beside_it(sens: Path) -> None:
    folder = sens.parent / "scene0001_00_2d-label-filt"
    write_labels(folder / "label-filt", sens.parent)
    renumber(folder / "label-filt")
    assert_labels_are_right(ScanNetSensSource(sens))
    with zipfile.ZipFile(f"{folder}.zip", "w") as archive:
        for file in sorted((folder / "label-filt").iterdir()):
            archive.write(file, f"label-filt/{file.name}")
    shutil.rmtree(folder)
    source = ScanNetSensSource(sens)
    assert_labels_are_right(source)
    assert source[3].labels is not None


def renumber(folder: Path) -> None:
    """A ``.sens`` numbers its frames without gaps."""
    (folder / "10.png").rename(folder / "3.png")


def test_without_the_tsv_the_scene_runs_without_labels_and_says_so(
    scene: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_labels(scene / "label-filt", None)
    with caplog.at_level(logging.WARNING):
        source = ScanNetFolderSource(scene)
    assert source.label_space.labels == ()
    assert source[0].labels is None
    assert "scannetv2-labels.combined.tsv" in caplog.text


def test_a_tsv_without_ids_is_refused(scene: Path) -> None:
    write_labels(scene / "label-filt", scene)
    (scene / "scannetv2-labels.combined.tsv").write_text("raw_category\tnyu40id\nwall\t1\n")
    with pytest.raises(DataError, match=r"combined\.tsv: needs the columns 'id' and 'nyu40id'"):
        ScanNetFolderSource(scene)


def test_unknown_raw_labels_are_counted_and_logged_once(
    scene: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_labels(scene / "label-filt", scene)
    source = ScanNetFolderSource(scene)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            labels = source[0].labels
    assert labels is not None
    assert caplog.text.count("000000: labels 999 are not in 'nyu40'") == 1
    assert source.unknown_label_pixels == 2 * np.count_nonzero(raw_labels(0) == 999)


def test_a_scene_without_one_label_image_has_that_frame_unlabelled(scene: Path) -> None:
    write_labels(scene / "label-filt", scene)
    (scene / "label-filt" / "1.png").unlink()
    truncate(scene / "label-filt" / "2.png")
    source = ScanNetFolderSource(scene)
    assert source[1].labels is None
    with pytest.raises(BadFrameError, match=r"label-filt/2\.png"):
        source[2]


def test_the_axis_alignment_of_the_scene_turns_the_poses(scene: Path, sens: Path) -> None:
    turn = np.array([[0.0, -1, 0, 2], [1, 0, 0, -3], [0, 0, 1, 0.5], [0, 0, 0, 1]])
    words = " ".join(f"{value:.6f}" for value in turn.ravel())
    (scene / "scene0000_00.txt").write_text(f"axisAlignment = {words}\ncolorWidth = 96\n")
    (sens.parent / "scene0001_00.txt").write_text(f"numDepthFrames = 4\naxisAlignment = {words}\n")
    for source in (ScanNetFolderSource(scene), ScanNetSensSource(sens)):
        np.testing.assert_allclose(source[2].world_from_camera, turn @ pose(2), atol=1e-6)
    (scene / "scene0000_00.txt").write_text("axisAlignment = 1 2 3\n")
    with pytest.raises(DataError, match=r"scene0000_00\.txt: axisAlignment"):
        ScanNetFolderSource(scene)


def test_lost_tracking_and_damaged_files_spoil_their_frame_alone(scene: Path) -> None:
    (scene / "pose" / "0.txt").write_text("-inf " * 16)
    truncate(scene / "color" / "1.png")
    save(raw_depth(0, 32, 24), scene / "depth" / "2.png")
    (scene / "color" / "10.png").unlink()
    items = list(stream(ScanNetFolderSource(scene)))
    assert [item.reason for item in items if isinstance(item, BadFrameError)] == [
        "nan-pose",
        "unreadable-image",
        "wrong-size",
        "missing-file",
    ]
    (scene / "pose" / "0.txt").write_text("1 2 3")
    (scene / "pose" / "1.txt").unlink()
    source = ScanNetFolderSource(scene)
    for index, reason in ((0, "unreadable-pose"), (1, "missing-file")):
        with pytest.raises(BadFrameError, match=reason):
            source[index]


@pytest.mark.parametrize("missing", ["color", "depth", "pose", "intrinsic"])
def test_a_missing_folder_is_named(scene: Path, missing: str) -> None:
    shutil.rmtree(scene / missing)
    with pytest.raises(DataError, match=missing):
        ScanNetFolderSource(scene)


def test_intrinsics_of_other_images_are_refused(scene: Path) -> None:
    (scene / "intrinsic" / "intrinsic_depth.txt").write_text(matrix_text(COLOR_K * 10))
    with pytest.raises(DataError, match=r"intrinsic_depth\.txt.*64×48"):
        ScanNetFolderSource(scene)


def test_colour_already_resized_to_the_depth_camera_is_left_alone(scene: Path) -> None:
    (scene / "intrinsic" / "intrinsic_color.txt").write_text(matrix_text(COLOR_K * 10))
    for number in NUMBERS:
        save(color(number, *DEPTH_SIZE), scene / "color" / f"{number}.png")
    np.testing.assert_array_equal(ScanNetFolderSource(scene)[0].rgb, color(0, *DEPTH_SIZE))


@pytest.mark.parametrize("cut_at", [0.35, 0.6, 0.8])
def test_a_truncated_sens_keeps_the_frames_before_the_cut(
    sens: Path, cut_at: float, caplog: pytest.LogCaptureFixture
) -> None:
    sens.write_bytes(sens_bytes(version=3))
    whole = ScanNetSensSource(sens)[0]
    truncate(sens, cut_at)
    with caplog.at_level(logging.WARNING):
        source = ScanNetSensSource(sens)
    assert "of 4 frames are there" in caplog.text
    items = list(stream(source))
    assert len(items) == 4
    bad = [isinstance(item, BadFrameError) for item in items]
    assert bad == sorted(bad)
    assert bad[-1] and not bad[0]
    assert all(i.reason == "truncated-file" for i in items if isinstance(i, BadFrameError))
    np.testing.assert_array_equal(source[0].rgb, whole.rgb)


def test_a_sens_cut_within_its_header_or_of_another_version_is_refused(sens: Path) -> None:
    sens.write_bytes(sens_bytes()[:200])
    with pytest.raises(DataError, match="ends within its header"):
        ScanNetSensSource(sens)
    sens.write_bytes(sens_bytes(version=2))
    with pytest.raises(DataError, match="version 2; versions 3 and 4"):
        ScanNetSensSource(sens)
    sens.write_bytes(b"\x04\0\0\0" + b"\xff" * 500)
    with pytest.raises(DataError, match="not a \\.sens file"):
        ScanNetSensSource(sens)


def test_occi_depth_is_refused_with_the_way_out(sens: Path) -> None:
    sens.write_bytes(sens_bytes(depth_form=2))
    with pytest.raises(DataError, match=r"\(occi\).*export the scene with zlib depth"):
        ScanNetSensSource(sens)


def test_damage_inside_a_sens_spoils_one_frame(sens: Path) -> None:
    data = bytearray(sens_bytes(version=3, depth_form=1))
    at = data.index(zlib.compress(raw_depth(1, *DEPTH_SIZE).astype("<u2").tobytes()))
    data[at : at + 40] = b"\x55" * 40
    lost = pose(2).astype("<f4").tobytes()
    data[data.index(lost) : data.index(lost) + 4] = struct.pack("<f", float("-inf"))
    sens.write_bytes(data)
    reasons = [
        i.reason if isinstance(i, BadFrameError) else "" for i in stream(ScanNetSensSource(sens))
    ]
    assert reasons == ["", "unreadable-image", "nan-pose", ""]


def test_sens_depth_that_unpacks_to_another_size_is_bad(sens: Path) -> None:
    good = raw_depth(0, *DEPTH_SIZE).astype("<u2").tobytes()
    packed = zlib.compress(good)
    bomb = zlib.compress(bytes(10 * len(good)))
    data = sens_bytes(version=3)
    padded = bomb + bytes(len(packed) - len(bomb))
    sens.write_bytes(data.replace(packed, padded))
    with pytest.raises(BadFrameError, match="wrong-size"):
        ScanNetSensSource(sens)[0]
