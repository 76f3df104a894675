"""Small sequences of every layout, written by the tests, with known poses and pixels."""

import os
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import NO_LABELS, LabelSpace

WIDTH, HEIGHT = 32, 24
TUM_SIZE = (64, 48)
W, H = 60, 34  # of the Replica and Hydra layouts

COLOR_SIZE, DEPTH_SIZE = (96, 72), (64, 48)
COLOR_K = np.diag([90.0, 91.0, 1.0, 1.0])
COLOR_K[:2, 2] = [48.1, 35.2]
DEPTH_K = np.diag([58.0, 58.5, 1.0, 1.0])
DEPTH_K[:2, 2] = [31.6, 23.9]
RAW_IDS = {1: 1, 3: 2, 22: 5, 1163: 40}  # raw id to NYU40: wall, floor, chair, otherprop
NUMBERS = (0, 1, 2, 10)  # 10 sorts before 2 as text

HYDRA_LABELS = """
total_semantic_labels: 6
dynamic_labels: [4]
invalid_labels: [5]
object_labels: [0, 3]
surface_places_labels: [2]
label_names:
- {label: 0, name: chair}
- {label: 1, name: wall}
- {label: 2, name: pavement}
- {label: 3, name: lamp}
- {label: 4, name: human}
- {label: 5, name: sky}
"""


def pose(step: float) -> np.ndarray:
    """A rigid pose that moves and turns smoothly with ``step``."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("zyx", [0.1 * step, 0.05 * step, -1.9]).as_matrix()
    matrix[:3, 3] = [0.1 * step, -0.05 * step, 1.5]
    return matrix


def color(seed: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def raw_depth(seed: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Raw 16-bit depth between 500 and 4500 with a hole in one corner."""
    depth = np.random.default_rng(seed + 100).integers(500, 4500, (height, width))
    depth[:3, :4] = 0
    return depth.astype(np.uint16)


def save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def truncate(path: Path, share: float = 0.5) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def matrix_text(matrix: np.ndarray) -> str:
    return "\n".join(" ".join(f"{value:.12f}" for value in row) for row in matrix) + "\n"


def real_tum(name: str = "rpy") -> Path:
    """A recorded TUM sequence, fr1/rpy or fr1/xyz; skips the test where it is absent."""
    default = Path(__file__).resolve().parents[4] / "shared" / "data"
    root = Path(os.environ.get("HYDRA_MONO_TEST_DATA", default))
    folder = root / f"rgbd_dataset_freiburg1_{name}"
    if not folder.is_dir():
        pytest.skip(f"no recorded TUM sequence in {root} (HYDRA_MONO_TEST_DATA)")
    return folder


@dataclass
class ListSource:
    """A source of frames made by a test."""

    frames: list[Frame]
    world_up: tuple[float, float, float] | None = None
    name: str = "list"
    label_space: LabelSpace = NO_LABELS
    unknown_label_pixels: int = 0

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Frame:
        return self.frames[index]


def frame(index: int = 0, **changes: object) -> Frame:
    """A usable frame of a wall two metres away."""
    camera = Intrinsics(fx=30.0, fy=30.0, cx=15.5, cy=11.5, width=WIDTH, height=HEIGHT)
    values: dict[str, object] = {
        "index": index,
        "name": f"{index:06d}",
        "stamp_ns": index * 10**8,
        "world_from_camera": pose(index),
        "intrinsics": camera,
        "rgb": color(index),
        "depth_m": np.full((HEIGHT, WIDTH), 2.0, np.float32),
    }
    return Frame(**(values | changes))  # type: ignore[arg-type]


def tum_line(stamp_s: float, world_from_camera: np.ndarray) -> str:
    quat = Rotation.from_matrix(world_from_camera[:3, :3]).as_quat()
    numbers = [*world_from_camera[:3, 3], *quat]
    return f"{stamp_s:.4f} " + " ".join(f"{number:.9f}" for number in numbers)


def write_tum_sequence(folder: Path, frames: int = 4, pose_rate: float = 100.0) -> Path:
    """Frames 0.1 s apart from 10 s on; depth 6 ms after colour; poses move with time."""
    rgb, depth, truth = ["# color images"], ["# depth maps"], ["# ground truth"]
    for i in range(frames):
        stamp, later = 10 + 0.1 * i, 10.006 + 0.1 * i
        save(color(i, *TUM_SIZE), folder / "rgb" / f"{stamp:.6f}.png")
        save(raw_depth(i, *TUM_SIZE), folder / "depth" / f"{later:.6f}.png")
        rgb.append(f"{stamp:.6f} rgb/{stamp:.6f}.png")
        depth.append(f"{later:.6f} depth/{later:.6f}.png")
    for k in range(int((0.1 * frames + 0.1) * pose_rate) + 1):
        stamp = 9.9505 + k / pose_rate
        truth.append(tum_line(stamp, pose(10 * (stamp - 10))))
    for name, lines in (("rgb", rgb), ("depth", depth), ("groundtruth", truth)):
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return folder


def write_seven_scenes(folder: Path, frames: int = 2) -> Path:
    v, u = np.mgrid[0:480, 0:640]
    smooth = np.stack([u // 3, v // 2, (u + v) // 5], axis=-1).astype(np.uint8)
    depth = (800 + 2 * u + 3 * v).astype(np.uint16)
    depth[100:140, 200:260] = 65535
    depth[300:320, 400:420] = 0
    for i in range(frames):
        save(smooth, folder / f"frame-{i:06d}.color.png")
        save(depth, folder / f"frame-{i:06d}.depth.png")
        (folder / f"frame-{i:06d}.pose.txt").write_text(matrix_text(pose(i)))
    return folder


def write_tsdf_fusion(folder: Path, frames: int = 2) -> Path:
    for i in range(frames):
        save(color(i), folder / f"frame-{i:06d}.color.jpg")
        save(raw_depth(i), folder / f"frame-{i:06d}.depth.png")
        (folder / f"frame-{i:06d}.pose.txt").write_text(matrix_text(pose(i)))
    (folder / "camera-intrinsics.txt").write_text("30 0 15.5\n0 31 11.5\n0 0 1\n")
    return folder


def write_icl_nuim(folder: Path, frames: int = 3) -> Path:
    """Images from 0 on, poses from 1 on, as it is downloaded."""
    lines = []
    for i in range(frames + 1):
        save(color(i, *TUM_SIZE), folder / "rgb" / f"{i}.png")
        save(raw_depth(i, *TUM_SIZE), folder / "depth" / f"{i}.png")
        lines.append(tum_line(i, pose(i)))
    (folder / "livingRoom0.gt.freiburg").write_text("\n".join(lines[1:]) + "\n")
    return folder


def write_replica(folder: Path, frames: int = 3) -> Path:
    for i in range(frames):
        save(color(i, W, H), folder / "results" / f"frame{i:06d}.png")
        save(raw_depth(i, W, H), folder / "results" / f"depth{i:06d}.png")
    write_trajectory(folder / "traj.txt", frames)
    return folder


def write_semantic_replica(folder: Path, frames: int = 3) -> Path:
    for i in range(frames):
        save(color(i, W, H), folder / "rgb" / f"rgb_{i}.png")
        save(raw_depth(i, W, H), folder / "depth" / f"depth_{i}.png")
        save(class_ids(i), folder / "semantic_class" / f"semantic_class_{i}.png")
        save(color(i, W, H), folder / "semantic_class" / f"vis_sem_class_{i}.png")
    write_trajectory(folder / "traj_w_c.txt", frames)
    return folder


def class_ids(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice([0, 20, 40, 93, 101], (H, W)).astype(np.uint8)


def write_trajectory(path: Path, frames: int) -> None:
    lines = [" ".join(f"{value:.9f}" for value in pose(i).ravel()) for i in range(frames)]
    path.write_text("\n".join(lines) + "\n")


def write_hydra(folder: Path, frames: int = 3, flat: bool = False) -> Path:
    folder.mkdir(parents=True)
    folder.joinpath("camera_info.yaml").write_text(
        f"{{width: {W}, height: {H}, fx: 40.0, fy: 41.0, cx: 29.5, cy: 16.5}}\n"
    )
    rows = ["timestamp_ns,tx,ty,tz,qw,qx,qy,qz"]
    for i in range(frames):
        places = {kind: folder if flat else folder / kind for kind in ("color", "depth", "labels")}
        save(color(i, W, H), places["color"] / f"rgb_{i:07d}.png")
        save(metres(i), places["depth"] / f"depth_{i:07d}.tiff")
        save(hydra_ids(i), places["labels"] / f"labels_{i:07d}.png")
        x, y, z, w = Rotation.from_matrix(pose(i)[:3, :3]).as_quat()
        numbers = [*pose(i)[:3, 3], w, x, y, z]
        rows.append(f"{10**9 + i * 10**8}," + ",".join(f"{n:.12f}" for n in numbers))
    (folder / "poses.csv").write_text("\n".join(rows) + "\n")
    return folder


def metres(seed: int) -> np.ndarray:
    return (raw_depth(seed, W, H) / 1000).astype(np.float32)


def hydra_ids(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 7, (H, W)).astype(np.uint8)


def smooth_color(seed: int) -> np.ndarray:
    v, u = np.mgrid[0 : COLOR_SIZE[1], 0 : COLOR_SIZE[0]]
    return np.stack([2 * u + seed, 3 * v, 255 - u - v], axis=-1).clip(0, 255).astype(np.uint8)


def raw_labels(seed: int) -> np.ndarray:
    """Blocks of raw ids, with unlabelled 0 and an id (999) that no list knows."""
    ids = np.array([0, 1, 3, 22, 1163, 999], np.uint16)
    blocks = np.random.default_rng(seed).integers(0, len(ids), (9, 12))
    return np.kron(ids[blocks], np.ones((8, 8), np.uint16))


def to_depth_camera(size: tuple[int, int] = COLOR_SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Where the rays of the depth image fall in a colour-aligned image of a size."""
    v, u = np.mgrid[0 : DEPTH_SIZE[1], 0 : DEPTH_SIZE[0]].astype(float)
    rays = np.linalg.inv(DEPTH_K[:3, :3]) @ np.stack([u.ravel(), v.ravel(), np.ones(u.size)])
    x, y, _ = (COLOR_K[:3, :3] @ rays).reshape(3, *u.shape)
    return (
        (x + 0.5) * size[0] / COLOR_SIZE[0] - 0.5,
        (y + 0.5) * size[1] / COLOR_SIZE[1] - 0.5,
    )


def write_exported(frames: Path) -> None:
    for kind, matrix in (("color", COLOR_K), ("depth", DEPTH_K)):
        (frames / "intrinsic").mkdir(parents=True, exist_ok=True)
        (frames / "intrinsic" / f"intrinsic_{kind}.txt").write_text(matrix_text(matrix))
    (frames / "pose").mkdir()
    for number in NUMBERS:
        save(smooth_color(number), frames / "color" / f"{number}.png")
        save(raw_depth(number, *DEPTH_SIZE), frames / "depth" / f"{number}.png")
        (frames / "pose" / f"{number}.txt").write_text(matrix_text(pose(number)))


def write_labels(folder: Path, tsv: Path | None) -> None:
    for number in NUMBERS:
        save(raw_labels(number), folder / f"{number}.png")
    if tsv is not None:
        lines = ["id\traw_category\tcategory\tcount\tnyu40id\teigen13id"]
        lines += [f"{raw}\tthing\tthing\t1\t{nyu}\t0" for raw, nyu in RAW_IDS.items()]
        (tsv / "scannetv2-labels.combined.tsv").write_text("\n".join(lines) + "\n")


def encoded(pixels: np.ndarray, form: str) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def sens_bytes(version: int = 4, color_form: int = 1, depth_form: int = 1) -> bytes:
    """A ``.sens`` file as ScanNet's documentation lays it out."""
    out = struct.pack("<IQ", version, 9) + b"StructSen"
    for matrix in (COLOR_K, np.eye(4), DEPTH_K, np.eye(4)):
        out += matrix.astype("<f4").tobytes()
    out += struct.pack("<2i4If", color_form, depth_form, *COLOR_SIZE, *DEPTH_SIZE, 1000.0)
    out += struct.pack("<Q", len(NUMBERS))
    for index, number in enumerate(NUMBERS):
        image = smooth_color(number)
        forms = {0: image.tobytes, 1: lambda i=image: encoded(i, "png")}
        rgb = forms.get(color_form, lambda i=image: encoded(i, "jpeg"))()
        depth = raw_depth(number, *DEPTH_SIZE).astype("<u2").tobytes()
        depth = zlib.compress(depth) if depth_form == 1 else depth
        out += pose(number).astype("<f4").tobytes()
        out += struct.pack("<4Q", 1000 + 33_000 * index, 900 + 33_000 * index, len(rgb), len(depth))
        out += rgb + depth
    if version == 4:
        out += struct.pack("<Q", 1) + np.zeros(15).tobytes() + struct.pack("<Q", 7)
    return out
