"""A small valid input for every reader, and reading all of it; doubts about what was accepted."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from helpers_datasets import (
    HYDRA_LABELS,
    color,
    matrix_text,
    pose,
    raw_depth,
    save,
    sens_bytes,
    write_exported,
    write_hydra,
    write_icl_nuim,
    write_labels,
    write_replica,
    write_semantic_replica,
    write_seven_scenes,
    write_tsdf_fusion,
    write_tum_sequence,
)
from helpers_evaluation import one_room
from helpers_exports import LABELS, house_mesh
from helpers_posed import (
    shortened,
    write_colmap,
    write_transforms,
)

from fuzzing.graphs import GRAPHS
from fuzzing.target import FARTHEST_M, Doubts, Target, space_doubts
from hydra_mono.core.config import dump_config, load_config
from hydra_mono.core.config.tree import Config
from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.files import trajectory
from hydra_mono.core.files.documents import parse_yaml
from hydra_mono.core.files.ply import read_ply, write_ply
from hydra_mono.core.frame import Frame
from hydra_mono.core.label_map import label_map_of
from hydra_mono.core.labels import label_space_of, load_label_space
from hydra_mono.core.source import Source
from hydra_mono.core.truth import load_truth, save_truth
from hydra_mono.datasets.label_file import find_label_table
from hydra_mono.datasets.registry import open_sequence

MOST_FRAMES = 5  # read of a sequence that declares more


class Refused(Exception):
    """A sequence of which not one frame can be used."""


def sequence(name: str, write: Callable[[Path], object]) -> Target:
    return Target(lambda folder: write(folder / "room0"), lambda folder: _frames(folder, name))


def _frames(folder: Path, reader: str) -> Doubts:
    source = open_sequence(str(folder / "room0"), folder, reader)
    usable = 0
    for index in range(min(len(source), MOST_FRAMES)):
        try:
            frame = source[index]
        except BadFrameError:
            continue
        usable += 1
        yield from frame_doubts(frame, source)
    if not usable:
        raise Refused


def frame_doubts(frame: Frame, source: Source) -> Doubts:
    """What no frame of a real sequence can be."""
    matrix, camera = frame.world_from_camera, frame.intrinsics
    if not -(2**63) <= frame.stamp_ns < 2**63:
        yield "a stamp beyond 64 bits"
    if not (np.abs(matrix) < FARTHEST_M).all():
        yield "a pose that is not finite, or off the planet"
    elif np.abs(matrix[:3, :3].T @ matrix[:3, :3] - np.eye(3)).max() > 0.03:
        yield "a rotation that is none"
    if not (0 < camera.fx < 1e6 and 0 < camera.fy < 1e6 and 0 < camera.cx < camera.width):
        yield "intrinsics that are none"
    shapes = {frame.rgb.shape[:2], (camera.height, camera.width)}
    for image in (frame.depth_m, frame.labels):
        shapes |= {image.shape} if image is not None else set()
    if len(shapes) > 1:
        yield "images of several sizes"
    if frame.depth_m is not None and not (frame.depth_m >= 0).all():
        yield "a depth that is none"
    if frame.labels is not None:
        known = {0, *(label.id for label in source.label_space.labels)}
        if set(np.unique(frame.labels).tolist()) - known:
            yield "a label that the space does not have"


def write_tum(folder: Path) -> None:
    write_tum_sequence(folder, 2)
    (folder / "camera.yaml").write_text(
        "fx: 50.0\nfy: 51.0\ncx: 31.0\ncy: 23.0\nk1: 0.26\nk2: -0.95\np1: -0.005\n"
        "p2: 0.002\nk3: 1.16\nunits_per_m: 5000.0\n"
    )


def write_tum_pairs(folder: Path) -> None:
    write_tum_sequence(folder, 2)
    stamps = [(f"{10 + 0.1 * i:.6f}", f"{10.006 + 0.1 * i:.6f}") for i in range(2)]
    lines = [f"{a} rgb/{a}.png {b} depth/{b}.png" for a, b in stamps]
    (folder / "associations.txt").write_text("\n".join(lines))


def write_scannet(folder: Path) -> None:
    write_exported(folder)
    write_labels(folder / "label-filt", folder)
    words = " ".join(f"{value:.6f}" for value in np.eye(4).ravel())
    (folder / "room0.txt").write_text(f"axisAlignment = {words}\n")


def write_sens(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "room0.sens").write_bytes(sens_bytes())
    write_labels(folder / "unpacked", folder)
    with zipfile.ZipFile(folder / "room0_2d-label-filt.zip", "w") as archive:
        for count, file in enumerate(sorted((folder / "unpacked").iterdir())):
            archive.write(file, f"label-filt/{count}.png")
            file.unlink()


def write_seven(folder: Path) -> None:
    """One small file of each kind: constant images of the full size."""
    write_seven_scenes(folder, 1)
    save(np.full((480, 640, 3), 90, np.uint8), folder / "frame-000000.color.png")
    save(np.full((480, 640), 1500, np.uint16), folder / "frame-000000.depth.png")


def write_hydra_labelled(folder: Path) -> None:
    write_hydra(folder, 2)
    (folder / "label_space.yaml").write_text(HYDRA_LABELS)


def write_25k(folder: Path) -> None:
    for kind in ("color", "depth"):
        save(color(0) if kind == "color" else raw_depth(0), folder / kind / "000000.png")
        matrix = np.diag([30.0, 30.0, 1.0, 1.0])
        matrix[:2, 2] = [15.5, 11.5]
        (folder / f"intrinsics_{kind}.txt").write_text(matrix_text(matrix))
    save((raw_depth(0) % 41).astype(np.uint8), folder / "label" / "000000.png")
    (folder / "pose").mkdir()
    (folder / "pose" / "000000.txt").write_text(matrix_text(pose(0)))


def write_text(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def read_label_space(folder: Path) -> Doubts:
    yield from space_doubts(load_label_space(folder / "space.yaml"))


def read_hydra_space(folder: Path) -> Doubts:
    table = find_label_table(folder)
    if table is not None:
        yield from space_doubts(table.space)


def read_label_map(folder: Path) -> Doubts:
    text = (folder / "map.yaml").read_bytes().decode("latin-1")
    found = label_map_of(text, LABELS, ROOMY)
    if set(found.table.tolist()) - {0, *(label.id for label in ROOMY.labels)}:
        yield "a label that the target does not have"


def read_truth(folder: Path) -> Doubts:
    truth = load_truth(folder)
    yield from space_doubts(truth.label_space)
    for entry in truth.objects:
        if not (np.abs([*entry.box.center_m, *entry.box.dimensions_m]) < FARTHEST_M).all():
            yield "a box that is none"
    if not (np.abs(truth.mesh.vertices_m) < FARTHEST_M).all():
        yield "a vertex that is none"


def read_trajectory(folder: Path) -> Doubts:
    found = trajectory.read_tum(folder / "trajectory.tum")
    if not np.isfinite(found.world_from_camera).all():
        yield "a pose that is not finite"


def read_config(folder: Path) -> Doubts:
    config = load_config(folder / "config.yaml")
    text = dump_config(config)
    if any(word in text for word in (": .nan", ": .inf", ": -.inf")):
        yield "a setting that is not finite"


def read_mesh(folder: Path) -> Doubts:
    mesh = read_ply(folder / "mesh.ply")
    if not (np.isfinite(mesh.vertices_m).all() and np.isfinite(mesh.normals).all()):
        yield "a vertex that is not finite"
    if mesh.faces.size and not (mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh)):
        yield "a face without its vertices"


def write_trajectory(folder: Path) -> None:
    poses = [pose(index) for index in range(4)]
    stamps_ns = [10**18 + 10**8 * index for index in range(4)]
    trajectory.write_tum(trajectory.Trajectory.of(stamps_ns, poses), folder / "trajectory.tum")


SPACE = """name: few
labels:
  - {id: 1, name: wall, color: [174, 199, 232], kind: structure, role: wall}
  - {id: 6, name: structure, color: [94, 106, 211], kind: structure}
  - {id: 9, name: bed, color: [255, 187, 120], kind: object, least_width: 0.6}
"""
ROOMY = label_space_of(parse_yaml(SPACE))
MAP = """source: house
target: few
names: {wall: wall, chair: structure, table: structure, cabinet: bed, box: structure, person: bed}
"""

TARGETS: dict[str, Target] = {
    "tum": sequence("tum", write_tum),
    "tum-lists": sequence("tum", write_tum_pairs),
    "scannet": sequence("scannet", write_scannet),
    "scannet-25k": sequence("scannet", write_25k),
    "sens": sequence("scannet-sens", write_sens),
    "7scenes": sequence("7scenes", write_seven),
    "replica": sequence("replica", lambda folder: write_replica(folder, 2)),
    "replica-semantic": sequence(
        "replica-semantic", lambda folder: write_semantic_replica(folder, 2)
    ),
    "hydra": sequence("hydra", write_hydra_labelled),
    "tsdf-fusion": sequence("tsdf-fusion", write_tsdf_fusion),
    "icl-nuim": sequence("icl-nuim", lambda folder: write_icl_nuim(folder, 2)),
    "transforms": sequence("images", shortened(write_transforms)),
    "colmap": sequence("images", shortened(lambda folder: write_colmap(folder, binary=True))),
    "label-space": Target(write_text("space.yaml", SPACE), read_label_space),
    "hydra-label-space": Target(write_text("label_space.yaml", HYDRA_LABELS), read_hydra_space),
    "label-map": Target(write_text("map.yaml", MAP), read_label_map),
    "truth": Target(lambda folder: save_truth(one_room(), folder), read_truth),
    "trajectory": Target(write_trajectory, read_trajectory),
    "config": Target(write_text("config.yaml", dump_config(Config())), read_config),
    "mesh": Target(lambda folder: write_ply(house_mesh(), folder / "mesh.ply"), read_mesh),
    **GRAPHS,
}
