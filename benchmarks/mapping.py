"""Time and memory of a run, frame by frame, with Open3D's plain TSDF beside it in the same run.

    python benchmarks/mapping.py                                    # the simulated apartment
    python benchmarks/mapping.py --sequence simulated/1001          # one that was not tuned on
    python benchmarks/mapping.py --set simulation.rooms=30 --frames 5000 --no-baseline   # growth

Depth and labels are the sensor's. Prints tables and writes one JSON file. The baseline integrates
every frame into an Open3D VoxelBlockGrid and extracts the whole mesh at every keyframe; it lives
in a process of its own, so that memory is counted apart, and works only while the mapper waits.
"""

import argparse
import json
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from hydra_mono.cli.progress import print_table
from hydra_mono.cli.sources import open_source
from hydra_mono.core.config import Config, load_config
from hydra_mono.core.frame import Frame
from hydra_mono.core.geometry import inverse
from hydra_mono.core.timing import frozen_gc, summary
from hydra_mono.graph.model.symbols import Layer
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.pipeline import Mapper
from hydra_mono.session import peak_rss_mb

MEMORY_EVERY = 50  # frames


class Baseline:
    """Open3D's VoxelBlockGrid in its own process; ``step`` returns its milliseconds."""

    def __init__(self, voxel_size_m: float, max_depth_m: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=serve_baseline, args=(other, voxel_size_m, max_depth_m), daemon=True
        )
        self._process.start()

    def step(self, frame: Frame, is_keyframe: bool) -> float:
        pose, camera = inverse(frame.world_from_camera), frame.intrinsics.matrix
        self._pipe.send((frame.depth_m, frame.rgb, camera, pose, is_keyframe))
        return float(self._pipe.recv())

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join()


def serve_baseline(pipe: Connection, voxel_size_m: float, max_depth_m: float) -> None:
    from hydra_mono.core.open3d_loader import open3d

    o3d = open3d()
    core = o3d.core
    grid = o3d.t.geometry.VoxelBlockGrid(
        ("tsdf", "weight", "color"),
        (core.float32, core.float32, core.float32),
        ((1), (1), (3)),
        voxel_size_m,
        8,
        20000,
    )
    while (job := pipe.recv()) is not None:
        depth_m, rgb, camera, pose, is_keyframe = job
        started = time.perf_counter()
        depth = o3d.t.geometry.Image(core.Tensor(depth_m))
        color = o3d.t.geometry.Image(core.Tensor(rgb.astype(np.float32) / 255))
        k, extrinsic = core.Tensor(camera), core.Tensor(pose)
        blocks = grid.compute_unique_block_coordinates(depth, k, extrinsic, 1.0, max_depth_m, 3.0)
        grid.integrate(blocks, depth, color, k, k, extrinsic, 1.0, max_depth_m, 3.0)
        if is_keyframe:
            grid.extract_triangle_mesh(1.0)
        pipe.send((time.perf_counter() - started) * 1e3)


def measure(
    config: Config, sequence: str, frames: int | None, with_baseline: bool
) -> dict[str, Any]:
    """Maps the sequence and returns every figure."""
    source = open_source(sequence, None, config)
    mapper = Mapper(config, create_predictor(config.predictor, source.label_space))
    mapping = config.mapping
    baseline = Baseline(mapping.voxel_size, mapping.max_depth) if with_baseline else None
    memory_mb: list[float] = []
    baseline_ms: list[float] = []
    is_key: list[bool] = []
    count = len(source) if frames is None else min(frames, len(source))
    for index in range(count):
        frame = source[index]
        meshes = len(mapper.clock.stage_ms.get("mesh", ()))
        mapper.step(frame)
        is_key.append(len(mapper.clock.stage_ms["mesh"]) > meshes)
        if baseline:
            baseline_ms.append(baseline.step(frame, is_key[-1]))
        if index % MEMORY_EVERY == 0:
            memory_mb.append(psutil.Process().memory_info().rss / 2**20)
            progress(index, count)
    if baseline:
        baseline.close()
    return figures(mapper, memory_mb, np.array(is_key), baseline_ms)


def figures(
    mapper: Mapper, memory_mb: list[float], is_key: np.ndarray, baseline_ms: list[float]
) -> dict[str, Any]:
    frame_ms = np.array(mapper.clock.frame_ms)
    result = {
        "frames": len(frame_ms),
        "rooms": mapper.graph.count_present(Layer.ROOMS),
        "places": mapper.graph.count_present(Layer.PLACES),
        "objects": mapper.graph.count_present(Layer.OBJECTS),
        "vertices": mapper.mesh.vertex_count,
        "frame_ms": spread(frame_ms),
        "ordinary_frame_ms": spread(frame_ms[~is_key]),
        "keyframe_ms": spread(frame_ms[is_key]),
        "stage_ms": {name: spread(np.array(t)) for name, t in mapper.clock.stage_ms.items()},
        "memory_mb": [round(value, 1) for value in memory_mb],
        "memory_growth_mb": round(max(memory_mb) - memory_mb[0], 1),
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }
    if baseline_ms:
        times = np.array(baseline_ms)
        result["open3d_frame_ms"] = spread(times)
        result["open3d_keyframe_ms"] = spread(times[is_key])
        result["ratio_of_means"] = round(float(frame_ms.mean() / times.mean()), 3)
    return result


def spread(values_ms: np.ndarray) -> dict[str, float]:
    """Median, p95, mean, and growth: median of the last tenth over that of the first.

    The first tenth is a nearly empty map; ``growth_from_third`` compares with the third tenth,
    when the window is as full as it gets and only the map beyond it goes on growing.
    """
    tenths = np.array_split(values_ms, 10) if len(values_ms) >= 10 else [values_ms] * 10
    medians = [float(np.median(each)) for each in tenths]
    return summary(values_ms.tolist()) | {
        "growth": round(medians[-1] / medians[0], 3),
        "growth_from_third": round(medians[-1] / medians[2], 3),
    }


def progress(index: int, count: int) -> None:
    print(f"frame {index}/{count}", file=sys.stderr, flush=True)


def report(result: dict[str, Any]) -> None:
    columns = ("median", "p95", "mean", "growth", "growth_from_third")
    rows = [
        (name, *(f"{result[name][column]:.2f}" for column in columns))
        for name in result
        if name.endswith("frame_ms")
    ]
    print_table(rows, header=("milliseconds", *columns))
    stages = result["stage_ms"].items()
    print_table(
        [(name, *(f"{t[c]:.2f}" for c in columns)) for name, t in stages],
        header=("stage", *columns),
    )
    single = [(key, str(value)) for key, value in result.items() if not isinstance(value, dict)]
    print_table([row for row in single if row[0] != "memory_mb"], header=("figure", "value"))
    print_table(
        [
            (str(i * MEMORY_EVERY), f"{mb:.0f}")
            for i, mb in enumerate(result["memory_mb"])
            if i % 4 == 0
        ],
        header=("frame", "memory MB"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sequence", default="apartment")
    parser.add_argument("--frames", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("results/benchmark-mapping.json"))
    options = parser.parse_args()
    config = load_config(overrides=("predictor.name=sensor", *options.set))
    with frozen_gc():
        result = measure(config, options.sequence, options.frames, not options.no_baseline)
    result |= {"sequence": options.sequence, "settings": options.set}
    report(result)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\n{options.output}")


if __name__ == "__main__":
    main()
