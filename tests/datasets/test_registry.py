"""From what a user types to a sequence: guessing, finding, and saying what is wrong."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers_datasets import (
    ListSource,
    frame,
    sens_bytes,
    write_exported,
    write_hydra,
    write_icl_nuim,
    write_replica,
    write_semantic_replica,
    write_seven_scenes,
    write_tsdf_fusion,
    write_tum_sequence,
)
from helpers_posed import (
    write_deep_video_mvs,
    write_polycam,
    write_record3d,
    write_stray_scanner,
    write_transforms,
)
from helpers_ros import write_ros2_bag

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame
from hydra_mono.datasets.readers.scannet_folder import ScanNetFolderSource
from hydra_mono.datasets.readers.scannet_sens import ScanNetSensSource
from hydra_mono.datasets.registry import READERS, guess_reader, open_sequence
from hydra_mono.datasets.summary import summarise


def write_sens(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / f"{folder.name}.sens").write_bytes(sens_bytes())
    return folder


def write_scannet(folder: Path) -> Path:
    write_exported(folder)
    return folder


WRITERS: dict[str, Callable[[Path], Path]] = {
    "scannet": write_scannet,
    "scannet-sens": write_sens,
    "tum": lambda folder: write_tum_sequence(folder, 1),
    "icl-nuim": write_icl_nuim,
    "7scenes": lambda folder: write_seven_scenes(folder, 1),
    "tsdf-fusion": write_tsdf_fusion,
    "replica": write_replica,
    "replica-semantic": write_semantic_replica,
    "hydra": write_hydra,
    "record3d": lambda folder: write_record3d(folder.with_suffix(".r3d")),
    "stray-scanner": write_stray_scanner,
    "polycam": write_polycam,
    "ros-bag": write_ros2_bag,
    "deep-video-mvs": write_deep_video_mvs,
    "images": write_transforms,
}


def test_every_reader_has_a_layout_here() -> None:
    assert set(WRITERS) == set(READERS)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_exactly_one_reader_knows_a_layout_and_opens_it(tmp_path: Path, name: str) -> None:
    folder = WRITERS[name](tmp_path / "sequence")
    assert [key for key, reader in READERS.items() if reader.guess(folder)] == [name]
    source = open_sequence(str(folder), tmp_path)
    assert type(source).__name__ == READERS[name].factory.partition(":")[2]
    assert len(source) > 0
    assert source[len(source) - 1].depth_m is not None


def test_an_ordinary_folder_is_no_sequence(tmp_path: Path) -> None:
    (tmp_path / "rgb").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    assert guess_reader(tmp_path) is None
    with pytest.raises(DataError, match=r"it holds notes\.txt, rgb.*--reader: scannet"):
        open_sequence(str(tmp_path), tmp_path)


def test_a_folder_of_sequences_offers_them(tmp_path: Path) -> None:
    write_seven_scenes(tmp_path / "chess" / "seq-01", 1)
    write_seven_scenes(tmp_path / "chess" / "seq-02", 1)
    with pytest.raises(DataError, match=r"choose one of .*seq-01, .*seq-02"):
        open_sequence(str(tmp_path / "chess"), tmp_path)


@pytest.mark.parametrize("place", ["", "scans", "scannet", "scannet/scans", "ScanNet/scans"])
def test_scannet0000_is_scene0000_00_below_the_data_root(tmp_path: Path, place: str) -> None:
    write_exported(tmp_path / place / "scene0000_00")
    source = open_sequence("scannet0000", tmp_path)
    assert isinstance(source, ScanNetFolderSource)
    assert source.name == "scene0000_00"


def test_a_scannet_name_may_say_the_scan_and_may_be_a_sens(tmp_path: Path) -> None:
    write_sens(tmp_path / "scans" / "scene0012_01")
    assert isinstance(open_sequence("scannet0012_01", tmp_path), ScanNetSensSource)
    assert isinstance(open_sequence("scene0012_01", tmp_path), ScanNetSensSource)
    file = tmp_path / "scans" / "scene0012_01" / "scene0012_01.sens"
    assert isinstance(open_sequence(str(file), tmp_path), ScanNetSensSource)
    file.rename(tmp_path / "scene0034_00.sens")
    assert isinstance(open_sequence("scannet0034", tmp_path), ScanNetSensSource)


def test_a_name_is_found_below_the_data_root(tmp_path: Path) -> None:
    write_replica(tmp_path / "Replica" / "room0")
    assert open_sequence("Replica/room0", tmp_path).name == "room0"
    assert open_sequence("room0", tmp_path).name == "room0"


def test_a_missing_sequence_says_where_it_looked_and_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_sequence("scannet0000", tmp_path / "nothing")
    message = str(caught.value)
    assert "scene0000_00" in message and str(tmp_path / "nothing") in message
    assert "terms of use" in message and "scan-net.org" in message
    assert "'hydra-mono run'" in message and "'apartment'" in message
    assert "HYDRA_MONO_DATA" in message
    assert "\n" not in message
    with pytest.raises(DataError, match=r"cvg\.cit\.tum\.de"):
        open_sequence("rgbd_dataset_freiburg2_desk", tmp_path)


def test_a_reader_can_be_named_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    folder = write_replica(tmp_path / "room0")
    assert open_sequence(str(folder), tmp_path, "replica").name == "room0"
    with pytest.raises(DataError, match="no reader 'kitti'; there are scannet, "):
        open_sequence(str(folder), tmp_path, "kitti")
    with pytest.raises(DataError, match=r"groundtruth\.txt|rgb\.txt"):
        open_sequence(str(folder), tmp_path, "tum")


@pytest.mark.parametrize("name", sorted(READERS))
@pytest.mark.parametrize("kind", ["empty folder", "file"])
def test_every_reader_refuses_what_is_not_its_own(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / "strange"
    if kind == "file":
        path.write_bytes(b"nothing of the kind")
    else:
        path.mkdir()
    with pytest.raises(DataError, match="strange"):
        open_sequence(str(path), tmp_path, name)


def test_the_table_imports_no_reader_before_it_is_used() -> None:
    script = "import sys, hydra_mono.datasets.registry as r; print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert "'hydra_mono.datasets.registry'" in loaded
    assert not [r for r in READERS.values() if f"'{r.factory.partition(':')[0]}'" in loaded]


def test_a_summary_shows_frames_camera_depth_and_faults(tmp_path: Path) -> None:
    folder = write_tum_sequence(tmp_path / "freiburg3", 4)
    (folder / "rgb" / "10.100000.png").write_bytes(b"broken")
    rows = dict(summarise(open_sequence(str(folder), tmp_path), samples=4))
    assert rows["frames"] == "4"
    assert rows["duration"] == "0.3 s, 10.0 frames a second"
    assert rows["image"].startswith("64×48, fx 53.5")
    assert rows["unusable samples"] == "1 of 4"
    assert "10.100000.png" in rows["for example"]


def test_a_summary_of_frames_without_depth_or_without_frames_is_short() -> None:
    class Broken(ListSource):
        def __getitem__(self, index: int) -> Frame:
            raise BadFrameError(str(index), "nan-pose")

    rows = dict(summarise(ListSource([frame(0, depth_m=None)]), samples=5))
    assert rows["depth"] == "none"
    empty = np.zeros_like(frame(0).rgb[..., 0], dtype=np.float32)
    assert dict(summarise(ListSource([frame(0, depth_m=empty)]), samples=5))["depth"] == "none"
    assert dict(summarise(Broken([frame(0)]), samples=5))["unusable samples"] == "1 of 1"
