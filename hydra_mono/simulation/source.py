"""Simulated buildings as sequences of frames."""

import math
import re
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from hydra_mono.core.config import SimulationConfig
from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import LabelSpace, load_label_space
from hydra_mono.core.truth import GroundTruth
from hydra_mono.simulation.body import Body
from hydra_mono.simulation.dynamics import moved_objects, people
from hydra_mono.simulation.life.household import household
from hydra_mono.simulation.render.actors import ray_scene
from hydra_mono.simulation.render.cache import FrameCache
from hydra_mono.simulation.render.images import Rendered, Renderer
from hydra_mono.simulation.render.noise import kinect_depth
from hydra_mono.simulation.scene import SPLITS, World, build_world
from hydra_mono.simulation.shapes import pose_at
from hydra_mono.simulation.truth import ground_truth
from hydra_mono.simulation.walk.trajectory import plan_walk
from hydra_mono.simulation.walk.walker import make_pace

APARTMENT_SEED = 1
NAME = re.compile(
    rf"(?P<split>{'|'.join(SPLITS)})/((?P<kind>turned|odd|dynamic|dynamic-unlabelled)-)?(?P<seed>[0-9]{{1,18}})"
)
DYNAMIC = "dynamic"
ROUNDS = 2  # through the rooms of a dynamic world, so that changes are looked at again
DYNAMIC_ROOMS = (4, 7)  # so many, the second left out: two rounds are some 2,000 frames
JOINTS = {"closed": 0, "mixed": 1, "open": 3}


class SimulatedSource:
    """Frames of a walk through a procedural building; ``source[i]`` depends on nothing but i.

    ``world`` and the poses given are in the building's axes. What comes out is in the world's, in
    which the building is turned by ``turn_rad`` about z.
    """

    def __init__(
        self,
        name: str,
        world: World,
        poses: Float64[np.ndarray, "n 4 4"],
        intrinsics: Intrinsics,
        *,
        bodies: tuple[Body, ...],
        fps: float,
        noise_seed: tuple[int, ...],
        noisy: bool,
        cache: FrameCache | None = None,
        turn_rad: float = 0.0,
        hides_agents: bool = False,
    ) -> None:
        """``hides_agents``: people are labelled as unknown."""
        self._name, self._world, self._poses = name, world, poses
        self._turn_rad = turn_rad
        self._intrinsics, self._fps = intrinsics, fps
        self._noise_seed, self._noisy = noise_seed, noisy
        self._bodies = bodies
        self._renderer = Renderer(world, intrinsics, bodies)
        self._cache = cache
        self._truth: GroundTruth | None = None
        hidden = world.labels.ids("agent") if hides_agents else ()
        self._shown_label = np.where(world.labels.mask(hidden), 0, np.arange(256)).astype(np.uint8)

    @property
    def name(self) -> str:
        return self._name

    @property
    def label_space(self) -> LabelSpace:
        return self._world.labels

    @property
    def world_up(self) -> tuple[float, float, float]:
        return (0.0, 0.0, 1.0)

    @property
    def unknown_label_pixels(self) -> int:
        return 0

    @property
    def world(self) -> World:
        """The building and what is in it, in the building's axes."""
        return self._world

    @property
    def bodies(self) -> tuple[Body, ...]:
        """Whoever and whatever moves, comes or goes."""
        return self._bodies

    @property
    def turn_rad(self) -> float:
        return self._turn_rad

    @property
    def poses(self) -> Float64[np.ndarray, "n 4 4"]:
        """``world_from_camera`` of every frame."""
        return turned_poses(self._poses, self._turn_rad)

    def __len__(self) -> int:
        return len(self._poses)

    def __getitem__(self, index: int) -> Frame:
        if not 0 <= index < len(self):
            raise IndexError(index)
        pose = turned_poses(self._poses[index], self._turn_rad)
        images = self._images(index)
        depth = images.depth_m
        if self._noisy:
            rng = np.random.default_rng([*self._noise_seed, index])
            sensed = depth if images.sensed_depth_m is None else images.sensed_depth_m
            depth = kinect_depth(rng, sensed, images.cosine)
        return Frame(
            index=index,
            name=f"{index:06d}",
            stamp_ns=_stamp_ns(index, self._fps),
            world_from_camera=pose.copy(),
            intrinsics=self._intrinsics,
            rgb=images.rgb,
            depth_m=depth,
            labels=self._shown_label[images.labels],
            instances=images.instances,
            normals=images.normals,
        )

    def _images(self, index: int) -> Rendered:
        def render() -> Rendered:
            return self._renderer.render(self._poses[index], _stamp_ns(index, self._fps))

        return self._cache.get(index, render) if self._cache else render()

    def render_at(self, world_from_camera: Float64[np.ndarray, "4 4"], stamp_ns: int) -> Rendered:
        """Perfect images from any pose at any stamp."""
        pose = turned_poses(world_from_camera, -self._turn_rad)
        return self._renderer.render(pose, stamp_ns)

    def truth(self) -> GroundTruth:
        """The world's true mesh, objects, rooms and free space."""
        if self._truth is None:
            stamps = np.array([_stamp_ns(i, self._fps) for i in range(len(self))], np.int64)
            sightings = self._renderer.sightings(self._poses, stamps) if self._bodies else None
            self._truth = ground_truth(self._world, self._bodies, self._turn_rad, sightings)
        return self._truth


def turned_poses(
    poses: Float64[np.ndarray, "*n 4 4"], turn_rad: float
) -> Float64[np.ndarray, "*n 4 4"]:
    """Poses turned about the world's z axis; to the bit as they are without a turn."""
    if turn_rad == 0:
        return poses
    return np.asarray(pose_at((0.0, 0.0, 0.0), turn_rad) @ poses)


def open_simulated(name: str, config: SimulationConfig) -> SimulatedSource:
    """``apartment``, ``SPLIT/SEED``, ``SPLIT/turned-SEED``, ``SPLIT/odd-SEED`` or one with life.

    ``SPLIT`` is ``simulated`` or ``training``. In ``SPLIT/dynamic-SEED`` people live, objects
    change and the camera goes round twice; ``SPLIT/dynamic-unlabelled-SEED`` is the same without
    labels of people.

    Raises:
        DataError: the name is none of these.
    """
    split, kind, seed = _parse(name)
    numbers = np.random.SeedSequence([split, seed]).spawn(4)
    rng = np.random.default_rng(numbers[0])
    apartment = name == "apartment"
    is_dynamic = kind.startswith(DYNAMIC)
    usual = DYNAMIC_ROOMS if is_dynamic else (5, 9)
    rooms = config.rooms or (6 if apartment else int(rng.integers(*usual)))
    labels = load_label_space("apartment")
    is_odd = kind == "odd" or config.plan == "odd"
    joints = JOINTS.get(config.plan, JOINTS["mixed"])
    world = build_world(
        rng, labels, rooms=rooms, joints=joints, storeys=config.storeys, is_odd=is_odd
    )
    camera = camera_of(config)
    scene = ray_scene(world.surface.vertices_m, world.surface.faces)
    poses = plan_walk(
        np.random.default_rng(numbers[1]),
        world,
        camera,
        scene,
        make_pace(config.speed, config.fps),
        config.frames,
        ROUNDS if is_dynamic else 1,
    )
    stamps_ns = np.array([_stamp_ns(i, config.fps) for i in range(len(poses))], np.int64)
    life = np.random.default_rng(numbers[2])
    world, bodies = _with_life(life, world, poses, stamps_ns, config, is_dynamic=is_dynamic)
    return SimulatedSource(
        name,
        world,
        poses,
        camera,
        bodies=bodies,
        fps=config.fps,
        noise_seed=(split, seed),
        noisy=config.noise == "kinect",
        cache=_cache(re.sub("turned-|unlabelled-", "", name), config),
        turn_rad=_turn_rad(np.random.default_rng(numbers[3]), kind, config),
        hides_agents=kind.endswith("unlabelled"),
    )


def _with_life(
    rng: np.random.Generator,
    world: World,
    poses: Float64[np.ndarray, "n 4 4"],
    stamps_ns: Int64[np.ndarray, " n"],
    config: SimulationConfig,
    *,
    is_dynamic: bool,
) -> tuple[World, tuple[Body, ...]]:
    """The world and who and what moves in it."""
    if is_dynamic:
        return household(rng, world, poses, stamps_ns, config.people, config.moved)
    moved = moved_objects(rng, world, poses[:, :3, 3], stamps_ns, config.moved)
    walking = people(rng, world, poses[:, :3, 3], stamps_ns, config.people)
    return world, (*moved, *walking)


def _turn_rad(rng: np.random.Generator, kind: str, config: SimulationConfig) -> float:
    """As set; else any angle for a turned world, none for another."""
    drawn_deg = float(rng.uniform(0, 360))
    if config.turn is not None:
        return math.radians(config.turn)
    return math.radians(drawn_deg) if kind == "turned" else 0.0


def _stamp_ns(index: int, fps: float) -> int:
    return round(index * 1e9 / fps)


def _cache(name: str, config: SimulationConfig) -> FrameCache | None:
    """The cache of this walk; noise and turn come afterwards, so they are no part of the key."""
    if config.cache is None:
        return None
    settings = config.model_dump_json(exclude={"cache", "noise", "turn"})
    return FrameCache(Path(config.cache), f"{name} {settings}")


def camera_of(config: SimulationConfig) -> Intrinsics:
    """A Kinect's field of view, 62° across, at the wanted size."""
    focal = 525.0 * config.width / 640
    return Intrinsics(
        focal,
        focal,
        (config.width - 1) / 2,
        (config.height - 1) / 2,
        config.width,
        config.height,
    )


def _parse(name: str) -> tuple[int, str, int]:
    """Number of the split, kind of the world ("" for a usual one), seed."""
    if name == "apartment":
        return SPLITS["simulated"], "", APARTMENT_SEED
    match = NAME.fullmatch(name)
    if match is None:
        raise DataError(
            f"no simulated world '{name}': write apartment, simulated/SEED, training/SEED, "
            "simulated/turned-SEED, simulated/odd-SEED, simulated/dynamic-SEED or "
            "simulated/dynamic-unlabelled-SEED"
        )
    return SPLITS[match["split"]], match["kind"] or "", int(match["seed"])
