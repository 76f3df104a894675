"""Cypher on the house of known rooms says what the verbs say."""

import sys

import pytest
from helpers_query import LABELS, ask_house

from hydra_mono.core.errors import MissingDependencyError, QueryError
from hydra_mono.graph.query.cypher import cypher
from hydra_mono.graph.query.questions import Questions
from hydra_mono.graph.query.snapshot.index import index_of

pytest.importorskip("grandcypher")
INDEX = index_of(ask_house(), LABELS)
IN_ROOM = "(r:Room)-[:CONTAINS]->(p:Place)-[:CONTAINS]->(o:Object)"


def test_objects_of_a_class_in_a_room() -> None:
    rows = cypher(
        INDEX, f'MATCH {IN_ROOM} WHERE r.name = "kitchen" AND o.class = "chair" RETURN o.id, o.name'
    )
    told = Questions.on(INDEX).objects("chair", room="kitchen").items
    assert {(row["o.id"], row["o.name"]) for row in rows} == {(str(f.id), f.name) for f in told}


def test_counts_by_room_leave_out_what_is_gone() -> None:
    rows = cypher(INDEX, f"MATCH {IN_ROOM} RETURN r.name, COUNT(o)")
    assert {row["r.name"]: row["COUNT(o)"] for row in rows} == {"kitchen": 4, "room 2": 1}


def test_places_within_two_hops_are_reached_both_ways() -> None:
    text = 'MATCH (p:Place)-[:PLACE_CONNECTED*1..2]->(q:Place) WHERE p.id = "p(22)" RETURN q.id'
    found = {row["q.id"] for row in cypher(INDEX, text)}
    assert {"p(27)", "p(21)", "p(12)"} <= found
    assert "p(37)" not in found


def test_whole_nodes_are_plain() -> None:
    (row,) = cypher(INDEX, 'MATCH (r:Room) WHERE r.name = "kitchen" RETURN r')
    assert row["r"]["id"] == "R(0)" and row["r"]["class"] == "kitchen"


@pytest.mark.parametrize("text", ["", "MATCH (x", "CREATE (x:Object)", "MATCH (o) RETURN p"])
def test_what_cannot_be_run_is_one_line(text: str) -> None:
    with pytest.raises(QueryError) as caught:
        cypher(INDEX, text)
    assert "\n" not in str(caught.value)


def test_without_the_package_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grandcypher", None)
    with pytest.raises(MissingDependencyError, match=r"hydra-mono\[cypher\]"):
        cypher(INDEX, "MATCH (o) RETURN o")
