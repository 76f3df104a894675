"""A real planner on the files that are written for it, and what its plans mean on the map."""

from pathlib import Path

import pytest
from helpers_query import LABELS

from hydra_mono.core.labels import LabelSpace
from hydra_mono.graph.exports import export_files
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol


def solved(
    goals: list[str], graph: SceneGraph, folder: Path, labels: LabelSpace = LABELS
) -> list[tuple[str, list[str]]] | None:
    """The steps of a real planner's plan for the written files: (action, arguments)."""
    planning = pytest.importorskip("unified_planning")
    pytest.importorskip("up_fast_downward")
    from unified_planning.engines import PlanGenerationResultStatus as Status
    from unified_planning.io import PDDLReader
    from unified_planning.shortcuts import OneshotPlanner

    planning.shortcuts.get_environment().credits_stream = None
    for name, content in export_files("pddl", graph, labels, goals).items():
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
