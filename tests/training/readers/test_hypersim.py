"""Hypersim in both layouts: distances become depth, axes become ours, none stays none."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_samples import (
    HYPERSIM_AXES,
    OTHERPROP,
    UNKNOWN_PX,
    Corner,
    angles_deg,
    border_of,
    corner,
    write_hypersim_split,
    write_nicr_hypersim,
    write_raw_hypersim,
)
from scipy.spatial.transform import Rotation

from hydra_mono.core.errors import DataError, MissingDependencyError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.readers.hypersim_camera import CAMERA, camera_of_rays
from hydra_mono.training.readers.open_samples import open_samples
from hydra_mono.training.samples import Sample

SMALL = CAMERA.resized(64, 48)
PLAIN = np.diag(HYPERSIM_AXES).astype(float)
PARTS = {("ai_001_001", 0): "train", ("ai_001_001", 3): "train", ("ai_003_002", 1): "val"}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    pytest.importorskip("h5py", reason="Hypersim's own files are HDF5")
    root = tmp_path / "hypersim"
    write_raw_hypersim(root, {key: corner(SMALL) for key in PARTS}, PLAIN)
    write_hypersim_split(root, PARTS | {("ai_009_001", 0): "test"})
    return root


def check(sample: Sample, truth: Corner, degrees: float) -> None:
    known = truth.labels > 0
    error = np.abs(sample.depth_m - truth.depth_m)[known]
    assert (error / truth.depth_m[known]).max() < 1e-3  # halves and millimetres
    assert not sample.depth_m[~known].any()
    assert np.array_equal(sample.labels, truth.labels)
    off = angles_deg(sample.normals, truth.normals)
    assert off.max() < degrees and off.size == known.sum()
    assert not sample.normals[UNKNOWN_PX].any()
    borders = border_of(truth.labels) & known
    borders[:, :-1] &= known[:, 1:]
    assert (sample.edges[borders] == 1).all()
    assert (sample.edges[UNKNOWN_PX] == 255).all()
    assert set(np.unique(sample.edges)) == {0, 1, 255}


def test_raw_files_become_planar_depth_and_normals_in_our_axes(raw: Path) -> None:
    sample = open_samples(f"hypersim:{raw}:train")[0]
    assert sample.name == "ai_001_001/cam_00/0000"
    assert sample.intrinsics == SMALL
    check(sample, corner(SMALL), 0.2)
    assert (sample.labels == OTHERPROP).any()


def test_raw_distance_along_the_ray_is_not_taken_for_depth(raw: Path) -> None:
    """At a corner of the image the two differ by a quarter of the depth."""
    sample, truth = open_samples(f"hypersim:{raw}:all")[0], corner(SMALL)
    distance = np.linalg.norm(truth.points_m, axis=2)
    assert distance[-1, 0] / truth.depth_m[-1, 0] > 1.2
    assert abs(sample.depth_m[-1, 0] / truth.depth_m[-1, 0] - 1) < 1e-3


def test_the_official_split_is_followed(raw: Path) -> None:
    counts = {p: len(open_samples(f"hypersim:{raw}:{p}")) for p in ("train", "validation", "all")}
    assert counts == {"train": 2, "validation": 1, "all": 3}
    with pytest.raises(DataError, match=r"has no frame of part 'test'; a frame needs ai_\*"):
        open_samples(f"hypersim:{raw}:test")
    split = raw / "metadata_images_split_scene_v1.csv"
    split.write_text("scene,frame\nai_001_001,0\n")
    with pytest.raises(DataError, match=r"not Hypersim's list of its split \(KeyError"):
        open_samples(f"hypersim:{raw}:train")
    split.unlink()
    assert len(open_samples(f"hypersim:{raw}:all")) == 3
    with pytest.raises(DataError, match=r"split_scene_v1\.csv.*take it from .*or take part 'all'"):
        open_samples(f"hypersim:{raw}:train")


def test_a_broken_or_missing_raw_file_is_named(raw: Path) -> None:
    samples = open_samples(f"hypersim:{raw}:all")
    folder = raw / "ai_001_001" / "images" / "scene_cam_00_geometry_hdf5"
    depth = folder / "frame.0000.depth_meters.hdf5"
    depth.write_bytes(b"not hdf5")
    with pytest.raises(DataError, match=r"frame\.0000\.depth_meters\.hdf5: cannot be read"):
        samples[0]
    depth.unlink()
    with pytest.raises(DataError, match=r"frame\.0000\.depth_meters\.hdf5 is missing"):
        samples[0]
    (folder / "frame.0003.semantic_instance.hdf5").unlink()
    assert (samples[1].edges == 1).any()  # instances need not be downloaded


def test_without_h5py_one_line_says_what_to_install(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"pip install h5py") as caught:
        open_samples(f"hypersim:{raw}")
    assert "\n" not in str(caught.value)


def rays_of(camera: Intrinsics, hypersim_from_image: np.ndarray) -> np.ndarray:
    """The matrix from (u, v, 1), u and v from −1 to 1, v upwards, to rays, up to scale."""
    pixel_from_uv = np.array(
        [
            [camera.width / 2, 0, camera.width / 2 - 0.5],
            [0, -camera.height / 2, camera.height / 2 - 0.5],
            [0, 0, 1],
        ]
    )
    return hypersim_from_image @ np.linalg.inv(camera.matrix) @ pixel_from_uv


def test_a_shifted_lens_is_a_pinhole_that_looks_elsewhere() -> None:
    turned = PLAIN @ Rotation.from_euler("x", 0.2).as_matrix()
    camera = Intrinsics(850.0, 850.0, 500.0, 600.0, 1024, 768)
    found = camera_of_rays(1.7 * rays_of(camera, turned), 1024, 768)
    assert found is not None
    assert np.allclose(found.hypersim_from_image, turned)
    assert np.allclose(found.intrinsics.matrix, camera.matrix)


def test_a_skewed_camera_is_no_pinhole() -> None:
    skewed = rays_of(CAMERA, PLAIN) @ np.array([[1, 0.1, 0], [0, 1, 0], [0, 0, 1]])
    assert camera_of_rays(skewed, 1024, 768) is None


def test_the_table_of_cameras_gives_scenes_their_own(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="Hypersim's own files are HDF5")
    turned = PLAIN @ Rotation.from_euler("x", 0.15).as_matrix()
    camera = Intrinsics(850.0, 850.0, 511.5, 500.0, 1024, 768)
    truth = corner(camera.resized(64, 48))
    root = write_raw_hypersim(
        tmp_path / "hypersim", {("ai_001_001", 0): truth, ("ai_002_001", 0): truth}, turned
    )
    names = [f"M_cam_from_uv_{i}{j}" for i in range(3) for j in range(3)]
    rows = [
        ",".join(["scene_name", "settings_output_img_width", "settings_output_img_height", *names])
    ]
    skewed = rays_of(camera, turned) @ np.array([[1, 0.1, 0], [0, 1, 0], [0, 0, 1]])
    for scene, rays in (("ai_001_001", rays_of(camera, turned)), ("ai_002_001", skewed)):
        rows.append(",".join([scene, "1024.0", "768.0", *(str(x) for x in rays.ravel())]))
    table = root / "metadata_camera_parameters.csv"
    table.write_text("\n".join(rows) + "\n")
    samples = open_samples(f"hypersim:{root}:all")
    assert [samples[i].name for i in range(len(samples))] == ["ai_001_001/cam_00/0000"]
    check(samples[0], truth, 0.2)
    table.write_text("scene_name\nai_001_001\n")
    with pytest.raises(DataError, match=r"csv: not Hypersim's camera parameters"):
        open_samples(f"hypersim:{root}:all")


def test_the_nicr_layout_gives_the_same(tmp_path: Path) -> None:
    truth = corner(SMALL)
    parts = {"train": {"ai_001_001/cam_00/0000": truth}, "valid": {"ai_003_002/cam_00/0001": truth}}
    root = write_nicr_hypersim(tmp_path / "nicr", parts)
    for part, count in (("train", 1), ("validation", 1), ("all", 2)):
        samples = open_samples(f"hypersim:{root}:{part}")
        assert len(samples) == count
        check(samples[0], truth, 1.0)
    with pytest.raises(DataError, match=r"test\.txt: cannot be read"):
        open_samples(f"hypersim:{root}:test")
    (root / "train" / "depth" / "ai_001_001" / "cam_00" / "0000.png").unlink()
    with pytest.raises(DataError, match=r"depth/ai_001_001/cam_00/0000\.png is missing"):
        open_samples(f"hypersim:{root}:train")[0]
