"""Many sequences: each in a process of its own, none twice, and what fails stops no other."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers_runs import SMALL

from hydra_mono.cli.main import main
from hydra_mono.cli.saved.batch import folder_name, read_sequences
from hydra_mono.cli.saved.on_ray import map_on_ray
from hydra_mono.core.errors import DataError

SETTINGS = [part for setting in SMALL for part in ("--set", setting)]
RUN = ["--predictor", "sensor", "--stride", "8", "--max-frames", "3", "--no-report", *SETTINGS]


def test_a_batch_maps_each_sequence_once_and_goes_on_past_failures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "sequences.txt"
    listed.write_text("# homes\nsimulated/5\nno/such/sequence  # a mistake\n\n")
    command = ["batch", "--sequences", str(listed), "--output", str(tmp_path / "out"), "--json"]
    assert main([*command, "--", *RUN]) == 1
    said = capsys.readouterr()
    first = json.loads(said.out)
    assert [row["state"] for row in first] == ["done", "failed"]
    assert first[0]["frames"] == 3
    assert "no/such/sequence" in said.err
    listed.write_text("simulated/5\n")
    assert main([*command, "--", *RUN]) == 0
    (again,) = json.loads(capsys.readouterr().out)
    assert again["state"] == "done before"


def test_a_list_of_sequences_is_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("a\n b # c\n#d\na\n")
    assert read_sequences(tmp_path / "list") == ["a", "b"]
    (tmp_path / "empty").write_text("# nothing\n")
    for name in ("empty", "absent"):
        with pytest.raises(DataError):
            read_sequences(tmp_path / name)


def test_two_sequences_never_share_a_folder() -> None:
    names = ["simulated/5", "simulated-5", "simulated 5", "/data/simulated/5"]
    assert len({folder_name(name) for name in names}) == len(names)
    assert all("/" not in folder_name(name) for name in names)


@pytest.mark.parametrize("option", ["--output", "--sequence=x"])
def test_what_the_batch_sets_is_not_set_twice(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list").write_text("simulated/5\n")
    assert main(["batch", "--sequences", str(tmp_path / "list"), "--", option, "x"]) == 1
    assert "set by the batch" in capsys.readouterr().err


def test_a_batch_runs_on_a_ray_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray")
    (tmp_path / "list").write_text("simulated/5\nno/such/sequence\n")
    command = ["batch", "--sequences", str(tmp_path / "list"), "--output", str(tmp_path / "out")]
    assert main([*command, "--json", "--ray", "local", "--", *RUN]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["state"] for row in rows] == ["done", "failed"]


def test_an_address_without_a_cluster_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**options: object) -> None:
        raise ConnectionError(f"nobody answers\nat {options['address']}")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=refuse))
    with pytest.raises(DataError, match=r"no Ray cluster at here:1: .*nobody answers at here:1"):
        map_on_ray(["simulated/5"], tmp_path, (), "here:1", lambda result: None)


def test_without_ray_one_line_says_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "list").write_text("simulated/5\n")
    assert main(["batch", "--sequences", str(tmp_path / "list"), "--ray", "auto"]) == 1
    assert "pip install 'hydra-mono[ray]'" in capsys.readouterr().err
