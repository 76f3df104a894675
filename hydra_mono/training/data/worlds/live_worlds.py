"""Batches of training views drawn while they are needed, in place of cached ones."""

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from multiprocessing import get_context
from types import TracebackType

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from hydra_mono.core.errors import DataError
from hydra_mono.core.label_map import load_label_map
from hydra_mono.core.labels import LabelSpace, load_label_space
from hydra_mono.simulation.materials import Palette
from hydra_mono.simulation.scene import World
from hydra_mono.training.data.worlds.cache import NAMES, ViewSize
from hydra_mono.training.data.worlds.live_images import Batch, cached_form
from hydra_mono.training.data.worlds.views import random_views, random_world
from hydra_mono.training.render.looks import Library, make_library, random_look
from hydra_mono.training.render.raycast import cast
from hydra_mono.training.render.shading import Look, plain_look, shade
from hydra_mono.training.render.texture_bank import TextureBank
from hydra_mono.training.render.textures import Textures, chained, palette_textures
from hydra_mono.training.render.world import WorldTensors, compile_world, stack_worlds

LABELS, BANK_LABELS = "apartment", "nyu40"
FIRST_SEED = 1_000_000  # of live worlds; cached ones start at 0
NEXT_SEED = 1_000_000_000  # further on lies the stand-in for a world that cannot be built
Prepared = tuple[dict[str, np.ndarray], np.ndarray, Palette]


@dataclass(frozen=True)
class PoolWorld:
    """A world that views are drawn of, where they may be drawn from, and its own textures."""

    tensors: WorldTensors
    poses: Float32[Tensor, "v 4 4"]
    textures: Textures


@dataclass(frozen=True)
class LiveSettings:
    """How live batches are made up: ``pool`` worlds at a time, the oldest replaced by turns."""

    size: ViewSize = field(default_factory=ViewSize)
    batch: int = 32  # views
    scale: int = 2  # pixels drawn along a side of one that is given
    pool: int = 8  # worlds that a batch's views may be of
    replace_every: int = 4  # batches after which the oldest world makes room
    views: int = 256  # places of the camera kept for a world
    procedural: int = 256  # painted textures
    patch_share: float = 0.5  # of finishes with a texture cut from real images, where there is one
    plain_share: float = 0.0  # of batches that look as the simulator renders them
    views_at_once: int = 32  # bounds memory: 60 MB a view of 192 × 256 at scale 2


class LiveWorlds:
    """An endless run of batches; batch i depends on seed and i alone.

    Worlds are built ahead in ``workers`` processes (0: in this one, when they are needed). Use it
    as a context manager, or close it. Batches have the arrays of ``cache_world`` as tensors on
    the device: rgb, depth_m, labels, edges, normals.
    """

    def __init__(
        self,
        seed: int,
        device: torch.device | str = "cpu",
        settings: LiveSettings | None = None,
        bank: TextureBank | None = None,
        *,
        first_batch: int = 0,
        workers: int = 1,
    ) -> None:
        self._seed, self._device = seed, torch.device(device)
        self._settings = settings or LiveSettings()
        self._next, self._workers = first_batch, workers
        context = get_context("spawn")
        self._executor = ProcessPoolExecutor(workers, context) if workers else None
        self._coming: dict[int, Future[Prepared]] = {}
        self._pool: dict[int, PoolWorld] = {}
        self._library = self._make_library(bank)
        self._worlds: WorldTensors | None = None
        self._own: Textures | None = None  # of the pool's worlds, one after another

    def __enter__(self) -> "LiveWorlds":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the processes that build worlds."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            yield self.draw(self._next)
            self._next += 1

    def draw(self, index: int) -> Batch:
        """Batch ``index``."""
        numbers = self._fetch(index // self._settings.replace_every)
        rng = np.random.default_rng([5, self._seed, index])
        world = torch.from_numpy(rng.integers(len(numbers), size=self._settings.batch))
        poses = self._poses(rng, [numbers[int(i)] for i in world])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        plain = bool(rng.random() < self._settings.plain_share)
        parts = [
            self._draw_some(w, p, generator, plain)
            for w, p in zip(self._split(world), self._split(poses), strict=True)
        ]
        return {name: torch.cat([part[name] for part in parts]) for name in NAMES}

    def _draw_some(
        self,
        world: Int64[Tensor, " n"],
        poses: Float32[Tensor, "n 4 4"],
        rng: torch.Generator,
        plain: bool,
    ) -> Batch:
        settings, worlds = self._settings, self._worlds
        assert worlds is not None
        camera = settings.size.camera(settings.scale)
        world, poses = world.to(self._device), poses.to(self._device)
        hits = cast(worlds, world, poses, camera)
        look, textures = self._look(worlds, world, rng, camera.fx, plain)
        rgb = shade(worlds, world, hits, look, textures)
        return cached_form(hits, rgb, settings.scale)

    def _look(
        self,
        worlds: WorldTensors,
        world: Int64[Tensor, " n"],
        rng: torch.Generator,
        focal_px: float,
        plain: bool,
    ) -> tuple[Look, Textures]:
        """The simulator's own look, or a random one."""
        if plain:
            assert self._own is not None
            materials = len(self._own.start) // len(self._pool)
            return plain_look(worlds, world, materials), self._own
        share = self._settings.patch_share
        look = random_look(rng, worlds, world, self._library, focal_px, share)
        return look, self._library.textures

    def _split(self, values: Tensor) -> tuple[Tensor, ...]:
        return torch.split(values, self._settings.views_at_once)

    def _poses(self, rng: np.random.Generator, numbers: list[int]) -> Float32[Tensor, "n 4 4"]:
        picks = rng.integers(self._settings.views, size=len(numbers))
        return torch.stack(
            [self._pool[n].poses[int(i)] for n, i in zip(numbers, picks, strict=True)]
        )

    def _fetch(self, first: int) -> list[int]:
        """Makes worlds ``first`` to ``first + pool`` the drawn ones, and orders what follows."""
        numbers = list(range(first, first + self._settings.pool))
        if list(self._pool) == numbers:
            return numbers
        for number in range(first, first + self._settings.pool + self._workers):
            self._order(number)
        self._pool = {n: self._pool[n] if n in self._pool else self._finished(n) for n in numbers}
        self._coming = {n: f for n, f in self._coming.items() if n > numbers[-1]}
        worlds = list(self._pool.values())
        self._worlds = stack_worlds([world.tensors for world in worlds], self._device)
        if self._settings.plain_share:
            self._own = chained([world.textures for world in worlds])
        return numbers

    def _order(self, number: int) -> None:
        if self._executor is not None and number not in self._pool and number not in self._coming:
            arguments = self._world_seed(number), self._settings.views
            self._coming[number] = self._executor.submit(prepare, *arguments)

    def _finished(self, number: int) -> PoolWorld:
        if number in self._coming:
            arrays, poses, palette = self._coming[number].result()
        else:
            arrays, poses, palette = prepare(self._world_seed(number), self._settings.views)
        tensors = {name: torch.from_numpy(values) for name, values in arrays.items()}
        textures = palette_textures([palette], self._device)
        return PoolWorld(WorldTensors(**tensors), torch.from_numpy(poses), textures)

    def _world_seed(self, number: int) -> int:
        return FIRST_SEED * (1 + self._seed) + number

    def _make_library(self, bank: TextureBank | None) -> Library:
        table = torch.from_numpy(load_label_map(LABELS, BANK_LABELS).table)
        generator = torch.Generator().manual_seed(self._seed)
        return make_library(self._settings.procedural, generator, bank, table, self._device)


def prepare(seed: int, views: int) -> Prepared:
    """World ``seed`` as arrays, which pass from process to process, views of it, its palette."""
    world = _buildable(seed, load_label_space(LABELS))
    poses = random_views(np.random.default_rng([4, seed]), world, views)
    tensors = compile_world(world)
    arrays = {f.name: getattr(tensors, f.name).numpy() for f in fields(tensors)}
    return arrays, poses.astype(np.float32), world.palette


def _buildable(seed: int, labels: LabelSpace) -> World:
    """World ``seed``, or a stand-in for it where furniture would block a room."""
    try:
        return random_world("training", seed, labels)
    except DataError:
        return _buildable(seed + NEXT_SEED, labels)
