"""Frames of a video by number, through PyAV."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.files.images import MOST_PIXELS

logger = logging.getLogger(__name__)

_MOST_FRAMES = 10_000_000  # four days at 30 Hz
_AHEAD = 90  # frames decoded to reach one ahead, rather than sought: key frames come every 1 to 8 s
_OPTIONS = {"protocol_whitelist": "file"}  # a playlist may not open what is not there


@dataclass(frozen=True, slots=True)
class _Packet:
    pts: int
    is_key: bool


class Video:
    """The frames of the first video stream in the order they are shown.

    Reading them one after the other decodes each once; any other is sought from the key frame
    before. ``stamps_ns`` start at 0.

    Raises:
        DataError: PyAV is not installed, or it is no video that can be read.
    """

    def __init__(self, path: Path) -> None:
        self._av = _import_av()
        self._path = path
        try:
            with self._open() as container:
                stream = container.streams.video[0]
                self.size = int(stream.width), int(stream.height)
                base, packets = stream.time_base, list(self._scan(container, stream))
        except (self._av.error.FFmpegError, IndexError, ValueError, OSError) as error:
            raise DataError(f"{path}: no video that can be read ({error})") from error
        if not packets or not 0 < self.size[0] * self.size[1] <= MOST_PIXELS:
            raise DataError(f"{path}: a video of {len(packets)} frames of {self.size} pixels")
        self._pts = sorted({packet.pts for packet in packets})
        self._keys = sorted(packet.pts for packet in packets if packet.is_key)
        first = self._pts[0]
        self.stamps_ns = [round((pts - first) * base * 10**9) for pts in self._pts]
        self._place = {pts: index for index, pts in enumerate(self._pts)}
        self._container: Any = None
        self._frames: Iterator[Any] = iter(())
        self._next = 0

    def __len__(self) -> int:
        return len(self._pts)

    def read(self, index: int, name: str) -> UInt8[np.ndarray, "h w 3"]:
        """The frame of a number.

        Raises:
            BadFrameError: ``unreadable-image``, it cannot be decoded.
        """
        try:
            if self._container is None or not self._next <= index <= self._next + _AHEAD:
                self._seek(index)
            for frame in self._frames:
                self._next = self._place.get(frame.pts, self._next) + 1
                if self._next == index + 1:
                    return np.asarray(frame.to_ndarray(format="rgb24"))
                if self._next > index + 1:
                    break
        except (self._av.error.FFmpegError, ValueError, OSError) as error:
            self._container = None
            raise BadFrameError(name, "unreadable-image", f"{self._path}: {error}") from error
        self._container = None
        raise BadFrameError(name, "unreadable-image", f"{self._path}: no frame {index} is decoded")

    def _open(self) -> Any:
        return self._av.open(str(self._path), options=_OPTIONS)

    def _scan(self, container: Any, stream: Any) -> Iterator[_Packet]:
        """The packets without decoding them."""
        for count, packet in enumerate(container.demux(stream)):
            if count > _MOST_FRAMES:
                raise DataError(f"{self._path}: more than {_MOST_FRAMES} frames")
            if packet.pts is not None and packet.size:
                yield _Packet(packet.pts, packet.is_keyframe)

    def _seek(self, index: int) -> None:
        if self._container is not None:
            self._container.close()
        self._container = self._open()
        stream = self._container.streams.video[0]
        before = [pts for pts in self._keys if pts <= self._pts[index]]
        if before and index:
            self._container.seek(before[-1], stream=stream, backward=True)
        self._frames = self._container.decode(stream)
        self._next = 0 if not before else self._place[before[-1]]


def _import_av() -> Any:
    try:
        import av
    except ImportError as error:
        raise DataError("videos need PyAV: pip install 'hydra-mono[video]'") from error
    return av
