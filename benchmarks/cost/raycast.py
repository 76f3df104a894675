"""Views of training worlds a second: Open3D's renderer, and the torch ray caster by batch size.

    python benchmarks/cost/raycast.py                       # on the GPU if there is one
    python benchmarks/cost/raycast.py --device cpu --threads 1 --batches 1 8

Geometry: depth, labels, normals. Plain: coloured as the Open3D renderer does. Varied: random
looks with three lamps a room, at 1 × and at 2 × the size with averaged colours and edges, as live
batches are. Processor time stands beside the clock's, for machines that do other work too.
Prints a table and writes one JSON file.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hydra_mono.core.errors import MissingDependencyError
from hydra_mono.core.label_map import load_label_map
from hydra_mono.core.labels import load_label_space
from hydra_mono.simulation.render.images import Renderer
from hydra_mono.simulation.scene import World
from hydra_mono.training.data.worlds.cache import ViewSize
from hydra_mono.training.data.worlds.live_images import cached_form
from hydra_mono.training.data.worlds.views import random_views, random_world
from hydra_mono.training.render.looks import Library, make_library, random_look
from hydra_mono.training.render.raycast import cast
from hydra_mono.training.render.shading import plain_look, shade
from hydra_mono.training.render.textures import Textures, palette_textures
from hydra_mono.training.render.world import WorldTensors, compile_world, stack_worlds

VIEWS = 512  # different ones, drawn by turns


@dataclass(frozen=True)
class Stage:
    """Worlds on the device, and where to look at them from."""

    size: ViewSize
    worlds: WorldTensors
    world: Tensor
    poses: Tensor
    palettes: Textures
    materials: int
    library: Library

    def views(self, batch: int, turn: int) -> tuple[Tensor, Tensor]:
        pick = (torch.arange(batch, device=self.world.device) + turn * batch) % VIEWS
        return self.world[pick], self.poses[pick]


def make_stage(worlds: list[World], size: ViewSize, device: torch.device) -> Stage:
    rng = np.random.default_rng(0)
    each = -(-VIEWS // len(worlds))
    poses = np.stack([random_views(rng, world, each) for world in worlds], axis=1)
    table = torch.from_numpy(load_label_map("apartment", "nyu40").table)
    generator = torch.Generator().manual_seed(0)
    return Stage(
        size=size,
        worlds=stack_worlds([compile_world(world) for world in worlds], device),
        world=torch.arange(VIEWS, device=device) % len(worlds),
        poses=torch.from_numpy(poses.reshape(-1, 4, 4)[:VIEWS]).float().to(device),
        palettes=palette_textures([world.palette for world in worlds], device),
        materials=len(worlds[0].palette.index),
        library=make_library(256, generator, None, table, device),
    )


def geometry(stage: Stage, batch: int, turn: int) -> None:
    cast(stage.worlds, *stage.views(batch, turn), stage.size.camera())


def plain(stage: Stage, batch: int, turn: int) -> None:
    world, poses = stage.views(batch, turn)
    hits = cast(stage.worlds, world, poses, stage.size.camera())
    look = plain_look(stage.worlds, world, stage.materials)
    shade(stage.worlds, world, hits, look, stage.palettes)


def varied(scale: int) -> Callable[[Stage, int, int], None]:
    def draw(stage: Stage, batch: int, turn: int) -> None:
        world, poses = stage.views(batch, turn)
        camera = stage.size.camera(scale)
        hits = cast(stage.worlds, world, poses, camera)
        generator = torch.Generator().manual_seed(turn)
        look = random_look(generator, stage.worlds, world, stage.library, camera.fx, 0.0)
        rgb = shade(stage.worlds, world, hits, look, stage.library.textures)
        cached_form(hits, rgb, scale)

    return draw


def timed(draw: Callable[[int], None], views: int, seconds: float) -> dict[str, float]:
    """Views a second of ``draw(turn)``, repeated for so long, the first turn not counted."""
    draw(0)
    settle()
    start, busy, turns = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < seconds or turns < 2:
        turns += 1
        draw(turns)
        settle()
    elapsed, busy = time.perf_counter() - start, time.process_time() - busy
    drawn = turns * views
    return {"views_per_s": drawn / elapsed, "cpu_ms_per_view": 1e3 * busy / drawn}


def settle() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def open3d_row(world: World, stage: Stage, threads: int, seconds: float) -> dict[str, Any] | None:
    """Colour and geometry of one view at a time; None where Open3D is not there."""
    try:
        renderer = Renderer(world, stage.size.camera(), threads=threads)
    except MissingDependencyError as error:
        print(f"no baseline: {error}")
        return None
    poses = stage.poses[stage.world == 0].double().cpu().numpy()

    def draw(turn: int) -> None:
        renderer.render(poses[turn % len(poses)])

    return {"what": "Open3D renderer", "batch": 1, **timed(draw, 1, seconds)}


def measure(options: argparse.Namespace, device: torch.device) -> list[dict[str, Any]]:
    labels = load_label_space("apartment")
    worlds = [random_world("training", seed, labels) for seed in range(options.worlds)]
    stage = make_stage(worlds, ViewSize(options.width, options.height), device)
    rows = [open3d_row(worlds[0], stage, options.threads, options.seconds)]
    kinds = {"geometry": geometry, "plain": plain, "varied 1x": varied(1), "varied 2x": varied(2)}
    for what, draw in kinds.items():
        for batch in options.batches:
            figures = timed(partial(draw, stage, batch), batch, options.seconds)
            rows.append({"what": what, "batch": batch, **figures})
    return [row for row in rows if row is not None]


def report(rows: list[dict[str, Any]], where: str) -> None:
    print(f"\n{where}\n{'':16}{'batch':>6}{'views/s':>10}{'CPU ms/view':>13}")
    for row in rows:
        figures = f"{row['views_per_s']:>10.1f}{row['cpu_ms_per_view']:>13.2f}"
        print(f"{row['what']:16}{row['batch']:>6}{figures}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--worlds", type=int, default=4)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--height", type=int, default=192)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--output", type=Path, default=Path("results/benchmark-raycast.json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    where = f"{where}, {options.threads} CPU threads, {options.width}×{options.height}"
    rows = measure(options, device)
    report(rows, where)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({"where": where, "rows": rows}, indent=1) + "\n")
    print(f"\n{options.output}")


if __name__ == "__main__":
    main()
