"""Maps between label spaces: nothing is left out, and nothing is called what it is not."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from hydra_mono.core.errors import DataError
from hydra_mono.core.label_map import LabelMap, load_label_map
from hydra_mono.core.labels import load_label_space

FOLDER = Path(__file__).resolve().parents[2] / "configs" / "labels" / "maps"
MAPS = sorted(tuple(path.stem.split("_to_")) for path in FOLDER.glob("*.yaml"))
GLAZED = ("window", "blind", "curtain")


def target_of(mapping: LabelMap, name: str) -> str:
    label = next(label for label in mapping.source.labels if label.name == name)
    return mapping.target.name_of(int(mapping.table[label.id]))


def test_every_label_space_of_a_reader_has_a_map_to_nyu40() -> None:
    sources = {source for source, target in MAPS if target == "nyu40"}
    assert sources == {"apartment", "scannet20", "replica", "ade20k"}
    assert ("nyu40", "nyud21") in MAPS


@pytest.mark.parametrize(("source", "target"), MAPS)
def test_a_map_is_total_and_leads_to_labels_that_exist(source: str, target: str) -> None:
    mapping = load_label_map(source, target)
    ids = {label.id for label in mapping.target.labels}
    for label in mapping.source.labels:
        assert int(mapping.table[label.id]) in ids, label.name
    known = {label.id for label in mapping.source.labels}
    assert not mapping.table[[i for i in range(256) if i not in known]].any()
    document = yaml.safe_load((FOLDER / f"{source}_to_{target}.yaml").read_text())
    assert (document["source"], document["target"]) == (source, target)
    assert set(document["names"]) == {label.name for label in mapping.source.labels}


@pytest.mark.parametrize(("source", "target"), MAPS)
def test_windows_blinds_and_curtains_never_become_stairs(source: str, target: str) -> None:
    mapping = load_label_map(source, target)
    stairs = set(mapping.target.ids_with_role("stairs"))
    glazed = [label for label in mapping.source.labels if any(w in label.name for w in GLAZED)]
    assert glazed
    for label in glazed:
        found = int(mapping.table[label.id])
        assert found not in stairs and "stair" not in mapping.target.name_of(found), label.name


@pytest.mark.parametrize(("source", "target"), MAPS)
def test_structure_keeps_its_role(source: str, target: str) -> None:
    """Rooms are found from roles; stairs alone have none in NYU40."""
    mapping = load_label_map(source, target)
    for label in mapping.source.labels:
        if label.role and label.role != "stairs":
            found = mapping.target.find(int(mapping.table[label.id]))
            assert found is not None and found.role == label.role, label.name


@pytest.mark.parametrize(("source", "target"), MAPS)
def test_only_people_become_people(source: str, target: str) -> None:
    mapping = load_label_map(source, target)
    agents = set(mapping.target.ids("agent"))
    names = {
        label.name for label in mapping.source.labels if int(mapping.table[label.id]) in agents
    }
    assert names <= {"person"}


def test_nyud21_mends_what_the_published_map_calls_wrongly() -> None:
    mapping = load_label_map("nyu40", "nyud21")
    names = {label.name for label in mapping.target.labels}
    assert not names & {"stairs", "plant", "dynamic-nonhuman"}
    assert len(names) == 20  # and unknown
    assert target_of(mapping, "window") == "window"
    assert {target_of(mapping, name) for name in ("blinds", "curtain")} == {"window_covering"}
    assert target_of(mapping, "otherstructure") == "structure"
    assert target_of(mapping, "otherfurniture") == "furniture"
    assert target_of(mapping, "otherprop") == "thing"
    assert set(mapping.target.ids("agent")) == {20}


def test_nyud21_frees_the_ids_of_the_classes_it_withdraws() -> None:
    """Settings written for the published classes must not meet a window under stairs' number."""
    space = load_label_space("nyud21")
    assert not {5, 8, 19} & {label.id for label in space.labels}
    assert len({label.color for label in space.labels}) == len(space.labels)


def test_maps_can_follow_one_another() -> None:
    coarse = load_label_map("nyu40", "nyud21").table
    for source, name in (("ade20k", "windowpane"), ("replica", "window"), ("apartment", "window")):
        first = load_label_map(source, "nyu40")
        label = next(label for label in first.source.labels if label.name == name)
        assert load_label_space("nyud21").name_of(int(coarse[first.table[label.id]])) == "window"


def test_a_space_maps_to_itself_without_a_file() -> None:
    mapping = load_label_map("nyu40", "nyu40")
    assert np.array_equal(mapping.table, np.arange(256))


def test_a_map_that_is_not_there_is_named() -> None:
    for source, target in pairwise(["nyud21", "nyu40", "ade20k"]):
        with pytest.raises(DataError, match=f"no label map from '{source}' to '{target}'"):
            load_label_map(source, target)
