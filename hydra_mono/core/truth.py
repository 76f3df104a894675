"""What a world really is, for scoring a run against it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int16, Int32, UInt8, UInt16
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.errors import DataError
from hydra_mono.core.files import atomic
from hydra_mono.core.files.arrays import read_npz
from hydra_mono.core.files.documents import MOST_JSON_BYTES, first_fault, parse_json, read_text
from hydra_mono.core.labels import LabelSpace, label_space_of

TRUTH_FORMAT = "hydra-mono/truth/1"
_FARTHEST_M = 1e9  # from the origin; farther is on no planet


@dataclass(frozen=True, slots=True)
class TruthMesh:
    """The true surface. ``face_instances`` number objects from 1; 0 is the building itself."""

    vertices_m: Float32[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]
    face_labels: UInt8[np.ndarray, " f"]
    face_instances: UInt16[np.ndarray, " f"]


@dataclass(frozen=True, slots=True)
class TruthObject:
    """One object at one place. ``appeared_ns``/``disappeared_ns``: None where it was always.

    What is moved from place to place is several, with instances of their own; ``identity`` is the
    instance of the first of them, None of what has but one place.
    """

    instance: int
    label: int
    name: str
    box: BoundingBox
    appeared_ns: int | None = None
    disappeared_ns: int | None = None
    identity: int | None = None


@dataclass(frozen=True, slots=True)
class TruthChange:
    """The object ``instance`` appeared at, or vanished from, its place at ``stamp_ns``.

    ``last_look_ns``: when its place was last in view before, ``first_look_ns``: when it first was
    so afterwards; None where it never was. In between, nobody looked.
    """

    instance: int
    kind: Literal["appeared", "vanished"]
    stamp_ns: int
    last_look_ns: int | None
    first_look_ns: int | None


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
    """Where somebody or something that moves was: stamps and positions on the floor, metres.

    ``kind`` "object" is what is pushed or carried, while it is. ``boxes`` are his at each stamp and
    ``visible_pixels`` how many pixels of him the camera saw then; either is empty where unknown.
    """

    name: str
    stamps_ns: tuple[int, ...]
    positions_m: tuple[tuple[float, float, float], ...]
    kind: Literal["person", "animal", "robot", "object"] = "person"
    boxes: tuple[BoundingBox, ...] = ()
    visible_pixels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GroundTruth:
    label_space: LabelSpace
    mesh: TruthMesh
    objects: tuple[TruthObject, ...]
    rooms: tuple[TruthRoom, ...]
    grid: TruthGrid
    agents: tuple[AgentTrack, ...] = ()
    changes: tuple[TruthChange, ...] = ()


def save_truth(truth: GroundTruth, folder: Path) -> None:
    """Writes ``truth.json`` and ``truth.npz`` into ``folder``."""
    document = {
        "format": TRUTH_FORMAT,
        "label_space": asdict(truth.label_space),
        "objects": [asdict(entry) for entry in truth.objects],
        "rooms": [asdict(room) for room in truth.rooms],
        "agents": [asdict(track) for track in truth.agents],
        "changes": [asdict(change) for change in truth.changes],
        "voxel_size_m": truth.grid.voxel_size_m,
    }
    arrays = {name: getattr(truth.mesh, name) for name in TruthMesh.__slots__}
    arrays |= {name: getattr(truth.grid, name) for name in ("origin_m", "free", "room")}
    atomic.write_with(folder / "truth.npz", lambda file: np.savez_compressed(file, **arrays))
    atomic.write_text(folder / "truth.json", json.dumps(document, indent=1) + "\n")


def load_truth(folder: Path) -> GroundTruth:
    """Reads what ``save_truth`` wrote.

    Raises:
        DataError: a file is missing, is not of this format, or contradicts itself.
    """
    path = folder / "truth.json"
    try:
        document = parse_json(read_text(path, MOST_JSON_BYTES))
        if not isinstance(document, dict) or document.get("format") != TRUTH_FORMAT:
            raise DataError(f"{path}: not of the format {TRUTH_FORMAT}")
        space = label_space_of(document.get("label_space"))
        read = _Document.model_validate(document)
    except ValidationError as error:
        raise DataError(f"{path}: {first_fault(error)}") from error
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    arrays = read_npz(folder / "truth.npz", tuple(_ARRAYS))
    for name, (dtype, shape) in _ARRAYS.items():
        _check_array(arrays[name], dtype, shape, f"{folder / 'truth.npz'}: {name}")
    return _truth(read, space, arrays, folder / "truth.npz")


_ARRAYS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {  # a side of 0 may be any number
    "vertices_m": (np.float32, (0, 3)),
    "faces": (np.int32, (0, 3)),
    "face_labels": (np.uint8, (0,)),
    "face_instances": (np.uint16, (0,)),
    "origin_m": (np.float64, (3,)),
    "free": (np.bool_, (0, 0, 0)),
    "room": (np.int16, (0, 0, 0)),
}

_Finite = Annotated[float, Field(ge=-_FARTHEST_M, le=_FARTHEST_M)]
_Size = Annotated[float, Field(ge=0, le=1e6)]
_Stamp = Annotated[int, Field(ge=-(2**63), lt=2**63)]
_Point = tuple[_Finite, _Finite, _Finite]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Box(_Strict):
    center_m: _Point
    dimensions_m: tuple[_Size, _Size, _Size]
    yaw_rad: _Finite


class _Object(_Strict):
    instance: Annotated[int, Field(ge=0, lt=2**16)]
    label: Annotated[int, Field(ge=0, le=255)]
    name: str
    box: _Box
    appeared_ns: _Stamp | None = None
    disappeared_ns: _Stamp | None = None
    identity: Annotated[int, Field(ge=0, lt=2**16)] | None = None


class _Change(_Strict):
    instance: Annotated[int, Field(ge=0, lt=2**16)]
    kind: Literal["appeared", "vanished"]
    stamp_ns: _Stamp
    last_look_ns: _Stamp | None
    first_look_ns: _Stamp | None


class _Room(_Strict):
    index: Annotated[int, Field(ge=-1, lt=2**15)]
    name: str
    storey: Annotated[int, Field(ge=-1000, le=1000)]


class _Track(_Strict):
    name: str
    stamps_ns: tuple[_Stamp, ...]
    positions_m: tuple[_Point, ...]
    kind: Literal["person", "animal", "robot", "object"] = "person"
    boxes: tuple[_Box, ...] = ()
    visible_pixels: tuple[Annotated[int, Field(ge=0)], ...] = ()


class _Document(_Strict):
    """``truth.json``."""

    format: str
    label_space: dict[str, Any]
    objects: tuple[_Object, ...]
    rooms: tuple[_Room, ...]
    agents: tuple[_Track, ...]
    changes: tuple[_Change, ...] = ()
    voxel_size_m: Annotated[float, Field(gt=0, le=100)]


def _check_array(
    array: np.ndarray, dtype: type[np.generic], shape: tuple[int, ...], where: str
) -> None:
    fits = array.ndim == len(shape) and all(
        side in (0, found) for side, found in zip(shape, array.shape, strict=True)
    )
    if array.dtype != dtype or not fits:
        raise DataError(f"{where} is {array.dtype}{array.shape}, expected {dtype.__name__}{shape}")
    if array.dtype.kind == "f" and not (np.abs(array) < _FARTHEST_M).all():
        raise DataError(f"{where} holds a coordinate that is none")


def _truth(
    read: _Document, space: LabelSpace, arrays: dict[str, np.ndarray], path: Path
) -> GroundTruth:
    faces = arrays["faces"]
    if faces.size and not (faces.min() >= 0 and faces.max() < len(arrays["vertices_m"])):
        raise DataError(f"{path}: a face has a corner that is no vertex")
    if not len(faces) == len(arrays["face_labels"]) == len(arrays["face_instances"]):
        raise DataError(f"{path}: not every face has one label and one instance")
    if arrays["free"].shape != arrays["room"].shape:
        raise DataError(f"{path}: free space and rooms are on different grids")
    if not all(map(_is_even, read.agents)):
        raise DataError(f"{path.with_suffix('.json')}: a track has more stamps than positions")
    return GroundTruth(
        label_space=space,
        mesh=TruthMesh(**{name: arrays[name] for name in TruthMesh.__slots__}),
        objects=tuple(
            TruthObject(**(dict(entry) | {"box": _box(entry.box)})) for entry in read.objects
        ),
        rooms=tuple(TruthRoom(**dict(entry)) for entry in read.rooms),
        grid=TruthGrid(arrays["origin_m"], read.voxel_size_m, arrays["free"], arrays["room"]),
        agents=tuple(map(_track, read.agents)),
        changes=tuple(TruthChange(**dict(entry)) for entry in read.changes),
    )


def _track(read: _Track) -> AgentTrack:
    return AgentTrack(**(dict(read) | {"boxes": tuple(map(_box, read.boxes))}))


def _box(read: _Box) -> BoundingBox:
    return BoundingBox(**dict(read))


def _is_even(track: _Track) -> bool:
    """Whether everything the track tells, it tells of every stamp."""
    count, told = len(track.stamps_ns), (len(track.boxes), len(track.visible_pixels))
    return len(track.positions_m) == count and set(told) <= {0, count}
