"""Only what the consumer of frames reads is required, in every layout."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fuzzing.targets import write_25k, write_hydra_labelled, write_scannet
from helpers_datasets import (
    color,
    save,
    truncate,
    write_hydra,
    write_icl_nuim,
    write_replica,
    write_semantic_replica,
    write_seven_scenes,
    write_tsdf_fusion,
    write_tum_sequence,
)

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.labels import NO_LABELS
from hydra_mono.core.prediction import Prediction, needs_of
from hydra_mono.core.source import COLOR_ALONE, EVERYTHING, WHAT_THERE_IS, Needs, Source, narrow
from hydra_mono.datasets.prepare import Conversion, PreparedSource
from hydra_mono.datasets.readers.seven_scenes import COLOR_OFFSET_M, SevenScenesSource
from hydra_mono.datasets.registry import open_sequence
from hydra_mono.perception.predictors.create import SensorPredictor

WRITERS: dict[str, Callable[[Path], object]] = {
    "tum": write_tum_sequence,
    "scannet": write_scannet,
    "scannet-25k": write_25k,
    "7scenes": write_seven_scenes,
    "replica": write_replica,
    "replica-semantic": write_semantic_replica,
    "hydra": write_hydra_labelled,
    "icl-nuim": write_icl_nuim,
    "tsdf-fusion": write_tsdf_fusion,
}
DEPTH = ("*depth*.png", "*depth*.tiff", "depth/*", "results/depth*")


def depth_files(folder: Path) -> list[Path]:
    found = {file for pattern in DEPTH for file in folder.rglob(pattern) if file.is_file()}
    return sorted(file for file in found if file.suffix != ".txt")


def opened(folder: Path, needs: Needs) -> Source:
    return open_sequence(str(folder), folder.parent, None, needs)


def usable(source: Source) -> int:
    count = 0
    for index in range(len(source)):
        try:
            source[index]
            count += 1
        except BadFrameError:
            pass
    return count


@pytest.mark.parametrize("name", WRITERS)
def test_colour_poses_and_intrinsics_are_enough(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "room0"
    WRITERS[name](folder)
    whole = usable(opened(folder, COLOR_ALONE))
    for file in depth_files(folder):
        file.unlink()
    for kind in ("depth", "labels", "label", "label-filt", "semantic_class"):
        shutil.rmtree(folder / kind, ignore_errors=True)
    (folder / "depth.txt").unlink(missing_ok=True)
    source = opened(folder, WHAT_THERE_IS)
    assert usable(source) == whole > 0
    frame = source[len(source) - 1]
    assert frame.depth_m is None and frame.labels is None
    with pytest.raises(DataError, match="depth"):
        narrow(source, EVERYTHING)


@pytest.mark.parametrize("name", WRITERS)
def test_broken_depth_and_labels_are_not_opened_when_they_are_not_read(
    name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "room0"
    WRITERS[name](folder)
    whole = usable(opened(folder, EVERYTHING))
    files = depth_files(folder)
    assert files
    for file in files:
        save(color(0, 9, 7), file.with_suffix(".png"))  # of another size, in colours
        if file.suffix != ".png":
            file.write_bytes(b"")
    for kind in ("labels", "label", "label-filt", "semantic_class"):
        for file in (folder / kind).glob("*.png"):
            truncate(file)
    for needs in (COLOR_ALONE, WHAT_THERE_IS):
        source = opened(folder, needs)
        assert usable(source) >= whole > 0
        assert source[len(source) - 1].depth_m is None
    with pytest.raises((BadFrameError, DataError), match=r"wrong-size|unreadable-image|9×7"):
        source = opened(folder, EVERYTHING)
        source[len(source) - 1]


def test_a_damaged_label_space_stops_only_who_reads_labels(tmp_path: Path) -> None:
    folder = write_hydra(tmp_path / "run")
    (folder / "label_space.yaml").write_text("labels: [1")
    source = opened(folder, COLOR_ALONE)
    assert usable(source) == 3
    with pytest.raises(DataError, match=r"label_space\.yaml"):
        narrow(source, EVERYTHING)


def test_colour_without_a_depth_image_is_a_frame_where_depth_is_not_read(tmp_path: Path) -> None:
    folder = write_tum_sequence(tmp_path / "freiburg3_few")
    lines = (folder / "depth.txt").read_text().splitlines()
    (folder / "depth.txt").write_text("\n".join(lines[:3]))
    source = opened(folder, COLOR_ALONE)
    assert len(source) == 4
    narrow(PreparedSource(source, Conversion(up=(0.0, 1.0, 0.0)), None), EVERYTHING)
    assert len(source) == 2 == usable(source)


def test_seven_scenes_without_depth_is_the_colour_camera_s_own_view(tmp_path: Path) -> None:
    folder = write_seven_scenes(tmp_path / "chess" / "seq-01")
    seen, read = SevenScenesSource(folder)[1], SevenScenesSource(folder, COLOR_ALONE)[1]
    offset = seen.world_from_camera[:3, :3] @ [-COLOR_OFFSET_M, 0, 0]
    np.testing.assert_allclose(read.camera_position_m - seen.camera_position_m, offset)
    assert read.intrinsics.fx == pytest.approx(528.4)


def test_predictors_say_what_they_read() -> None:
    class Network:
        label_space = None

        def __call__(self, frame: object) -> Prediction:
            raise NotImplementedError

    assert needs_of(SensorPredictor(NO_LABELS)) == EVERYTHING
    assert needs_of(Network()) == COLOR_ALONE  # type: ignore[arg-type]
