"""7-Scenes, Replica's two renders and Hydra's own folder: pixels, poses, labels, faults."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from helpers_datasets import (
    HYDRA_LABELS,
    TUM_SIZE,
    H,
    W,
    class_ids,
    color,
    hydra_ids,
    metres,
    pose,
    raw_depth,
    save,
    truncate,
    write_hydra,
    write_icl_nuim,
    write_replica,
    write_semantic_replica,
    write_seven_scenes,
    write_trajectory,
    write_tsdf_fusion,
)
from PIL import Image
from scipy.ndimage import map_coordinates

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.source import stream
from hydra_mono.datasets.readers.hydra import HydraSource
from hydra_mono.datasets.readers.icl_nuim import IclNuimSource
from hydra_mono.datasets.readers.replica import ReplicaSource
from hydra_mono.datasets.readers.replica_semantic import ReplicaSemanticSource
from hydra_mono.datasets.readers.seven_scenes import SevenScenesSource
from hydra_mono.datasets.readers.tsdf_fusion import TsdfFusionSource


def test_seven_scenes_colour_is_registered_by_the_published_formula(tmp_path: Path) -> None:
    source = SevenScenesSource(write_seven_scenes(tmp_path / "chess" / "seq-01"))
    frame = source[1]
    assert (source.name, source.world_up, len(source)) == ("chess-seq-01", None, 2)
    v, u = np.mgrid[0:480, 0:640].astype(float)
    z = (800 + 2 * u + 3 * v) / 1000
    x_d, y_d = (u - 320) / 585 * z, (v - 240) / 585 * z
    u_c = 528.4 * (x_d - 0.037) / z + 324.3
    v_c = 528.4 * y_d / z + 238.5
    image = np.asarray(Image.open(tmp_path / "chess" / "seq-01" / "frame-000001.color.png"))
    inside = (u_c >= 0) & (u_c <= 639) & (v_c >= 0) & (v_c <= 479)
    assert frame.depth_m is not None
    compared = inside & (frame.depth_m > 0)
    assert compared.mean() > 0.9
    for channel in range(3):
        expected = map_coordinates(image[..., channel].astype(float), [v_c, u_c], order=1)
        assert np.abs(frame.rgb[..., channel] - expected)[compared].max() <= 0.52


def test_seven_scenes_depth_is_millimetres_with_65535_for_none(tmp_path: Path) -> None:
    frame = SevenScenesSource(write_seven_scenes(tmp_path / "seq-02"))[0]
    assert frame.depth_m is not None
    assert not frame.depth_m[100:140, 200:260].any()
    assert not frame.depth_m[300:320, 400:420].any()
    assert frame.depth_m[10, 20] == pytest.approx(0.87)
    assert (frame.depth_m > 0).sum() == 640 * 480 - 40 * 60 - 20 * 20
    np.testing.assert_allclose(frame.world_from_camera, pose(0), atol=1e-9)
    assert (frame.intrinsics.fx, frame.intrinsics.cx, frame.intrinsics.cy) == (585, 320, 240)


def test_seven_scenes_faults_spoil_their_frame_alone(tmp_path: Path) -> None:
    folder = write_seven_scenes(tmp_path / "seq-03", frames=4)
    (folder / "frame-000000.pose.txt").write_text("nan " * 16)
    (folder / "frame-000001.depth.png").unlink()
    truncate(folder / "frame-000002.color.png")
    reasons = [getattr(item, "reason", "") for item in stream(SevenScenesSource(folder))]
    assert reasons == ["nan-pose", "missing-file", "unreadable-image", ""]


def test_replica_depth_takes_its_scale_from_the_camera_file(tmp_path: Path) -> None:
    folder = write_replica(tmp_path / "Replica" / "room0")
    frame = ReplicaSource(folder)[1]
    np.testing.assert_array_equal(frame.rgb, color(1, W, H))
    np.testing.assert_allclose(frame.depth_m, raw_depth(1, W, H) / 6553.5, rtol=1e-6)
    np.testing.assert_allclose(frame.world_from_camera, pose(1), atol=1e-8)
    assert (frame.intrinsics.fx, frame.intrinsics.cx, frame.intrinsics.cy) == (30, 29.5, 16.5)
    camera = {"w": W, "h": H, "fx": 31.0, "fy": 32.0, "cx": 28.0, "cy": 17.0, "scale": 1000.0}
    (folder.parent / "cam_params.json").write_text(json.dumps({"camera": camera}))
    frame = ReplicaSource(folder)[1]
    np.testing.assert_allclose(frame.depth_m, raw_depth(1, W, H) / 1000, rtol=1e-6)
    assert (frame.intrinsics.fx, frame.intrinsics.fy) == (31.0, 32.0)
    (folder.parent / "cam_params.json").write_text("{}")
    with pytest.raises(DataError, match=r"cam_params\.json: expected camera"):
        ReplicaSource(folder)


def test_the_full_size_replica_camera_is_the_published_one(tmp_path: Path) -> None:
    save(color(0, 1200, 680), tmp_path / "results" / "frame000000.jpg")
    save(raw_depth(0, 1200, 680), tmp_path / "results" / "depth000000.png")
    write_trajectory(tmp_path / "traj.txt", 1)
    camera = ReplicaSource(tmp_path)[0].intrinsics
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (600.0, 600.0, 599.5, 339.5)


def test_a_replica_frame_without_its_trajectory_line_is_bad(tmp_path: Path) -> None:
    folder = write_replica(tmp_path / "room1")
    lines = (folder / "traj.txt").read_text().splitlines()
    (folder / "traj.txt").write_text(f"{lines[0]}\n1 2 three\n")
    items = list(stream(ReplicaSource(folder)))
    assert [getattr(item, "reason", "") for item in items] == ["", "unreadable-pose", "no-pose"]
    assert "line 3: the file has 2" in str(items[2])


@pytest.mark.parametrize("inner", ["Sequence_1", "imap/00"])
def test_semantic_replica_reads_replica_s_classes(tmp_path: Path, inner: str) -> None:
    write_semantic_replica(tmp_path / "room_0" / inner)
    source = ReplicaSemanticSource(tmp_path / "room_0" / inner)
    frame = source[2]
    assert source.name == f"room_0-{Path(inner).name}"
    np.testing.assert_array_equal(frame.labels, class_ids(2))
    np.testing.assert_allclose(frame.depth_m, raw_depth(2, W, H) / 1000, rtol=1e-6)
    names = [source.label_space.name_of(i) for i in (20, 40, 93, 101)]
    assert names == ["chair", "floor", "wall", "set of clothing"]
    assert source.world_up == (0.0, 0.0, 1.0)


def test_a_vmap_scene_folder_stands_for_its_first_sequence(tmp_path: Path) -> None:
    write_semantic_replica(tmp_path / "room_1" / "imap" / "00", frames=2)
    assert len(ReplicaSemanticSource(tmp_path / "room_1")) == 2


def test_semantic_replica_without_classes_has_no_labels(tmp_path: Path) -> None:
    folder = write_semantic_replica(tmp_path / "room_2" / "Sequence_1")
    for file in (folder / "semantic_class").iterdir():
        file.unlink()
    (folder / "semantic_class").rmdir()
    source = ReplicaSemanticSource(folder)
    assert source[0].labels is None
    assert source.label_space.labels == ()


def test_icl_nuim_is_mirrored_into_a_right_handed_world(tmp_path: Path) -> None:
    """The data set's point is K⁻¹ with fy < 0, moved by its pose; ours is that one mirrored."""
    source = IclNuimSource(write_icl_nuim(tmp_path / "living_room_traj0_frei_png"))
    frame = source[2]
    assert frame.depth_m is not None
    np.testing.assert_allclose(frame.depth_m, raw_depth(2, *TUM_SIZE) / 5000, rtol=1e-6)
    u, v, camera = 50, 8, frame.intrinsics
    z = frame.depth_m[v, u]
    x, y = (u - camera.cx) / camera.fx * z, (v - camera.cy) / camera.fy * z
    theirs = pose(2) @ [x, -y, z, 1]
    np.testing.assert_allclose(
        frame.world_from_camera @ [x, y, z, 1], theirs * [1, -1, 1, 1], atol=1e-6
    )
    assert np.linalg.det(frame.world_from_camera[:3, :3]) == pytest.approx(1.0)
    assert (camera.fx, camera.fy) == (pytest.approx(48.12), pytest.approx(48.0))
    assert frame.stamp_ns == 2 * 33_333_333
    assert source.world_up == (0.0, -1.0, 0.0)
    with pytest.raises(BadFrameError, match="no-pose"):
        source[0]


@pytest.mark.parametrize("flat", [False, True])
def test_hydra_s_folder_reads_as_hydra_wrote_it(tmp_path: Path, flat: bool) -> None:
    folder = write_hydra(tmp_path / "run", flat=flat)
    (folder / "label_space.yaml").write_text(HYDRA_LABELS)
    source = HydraSource(folder)
    frame = source[2]
    assert len(source) == 3
    assert frame.stamp_ns == 1_200_000_000
    np.testing.assert_array_equal(frame.rgb, color(2, W, H))
    np.testing.assert_array_equal(frame.depth_m, metres(2))
    np.testing.assert_allclose(frame.world_from_camera, pose(2), atol=1e-9)
    expected = np.array([255, 1, 2, 3, 4, 5, 0], np.uint8)[hydra_ids(2)]
    np.testing.assert_array_equal(frame.labels, expected)


def test_a_label_space_of_our_own_form_is_read_too(tmp_path: Path) -> None:
    folder = write_hydra(tmp_path / "run")
    (folder / "label_space.yaml").write_text(
        "name: mine\nlabels: [{id: 3, name: lamp, color: [1, 2, 3], kind: object}]\n"
    )
    source = HydraSource(folder)
    np.testing.assert_array_equal(source[0].labels, np.where(hydra_ids(0) == 3, 3, 0))
    assert source.label_space.name == "mine"
    (folder / "label_space.yaml").write_text("label_names: [{label: x, name: lamp}]\n")
    with pytest.raises(DataError, match=r"label_space\.yaml: not a label space"):
        HydraSource(folder)


def test_hydra_labels_without_names_are_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        source = HydraSource(write_hydra(tmp_path / "run"))
    assert source[0].labels is None
    assert "label_space.yaml" in caplog.text


def test_hydra_faults_spoil_their_frame_alone(tmp_path: Path) -> None:
    folder = write_hydra(tmp_path / "run", frames=5)
    (folder / "color" / "rgb_0000000.png").unlink()
    truncate(folder / "depth" / "depth_0000001.tiff")
    rows = (folder / "poses.csv").read_text().splitlines()
    rows[3] = "1200000000,nan,0,0,1,0,0,0"
    rows[4] = "1300000000,0,0,0,0,0,0,0"
    rows[5] = "1400000000,0,0"
    (folder / "poses.csv").write_text("\n".join(rows))
    reasons = [getattr(item, "reason", "") for item in stream(HydraSource(folder))]
    assert reasons == [
        "missing-file",
        "unreadable-image",
        "nan-pose",
        "nan-pose",
        "unreadable-pose",
    ]


def test_hydra_depth_of_nan_and_infinity_is_no_measurement(tmp_path: Path) -> None:
    folder = write_hydra(tmp_path / "run", frames=1)
    depth = metres(0)
    depth[5, 5:9] = [np.nan, np.inf, -np.inf, -1.0]
    save(depth, folder / "depth" / "depth_0000000.tiff")
    read = HydraSource(folder)[0].depth_m
    assert read is not None
    assert read[5, 5:9].tolist() == [0, 0, 0, 0]
    assert read[5, 9] == depth[5, 9]


@pytest.mark.parametrize("name", ["camera_info.yaml", "poses.csv"])
def test_a_missing_piece_of_hydra_s_folder_is_named(tmp_path: Path, name: str) -> None:
    folder = write_hydra(tmp_path / "run")
    (folder / name).unlink()
    with pytest.raises(DataError, match=name):
        HydraSource(folder)


def test_an_index_past_the_end_is_an_index_error(tmp_path: Path) -> None:
    sources = [
        HydraSource(write_hydra(tmp_path / "hydra")),
        ReplicaSource(write_replica(tmp_path / "room0")),
    ]
    for source in sources:
        with pytest.raises(IndexError):
            source[3]


def test_unreadable_metres_name_their_file(tmp_path: Path) -> None:
    folder = write_hydra(tmp_path / "run", frames=1)
    (folder / "depth" / "depth_0000000.tiff").write_bytes(b"not an image")
    with pytest.raises(BadFrameError, match=r"depth_0000000\.tiff"):
        HydraSource(folder)[0]


@pytest.mark.parametrize("place", ["sequence", "scene"])
def test_tsdf_fusion_takes_its_camera_from_the_folder_or_above(tmp_path: Path, place: str) -> None:
    folder = write_tsdf_fusion(tmp_path / "kitchen" / "seq-01")
    if place == "scene":
        (folder / "camera-intrinsics.txt").rename(folder.parent / "camera-intrinsics.txt")
    source = TsdfFusionSource(folder)
    frame = source[1]
    np.testing.assert_allclose(frame.depth_m, raw_depth(1) / 1000, rtol=1e-6)
    np.testing.assert_allclose(frame.world_from_camera, pose(1), atol=1e-9)
    assert (frame.intrinsics.fx, frame.intrinsics.fy) == (30.0, 31.0)
    assert (source.world_up, frame.name) == (None, "frame-000001")
    (folder.parent / "camera-intrinsics.txt").unlink(missing_ok=True)
    (folder / "camera-intrinsics.txt").write_text("30 0 15.5 0 31")
    with pytest.raises(DataError, match=r"camera-intrinsics\.txt: expected a 3×3"):
        TsdfFusionSource(folder)
