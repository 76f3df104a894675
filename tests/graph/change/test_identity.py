"""Which of those that came is which of those that went."""

from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.graph.change.identity import Candidate, MatchRule, match
from hydra_mono.graph.change.samples import Appearance
from hydra_mono.graph.model.symbols import NodeSymbol

RULE = MatchRule()
RED, BLUE, GREEN = (200.0, 40.0, 40.0), (40.0, 40.0, 200.0), (40.0, 180.0, 40.0)
CHAIR = (0.2, 0.2, 0.2, 0.2, 0.2)
STOOL = (0.0, 0.0, 0.0, 0.1, 0.9)


def one(
    number: int,
    color: tuple[float, ...] = RED,
    *,
    label: int = 7,
    size: tuple[float, float, float] = (0.45, 0.5, 0.9),
    profile: tuple[float, ...] = CHAIR,
    after_ns: int = 10,
    before_ns: int = 20,
) -> Candidate:
    appearance = Appearance(color, profile)
    return Candidate(NodeSymbol("O", number), label, size, appearance, after_ns, before_ns)


def test_one_that_went_and_its_like_that_came_are_one() -> None:
    turned = one(1, size=(0.5, 0.47, 0.88))
    assert match([one(0)], [turned], RULE) == [(0, 0)]


def test_another_label_size_shape_or_colour_is_another_object() -> None:
    others = [
        one(1, label=8),
        one(2, size=(0.45, 0.5, 1.3)),
        one(3, profile=STOOL),
        one(4, BLUE),
    ]
    assert match([one(0)], others, RULE) == []


def test_colours_tell_apart_what_else_is_equal() -> None:
    went = [one(0, RED), one(1, BLUE), one(2, GREEN)]
    came = [one(5, GREEN), one(6, RED), one(7, BLUE)]
    assert match(went, came, RULE) == [(0, 1), (1, 2), (2, 0)]


def test_of_two_equal_chairs_nobody_can_tell_which_is_which() -> None:
    assert match([one(0), one(1)], [one(5)], RULE) == []
    assert match([one(0)], [one(5), one(6)], RULE) == []
    assert match([one(0), one(1)], [one(5), one(6)], RULE) == []


def test_what_was_seen_in_both_places_at_once_is_two() -> None:
    went = one(0, after_ns=100, before_ns=200)
    assert match([went], [one(1, after_ns=10, before_ns=90)], RULE) == []
    assert match([went], [one(1, after_ns=10, before_ns=150)], RULE) == [(0, 0)]
    assert match([went], [one(1, after_ns=300, before_ns=400)], RULE) == []


@given(st.integers(0, 6), st.integers(0, 6))
def test_no_object_is_matched_twice(went: int, came: int) -> None:
    colors = (RED, BLUE, GREEN)
    pairs = match(
        [one(i, colors[i % 3]) for i in range(went)],
        [one(10 + i, colors[i % 3]) for i in range(came)],
        RULE,
    )
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
