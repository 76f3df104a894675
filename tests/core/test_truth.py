"""Truth files read back as they were, or are refused with the key that is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_evaluation import one_room

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.errors import DataError
from hydra_mono.core.truth import AgentTrack, TruthObject, load_truth, save_truth


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_truth(one_room(), tmp_path)
    return tmp_path


def test_truth_reads_back(tmp_path: Path) -> None:
    box = BoundingBox((1.0, 2.0, 0.5), (1.0, 1.0, 1.0), 0.25)
    truth = one_room((TruthObject(3, 5, "chair", box, None, 10**18),))
    track = AgentTrack("person", (1, 2), ((0.0, 1.0, 2.0), (3.0, 4.0, 5.0)))
    object.__setattr__(truth, "agents", (track,))
    save_truth(truth, tmp_path)
    back = load_truth(tmp_path)
    assert (back.label_space, back.objects, back.rooms) == (
        truth.label_space,
        truth.objects,
        truth.rooms,
    )
    assert back.agents == (track,)
    np.testing.assert_array_equal(back.mesh.faces, truth.mesh.faces)
    np.testing.assert_array_equal(back.grid.room, truth.grid.room)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "format": lambda document: document.update(format="other/1"),
    "voxel_size_m": lambda document: document.update(voxel_size_m=0),
    "rooms.0.index": lambda document: document["rooms"][0].update(index="nine"),
    "labels.0.id": lambda document: document["label_space"]["labels"][0].update(id=0),
    "objects": lambda document: document.update(objects=[{"instance": 1}]),
    "agents.0": lambda document: document.update(agents=[3]),
    "extra": lambda document: document.update(extra=1),
}


@pytest.mark.parametrize("key", CHANGES)
def test_a_wrong_value_is_named(folder: Path, key: str) -> None:
    document = json.loads((folder / "truth.json").read_text())
    CHANGES[key](document)
    (folder / "truth.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=key.replace(".", r"\.")):
        load_truth(folder)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("faces", lambda array: array + 10**6),
        ("vertices_m", lambda array: array * np.float32(np.nan)),
        ("face_labels", lambda array: array[:-1]),
        ("free", lambda array: array[:-1]),
        ("room", lambda array: array.astype(np.float64)),
        ("origin_m", lambda array: array[:2]),
    ],
)
def test_arrays_that_contradict_one_another_are_refused(
    folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    with np.load(folder / "truth.npz") as file:
        arrays = {key: file[key] for key in file.files}
    arrays[name] = change(arrays[name])
    np.savez(folder / "truth.npz", **arrays)
    with pytest.raises(DataError, match=r"truth\.npz"):
        load_truth(folder)
