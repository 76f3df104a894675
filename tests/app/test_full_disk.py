"""A disk that really is full: what was written stays, and the map goes before the picture."""

import os
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from helpers_exports import LABELS, random_mesh, small_house
from helpers_runs import WallSource

from hydra_mono.cli import run as cli_run
from hydra_mono.cli.main import main
from hydra_mono.core.errors import ExportError
from hydra_mono.outputs import RunFolder, RunRecord, load_run

SIZE = 1 << 20  # bytes; a small run has some 100 kB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if os.name != "posix" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs the rights of root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def record(vertices: int) -> RunRecord:
    return RunRecord(small_house(), random_mesh(vertices), LABELS, [], [], "", {})


def test_the_last_complete_outputs_stay_readable(disk: Path) -> None:
    folder = RunFolder(disk, "walk", datetime(2026, 3, 4))
    folder.write(record(500))
    with pytest.raises(ExportError, match="No space left"):
        folder.write(record(100_000))
    assert len(load_run(disk).mesh) == 500


def test_a_run_without_room_for_its_picture_keeps_its_map(
    disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_run, "open_source", lambda *arguments: WallSource(count=4))
    command = ["run", "--predictor", "sensor", "--no-report", "--output", str(disk)]
    assert main(command) == 0
    assert not (disk / "latest" / "recording.rrd").exists()
    assert len(load_run(disk).mesh) > 0
    assert "kept for the map" in capsys.readouterr().err


def test_a_run_without_room_for_its_map_ends_with_one_line(
    disk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (disk / "other").write_bytes(bytes(SIZE - (8 << 10)))
    monkeypatch.setattr(cli_run, "open_source", lambda *arguments: WallSource(count=4))
    command = ["run", "--predictor", "sensor", "--viewer", "none", "--output", str(disk)]
    assert main(command) == 1
    error = capsys.readouterr().err
    assert "No space left" in error and "Traceback" not in error
