"""Time in files: what was known when comes back, and damage is one clear error."""

import json

import pytest
from helpers_exports import LABELS, SECOND_NS, START_NS, same_graph, small_house, symbol

from hydra_mono.core.errors import ExportError
from hydra_mono.graph.io.graph_json import from_document, to_document
from hydra_mono.graph.io.origin import moved
from hydra_mono.graph.io.past_json import history_text, read_history, read_history_later
from hydra_mono.graph.model.looks import Seen
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.scene_graph import SceneGraph

FAR = (500_000.0, -4_000_000.0, 100.0)


def lived_in(origin_m: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> SceneGraph:
    """The small house, in which afterwards a box was put down and taken away."""
    graph = small_house()
    graph.origin_m = origin_m
    graph.advance(START_NS + 20 * SECOND_NS)
    graph.update_node(symbol("O(1)"), position_m=(3.0, 3.0, 0.95))
    graph.advance(START_NS + 30 * SECOND_NS)
    graph.mark_removed(symbol("O(1)"), (START_NS + 21 * SECOND_NS, START_NS + 29 * SECOND_NS))
    return graph


def test_the_world_at_every_stamp_comes_back() -> None:
    graph = lived_in()
    read = from_document(json.loads(json.dumps(to_document(graph, LABELS)))).graph
    read_history(read, "".join(history_text(graph)))
    for second in (-1, 0, 5, 20, 25, 30, 40):
        stamp_ns = START_NS + second * SECOND_NS
        assert same_graph(graph.at(stamp_ns), read.at(stamp_ns))
    assert read.events() == graph.events()


def test_a_past_that_is_read_when_it_is_wanted_is_the_same() -> None:
    graph = lived_in()
    text = "".join(history_text(graph))
    late, early = (from_document(to_document(graph, LABELS)).graph for _ in range(2))
    read_history(early, text)
    read_history_later(late, text)
    assert not late.is_past_read
    late.retract(symbol("O(0)"), START_NS + 40 * SECOND_NS)  # reads it before it changes anything
    early.retract(symbol("O(0)"), START_NS + 40 * SECOND_NS)
    assert late.events() == early.events() and late.version == early.version
    with pytest.raises(ExportError, match="not a history"):
        read_history_later(late, '{"format":"hydra-mono/history/9"}')
    read_history_later(late, text.replace('"kind":"removed"', '"kind":"eaten"'))
    with pytest.raises(ExportError, match="damaged history"):
        late.events()


def test_the_past_moves_with_the_origin_of_the_map() -> None:
    graph = lived_in(FAR)
    text = "".join(history_text(graph))
    assert "500003.0,-3999997.0,100.95" in text
    read = small_house()
    read.origin_m = FAR
    read_history(read, text)
    then = read.at(START_NS + 25 * SECOND_NS).get_node(symbol("O(1)"))
    assert then.position_m == pytest.approx((3.0, 3.0, 0.95))


def test_looks_presence_and_trajectory_are_in_the_graph_itself() -> None:
    graph = from_document(to_document(small_house(), LABELS)).graph
    moved = graph.get_node(symbol("O(2)"))
    assert isinstance(moved, ObjectNode) and moved.presence is not None
    assert moved.trajectory.positions_m[0] == (1.0, 1.0, 0.45)
    assert graph.was_looked_at(symbol("O(4)"), 0).seen is Seen.ABSENT
    assert graph.was_looked_at(symbol("O(0)"), 0).seen is Seen.NOT_LOOKED


def test_a_trajectory_moves_with_the_origin_of_the_map() -> None:
    graph = small_house()
    graph.origin_m = FAR
    document = to_document(graph, LABELS)
    entry = next(node for node in document["nodes"] if node["id"] == "O(2)")
    assert entry["trajectory"]["positions_m"][0] == [500_001.0, -3_999_999.0, 100.45]
    read = from_document(document).graph.get_node(symbol("O(2)"))
    assert isinstance(read, ObjectNode)
    assert read.trajectory.positions_m[0] == pytest.approx((1.0, 1.0, 0.45))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format":"hydra-mono/history/9"}', '{"format":"hydra-mono/history/1"}'],
)
def test_what_is_no_history_is_refused(text: str) -> None:
    with pytest.raises(ExportError):
        read_history(small_house(), text)


def test_a_damaged_version_is_refused() -> None:
    text = "".join(history_text(lived_in())).replace('"kind":"removed"', '"kind":"eaten"')
    with pytest.raises(ExportError, match="damaged history"):
        read_history(small_house(), text)


def test_positions_of_trajectories_move_whatever_the_format_calls_them() -> None:
    point = [[1.0, 2.0, 3.0]]
    for key in ("positions_m", "trajectory_positions", "boundary"):
        assert moved({key: point}, FAR)[key] == [
            [v + o for v, o in zip(point[0], FAR, strict=True)]
        ]
