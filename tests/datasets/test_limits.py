"""Files made to harm: other formats, huge declared sizes, bombs, numbers beyond any cast."""

import struct
import tracemalloc
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fuzzing.targets import write_scannet, write_sens
from helpers_datasets import (
    TUM_SIZE,
    color,
    encoded,
    sens_bytes,
    write_exported,
    write_tum_sequence,
)
from PIL import Image

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.source import COLOR_ALONE, stream
from hydra_mono.datasets.camera import checked_camera, undistortion
from hydra_mono.datasets.label_file import find_label_table
from hydra_mono.datasets.readers.scannet_folder import ScanNetFolderSource
from hydra_mono.datasets.readers.scannet_sens import ScanNetSensSource
from hydra_mono.datasets.readers.tum import TumSource
from hydra_mono.datasets.readers.tum_lists import associate, read_list

MEGABYTE = 2**20


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    return write_tum_sequence(tmp_path / "rgbd_dataset_freiburg3_made_up")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def png_bomb(width: int, height: int, rows: int) -> bytes:
    """A PNG that declares a size and holds so many rows of zeros."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes((1 + 3 * width) * rows), 9)
    chunks = (b"IHDR", head), (b"IDAT", body), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


@pytest.mark.parametrize("form", ["eps", "gif", "bmp", "ppm", "webp", "ico", "pdf"])
def test_only_png_jpeg_and_tiff_are_opened(sequence: Path, form: str) -> None:
    buffer = BytesIO()
    Image.fromarray(color(0, *TUM_SIZE)).save(buffer, form)
    (sequence / "rgb" / "10.000000.png").write_bytes(buffer.getvalue())
    with pytest.raises(BadFrameError, match=r"unreadable-image.*no PNG, JPEG or TIFF"):
        TumSource(sequence)[0]


def test_an_image_s_content_decides_whatever_its_name(sequence: Path) -> None:
    (sequence / "rgb" / "10.000000.png").write_bytes(encoded(color(0, *TUM_SIZE), "tiff"))
    np.testing.assert_array_equal(TumSource(sequence)[0].rgb, color(0, *TUM_SIZE))


@pytest.mark.parametrize(("side", "rows"), [(20_000, 0), (4000, 4), (60_000, 1)])
def test_a_declared_size_is_checked_before_pixels_are_made(
    sequence: Path, side: int, rows: int
) -> None:
    source = TumSource(sequence)
    source[1]  # imports what decodes
    (sequence / "rgb" / "10.000000.png").write_bytes(png_bomb(side, side, rows))
    tracemalloc.start()
    with pytest.raises(BadFrameError, match=r"declares|wrong-size|pixels\) exceeds"):
        source[0]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MEGABYTE


def test_an_image_of_another_size_is_not_decoded(sequence: Path) -> None:
    source = TumSource(sequence)
    source[1]  # imports what decodes
    (sequence / "rgb" / "10.000000.png").write_bytes(png_bomb(2000, 2000, 2000))
    tracemalloc.start()
    with pytest.raises(BadFrameError, match=r"wrong-size.*2000×2000, expected 64×48"):
        source[0]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MEGABYTE


def test_a_sens_that_declares_more_than_it_holds_allocates_nothing(tmp_path: Path) -> None:
    data = sens_bytes()
    at = data.index(struct.pack("<4I", 96, 72, 64, 48))
    path = tmp_path / "scene0000_00.sens"
    path.write_bytes(data[:at] + struct.pack("<4I", 96, 72, 30_000, 30_000) + data[at + 16 :])
    with pytest.raises(DataError, match="30000×30000 pixels; at most"):
        ScanNetSensSource(path)
    camera = np.array([2000.0, 2000.0, 1999.5, 1999.5])
    matrix = np.diag([*camera[:2], 1.0, 1.0])
    matrix[:2, 2] = camera[2:]
    depth_at = at - 8 - 2 * 64  # the depth camera's matrix is the third of four
    data = data[:depth_at] + matrix.astype("<f4").tobytes() + data[depth_at + 64 :]
    path.write_bytes(data[:at] + struct.pack("<4I", 96, 72, 4000, 4000) + data[at + 16 :])
    tracemalloc.start()
    with pytest.raises(BadFrameError, match=r"bytes of depth, expected 32000000"):
        source = ScanNetSensSource(path)
        source._decode_depth(b"x" * 1000, "000000")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MEGABYTE


def test_equal_stamps_cost_no_more_than_others() -> None:
    assert associate([5] * 30_000, [5] * 30_000) == [(i, i) for i in range(30_000)]


def test_nearest_pairs_are_those_of_trying_them_all() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        first, second = (np.sort(rng.integers(0, 400, 25)).tolist() for _ in range(2))
        gaps = sorted((abs(a - b), i, j) for i, a in enumerate(first) for j, b in enumerate(second))
        left, right, total = set(range(25)), set(range(25)), []
        for gap, i, j in gaps:
            if gap < 20 and i in left and j in right:
                left.remove(i)
                right.remove(j)
                total.append(gap)
        found = associate(first, second, 20)
        assert sorted(abs(first[i] - second[j]) for i, j in found) == sorted(total)


@pytest.mark.parametrize("key", ["k1", "k2", "p1", "k3"])
@pytest.mark.parametrize("value", [".nan", ".inf", "-1e300", "1e9"])
def test_a_distortion_that_is_none_is_refused(sequence: Path, key: str, value: str) -> None:
    text = f"{{fx: 50, fy: 51, cx: 31, cy: 23, {key}: {value}}}"
    (sequence / "camera.yaml").write_text(text)
    with pytest.raises(DataError, match=r"camera\.yaml: expected"):
        TumSource(sequence)


def test_pixels_that_a_lens_takes_nowhere_are_refused_before_any_cast() -> None:
    camera = Intrinsics(50.0, 50.0, 31.5, 23.5, 64, 48)
    lens = undistortion(camera, (float("nan"), 0.0, 0.0, 0.0, 0.0))
    with pytest.raises(DataError, match="distortion"):
        lens.color(color(0, 64, 48))


@pytest.mark.parametrize(
    "camera",
    [
        Intrinsics(50.0, 50.0, 31.5, 23.5, 0, 48),
        Intrinsics(50.0, 50.0, 31.5, 23.5, -64, 48),
        Intrinsics(5e4, 5e4, 3e4, 3e4, 60_000, 60_000),
        Intrinsics(float("nan"), 50.0, 31.5, 23.5, 64, 48),
        Intrinsics(50.0, float("inf"), 31.5, 23.5, 64, 48),
        Intrinsics(50.0, 500.0, 31.5, 23.5, 64, 48),
        Intrinsics(0.5, 0.5, 31.5, 23.5, 64, 48),
    ],
)
def test_intrinsics_of_no_camera_are_refused(camera: Intrinsics) -> None:
    with pytest.raises(DataError, match=r"here:"):
        checked_camera(camera, "here")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{this}: &{this} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, this in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (BOMB, "aliases written out"),
        ("label_names: " + "[" * 5000, "nest"),
        ("label_names: []\ntotal_semantic_labels: 4000000000", "total_semantic_labels"),
        ("label_names: [{label: 99999999999, name: a}]", "label_names.0.label"),
        ("label_names: []\ntotal_semantic_labels: 60000", "256 labels; at most 255"),
        ("name: a\nname: b\nlabels: []", "'name' stands twice"),
        ("name: a\nlabels: [{id: 1, name: a, color: [1, 2, 300], kind: object}]", "color"),
        ("name: 2024-99-99\nlabels: 3", "labels"),
        ("&a [*a]", "alias"),
    ],
)
def test_label_spaces_made_to_harm_are_refused_in_a_line(
    tmp_path: Path, text: str, fault: str
) -> None:
    (tmp_path / "label_space.yaml").write_text(text)
    with pytest.raises(DataError, match=r"label_space\.yaml") as caught:
        find_label_table(tmp_path)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def zipped_labels(folder: Path) -> Path:
    write_sens(folder)
    return folder / "room0_2d-label-filt.zip"


def test_a_zip_bomb_of_labels_spoils_its_frame_alone(tmp_path: Path) -> None:
    path = zipped_labels(tmp_path / "room0")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("label-filt/7.png", bytes(200 * MEGABYTE))
    path.write_bytes(path.read_bytes().replace(b"label-filt/1.png", b"label-filt/9.png"))
    path.write_bytes(path.read_bytes().replace(b"label-filt/7.png", b"label-filt/1.png"))
    items = list(stream(ScanNetSensSource(tmp_path / "room0")))
    assert [getattr(item, "reason", "") for item in items] == ["", "unreadable-image", "", ""]


def test_encrypted_labels_spoil_frames_and_a_damaged_zip_is_named(tmp_path: Path) -> None:
    path = zipped_labels(tmp_path / "room0")
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1  # the flag of encryption, in the central directory
        at = data.find(b"PK\x01\x02", at + 1)
    path.write_bytes(data)
    items = list(stream(ScanNetSensSource(tmp_path / "room0")))
    assert {getattr(item, "reason", "") for item in items} == {"unreadable-image"}
    assert "encrypted" in str(items[0])
    path.write_bytes(data[:-30])
    with pytest.raises(DataError, match=r"label-filt\.zip"):
        ScanNetSensSource(tmp_path / "room0")
    assert len(ScanNetSensSource(tmp_path / "room0", COLOR_ALONE)) == 4


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path, sequence: Path) -> None:
    write_scannet(tmp_path / "room0")
    (tmp_path / "room0" / "color" / "0.png").unlink()
    (tmp_path / "room0" / "color" / "0.png").mkdir()
    with pytest.raises(BadFrameError, match="no plain file"):
        ScanNetFolderSource(tmp_path / "room0")[0]
    (sequence / "rgb.txt").unlink()
    (sequence / "rgb.txt").mkdir()
    with pytest.raises(DataError, match=r"rgb\.txt"):
        read_list(sequence / "rgb.txt")


def test_frames_numbered_beyond_64_bits_are_refused(tmp_path: Path) -> None:
    write_exported(tmp_path / "room0")
    (tmp_path / "room0" / "color" / "2.png").rename(
        tmp_path / "room0" / "color" / f"{'9' * 40}.png"
    )
    with pytest.raises(DataError, match=r"numbers are no stamps.*beyond 64 bits"):
        ScanNetFolderSource(tmp_path / "room0")


def test_images_of_the_largest_size_are_resampled_in_little_memory() -> None:
    camera = Intrinsics(1500.0, 1500.0, 1023.5, 1023.5, 2048, 2048)
    tracemalloc.start()
    nearest = undistortion(camera, (0.1, 0.0, 0.0, 0.0, 0.0)).nearest(
        np.ones((2048, 2048), np.uint8)
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert nearest.mean() > 0.8
    assert peak < 250 * MEGABYTE
