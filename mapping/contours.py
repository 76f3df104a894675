"""Where labelled things end, as the images show it.

Voxels know the end of a thing to a voxel at best: the last one with its label is up to a voxel
inside, and what hangs behind an outline in the map is a few centimetres outside. In an image,
labels meet between two pixels. Where what lies beyond is no nearer, that is where the thing ends,
and its depth one pixel further in says where in the world. Such points, averaged in every voxel
over many images, lie within millimetres of the true outline.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from hydra_mono.core.config import MappingConfig, MonocularConfig
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import points_of_pixels
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import BlockKey, blocks_between
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.tsdf.weights import depth_weight

_BLOCK = 8  # voxels along the edge of the blocks that points are filed by
_BITS = 15  # per axis: ±16,000 blocks
_BIAS = 1 << (_BITS - 1)
_CELL_BITS = 9 + 8  # of a voxel in its block and of a label
_BEFORE_M = 0.05  # what is so much nearer beyond the border hides the thing's true end
_MOST_WEIGHT = 200.0  # pixels close by; more are not remembered, so that what moved moves here
_LEAST_IMAGES = 2  # that must have shown an end in a voxel
_MOST_FRESH = 50  # images whose ends wait to be filed, where nobody asks for any

_RECORD = np.dtype(
    [("name", np.int64), ("weight", np.float32), ("images", np.int32), ("point_m", np.float32, 3)]
)


@dataclass(frozen=True, slots=True)
class OutlineRule:
    """Metres: the voxels points are averaged in, and how near and far depth is trusted.

    One image of ``every`` is looked at; none where there is no reach.
    """

    voxel_size_m: float
    min_depth_m: float
    reach_m: float
    every: int


@dataclass(frozen=True, slots=True)
class Borders:
    """Borders of things in an image.

    ``inner``, ``beyond``: flat indices of the pixel one inside the thing's last, and of the first
    outside. ``row``, ``column``: of the border, which is half a pixel past the last.
    """

    inner: Int64[np.ndarray, " n"]
    beyond: Int64[np.ndarray, " n"]
    row: Float32[np.ndarray, " n"]
    column: Float32[np.ndarray, " n"]

    def take(self, chosen: Bool[np.ndarray, " n"]) -> "Borders":
        return Borders(
            self.inner[chosen], self.beyond[chosen], self.row[chosen], self.column[chosen]
        )


def find_borders(
    labels: UInt8[np.ndarray, "h w"], is_thing: Bool[np.ndarray, "256"]
) -> Iterator[Borders]:
    """Where things end along rows and columns, on known labels and at least two pixels wide."""
    height, width = labels.shape
    flat = labels.ravel()
    for step, down in ((1, 0), (width, 1)):
        before = np.flatnonzero(flat[step:] != flat[:-step])
        for last, sign in ((before, 1), (before + step, -1)):
            place, length = (last // width, height) if down else (last % width, width)
            last = last[(place > 0) & (place < length - 1)]
            inner, beyond = last - sign * step, last + sign * step
            own = flat[last]
            kept = is_thing[own] & (flat[inner] == own) & (flat[beyond] > 0)
            row, column = np.divmod(last[kept].astype(np.float32), np.float32(width))
            shift = np.float32(0.5 * sign)
            yield Borders(
                inner[kept], beyond[kept], row + shift * down, column + shift * (1 - down)
            )


def outline_points(
    borders: Borders,
    depth_m: Float32[np.ndarray, "h w"],
    camera: Intrinsics,
    rule: OutlineRule,
) -> tuple[Bool[np.ndarray, " n"], Float64[np.ndarray, "m 3"]]:
    """Which borders are ends of things, and the points of those in camera axes, metres.

    Depth is a pixel further in: at the border itself it may be that of what lies beyond.
    """
    flat = depth_m.ravel()
    near, far = flat[borders.inner], flat[borders.beyond]
    with np.errstate(invalid="ignore"):
        is_end = (near >= rule.min_depth_m) & (near <= rule.reach_m)
        is_end &= np.isfinite(far) & (far > near - np.float32(_BEFORE_M)) & (far > 0)
    row, column = borders.row[is_end], borders.column[is_end]
    return is_end, points_of_pixels(camera, row, column, near[is_end].astype(np.float64))


class ObjectContourMap:
    """Ends of things, one mean point for every voxel and label.

    ``look`` costs as much as there are borders in the image, ``near`` as much as there are new
    ones since the last call, whatever the size of the map.
    """

    def __init__(self, rule: OutlineRule, is_thing: Bool[np.ndarray, "256"]) -> None:
        self._rule = rule
        self._is_thing = is_thing
        self._images = 0
        self._fresh: list[np.ndarray] = []
        self._blocks: dict[int, np.ndarray] = {}

    def integrate(
        self, frame: Frame, prediction: Prediction, keep: Bool[np.ndarray, "h w"] | None = None
    ) -> None:
        """Notes the ends that an image shows, but for pixels where ``keep`` is false."""
        self._images += 1
        if prediction.labels is None or not self._looks_now():
            return
        labels = prediction.labels.ravel()
        found = [np.zeros(0, _RECORD)]
        for borders in find_borders(prediction.labels, self._is_thing):
            kept = borders if keep is None else borders.take(keep.ravel()[borders.inner])
            is_end, points_m = outline_points(
                kept, prediction.depth_m, frame.intrinsics, self._rule
            )
            weight = depth_weight(points_m[:, 2].astype(np.float32))
            pose = frame.world_from_camera
            world_m = points_m @ pose[:3, :3].T + pose[:3, 3]
            found.append(self._records(world_m, labels[kept.inner[is_end]], weight))
        image = _merged(np.concatenate(found))
        image["images"] = 1
        self._fresh.append(image)
        if len(self._fresh) >= _MOST_FRESH:
            self._file()

    def _looks_now(self) -> bool:
        return self._rule.reach_m > 0 and (self._images - 1) % self._rule.every == 0

    def near(
        self, label: int, lower_m: Float64[np.ndarray, "3"], upper_m: Float64[np.ndarray, "3"]
    ) -> Float64[np.ndarray, "n 3"]:
        """The ends of things of a label between two corners of an upright box, in fixed order."""
        self._file()
        keys = blocks_between(lower_m, upper_m, _BLOCK * self._rule.voxel_size_m)
        filed = [self._blocks[name] for name in map(_block_name, keys) if name in self._blocks]
        records = np.concatenate([np.zeros(0, _RECORD), *filed])
        records = records[(records["name"] & 255) == label]
        points_m = records["point_m"][records["images"] >= _LEAST_IMAGES].astype(np.float64)
        inside = np.all((points_m >= lower_m) & (points_m <= upper_m), axis=1)
        return np.asarray(points_m[inside])

    def _records(
        self,
        points_m: Float64[np.ndarray, "n 3"],
        labels: UInt8[np.ndarray, " n"],
        weight: Float32[np.ndarray, " n"],
    ) -> np.ndarray:
        voxel = np.floor(points_m / self._rule.voxel_size_m).astype(np.int64)
        block, inside = np.divmod(voxel, _BLOCK)
        block += _BIAS
        cell = (inside[:, 0] * _BLOCK + inside[:, 1]) * _BLOCK + inside[:, 2]
        place = (((block[:, 0] << _BITS) | block[:, 1]) << _BITS) | block[:, 2]
        records = np.zeros(len(points_m), _RECORD)
        records["name"] = (place << _CELL_BITS) | (cell << 8) | labels
        records["weight"] = weight
        records["point_m"] = points_m
        return records

    def _file(self) -> None:
        """Merges what is new into the blocks it lies in."""
        if not self._fresh:
            return
        fresh = np.concatenate(self._fresh)
        self._fresh = []
        touched = np.unique(fresh["name"] >> _CELL_BITS).tolist()
        filed = [self._blocks[name] for name in touched if name in self._blocks]
        merged = _merged(np.concatenate([*filed, fresh]))
        merged["weight"] = np.minimum(merged["weight"], np.float32(_MOST_WEIGHT))
        starts = np.flatnonzero(np.diff(merged["name"] >> _CELL_BITS, prepend=-1))
        for part in np.split(merged, starts[1:]):
            if len(part):
                self._blocks[int(part["name"][0]) >> _CELL_BITS] = part.copy()


def _block_name(key: BlockKey) -> int:
    i, j, k = (index + _BIAS for index in key)
    return (((i << _BITS) | j) << _BITS) | k


def _merged(records: np.ndarray) -> np.ndarray:
    """One record for each name, in their order: weights and images summed, points averaged."""
    names, which = np.unique(records["name"], return_inverse=True)
    merged = np.zeros(len(names), _RECORD)
    merged["name"] = names
    weight = np.bincount(which, records["weight"], len(names))
    merged["weight"] = weight
    merged["images"] = np.bincount(which, records["images"], len(names))
    for axis in range(3):
        moment = np.bincount(which, records["weight"] * records["point_m"][:, axis], len(names))
        merged["point_m"][:, axis] = moment / weight
    return merged


def create_contours(
    config: MappingConfig, labels: LabelSpace, monocular: MonocularConfig | None = None
) -> ObjectContourMap:
    """The outlines a config asks for; none where depth is a network's guess: it bends there."""
    rule = OutlineRule(
        voxel_size_m=config.voxel_size,
        min_depth_m=config.min_depth,
        reach_m=0.0 if monocular else config.outline_reach,
        every=config.outline_every,
    )
    return ObjectContourMap(rule, labels.mask(labels.object_ids))
