"""The recording of ``helpers_posed`` as ROS 1 and ROS 2 bags."""

from pathlib import Path
from typing import Any

import numpy as np
from helpers_datasets import encoded
from helpers_posed import millimetres, recording
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from scipy.spatial.transform import Rotation

from hydra_mono.core.geometry import inverse

START_NS = 1_700_000_000 * 10**9
TF_MESSAGE = "geometry_msgs/TransformStamped[] transforms"
LATE_NS = 40_000_000  # a message is recorded after its stamp
BODY_FROM_CAMERA = np.eye(4)  # a camera in front of the body, looking ahead
BODY_FROM_CAMERA[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
BODY_FROM_CAMERA[:3, 3] = [0.2, 0.05, 0.1]


class BagWriter:
    """Writes messages of whichever ROS; fields that differ are named as theirs."""

    def __init__(self, path: Path, is_ros2: bool) -> None:
        self._is_ros2 = is_ros2
        self._store = get_typestore(Stores.ROS2_HUMBLE if is_ros2 else Stores.ROS1_NOETIC)
        if not is_ros2:
            self._store.register(get_types_from_msg(TF_MESSAGE, "tf2_msgs/msg/TFMessage"))
        self._bag: Any = (
            Writer2(path, version=9, storage_plugin=StoragePlugin.SQLITE3)
            if is_ros2
            else Writer1(path)
        )
        self._bag.open()
        self._connections: dict[str, Any] = {}

    def close(self) -> None:
        self._bag.close()

    def make(self, kind: str, **values: Any) -> Any:
        return self._store.types[kind](**values)

    def header(self, stamp_ns: int, frame: str) -> Any:
        kind = "builtin_interfaces/msg/Time"
        stamp = self.make(kind, sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        sequence = {} if self._is_ros2 else {"seq": 0}
        return self.make("std_msgs/msg/Header", stamp=stamp, frame_id=frame, **sequence)

    def write(self, topic: str, kind: str, stamp_ns: int, message: Any) -> None:
        if topic not in self._connections:
            self._connections[topic] = self._bag.add_connection(topic, kind, typestore=self._store)
        serialize = self._store.serialize_cdr if self._is_ros2 else self._store.serialize_ros1
        raw = serialize(message, kind)
        self._bag.write(self._connections[topic], stamp_ns + LATE_NS, raw)

    def image(self, topic: str, stamp_ns: int, pixels: np.ndarray, encoding: str) -> None:
        data = np.frombuffer(pixels.tobytes(), np.uint8)
        values = {
            "height": pixels.shape[0],
            "width": pixels.shape[1],
            "encoding": encoding,
            "is_bigendian": 0,
            "step": len(data) // pixels.shape[0],
            "data": data,
        }
        header = self.header(stamp_ns, "camera_optical")
        kind = "sensor_msgs/msg/Image"
        self.write(topic, kind, stamp_ns, self.make(kind, header=header, **values))

    def compressed(self, topic: str, stamp_ns: int, rgb: np.ndarray) -> None:
        kind = "sensor_msgs/msg/CompressedImage"
        data = np.frombuffer(encoded(rgb, "jpeg"), np.uint8)
        header = self.header(stamp_ns, "camera_optical")
        self.write(topic, kind, stamp_ns, self.make(kind, header=header, format="jpeg", data=data))

    def camera_info(self, topic: str, stamp_ns: int) -> None:
        camera, kind = recording()[0].intrinsics, "sensor_msgs/msg/CameraInfo"
        roi = self.make(
            "sensor_msgs/msg/RegionOfInterest",
            x_offset=0,
            y_offset=0,
            height=0,
            width=0,
            do_rectify=False,
        )
        matrix, projection = camera.matrix.ravel(), np.zeros((3, 4))
        projection[:, :3] = camera.matrix
        named = {
            "D": np.zeros(5),
            "K": matrix,
            "R": np.eye(3).ravel(),
            "P": projection.ravel(),
        }
        message = self.make(
            kind,
            header=self.header(stamp_ns, "camera_optical"),
            height=camera.height,
            width=camera.width,
            distortion_model="plumb_bob",
            binning_x=0,
            binning_y=0,
            roi=roi,
            **{key.lower() if self._is_ros2 else key: value for key, value in named.items()},
        )
        self.write(topic, kind, stamp_ns, message)

    def transform(self, topic: str, stamp_ns: int, parent: str, child: str, pose: Any) -> None:
        kind, vector, quat = "tf2_msgs/msg/TFMessage", *self._parts(pose)
        transform = self.make("geometry_msgs/msg/Transform", translation=vector, rotation=quat)
        stamped = self.make(
            "geometry_msgs/msg/TransformStamped",
            header=self.header(stamp_ns, parent),
            child_frame_id=child,
            transform=transform,
        )
        self.write(topic, kind, stamp_ns, self.make(kind, transforms=[stamped]))

    def odometry(self, topic: str, stamp_ns: int, child: str, world_from_body: Any) -> None:
        kind = "nav_msgs/msg/Odometry"
        vector, quat = self._parts(world_from_body)
        point = self.make("geometry_msgs/msg/Point", x=vector.x, y=vector.y, z=vector.z)
        zero = self.make("geometry_msgs/msg/Vector3", x=0.0, y=0.0, z=0.0)
        message = self.make(
            kind,
            header=self.header(stamp_ns, "odom"),
            child_frame_id=child,
            pose=self.make(
                "geometry_msgs/msg/PoseWithCovariance",
                pose=self.make("geometry_msgs/msg/Pose", position=point, orientation=quat),
                covariance=np.zeros(36),
            ),
            twist=self.make(
                "geometry_msgs/msg/TwistWithCovariance",
                twist=self.make("geometry_msgs/msg/Twist", linear=zero, angular=zero),
                covariance=np.zeros(36),
            ),
        )
        self.write(topic, kind, stamp_ns, message)

    def _parts(self, pose: np.ndarray) -> tuple[Any, Any]:
        x, y, z, w = Rotation.from_matrix(pose[:3, :3]).as_quat().tolist()
        tx, ty, tz = pose[:3, 3].tolist()
        vector = self.make("geometry_msgs/msg/Vector3", x=tx, y=ty, z=tz)
        return vector, self.make("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w)


def write_ros1_bag(path: Path) -> Path:
    """Raw images, 16-bit depth, and a tree of tf with a static link to the camera."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = BagWriter(path, is_ros2=False)
    writer.transform("/tf_static", START_NS, "/base_link", "camera_optical", BODY_FROM_CAMERA)
    for i, frame in enumerate(recording()):
        at_ns = START_NS + 300_000_000 * i
        body = frame.world_from_camera @ inverse(BODY_FROM_CAMERA)
        writer.transform("/tf", at_ns, "map", "base_link", body)
        writer.camera_info("/camera/rgb/camera_info", at_ns)
        writer.image("/camera/rgb/image_raw", at_ns, frame.rgb[..., ::-1].copy(), "bgr8")
        writer.image("/camera/ir/image_raw", at_ns, frame.rgb[..., 0].copy(), "mono8")
        writer.image("/camera/depth_registered/image_raw", at_ns, millimetres(frame), "16UC1")
    writer.close()
    return path


def write_ros2_bag(folder: Path) -> Path:
    """Compressed images, float depth, and odometry of a body."""
    writer = BagWriter(folder, is_ros2=True)
    writer.transform("/tf_static", START_NS, "base_link", "camera_optical", BODY_FROM_CAMERA)
    for i, frame in enumerate(recording()):
        at_ns = START_NS + 300_000_000 * i
        assert frame.depth_m is not None
        body = frame.world_from_camera @ inverse(BODY_FROM_CAMERA)
        writer.odometry("/odom", at_ns, "base_link", body)
        writer.camera_info("/front/color/camera_info", at_ns)
        writer.compressed("/front/color/image_raw/compressed", at_ns, frame.rgb)
        writer.image("/front/depth/image_raw", at_ns, frame.depth_m, "32FC1")
    writer.close()
    return folder
