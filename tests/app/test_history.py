"""``hydra-mono history`` on a run folder whose every event is known."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_exports import LABELS, SECOND_NS, START_NS, house_mesh, small_house, symbol

from hydra_mono.cli.main import main
from hydra_mono.outputs import RunFolder, RunRecord


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small house; at 20 s it is seen that the box went after 11 s."""
    graph = small_house()
    graph.advance(START_NS + 20 * SECOND_NS)
    graph.mark_removed(symbol("O(1)"), (START_NS + 11 * SECOND_NS, START_NS + 20 * SECOND_NS))
    folder = RunFolder(tmp_path_factory.mktemp("runs"), "house", datetime(2026, 1, 1))
    folder.write(
        RunRecord(graph, house_mesh(), LABELS, [START_NS], [np.eye(4)], config_text="", metrics={})
    )
    return folder.path


def told(run: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    assert main(["history", str(run), *options]) == 0
    return capsys.readouterr().out.splitlines()


def test_it_tells_who_came_and_who_went(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(run, capsys)
    assert any("O(1)" in line and "box vanished" in line for line in lines)
    vanished = next(line for line in lines if "box vanished" in line)
    assert "between 0:11.0 and 0:20.0" in vanished and "kitchen R(0)" in vanished


def test_since_leaves_out_what_was_before(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(run, capsys, "--since", "15s")
    assert len(lines) == 1 and "box vanished" in lines[0]
    assert told(run, capsys, "--since", "1m") == ["nothing"]


def test_at_tells_the_world_as_known_then(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = told(run, capsys, "--at", "15s"), told(run, capsys, "--at", "25s")
    assert sum("box" in line for line in before) == 1 and not any("box" in li for li in after)
    assert len(before) == len(after) + 1


def test_an_object_is_told_with_where_it_was_last_seen(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = told(run, capsys, "--object", "O4")
    assert any(line.startswith("last seen 0:09.0 (3.4, 0.6, 0.5)") for line in lines)
    assert lines[-1].startswith("its place was looked at, and it was not there")
    assert told(run, capsys, "--object", "O(0)")[-1] == "nobody looked at its place"


def test_a_room_is_told_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(run, capsys, "--room", "R1")
    assert any("O(3)" in line for line in lines) and not any("O(1)" in line for line in lines)


def test_json_holds_the_same_as_the_lines(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries: list[dict[str, Any]] = json.loads("\n".join(told(run, capsys, "--json")))
    (vanished,) = (e for e in entries if e["change"] == "vanished" and e["symbol"] == "O(1)")
    assert vanished["after_ns"] == START_NS + 11 * SECOND_NS
    about = json.loads("\n".join(told(run, capsys, "--object", "O2", "--json")))[-1]
    assert about["presence"]["first_seen_ns"] == START_NS


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--object", "O99"), "never was"),
        (("--object", "chair"), "chair"),
        (("--object", "R1"), "objects"),
        (("--room", "O1"), "rooms"),
        (("--at", "soon"), "35s"),
        (("--since", "1e400s"), "35s"),
    ],
)
def test_a_bad_id_or_time_is_one_clear_line(
    run: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, str], word: str
) -> None:
    assert main(["history", str(run), *options]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and word in said[0]
