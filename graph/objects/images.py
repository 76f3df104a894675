"""The best image of every object: large, whole, and with little before it.

At each keyframe the objects in view are scored by how many pixels show their surface, where the
depth of a pixel lies in the object's box. Crops are small JPEGs, of a bounded number.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from PIL import Image

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.frame import Frame
from hydra_mono.core.map.state import State, joined, parted
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

Crop = tuple[int, int, int, int]  # left, top, right, bottom in pixels


@dataclass(frozen=True, slots=True)
class ImageRule:
    """Which crops are kept.

    ``side_px``: longest side of a crop, some 4 kB as JPEG of ``quality``. ``most``: crops kept, so
    some 4 MB. ``gain``: how much better a view has to be to take the other's place, since coding
    costs a millisecond. ``least_px``: pixels across that show anything. ``beyond``: share of the
    box's size shown round it. ``near_m``: planes nearer than that have no image. ``slack_m``:
    depth's noise about a box. ``samples``: points a side at which depth is looked at.
    ``least_share``: of them that must be of the object.
    """

    side_px: int = 128
    quality: int = 80
    most: int = 1000
    gain: float = 1.3
    least_px: int = 16
    beyond: float = 0.1
    near_m: float = 0.2
    slack_m: float = 0.08
    samples: int = 24
    least_share: float = 0.15


class ObjectImages:
    """JPEG crops by object, the best view of each so far."""

    def __init__(self, rule: ImageRule | None = None) -> None:
        self._rule = rule or ImageRule()
        self._scores: dict[NodeSymbol, float] = {}
        self._images: dict[NodeSymbol, bytes] = {}

    def look(self, graph: SceneGraph, frame: Frame, prediction: Prediction) -> None:
        """Takes crops of the objects that this frame shows better than any before it."""
        for symbol, node in graph.active_nodes(Layer.OBJECTS):
            if isinstance(node, ObjectNode) and node.is_present:
                self._look_at(symbol, node.box, frame, prediction)

    def of(self, symbols: Iterable[NodeSymbol]) -> dict[NodeSymbol, bytes]:
        """The images of some objects, of those that have one."""
        return {symbol: self._images[symbol] for symbol in symbols if symbol in self._images}

    def _look_at(
        self, symbol: NodeSymbol, box: BoundingBox, frame: Frame, prediction: Prediction
    ) -> None:
        crop = _crop(box, frame, self._rule)
        if crop is None:
            return
        before = self._scores.get(symbol, 0.0)
        most = float((crop[2] - crop[0]) * (crop[3] - crop[1]))
        if most <= before * self._rule.gain:
            return
        share = _share_of(box, crop, frame, prediction, self._rule)
        score = share * most
        if share < self._rule.least_share or score <= before * self._rule.gain:
            return
        if symbol not in self._images and len(self._images) >= self._rule.most:
            return
        self._scores[symbol] = score
        self._images[symbol] = _encoded(frame, crop, self._rule)

    def state(self) -> State:
        """See ``core.map.state``."""
        symbols = list(self._images)
        parts = [np.frombuffer(self._images[symbol], np.uint8) for symbol in symbols]
        return {
            "symbols": [str(symbol) for symbol in symbols],
            "scores": np.array([self._scores[symbol] for symbol in symbols], np.float64),
            "images": joined(parts, np.zeros(0, np.uint8)),
        }

    def restore(self, state: State) -> None:
        symbols = [NodeSymbol.parse(text) for text in state["symbols"]]
        self._scores = dict(zip(symbols, state["scores"].tolist(), strict=True))
        images = (part.tobytes() for part in parted(state["images"]))
        self._images = dict(zip(symbols, images, strict=True))


def _crop(box: BoundingBox, frame: Frame, rule: ImageRule) -> Crop | None:
    """The rectangle round a box in the image; None where it is small, behind or cut off."""
    camera = np.linalg.inv(frame.world_from_camera)
    corners = box.corners() @ camera[:3, :3].T + camera[:3, 3]
    if corners[:, 2].min() < rule.near_m:
        return None
    k = frame.intrinsics
    u = corners[:, 0] / corners[:, 2] * k.fx + k.cx
    v = corners[:, 1] / corners[:, 2] * k.fy + k.cy
    low, high = np.array([u.min(), v.min()]), np.array([u.max(), v.max()])
    margin = (high - low) * rule.beyond
    last = np.array([k.width, k.height])
    seen_low, seen_high = np.clip(low - margin, 0, last), np.clip(high + margin, 0, last)
    if (seen_high - seen_low < rule.least_px).any():
        return None
    left, top, right, bottom = np.rint([*seen_low, *seen_high]).astype(int).tolist()
    return left, top, right, bottom


def _share_of(
    box: BoundingBox, crop: Crop, frame: Frame, prediction: Prediction, rule: ImageRule
) -> float:
    """Share of the crop's pixels whose depth lies in the box."""
    left, top, right, bottom = crop
    u = np.linspace(left, right - 1, rule.samples).astype(int)
    v = np.linspace(top, bottom - 1, rule.samples).astype(int)
    depth_m = prediction.depth_m[np.ix_(v, u)].astype(np.float64)
    k = frame.intrinsics
    rays = np.stack(np.broadcast_arrays((u - k.cx) / k.fx, ((v - k.cy) / k.fy)[:, None], 1.0), -1)
    points = _in_world(rays * depth_m[..., None], frame.world_from_camera)
    half = np.array(box.dimensions_m) / 2 + rule.slack_m
    inside = (np.abs(box.to_box_frame(points)) <= half).all(axis=1)
    return float((inside & (depth_m.ravel() > 0)).mean())


def _in_world(
    points: Float64[np.ndarray, "v u 3"], world_from_camera: Float64[np.ndarray, "4 4"]
) -> Float64[np.ndarray, "n 3"]:
    turned = points.reshape(-1, 3) @ world_from_camera[:3, :3].T
    return np.asarray(turned + world_from_camera[:3, 3])


def _encoded(frame: Frame, crop: Crop, rule: ImageRule) -> bytes:
    left, top, right, bottom = crop
    image = Image.fromarray(frame.rgb[top:bottom, left:right])
    image.thumbnail((rule.side_px, rule.side_px))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=rule.quality)
    return written.getvalue()
