"""What planners get: maps that agree with the house, plans that keep to its free space."""

import math
import re
from typing import Any

import numpy as np
import pytest
from helpers_query import LABELS, ask_house, symbol

from hydra_mono.core.errors import ExportError, QueryError
from hydra_mono.graph.exports import export_files
from hydra_mono.graph.model.nodes import Passage
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
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


def solved(goals: list[str], graph: SceneGraph, folder: Any) -> list[tuple[str, list[str]]] | None:
    """The steps of a real planner's plan for the written files: (action, arguments)."""
    planning = pytest.importorskip("unified_planning")
    pytest.importorskip("up_fast_downward")
    from unified_planning.engines import PlanGenerationResultStatus as Status
    from unified_planning.io import PDDLReader
    from unified_planning.shortcuts import OneshotPlanner

    planning.shortcuts.get_environment().credits_stream = None
    for name, content in export_files("pddl", graph, LABELS, goals).items():
        (folder / name).write_bytes(content)
    problem = PDDLReader().parse_problem(str(folder / "domain.pddl"), str(folder / "problem.pddl"))
    with OneshotPlanner(name="fast-downward") as planner:
        result = planner.solve(problem)
    if result.status not in (Status.SOLVED_SATISFICING, Status.SOLVED_OPTIMALLY):
        return None
    return [(a.action.name, [str(p) for p in a.actual_parameters]) for a in result.plan.actions]


def check_route(steps: list[tuple[str, list[str]]], graph: SceneGraph) -> list[NodeSymbol]:
    """The places in turn; each step is along an edge that is wide enough."""
    rows = [
        [NodeSymbol("p", int(name[1:])) for name in args] for verb, args in steps if verb == "goto"
    ]
    for (a, b), after in zip(rows, [*rows[1:], None], strict=True):
        assert graph.get_edge(a, b).weight >= 0.2
        assert after is None or after[0] == b
    return [row[1] for row in rows]


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
