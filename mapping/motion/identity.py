"""Whether one who comes into view is one who was lost: by clothes and height, as odds.

Likelihood ratios of differences, as for face and person verification (Duda, Hart and Stork,
*Pattern Classification*, 2001, chapter 2), with a prior that people stay in a building.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hydra_mono.mapping.motion.appearance import Appearance


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """Differences of looks and of height, and when one is known again.

    Looks: measured in simulated worlds 1002 and 1003, of one person seen again after 5 to 60 s (35
    pairs) and of two (40 pairs).
    """

    same_looks: float = 0.23  # mean difference of looks of one person, and
    same_deviation: float = 0.11  # its deviation: he is seen from behind, or sits
    other_looks: float = 0.52  # mean of two people, and
    other_deviation: float = 0.12  # its deviation,
    alike_share: float = 0.1  # but for some, who may be clothed in anything
    tall_m: float = 0.07  # deviation of one person's height, seen twice
    bent_m: float = 0.25  # and of one who sits or bends,
    bent_share: float = 0.3  # who are so many
    other_tall_m: float = 0.3  # deviation of the heights of two, children among them
    returns: float = 0.8  # prior that who comes is one of those lost, who share it
    sure: float = 0.95  # probability at which no more has to be seen of somebody, and
    likely: float = 0.6  # that is enough after
    decide_frames: int = 8  # frames in which he is seen: a second, or two


def odds(difference: float | None, tall_gap_m: float | None, rule: IdentityRule) -> float:
    """Likelihood of the differences of one person, against that of two; 1 where nothing is known.

    ``difference`` of looks, ``tall_gap_m`` of heights; None where not seen.
    """
    ratio = 1.0
    if difference is not None:
        same = _normal(difference - rule.same_looks, rule.same_deviation)
        if difference < rule.same_looks:
            same = _normal(0.0, rule.same_deviation)  # nothing is too much alike
        other = _normal(difference - rule.other_looks, rule.other_deviation)
        ratio *= same / ((1 - rule.alike_share) * other + rule.alike_share)
    if tall_gap_m is not None:
        upright, bent = _normal(tall_gap_m, rule.tall_m), _normal(tall_gap_m, rule.bent_m)
        same = (1 - rule.bent_share) * upright + rule.bent_share * bent
        ratio *= same / _normal(tall_gap_m, rule.other_tall_m)
    return ratio


def probabilities(ratios: Sequence[float], rule: IdentityRule) -> list[float]:
    """That somebody is each of the lost, of whom he can be one at most."""
    if not ratios:
        return []
    each = [rule.returns / len(ratios) * ratio for ratio in ratios]
    total = sum(each) + 1 - rule.returns
    return [value / total for value in each]


def least_difference(one: Sequence[Appearance], other: Sequence[Appearance]) -> float | None:
    """Of looks remembered of two, the pair most alike; None where no part was seen of both."""
    known = [a.difference(b) for a in one for b in other]
    return min((value for value in known if value is not None), default=None)


def _normal(off: float, deviation: float) -> float:
    return math.exp(-0.5 * (off / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
