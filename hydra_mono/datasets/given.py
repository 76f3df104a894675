"""What the user gives beside a sequence: a file of poses, a camera."""

from dataclasses import dataclass
from pathlib import Path

from hydra_mono.datasets.lens import GivenCamera, given_camera


@dataclass(frozen=True, slots=True)
class Given:
    """``poses`` and ``camera`` are None where the sequence has its own."""

    poses: Path | None = None
    camera: GivenCamera | None = None


NOTHING = Given()


def given_by_flags(poses: str | None, intrinsics: str | None) -> Given:
    """What ``--poses`` and ``--intrinsics`` say.

    Raises:
        DataError: the intrinsics are neither numbers nor a file that can be read.
    """
    return Given(
        poses=None if poses is None else Path(poses).expanduser(),
        camera=None if intrinsics is None else given_camera(intrinsics),
    )
