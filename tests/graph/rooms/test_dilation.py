"""Persistent dilation against known vectors, networkx and hand-made plateaus."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.graph.rooms.dilation import Step, best_plateau, components_at, filtration

PATH_NODES = np.array([1.0, 2.0, 3.0, 4.0])
PATH_EDGES = np.array([[0, 1], [1, 2], [2, 3]])
PATH_CLEARANCE = np.array([0.2, 0.3, 0.4])


@pytest.mark.parametrize(
    ("min_size", "components"), [(1, [1, 2, 3, 4, 3, 2, 1]), (2, [1, 1, 1, 0, 0, 0, 0])]
)
def test_a_path_falls_apart_at_its_edges_and_then_its_nodes(
    min_size: int, components: list[int]
) -> None:
    steps = filtration(PATH_NODES, PATH_EDGES, PATH_CLEARANCE, min_size)
    assert [step.dilation_m for step in steps] == [0.2, 0.3, 0.4, 1.0, 2.0, 3.0, 4.0]
    assert [step.components for step in steps] == components


@pytest.mark.parametrize(("ratio", "expected"), [(0.1, (0.5, 2)), (0.4, (0.1, 1)), (0, (0.7, 3))])
def test_the_best_plateau_has_most_components_of_those_that_last(
    ratio: float, expected: tuple[float, int]
) -> None:
    counts = [1, 1, 1, 1, 2, 2, 3, 2]
    steps = [Step(round(0.1 * (i + 1), 1), count) for i, count in enumerate(counts)]
    plateau = best_plateau(steps, ratio)
    assert plateau is not None
    assert (plateau.dilation_m, plateau.components) == expected


def test_no_steps_have_no_plateau() -> None:
    assert best_plateau([], 0.2) is None


clearances = st.floats(0.1, 3.0).map(lambda value: round(value, 1))


@st.composite
def place_graphs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nodes = draw(st.lists(clearances, min_size=2, max_size=12))
    pairs = [(a, b) for b in range(len(nodes)) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True))
    weights = [min(draw(clearances), nodes[a], nodes[b]) for a, b in edges]
    return np.array(nodes), np.array(edges, dtype=np.int64).reshape(-1, 2), np.array(weights)


def surviving(graph: tuple[np.ndarray, np.ndarray, np.ndarray], dilation_m: float) -> nx.Graph:
    nodes, edges, weights = graph
    oracle = nx.Graph()
    oracle.add_nodes_from(np.flatnonzero(nodes >= dilation_m).tolist())
    oracle.add_edges_from(edges[weights >= dilation_m].tolist())
    return oracle


@given(place_graphs(), st.integers(1, 4))
def test_every_step_counts_what_networkx_counts(
    graph: tuple[np.ndarray, np.ndarray, np.ndarray], min_size: int
) -> None:
    for step in filtration(*graph, min_size):
        parts = nx.connected_components(surviving(graph, step.dilation_m))
        assert step.components == sum(len(part) >= min_size for part in parts)


@given(place_graphs(), clearances)
def test_components_at_a_dilation_are_those_of_networkx(
    graph: tuple[np.ndarray, np.ndarray, np.ndarray], dilation_m: float
) -> None:
    found = components_at(*graph, dilation_m)
    expected = np.full(len(graph[0]), -1)
    for part in nx.connected_components(surviving(graph, dilation_m)):
        expected[list(part)] = min(part)
    assert np.array_equal(found, expected)
