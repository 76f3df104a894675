"""Batches cut on a device are those of the CPU's maker; views change as steps go on."""

import math
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import helpers_training
import numpy as np
import pytest
import torch
from helpers_training import CAMERA, PLANE_NORMAL
from helpers_training import planes as plane_samples

from hydra_mono.core.label_map import load_label_map
from hydra_mono.training.data.crops import Crop
from hydra_mono.training.data.device_batches import DeviceBatches, Stack, stack_shots
from hydra_mono.training.data.shots import Photographs
from hydra_mono.training.data.warp import make_warp, marked, nearest, warped_image
from hydra_mono.training.data.worlds.cache import ViewSize
from hydra_mono.training.data.worlds.live_worlds import LiveSettings, LiveWorlds
from hydra_mono.training.data.worlds.view_pool import ViewPool

CPU = torch.device("cpu")
RULE = replace(helpers_training.RULE, count=6, photographs=0.5)
TINY = LiveSettings(
    size=ViewSize(32, 24),
    batch=2,
    pool=2,
    replace_every=1,
    views=4,
    procedural=8,
    views_at_once=2,
    plain_share=0.5,
)


def planes() -> Stack:
    return stack_shots(Photographs(plane_samples(), 128, 0).shots, CPU)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (96, 128, 3)).astype(np.uint8)


CROPS = (
    Crop(0.0, 0.0, 128.0, 96.0, flip=False),
    Crop(11.3, 7.7, 64.4, 48.3, flip=True),
    Crop(40.0, 30.0, 80.0, 60.0, flip=False),
)


@pytest.mark.parametrize("crop", CROPS)
def test_targets_are_those_of_a_single_crop(crop: Crop) -> None:
    size = (24, 32)
    warp = make_warp([crop], [0.0], planes().camera[:1])
    image = noise(1)[..., 0]
    index, inside = nearest(warp, (96, 128), size)
    assert inside.all()
    assert np.array_equal(image.ravel()[index[0].numpy()], crop.picked(image, size))
    edges = (noise(2)[..., 0] < 6).astype(np.uint8)
    edges[:, 100:] = 255
    found = marked(torch.from_numpy(edges)[None], warp, size)[0].numpy()
    assert np.array_equal(found, crop.marked(edges, size))
    expected = crop.camera(CAMERA, size)
    camera = (expected.fx, expected.fy, expected.cx, expected.cy)
    assert warp.cropped_camera(size)[0].tolist() == pytest.approx(camera, rel=1e-5)


def test_an_uncut_image_is_itself() -> None:
    rgb = torch.from_numpy(noise(3))[None]
    warp = make_warp(CROPS[:1], [0.0], planes().camera[:1])
    found = warped_image(rgb, warp, (96, 128))[0].permute(1, 2, 0)
    assert torch.allclose(found, rgb[0].float(), atol=0.02)


def test_pixels_return_from_where_they_came() -> None:
    warp = make_warp(CROPS, [0.1, -0.2, 0.05], planes().camera[:1].expand(3, 4))
    x, y = warp.sources((48, 64))
    u, v = warp.targets((96, 128), (48, 64))
    row, column = 20, 30
    for item in range(3):
        at = int(y[item, row, column]), int(x[item, row, column])
        assert abs(float(u[item][at]) - (column + 0.5)) < 1.2
        assert abs(float(v[item][at]) - (row + 0.5)) < 1.2


def test_a_rolled_plane_is_still_a_plane() -> None:
    batch = DeviceBatches(None, planes())(replace(RULE, photographs=1.0), (0, 1, 0))
    for item in range(RULE.count):
        fx, fy, cx, cy = batch.camera[item].tolist()
        depth = batch.depth_m[item, 0].numpy() * fx / (RULE.focal_per_width * 32)  # metres
        v, u = np.mgrid[:24, :32]
        points = np.stack([(u - cx) / fx * depth, (v - cy) / fy * depth, depth])
        distance = (points * batch.normals[item].numpy()).sum(0)[depth > 0]
        assert np.abs(distance - -2.0).max() < 0.06
        up = math.hypot(*batch.normals[item, :2].mean((1, 2)).tolist())
        assert (depth == 0).any() or abs(up - abs(PLANE_NORMAL[1])) < 0.02


def test_a_batch_follows_from_its_seed_and_mixes_by_share() -> None:
    worlds = replace(planes(), labels=torch.full_like(planes().labels, 7))

    class Fixed:
        def at(self, step: int) -> Stack:
            return worlds

    batches = DeviceBatches(Fixed(), planes())
    first, again, other = (batches(RULE, seed) for seed in ((1, 2, 0), (1, 2, 0), (1, 3, 0)))
    assert torch.equal(first.image, again.image) and not torch.equal(first.image, other.image)
    drawn = (first.labels == 7).flatten(1).any(dim=1)
    assert drawn.tolist() == [False] * 3 + [True] * 3
    assert batches.label_counts(41)[7] == 1.0


def pool() -> ViewPool:
    live = LiveWorlds(0, settings=TINY, workers=0)
    return ViewPool(live, TINY.size, load_label_map("apartment", "nyu40").table, 3, 2)


def copied(stack: Stack) -> Stack:
    return Stack(*(getattr(stack, f.name).clone() for f in fields(stack)))


def test_the_oldest_views_make_room_and_a_resumed_run_sees_the_same() -> None:
    views = pool()
    first = copied(views.at(0))
    assert torch.equal(first.rgb, views.at(1).rgb)
    later = copied(views.at(2))
    kept = [torch.equal(first.rgb[i : i + 2], later.rgb[i : i + 2]) for i in (0, 2, 4)]
    assert kept == [False, True, True]
    resumed = pool().at(2)
    assert torch.equal(later.rgb, resumed.rgb) and torch.equal(later.labels, resumed.labels)
    assert int(later.labels.max()) <= 40 and float(later.depth_m.min()) > 0
    assert torch.equal(views.at(0).rgb, first.rgb)


BARE = """
import sys
for name in ("open3d", "networkx", "rerun", "psutil"):
    sys.modules[name] = None
from pathlib import Path
import torch
from helpers_training import tiny_config, tiny_network
from hydra_mono.core.config.training import LiveConfig
from hydra_mono.training import run
from hydra_mono.training.data import sources as data
from hydra_mono.training.watch import Watcher
config = tiny_config(1, live=LiveConfig(chunk=2, chunks=1, worlds=1, workers=0))
cpu, folder = torch.device("cpu"), Path(sys.argv[1])
held_back = {"simulated": data.live_held_back(config, cpu)}
live = data.Data(data.live_batches(config, cpu, None, None), held_back)
colors = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
trainer = run.create_trainer(tiny_network(), config, live, folder, cpu, colors)
run.train(trainer, run.rules(tiny_network(), config, colors), live, Watcher(folder, record=False))
assert "simulated.rmse_m" in (folder / "validation.csv").read_text()
"""


def test_live_training_and_its_validation_need_neither_open3d_nor_the_mapper(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", BARE, str(tmp_path)]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "helpers" / "networks")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=here)
    assert done.returncode == 0, done.stderr
