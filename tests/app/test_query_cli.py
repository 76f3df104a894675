"""Questions from the command line, from spark_dsg files, and from a client of the MCP server."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers_query import ask_house
from helpers_saved import described_house, run_of

from hydra_mono.cli.main import main
from hydra_mono.cli.saved.mcp_server import create_server
from hydra_mono.core.errors import DataError
from hydra_mono.outputs import load_graph, load_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(described_house(), tmp_path_factory.mktemp("runs"))


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["query", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_an_answer_is_lines(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = asked(capsys, str(run), "nearest", "chair", "to", "table 0")
    assert status == 0
    assert out.startswith("chair 5 (O(5)) in kitchen at (2.00, 1.20, 0.45), 0.05 m away")


def test_a_count_is_a_number(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, str(run), "how many chairs in kitchen")[1] == "2\n"
    assert asked(capsys, str(run), "count chairs in room 2")[1] == "0\n"


def test_cypher_is_answered_as_a_table_and_as_json(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("grandcypher")
    text = 'MATCH (o:Object) WHERE o.class = "chair" RETURN o.name'
    status, out, _ = asked(capsys, str(run), "--cypher", text)
    assert status == 0 and "chair 2" in out and "chair 5" in out
    _, out, _ = asked(capsys, str(run), "--cypher", "--json", text)
    assert {row["o.name"] for row in json.loads(out)} == {"chair 2", "chair 5"}
    status, _, err = asked(capsys, str(run), "--cypher", "MATCH (x")
    assert status == 1 and len(err.strip().splitlines()) == 1


def test_an_answer_is_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = asked(capsys, str(run.parent), "where is chair 4", "--json")
    answer = json.loads(out)
    assert (answer["verb"], answer["status"]) == ("where", "was there until")
    assert answer["items"][0]["room_id"] == "R(0)"


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("where is tabel 0", "did you mean 'table 0'?"),
        ("sing a song of sixpence to", "no class of objects"),
        ("remove table", "add --edit"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    run: Path, question: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = asked(capsys, str(run), question)
    assert status == 1
    assert message in err and err.count("\n") == 1


def test_edits_are_saved_in_both_files_and_nowhere_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(ask_house(), tmp_path)
    others = {path.name: path.read_bytes() for path in run.iterdir()}
    assert asked(capsys, str(run), "--edit", "rename chair 2 to throne")[0] == 0
    assert "throne (O(2)) (by hand)" in asked(capsys, str(run), "where is throne")[1]
    changed = {name for name, was in others.items() if (run / name).read_bytes() != was}
    assert changed == {"graph.json", "dsg.json", "manifest.json"}
    assert load_run(run).graph.edge_count == ask_house().edge_count


def test_a_graph_that_is_a_file_alone_is_not_edited(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = asked(capsys, str(run / "graph.json"), "--edit", "remove table")
    assert (status, "file alone" in err) == (1, True)


def test_a_file_of_spark_dsg_answers_as_our_own(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for question in ("list chairs", "rooms", "neighbours of kitchen", "relations of box 1"):
        ours = json.loads(asked(capsys, str(run / "graph.json"), question, "--json")[1])
        theirs = json.loads(asked(capsys, str(run / "dsg.json"), question, "--json")[1])
        names = [
            [item.get("name") or item.get("room") for item in a["items"]] for a in (ours, theirs)
        ]
        assert names[0] == names[1], question
    path = asked(capsys, str(run / "dsg.json"), "path from chair 2 to cabinet")[1]
    assert path == asked(capsys, str(run / "graph.json"), "path from chair 2 to cabinet")[1]


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"schema": "hydra-mono/graph/99"}'),
        *('{"SPARK_DSG_header": {}, "nodes": 3}', '{"SPARK_DSG_header": {}, "nodes": [{}]}'),
    ],
)
def test_damaged_files_are_refused_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "graph.json").write_text(text)
    with pytest.raises(DataError) as error:
        load_graph(tmp_path / "graph.json")
    assert "\n" not in str(error.value)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run in"):
        load_graph(tmp_path)


async def talk(server: Any, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """The tools' names, then what each call answers: (whether it failed, its text)."""
    from mcp import Client, StdioServerParameters, stdio_client

    with Path(os.devnull).open("w") as unheard:  # pytest's own standard error is no file
        is_command = isinstance(server, StdioServerParameters)
        found = stdio_client(server, errlog=unheard) if is_command else server
        async with Client(found) as client:
            answers: list[Any] = [[tool.name for tool in (await client.list_tools()).tools]]
            for name, given in calls:
                result = await client.call_tool(name, given)
                answers.append((bool(result.is_error), result.content[0].text))
            return answers


@pytest.mark.filterwarnings("ignore")
def test_a_language_model_asks_the_same_questions(tmp_path: Path) -> None:
    mcp = pytest.importorskip("mcp")
    run = run_of(ask_house(), tmp_path)
    arguments = ["-m", "hydra_mono", "mcp", str(run)]
    names, where, wrong, words = asyncio.run(
        talk(
            mcp.StdioServerParameters(command=sys.executable, args=arguments, cwd=ROOT),
            ("where", {"name": "cabinet"}),
            ("where", {"name": "cabinett"}),
            ("ask", {"question": "remove cabinet"}),
        )
    )
    assert {"objects", "path", "approach", "changed"} <= set(names)
    assert "rename" not in names
    assert json.loads(where[1])["items"][0]["room"] == "room 2"
    assert (wrong[0], "did you mean 'cabinet" in wrong[1]) == (True, True)
    assert json.loads(words[1])["status"] == "refused"


@pytest.mark.filterwarnings("ignore")
def test_edits_of_a_language_model_are_saved(tmp_path: Path) -> None:
    pytest.importorskip("mcp")
    run = run_of(ask_house(), tmp_path)
    call = ("rename", {"name": "cabinet", "new_name": "medicine chest"})
    server = create_server(load_graph(run), may_edit=True)
    names, renamed = asyncio.run(talk(server, call))
    assert "rename" in names and not renamed[0]
    assert "medicine chest" in (run / "graph.json").read_text()
