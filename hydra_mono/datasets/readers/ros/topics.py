"""Which topics of a bag are colour, depth, calibration and poses, by type and name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hydra_mono.core.errors import DataError

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
TF = ("tf2_msgs/msg/TFMessage", "tf/msg/tfMessage")
POSES = (
    "nav_msgs/msg/Odometry",
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/PoseWithCovarianceStamped",
    "geometry_msgs/msg/TransformStamped",
)

_DEPTH = re.compile(r"depth", re.I)
_NEITHER = re.compile(
    r"seg|label|semantic|instance|infra|/ir/|disparity|confidence|theora|mask", re.I
)
_PREFERRED = (  # of colour, and what each word is worth
    (re.compile(r"rgb|colou?r", re.I), 4),
    (re.compile(r"left|cam0|front", re.I), 2),
    (re.compile(r"rect", re.I), 1),
    (re.compile(r"right|mono|gr[ae]y|cam1", re.I), -2),
    (re.compile(r"compressed", re.I), -1),
)
_ESTIMATED = re.compile(r"truth|gt|vicon|mocap|slam|vio", re.I)  # better than wheels


@dataclass(frozen=True, slots=True)
class Topics:
    """Names; None where the bag has none. ``poses`` may be empty where tf alone tells them."""

    color: str
    depth: str | None
    info: str | None
    poses: str | None
    tf: tuple[str, ...]

    def rows(self) -> tuple[tuple[str, str], ...]:
        """For the table that ``info`` prints."""
        poses = " + ".join(filter(None, (*self.tf, self.poses))) or "none"
        return (
            ("colour topic", self.color),
            ("depth topic", self.depth or "none"),
            ("calibration topic", self.info or "none"),
            ("pose topics", poses),
        )


def guess_topics(types: dict[str, str], where: str) -> Topics:
    """The topics of a bag whose topics have these types.

    Raises:
        DataError: no topic can be colour.
    """
    images = [name for name, kind in types.items() if kind in (IMAGE, COMPRESSED)]
    colors = [name for name in images if not _is_depth(name) and not _NEITHER.search(name)]
    if not colors:
        raise DataError(f"{where}: no topic of colour images among {', '.join(sorted(types))}")
    infos = [name for name, kind in types.items() if kind == CAMERA_INFO]
    color = max(sorted(colors), key=lambda name: _worth(name, infos))
    depths = [name for name in images if _is_depth(name) and not _NEITHER.search(name)]
    depths = [n for n in depths if types[n] == IMAGE or "compressedDepth" in n]
    found = [name for name, kind in types.items() if kind in POSES]
    return Topics(
        color=color,
        depth=max(sorted(depths), key=lambda name: _depth_worth(name, color), default=None),
        info=info_of(color, infos),
        poses=max(sorted(found), key=lambda n: (bool(_ESTIMATED.search(n)), -len(n)), default=None),
        tf=tuple(sorted(name for name, kind in types.items() if kind in TF)),
    )


def info_of(topic: str, infos: Iterable[str]) -> str | None:
    """The calibration beside a topic, or above it."""
    parts = topic.split("/")
    for end in range(len(parts) - 1, 0, -1):
        name = "/".join([*parts[:end], "camera_info"])
        if name in infos:
            return name
    return None


def _is_depth(name: str) -> bool:
    return bool(_DEPTH.search(name))


def _worth(name: str, infos: list[str]) -> tuple[int, int]:
    worth = sum(value for words, value in _PREFERRED if words.search(name))
    return worth + 2 * (info_of(name, infos) is not None), -len(name)


def _depth_worth(name: str, color: str) -> tuple[int, int]:
    """Registered to colour first; then whatever shares most of colour's name."""
    shared = len([1 for a, b in zip(name.split("/"), color.split("/"), strict=False) if a == b])
    return 2 * bool(re.search(r"registered|aligned", name, re.I)) + shared, -len(name)
