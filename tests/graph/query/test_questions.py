"""What the verbs answer on a house of which every fact is known."""

import json
import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
from helpers_query import LABELS, SECOND_NS, START_NS, ask_house, grid_graph, symbol, thing

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.errors import QueryError
from hydra_mono.graph.model.nodes import Edge
from hydra_mono.graph.model.presence import Trajectory
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.query.gaps import box_gap
from hydra_mono.graph.query.grammar import ask, parse
from hydra_mono.graph.query.lines import answer_lines
from hydra_mono.graph.query.questions import Questions

HOUSE = ask_house()
ASKED = Questions(HOUSE, LABELS)

SENTENCES = [
    "rooms",
    "objects",
    "list chairs",
    "nearest chair to table",
    "where is chair 4",
    "approach box",
    "path from kitchen to cabinet",
    "neighbours of kitchen",
    "doors of room 2",
    "relations of box",
    "last seen chair 2",
    "changed",
    "list chairs in room 2",
]


def names(answer: Any) -> list[str]:
    return [item.name for item in answer.items]


def test_objects_of_a_class_are_those_that_are_there() -> None:
    assert names(ASKED.objects("chair")) == ["chair 2", "chair 5"]
    assert names(ASKED.objects("chair", room="kitchen")) == ["chair 2", "chair 5"]
    assert len(ASKED.objects().items) == 5


@pytest.mark.parametrize("word", ["chairs", "Chairs", "the chairs", "boxes"])
def test_plurals_capitals_and_articles_do_not_matter(word: str) -> None:
    assert ASKED.objects(word).is_found


def test_none_is_told_from_what_was_there_and_from_what_nobody_looked_at() -> None:
    assert ASKED.objects("chair", room="room 2").status == "none"
    gone = SceneGraph()
    gone.add_node(symbol("O(0)"), thing(7, (0.0, 0.0, 0.4), (0.5, 0.5, 0.9), gone_s=5))
    was = Questions(gone, LABELS).objects("chair")
    assert (was.status, was.items[0].until_ns) == ("was there until", START_NS + 5 * SECOND_NS)
    assert Questions(gone, LABELS).objects("table").status == "not seen yet"
    assert ASKED.objects("chair", storey=3).status == "not seen yet"


def test_an_object_that_left_is_told_with_its_place_and_time() -> None:
    answer = ASKED.where("chair 4")
    assert answer.status == "was there until"
    assert answer.items[0].room == "kitchen"
    assert ASKED.last_seen("O(4)").items[0].last_seen_ns == START_NS + 9 * SECOND_NS
    assert ASKED.approach("chair 4").status == "was there until"


def test_the_nearest_is_measured_from_box_to_box() -> None:
    answer = ASKED.nearest("chair", "table")
    assert names(answer) == ["chair 5"]
    assert answer.items[0].distance_m == pytest.approx(0.05)  # 1.70 to 1.75 along x
    assert names(ASKED.nearest("chair", "chair 5")) == ["chair 2"]
    assert names(ASKED.nearest("chair", (0.0, 4.0, 0.0))) == ["chair 2"]


def test_the_nearest_of_many_is_that_of_a_search_of_all() -> None:
    graph = grid_graph(objects=200, places=100, rooms=4)
    asked = Questions(graph, LABELS)
    boxes = {s: node.box for s, node in graph.nodes(symbol("O(0)").layer)}  # type: ignore[attr-defined]
    for start in range(0, 40, 3):
        box = boxes[symbol(f"O({start})")]
        others = [s for s in boxes if s.number % 4 == 1 and s.number != start]
        least_m = min(box_gap(box, boxes[s]).distance_m for s in others)
        found = asked.nearest("table", f"O({start})").items[0]
        assert found.distance_m == pytest.approx(least_m)


def test_a_path_is_the_shortest_that_is_wide_enough() -> None:
    graph = grid_graph(objects=4, places=400, rooms=5)
    asked = Questions(graph, LABELS)
    wide = nx.Graph()
    for a, b, edge in graph.edges():
        if a.prefix == b.prefix == "p" and edge.weight >= 0.2:
            ends = (graph.get_node(a).position_m, graph.get_node(b).position_m)
            wide.add_edge(a, b, length=math.dist(*ends))
    goals = [symbol(f"p({k})") for k in (17, 250, 399)]
    for goal in goals:
        answer = asked.path("p(0)", str(goal))
        if not nx.has_path(wide, symbol("p(0)"), goal):
            assert answer.status == "none"
            continue
        path = answer.items[0]
        assert path.length_m == pytest.approx(
            nx.shortest_path_length(wide, symbol("p(0)"), goal, "length")
        )
        edges = [graph.get_edge(a, b) for a, b in pairwise(path.place_ids)]
        assert path.clearance_m == min(edge.weight for edge in edges) >= 0.2


def test_a_path_tells_the_rooms_it_passes_and_where_to_stand() -> None:
    path = ASKED.path("chair 2", "cabinet").items[0]
    assert path.rooms == ("kitchen", "room 2")
    assert path.clearance_m == pytest.approx(0.3)  # the door
    assert path.end is not None and path.end.room == "room 2"
    assert ASKED.path("kitchen", "kitchen").items[0].length_m == 0


def test_where_the_way_is_too_narrow_that_is_said() -> None:
    narrow = ask_house()
    narrow.update_edge(symbol("p(22)"), symbol("p(27)"), weight=0.1)
    answer = Questions(narrow, LABELS).path("kitchen", "room 2")
    assert (answer.status, "0.10 m" in answer.note) == ("none", True)
    narrow.remove_edge(symbol("p(22)"), symbol("p(27)"))
    assert "no way" in Questions(narrow, LABELS).path("kitchen", "room 2").note
    assert Questions(SceneGraph(), LABELS).path((0.0, 0, 0), (1.0, 0, 0)).status == "not seen yet"


def test_a_pose_to_stand_at_is_free_in_the_room_and_faces_the_object() -> None:
    for name in ("table", "chair 2", "cabinet", "box"):
        answer = ASKED.approach(name)
        assert answer.is_found
        target = ASKED.where(name).items[0]
        for pose in answer.items:
            place = HOUSE.get_node(pose.place_id)
            moved_m = math.dist(pose.position_m, place.position_m)
            assert moved_m + 0.2 <= place.radius_m + 1e-9  # type: ignore[attr-defined]
            assert pose.room == target.room
            toward = np.subtract(target.box.center_m, pose.position_m)
            assert pose.yaw_rad == pytest.approx(math.atan2(toward[1], toward[0]))
        assert answer.items[0].gap_m == pytest.approx(0.6, abs=0.35)


def test_what_nobody_can_reach_has_no_pose() -> None:
    graph = ask_house()
    graph.remove_edge(symbol("p(22)"), symbol("p(27)"))
    assert Questions(graph, LABELS).approach("cabinet").status == "none"  # the camera is next door


def test_neighbours_and_the_passages_to_them() -> None:
    assert [n.room for n in ASKED.neighbours("kitchen").items] == ["room 2"]
    door = ASKED.doors("kitchen").items[0]
    assert door.rooms == ("kitchen", "room 2")
    assert door.position_m == pytest.approx((4.0, 2.0, 1.0))


def test_what_changed_since_a_stamp() -> None:
    gone = ASKED.changed(START_NS + 4 * SECOND_NS).items
    assert [(c.kind, c.name) for c in gone] == [("vanished", "chair 4")]
    assert ASKED.changed(START_NS + 6 * SECOND_NS).status == "none"
    assert ASKED.changed(START_NS + 10 * SECOND_NS).status == "not seen yet"
    ever = ASKED.changed().items
    assert sorted(c.kind for c in ever) == ["discovered"] * 6 + ["vanished"]


def test_a_new_name_and_another_room_are_changes() -> None:
    graph = ask_house()
    graph.advance(START_NS + 7 * SECOND_NS)
    graph.update_node(symbol("O(5)"), name="stool")
    graph.set_parent(symbol("O(5)"), symbol("p(30)"), Edge(first_seen_ns=0, last_seen_ns=0))
    facts = {c.kind: c for c in Questions(graph, LABELS).changed(START_NS + 6 * SECOND_NS).items}
    assert facts["relabelled"].detail == "from chair to stool"
    assert facts["reparented"].detail == "kitchen to room 2"
    assert facts["reparented"].position_m == (2.0, 1.2, 0.45)


def test_what_was_seen_to_move_is_told_from_its_trajectory() -> None:
    graph = ask_house()
    there, here = (0.35, 3.6, 0.45), (2.0, 3.6, 0.45)
    stamps_ns = (START_NS, START_NS + 8 * SECOND_NS)
    track = Trajectory(stamps_ns, (there, here))
    graph.advance(stamps_ns[1])
    graph.update_node(symbol("O(2)"), position_m=here, trajectory=track)
    asked = Questions(graph, LABELS)
    (moved,) = [c for c in asked.changed(START_NS).items if c.kind == "moved"]
    assert (moved.from_ns, moved.until_ns) == stamps_ns
    assert (moved.before_m, moved.position_m) == (there, here)
    assert not [c for c in asked.changed(stamps_ns[1]).items if c.kind == "moved"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("where is chiar 2", "did you mean 'chair 2'?"),
        ("where is chair", "any of 2: chair 2 (O(2)), chair 5 (O(5))"),
        ("doors of kitchn", "did you mean 'kitchen'?"),
        ("list chiars", "did you mean 'chair'?"),
        ("where is person", "no 'person'"),
        ("where is O(99)", "no 'O(99)'"),
        ("add chair at here", "no point"),
    ],
)
def test_unknown_names_get_one_line_with_the_nearest_right_one(text: str, message: str) -> None:
    with pytest.raises(QueryError) as error:
        ask(ASKED, text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "verb", "arguments"),
    [
        ("nearest chair to sofa 3", "nearest", {"category": "chair", "start": "sofa 3"}),
        ("closest chair to 1, 2,3?", "nearest", {"category": "chair", "start": (1.0, 2.0, 3.0)}),
        ("Where is the table?", "where", {"name": "the table"}),
        ("path from kitchen to chair 5", "path", {"start": "kitchen", "end": "chair 5"}),
        ("path to chair 5", "path", {"start": None, "end": "chair 5"}),
        (
            "washing machines in room 2",
            "objects",
            {"category": "washing machines", "room": "room 2"},
        ),
        ("count chairs on storey 1", "objects", {"category": "chairs", "storey": 1}),
        ("everything in kitchen", "objects", {"room": "kitchen"}),
        ("rooms", "rooms", {}),
        ("how many bedrooms on storey 1?", "rooms", {"category": "bedroom", "storey": 1}),
        ("how many chairs in kitchen", "objects", {"category": "chairs", "room": "kitchen"}),
        ("neighbors of the kitchen", "neighbours", {"room": "the kitchen"}),
        ("changed since 5 s", "changed", {"since_ns": 95 * SECOND_NS}),
        ("rename chair 2 to throne", "rename", {"name": "chair 2", "new_name": "throne"}),
    ],
)
def test_the_grammar(text: str, verb: str, arguments: dict[str, Any]) -> None:
    question = parse(text, now_ns=100 * SECOND_NS)
    assert (question.verb, question.arguments) == (verb, arguments)


@pytest.mark.parametrize(
    "text",
    SENTENCES,
)
def test_every_answer_reads_as_lines_and_as_json(text: str) -> None:
    answer = ask(ASKED, text)
    assert json.loads(json.dumps(answer.plain()))["status"] == answer.status
    assert all(line and "<" not in line for line in answer_lines(answer))


def test_a_snapshot_does_not_change_with_the_graph() -> None:
    graph = ask_house()
    asked = Questions(graph, LABELS)
    held = Questions.on(asked.snapshot())
    before = [ask(held, text).plain() for text in SENTENCES]
    graph.add_node(symbol("O(9)"), thing(7, (1.0, 3.0, 0.4), (0.5, 0.5, 0.9)))
    for number in (0, 1, 22, 27, 30):
        graph.remove_node(symbol(f"p({number})"))
    graph.remove_node(symbol("R(1)"))
    graph.update_node(symbol("O(2)"), position_m=(3.0, 3.0, 0.4), last_seen_ns=START_NS * 2)
    assert [ask(held, text).plain() for text in SENTENCES] == before
    assert len(asked.objects("chair").items) == 3


def test_positions_are_the_worlds_whatever_the_maps_own_origin() -> None:
    far = ask_house()
    far.origin_m = (1000.0, 2000.0, 0.0)
    asked = Questions(far, LABELS)
    assert asked.where("table").items[0].position_m == (1001.2, 2001.2, 0.4)
    assert names(asked.nearest("chair", (1000.0, 2004.0, 0.0))) == ["chair 2"]
    end = asked.path("kitchen", "cabinet").items[0].end
    assert end is not None and end.position_m[0] > 1000


@pytest.mark.parametrize("yaw", [0.0, 0.3, math.pi / 4])
def test_gaps_between_boxes_are_exact(yaw: float) -> None:
    a = BoundingBox((0.0, 0.0, 0.5), (2.0, 1.0, 1.0), yaw)
    cos, sin = math.cos(yaw), math.sin(yaw)
    beside = replace(a, center_m=(2.5 * cos, 2.5 * sin, 0.5))
    above = replace(a, center_m=(0.1, 0.0, 1.8))
    assert box_gap(a, beside).level_m == pytest.approx(0.5)
    assert box_gap(a, above).level_m == 0
    assert box_gap(a, above).upright_m == pytest.approx(0.3)
