"""Images with their truth as plain arrays: of cached worlds, and of photographs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float64, UInt8

from hydra_mono.core.frame import Intrinsics
from hydra_mono.perception.tasks import IN_PIXELS
from hydra_mono.training.data.crops import Crop
from hydra_mono.training.data.worlds.cache import NAMES, SECOND, TRANSFORM, ViewSize
from hydra_mono.training.samples import Sample


@dataclass(frozen=True)
class Shot:
    """One image and its truth as plain arrays, of any size; the arrays may lie on disk."""

    rgb: UInt8[np.ndarray, "h w 3"]
    depth_m: np.ndarray
    labels: UInt8[np.ndarray, "h w"]
    edges: UInt8[np.ndarray, "h w"]
    normals: np.ndarray  # int8, times 127
    camera: Intrinsics
    others: Mapping[str, np.ndarray] = field(default_factory=dict)  # by task, as in ``Sample``
    second: "SecondShot | None" = None  # another camera's view of the same scene


@dataclass(frozen=True)
class SecondShot:
    """The truth of another camera's view, without its image; types as in ``Shot``."""

    depth_m: np.ndarray
    labels: UInt8[np.ndarray, "h w"]
    edges: UInt8[np.ndarray, "h w"]
    normals: np.ndarray
    camera: Intrinsics
    first_from_second: Float64[np.ndarray, "4 4"]  # from its camera's axes to the image's, metres


class CachedWorlds:
    """Views of worlds drawn by ``cache_world``; labels are mapped by ``table``."""

    def __init__(self, folders: Sequence[Path], table: UInt8[np.ndarray, "256"]) -> None:
        self._worlds = [
            {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}
            for folder in folders
        ]
        self._table = table

    def __len__(self) -> int:
        return sum(len(world["rgb"]) for world in self._worlds)

    def draw(self, rng: np.random.Generator) -> Shot:
        world = self._worlds[int(rng.integers(len(self._worlds)))]
        view = int(rng.integers(len(world["rgb"])))
        images = {name: world[name][view] for name in NAMES}
        height, width = images["labels"].shape
        images["labels"] = self._table[images["labels"]]
        camera = ViewSize(width, height).camera()
        return Shot(**images, camera=camera, second=self._second(world, view, camera))

    def _second(
        self, world: Mapping[str, np.ndarray], view: int, camera: Intrinsics
    ) -> SecondShot | None:
        """Where the world was drawn with second views."""
        if TRANSFORM not in world:
            return None
        images = {name: world[f"{SECOND}{name}"][view] for name in NAMES if name != "rgb"}
        images["labels"] = self._table[images["labels"]]
        return SecondShot(**images, camera=camera, first_from_second=world[TRANSFORM][view])


class Photographs:
    """Samples held in memory at a size that leaves room for crops."""

    def __init__(self, samples: Iterable[Sample], width: int, margin_px: int) -> None:
        self.shots = [_shot(sample, width, margin_px) for sample in samples]

    def __len__(self) -> int:
        return len(self.shots)

    def draw(self, rng: np.random.Generator) -> Shot:
        return self.shots[int(rng.integers(len(self.shots)))]


def _shot(sample: Sample, width: int, margin_px: int) -> Shot:
    """The sample without its outermost pixels, resized."""
    cut = slice(margin_px, -margin_px or None)
    camera = sample.intrinsics
    shown = (camera.width - 2 * margin_px, camera.height - 2 * margin_px)
    inner = camera.cropped(margin_px, margin_px, *shown)
    height = round(width * inner.height / inner.width)
    whole = Crop(0.0, 0.0, float(inner.width), float(inner.height), flip=False)
    size = (height, width)
    return Shot(
        rgb=np.rint(whole.image(sample.rgb[cut, cut], size).permute(1, 2, 0).numpy()).astype("u1"),
        depth_m=whole.picked(sample.depth_m[cut, cut], size).astype(np.float16),
        labels=whole.picked(sample.labels[cut, cut], size),
        edges=whole.marked(sample.edges[cut, cut], size),
        normals=np.rint(whole.picked(sample.normals[cut, cut], size) * 127).astype(np.int8),
        camera=inner.resized(width, height),
        others={
            task: scaled(task, whole.picked(truth[cut, cut], size), width / inner.width)
            for task, truth in sample.others.items()
        },
    )


def scaled(task: str, truth: np.ndarray, factor: float) -> np.ndarray:
    """A task's truth in an image ``factor`` times as wide; what is unknown stays so."""
    if task not in IN_PIXELS:
        return truth
    return np.where(truth >= 0, truth * np.float32(factor), truth).astype(np.float32)
