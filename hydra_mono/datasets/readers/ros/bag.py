"""ROS 1 (``.bag``) and ROS 2 bags (``.db3``, ``.mcap`` and their folder) through ``rosbags``."""

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.documents import shortened
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.facts import Z_UP
from hydra_mono.datasets.given import NOTHING, Given
from hydra_mono.datasets.lens import FORMS, LensCamera
from hydra_mono.datasets.listed import ListedFrame, ListedSource, logger
from hydra_mono.datasets.readers.posed.matching import Shown, match_poses
from hydra_mono.datasets.readers.posed.pose_files import read_poses
from hydra_mono.datasets.readers.ros.messages import (
    camera_of,
    color_of,
    depth_of,
    header_stamp_ns,
)
from hydra_mono.datasets.readers.ros.topics import Topics, guess_topics
from hydra_mono.datasets.readers.ros.transforms import (
    OPTICAL_FROM_BODY,
    TransformTree,
    frame_id,
    row_of_pose,
    stamp_ns,
)
from hydra_mono.datasets.readers.tum_lists import MAX_PAIR_GAP_NS, associate

_BODY = "the frame of the pose topic"
_AHEAD = 200  # messages read to reach one ahead, rather than sought

Pose = Float64[np.ndarray, "4 4"]


@dataclass
class _Index:
    """What one pass over the bag finds: bag's and header's stamps of images, and poses."""

    colors: list[tuple[int, int]] = field(default_factory=list)
    depths: list[tuple[int, int]] = field(default_factory=list)
    tree: TransformTree = field(default_factory=TransformTree)
    info: Any = None
    pose_child: str | None = None


class RosBagSource(ListedSource):
    """One frame per colour message; topics are guessed by type and name, and ``info`` lists them.

    The camera's pose is that of its frame in the root of tf, else by odometry or stamped poses;
    or of the file given. Depth is the message within 0.02 s. The world is z-up (REP 103).
    """

    took_camera = True

    def __init__(self, path: Path, needs: Needs = EVERYTHING, given: Given = NOTHING) -> None:
        bag = _Bag(path)
        self.topics = guess_topics(bag.types, str(path))
        index = _read_index(bag, self.topics)
        if not index.colors:
            raise DataError(f"{path}: the topic {self.topics.color} has no messages")
        first = bag.message(self.topics.color, index.colors[0][0])
        rgb = color_of(first, "the first image", self.topics.color)
        camera = self._camera(index, rgb.shape[1], rgb.shape[0], given)
        stamps = [stamp for _, stamp in index.colors]
        pairs = associate(stamps, [stamp for _, stamp in index.depths], MAX_PAIR_GAP_NS)
        depth_readers = {
            i: partial(_depth, bag, str(self.topics.depth), index.depths[j][0]) for i, j in pairs
        }
        poses = (
            _given_poses(given.poses, stamps)
            if given.poses is not None
            else _poses(index, frame_id(first.header.frame_id), stamps, path)
        )
        frames = [
            ListedFrame(
                name=f"{number:06d}",
                stamp_ns=stamps[number],
                pose=poses[number],
                camera=camera,
                color=partial(_color, bag, self.topics.color, at_ns),
                depth=depth_readers.get(number),
            )
            for number, (at_ns, _) in enumerate(index.colors)
        ]
        if all(frame.pose is None for frame in frames):
            raise DataError(
                f"{path}: no pose for any image; looked at "
                f"{', '.join(filter(None, (*self.topics.tf, self.topics.poses))) or 'no topic'}; "
                "give --poses FILE"
            )
        super().__init__(path.resolve().stem, frames, needs, world_up=Z_UP)
        self.facts = replace(self.facts, details=self.topics.rows())

    def _camera(self, index: _Index, width: int, height: int, given: Given) -> LensCamera:
        if given.camera is not None:
            return given.camera.of(width, height)
        if index.info is None:
            raise DataError(
                f"{self.topics.color} has no camera_info beside it; give --intrinsics {FORMS}"
            )
        camera = camera_of(index.info, "rect" in self.topics.color, str(self.topics.info))
        return camera.resized(width, height)


def _color(bag: "_Bag", topic: str, at_ns: int, name: str) -> UInt8[np.ndarray, "h w 3"]:
    return color_of(_message(bag, topic, at_ns, name), name, topic)


def _depth(bag: "_Bag", topic: str, at_ns: int, name: str) -> Float32[np.ndarray, "h w"]:
    return depth_of(_message(bag, topic, at_ns, name), name, topic)


def _message(bag: "_Bag", topic: str, at_ns: int, name: str) -> Any:
    try:
        return bag.message(topic, at_ns)
    except DataError as error:
        raise BadFrameError(name, "unreadable-image", str(error)) from error


class _Bag:
    """Messages by topic and the bag's stamp; those that follow one another are read in one go."""

    def __init__(self, path: Path) -> None:
        try:
            from rosbags.highlevel import AnyReader
            from rosbags.typesys import Stores, get_typestore
        except ImportError as error:
            raise DataError("bags need rosbags: pip install 'hydra-mono[ros]'") from error
        self._path = path
        folder = path.parent if path.suffix in (".db3", ".mcap") and path.is_file() else path
        try:
            store = get_typestore(Stores.ROS2_HUMBLE)
            self._reader = AnyReader([folder], default_typestore=store)
            self._reader.open()
        except Exception as error:  # whatever the library raises on a damaged bag
            raise DataError(f"{path}: no bag that can be read ({_line(error)})") from error
        self.is_ros2 = self._reader.is2
        self.types = {c.topic: c.msgtype for c in self._reader.connections}
        self._runs: dict[str, Generator[tuple[Any, int, Any], None, None]] = {}
        self._last_ns: dict[str, int] = {}

    def __del__(self) -> None:
        for run in getattr(self, "_runs", {}).values():
            run.close()
        with contextlib.suppress(Exception):
            self._reader.close()

    def messages(self, topics: set[str]) -> Iterator[tuple[str, int, bytes]]:
        """Topic, the bag's stamp and raw content of all messages of some topics.

        Raises:
            DataError: the bag is damaged.
        """
        chosen = [c for c in self._reader.connections if c.topic in topics]
        try:
            for connection, at_ns, raw in self._reader.messages(connections=chosen):
                yield connection.topic, at_ns, raw
        except Exception as error:  # of SQLite, of decompression, of whatever the bag stores
            raise DataError(f"{self._path} is damaged: {_line(error)}") from error

    def decode(self, topic: str, raw: bytes) -> Any:
        try:
            return self._reader.deserialize(raw, self.types[topic])
        except Exception as error:  # of SQLite, of decompression, of whatever the bag stores
            raise DataError(f"{self._path}, {topic}: {_line(error)}") from error

    def message(self, topic: str, at_ns: int) -> Any:
        """The message of a topic at the bag's stamp.

        Raises:
            DataError: there is none that can be read.
        """
        try:
            if topic not in self._runs or at_ns <= self._last_ns[topic]:
                self._start(topic, at_ns)
            for count, (_, found_ns, raw) in enumerate(self._runs[topic]):
                self._last_ns[topic] = found_ns
                if found_ns == at_ns:
                    return self.decode(topic, raw)
                if found_ns > at_ns:
                    break
                if count == _AHEAD:
                    self._start(topic, at_ns)
        except Exception as error:  # of SQLite, of decompression, of whatever the bag stores
            raise DataError(f"{self._path}, {topic}: {_line(error)}") from error
        raise DataError(f"{self._path}, {topic}: no message at {at_ns}")

    def _start(self, topic: str, at_ns: int) -> None:
        chosen = [c for c in self._reader.connections if c.topic == topic]
        self._runs[topic] = self._reader.messages(connections=chosen, start=at_ns)
        self._last_ns[topic] = at_ns - 1


def _line(error: Exception) -> str:
    return shortened(" ".join(str(error).split()) or type(error).__name__)


def _read_index(bag: _Bag, topics: Topics) -> _Index:
    index = _Index()
    wanted = {topics.color, topics.depth, topics.info, topics.poses, *topics.tf} - {None}
    for topic, at_ns, raw in bag.messages({str(name) for name in wanted}):
        if topic in (topics.color, topics.depth):
            images = index.colors if topic == topics.color else index.depths
            images.append((at_ns, header_stamp_ns(raw, bag.is_ros2)))
        elif topic == topics.info:
            index.info = index.info or bag.decode(topic, raw)
        elif topic in topics.tf:
            index.tree.add(bag.decode(topic, raw).transforms, topic.endswith("static"))
        elif topic == topics.poses:
            _add_pose(index, bag.decode(topic, raw))
    index.tree.finish()
    return index


def _add_pose(index: _Index, message: Any) -> None:
    index.pose_child = frame_id(getattr(message, "child_frame_id", ""))
    row = row_of_pose(message)
    index.tree.add_row("the pose topic", _BODY, stamp_ns(message.header), row)


def _poses(index: _Index, camera: str, stamps_ns: list[int], path: Path) -> list[Pose | None]:
    """``world_from_camera`` at every stamp: by tf where it moves the camera, else by the topic."""
    tree, body_from_camera, frame = index.tree, np.eye(4), camera
    if not tree.is_moving(camera) and index.pose_child is not None:
        frame = _BODY
        between = tree.static_between(index.pose_child, camera) if index.pose_child else None
        if between is not None:
            body_from_camera = between
        elif index.pose_child and index.pose_child != camera:
            logger.warning(
                "%s: no transform from %s to %s; the camera is taken to look along its x axis",
                path,
                index.pose_child,
                camera,
            )
            body_from_camera = OPTICAL_FROM_BODY.T
    found: list[Pose | None] = []
    for at_ns in stamps_ns:
        try:
            found.append(tree.root_from(frame, at_ns, str(at_ns)) @ body_from_camera)
        except BadFrameError:
            found.append(None)
    if frame == camera and not tree.is_moving(camera):
        return [None] * len(stamps_ns)
    return found


def _given_poses(path: Path, stamps_ns: list[int]) -> list[Any]:
    shown = [Shown(f"{ns / 1e9:.9f}.png", str(i), ns) for i, ns in enumerate(stamps_ns)]
    found: list[Any] = [None] * len(stamps_ns)
    for number, match in match_poses(read_poses(path), shown):
        found[number] = match.pose
    return found
