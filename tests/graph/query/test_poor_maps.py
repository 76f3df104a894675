"""Questions and plans on maps that lack something: a clear line each."""

import json
import sys
from pathlib import Path

import pytest
from helpers_exports import link, times
from helpers_query import LABELS, ask_house, symbol

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.errors import DataError, MissingDependencyError, QueryError
from hydra_mono.graph.exports import export_files
from hydra_mono.graph.io.graph_json import to_document
from hydra_mono.graph.model.nodes import PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.query.grammar import ask
from hydra_mono.graph.query.lines import answer_lines
from hydra_mono.graph.query.questions import Questions
from hydra_mono.outputs import find_run, load_graph


def with_attic(*, has_places: bool) -> SceneGraph:
    """The house with a room on a storey above, which nothing leads to."""
    graph = ask_house()
    box = BoundingBox((2.0, 2.0, 4.2), (3.9, 3.9, 2.4))
    node = RoomNode(
        position_m=box.center_m, name="attic", color=(9, 9, 9), box=box, storey=1, **times()
    )
    graph.add_node(symbol("R(5)"), node)
    link(graph, "B(0)", "R(5)")
    if has_places:
        place = PlaceNode(position_m=box.center_m, radius_m=0.6, **times())
        graph.add_node(symbol("p(90)"), place)
        link(graph, "R(5)", "p(90)")
    return graph


@pytest.mark.parametrize("has_places", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        *("objects in attic", "neighbours of attic", "doors of attic", "windows of attic"),
        *("path from kitchen to attic", "path to attic", "nearest chair to attic"),
        *("rooms", "chairs on storey 1", "chairs in attic"),
    ],
)
def test_an_empty_room_on_a_storey_nobody_can_reach_is_told_in_lines(
    text: str, has_places: bool
) -> None:
    answer = ask(Questions(with_attic(has_places=has_places), LABELS), text)
    lines = answer_lines(answer)
    assert lines and all(line.strip() and "\n" not in line for line in lines)
    if "path" in text or "in attic" in text or "of attic" in text:
        assert answer.status in ("none", "not seen yet") and answer.items == ()


def test_a_map_without_anything_is_told_as_such() -> None:
    questions = Questions(SceneGraph(), LABELS)
    for text in ("objects", "rooms", "chairs", "changed"):
        answer = ask(questions, text)
        assert not answer.items and answer_lines(answer), text
    for text in ("where is chair 1", "path to kitchen", "doors of kitchen"):
        with pytest.raises(QueryError) as error:
            ask(questions, text)
        assert "\n" not in str(error.value)


def test_without_a_planning_library_one_line_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "unified_planning", None)
    with pytest.raises(MissingDependencyError, match="pip install unified-planning") as error:
        export_files("pddl", ask_house(), LABELS, ["be in kitchen"])
    assert "\n" not in str(error.value)


def test_a_partial_run_names_what_it_lacks(tmp_path: Path) -> None:
    document = to_document(ask_house(), LABELS)
    (tmp_path / "graph.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"lacks .*mesh\.ply"):
        find_run(tmp_path)


def test_a_graph_of_the_first_format_is_read(tmp_path: Path) -> None:
    document = json.loads(json.dumps(to_document(ask_house(), LABELS)))
    document["schema"] = "hydra-mono/graph/1"
    for entry in document["nodes"]:
        ending = entry.pop("ending")
        entry["removed_ns"] = None if ending is None else ending["until_ns"]
    (tmp_path / "graph.json").write_text(json.dumps(document))
    saved = load_graph(tmp_path / "graph.json")
    answer = ask(Questions(saved.graph, saved.labels), "where is chair 4")
    assert answer.status == "was there until"
