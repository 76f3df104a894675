"""Finds how a second visit's map lies in that of the first, or says that it is not sure."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hydra_mono.graph.align.candidates import candidates
from hydra_mono.graph.align.fit import Agreement, Surfaces, agreement, refined
from hydra_mono.graph.align.transform import Matrix, differ, yaw_of
from hydra_mono.graph.align.views import MapView


@dataclass(frozen=True, slots=True)
class AlignRule:
    """When to believe an alignment.

    Args:
        coarse_m, fine_m: off a surface and still on it, before and after refinement: half a
            candidate's cell with a turn off by a degree; two voxels of noise.
        refined: candidates that are refined at most, best first; ``promising``: of the best
            one's quality, for a candidate to be refined.
        least_sides: points of sides that a map must have, one a cell of 10 cm: 5 m² of wall.
        least_share: of the sides that both maps know they agree on; 20 % of what is movable is
            a twentieth of a home's sides, and homes that differ agree on 71 % at most.
        least_overlap: of the smaller map's sides that lie on the other's; walls of homes that
            differ fall together on a third.
        most_rival: quality of the next best other pose, of the best one's: a room of four equal
            walls fits as well after half a turn.
        apart_m, apart_deg: other poses differ by so much.
    """

    coarse_m: float = 0.2
    fine_m: float = 0.06
    refined: int = 6
    promising: float = 0.6
    least_sides: int = 500
    least_share: float = 0.82
    least_overlap: float = 0.4
    most_rival: float = 0.8
    apart_m: float = 0.5
    apart_deg: float = 10.0


RULE = AlignRule()


@dataclass(frozen=True, slots=True)
class Alignment:
    """How a map lies in another. ``certainty``: 0 to 1; ``doubt``: why it is not believed, or "".

    ``share``, ``overlap``: see ``Agreement``. ``rival``: quality of the next best other pose, as a
    share of this one's.
    """

    target_from_source: Float64[np.ndarray, "4 4"]
    share: float
    overlap: float
    rival: float
    doubt: str = ""

    @property
    def is_sure(self) -> bool:
        return not self.doubt

    @property
    def certainty(self) -> float:
        """How much of what both maps know fits, less what fits as well elsewhere."""
        return round(self.share * max(1.0 - self.rival**2, 0.0), 4)

    @property
    def yaw_rad(self) -> float:
        return yaw_of(self.target_from_source)


def align(source: MapView, target: MapView, rule: AlignRule = RULE) -> Alignment:
    """The pose ``target_from_source``; look at ``is_sure`` before it is used."""
    if min(int(view.upright.sum()) for view in (source, target)) < rule.least_sides:
        return Alignment(np.eye(4), 0.0, 0.0, 1.0, "one of the maps has hardly any upright surface")
    poses = list(candidates(source, target))
    a, b = Surfaces(source), Surfaces(target)
    coarse = np.array(
        [agreement(a, b, pose, rule.coarse_m, is_quick=True).quality for pose in poses]
    )
    order = np.argsort(-coarse, kind="stable")
    ranked = [poses[i] for i in order.tolist() if coarse[i] >= rule.promising * coarse.max()]
    middle_m = source.surface_m.mean(axis=0)
    found = [
        (agreement(a, b, pose, rule.fine_m), pose)
        for pose in (refined(a, b, start) for start in _distinct(ranked, middle_m, rule))
    ]
    found.sort(key=lambda entry: -entry[0].quality)
    best, pose = found[0]
    others = [q for q, other in found[1:] if _is_other(pose, other, middle_m, rule)]
    rival = max((q.quality for q in others), default=0.0) / max(best.quality, 1e-9)
    return Alignment(pose, best.share, best.overlap, rival, _doubt(best, rival, rule))


def _distinct(poses: list[Matrix], middle_m: np.ndarray, rule: AlignRule) -> list[Matrix]:
    """The first poses that differ from one another, as many as are refined."""
    kept: list[Matrix] = []
    for pose in poses:
        if all(_is_other(pose, other, middle_m, rule) for other in kept):
            kept.append(pose)
        if len(kept) == rule.refined:
            break
    return kept


def _is_other(a: Matrix, b: Matrix, middle_m: np.ndarray, rule: AlignRule) -> bool:
    return differ(a, b, rule.apart_m, math.radians(rule.apart_deg), middle_m)


def _doubt(best: Agreement, rival: float, rule: AlignRule) -> str:
    share, least = best.overlap, rule.least_overlap
    if share < least:
        return f"they share {share:.0%} of their walls at best, less than {least:.0%}"
    share, least = best.share, rule.least_share
    if share < least:
        return f"where they overlap, {share:.0%} of the surfaces agree, less than {least:.0%}"
    if rival > rule.most_rival:
        return f"another pose fits nearly as well ({rival:.0%})"
    return ""
