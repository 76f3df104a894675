"""Numbers that no map has are refused, with the node and the field that hold them."""

import json
from typing import Any

import pytest
from helpers_exports import LABELS, house_mesh, small_house

from hydra_mono.core.errors import ExportError
from hydra_mono.core.map.ranges import FARTHEST_M
from hydra_mono.graph.io.dsg.reader import from_dsg
from hydra_mono.graph.io.dsg.write import dsg_text
from hydra_mono.graph.io.graph_json import from_document, to_document
from hydra_mono.graph.io.past_json import history_text, read_history

DOCUMENT = json.dumps(to_document(small_house(), LABELS))
DSG = "".join(dsg_text(small_house(), house_mesh(), LABELS))


def damaged(path: str, value: Any, text: str = DOCUMENT) -> Any:
    """The document with one value exchanged; ``nodes O(0) box`` names entries by their id."""
    document = json.loads(text)
    *steps, last = path.split()
    inner = document
    for step in steps:
        if isinstance(inner, dict):
            inner = inner[step]
        else:
            inner = next(entry for entry in inner if step in entry.values())
    assert last in inner
    inner[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("nodes O(0) position_m", [0.0, 2 * FARTHEST_M, 0.0]),
        ("nodes p(3) radius_m", -3.0),
        ("nodes p(3) last_seen_ns", 1 << 63),
        ("nodes O(0) box dimensions_m", [1.0, -1.0, 1.0]),
        ("nodes O(0) box yaw_rad", 1e30),
        ("nodes O(0) probability", 7.0),
        ("nodes O(0) label", 300),
        ("nodes O(0) vertex_count", -1),
        ("nodes O(0) mesh_blocks", [[0, 0, 1 << 40]]),
        ("nodes R(0) outline_m", [[0.0, 1e12]]),
        ("nodes R(0) storey", 10**9),
        ("nodes a(0) quat_wxyz", [0.0, 0.0, 0.0, 0.0]),
        ("nodes B(0) storey_heights_m", [1e300]),
        ("edges p(0) weight", -5.0),
        ("origin_m", [1e300, 0.0, 0.0]),
        ("stamp_ns", 1 << 70),
    ],
)
def test_a_number_out_of_its_range_is_named(path: str, value: Any) -> None:
    *_, last = path.split()
    with pytest.raises(ExportError, match=f"{last}.*(less|greater|length 1|64 bits|integer)"):
        from_document(damaged(path, value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("position", [0.0, 2e8, 0.0]),
        ("last_update_time_ns", 1 << 64),
        ("world_R_body", {"w": 0.0, "x": 0.0, "y": 0.0, "z": 0.0}),
        ("distance", -2.0),
    ],
)
def test_a_foreign_number_out_of_its_range_is_refused(name: str, value: Any) -> None:
    document = json.loads(DSG)
    node = next(entry for entry in document["nodes"] if name in entry["attributes"])
    node["attributes"][name] = value
    with pytest.raises(ExportError, match=r"less than|greater than|length 1"):
        from_dsg(document)


@pytest.mark.parametrize(
    ("field", "value"), [("stamps_ns", [1 << 63]), ("lives", [-1]), ("stamps_ns", [1, 2, 3])]
)
def test_a_past_with_impossible_stamps_is_refused(field: str, value: list[int]) -> None:
    graph = small_house()
    past = json.loads("".join(history_text(graph)))
    past["nodes"]["records"][0][field] = value
    with pytest.raises(ExportError, match="damaged history"):
        read_history(graph, json.dumps(past))
