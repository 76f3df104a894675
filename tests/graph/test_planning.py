"""What planners get: maps that agree with the house, plans that keep to its free space."""

import math
import re
from typing import Any

import numpy as np
import pytest
from helpers_exports import link, times
from helpers_planning import check_route, solved
from helpers_query import LABELS, ask_house, symbol

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.errors import ExportError, QueryError
from hydra_mono.graph.exports import export_files
from hydra_mono.graph.model.nodes import Passage, PlaceNode, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.query.snapshot.index import index_of


def nav2() -> tuple[np.ndarray, tuple[float, float], float]:
    """Image, origin and resolution, read as map_server does."""
    graph = ask_house()
    door = Passage(
        kind="door",
        rooms=(symbol("R(0)"), symbol("R(1)")),
        position_m=(4.0, 2.0, 1.0),
        width_m=0.6,
        heading_rad=math.pi / 2,
    )
    for number in (0, 1):
        x = 4.0 * number
        corners = ((x, 0.0), (x + 4, 0.0), (x + 4, 4.0), (x, 4.0))
        graph.update_node(symbol(f"R({number})"), outline_m=corners, passages=(door,))
    files = export_files("nav2", graph, LABELS)
    assert set(files) == {"map.pgm", "map.yaml"}
    text = files["map.yaml"].decode()
    numbers = dict(re.findall(r"(\w+): (.+)", text))
    x, y, _ = map(float, numbers["origin"].strip("[]").split(","))
    header = re.match(rb"P5\n(\d+) (\d+)\n255\n", files["map.pgm"])
    assert header is not None
    width, height = int(header[1]), int(header[2])
    pixels = np.frombuffer(files["map.pgm"][header.end() :], np.uint8).reshape(height, width)
    occupied = (255 - pixels) / 255.0
    free_thresh, occupied_thresh = float(numbers["free_thresh"]), float(numbers["occupied_thresh"])
    state = np.where(occupied > occupied_thresh, 1, np.where(occupied < free_thresh, 0, -1))
    return state, (x, y), float(numbers["resolution"])


@pytest.mark.parametrize(
    ("x", "y", "state"),
    [
        (0.4, 2.8, 0),  # free floor
        (1.2, 1.2, 1),  # the table
        (0.35, 3.6, 1),  # a chair
        (3.4, 0.6, 0),  # where a chair was
        (4.0, 0.3, 1),  # the wall between the rooms
        (4.0, 2.0, 0),  # the door in it
        (-0.4, -0.4, -1),  # outside: unknown
    ],
)
def test_a_map_for_nav2_knows_free_occupied_and_unknown(x: float, y: float, state: int) -> None:
    pixels, (x0, y0), size_m = nav2()
    row = pixels.shape[0] - 1 - math.floor((y - y0) / size_m)
    assert pixels[row, math.floor((x - x0) / size_m)] == state


def test_without_floor_there_is_no_map() -> None:
    with pytest.raises(ExportError, match="no free floor"):
        export_files("nav2", SceneGraph(), LABELS)


def test_goals_that_are_none_get_one_line() -> None:
    pytest.importorskip("unified_planning")
    with pytest.raises(QueryError, match="is no goal"):
        export_files("pddl", ask_house(), LABELS, ["dance"])
    with pytest.raises(QueryError, match="not there any more"):
        export_files("pddl", ask_house(), LABELS, ["bring chair 4 to kitchen"])


def narrow_house() -> SceneGraph:
    """The house with one row of places only: small enough to be planned in within a second."""
    graph = ask_house()
    for number in range(50):
        if number % 5 != 2:
            graph.remove_node(symbol(f"p({number})"))
    return graph


@pytest.mark.filterwarnings("ignore")
def test_a_planner_solves_what_is_written(tmp_path: Any) -> None:
    graph = narrow_house()
    goals = ["be in room 2", "look at every chair", "bring box 1 to room 2"]
    steps = solved(goals, graph, tmp_path)
    assert steps is not None
    route = check_route(steps, graph)
    room_of = index_of(graph, LABELS).room_of
    assert room_of[route[-1]] == symbol("R(1)")
    assert {args[0] for verb, args in steps if verb == "look"} == {"o2", "o5"}
    assert [args[0] for verb, args in steps if verb in ("pick", "put")] == ["o1", "o1"]


def test_a_room_to_avoid_has_no_safe_place() -> None:
    pytest.importorskip("unified_planning")
    files = export_files("pddl", narrow_house(), LABELS, ["be in kitchen", "avoid room 2"])
    text = files["problem.pddl"].decode()
    assert "(safe p2)" in text and "(safe p27)" not in text
    assert "(connected p22 p27)" in text


def with_corridor(graph: SceneGraph) -> SceneGraph:
    """The way between the rooms leads through a corridor, R(2), or, farther, past it."""
    graph.remove_edge(symbol("p(22)"), symbol("p(27)"))
    add_room_node(graph)
    for name, room, y in (("p(60)", "R(2)", 2.0), ("p(61)", "R(1)", 9.0)):
        graph.add_node(symbol(name), PlaceNode(position_m=(4.0, y, 1.2), radius_m=0.5, **times()))
        link(graph, room, name)
        link(graph, "p(22)", name, 0.3)
        link(graph, name, "p(27)", 0.3)
    return graph


def add_room_node(graph: SceneGraph) -> None:
    box = BoundingBox((4.0, 2.0, 1.2), (0.4, 0.8, 2.4))
    room = RoomNode(position_m=box.center_m, name="corridor", color=(1, 2, 3), box=box, **times())
    graph.add_node(symbol("R(2)"), room)
    link(graph, "B(0)", "R(2)")


@pytest.mark.filterwarnings("ignore")
def test_a_plan_avoids_a_room_where_it_can(tmp_path: Any) -> None:
    graph = with_corridor(narrow_house())
    steps = solved(["be in room 2", "look at cabinet", "avoid corridor"], graph, tmp_path)
    assert steps is not None
    route = check_route(steps, graph)
    assert symbol("p(61)") in route and symbol("p(60)") not in route
