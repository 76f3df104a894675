"""How layouts are known by their files, where that takes more than a pattern."""

import re
from pathlib import Path

from hydra_mono.datasets.files import IMAGE

VIDEO_ENDS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")
BAG_ENDS = (".bag", ".mcap", ".db3")
COLOR_FOLDERS = ("images", "rgb", "color", "image", "image_2", "image_0", "frames", ".")
POSES = (  # beside images, the first that is there
    *("transforms.json", "poses.txt", "traj.txt", "trajectory.txt", "groundtruth.txt"),
    *("sparse/0", "sparse", "colmap/sparse/0", "colmap", "poses", "pose"),
)


def find_poses(folder: Path) -> Path | None:
    """The poses that lie beside images."""
    return next((folder / name for name in POSES if _holds_poses(folder / name)), None)


def _holds_poses(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and (is_colmap(path) or any(path.glob("*.txt"))))


def is_colmap(folder: Path) -> bool:
    return any(
        all((folder / f"{name}.{end}").is_file() for name in ("images", "cameras"))
        for end in ("bin", "txt")
    )


def image_files(folder: Path) -> list[Path]:
    """The images of the first folder that has some, in the order of the numbers in their names."""
    for name in COLOR_FOLDERS:
        found = images_in(folder / name)
        if found:
            return sorted(found, key=lambda path: _natural(path.name))
    return []


def images_in(folder: Path) -> list[Path]:
    """The images of a folder, in no order; none where there is no such folder."""
    inside = folder.iterdir() if folder.is_dir() else ()
    return [p for p in inside if re.search(IMAGE + "$", p.name, re.I) and p.name[0] != "."]


def _natural(name: str) -> list[tuple[bool, int, str]]:
    words = re.split(r"(\d{1,30})", name)
    return [(word.isdigit(), int(word) if word.isdigit() else 0, word) for word in words]


def holds_posed_images(path: Path) -> bool:
    """Whether poses lie beside images, or it is a video."""
    if path.is_file():
        return path.suffix.lower() in VIDEO_ENDS
    return path.is_dir() and find_poses(path) is not None and bool(image_files(path))


def is_deep_video_mvs(path: Path) -> bool:
    files = all((path / name).is_file() for name in ("K.txt", "poses.txt"))
    return files and (path / "images").is_dir()


def is_record3d(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() == ".r3d"
    return path.is_dir() and any(
        (inner / meta).is_file() and any((inner / folder).is_dir() for folder in ("rgbd", "rgb"))
        for inner in (path, path / "EXR_RGBD")
        for meta in ("metadata", "metadata.json")
    )


def keyframes_folder(path: Path) -> Path:
    """Where a Polycam export keeps its key frames."""
    return path / "keyframes" if (path / "keyframes").is_dir() else path


def is_polycam(path: Path) -> bool:
    return any((keyframes_folder(path) / f"{kind}cameras").is_dir() for kind in ("", "corrected_"))


def is_bag(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() in BAG_ENDS
    is_ros2 = path.is_dir() and (path / "metadata.yaml").is_file()
    return is_ros2 and any(any(path.glob(f"*{end}*")) for end in BAG_ENDS[1:])
