"""How well motion is told from the static world: real people, and scenes in which nothing moves.

    python benchmarks/motion.py --turning shared/data/person_turning --people shared/data/people \\
        --sequences shared/data/rgbd_dataset_freiburg1_xyz --output motion.json

Intersection over union of the motion mask with the true one, from geometry alone: no labels are
given. Pixels without depth, and beyond what the detector looks at, count for neither. Prints a
table and writes one JSON file.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers" / "maps"))
from helpers_people import Walker, crossing, five_people, person_turning, with_people

from hydra_mono.cli.sources import open_source
from hydra_mono.core.config import Config, MappingConfig
from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import NO_LABELS
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.freespace.map import create_free_space
from hydra_mono.mapping.motion.map import MotionMap
from hydra_mono.mapping.tsdf.volume import create_volume

REACH_M = 5.0  # beyond it the detector looks at nothing
Truth = np.ndarray


@dataclass
class Tally:
    """What was found in a sequence."""

    hit: int = 0
    missed: int = 0
    extra: int = 0
    pixels: int = 0
    by_frame: list[float] = field(default_factory=list)
    tracks: dict[int, int] = field(default_factory=dict)
    cost_ms: list[float] = field(default_factory=list)

    def add(self, moving: np.ndarray | None, truth: np.ndarray, valid: np.ndarray) -> None:
        found = np.zeros(truth.shape, bool) if moving is None else moving
        hit = int((found & truth & valid).sum())
        missed, extra = int((~found & truth & valid).sum()), int((found & ~truth & valid).sum())
        self.hit, self.missed, self.extra = self.hit + hit, self.missed + missed, self.extra + extra
        self.pixels += int(valid.sum())
        if (truth & valid).any():
            self.by_frame.append(hit / (hit + missed + extra))

    def row(self) -> dict[str, Any]:
        union = self.hit + self.missed + self.extra
        return {
            "iou": self.hit / union if self.hit + self.missed else None,
            "recall": self.hit / (self.hit + self.missed) if self.hit + self.missed else None,
            "mean_iou_of_frames": float(np.mean(self.by_frame)) if self.by_frame else None,
            "false_share": self.extra / max(self.pixels, 1),
            "tracks": len(self.tracks),
            "frames_of_longest_track": max(self.tracks.values(), default=0),
            "median_ms": float(np.median(self.cost_ms)),
            "p95_ms": float(np.percentile(self.cost_ms, 95)),
        }


class Stage:
    """The maps that motion needs, fed as the mapper feeds them."""

    def __init__(self) -> None:
        config = Config()
        self.motion = MotionMap(NO_LABELS, config.free_space.voxel_size)
        self.space = create_free_space(config.free_space, config.mapping)
        self.volume = create_volume(MappingConfig())

    def show(self, frame: Frame, tally: Tally, fuse: bool = False) -> np.ndarray | None:
        assert frame.depth_m is not None
        prediction = Prediction(frame.depth_m)
        begin = time.process_time()
        motion = self.motion.split(frame, prediction)
        middle = time.process_time()
        if fuse:
            self.volume.forget(motion.mistaken, self.motion.voxel_size_m)
            self.volume.integrate(frame, prediction, motion.still)
        free = self.space.carve(frame, prediction, motion.still)
        again = time.process_time()
        self.motion.learn(frame, free)
        tally.cost_ms.append(1e3 * (middle - begin + time.process_time() - again))
        for agent in motion.agents:
            if agent.is_seen:
                tally.tracks[agent.track] = tally.tracks.get(agent.track, 0) + 1
        return motion.moving


def scored(
    frames: Iterable[tuple[Frame, np.ndarray]], after_s: float = 0.0, fuse: bool = False
) -> tuple[Tally, Stage]:
    """Everything of a sequence; masks are compared from ``after_s`` seconds after its start."""
    stage, tally, start_ns = Stage(), Tally(), None
    for frame, truth in frames:
        start_ns = frame.stamp_ns if start_ns is None else start_ns
        moving = stage.show(frame, tally, fuse)
        if (frame.stamp_ns - start_ns) * 1e-9 >= after_s:
            valid = (frame.depth_m > 0) & (frame.depth_m < REACH_M)
            tally.add(moving, truth, valid)
    return tally, stage


def frames_of(sequence: str, limit: int) -> Iterator[Frame]:
    source = open_source(sequence, None, Config())
    for index in range(min(limit, len(source))):
        try:
            frame = source[index]
        except BadFrameError:
            continue
        if frame.depth_m is not None:
            yield frame


def composite(sequence: str, people: Path, limit: int) -> Iterator[tuple[Frame, np.ndarray]]:
    """Two of the five walk to and fro before the camera, from the second second on."""
    walkers: list[Walker] = []
    for frame in frames_of(sequence, limit):
        if not walkers:
            first, second = five_people(people)[0], five_people(people)[2]
            walkers = [crossing(first, frame, 1.5, 1), crossing(second, frame, 2.0, -1, 5.0)]
            start_ns = frame.stamp_ns
        late = (frame.stamp_ns - start_ns) > 1.5e9
        yield with_people(frame, walkers if late else [])


def still_scene(sequence: str, limit: int) -> Iterator[tuple[Frame, np.ndarray]]:
    for frame in frames_of(sequence, limit):
        yield frame, np.zeros(frame.depth_m.shape, bool)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    if arguments.turning:
        tally, stage = scored(person_turning(arguments.turning), fuse=True)
        rows["person turning"] = tally.row() | {"vertices_of_him_at_the_wall": at_the_wall(stage)}
    for sequence in arguments.sequences:
        name = Path(sequence).name
        rows[f"{name}, as it is"] = scored(still_scene(sequence, arguments.frames))[0].row()
        if arguments.people:
            frames = composite(sequence, arguments.people, arguments.frames)
            rows[f"{name}, two people"] = scored(frames, after_s=1.5)[0].row()
    return rows


def at_the_wall(stage: Stage) -> dict[str, int]:
    """Vertices nearer to the camera than 1.6 m (he), and of the rest those not at the wall."""
    update = stage.volume.update_mesh(0, np.zeros(3))
    points = np.concatenate([mesh.vertices_m for mesh in update.changed.values()])
    away = points[:, 1]
    return {"all": len(points), "nearer": int((away < 1.6).sum())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--turning", type=Path)
    parser.add_argument("--people", type=Path)
    parser.add_argument("--sequences", nargs="*", default=[])
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--output", type=Path, default=Path("motion.json"))
    arguments = parser.parse_args()
    rows = measure(arguments)
    arguments.output.write_text(json.dumps(rows, indent=1))
    for name, row in rows.items():
        print(f"{name:44}" + "  ".join(f"{k} {_text(v)}" for k, v in row.items()))


def _text(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
