"""Which group goes on being which room."""

from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.rooms.grouping import Claim, claim_rooms

R0, R1 = NodeSymbol("R", 0), NodeSymbol("R", 1)


def test_of_a_split_room_the_larger_part_keeps_the_id() -> None:
    parts = [Claim(held={R0: 3}, rivals={1}), Claim(held={R0: 8}, rivals={0})]
    assert claim_rooms(parts) == {1: R0}


def test_of_two_merged_rooms_the_larger_gives_the_id_and_the_older_at_a_tie() -> None:
    assert claim_rooms([Claim(held={R0: 3, R1: 9})]) == {0: R1}
    assert claim_rooms([Claim(held={R1: 4, R0: 4})]) == {0: R0}


def test_a_group_that_loses_its_first_room_takes_the_next() -> None:
    groups = [Claim(held={R0: 9}), Claim(held={R0: 5, R1: 2})]
    assert claim_rooms(groups) == {0: R0, 1: R1}


def test_two_ends_of_a_room_share_it_unless_a_border_lies_between() -> None:
    ends = [Claim(held={R0: 4}, settled={R0: 1}), Claim(held={R0: 3}, settled={R0: 2})]
    assert claim_rooms(ends) == {0: R0, 1: R0}
    ends[0].rivals, ends[1].rivals = {1}, {0}
    assert claim_rooms(ends) == {0: R0}


rooms = st.integers(0, 3).map(lambda number: NodeSymbol("R", number))
counts = st.dictionaries(rooms, st.integers(1, 9), max_size=3)


@given(st.lists(st.builds(Claim, held=counts, settled=counts), max_size=5))
def test_nobody_gets_a_room_it_had_no_place_of_and_no_claimed_room_is_lost(
    claims: list[Claim],
) -> None:
    taken = claim_rooms(claims)
    assert all(room in claims[group].held for group, room in taken.items())
    for group, claim in enumerate(claims):
        assert group in taken or all(room in taken.values() for room in claim.held)
