"""TUM trajectories: stamps to the nanosecond, poses to a nanometre, nothing that is no number."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hydra_mono.core.errors import DataError, ExportError
from hydra_mono.core.files.trajectory import Trajectory, read_tum, tum_text, write_tum


def pose(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(rng=rng).as_matrix()
    matrix[:3, 3] = rng.uniform(-100, 100, 3)
    return matrix


def walk(count: int, start_ns: int = 1_700_000_000_123_456_789) -> Trajectory:
    stamps_ns = [start_ns + 100_000_001 * index for index in range(count)]
    return Trajectory.of(stamps_ns, [pose(index) for index in range(count)])


@pytest.mark.parametrize("count", [0, 1, 40])
def test_a_trajectory_reads_back(count: int, tmp_path: Path) -> None:
    write_tum(walk(count), tmp_path / "trajectory.tum")
    back = read_tum(tmp_path / "trajectory.tum")
    assert np.array_equal(back.stamps_ns, walk(count).stamps_ns)
    assert np.allclose(back.world_from_camera, walk(count).world_from_camera, atol=1e-7)


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_stamp_keeps_its_nanoseconds(stamp_ns: int) -> None:
    line = tum_text(Trajectory.of([stamp_ns], [np.eye(4)])).splitlines()[1]
    seconds, fraction = line.split()[0].split(".")
    assert len(fraction) == 9
    assert int(seconds + fraction) == stamp_ns


def test_a_line_is_stamp_position_and_quaternion_scalar_last() -> None:
    turned = np.eye(4)
    turned[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    turned[:3, 3] = [1.5, -2.0, 0.25]
    line = tum_text(Trajectory.of([1_500_000_000], [turned])).splitlines()[1].split()
    assert line[0] == "1.500000000"
    half = np.sqrt(0.5)
    assert np.allclose([float(value) for value in line[1:]], [1.5, -2, 0.25, 0, 0, half, half])


def test_quaternions_need_not_be_of_unit_length(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("# comment\n\n1.0 0 0 0 0 0 0 2\n1.3053e9,0,0,0,0,0,0,1\n")
    back = read_tum(tmp_path / "t.txt")
    assert np.array_equal(back.world_from_camera, np.tile(np.eye(4), (2, 1, 1)))
    assert back.stamps_ns.tolist() == [1_000_000_000, 1_305_300_000_000_000_000]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_pose_that_is_not_finite_is_refused(value: float, tmp_path: Path) -> None:
    trajectory = walk(3)
    trajectory.world_from_camera[1, 0, 3] = value
    with pytest.raises(ExportError, match="pose 1 of the trajectory is not finite"):
        write_tum(trajectory, tmp_path / "trajectory.tum")
    assert not list(tmp_path.iterdir())


def test_a_pose_without_a_rotation_is_refused() -> None:
    with pytest.raises(ExportError, match="no rotation"):
        tum_text(Trajectory.of([0], [np.zeros((4, 4))]))


@pytest.mark.parametrize(
    "line",
    [
        "1.0 0 0 0 0 0 0",
        "1.0 0 0 0 0 0 0 1 1",
        "1.0 0 0 nan 0 0 0 1",
        "1.0 0 0 inf 0 0 0 1",
        "1.0 0 0 0 0 0 0 0",
        "soon 0 0 0 0 0 0 1",
        "nan 0 0 0 0 0 0 1",
        "inf 0 0 0 0 0 0 1",
        "1e30 0 0 0 0 0 0 1",
        "1.0 a b c 0 0 0 1",
    ],
)
def test_a_bad_line_is_named_by_its_number(line: str, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text(f"# comment\n0.0 0 0 0 0 0 0 1\n{line}\n")
    with pytest.raises(DataError, match=r"t\.txt, line 3"):
        read_tum(tmp_path / "t.txt")


def test_an_absent_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.tum"):
        read_tum(tmp_path / "absent.tum")
    (tmp_path / "binary.tum").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match=r"binary\.tum"):
        read_tum(tmp_path / "binary.tum")
