"""``hydra-mono merge`` and ``align`` on saved runs."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers_query import symbol
from helpers_saved import described_house, run_of
from helpers_visits import visit
from helpers_worlds import LABELS as WORLD_LABELS

from hydra_mono.cli.main import main
from hydra_mono.cli.saved.merge import align_finished
from hydra_mono.core.errors import ExportError
from hydra_mono.graph.align.transform import inverse, upright_pose
from hydra_mono.graph.merge.robots import BLOCK
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.outputs import RunRecord, load_images, load_metrics, load_run, write_new_run

SECOND = upright_pose(2.1, np.array([3.0, -7.0, 0.4]))  # the home, as the second visit has it


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    graphs = described_house(), described_house()
    graphs[1].mark_removed(symbol("O(1)"), (graphs[1].get_node(symbol("O(1)")).last_seen_ns, 2**62))
    return [str(run_of(graph, tmp_path / str(i))) for i, graph in enumerate(graphs)]


def test_two_runs_are_written_as_one(runs: list[str], tmp_path: Path, capsys) -> None:
    output = tmp_path / "both"
    assert main(["merge", *runs, "--output", str(output)]) == 0
    assert "2 rooms" in capsys.readouterr().out
    run = load_run(output)
    assert run.graph.count_present(Layer.ROOMS) == 2
    gone = run.graph.get_node(NodeSymbol("O", BLOCK + 1)).ending
    assert gone is not None
    assert gone.kind == "removed"
    assert [entry["robot"] for entry in run.metrics["robots"]] == [0, 1]
    assert len(run.trajectory) == 6
    assert main(["query", str(output), "nearest chair to table 0"]) == 0
    assert (output / "dsg.json").is_file()
    assert main(["report", str(output)]) == 0


def test_a_merged_run_shows_what_every_robot_saw(tmp_path: Path) -> None:
    images = {symbol("O(0)"): b"of both"}, {symbol("O(0)"): b"again", symbol("O(1)"): b"second's"}
    paths = [run_of(described_house(), tmp_path / str(i), images=images[i]) for i in range(2)]
    output = tmp_path / "both"
    assert main(["merge", *map(str, paths), "--output", str(output)]) == 0
    joined = load_run(output).graph.get_node(NodeSymbol("O", BLOCK + 1)).ending
    assert joined is not None and joined.into == symbol("O(1)")
    found = load_images(output)
    assert found[symbol("O(0)")] == b"of both"
    assert found[symbol("O(1)")] == b"second's"
    assert found[NodeSymbol("O", BLOCK)] == b"again"


@pytest.mark.parametrize("fault", ["full", "twice", "one", "damaged", "unaligned"])
def test_nothing_is_written_where_runs_cannot_be_joined(
    runs: list[str], tmp_path: Path, capsys, fault: str
) -> None:
    output = tmp_path / "both"
    options = []
    if fault == "full":
        output.mkdir()
        (output / "notes.txt").write_text("mine")
    elif fault == "twice":
        runs = [runs[0], runs[0]]
    elif fault == "one":
        runs = runs[:1]
    elif fault == "damaged":
        (Path(runs[1]) / "graph.json").write_text("{")
    else:
        options = ["--align"]  # the mesh of these runs is a few triangles
    before = contents(tmp_path)
    assert main(["merge", *runs, "--output", str(output), *options]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert contents(tmp_path) == before


def test_a_merge_that_cannot_be_written_leaves_all_runs_as_they_were(
    runs: list[str], tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise ExportError("the disk is full")

    monkeypatch.setattr("hydra_mono.outputs.write.write_ply", full)
    before = contents(tmp_path)
    assert main(["merge", *runs, "--output", str(tmp_path / "both")]) == 1
    assert "the disk is full" in capsys.readouterr().err
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below a folder, and the folders themselves."""
    return {str(p): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def test_a_run_that_does_not_fit_is_refused_in_a_line(runs: list[str], capsys) -> None:
    assert main(["align", runs[1], "--to", runs[0], "--json"]) == 1
    told = capsys.readouterr()
    assert "is not aligned to" in told.err
    assert json.loads(told.out)["target_from_source"] is None


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two visits to a home, the second in a frame of its own."""
    found = []
    for number, pose in enumerate((None, SECOND)):
        graph, mesh = visit(1, pose, draw=number)
        record = RunRecord(
            graph=graph,
            mesh=mesh,
            labels=WORLD_LABELS,
            stamps_ns=[0],
            world_from_camera=[np.eye(4)],
            config_text="",
            metrics={"sequence": f"visit {number}"},
        )
        found.append(tmp_path_factory.mktemp("visits") / str(number))
        write_new_run(found[-1], record)
    return found


def test_a_second_visit_is_told_in_the_frame_of_the_first(visits: list[Path], capsys) -> None:
    align_finished(visits[1], visits[0])
    assert "aligned to" in capsys.readouterr().err
    told = load_metrics(visits[1])["aligned_to"]
    assert told["certainty"] > 0.5
    assert np.allclose(told["target_from_source"], inverse(SECOND), atol=0.05)


def test_visits_are_joined_in_the_frame_of_the_first(visits: list[Path], tmp_path: Path) -> None:
    names = [str(visit) for visit in visits]
    assert main(["merge", *names, "--align", "--output", str(tmp_path / "both")]) == 0
    first, both = load_run(visits[0]).graph, load_run(tmp_path / "both").graph
    assert both.count_present(Layer.OBJECTS) == first.count_present(Layer.OBJECTS)
    assert both.count(Layer.OBJECTS) == 2 * first.count(Layer.OBJECTS)
