"""The command line, as a user types it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers_datasets import ListSource, frame
from helpers_runs import SMALL, WallSource

from hydra_mono import __version__
from hydra_mono.cli import run as run_module
from hydra_mono.cli.main import main
from hydra_mono.cli.run import source_metrics
from hydra_mono.core.config import DataConfig
from hydra_mono.datasets.prepare import prepare

SETTINGS = [part for setting in SMALL for part in ("--set", setting)]
SENSOR = ["--predictor", "sensor", *SETTINGS]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("results")
    arguments = ["run", "--sequence", "simulated/5", "--output", str(results), "--stride", "4"]
    assert main([*arguments, "--max-frames", "60", *SENSOR]) == 0
    return results / "latest"


def test_a_run_leaves_everything_readable(run_folder: Path) -> None:
    names = {path.name for path in run_folder.iterdir()}
    assert {
        "graph.json",
        "dsg.json",
        "mesh.ply",
        "trajectory.tum",
        "recording.rrd",
        "config.yaml",
        "metrics.json",
    } <= names
    metrics = json.loads((run_folder / "metrics.json").read_text())
    assert metrics["frames"] == 60 and metrics["skipped"]["total"] == 0
    assert {"median", "p95"} <= metrics["frame_ms"].keys()
    assert metrics["labels"] == {"unknown_pixels": 0}
    assert metrics["scores"]["mesh"]["f1_5cm"] > 0.5


def test_labels_that_nobody_knows_are_counted_in_the_metrics() -> None:
    source = ListSource([frame(0)], world_up=(0.0, 1.0, 0.0), unknown_label_pixels=7)
    assert source_metrics(prepare(source, DataConfig())[0])["labels"] == {"unknown_pixels": 7}


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four frames along a wall, whatever sequence is named."""
    monkeypatch.setattr(run_module, "open_source", lambda *arguments: WallSource(count=4))


@pytest.mark.usefixtures("wall")
def test_the_run_ends_with_a_table_and_the_outputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "--max-frames", "3", "--viewer", "none", "--output", str(tmp_path)]
    assert main([*arguments, *SENSOR]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"frames +3\n", printed)
    assert "median ms" in printed and "graph.json" in printed


@pytest.mark.usefixtures("wall")
def test_quiet_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "--max-frames", "2", "--viewer", "none", "--output", str(tmp_path)]
    assert main([*arguments, "--quiet", *SENSOR]) == 0
    assert capsys.readouterr() == ("", "")


def test_evaluate_prints_one_json_object(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run_folder), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    expected = {
        "mesh": {"f1_5cm", "accuracy_5cm", "completeness_5cm", "mean_error_m"},
        "objects": {"found", "correct", "f1", "mean_box_iou"},
        "places": {"gvd_error_m", "clearance_error_m", "free_space_covered"},
        "rooms": {"precision", "recall", "precision_covered", "recall_covered"},
    }
    for part, keys in expected.items():
        assert keys <= scores[part].keys()


@pytest.mark.parametrize("form", ["dsg", "node-link", "sayplan"])
def test_export_writes_the_format(run_folder: Path, tmp_path: Path, form: str) -> None:
    file = tmp_path / "out.json"
    assert main(["export", str(run_folder), "--format", form, "--output", str(file)]) == 0
    assert "nodes" in json.loads(file.read_text())


def test_info_says_what_a_sequence_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "simulated/5", *SETTINGS]) == 0
    printed = capsys.readouterr().out
    assert "160" in printed and "apartment" in printed


def test_a_dumped_config_is_a_valid_config(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "dump", "--set", "mapping.voxel_size=0.07"]) == 0
    file = tmp_path / "config.yaml"
    file.write_text(capsys.readouterr().out)
    assert main(["config", "dump", "--config", str(file)]) == 0
    assert "voxel_size: 0.07" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--sequence", "nowhere/at/all"], "apartment"),
        (["run", "--set", "mapping.voxel_sise=1"], "did you mean 'mapping.voxel_size'"),
        (["run", "--up", "1,2"], "--up 1,2"),
        (["run", "--up", "nan,0,0"], "--up nan,0,0"),
        (["run", "--config", "missing.yaml"], "missing.yaml"),
        (["evaluate", "missing"], "missing"),
        (["export", "missing", "--format", "dsg", "--output", "x"], "missing"),
        (["view", "missing"], "recording.rrd"),
    ],
)
def test_a_mistake_is_one_clear_line_and_status_1(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("hydra-mono: error:") and message in lines[0]


def test_version_and_help_need_no_heavy_import(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.strip() == f"hydra-mono {__version__}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "3000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_waiting_threads_give_up_their_core_soon_unless_told_otherwise(
    given: dict[str, str], expected: str
) -> None:
    code = (
        "import os, sys; from hydra_mono.cli.main import main\n"
        "assert not {'torch', 'open3d'} & set(sys.modules)\n"
        "main(['config', 'dump']); print(os.environ.get('GOMP_SPINCOUNT'), end='')"
    )
    unset = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {k: v for k, v in os.environ.items() if k not in unset} | given
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.endswith(f"\n{expected}")


def test_doctor_finds_what_the_tests_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert "open3d" in capsys.readouterr().out


def test_missing_weights_leave_no_run_folder(tmp_path: Path) -> None:
    arguments = ["run", "--predictor", "m2h", "--weights", "missing.pt", "--output", str(tmp_path)]
    assert main([*arguments, *SENSOR]) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("preset", ["depth_camera", "one_camera", "large_building", "slow_machine"])
def test_every_preset_maps(
    preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_module, "open_source", lambda *arguments: WallSource(count=6))
    arguments = ["run", "--config", preset, "--max-frames", "2", "--output", str(tmp_path)]
    sensor = [] if preset == "one_camera" else ["--predictor", "sensor"]
    assert main([*arguments, *sensor, "--viewer", "none"]) == 0
    assert re.search(r"frames +2\n", capsys.readouterr().out)
    assert (tmp_path / "latest" / "graph.json").is_file()


@pytest.mark.usefixtures("wall")
@pytest.mark.parametrize("name", ["run #3", "2024-99-99", "yes", "null", "1e3"])
def test_a_folder_is_named_as_it_is_typed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "--predictor", "sensor", "--viewer", "none", "--output", name]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
