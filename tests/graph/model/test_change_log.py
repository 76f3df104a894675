from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.graph.model.change_log import ChangeLog

moves = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(("toggle", "change"))))


def test_a_key_born_and_lost_between_looks_is_reported_as_neither() -> None:
    log: ChangeLog[str] = ChangeLog()
    log.add("a")
    log.remove("a")
    assert list(log.since(0)) == [("a", False, False)]


def test_a_key_lost_and_born_again_between_looks_has_changed() -> None:
    log: ChangeLog[str] = ChangeLog()
    log.add("a")
    seen = log.version
    log.remove("a")
    log.add("a")
    assert list(log.since(seen)) == [("a", True, True)]


def test_a_look_costs_only_the_news() -> None:
    log: ChangeLog[int] = ChangeLog()
    for key in range(1000):
        log.add(key)
    seen = log.version
    log.change(3)
    assert list(log.since(seen)) == [(3, True, True)]
    assert list(log.since(log.version)) == []


@given(moves)
def test_from_any_version_the_log_tells_what_sets_of_then_and_now_tell(
    steps: list[tuple[str, str]],
) -> None:
    log: ChangeLog[str] = ChangeLog()
    alive: set[str] = set()
    history = [frozenset(alive)]
    touched_at: list[str] = []
    for key, move in steps:
        if move == "toggle":
            (log.remove if key in alive else log.add)(key)
            alive ^= {key}
        elif key in alive:
            log.change(key)
        else:
            continue
        history.append(frozenset(alive))
        touched_at.append(key)
    assert log.version == len(touched_at)
    for version, then in enumerate(history):
        told = {key: (before, now) for key, before, now in log.since(version)}
        expected = {key: (key in then, key in alive) for key in touched_at[version:]}
        assert told == expected
