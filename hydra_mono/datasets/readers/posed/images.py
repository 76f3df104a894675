"""A folder of images or a video, with poses and a camera from wherever they are given."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hydra_mono.core.errors import DataError
from hydra_mono.core.files.images import image_size
from hydra_mono.core.source import EVERYTHING, Needs
from hydra_mono.datasets.files import FRAME_NS, stamps_of_numbers
from hydra_mono.datasets.given import NOTHING, Given
from hydra_mono.datasets.layouts import VIDEO_ENDS, find_poses, image_files, images_in
from hydra_mono.datasets.lens import (
    FORMS,
    GivenCamera,
    LensCamera,
    camera_of_exif,
    read_camera,
)
from hydra_mono.datasets.listed import (
    ListedFrame,
    ListedSource,
    ReadColor,
    color_file,
    depth_file,
    logger,
)
from hydra_mono.datasets.readers.posed.matching import Shown, match_poses
from hydra_mono.datasets.readers.posed.pose_files import PoseTable, read_poses
from hydra_mono.datasets.readers.posed.video import Video

_DEPTHS = ("depth", "depths", "depth_images")
_CAMERAS = (
    *("camera.yaml", "camera.json", "intrinsics.txt", "intrinsics.json", "intrinsic.txt"),
    *("K.txt", "camera-intrinsics.txt", "calib.txt", "camera.txt", "camera_info.yaml"),
)


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Images in order: how they are matched, read and, where they are files, found."""

    shown: list[Shown]
    read: list[ReadColor]
    size: tuple[int, int]
    files: dict[str, Path]


class PosedImagesSource(ListedSource):
    """Images in the order of their names, or a video's frames, that have a pose.

    The camera is the one given, else that of the pose file (COLMAP, nerfstudio), else of a
    calibration beside the images, else EXIF's. Depth is in a folder beside the images, by the
    same names, in millimetres.
    """

    took_camera = True

    def __init__(self, path: Path, needs: Needs = EVERYTHING, given: Given = NOTHING) -> None:
        pictures = _of_video(path) if path.is_file() else _of_folder(path)
        table = read_poses(_pose_file(path, given))
        if not table.is_metric:
            logger.warning(
                "%s: COLMAP's scale is free; the map is in its units, metres only if the model was "
                "aligned",
                table.where,
            )
        camera_of = _camera_of(path, pictures, table, given.camera)
        depths = _depths(path)
        frames = []
        for index, match in match_poses(table, pictures.shown):
            shown = pictures.shown[index]
            depth = table.depths.get(match.name) or depths.get(shown.key)
            frames.append(
                ListedFrame(
                    name=shown.name,
                    stamp_ns=match.stamp_ns,
                    pose=match.pose,
                    camera=camera_of(match.name),
                    color=pictures.read[index],
                    depth=depth_file(depth, table.units_per_m) if depth else None,
                )
            )
        if not any(frame.pose is not None for frame in frames):
            raise DataError(
                f"{table.where} holds {len(table)} poses, of which none belongs to one of the "
                f"{len(pictures.shown)} images of {path}"
            )
        super().__init__(
            path.resolve().stem if path.is_file() else path.resolve().name, frames, needs
        )


def _pose_file(path: Path, given: Given) -> Path:
    if given.poses is not None:
        if not given.poses.exists():
            raise DataError(f"{given.poses} is missing; --poses names a file or folder of poses")
        return given.poses
    found = find_poses(path.parent if path.is_file() else path)
    if found is None:
        raise DataError(
            f"{path} comes without poses; give --poses FILE (TUM, KITTI, 4×4 a line, COLMAP's "
            "folder, transforms.json)"
        )
    return found


def key_of(name: str) -> str:
    """What colour and depth of one frame have in common: the last number, or the bare name."""
    stem = Path(name).stem
    numbers = re.findall(r"\d+(?:\.\d+)?", stem)
    return numbers[-1].lstrip("0") or "0" if numbers else stem


def _of_folder(folder: Path) -> _Pictures:
    found = image_files(folder)
    if not found:
        raise DataError(f"{folder} holds no images (PNG, JPEG, TIFF), nor a folder of them")
    numbers = [int(key) if (key := key_of(p.name)).isdigit() else -1 for p in found]
    counted = len(set(numbers)) == len(numbers) and numbers == sorted(numbers) and numbers[0] >= 0
    stamps = stamps_of_numbers(numbers) if counted else [i * FRAME_NS for i in range(len(found))]
    shown = [Shown(p.name, key_of(p.name), ns) for p, ns in zip(found, stamps, strict=True)]
    files = {p.name: p for p in found}
    return _Pictures(shown, [color_file(p) for p in found], image_size(found[0]), files)


def _of_video(path: Path) -> _Pictures:
    if path.suffix.lower() not in VIDEO_ENDS:
        raise DataError(f"{path} is no video; read are {', '.join(VIDEO_ENDS)}")
    video = Video(path)
    shown = [Shown(f"{i:06d}", str(i), ns) for i, ns in enumerate(video.stamps_ns)]
    reads: list[ReadColor] = [partial(video.read, i) for i in range(len(video))]
    return _Pictures(shown, reads, video.size, {})


def _depths(path: Path) -> dict[str, Path]:
    folder = path.parent if path.is_file() else path
    for name in _DEPTHS:
        if (folder / name).is_dir():
            return {key_of(path.name): path for path in images_in(folder / name)}
    return {}


def _camera_of(
    path: Path, pictures: _Pictures, table: PoseTable, given: GivenCamera | None
) -> Callable[[str], LensCamera]:
    """The camera by the name that the pose file has for an image.

    Raises:
        DataError: nothing tells it.
    """
    if given is not None:
        told = given.of(*pictures.size)
        return lambda name: told
    if table.cameras:
        some = next(iter(table.cameras.values()))
        return lambda name: table.cameras.get(name, some)
    folder = path.parent if path.is_file() else path
    file = next((folder / name for name in _CAMERAS if (folder / name).is_file()), None)
    if file is not None:
        camera = read_camera(file).of(*pictures.size)
    elif pictures.files:
        camera = camera_of_exif(next(iter(pictures.files.values())))
    else:
        raise DataError(f"{path}: nothing tells the camera; give --intrinsics {FORMS} or a file")
    return lambda name: camera
