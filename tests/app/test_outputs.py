"""Run folders: complete or untouched, linked when readable, read back as written."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from helpers_exports import LABELS, START_NS, house_mesh, random_mesh, same_graph, small_house

from hydra_mono.core.config import Config, dump_config
from hydra_mono.core.errors import DataError, ExportError
from hydra_mono.core.files.atomic import ASIDE
from hydra_mono.graph.io.schema import graph_schema
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.outputs import (
    FILES,
    Part,
    RunFolder,
    RunRecord,
    find_run,
    load_run,
    update_metrics,
)
from hydra_mono.outputs import write as writing

NOON = datetime(2026, 3, 4, 12, 0, 5)


def record(**changes: Any) -> RunRecord:
    return replace(
        RunRecord(
            graph=small_house(),
            mesh=house_mesh(),
            labels=LABELS,
            stamps_ns=[START_NS, START_NS + 7],
            world_from_camera=[np.eye(4), np.diag([-1.0, -1.0, 1.0, 1.0])],
            config_text=dump_config(Config()),
            metrics={"frames": 2, "frame_ms": {"median": 3.5}},
        ),
        **changes,
    )


def folder_in(root: Path, name: str = "apartment") -> RunFolder:
    return RunFolder(root, name, NOON)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_writes_every_file_and_nothing_else(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)
    folder.write(record())
    assert folder.path == tmp_path / "2026-03-04_12-00-05_apartment"
    assert set(contents(folder.path)) == {
        "graph.json",
        "history.json",
        "images.zip",
        "dsg.json",
        "mesh.ply",
        "trajectory.tum",
        "config.yaml",
        "metrics.json",
        "manifest.json",
    }


def test_a_run_reads_back_as_written(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)
    folder.write(record())
    run = load_run(folder.path)
    assert same_graph(run.graph, small_house())
    assert np.array_equal(run.mesh.last_seen_ns, house_mesh().last_seen_ns)
    assert run.labels == LABELS
    assert run.trajectory.stamps_ns.tolist() == [START_NS, START_NS + 7]
    assert np.allclose(run.trajectory.world_from_camera[1], np.diag([-1, -1, 1, 1]))
    assert run.metrics == record().metrics
    assert run.config_text == record().config_text


def test_the_written_graph_follows_the_schema(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)
    folder.write(record())
    document = json.loads((folder.path / "graph.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, graph_schema())


def test_the_same_run_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = folder_in(tmp_path), folder_in(tmp_path)
    first.write(record())
    second.write(record())
    assert contents(first.path) == contents(second.path)


def test_two_runs_of_one_second_get_two_folders(tmp_path: Path) -> None:
    names = [folder_in(tmp_path).path.name for _ in range(3)]
    start = "2026-03-04_12-00-05_apartment"
    assert names == [start, f"{start}_2", f"{start}_3"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("simulated/7", "simulated-7"),
        ("../../etc", "etc"),
        ("my kitchen: day 2", "my-kitchen-day-2"),
        ("", "sequence"),
        ("...", "sequence"),
        ("x" * 300, "x" * 80),
    ],
)
def test_any_name_of_a_sequence_makes_a_folder(name: str, expected: str, tmp_path: Path) -> None:
    folder = folder_in(tmp_path, name)
    assert folder.path == tmp_path / f"2026-03-04_12-00-05_{expected}"
    assert folder.path.is_dir()


def test_latest_leads_to_the_newest_run_that_can_be_read(tmp_path: Path) -> None:
    first, second = folder_in(tmp_path), folder_in(tmp_path)
    first.write(record())
    assert (tmp_path / "latest").resolve() == first.path
    second.write(record(graph=SceneGraph()))
    assert (tmp_path / "latest").resolve() == second.path
    assert load_run(tmp_path / "latest").graph.edge_count == 0
    assert load_run(tmp_path).path.resolve() == second.path


def test_the_results_can_be_moved_with_their_link(tmp_path: Path) -> None:
    folder_in(tmp_path / "results").write(record())
    (tmp_path / "results").rename(tmp_path / "moved")
    assert same_graph(load_run(tmp_path / "moved" / "latest").graph, small_house())


def test_a_folder_named_latest_does_not_stop_a_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "latest").mkdir()
    folder = folder_in(tmp_path)
    folder.write(record())
    assert load_run(folder.path).metrics["frames"] == 2
    assert "latest" in caplog.text


def test_a_checkpoint_writes_only_the_parts_asked_for(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)
    folder.write(record(), parts=("graph", "mesh", "trajectory"))
    assert set(contents(folder.path)) == {
        "graph.json",
        "mesh.ply",
        "trajectory.tum",
        "manifest.json",
    }
    run = load_run(folder.path)
    assert (run.metrics, run.config_text) == ({}, "")


def fail_on_dsg(record: RunRecord, path: Path) -> None:
    path.write_text("half of it")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_last_complete_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_in(tmp_path)
    folder.write(record())
    before = contents(folder.path)
    monkeypatch.setitem(writing._WRITERS, "dsg", fail_on_dsg)
    with pytest.raises(ExportError, match=r"dsg\.json: No space left"):
        folder.write(record(graph=SceneGraph(), mesh=random_mesh(30), metrics={}))
    assert contents(folder.path) == before


def test_a_number_that_is_not_finite_leaves_the_last_complete_outputs(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)
    folder.write(record())
    before = contents(folder.path)
    with pytest.raises(ExportError, match="not finite"):
        folder.write(record(stamps_ns=[1], world_from_camera=[np.full((4, 4), np.nan)]))
    assert contents(folder.path) == before


ENDLESS = """
    import sys
    from datetime import datetime
    from pathlib import Path
    import numpy as np
    from helpers_exports import LABELS, random_mesh, small_house
    from hydra_mono.outputs import RunFolder, RunRecord

    folder = RunFolder(Path(sys.argv[1]), "endless", datetime(2026, 1, 1))
    for number in range(1, 10**9):
        mesh = random_mesh(3000 + number)
        folder.write(RunRecord(small_house(), mesh, LABELS, [number], [np.eye(4)], "", {}))
        sys.stdout.write("written\\n")
        sys.stdout.flush()
"""


def test_a_killed_run_leaves_readable_outputs(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(ENDLESS), str(tmp_path)]
    here = {"PYTHONPATH": str(Path(__file__).parents[1] / "helpers")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | here) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    run = load_run(tmp_path / "latest")
    assert same_graph(run.graph, small_house())
    assert len(run.mesh) > 3000


def test_the_next_run_clears_what_killed_ones_left_behind(tmp_path: Path) -> None:
    killed = folder_in(tmp_path)
    left = killed.path / f"{ASIDE}0123abcd-mesh.ply"
    left.write_text("half a mesh")
    os.utime(left, (0, 0))
    folder_in(tmp_path)
    assert not list(killed.path.iterdir())


def test_metrics_are_json_whatever_numbers_they_hold(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)
    numbers = {"a": np.float32(0.5), "b": np.int64(3), "c": math.nan, "d": [math.inf, (1, "x")]}
    folder.write(record(metrics=numbers | {"e": np.True_, "f": None}))
    expected = {"a": 0.5, "b": 3, "c": None, "d": [None, [1, "x"]], "e": True, "f": None}
    assert load_run(folder.path).metrics == expected


def test_metrics_grow(tmp_path: Path) -> None:
    folder = folder_in(tmp_path)
    folder.write(record())
    update_metrics(folder.path, {"scores": {"f1": 0.9}, "frames": 3})
    expected = {"frames": 3, "frame_ms": {"median": 3.5}, "scores": {"f1": 0.9}}
    assert load_run(folder.path).metrics == expected


def test_metrics_start_where_there_are_none(tmp_path: Path) -> None:
    update_metrics(tmp_path, {"frames": 1})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"frames": 1}


def test_no_run_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no run in .*graph\.json, mesh\.ply, trajectory\.tum"):
        find_run(tmp_path / "nowhere")


@pytest.mark.parametrize("part", ["graph", "mesh", "trajectory"])
def test_a_missing_piece_is_named(part: Part, tmp_path: Path) -> None:
    folder = folder_in(tmp_path)
    folder.write(record())
    (folder.path / FILES[part]).unlink()
    with pytest.raises(DataError, match=f"lacks {FILES[part]}"):
        load_run(folder.path)


@pytest.mark.parametrize("part", ["graph", "mesh", "trajectory", "metrics"])
def test_a_damaged_piece_is_named(part: Part, tmp_path: Path) -> None:
    folder = folder_in(tmp_path)
    folder.write(record())
    (folder.path / FILES[part]).write_bytes(b"\x80 not this")
    with pytest.raises(DataError, match=FILES[part] if part != "graph" else "damaged|cannot read"):
        load_run(folder.path)


def test_results_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(ExportError, match=r"cannot create .*results"):
        folder_in(tmp_path / "results")
