"""Small sequences of every layout, written by the tests, with known poses and pixels."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import NO_LABELS, LabelSpace

WIDTH, HEIGHT = 32, 24


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


def real_tum() -> Path:
    """The recorded TUM sequence; skips the test where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("HYDRA_MONO_TEST_DATA", default))
    folder = root / "rgbd_dataset_freiburg1_rpy"
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
