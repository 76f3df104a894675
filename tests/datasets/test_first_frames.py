"""The first frames name what is wrong with a sequence, and nothing when nothing is."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, lru_cache

import numpy as np
import pytest
from helpers_datasets import ListSource, real_tum
from helpers_runs import small_config
from scipy.spatial.transform import Rotation

from hydra_mono.core.config import DataConfig
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import inverse
from hydra_mono.core.source import Source
from hydra_mono.datasets.first_frames.pairs import FirstFrames, read_first_frames, small_frame
from hydra_mono.datasets.first_frames.readings import opencv_pose
from hydra_mono.datasets.first_frames.suspect import Verdict, judge
from hydra_mono.datasets.prepare import PreparedSource, prepare
from hydra_mono.datasets.readers.tum import TumSource
from hydra_mono.simulation.source import open_simulated

Wreck = Callable[[Frame], Frame]
SEQUENCES = ("fr1/rpy", "fr1/xyz", "apartment", "simulated/7")
UP = (0.0, 0.0, 1.0)


def simulated(name: str) -> Source:
    config = small_config("simulation.frames=120").simulation
    return open_simulated(name, config)


@lru_cache
def first_frames_of(name: str) -> FirstFrames:
    source = TumSource(real_tum(name[4:])) if name.startswith("fr1") else simulated(name)
    return read_first_frames(source)


def camera(focal: float = 1.0, aspect: float = 1.0, size: float = 1.0) -> Wreck:
    """Focal lengths and principal point of another camera on the same images."""

    def wreck(frame: Frame) -> Frame:
        k = frame.intrinsics
        cx, cy = (k.cx + 0.5) * size - 0.5, (k.cy + 0.5) * size - 0.5
        fx, fy = k.fx * focal * size, k.fy * focal * size * aspect
        return replace(frame, intrinsics=Intrinsics(fx, fy, cx, cy, k.width, k.height))

    return wreck


def poses(change: Callable[[np.ndarray], np.ndarray]) -> Wreck:
    return lambda frame: replace(frame, world_from_camera=change(frame.world_from_camera))


def depth(factor: float) -> Wreck:
    def wreck(frame: Frame) -> Frame:
        assert frame.depth_m is not None
        return replace(frame, depth_m=frame.depth_m * np.float32(factor))

    return wreck


def eight_bits(frame: Frame) -> Frame:
    """Depth up to 10 m in 255 steps, read as millimetres."""
    assert frame.depth_m is not None
    steps = np.minimum(frame.depth_m * 25.5, 255).astype(np.uint8)
    return replace(frame, depth_m=(steps / 1000).astype(np.float32))


def no_depth(frame: Frame) -> Frame:
    return replace(frame, depth_m=None)


def turned(angle_deg: float) -> Wreck:
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("x", angle_deg, degrees=True).as_matrix()
    return poses(lambda pose: turn @ pose)


FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
WRECKS: dict[str, tuple[Wreck, str, str]] = {
    "inverted": (poses(inverse), "pose convention", "--pose-convention inverse"),
    "opengl": (poses(lambda p: p @ FLIP), "pose convention", "--pose-convention opengl"),
    "opengl inverted": (
        poses(lambda p: inverse(p @ FLIP)),
        "pose convention",
        "--pose-convention inverse-opengl",
    ),
    "of half the size": (camera(size=0.5), "intrinsics", "--set data.intrinsics="),
    "of twice the size": (camera(size=2.0), "intrinsics", "--set data.intrinsics="),
    "of 3/4 of the size": (camera(size=0.75), "intrinsics", "--set data.intrinsics="),
    "half the focal length": (camera(focal=0.5), "intrinsics", "--set data.intrinsics="),
    "one and a half": (camera(focal=1.5), "intrinsics", "--set data.intrinsics="),
    "16:9": (camera(aspect=16 / 9), "intrinsics", "--set data.intrinsics="),
    "9:16": (camera(aspect=9 / 16), "intrinsics", "--set data.intrinsics="),
    "1/1000 for 1/5000": (depth(5.0), "depth scale", "--depth-scale 0.2"),
    "mm as metres": (depth(1000.0), "depth scale", "--depth-scale 0.001"),
    "metres as mm": (depth(0.001), "depth scale", "--depth-scale 1000"),
    "8 bits": (eight_bits, "depth scale", "--depth-scale 39.2"),
    "tilted": (turned(30.0), "up", "--up="),
    "on its side": (turned(90.0), "up", "--up="),
    "upside down": (turned(180.0), "up", "--up="),
}


def wrecked(first: FirstFrames, wreck: Wreck) -> FirstFrames:
    """The same frames with one fault; read once, as reading takes longest."""
    frames = {frame.stamp_ns: wreck(frame) for frame in first.frames}
    pairs = [(frames[a.stamp_ns], frames[b.stamp_ns]) for a, b in first.pairs]
    return FirstFrames(
        tuple((small_frame(a), small_frame(b)) for a, b in pairs), tuple(frames.values())
    )


def verdict_on(sequence: str, wreck: Wreck) -> Verdict:
    return judge(wrecked(first_frames_of(sequence), wreck), UP)


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("fault", WRECKS)
def test_the_suspect_is_named_with_the_setting_that_mends_it(sequence: str, fault: str) -> None:
    wreck, suspect, mend = WRECKS[fault]
    verdict = verdict_on(sequence, wreck)
    assert (verdict.suspect, mend in verdict.line) == (suspect, True), verdict.line
    assert "\n" not in verdict.line


@pytest.mark.parametrize("sequence", [*SEQUENCES, *(f"simulated/{seed}" for seed in range(20, 25))])
def test_there_is_no_alarm_where_all_is_right(sequence: str) -> None:
    for wreck in (lambda frame: frame, no_depth):
        verdict = verdict_on(sequence, wreck)
        assert verdict.suspect == "none", verdict.line


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("fault", ["inverted", "opengl", "opengl inverted"])
def test_poses_are_recognised_from_colour_alone(sequence: str, fault: str) -> None:
    verdict = verdict_on(sequence, lambda frame: no_depth(WRECKS[fault][0](frame)))
    assert WRECKS[fault][2] in verdict.line


def test_without_motion_or_frames_it_says_that_it_cannot_tell() -> None:
    frames = first_frames_of("apartment").frames
    assert judge(read_first_frames(ListSource(list(frames[:1]))), UP).suspect == "unknown"
    assert judge(FirstFrames((), ()), UP).suspect == "unknown"
    mixed = [
        replace(f, world_from_camera=frames[-i].world_from_camera) for i, f in enumerate(frames)
    ]
    assert judge(read_first_frames(ListSource(mixed)), UP).suspect == "unknown"


class Counting(ListSource):
    """Notes which frames are read, in order."""

    @cached_property
    def reads(self) -> list[int]:
        return []

    def __getitem__(self, index: int) -> Frame:
        self.reads.append(index)
        return super().__getitem__(index)


def test_few_frames_are_read() -> None:
    source = simulated("apartment")
    counted = Counting([source[index] for index in range(60)])
    read_first_frames(counted)
    assert len(counted.reads) == len(set(counted.reads)) <= 22


def test_preparing_reads_no_frame_twice_though_poses_are_read_anew_and_up_is_estimated() -> None:
    frames = list(first_frames_of("apartment").frames)
    counted = Counting([WRECKS["opengl"][0](frame) for frame in frames])
    _, verdict = prepare(counted, DataConfig(pose_convention="auto"))
    assert verdict.suspect == "none"
    assert len(counted.reads) == len(set(counted.reads)) > 8


@pytest.mark.parametrize("convention", ["opengl", "inverse", "inverse-opengl"])
def test_auto_reads_poses_as_the_frames_agree(
    convention: str, caplog: pytest.LogCaptureFixture
) -> None:
    frames = list(first_frames_of("apartment").frames)
    wreck = {"opengl": "opengl", "inverse": "inverted", "inverse-opengl": "opengl inverted"}
    source = ListSource([WRECKS[wreck[convention]][0](f) for f in frames], world_up=UP)
    with caplog.at_level(logging.WARNING):
        prepared, verdict = prepare(source, DataConfig(pose_convention="auto"))
    assert verdict.suspect == "none" and convention in caplog.text
    told, _ = prepare(source, DataConfig.model_validate({"pose_convention": convention}))
    for made in (prepared, told):
        for index, frame in enumerate(frames):
            pose = made[index].world_from_camera
            np.testing.assert_allclose(pose, frame.world_from_camera, atol=1e-9)


def test_depth_and_calibration_are_converted_as_told() -> None:
    frame = first_frames_of("apartment").frames[0]
    source = ListSource([frame], world_up=UP)
    config = DataConfig(depth_scale=0.5, intrinsics=(100.0, 101.0, 50.0, 40.0))
    made = prepare(source, config)[0][0]
    assert frame.depth_m is not None and made.depth_m is not None
    np.testing.assert_array_equal(made.depth_m, frame.depth_m * np.float32(0.5))
    size = (frame.intrinsics.width, frame.intrinsics.height)
    assert made.intrinsics == Intrinsics(100.0, 101.0, 50.0, 40.0, *size)


def test_a_sequence_that_needs_nothing_is_passed_on_itself() -> None:
    source = ListSource(list(first_frames_of("apartment").frames), world_up=UP)
    assert prepare(source, DataConfig())[0] is source
    assert isinstance(prepare(source, DataConfig(depth_scale=2.0))[0], PreparedSource)


def test_conventions_are_what_they_say() -> None:
    pose = first_frames_of("apartment").frames[0].world_from_camera
    np.testing.assert_allclose(opencv_pose(inverse(pose), "inverse"), pose, atol=1e-12)
    np.testing.assert_allclose(opencv_pose(pose @ FLIP, "opengl"), pose, atol=1e-12)
    view = inverse(pose @ FLIP)  # as graphics libraries keep it: OpenGL camera from world
    np.testing.assert_allclose(opencv_pose(view, "inverse-opengl"), pose, atol=1e-12)
