"""Any posed sequence with depth as training data: readers of recordings, simulated walks."""

import logging

import numpy as np
from jaxtyping import Float32, UInt8

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame
from hydra_mono.core.label_map import LabelMap, load_label_map
from hydra_mono.core.labels import NO_LABELS, LabelSpace
from hydra_mono.core.source import Source
from hydra_mono.training.data.edges import edge_map
from hydra_mono.training.readers.files import known_depth
from hydra_mono.training.readers.targets import closed_gaps, normals_from_depth
from hydra_mono.training.samples import Sample

logger = logging.getLogger(__name__)

WINDOW_SHARE = 32  # of the image's width, to fit the normals of sensed depth over


class FrameSamples:
    """Frames of a sequence as samples; ``label_map`` leads to NYU40, None leaves labels unknown.

    Normals are the frame's own where it has them, else fitted to its depth. Edges come from
    labels, instances and steps in depth; the seams that annotators leave are closed for them.
    """

    def __init__(self, source: Source, label_map: LabelMap | None) -> None:
        self._source = source
        self._table = np.zeros(256, np.uint8) if label_map is None else label_map.table

    @property
    def name(self) -> str:
        return self._source.name

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Sample:
        """The sample of a frame.

        Raises:
            DataError: the frame cannot be read, or has no depth.
        """
        try:
            frame = self._source[index]
        except BadFrameError as error:
            raise DataError(f"{self.name}, frame {error}") from error
        if frame.depth_m is None:
            raise DataError(f"{self.name}, frame {frame.name}: no depth, which training needs")
        depth_m = known_depth(frame.depth_m)
        labels = self._labels(frame)
        return Sample(
            name=frame.name,
            rgb=frame.rgb,
            intrinsics=frame.intrinsics,
            depth_m=depth_m,
            labels=labels,
            normals=_normals(frame, depth_m),
            edges=edge_map(_whole(frame, labels), frame.instances, depth_m),
        )

    def _labels(self, frame: Frame) -> UInt8[np.ndarray, "h w"]:
        if frame.labels is None:
            return np.zeros(frame.rgb.shape[:2], np.uint8)
        return np.asarray(self._table[frame.labels])


def map_to_nyu40(space: LabelSpace) -> LabelMap | None:
    """The shipped map from a source's label space; None, with a word in the log, without one.

    A space that only bears the name of a shipped one is not taken for it.
    """
    if space == NO_LABELS:
        return None
    try:
        found = load_label_map(space.name, "nyu40")
    except DataError as error:
        logger.warning("labels are left unknown: %s", error)
        return None
    if found.source == space:
        return found
    logger.warning("labels are left unknown: '%s' differs from the shipped space", space.name)
    return None


def _normals(frame: Frame, depth_m: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w 3"]:
    if frame.normals is not None:
        return frame.normals
    window = max(3, (frame.intrinsics.width // WINDOW_SHARE) | 1)
    return normals_from_depth(depth_m, frame.intrinsics, window)


def _whole(frame: Frame, labels: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """Labels to find edges in: with seams closed, unless instances say where objects end."""
    if frame.instances is not None or not labels.any():
        return labels
    return closed_gaps(labels)
