"""Label spaces: those that are shipped, and those that lie beside a sequence."""

from pathlib import Path

import numpy as np
import pytest
from helpers_datasets import HYDRA_LABELS

from hydra_mono.core.errors import DataError
from hydra_mono.core.labels import load_label_space
from hydra_mono.datasets.label_file import find_label_table
from hydra_mono.datasets.labels import LabelTable, identity_table


def test_nyu40_has_the_field_s_classes() -> None:
    space = load_label_space("nyu40")
    assert [label.id for label in space.labels] == list(range(1, 41))
    assert {space.name_of(i) for i in space.ids("agent")} == {"person"}
    assert space.color_of(1) == (174, 199, 232)
    assert len({label.color for label in space.labels}) == 40
    assert {space.name_of(i) for i in space.ids_with_role("wall", "ceiling", "door")} == {
        "wall",
        "ceiling",
        "door",
    }
    assert space.ids_with_role("stairs") == ()
    small = load_label_space("scannet20")
    assert len(small.labels) == 20
    assert all(space.find(label.id) == label for label in small.labels)


@pytest.mark.parametrize("name", ["ade20k", "replica", "nyu40", "scannet20"])
def test_shipped_label_spaces_know_structure_and_people(name: str) -> None:
    space = load_label_space(name)
    for role in ("wall", "floor", "door", "window"):
        assert space.ids_with_role(role), role
    assert space.object_ids
    assert {label.kind for label in space.labels if label.role} == {"structure"}
    if name in ("ade20k", "nyu40"):
        assert "person" in [space.name_of(i) for i in space.ids("agent")]


def test_hydra_s_label_space_keeps_its_meaning(tmp_path: Path) -> None:
    (tmp_path / "label_space.yaml").write_text(HYDRA_LABELS)
    table = find_label_table(tmp_path)
    assert table is not None
    space = table.space
    kinds = {label.name: label.kind for label in space.labels}
    assert kinds == {
        "chair": "object",
        "wall": "structure",
        "pavement": "structure",
        "lamp": "object",
        "human": "agent",
        "sky": "ignored",
    }
    assert space.ids_with_role("wall") == (1,)
    assert space.ids_with_role("floor") == (2,)
    assert space.name_of(255) == "chair"
    assert len({label.color for label in space.labels}) == 6


def test_a_table_counts_what_it_does_not_know() -> None:
    table = LabelTable({5: 1, 900: 2, 901: 77}, load_label_space("nyu40"))
    raw = np.array([[0, 5, 900], [901, 6, 65535]], np.uint16)
    assert table(raw, "000007").tolist() == [[0, 1, 2], [0, 0, 0]]
    assert table.unknown_pixels == 2
    table(raw, "000008")
    assert table.unknown_pixels == 4


def test_an_identity_table_keeps_the_space_s_ids() -> None:
    table = identity_table(load_label_space("scannet20"))
    assert table(np.array([[1, 13, 39]], np.uint16), "000000").tolist() == [[1, 0, 39]]
    assert table.unknown_pixels == 1


@pytest.mark.parametrize("width", ["-0.1", "inf", "wide"])
def test_a_least_width_that_is_none_is_refused(width: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    entry = f"{{id: 1, name: chair, color: [1, 2, 3], kind: movable, least_width: {width}}}"
    file.write_text(f"name: odd\nlabels:\n  - {entry}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"odd\.yaml"):
        load_label_space(file)
