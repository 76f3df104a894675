"""A corner of a room whose depth and normals are known in closed form, written as data sets are."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io
from helpers_datasets import save
from PIL import Image
from scipy.spatial.transform import Rotation

from hydra_mono.core.frame import Intrinsics

FLOOR, WALL, WINDOW, OTHERPROP = 2, 1, 9, 40
HYPERSIM_AXES = np.array([1, -1, -1])  # y up, z towards the viewer
UNKNOWN_PX = (slice(5), slice(7))  # a corner of the image without label, depth and normal
# Names of the three packages of NYUv2: suffixes of images, edge, segmentation, normals, depth.
NYU_LAYOUTS = {
    "astmt": (".jpg", ".png", ".mat", ".jpg", ".mat"),
    "vandenhende": (".jpg", ".npy", ".png", ".npy", ".npy"),
    "invpt": (".png", ".png", ".png", ".png", ".npy"),
}


@dataclass(frozen=True)
class Corner:
    """What a camera sees of the corner, in our axes; 0 in one corner of the image."""

    rgb: np.ndarray
    depth_m: np.ndarray
    labels: np.ndarray
    normals: np.ndarray
    points_m: np.ndarray


def corner(camera: Intrinsics, turn: tuple[float, ...] = (0.3, 0.25, 0.1)) -> Corner:
    """Floor, left wall and back wall (a window) seen by a camera turned by x, y, z angles."""
    camera_from_room = Rotation.from_euler("xyz", turn).as_matrix()
    inward = np.array([[0, -1, 0], [1, 0, 0], [0, 0, -1]]) @ camera_from_room.T
    offsets_m = np.array([1.3, 1.6, 3.1])
    v, u = np.mgrid[0 : camera.height, 0 : camera.width].astype(float)
    rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones_like(u)], 2)
    with np.errstate(divide="ignore"):
        depths = -offsets_m / (rays @ inward.T)
    depths[depths <= 0] = np.inf
    nearest = depths.argmin(axis=2)
    depth = depths.min(axis=2)
    assert np.isfinite(depth).all() and len(np.unique(nearest)) == 3
    labels = np.array([FLOOR, WALL, WINDOW], np.uint8)[nearest]
    labels[-6:, -8:] = OTHERPROP
    normals = inward[nearest]
    known = np.ones(depth.shape, bool)
    known[UNKNOWN_PX] = False
    rgb = np.stack([80 * nearest + 40, u * 2, v * 3], axis=2).astype(np.uint8)
    labels = np.where(known, labels, 0).astype(np.uint8)
    depth = np.where(known, depth, 0)
    return Corner(rgb, depth, labels, normals * known[..., None], rays * depth[..., None])


def angles_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angles between the normals of two images where both know one."""
    known = (np.abs(a).sum(axis=2) > 0) & (np.abs(b).sum(axis=2) > 0)
    return np.degrees(np.arccos(np.clip((a[known] * b[known]).sum(axis=1), -1, 1)))


def border_of(labels: np.ndarray) -> np.ndarray:
    """True where the right neighbour has another label."""
    border = np.zeros(labels.shape, bool)
    border[:, :-1] = labels[:, :-1] != labels[:, 1:]
    return border


def write_nyu(
    root: Path, layout: str, truths: dict[str, Corner], test: list[str], signs: tuple[int, ...]
) -> Path:
    """A package of NYUv2 with normals stored in axes of the given ``signs``."""
    suffixes = NYU_LAYOUTS[layout]
    for number, truth in truths.items():
        grey = np.rint((truth.normals * signs + 1) * 127.5).astype(np.uint8)
        floats = (truth.normals * signs).astype(np.float32)
        border = border_of(truth.labels)
        paths = [
            root / kind / (number + suffix)
            for kind, suffix in zip(
                ("images", "edge", "segmentation", "normals", "depth"), suffixes, strict=True
            )
        ]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
        save(truth.rgb, paths[0])
        put(paths[1], border.astype(np.float32), border.astype(np.uint8) * 255)
        put(paths[2], truth.labels, truth.labels)
        put(paths[3], floats, grey)
        put(paths[4], truth.depth_m.astype(np.float32), truth.labels)
    (root / "gt_sets").mkdir()
    train = [number for number in truths if number not in test]
    (root / "gt_sets" / "train.txt").write_text("\n".join(train) + "\n")
    (root / "gt_sets" / "val.txt").write_text("\n".join(test) + "\n")
    return root


def put(path: Path, array: np.ndarray, image: np.ndarray) -> None:
    """``array`` as ``.npy`` or ``.mat`` (named as the folder), ``image`` as an image."""
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".mat":
        scipy.io.savemat(path, {path.parent.name: array})
    elif path.suffix == ".jpg":
        Image.fromarray(image).save(path, quality=98, subsampling=0)
    else:
        save(image, path)


def write_flat_nyu(root: Path, truths: dict[str, Corner]) -> Path:
    for number, truth in truths.items():
        save(truth.rgb, root / "images" / f"{number}.jpg")
        eight_bits = np.rint(truth.depth_m * 25.5).astype(np.uint8)
        save(eight_bits, root / "depth" / f"{number}.png")
        save(truth.labels, root / "segmentation" / f"{number}.png")
    (root / "train.txt").write_text("\n".join(truths) + "\n")
    return root


def write_raw_hypersim(
    root: Path, truths: dict[tuple[str, int], Corner], hypersim_from_image: np.ndarray
) -> Path:
    """Scenes of one camera; what is unknown is NaN, and −1 for labels."""
    import h5py

    for (scene, frame), truth in truths.items():
        images = root / scene / "images"
        preview = images / "scene_cam_00_final_preview" / f"frame.{frame:04d}.tonemap.jpg"
        save(truth.rgb, preview)
        known = truth.labels > 0
        distance = np.where(known, np.linalg.norm(truth.points_m, axis=2), np.nan)
        arrays = {
            "depth_meters": distance.astype(np.float16),
            "normal_cam": (truth.normals @ hypersim_from_image.T).astype(np.float16),
            "semantic": np.where(known, truth.labels, -1).astype(np.int16),
            "semantic_instance": np.where(known, truth.labels.astype(np.int16) + 700, -1),
        }
        folder = images / "scene_cam_00_geometry_hdf5"
        folder.mkdir(exist_ok=True)
        for what, array in arrays.items():
            with h5py.File(folder / f"frame.{frame:04d}.{what}.hdf5", "w") as file:
                file["dataset"] = array
    return root


def write_hypersim_split(root: Path, parts: dict[tuple[str, int], str]) -> None:
    columns = ["scene_name", "camera_name", "frame_id", "included_in_public_release"]
    with (root / "metadata_images_split_scene_v1.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, "exclude_reason", "split_partition_name"])
        for (scene, frame), part in parts.items():
            writer.writerow([scene, "cam_00", frame, True, "", part])


def write_nicr_hypersim(root: Path, parts: dict[str, dict[str, Corner]]) -> Path:
    for part, truths in parts.items():
        for name, truth in truths.items():
            instance = truth.labels.astype(np.uint16) + 700
            images = {
                "rgb": truth.rgb,
                "depth": np.rint(truth.depth_m * 1000).astype(np.uint16),
                "semantic_40": truth.labels,
                "normal": ((truth.normals * HYPERSIM_AXES + 1) * 127).astype(np.uint8),
                "instance": np.stack(
                    [truth.labels, (instance & 255).astype("u1"), (instance >> 8).astype("u1")], 2
                ),
            }
            for kind, image in images.items():
                save(image, root / part / kind / f"{name}.png")
        (root / f"{part}.txt").write_text("\n".join(truths) + "\n")
    return root
