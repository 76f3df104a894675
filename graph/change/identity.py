"""Which object that appeared is one that vanished: the same, moved while nobody looked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.optimize import linear_sum_assignment

from hydra_mono.graph.change.samples import Appearance
from hydra_mono.graph.model.symbols import NodeSymbol


@dataclass(frozen=True, slots=True)
class MatchRule:
    """How alike two objects must be to be one, and how much more so than any others."""

    size_m: float = 0.12  # of a side's length: two voxels and a side that was completed
    size_share: float = 0.25  # of a side's length, whichever is more
    color: float = 36.0  # mean RGB, Euclidean: light and the side that is seen change a coat's
    profile: float = 0.5  # share of the surface that lies at another height
    lead: float = 0.35  # of the cost (each gate costs 1) by which the best must be ahead


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object that went, or came, within (``after_ns``, ``before_ns``]."""

    symbol: NodeSymbol
    label: int
    dimensions_m: tuple[float, float, float]
    appearance: Appearance
    after_ns: int
    before_ns: int


def match(
    vanished: Sequence[Candidate], appeared: Sequence[Candidate], rule: MatchRule
) -> list[tuple[int, int]]:
    """Pairs (index of vanished, index of appeared) that are one object; the cheapest assignment.

    A pair is left apart where another fits either of the two nearly as well: of two equal chairs
    that changed places nobody can tell which is which.
    """
    if not vanished or not appeared:
        return []
    costs = np.array([[_cost(one, other, rule) for other in appeared] for one in vanished])
    allowed = np.isfinite(costs)
    rows, columns = linear_sum_assignment(np.where(allowed, costs, 1e6))
    return [
        (row, column)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if allowed[row, column] and _is_ahead(costs, row, column, rule.lead)
    ]


def _is_ahead(costs: Float64[np.ndarray, "v a"], row: int, column: int, lead: float) -> bool:
    rivals = np.concatenate([np.delete(costs[row], column), np.delete(costs[:, column], row)])
    return bool(np.all(rivals > costs[row, column] + lead))


def _cost(one: Candidate, other: Candidate, rule: MatchRule) -> float:
    """Sum of differences, each in units of its gate; infinite beyond any gate."""
    if one.label != other.label or not _in_time(one, other):
        return float("inf")
    a, b = _sides(one), _sides(other)
    size = np.abs(a - b) / np.maximum(rule.size_m, rule.size_share * np.maximum(a, b))
    color = np.subtract(one.appearance.color, other.appearance.color)
    profile = np.subtract(one.appearance.profile, other.appearance.profile)
    terms = np.array(
        [*size, np.linalg.norm(color) / rule.color, np.abs(profile).sum() / 2 / rule.profile]
    )
    return float(terms.sum()) if (terms <= 1).all() else float("inf")


def _in_time(gone: Candidate, come: Candidate) -> bool:
    """Whether it may have come after it went, without a time in which it was in neither place."""
    return come.before_ns > gone.after_ns and come.after_ns < gone.before_ns


def _sides(candidate: Candidate) -> Float64[np.ndarray, "3"]:
    """Shorter and longer side on the floor, and the height: a turned object has the same."""
    width, depth, height = candidate.dimensions_m
    return np.array([min(width, depth), max(width, depth), height])
