"""What people say of the graph stays: over updates, and over saving and loading."""

import pytest
from helpers_graph import TABLE, box_mesh, floor_mesh, object_world, standing_box
from helpers_query import LABELS, ask_house, symbol

from hydra_mono.core.errors import QueryError
from hydra_mono.graph.io.graph_json import from_text, to_document, to_text
from hydra_mono.graph.model.nodes import Node
from hydra_mono.graph.query.edits import take_edits_over
from hydra_mono.graph.query.questions import Questions


def node(questions: Questions, name: str) -> Node:
    return questions.snapshot().graph.get_node(symbol(name))


def edited_house() -> Questions:
    asked = Questions(ask_house(), LABELS)
    asked.rename("chair 2", "grandma's chair")
    asked.rename("room 2", "study")
    asked.remove("box")
    asked.add("chair", (6.0, 1.0, 0.4), (0.5, 0.5, 0.9))
    return asked


def check(asked: Questions) -> None:
    throne = asked.where("grandma's chair").items[0]
    assert (str(throne.id), throne.category, throne.provenance) == ("O(2)", "chair", "edited")
    assert asked.where("chair 6").items[0].room == "study"
    assert asked.where("O(1)").status == "none"
    assert asked.objects("box").status == "none"
    assert asked.objects("chair").items[0].name == "grandma's chair"


def test_edits_are_told_as_such() -> None:
    check(edited_house())


def test_edits_survive_saving_and_loading() -> None:
    graph = edited_house().snapshot().graph
    loaded = from_text("".join(to_text(to_document(graph, LABELS))))
    check(Questions(loaded.graph, loaded.labels))


def test_edits_can_be_repeated_on_another_graph_of_the_same_symbols() -> None:
    again = ask_house()
    take_edits_over(edited_house().snapshot().graph, again)
    check(Questions(again, LABELS))


def test_edits_survive_later_updates_of_the_map() -> None:
    world = object_world()
    table = box_mesh(standing_box(1, 1, (1.2, 0.8, 0.75)), TABLE)
    larger = box_mesh(standing_box(1, 1, (1.4, 0.8, 0.75)), TABLE)
    other = box_mesh(standing_box(1, 4, (0.8, 0.8, 0.75)), TABLE)
    floor = floor_mesh((-1, -1), (3, 6))
    world.show(table, other, floor)
    asked = Questions(world.graph)
    asked.rename("O(0)", "desk")
    asked.remove("O(1)")
    before = world.objects["O(0)"].box
    world.show(larger, other, floor)
    world.show(larger, floor)  # the other one is taken away, and comes back
    world.show(larger, other, floor)
    world.archive_everything()
    assert world.objects["O(0)"].name == "desk"
    assert world.objects["O(0)"].box != before
    assert not world.objects["O(1)"].is_present
    assert [str(item.id) for item in asked.objects().items] == ["O(0)"]


def test_the_whole_takes_over_the_name_of_its_part() -> None:
    world = object_world()
    floor = floor_mesh((-1, -1), (6, 3))
    halves = [box_mesh(standing_box(x, 1, (0.8, 0.8, 0.75)), TABLE) for x in (1, 2.2)]
    world.show(*halves, floor)
    Questions(world.graph).rename("O(1)", "workbench")
    world.show(box_mesh(standing_box(1.6, 1, (2.0, 0.8, 0.75)), TABLE), floor)
    present = [n for n in world.objects.values() if n.is_present]
    assert [n.name for n in present] == ["workbench"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("chair 2", "", "characters"),
        ("chair 2", "x" * 81, "characters"),
        ("chair 2", "table 0", "taken"),
        ("sofa", "x", "no 'sofa'"),
    ],
)
def test_names_that_cannot_be_given(old: str, new: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        Questions(ask_house(), LABELS).rename(old, new)


def test_what_was_not_seen_since_the_map_was_taken_up_again_is_restored() -> None:
    graph = ask_house()
    now_ns = graph.get_node(symbol("O(0)")).last_seen_ns
    graph.update_node(symbol("O(2)"), last_seen_ns=now_ns + 10)
    asked = Questions(graph, LABELS, restored_ns=now_ns)
    assert asked.where("table").items[0].provenance == "restored"
    assert asked.where("chair 2").items[0].provenance == "seen"
