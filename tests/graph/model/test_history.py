"""The news and the past of keys against sets and dicts that remember everything."""

from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.graph.model.history import Changes, History, changes_in
from hydra_mono.graph.model.symbols import NodeSymbol

moves = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(("put", "drop")), st.integers(0, 3)),
    max_size=60,
)


def test_a_key_born_and_lost_between_looks_is_reported_as_neither() -> None:
    history: History[str, int] = History()
    history.put("a", 1, 0)
    history.drop("a", 0)
    assert list(history.since(0)) == [("a", False, False)]


def test_a_key_lost_and_born_again_between_looks_has_changed() -> None:
    history: History[str, int] = History()
    history.put("a", 1, 0)
    seen = history.version
    history.drop("a", 1)
    history.put("a", 2, 1)
    assert list(history.since(seen)) == [("a", True, True)]


def test_a_look_costs_only_the_news() -> None:
    history: History[int, int] = History()
    for key in range(1000):
        history.put(key, 0, 0)
    seen = history.version
    history.put(3, 1, 1)
    assert list(history.since(seen)) == [(3, True, True)]
    assert list(history.since(history.version)) == []


def test_news_are_sorted_and_in_one_list_each() -> None:
    history: History[NodeSymbol, int] = History()
    kept, gone, late = (NodeSymbol("O", number) for number in (5, 4, 3))
    history.put(kept, 0, 0)
    history.put(gone, 0, 0)
    seen = history.version
    history.put(kept, 1, 1)
    history.drop(gone, 1)
    history.put(late, 0, 1)
    assert changes_in(history, seen) == Changes(new=(late,), changed=(kept,), removed=(gone,))


@given(moves)
def test_from_any_version_the_news_tell_what_sets_of_then_and_now_tell(
    steps: list[tuple[str, str, int]],
) -> None:
    history: History[str, int] = History(max_past=4)
    sets, touched = [frozenset[str]()], []
    for stamp_ns, (key, move, value) in enumerate(steps):
        if move == "drop" and key not in sets[-1]:
            continue
        history.put(key, value, stamp_ns) if move == "put" else history.drop(key, stamp_ns)
        sets.append(sets[-1] | {key} if move == "put" else sets[-1] - {key})
        touched.append(key)
    assert history.version == len(touched)
    for version, then in enumerate(sets):
        told = {key: (before, now) for key, before, now in history.since(version)}
        assert told == {key: (key in then, key in sets[-1]) for key in touched[version:]}


def played(history: History[str, int], steps: list[tuple[str, str, int]]) -> list[dict[str, int]]:
    """What there was after each instant; instants take one to three steps."""
    world: dict[str, int] = {}
    past = []
    for number, (key, move, value) in enumerate(steps):
        if move == "put":
            history.put(key, value, len(past))
            world[key] = value
        elif key in world:
            history.drop(key, len(past))
            del world[key]
        if number % 3 != 1:
            past.append(dict(world))
    return past


@given(moves)
def test_every_instant_is_told_as_it_was(steps: list[tuple[str, str, int]]) -> None:
    history: History[str, int] = History()
    for stamp_ns, world in enumerate(played(history, steps)):
        assert dict(history.at(stamp_ns)) == world
    assert dict(history.at(-1)) == {}


@given(moves, st.integers(0, 12))
def test_a_bounded_past_is_small_and_told_no_staler_than_a_slot(
    steps: list[tuple[str, str, int]], max_past: int
) -> None:
    history: History[str, int] = History(max_past=max_past)
    past = [{}, *played(history, steps)]
    assert history.past_count <= max(max_past, 0)
    versions = {key: history.versions(key) for key in "abcd"}
    lasting = sum(bool(rows) and rows[-1][1] is not None for rows in versions.values())
    assert history.past_count == sum(map(len, versions.values())) - lasting
    for stamp_ns in range(len(past) - 1):
        told = dict(history.at(stamp_ns))
        since = max(0, stamp_ns + 1 - max(history.slot_ns, 0)) if history.slot_ns else stamp_ns + 1
        recent = past[since : stamp_ns + 2]
        for key in "abcd":
            assert told.get(key) in [world.get(key) for world in recent]


def test_values_that_are_alike_take_each_others_place() -> None:
    history: History[str, int] = History(is_minor=lambda before, after: abs(after - before) < 2)
    for stamp_ns, value in enumerate((10, 11, 12, 20)):
        history.put("a", value, stamp_ns)
    assert history.versions("a") == [(0, 12), (3, 20)]


def test_an_unknown_key_has_no_versions() -> None:
    assert History[str, int]().versions("a") == []
