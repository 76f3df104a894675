"""Where labelled objects end, as the images show it.

Voxels know the end of an object to a voxel at best: the last one with its label is up to a voxel
inside, and the occlusion artifacts of the mesh lie a few centimetres outside. In an image, labels
meet between two pixels. Where what lies beyond is no nearer, that is where the object ends, and
its depth one pixel further in says where in the world. Such contour points, averaged in every
voxel over many images, lie within millimetres of the true contour.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped, UInt8

from hydra_mono.core.config import MappingConfig
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import points_of_pixels
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map import voxel_keys
from hydra_mono.core.map.contours import CONTOUR_RECORD, ContourPoints
from hydra_mono.core.map.state import State, joined, parted
from hydra_mono.core.mesh import BlockKey
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.mapping.tsdf.weights import depth_weight

_BLOCK = 8  # voxels along the edge of the blocks that points are filed in
_BLOCK_BITS = 15  # per axis: ±16,000 blocks, 6.5 km at voxels of 5 cm
_CELL_BITS = 9 + 8  # of a voxel in its block (8³) and of a label


@dataclass(frozen=True, slots=True)
class ContourRule:
    """``voxel_size_m``: points are averaged in such voxels. Depth counts within the range."""

    voxel_size_m: float
    min_depth_m: float = 0.1  # m; nearest depth of common depth cameras
    max_depth_m: float = (
        3.5  # m; beyond, a pixel spans over 6 mm at 640 px: no use for a box's side
    )
    every: int = 3  # one image of so many: neighbours at 30 Hz show the same contours
    occluder_m: float = 0.05  # m; nearer by that beyond a border hides the object's true end
    max_weight: float = 200.0  # pixels at close range; a contour that moved has moved after as many
    max_unfiled: int = 50  # images; bounds the memory of a run that never has a keyframe


@dataclass(frozen=True, slots=True)
class LabelBorders:
    """Pixels at which the label of an object ends along a row or a column.

    ``inner``, ``beyond``: flat indices of the pixel one inside the object's last, and of the first
    outside. ``row``, ``column``: of the border, which is half a pixel past the last.
    """

    inner: Int64[np.ndarray, " n"]
    beyond: Int64[np.ndarray, " n"]
    row: Float32[np.ndarray, " n"]
    column: Float32[np.ndarray, " n"]

    def take(self, chosen: Bool[np.ndarray, " n"]) -> "LabelBorders":
        return LabelBorders(
            self.inner[chosen], self.beyond[chosen], self.row[chosen], self.column[chosen]
        )


def find_borders(
    labels: UInt8[np.ndarray, "h w"], is_object: Bool[np.ndarray, "256"]
) -> Iterator[LabelBorders]:
    """Where objects end along rows and columns, next to known labels, two pixels wide at least."""
    height, width = labels.shape
    flat = labels.ravel()
    for step, down in ((1, 0), (width, 1)):
        before = np.flatnonzero(flat[step:] != flat[:-step])
        for last, sign in ((before, 1), (before + step, -1)):
            place, length = (last // width, height) if down else (last % width, width)
            last = last[(place > 0) & (place < length - 1)]
            inner, beyond = last - sign * step, last + sign * step
            own = flat[last]
            kept = is_object[own] & (flat[inner] == own) & (flat[beyond] > 0)
            row, column = np.divmod(last[kept].astype(np.float32), np.float32(width))
            shift = np.float32(0.5 * sign)
            yield LabelBorders(
                inner[kept], beyond[kept], row + shift * down, column + shift * (1 - down)
            )


def contour_points(
    borders: LabelBorders,
    depth_m: Float32[np.ndarray, "h w"],
    camera: Intrinsics,
    rule: ContourRule,
) -> tuple[Bool[np.ndarray, " n"], Float64[np.ndarray, "m 3"]]:
    """Which borders are ends of objects, and the points of those in camera axes, metres.

    Depth is a pixel further in: at the border itself it may be that of what lies beyond.
    """
    flat = depth_m.ravel()
    near, far = flat[borders.inner], flat[borders.beyond]
    with np.errstate(invalid="ignore"):
        is_end = (near >= rule.min_depth_m) & (near <= rule.max_depth_m)
        is_end &= np.isfinite(far) & (far > near - np.float32(rule.occluder_m)) & (far > 0)
    row, column = borders.row[is_end], borders.column[is_end]
    return is_end, points_of_pixels(camera, row, column, near[is_end].astype(np.float64))


class ObjectContourMap:
    """Contour points of objects, one mean point for every voxel and label.

    ``integrate`` costs as much as there are borders in the image, ``snapshot`` as much as there
    are new ones since the last call and a reference for every block.
    """

    def __init__(self, rule: ContourRule, is_object: Bool[np.ndarray, "256"]) -> None:
        """``is_object``: true at the label ids of objects; nowhere true, nothing is done."""
        self._rule = rule
        self._is_object = is_object
        self._images = 0
        self._unfiled: list[np.ndarray] = []
        self._blocks: dict[BlockKey, np.ndarray] = {}

    def integrate(
        self, frame: Frame, prediction: Prediction, keep: Bool[np.ndarray, "h w"] | None = None
    ) -> None:
        """Adds the contours that an image shows, but for pixels where ``keep`` is false."""
        self._images += 1
        is_due = (self._images - 1) % self._rule.every == 0
        if prediction.labels is None or not is_due or not self._is_object.any():
            return
        labels = prediction.labels.ravel()
        found = [np.zeros(0, CONTOUR_RECORD)]
        for borders in find_borders(prediction.labels, self._is_object):
            kept = borders if keep is None else borders.take(keep.ravel()[borders.inner])
            is_end, points_m = contour_points(
                kept, prediction.depth_m, frame.intrinsics, self._rule
            )
            weight = depth_weight(points_m[:, 2].astype(np.float32))
            pose = frame.world_from_camera
            world_m = points_m @ pose[:3, :3].T + pose[:3, 3]
            found.append(self._records(world_m, labels[kept.inner[is_end]], weight))
        image = _merged(np.concatenate(found))
        image["images"] = 1
        self._unfiled.append(image)
        if len(self._unfiled) >= self._rule.max_unfiled:
            self._file()

    def snapshot(self) -> ContourPoints:
        """The contours as they are now; no block is ever written to."""
        self._file()
        return ContourPoints(_BLOCK * self._rule.voxel_size_m, dict(self._blocks))

    def state(self) -> State:
        """See ``core.map.state``."""
        like = np.zeros(0, CONTOUR_RECORD)
        keys = sorted(self._blocks)
        return {
            "images": self._images,
            "unfiled": joined(self._unfiled, like),
            "blocks": joined([self._blocks[key] for key in keys], like),
        }

    def restore(self, state: State) -> None:
        self._images = state["images"]
        self._unfiled = parted(state["unfiled"])
        blocks = parted(state["blocks"])
        self._blocks = {_block_of(records): records for records in blocks}

    def _records(
        self,
        points_m: Float64[np.ndarray, "n 3"],
        labels: UInt8[np.ndarray, " n"],
        weight: Float32[np.ndarray, " n"],
    ) -> Shaped[np.ndarray, " n"]:
        voxel = np.floor(points_m / self._rule.voxel_size_m).astype(np.int64)
        block, inside = np.divmod(voxel, _BLOCK)
        cell = (inside[:, 0] * _BLOCK + inside[:, 1]) * _BLOCK + inside[:, 2]
        packed = voxel_keys.pack(block, _BLOCK_BITS)
        records = np.zeros(len(points_m), CONTOUR_RECORD)
        records["key"] = (packed << _CELL_BITS) | (cell << 8) | labels
        records["weight"] = weight
        records["point_m"] = points_m
        return records

    def _file(self) -> None:
        """Merges what is new into the blocks it lies in; blocks are replaced, never written to."""
        if not self._unfiled:
            return
        fresh = np.concatenate(self._unfiled)
        self._unfiled = []
        touched = voxel_keys.unpack(np.unique(fresh["key"] >> _CELL_BITS), _BLOCK_BITS).tolist()
        filed = [self._blocks[tuple(key)] for key in touched if tuple(key) in self._blocks]
        merged = _merged(np.concatenate([*filed, fresh]))
        merged["weight"] = np.minimum(merged["weight"], np.float32(self._rule.max_weight))
        starts = np.flatnonzero(np.diff(merged["key"] >> _CELL_BITS, prepend=-1))
        for part in np.split(merged, starts[1:]):
            if len(part):
                self._blocks[_block_of(part)] = part.copy()


def _block_of(records: Shaped[np.ndarray, " n"]) -> BlockKey:
    i, j, k = voxel_keys.unpack(records["key"][:1] >> _CELL_BITS, _BLOCK_BITS)[0].tolist()
    return i, j, k


def _merged(records: Shaped[np.ndarray, " n"]) -> Shaped[np.ndarray, " m"]:
    """One record for each key, in their order: weights and images summed, points averaged."""
    keys, which = np.unique(records["key"], return_inverse=True)
    merged = np.zeros(len(keys), CONTOUR_RECORD)
    merged["key"] = keys
    weight = np.bincount(which, records["weight"], len(keys))
    merged["weight"] = weight
    merged["images"] = np.bincount(which, records["images"], len(keys))
    for axis in range(3):
        moment = np.bincount(which, records["weight"] * records["point_m"][:, axis], len(keys))
        merged["point_m"][:, axis] = moment / weight
    return merged


def create_contours(
    config: MappingConfig, labels: LabelSpace, monocular: MonocularRule | None = None
) -> ObjectContourMap:
    """The contours a config describes; none where depth is estimated: it bends at contours."""
    rule = ContourRule(voxel_size_m=config.voxel_size)
    wanted = config.contours and monocular is None
    return ObjectContourMap(rule, labels.mask(labels.object_ids if wanted else ()))
