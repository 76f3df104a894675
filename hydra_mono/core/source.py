"""What a reader is: a sized, indexable run of frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace

Need = Literal["required", "optional", "unused"]


@dataclass(frozen=True, slots=True)
class Needs:
    """What a consumer reads of frames beside colour, pose and camera.

    ``required``: a frame whose file is missing or broken is unusable. ``optional``: such a frame
    comes without it. ``unused``: the files are not opened. Labels that a whole sequence lacks
    are no fault.
    """

    depth: Need = "required"
    labels: Need = "required"


EVERYTHING = Needs()
WHAT_THERE_IS = Needs("optional", "optional")
COLOR_ALONE = Needs("unused", "unused")


@runtime_checkable
class Source(Protocol):
    """A posed sequence on disk, in a file or simulated.

    ``source[i]`` decodes one frame and raises ``BadFrameError`` when that frame alone is
    unusable, so one broken image never ends a run, and skipped frames are never decoded.
    ``world_up`` is the up direction of the source's world where the layout promises one.
    ``unknown_label_pixels`` counts, over the frames read so far, what the label space lacks.
    """

    @property
    def name(self) -> str: ...

    @property
    def label_space(self) -> LabelSpace: ...

    @property
    def world_up(self) -> tuple[float, float, float] | None: ...

    @property
    def unknown_label_pixels(self) -> int: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Frame: ...


def narrow(source: Source, needs: Needs) -> None:
    """Tells a source what will be read of its frames; one that always has everything may ignore it.

    Raises:
        DataError: depth is required and the sequence has none.
    """
    listen = getattr(source, "narrow", None)
    if listen is not None:
        listen(needs)


def stream(
    source: Source, *, start: int = 0, stride: int = 1, max_frames: int | None = None
) -> Iterator[Frame | BadFrameError]:
    """Frames in order; a frame that cannot be read comes as the error that says why.

    Raises:
        DataError: ``start`` lies past the last frame.
    """
    if start >= len(source):
        raise DataError(f"{source.name}: start is {start}, but there are {len(source)} frames")
    indices = range(start, len(source), stride)
    for index in indices if max_frames is None else indices[:max_frames]:
        try:
            yield source[index]
        except BadFrameError as error:
            yield error
