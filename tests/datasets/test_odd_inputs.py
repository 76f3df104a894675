"""Input that people really have: units, names, encodings, columns; read, or one line says why."""

import logging
from pathlib import Path

import numpy as np
import pytest
from fuzzing.targets import write_25k, write_scannet
from helpers_datasets import (
    NUMBERS,
    TUM_SIZE,
    color,
    matrix_text,
    pose,
    raw_depth,
    save,
    sens_bytes,
    write_exported,
    write_hydra,
    write_icl_nuim,
    write_labels,
    write_replica,
    write_tum_sequence,
)
from PIL import Image

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.source import COLOR_ALONE, stream
from hydra_mono.datasets.label_file import find_label_table
from hydra_mono.datasets.readers.hydra import HydraSource
from hydra_mono.datasets.readers.replica import ReplicaSource
from hydra_mono.datasets.readers.scannet_folder import ScanNetFolderSource
from hydra_mono.datasets.readers.scannet_scene import read_label_table
from hydra_mono.datasets.readers.tum import TumSource
from hydra_mono.datasets.registry import open_sequence

LISTS = ("rgb.txt", "depth.txt", "groundtruth.txt")


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    return write_tum_sequence(tmp_path / "rgbd_dataset_freiburg3_made_up")


def rewrite(path: Path, change) -> None:  # type: ignore[no-untyped-def]
    lines = path.read_text().splitlines(keepends=True)
    lines = [line if line.startswith("#") else change(line) for line in lines]
    path.write_text("".join(lines))


@pytest.mark.parametrize("start_s", [0, 1_305_031_102])
@pytest.mark.parametrize(
    ("unit", "per_s"), [("milli", 10**3), ("micro", 10**6), ("nano", 10**9), ("", 0)]
)
def test_stamps_may_be_in_any_unit(
    sequence: Path, start_s: int, unit: str, per_s: int, caplog: pytest.LogCaptureFixture
) -> None:
    def change(line: str) -> str:
        word, _, rest = line.partition(" ")
        shifted = start_s + float(word)
        text = f"{round(shifted * per_s)}" if per_s else f"{shifted:.18e}"  # as numpy writes it
        return f"{text} {rest}"

    for name in LISTS:
        rewrite(sequence / name, change)
    with caplog.at_level(logging.WARNING):
        source = TumSource(sequence)
    stamps_s = [source[i].stamp_ns / 1e9 - start_s for i in range(4)]
    np.testing.assert_allclose(stamps_s, [10.0, 10.1, 10.2, 10.3], atol=1e-3)
    assert (f"taken for {unit}seconds" in caplog.text) == bool(unit)


@pytest.mark.parametrize("name", LISTS)
def test_a_stamp_beyond_64_bits_names_its_file(sequence: Path, name: str) -> None:
    with (sequence / name).open("a") as file:
        file.write("99999999999999999999 rgb/10.000000.png\n" if name != LISTS[2] else "")
        file.write("99999999999999999999 0 0 0 0 0 0 1\n" if name == LISTS[2] else "")
    with pytest.raises(DataError, match=rf"{name}: the stamp 9+ is beyond 64 bits"):
        TumSource(sequence)


@pytest.mark.parametrize("words", ["{:.1f}", "{:.18e}", "{}"])
@pytest.mark.parametrize("per_s", [1, 1000, 10**9])
def test_hydra_s_stamps_may_be_floats_of_any_unit(tmp_path: Path, words: str, per_s: int) -> None:
    folder = write_hydra(tmp_path / "run")
    head, *rows = (folder / "poses.csv").read_text().splitlines()
    rows = [row.partition(",")[2] for row in rows]
    stamps = [words.format((1_305_031_102 + i) * per_s) for i in range(3)]
    lines = [f"{stamp},{row}" for stamp, row in zip(stamps, rows, strict=True)]
    (folder / "poses.csv").write_text("\n".join([head, *reversed(lines)]))
    source = HydraSource(folder)
    assert [source[i].stamp_ns // 10**9 - 1_305_031_102 for i in range(3)] == [0, 1, 2]
    np.testing.assert_array_equal(source[0].rgb, color(2, 60, 34))


def test_a_hydra_stamp_beyond_64_bits_spoils_its_frame(tmp_path: Path) -> None:
    folder = write_hydra(tmp_path / "run")
    text = (folder / "poses.csv").read_text().replace("1200000000,", "12000000000000000000000,")
    (folder / "poses.csv").write_text(text)
    reasons = [getattr(item, "reason", "") for item in stream(HydraSource(folder))]
    assert reasons == ["", "", "unreadable-stamp"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "utf-8-sig"])
def test_lists_may_be_in_any_encoding(sequence: Path, encoding: str) -> None:
    for name in LISTS:
        text = (sequence / name).read_text()
        (sequence / name).write_bytes(f"# Büro\n{text}".encode(encoding))
    assert len(TumSource(sequence)) == 4


def test_names_may_have_blanks_and_headers_no_hash(sequence: Path) -> None:
    for kind in ("rgb", "depth"):
        for file in list((sequence / kind).iterdir()):
            file.rename(file.with_name(f"image {file.name}"))
        rewrite(sequence / f"{kind}.txt", lambda line: line.replace("/", "/image "))
        text = (sequence / f"{kind}.txt").read_text().replace("# ", "timestamp ")
        (sequence / f"{kind}.txt").write_text(text)
    assert not [item for item in stream(TumSource(sequence)) if isinstance(item, BadFrameError)]
    pairs = "10.0 rgb/image 10.000000.png 10.006 depth/image 10.006000.png"
    (sequence / "associations.txt").write_text(pairs)
    np.testing.assert_array_equal(TumSource(sequence)[0].rgb, color(0, *TUM_SIZE))


def test_nine_columns_are_said_once(sequence: Path, caplog: pytest.LogCaptureFixture) -> None:
    rewrite(sequence / "groundtruth.txt", lambda line: line.rstrip("\n") + " 7\n")
    with caplog.at_level(logging.WARNING):
        source = TumSource(sequence)
    np.testing.assert_allclose(source[1].camera_position_m, pose(1.0)[:3, 3], atol=1e-7)
    assert len(caplog.records) == 1 and "9 columns" in caplog.text
    rewrite(sequence / "groundtruth.txt", lambda line: f"3 {line}")
    with pytest.raises(DataError, match="no unit quaternion"):
        TumSource(sequence)


def test_what_macos_leaves_beside_files_is_not_read(sequence: Path, tmp_path: Path) -> None:
    with (sequence / "rgb.txt").open("a") as file:
        file.write("10.05 rgb/._10.000000.png\n")
    assert len(TumSource(sequence)) == 4
    scene = tmp_path / "scene0001_00"
    scene.mkdir()
    (scene / "scene0001_00.sens").write_bytes(sens_bytes())
    (scene / "._scene0001_00.sens").write_bytes(b"Mac OS X")
    assert len(open_sequence(str(scene), tmp_path)) == 4
    icl = write_icl_nuim(tmp_path / "living_room")
    (icl / "._livingRoom0.gt.freiburg").write_bytes(b"Mac OS X")
    assert len(open_sequence(str(icl), tmp_path)) == 4


@pytest.mark.parametrize("suffix", [".PNG", ".JPG", ".jpeg", ".tif"])
def test_the_case_and_the_end_of_a_name_do_not_matter(tmp_path: Path, suffix: str) -> None:
    form = {".PNG": "png", ".JPG": "jpeg", ".jpeg": "jpeg", ".tif": "tiff"}[suffix]
    folders = [write_replica(tmp_path / "replica"), write_hydra(tmp_path / "hydra")]
    write_exported(tmp_path / "scene0000_00")
    for folder in (*folders, tmp_path / "scene0000_00"):
        names = [*folder.rglob("frame*.png"), *folder.glob("color/*.png")]
        for file in names:
            Image.open(file).save(file.with_suffix(suffix), form)
            file.unlink()
        source = open_sequence(str(folder), tmp_path)
        assert len(list(stream(source))) >= 3
        assert not [item for item in stream(source) if isinstance(item, BadFrameError)]


@pytest.mark.parametrize("padded", ["pose", "depth", "label-filt", "color"])
def test_numbers_are_numbers(tmp_path: Path, padded: str) -> None:
    scene = tmp_path / "room0"
    write_scannet(scene)
    for file in list((scene / padded).iterdir()):
        file.rename(file.with_name(f"{int(file.stem):06d}{file.suffix}"))
    frames = list(stream(ScanNetFolderSource(scene)))
    assert len(frames) == len(NUMBERS)
    assert all(getattr(frame, "labels", None) is not None for frame in frames)


def test_labels_that_match_no_frame_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_exported(tmp_path / "room0")
    write_labels(tmp_path / "room0" / "label-filt", tmp_path)
    for file in list((tmp_path / "room0" / "label-filt").iterdir()):
        file.rename(file.with_name(f"{int(file.stem) + 5000}.png"))
    with caplog.at_level(logging.WARNING):
        assert ScanNetFolderSource(tmp_path / "room0")[0].labels is None
    assert "no label image has the number of a frame" in caplog.text


def test_the_25000_frames_are_labelled_with_nyu40(tmp_path: Path) -> None:
    write_25k(tmp_path / "scene0000_00")
    source = open_sequence(str(tmp_path / "scene0000_00"), tmp_path)
    np.testing.assert_array_equal(source[0].labels, raw_depth(0) % 41)
    assert source.label_space.name == "nyu40"


def test_grey_of_16_bits_is_scaled_to_8(sequence: Path) -> None:
    grey = np.linspace(0, 65535, TUM_SIZE[0] * TUM_SIZE[1]).reshape(TUM_SIZE[::-1])
    save(grey.astype(np.uint16), sequence / "rgb" / "10.000000.png")
    rgb = TumSource(sequence)[0].rgb
    assert np.abs(rgb - (grey / 257)[..., None]).max() <= 0.51


def test_depth_of_32_bits_is_read_in_its_full_range(sequence: Path) -> None:
    (sequence / "camera.yaml").write_text("{fx: 50, fy: 51, cx: 31, cy: 23, units_per_m: 1e6}")
    micrometres = np.full(TUM_SIZE[::-1], 3_500_000, np.int32)
    micrometres[0, 0] = 65535
    save(micrometres, sequence / "depth" / "10.006000.tiff")
    rewrite(sequence / "depth.txt", lambda line: line.replace("/10.006000.png", "/10.006000.tiff"))
    depth_m = TumSource(sequence)[0].depth_m
    assert depth_m is not None
    assert depth_m[5, 5] == pytest.approx(3.5)
    assert depth_m[0, 0] == pytest.approx(0.065535)


@pytest.mark.parametrize("units", ["0", ".nan", "-1000", ".inf", "1e-5", "many"])
def test_depth_units_that_are_none_are_refused(sequence: Path, units: str) -> None:
    text = f"{{fx: 50, fy: 51, cx: 31, cy: 23, units_per_m: {units}}}"
    (sequence / "camera.yaml").write_text(text)
    with pytest.raises(DataError, match=r"camera\.yaml: expected"):
        TumSource(sequence)


def test_mirrored_and_scaled_poses_are_called_what_they_are(tmp_path: Path) -> None:
    scene = tmp_path / "room0"
    write_exported(scene)
    flip, scale = np.diag([1.0, 1.0, -1.0, 1.0]), np.diag([2.0, 2.0, 2.0, 1.0])
    far = pose(10)
    far[0, 3] = 1e10
    poses = (pose(0) @ flip, pose(1) @ scale, pose(2), far)
    for number, matrix in zip(NUMBERS, poses, strict=True):
        (scene / "pose" / f"{number}.txt").write_text(matrix_text(matrix))
    reasons = [getattr(item, "reason", "") for item in stream(ScanNetFolderSource(scene))]
    assert reasons == ["mirrored-pose", "no-rotation", "", "absurd-pose"]


def test_label_numbers_past_255_become_free_ids(tmp_path: Path) -> None:
    names = ", ".join(f"{{label: {raw}, name: n{raw}}}" for raw in (0, 7, 255, 256, 4000))
    (tmp_path / "label_space.yaml").write_text(f"label_names: [{names}]\ntotal_semantic_labels: 0")
    table = find_label_table(tmp_path)
    assert table is not None
    raw = np.array([[0, 7, 255, 256, 4000, 9]], np.uint16)
    ids = table(raw, "000000")[0].tolist()
    assert ids[1:3] == [7, 255] and ids[5] == 0
    assert [table.space.name_of(label) for label in ids[:5]] == [
        "n0",
        "n7",
        "n255",
        "n256",
        "n4000",
    ]


def test_a_start_past_the_end_is_said(sequence: Path) -> None:
    with pytest.raises(DataError, match="start is 4, but there are 4 frames"):
        next(stream(TumSource(sequence), start=4))


def test_a_quote_in_the_tsv_swallows_no_row(tmp_path: Path) -> None:
    rows = ["id\traw_category\tnyu40id", '1\t"wall\t1', '2\tchair"\t5', "3\tfloor\t2"]
    (tmp_path / "labels.tsv").write_text("\n".join(rows))
    table = read_label_table(tmp_path / "labels.tsv")
    assert table(np.array([[1, 2, 3]], np.uint16), "0").tolist() == [[1, 5, 2]]


@pytest.mark.parametrize("word", ["1_0", "0x10", "1e400", "٣", "1,5,"])
def test_numbers_are_read_strictly(tmp_path: Path, word: str) -> None:
    folder = write_replica(tmp_path / "room0", frames=1)
    values = (folder / "traj.txt").read_text().split()
    (folder / "traj.txt").write_text(" ".join([word, *values[1:]]), encoding="utf-8")
    with pytest.raises(BadFrameError, match="unreadable-pose"):
        ReplicaSource(folder, COLOR_ALONE)[0]
