"""A map that goes on in another process is that of one run; what people said of it stays."""

import shutil
from pathlib import Path

import pytest
from helpers_runs import SMALL

from hydra_mono.cli.main import main
from hydra_mono.core.errors import DataError
from hydra_mono.core.files.state import PLAIN, read_state
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.symbols import Layer
from hydra_mono.outputs import load_graph, load_metrics, load_run

SETTINGS = [part for setting in SMALL for part in ("--set", setting)]
COMMON = ["run", "--sequence", "simulated/5", "--viewer", "none", "--quiet", "--no-report"]
FIRST, WHOLE = 8, 12


def run(root: Path, *arguments: str) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hydra_mono.cli.run.find_truth", lambda source: None)  # scoring takes seconds
        assert main([*COMMON, "--output", str(root), *arguments]) == 0
    return (root / "latest").resolve()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    arguments = ["--predictor", "sensor", "--stride", "4", "--max-frames", str(FIRST), *SETTINGS]
    return run(tmp_path_factory.mktemp("first"), *arguments, "--keep-state")


def go_on(first: Path, root: Path, frames: int) -> Path:
    return run(root, "--continue", str(first), "--max-frames", str(frames))


@pytest.fixture(scope="module")
def continued(first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    before = contents(first)
    folder = go_on(first, tmp_path_factory.mktemp("continued"), WHOLE - FIRST)
    assert contents(first) == before, "a continuation reads the run before and changes nothing"
    assert (folder / PLAIN).is_file(), "it can be continued in its turn"
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_continued_run_ends_as_one_run_does(first: Path, continued: Path, tmp_path: Path) -> None:
    arguments = ["--predictor", "sensor", "--stride", "4", "--max-frames", str(WHOLE), *SETTINGS]
    whole = run(tmp_path, *arguments)
    for name in ("graph.json", "dsg.json", "mesh.ply", "trajectory.tum"):
        assert (continued / name).read_bytes() == (whole / name).read_bytes(), name
    assert load_metrics(continued)["frames"] == WHOLE


def test_what_is_restored_is_told_from_what_was_seen_again(first: Path, continued: Path) -> None:
    last_ns = max(load_run(first).trajectory.stamps_ns)
    assert load_graph(continued).restored_ns == last_ns
    assert load_graph(first).restored_ns is None


def test_what_people_said_stays(first: Path, tmp_path: Path) -> None:
    edited = Path(shutil.copytree(first, tmp_path / "edited"))
    symbol = load_graph(edited).graph.symbols(Layer.OBJECTS)[0]
    assert main(["query", str(edited), "--edit", f"rename {symbol} to heirloom"]) == 0
    graph = load_graph(go_on(edited, tmp_path, 1)).graph
    node = graph.get_node(symbol)
    assert isinstance(node, ObjectNode)
    assert node.name == "heirloom"


def test_a_run_without_state_or_with_a_damaged_one_is_refused_in_one_line(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match="keep-state"):
        read_state(tmp_path)
    (tmp_path / PLAIN).write_text('{"format": "hydra-mono/state/9"}')
    with pytest.raises(DataError, match="state/9"):
        read_state(tmp_path)
    assert main([*COMMON, "--continue", str(tmp_path), "--output", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_continuation_that_fails_leaves_the_run_before_as_it_was(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = Path(shutil.copytree(first, tmp_path / "damaged"))
    (damaged / "graph.json").write_text("{")
    before = contents(damaged)
    assert main([*COMMON, "--continue", str(damaged), "--output", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert contents(damaged) == before and not (tmp_path / "out").exists()
