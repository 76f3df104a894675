"""Images, video, phones and bags: one recording in every layout is the same recording."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers_datasets import matrix_text, save
from helpers_layouts import LAYOUTS, numbers, opened
from helpers_posed import (
    COUNT,
    recording,
    write_deep_video_mvs,
    write_rows,
    write_transforms,
)
from PIL import Image

from hydra_mono.cli.main import main
from hydra_mono.core.config import DataConfig
from hydra_mono.core.geometry import OPENGL_FROM_OPENCV, inverse
from hydra_mono.core.source import WHAT_THERE_IS
from hydra_mono.datasets.first_frames.pairs import read_first_frames
from hydra_mono.datasets.first_frames.suspect import judge
from hydra_mono.datasets.given import Given, given_by_flags
from hydra_mono.datasets.lens import read_camera
from hydra_mono.datasets.prepare import Conversion, PreparedSource, prepare
from hydra_mono.datasets.registry import open_sequence
from hydra_mono.datasets.summary import summarise


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    found: dict[str, Path] = {}

    def path_of(name: str) -> Path:
        if name not in found:
            folder = tmp_path_factory.mktemp(name.replace(" ", "_").replace(".", "_"))
            found[name] = LAYOUTS[name].write(folder / "sequence")
        return found[name]

    return path_of


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_tells_the_recording_it_was_written_from(
    written: Callable[[str], Path], name: str
) -> None:
    layout = LAYOUTS[name]
    source = opened(written(name), layout)
    world = np.eye(4) if layout.world is None else layout.world
    tenths = [
        round((f.stamp_ns - source[0].stamp_ns) / 1e8)
        for f in map(source.__getitem__, range(len(source)))
    ]
    is_counted = tenths[1] == 0  # at 30 Hz, for want of stamps
    assert len(source) == (3 * COUNT if name == "video" else COUNT)
    for i in (0, 1, 7, COUNT - 1):
        true = recording()[i]
        frame = source[i if is_counted else tenths.index(3 * i)]
        np.testing.assert_allclose(
            frame.world_from_camera, world @ true.world_from_camera, atol=1e-5
        )
        assert frame.intrinsics.width == true.intrinsics.width
        np.testing.assert_allclose(frame.intrinsics.matrix, true.intrinsics.matrix, atol=1e-6)
        error = np.abs(frame.rgb.astype(float) - true.rgb).mean()
        assert error <= layout.color_error
        assert (frame.depth_m is not None) == layout.has_depth
        if frame.depth_m is not None and true.depth_m is not None:
            step = layout.depth_step
            at = np.s_[step // 2 :: step, step // 2 :: step]
            np.testing.assert_allclose(frame.depth_m[at], true.depth_m[at], atol=6e-4)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_first_frames_of_a_layout_agree(written: Callable[[str], Path], name: str) -> None:
    source, verdict = prepare(opened(written(name), LAYOUTS[name]), DataConfig(up=UPS.get(name)))
    assert verdict.suspect == "none", verdict.line
    assert source.world_up == (0.0, 0.0, 1.0)


UPS = {
    name: (0.0, 0.0, 1.0)
    for name, layout in LAYOUTS.items()
    if layout.world is None and not layout.has_depth
}  # where nothing promises up, and there is no depth to estimate it


@pytest.mark.parametrize(
    ("change", "convention"),
    [(inverse, "inverse"), (lambda pose: pose @ OPENGL_FROM_OPENCV, "opengl")],
)
def test_a_wrong_convention_is_named(
    tmp_path: Path, change: Callable[[np.ndarray], np.ndarray], convention: str
) -> None:
    folder = write_deep_video_mvs(tmp_path / "office")
    write_rows(folder / "poses.txt", change=change)
    source = open_sequence(str(folder), tmp_path)
    verdict = judge(read_first_frames(source), None)
    assert (verdict.suspect, verdict.convention) == ("pose convention", convention)
    mended, verdict = prepare(source, DataConfig(pose_convention=convention, up=(0, 0, 1)))
    assert verdict.suspect == "none"
    np.testing.assert_allclose(
        mended[3].world_from_camera, recording()[3].world_from_camera, atol=1e-6
    )


def test_distortion_is_taken_out_alike_by_every_road(tmp_path: Path) -> None:
    """Numbers of a flag, of a file of poses, and for a layout that has a camera of its own."""
    folder = write_transforms(tmp_path / "scene")
    camera = recording()[0].intrinsics
    lens = (0.1, -0.05, 0.002, -0.001)
    given = given_by_flags(None, f"{numbers()},{','.join(map(str, lens))}")
    by_flag = open_sequence(str(folder), tmp_path, None, WHAT_THERE_IS, given)[2]
    told = open_sequence(str(folder), tmp_path, None, WHAT_THERE_IS)
    by_wrapper = PreparedSource(told, Conversion(camera=given.camera), None)[2]
    text = (folder / "transforms.json").read_text()
    keys = "".join(f'"{k}": {v}, ' for k, v in zip(("k1", "k2", "p1", "p2"), lens, strict=True))
    (folder / "transforms.json").write_text(text.replace('"fl_x"', keys + '"fl_x"', 1))
    by_file = open_sequence(str(folder), tmp_path, None, WHAT_THERE_IS)[2]
    assert by_flag.intrinsics == camera
    assert np.abs(by_flag.rgb.astype(int) - recording()[2].rgb).mean() > 1
    for other in (by_wrapper, by_file):
        np.testing.assert_array_equal(by_flag.rgb, other.rgb)
        np.testing.assert_array_equal(by_flag.depth_m, other.depth_m)


def test_large_images_are_made_smaller_with_their_camera(tmp_path: Path) -> None:
    folder = tmp_path / "large"
    camera = recording()[0].intrinsics
    save(np.full((1440, 1920, 3), 80, np.uint8), folder / "images" / "0.jpg")
    (folder / "poses.txt").write_text(" ".join(map(str, np.eye(4).ravel())) + "\n")
    factor = 1920 / camera.width
    values = [camera.fx * factor, camera.fy * factor, 959.5, 719.5]
    given = given_by_flags(None, ",".join(map(str, values)))
    frame = open_sequence(str(folder), tmp_path, None, WHAT_THERE_IS, given)[0]
    assert frame.rgb.shape == (720, 960, 3)
    assert frame.intrinsics.fx == pytest.approx(values[0] / 2)
    assert frame.intrinsics.cx == pytest.approx(479.5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("K.txt", "100 0 48\n0 101 36\n0 0 1\n"),
        ("K4.txt", "100 0 48 0\n0 101 36 0\n0 0 1 0\n0 0 0 1\n"),
        ("four.txt", "# fx fy cx cy\n100 101 48 36\n"),
        ("calib.txt", "P0: 100 0 48 0 0 101 36 0 0 0 1 0\nTr: 1 2 3\n"),
        ("camera.json", '{"fx": 100, "fy": 101, "cx": 48, "cy": 36, "width": 96, "height": 72}'),
        ("camera.yaml", "fl_x: 100\nfl_y: 101\ncx: 48\ncy: 36\nw: 96\nh: 72\n"),
        (
            "ros.yaml",
            "image_width: 96\nimage_height: 72\ncamera_matrix: {rows: 3, cols: 3, data: "
            "[100, 0, 48, 0, 101, 36, 0, 0, 1]}\ndistortion_coefficients: {data: [0,0,0,0,0]}\n",
        ),
    ],
)
def test_a_camera_is_read_from_any_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    camera = read_camera(tmp_path / name).of(96, 72)
    assert camera.intrinsics.matrix.tolist() == [[100, 0, 48], [0, 101, 36], [0, 0, 1]]
    assert not camera.is_distorted


def test_exif_tells_a_focal_length(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 26
    for i, frame in enumerate(recording()):
        Image.fromarray(frame.rgb).save(folder / f"{i}.jpg", exif=exif)
    write_rows(tmp_path / "poses.txt")
    given = Given(poses=tmp_path / "poses.txt")
    camera = open_sequence(str(folder), tmp_path, None, WHAT_THERE_IS, given)[0].intrinsics
    assert camera.fx == camera.fy == pytest.approx(26 / 43.267 * np.hypot(96, 72))
    assert (camera.cx, camera.cy) == (47.5, 35.5)


def test_info_lists_what_was_guessed_of_a_bag(written: Callable[[str], Path]) -> None:
    rows = dict(summarise(opened(written("ros 1"), LAYOUTS["ros 1"])))
    assert rows["colour topic"] == "/camera/rgb/image_raw"
    assert rows["depth topic"] == "/camera/depth_registered/image_raw"
    assert rows["calibration topic"] == "/camera/rgb/camera_info"
    assert rows["pose topics"] == "/tf + /tf_static"
    rows = dict(summarise(opened(written("ros 2"), LAYOUTS["ros 2"])))
    assert rows["colour topic"] == "/front/color/image_raw/compressed"
    assert rows["pose topics"] == "/tf_static + /odom"


def test_a_video_gives_the_same_frame_in_any_order(written: Callable[[str], Path]) -> None:
    source = opened(written("video"), LAYOUTS["video"])
    forward = [source[i].rgb for i in range(0, 60, 7)]
    backward = [source[i].rgb for i in reversed(range(0, 60, 7))]
    for one, other in zip(forward, reversed(backward), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_video_is_described_from_the_command_line(
    written: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = written("video")
    flags = ["--poses", str(path.parent / "poses_tum.txt"), "--intrinsics", numbers()]
    assert main(["info", str(path), *flags]) == 0
    shown = capsys.readouterr().out
    assert "96×72" in shown and "10.0 frames a second" in shown
    assert main(["info", str(path), *flags[:2], "--intrinsics", "100,101"]) == 1
    assert "expected fx,fy,cx,cy" in capsys.readouterr().err
    assert main(["info", str(path), "--poses", "nowhere.txt"]) == 1
    assert "nowhere.txt is missing" in capsys.readouterr().err


def test_numbers_of_a_matrix_file_are_those_of_its_text(tmp_path: Path) -> None:
    matrix = recording()[0].intrinsics.matrix
    (tmp_path / "m.txt").write_text(matrix_text(matrix))
    np.testing.assert_allclose(read_camera(tmp_path / "m.txt").of(96, 72).intrinsics.matrix, matrix)
