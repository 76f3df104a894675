"""One short recording, in every layout that people have of images, video, phones and ROS."""

import functools
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers_datasets import encoded, matrix_text, save, tum_line
from helpers_simulation import small_source
from scipy.spatial.transform import Rotation

from hydra_mono.core.frame import Frame
from hydra_mono.core.geometry import OPENGL_FROM_OPENCV, inverse

COUNT, STEP = 20, 3  # frames, and how many of the walk's lie between them
_length = [COUNT]  # of the recording; the last one counts
ARKIT_FROM_Z_UP = np.eye(4)
ARKIT_FROM_Z_UP[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]  # a world whose y is up


def recording() -> tuple[Frame, ...]:
    """A walk of six seconds through a simulated flat, 0.3 s apart."""
    return _whole_recording()[: _length[-1]]


@functools.cache
def _whole_recording() -> tuple[Frame, ...]:
    source = small_source()
    return tuple(source[STEP * i] for i in range(COUNT))


def shortened(write: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """The same writer for a recording of two frames."""

    def written(path: Path) -> Path:
        _length.append(2)
        try:
            return write(path)
        finally:
            _length.pop()

    return written


def millimetres(frame: Frame) -> np.ndarray:
    assert frame.depth_m is not None
    return np.round(frame.depth_m * 1000).astype(np.uint16)


def intrinsics_text() -> str:
    return matrix_text(recording()[0].intrinsics.matrix)


def write_images(
    folder: Path, colors: str = "images/{:06d}.png", depths: str | None = "depth/{:06d}.png"
) -> Path:
    for i, frame in enumerate(recording()):
        save(frame.rgb, folder / colors.format(i))
        if depths is not None:
            save(millimetres(frame), folder / depths.format(i))
    return folder


def write_rows(path: Path, numbers: int = 16, change: Callable[[Any], Any] = lambda p: p) -> Path:
    """Poses a line: 16 numbers, or KITTI's 12."""
    rows = [change(frame.world_from_camera).ravel()[:numbers] for frame in recording()]
    text = "\n".join(" ".join(f"{value:.9f}" for value in row) for row in rows)
    path.write_text(text + "\n")
    return path


def write_tum_poses(path: Path, start_s: float = 1000.0) -> Path:
    """Poses at 10 Hz, of which every third is a frame's."""
    source = small_source()
    poses = source.poses[: STEP * COUNT]
    lines = [tum_line(start_s + 0.1 * i, pose) for i, pose in enumerate(poses)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_video(path: Path, fps: int = 10, step: int = STEP) -> Path:
    """One image in ``step`` is a frame of the recording; the others repeat the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "4", "g": "8"})
        camera = recording()[0].intrinsics
        stream.width, stream.height, stream.pix_fmt = camera.width, camera.height, "yuv444p"
        for frame in recording():
            for _ in range(step):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame.rgb, "rgb24")))
        container.mux(stream.encode())
    return path


def write_deep_video_mvs(folder: Path) -> Path:
    write_images(folder, "images/{:05d}.png", "depth/{:05d}.png")
    (folder / "K.txt").write_text(intrinsics_text())
    write_rows(folder / "poses.txt")
    return folder


def write_kitti(folder: Path) -> Path:
    write_images(folder, "image_2/{:06d}.png", None)
    camera = recording()[0].intrinsics
    row = [camera.fx, 0, camera.cx, 0, 0, camera.fy, camera.cy, 0, 0, 0, 1, 0]
    (folder / "calib.txt").write_text("P0: " + " ".join(map(str, row)) + "\n")
    write_rows(folder / "poses.txt", 12)
    return folder


def write_pose_files(folder: Path) -> Path:
    """A 4×4 a file."""
    write_images(folder, "color/{:d}.jpg", "depth/{:d}.png")
    (folder / "poses").mkdir()
    for i, frame in enumerate(recording()):
        (folder / "poses" / f"{i}.txt").write_text(matrix_text(frame.world_from_camera))
    camera = recording()[0].intrinsics
    numbers = {name: getattr(camera, name) for name in ("fx", "fy", "cx", "cy", "width", "height")}
    (folder / "camera.json").write_text(json.dumps(numbers))
    return folder


def write_transforms(folder: Path) -> Path:
    write_images(folder, "images/frame_{:05d}.png", "depths/frame_{:05d}.png")
    camera = recording()[0].intrinsics
    frames = [
        {
            "file_path": f"images/frame_{i:05d}.png",
            "depth_file_path": f"depths/frame_{i:05d}.png",
            "transform_matrix": (frame.world_from_camera @ OPENGL_FROM_OPENCV).tolist(),
        }
        for i, frame in enumerate(recording())
    ]
    values = {"fl_x": camera.fx, "fl_y": camera.fy, "w": camera.width, "h": camera.height}
    values |= {"cx": camera.cx + 0.5, "cy": camera.cy + 0.5, "camera_model": "OPENCV"}
    document = values | {"frames": list(reversed(frames))}  # their order means nothing
    (folder / "transforms.json").write_text(json.dumps(document))
    return folder


def write_colmap(folder: Path, binary: bool = False) -> Path:
    write_images(folder, "images/{:04d}.jpg")
    model = folder / "sparse" / "0"
    model.mkdir(parents=True)
    camera = recording()[0].intrinsics
    values = [camera.fx, camera.fy, camera.cx + 0.5, camera.cy + 0.5]
    rows = []
    for i, frame in enumerate(recording()):
        pose = inverse(frame.world_from_camera)
        quat = Rotation.from_matrix(pose[:3, :3]).as_quat(scalar_first=True)
        rows.append((i + 1, [*quat, *pose[:3, 3]], f"{i:04d}.jpg"))
    if binary:
        cameras = struct.pack("<QiiQQ4d", 1, 7, 1, camera.width, camera.height, *values)
        (model / "cameras.bin").write_bytes(cameras)
        images = struct.pack("<Q", len(rows))
        for number, row, name in rows:
            images += struct.pack("<i7di", number, *row, 7) + name.encode() + b"\0"
            images += struct.pack("<Qddq", 1, 3.0, 4.0, -1)
        (model / "images.bin").write_bytes(images)
        return folder
    line = f"7 PINHOLE {camera.width} {camera.height} " + " ".join(map(repr, values))
    (model / "cameras.txt").write_text("# Camera list\n" + line + "\n")
    lines = ["# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME"]
    for number, row, name in rows:
        lines += [f"{number} " + " ".join(f"{v:.12f}" for v in row) + f" 7 {name}", ""]
    (model / "images.txt").write_text("\n".join(lines) + "\n")
    return folder


def arkit_pose(frame: Frame) -> np.ndarray:
    """In ARKit's world, OpenCV axes."""
    return np.asarray(ARKIT_FROM_Z_UP @ frame.world_from_camera)


def write_record3d(path: Path) -> Path:
    liblzfse = pytest.importorskip("liblzfse")

    camera = recording()[0].intrinsics
    rows = []
    for frame in recording():
        pose = arkit_pose(frame) @ OPENGL_FROM_OPENCV
        rows.append([*Rotation.from_matrix(pose[:3, :3]).as_quat(), *pose[:3, 3]])
    metadata = {
        "w": camera.width,
        "h": camera.height,
        "dw": camera.width // 3,
        "dh": camera.height // 3,
        "fps": 10,
        "K": camera.matrix.T.ravel().tolist(),
        "poses": rows,
        "frameTimestamps": [0.3 * i for i in range(len(rows))],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata", json.dumps(metadata))
        for i, frame in enumerate(recording()):
            assert frame.depth_m is not None
            small = np.ascontiguousarray(frame.depth_m[1::3, 1::3], "<f4")
            archive.writestr(f"rgbd/{i}.jpg", encoded(frame.rgb, "jpeg"))
            archive.writestr(f"rgbd/{i}.depth", liblzfse.compress(small.tobytes()))
    return path


def write_stray_scanner(folder: Path) -> Path:
    write_video(folder / "rgb.mp4", step=1)
    lines = ["timestamp, frame, x, y, z, qx, qy, qz, qw"]
    for i, frame in enumerate(recording()):
        pose = arkit_pose(frame)
        row = [*pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_quat()]
        lines.append(f"{500 + 0.3 * i:.6f}, {i:06d}, " + ", ".join(f"{v:.9f}" for v in row))
        save(millimetres(frame)[1::3, 1::3], folder / "depth" / f"{i:06d}.png")
    np.save(folder / "depth" / "000000.npy", millimetres(recording()[0])[1::3, 1::3])
    (folder / "depth" / "000000.png").unlink()
    (folder / "odometry.csv").write_text("\n".join(lines) + "\n")
    (folder / "camera_matrix.csv").write_text(intrinsics_text().replace(" ", ", "))
    return folder


def write_polycam(folder: Path) -> Path:
    keyframes = folder / "keyframes"
    camera = recording()[0].intrinsics
    (keyframes / "corrected_cameras").mkdir(parents=True)
    for i, frame in enumerate(recording()):
        stamp = 1_000_000_000 + 300_000 * i
        pose = arkit_pose(frame) @ OPENGL_FROM_OPENCV
        values = {k: getattr(camera, k) for k in ("fx", "fy", "cx", "cy", "width", "height")}
        values |= {f"t_{r}{c}": float(pose[r, c]) for r in range(3) for c in range(4)}
        (keyframes / "corrected_cameras" / f"{stamp}.json").write_text(json.dumps(values))
        save(frame.rgb, keyframes / "corrected_images" / f"{stamp}.jpg")
        save(millimetres(frame)[1::3, 1::3], keyframes / "depth" / f"{stamp}.png")
    return folder
