"""Live batches: the cached form, random looks, real patches, and nothing but torch to draw them."""

import functools
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers_raycast import CAMERA, alone, both

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.label_map import load_label_map
from hydra_mono.training.data.worlds.cache import NAMES, ViewSize
from hydra_mono.training.data.worlds.live_images import cached_form
from hydra_mono.training.data.worlds.live_worlds import LiveSettings, LiveWorlds
from hydra_mono.training.render.looks import Library, make_library, random_look
from hydra_mono.training.render.procedural_textures import PATTERNS, paint_textures
from hydra_mono.training.render.raycast import cast
from hydra_mono.training.render.shading import shade
from hydra_mono.training.render.texture_bank import TextureBank, cut_patches, load_bank, save_bank
from hydra_mono.training.render.textures import make_textures
from hydra_mono.training.samples import Sample

TINY = LiveSettings(
    size=ViewSize(32, 24), batch=3, pool=2, replace_every=2, views=4, procedural=8, views_at_once=2
)
TABLE = load_label_map("apartment", "nyu40").table
WALL = 1


def sample(labels: np.ndarray) -> Sample:
    """An image whose colour tells its label."""
    rgb = np.stack([labels * 6, 255 - labels * 6, labels], axis=2).astype(np.uint8)
    h, w = labels.shape
    empty = np.zeros((h, w), np.float32)
    return Sample(
        name="made",
        rgb=rgb,
        intrinsics=Intrinsics(100.0, 100.0, w / 2, h / 2, w, h),
        depth_m=empty,
        labels=labels,
        normals=np.zeros((h, w, 3), np.float32),
        edges=np.zeros((h, w), np.uint8),
    )


def patchwork(seed: int) -> np.ndarray:
    """Labels 0..20 in overlapping rectangles."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((150, 200), np.uint8)
    for _ in range(12):
        v, u = rng.integers(0, 150), rng.integers(0, 200)
        labels[v : v + rng.integers(20, 110), u : u + rng.integers(20, 110)] = rng.integers(0, 21)
    return labels


def red_bank() -> TextureBank:
    red = torch.tensor([255, 0, 0], dtype=torch.uint8).expand(1, 64, 64, 3)
    return TextureBank(red, torch.tensor([WALL], dtype=torch.uint8))


def library(bank: TextureBank | None = None) -> Library:
    return make_library(16, torch.Generator().manual_seed(1), bank, torch.from_numpy(TABLE))


@functools.cache
def first_batches() -> list[dict[str, torch.Tensor]]:
    with LiveWorlds(0, settings=TINY, workers=0) as live:
        return [batch for batch, _ in zip(live, range(3), strict=False)]


def drawn(seed: int, bank: TextureBank | None = None, share: float = 0.0) -> torch.Tensor:
    worlds, world, poses = alone(1)
    hits = cast(worlds, world, poses, CAMERA)
    rng = torch.Generator().manual_seed(seed)
    choices = library(bank)
    look = random_look(rng, worlds, world, choices, CAMERA.fx, share)
    return shade(worlds, world, hits, look, choices.textures)


def test_every_patch_of_the_bank_lies_in_its_one_label() -> None:
    bank = cut_patches((sample(patchwork(seed)) for seed in range(6)), seed=0)
    label = bank.labels.long()[:, None, None]
    expected = torch.stack([label * 6, 255 - label * 6, label], dim=-1).to(torch.uint8)
    assert torch.equal(bank.tiles, expected.expand_as(bank.tiles))
    assert len(bank.labels.unique()) > 10
    assert bank.labels.min() > 0
    assert torch.all(bank.labels.diff().int() >= 0)


def test_a_patch_needs_32_pixels_of_its_label() -> None:
    labels = np.zeros((80, 120), np.uint8)
    labels[5:38, 5:38] = 3
    assert cut_patches([sample(labels)], seed=0).labels.tolist() == [3]
    labels[20, 20] = 0
    with pytest.raises(DataError, match="32 pixels"):
        cut_patches([sample(labels)], seed=0)


def test_a_saved_bank_comes_back_and_a_damaged_one_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    bank = cut_patches([sample(patchwork(2))], seed=0)
    save_bank(tmp_path / "bank.npz", bank)
    again = load_bank(tmp_path / "bank.npz")
    assert torch.equal(again.tiles, bank.tiles)
    assert torch.equal(again.labels, bank.labels)
    (tmp_path / "bank.npz").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"bank\.npz"):
        load_bank(tmp_path / "bank.npz")


def test_mirrored_textures_turn_round_and_others_start_again() -> None:
    ramp = torch.arange(8, dtype=torch.uint8).reshape(1, 1, 8, 1).expand(1, 8, 8, 3)
    u = torch.arange(24) / 8 + 0.01
    tiles = torch.stack([u, torch.zeros(24)], dim=1)
    first = torch.zeros(24, dtype=torch.int64)
    row = torch.arange(8.0)
    plain = make_textures(ramp, mirrored=False).sample(first, tiles, first)[:, 0]
    mirrored = make_textures(ramp, mirrored=True).sample(first, tiles, first)[:, 0]
    assert torch.equal(plain, row.repeat(3))
    assert torch.equal(mirrored, torch.cat([row, row.flip(0), row]))


def test_a_coarser_level_is_the_average_of_finer_texels() -> None:
    tile = torch.randint(0, 256, (2, 16, 16, 3), generator=torch.Generator().manual_seed(0))
    textures = make_textures(tile.to(torch.uint8), mirrored=False)
    middle = torch.tensor([[0.6, 0.9]])
    found = textures.sample(torch.tensor([1]), middle, torch.tensor([2]))
    block = tile[1, 12:16, 8:12].double().mean(dim=(0, 1))
    assert torch.all((found[0] - block).abs() <= 0.5)


def test_painted_textures_differ_and_depend_on_the_seed_alone() -> None:
    first, again = (paint_textures(20, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert len(torch.unique(first.flatten(1), dim=0)) == 20
    assert not torch.equal(first, paint_textures(20, torch.Generator().manual_seed(4)))


def test_patterns_are_shares_of_two_colours() -> None:
    for pattern in PATTERNS:
        values = pattern(4, torch.Generator().manual_seed(5))
        assert values.shape == (4, 128, 128)
        assert 0 <= values.min() <= values.max() <= 1


def test_a_look_depends_on_the_seed_alone_and_views_differ() -> None:
    assert torch.equal(drawn(7), drawn(7))
    assert (drawn(7).int() - drawn(8).int()).abs().float().mean() > 10


def test_random_looks_are_neither_black_nor_blown_out() -> None:
    means = drawn(9).float().mean(dim=(1, 2, 3))
    assert torch.all((means > 5) & (means < 250))
    assert means.std() > 5


def test_walls_get_patches_of_walls_and_nothing_else_does() -> None:
    worlds, world, poses = alone(1)
    labels = cast(worlds, world, poses, CAMERA).labels
    rgb = drawn(3, red_bank(), share=1.0).float()
    lit = rgb.amax(dim=3) > 20
    reddish = (rgb[..., 0] > 2 * rgb[..., 1]) & (rgb[..., 0] > 2 * rgb[..., 2])
    assert reddish[(labels == WALL) & lit].all()
    assert reddish[(labels != WALL) & lit].float().mean() < 0.3


def test_colour_is_averaged_and_the_first_of_the_others_taken() -> None:
    worlds, world, poses = both()
    hits = cast(worlds, world[:2], poses[:2], CAMERA)
    rgb = torch.randint(0, 256, (2, 48, 64, 3), generator=torch.Generator().manual_seed(1))
    batch = cached_form(hits, rgb.to(torch.uint8), scale=2)
    mean = rgb.reshape(2, 24, 2, 32, 2, 3).double().mean(dim=(2, 4))
    assert torch.all((batch["rgb"] - mean).abs() <= 0.5)
    assert torch.equal(batch["labels"], hits.labels[:, ::2, ::2])
    assert torch.equal(batch["depth_m"], hits.depth_m[:, ::2, ::2].half())


def test_a_batch_has_the_arrays_of_the_cache() -> None:
    batch = first_batches()[0]
    types = (torch.uint8, torch.float16, torch.uint8, torch.uint8, torch.int8)
    assert tuple(batch) == NAMES
    assert tuple(batch[name].dtype for name in NAMES) == types
    assert all(batch[name].shape[:3] == (3, 24, 32) for name in NAMES)
    assert torch.all(batch["depth_m"] > 0)


def test_a_run_taken_up_later_goes_on_as_it_would_have_with_worlds_built_elsewhere() -> None:
    batches = first_batches()
    with LiveWorlds(0, settings=TINY, workers=1, first_batch=2) as resumed:
        again = next(iter(resumed))
    assert all(torch.equal(again[name], batches[2][name]) for name in NAMES)
    assert not torch.equal(batches[0]["rgb"], batches[1]["rgb"])


BARE = """
import sys
for name in ("open3d", "networkx", "rerun", "psutil", "tqdm"):
    sys.modules[name] = None
import numpy as np
import hydra_mono.perception.networks.m2h
import hydra_mono.training.readers.nyuv2
import hydra_mono.training.readers.targets
from hydra_mono.training.data.worlds.cache import ViewSize
from hydra_mono.training.data.worlds.live_worlds import LiveSettings, LiveWorlds
settings = LiveSettings(size=ViewSize(32, 24), batch=1, pool=1, views=1, procedural=8)
with LiveWorlds(0, settings=settings, workers=0) as live:
    assert live.draw(0)["depth_m"].min() > 0
"""


def test_drawing_for_training_needs_neither_open3d_nor_the_rest_of_the_mapper() -> None:
    done = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
