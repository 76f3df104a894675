"""The table of readers, and how a sequence is found by what a user types."""

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from hydra_mono.core.errors import DataError
from hydra_mono.core.source import EVERYTHING, Needs, Source
from hydra_mono.datasets import layouts
from hydra_mono.datasets.given import NOTHING, Given

Guess = Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class Reader:
    """A layout: how to know it by its files, and the class that reads it (``module:Class``)."""

    guess: Guess
    factory: str
    takes_given: bool = False  # poses and camera of ``Given``


def _has(*patterns: str) -> Guess:
    """True for a folder in which every pattern finds something; letters' case does not matter."""
    forms = [_either_case(pattern) for pattern in patterns]
    return lambda path: path.is_dir() and all(any(path.glob(form)) for form in forms)


def _either_case(pattern: str) -> str:
    """A glob of the file's name in either case; folders before it stay as they are."""
    folder, slash, name = pattern.rpartition("/")
    swapped = (f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in name)
    return folder + slash + "".join(swapped)


def _is_scannet(path: Path) -> bool:
    cameras = ("intrinsic", "intrinsics", "intrinsics_color.txt", "intrinsics_depth.txt")
    return any(
        (inner / "color").is_dir()
        and (inner / "pose").is_dir()
        and any((inner / camera).exists() for camera in cameras)
        for inner in (path, path / "frames")
    )


def _is_icl_nuim(path: Path) -> bool:
    """As unpacked, or under its own name with the trajectory renamed as TUM's."""
    is_named = _ICL_NUIM_NAME.search(path.resolve().name)
    truths = ("*.gt.freiburg", "groundtruth.txt") if is_named else ("*.gt.freiburg",)
    return not (path / "rgb.txt").is_file() and any(_has("rgb", truth)(path) for truth in truths)


def _is_tum(path: Path) -> bool:
    lists = ("rgb.txt", "associations.txt", "rgb")
    is_tum = (path / "groundtruth.txt").is_file() or (path / "depth.txt").is_file()
    return is_tum and any((path / part).exists() for part in lists) and not _is_icl_nuim(path)


_has_numbered_poses = _has("frame-*.color.*", "frame-*.pose.txt")


def _is_tsdf_fusion(path: Path) -> bool:
    cameras = (path / _TSDF_CAMERA, path.resolve().parent / _TSDF_CAMERA)
    return _has_numbered_poses(path) and any(camera.is_file() for camera in cameras)


def _is_semantic_replica(path: Path) -> bool:
    return any((inner / "traj_w_c.txt").is_file() for inner in (path, path / "imap" / "00"))


def _is_sens(path: Path) -> bool:
    return (path.suffix.lower() == ".sens" and path.is_file()) or _has("*.sens")(path)


_TSDF_CAMERA = "camera-intrinsics.txt"
_ICL_NUIM_NAME = re.compile(r"icl[-_]?nuim|living_?room|frei_png", re.IGNORECASE)

# A new layout is one file and one row. The first row that knows a folder reads it.
READERS: dict[str, Reader] = {
    "scannet": Reader(
        _is_scannet, "hydra_mono.datasets.readers.scannet_folder:ScanNetFolderSource"
    ),
    "scannet-sens": Reader(_is_sens, "hydra_mono.datasets.readers.scannet_sens:ScanNetSensSource"),
    "tum": Reader(_is_tum, "hydra_mono.datasets.readers.tum:TumSource"),
    "icl-nuim": Reader(_is_icl_nuim, "hydra_mono.datasets.readers.icl_nuim:IclNuimSource"),
    "tsdf-fusion": Reader(
        _is_tsdf_fusion, "hydra_mono.datasets.readers.tsdf_fusion:TsdfFusionSource"
    ),
    "7scenes": Reader(
        lambda path: _has_numbered_poses(path) and not _is_tsdf_fusion(path),
        "hydra_mono.datasets.readers.seven_scenes:SevenScenesSource",
    ),
    "replica": Reader(
        _has("results/frame*", "traj.txt"), "hydra_mono.datasets.readers.replica:ReplicaSource"
    ),
    "replica-semantic": Reader(
        _is_semantic_replica,
        "hydra_mono.datasets.readers.replica_semantic:ReplicaSemanticSource",
    ),
    "hydra": Reader(
        _has("camera_info.yaml", "poses.csv"), "hydra_mono.datasets.readers.hydra:HydraSource"
    ),
    "record3d": Reader(
        layouts.is_record3d, "hydra_mono.datasets.readers.phones.record3d:Record3DSource"
    ),
    "stray-scanner": Reader(
        _has("rgb.mp4", "odometry.csv"),
        "hydra_mono.datasets.readers.phones.stray_scanner:StrayScannerSource",
    ),
    "polycam": Reader(
        layouts.is_polycam, "hydra_mono.datasets.readers.phones.polycam:PolycamSource"
    ),
    "ros-bag": Reader(
        layouts.is_bag, "hydra_mono.datasets.readers.ros.bag:RosBagSource", takes_given=True
    ),
    "deep-video-mvs": Reader(
        layouts.is_deep_video_mvs,
        "hydra_mono.datasets.readers.posed.deep_video_mvs:DeepVideoMvsSource",
        takes_given=True,
    ),
    "images": Reader(
        lambda path: layouts.holds_posed_images(path) and not _is_known_otherwise(path),
        "hydra_mono.datasets.readers.posed.images:PosedImagesSource",
        takes_given=True,
    ),
}


def _is_known_otherwise(path: Path) -> bool:
    return any(reader.guess(path) for name, reader in READERS.items() if name != "images")


_SCANNET_NAME = re.compile(r"scannet[-_]?(\d{4})(?:_(\d\d))?")
_SCANNET_PLACES = ("", "scans", "scannet", "scannet/scans", "ScanNet", "ScanNet/scans")
_OTHER_PLACES = ("", "tum", "replica", "Replica", "7scenes")
_KINDS = ((r"scannet|scene\d{4}", "scannet"), (r"freiburg|\btum\b", "tum"))
_HOW_TO_GET = {
    "scannet": "ScanNet is free for research: sign its terms of use at http://www.scan-net.org, "
    "then put the scene's .sens file or exported folder below the data root",
    "tum": "TUM RGB-D sequences are at "
    "https://cvg.cit.tum.de/data/datasets/rgbd-dataset/download; unpack one below the data root",
    "": "ScanNet is at http://www.scan-net.org (terms of use), TUM RGB-D at "
    "https://cvg.cit.tum.de/data/datasets/rgbd-dataset/download",
}


def guess_reader(path: Path) -> str | None:
    """Name of the first reader that knows the layout; None where none does."""
    return next((name for name, reader in READERS.items() if reader.guess(path)), None)


def open_sequence(
    name_or_path: str,
    root: Path,
    reader: str | None = None,
    needs: Needs = EVERYTHING,
    given: Given = NOTHING,
) -> Source:
    """A sequence by path, by name below ``root``, or ``scannet0000`` for scene0000_00.

    ``needs`` says what is read of its frames; ``hydra_mono.core.source.narrow`` changes it. Where
    poses are ``given``, a folder of images or a video is enough, whatever else lies there.

    Raises:
        DataError: it is nowhere, no reader knows its layout, a piece of it is missing, or a
            folder cannot be read.
    """
    if reader is not None and reader not in READERS:
        raise DataError(f"no reader '{reader}'; there are {', '.join(READERS)}")
    try:
        path = find_sequence(name_or_path, root)
        name = reader or guess_reader(path)
        if given.poses is not None and (name is None or not READERS[name].takes_given):
            name = reader or "images"
        if name is None:
            raise DataError(_unknown_layout(path))
        module, _, factory = READERS[name].factory.partition(":")
        opener = getattr(importlib.import_module(module), factory)
        if READERS[name].takes_given:
            return cast(Source, opener(path, needs, given))
        if given.poses is not None:
            raise DataError(f"the reader {name} has its own poses and takes none by --poses")
        return cast(Source, opener(path, needs))
    except OSError as error:
        where = error.filename or name_or_path
        raise DataError(f"cannot read {where}: {error.strerror or error}") from error


def find_sequence(name_or_path: str, root: Path) -> Path:
    """Where a sequence lies.

    Raises:
        DataError: nowhere; says where it looked and how to get it.
    """
    candidates = list(_candidates(name_or_path, root))
    found = [path for path in candidates if path.exists()]
    known = [path for path in found if guess_reader(path)]
    if found:
        return (known or found)[0]
    raise DataError(_not_found(name_or_path, candidates))


def _candidates(text: str, root: Path) -> Iterator[Path]:
    match = _SCANNET_NAME.fullmatch(text.lower())
    if match is not None:
        scene = f"scene{match[1]}_{match[2] or '00'}"
        for place in _SCANNET_PLACES:
            yield root / place / scene
            yield root / place / f"{scene}.sens"
    yield Path(text).expanduser()
    yield from (root / place / text for place in _OTHER_PLACES + _SCANNET_PLACES[1:])


def _not_found(text: str, candidates: list[Path]) -> str:
    kind = next((kind for words, kind in _KINDS if re.search(words, text.lower())), "")
    what = ", ".join(dict.fromkeys(path.name for path in candidates))
    looked = ", ".join(dict.fromkeys(str(path.parent) for path in candidates))
    return (
        f"no sequence '{text}'; looked for {what} in {looked}. {_HOW_TO_GET[kind]}. "
        "The data root is the setting data.root or the variable HYDRA_MONO_DATA. "
        "Without any data, 'hydra-mono run' alone maps the embedded 'apartment'"
    )


def _unknown_layout(path: Path) -> str:
    if not path.is_dir():
        return f"{path}: no reader knows this file; readers: {', '.join(READERS)}"
    inside = [child for child in sorted(path.iterdir()) if child.is_dir() and guess_reader(child)]
    if inside:
        names = ", ".join(str(child) for child in inside[:10])
        return f"{path} is not a sequence but holds some; choose one of {names}"
    listing = ", ".join(sorted(child.name for child in path.iterdir())[:8]) or "nothing"
    return (
        f"no reader knows the layout of {path} (it holds {listing}); "
        f"name one with --reader: {', '.join(READERS)}"
    )
