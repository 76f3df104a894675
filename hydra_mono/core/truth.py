"""What a world really is, for scoring a run against it."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int16, Int32, UInt8, UInt16

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.errors import DataError
from hydra_mono.core.files import atomic
from hydra_mono.core.labels import Label, LabelSpace

TRUTH_FORMAT = "hydra-mono/truth/1"


@dataclass(frozen=True, slots=True)
class TruthMesh:
    """The true surface. ``face_instances`` number things from 1; 0 is the building itself."""

    vertices_m: Float32[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]
    face_labels: UInt8[np.ndarray, " f"]
    face_instances: UInt16[np.ndarray, " f"]


@dataclass(frozen=True, slots=True)
class TruthObject:
    """One thing of the world. ``appeared_ns``/``disappeared_ns``: None where it was always."""

    instance: int
    label: int
    name: str
    box: BoundingBox
    appeared_ns: int | None = None
    disappeared_ns: int | None = None


@dataclass(frozen=True, slots=True)
class TruthRoom:
    """One room as people would name it; ``index`` is its value in ``TruthGrid.room``."""

    index: int
    name: str
    storey: int


@dataclass(frozen=True, slots=True)
class TruthGrid:
    """Free space and rooms on voxels; voxel (i,j,k) is centred at ``origin_m + (i,j,k)*size``.

    ``free`` is the space a camera could be in: inside the building and outside every solid.
    ``room`` is the index of the room a free voxel lies in, -1 elsewhere.
    """

    origin_m: Float64[np.ndarray, "3"]
    voxel_size_m: float
    free: Bool[np.ndarray, "x y z"]
    room: Int16[np.ndarray, "x y z"]


@dataclass(frozen=True, slots=True)
class AgentTrack:
    """Where somebody was: stamps and positions of the feet's middle, metres."""

    name: str
    stamps_ns: tuple[int, ...]
    positions_m: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class GroundTruth:
    label_space: LabelSpace
    mesh: TruthMesh
    objects: tuple[TruthObject, ...]
    rooms: tuple[TruthRoom, ...]
    grid: TruthGrid
    agents: tuple[AgentTrack, ...] = ()


def moved_truth(truth: GroundTruth, offset_m: tuple[float, float, float]) -> GroundTruth:
    """The same world with an offset added to every position."""
    if not any(offset_m):
        return truth
    offset = np.array(offset_m)
    vertices_m = (truth.mesh.vertices_m + offset).astype(np.float32)

    def point(position_m: tuple[float, ...]) -> tuple[float, float, float]:
        x, y, z = (float(a + b) for a, b in zip(position_m, offset_m, strict=True))
        return x, y, z

    return replace(
        truth,
        mesh=replace(truth.mesh, vertices_m=vertices_m),
        objects=tuple(
            replace(entry, box=replace(entry.box, center_m=point(entry.box.center_m)))
            for entry in truth.objects
        ),
        grid=replace(truth.grid, origin_m=truth.grid.origin_m + offset),
        agents=tuple(
            replace(track, positions_m=tuple(point(p) for p in track.positions_m))
            for track in truth.agents
        ),
    )


def save_truth(truth: GroundTruth, folder: Path) -> None:
    """Writes ``truth.json`` and ``truth.npz`` into ``folder``."""
    document = {
        "format": TRUTH_FORMAT,
        "label_space": asdict(truth.label_space),
        "objects": [asdict(thing) for thing in truth.objects],
        "rooms": [asdict(room) for room in truth.rooms],
        "agents": [asdict(track) for track in truth.agents],
        "voxel_size_m": truth.grid.voxel_size_m,
    }
    arrays = {name: getattr(truth.mesh, name) for name in TruthMesh.__slots__}
    arrays |= {name: getattr(truth.grid, name) for name in ("origin_m", "free", "room")}
    atomic.write_with(folder / "truth.npz", lambda file: np.savez_compressed(file, **arrays))
    atomic.write_text(folder / "truth.json", json.dumps(document, indent=1) + "\n")


def load_truth(folder: Path) -> GroundTruth:
    """Reads what ``save_truth`` wrote.

    Raises:
        DataError: a file is missing or is not of this format.
    """
    try:
        document = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        if document["format"] != TRUTH_FORMAT:
            raise DataError(f"{folder}/truth.json: format {document['format']}, not {TRUTH_FORMAT}")
        with np.load(folder / "truth.npz", allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _truth(document, arrays)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"no readable truth in {folder} ({error})") from error


def _truth(document: dict[str, Any], arrays: dict[str, Any]) -> GroundTruth:
    labels = document["label_space"]
    space = LabelSpace(
        name=labels["name"],
        labels=tuple(
            Label(**(entry | {"color": tuple(entry["color"])})) for entry in labels["labels"]
        ),
    )
    return GroundTruth(
        label_space=space,
        mesh=TruthMesh(**{name: arrays[name] for name in TruthMesh.__slots__}),
        objects=tuple(_object(entry) for entry in document["objects"]),
        rooms=tuple(TruthRoom(**entry) for entry in document["rooms"]),
        grid=TruthGrid(
            origin_m=arrays["origin_m"],
            voxel_size_m=float(document["voxel_size_m"]),
            free=arrays["free"],
            room=arrays["room"],
        ),
        agents=tuple(_track(entry) for entry in document["agents"]),
    )


def _object(entry: dict[str, Any]) -> TruthObject:
    box = entry["box"]
    return TruthObject(
        **(
            entry
            | {
                "box": BoundingBox(
                    tuple(box["center_m"]), tuple(box["dimensions_m"]), box["yaw_rad"]
                )
            }
        )
    )


def _track(entry: dict[str, Any]) -> AgentTrack:
    return AgentTrack(
        name=entry["name"],
        stamps_ns=tuple(entry["stamps_ns"]),
        positions_m=tuple(tuple(position) for position in entry["positions_m"]),
    )
