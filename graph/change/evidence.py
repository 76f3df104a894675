"""What predictions say that objects are: label probabilities, averaged over views from apart."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int8, Int64, UInt8

from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.state import State
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.change.rays import DepthLook, Ray, RayRule, cast
from hydra_mono.graph.change.watches import Watches
from hydra_mono.graph.model.nodes import ObjectNode, SecondLabel
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

SECTORS = 8  # of 45° round an object: views from as far apart err each in its own manner
LEAST_POINTS = 4  # of a surface, met by rays: fewer may all lie on its rim
REFUTED = 0.15  # probability of a label below which an object was a mistake of depth or labels:
# in simulated and real rooms most of those below are none, and all but few of those above are
LEAST_LOOKS = 5  # before that is believed: single predictions err
STEP = 0.1  # by which a probability must have changed to be written: history keeps every version


@dataclass(slots=True)
class LabelEvidence:
    """Sums of label distributions, one a look, by the direction that the object was seen from.

    Looks from one direction make the same mistake again and again, so each direction's mean
    weighs alike, however long the camera stood there.
    """

    sums: Float32[np.ndarray, "s l"]
    looks: Int64[np.ndarray, " s"] = field(default_factory=lambda: np.zeros(SECTORS, np.int64))

    def add(
        self,
        labels: UInt8[np.ndarray, " m"],
        confidence: Float32[np.ndarray, " m"] | None,
        sector: int,
    ) -> None:
        """One look: labels of pixels on the object (at least one), and their probabilities."""
        count = np.bincount(labels, weights=confidence, minlength=self.sums.shape[1])
        self.sums[sector] += (count / len(labels)).astype(np.float32)
        self.looks[sector] += 1

    @property
    def views(self) -> int:
        """From how many of the directions it was seen."""
        return int(np.count_nonzero(self.looks))

    def probabilities(self) -> Float32[np.ndarray, " l"]:
        """Of each label; what is missing to 1 is unknown. At least one look."""
        seen = self.looks > 0
        return np.asarray((self.sums[seen] / self.looks[seen, None]).mean(axis=0), np.float32)


class Evidence:
    """Label evidence of all objects; what a frame costs goes with the objects in view."""

    def __init__(self, labels: LabelSpace) -> None:
        self._labels = labels
        self._count = 1 + max((label.id for label in labels.labels), default=0)
        self._known: dict[NodeSymbol, LabelEvidence] = {}
        self._unwritten: set[NodeSymbol] = set()

    def take(
        self,
        symbols: list[NodeSymbol],
        points: list[Float32[np.ndarray, "_ 3"]],
        rays: Int8[np.ndarray, " n"],
        look: DepthLook,
        prediction: Prediction,
    ) -> None:
        """One look at objects: points of each one's surface, and the ``Ray`` of each point."""
        if prediction.labels is None:
            return
        ends = np.cumsum([len(part) for part in points])[:-1]
        for symbol, part, met in zip(symbols, points, np.split(rays, ends), strict=True):
            on = part[met == Ray.ON]
            if len(on) < LEAST_POINTS:
                continue
            _, _, u, v = look.pixels_of(on)
            labels = prediction.labels[v, u]
            confidence = None if prediction.confidence is None else prediction.confidence[v, u]
            known = self._known.setdefault(symbol, self._new())
            known.add(np.minimum(labels, self._count - 1), confidence, _sector(on, look))
            self._unwritten.add(symbol)

    def _new(self) -> LabelEvidence:
        return LabelEvidence(np.zeros((SECTORS, self._count), np.float32))

    def write(self, graph: SceneGraph, stamp_ns: int, *, is_estimated: bool) -> None:
        """Tells the nodes what has changed of their labels' probabilities.

        Where depth is estimated, and with it the surface that objects are made of, an object is
        retracted of which the predictor hardly ever says what it is.
        """
        for symbol in sorted(self._unwritten):
            node = graph.find_node(symbol)
            if not isinstance(node, ObjectNode) or not node.is_present:
                continue
            self._write(graph, symbol, node)
            if is_estimated and not node.by_hand and self._is_refuted(symbol, node.label):
                graph.retract(symbol, stamp_ns)
                self._known.pop(symbol)
        self._unwritten.clear()

    def settle(
        self,
        graph: SceneGraph,
        watches: Watches,
        look: DepthLook,
        prediction: Prediction,
        stamp_ns: int,
    ) -> None:
        """At the end, of estimated surface: no more will be seen, and one look has to do.

        Objects that were mapped after anybody looked are looked at in the last frame. Those that
        no look calls what they are called, or that were never looked at, were mistakes.
        """
        fresh = [s for s in watches.in_view(look) if s not in self._known]
        points = [watches[symbol].sample.points_m for symbol in fresh]
        if points:
            rays = cast(np.concatenate(points), look, RayRule())
            self.take(fresh, points, rays, look, prediction)
        for symbol, node in list(graph.nodes(Layer.OBJECTS)):
            if not isinstance(node, ObjectNode) or not node.is_present or node.by_hand:
                continue
            known = self._known.get(symbol)
            if known is None or float(known.probabilities()[node.label]) < REFUTED:
                graph.retract(symbol, stamp_ns)
            elif symbol in self._unwritten:
                self._write(graph, symbol, node)
        self._unwritten.clear()

    def _is_refuted(self, symbol: NodeSymbol, label: int) -> bool:
        known = self._known[symbol]
        is_enough = int(known.looks.sum()) >= LEAST_LOOKS
        return is_enough and float(known.probabilities()[label]) < REFUTED

    def _write(self, graph: SceneGraph, symbol: NodeSymbol, node: ObjectNode) -> None:
        known = self._known[symbol]
        every = known.probabilities()
        others = every.copy()
        others[[0, node.label]] = 0.0
        other = int(np.argmax(others))
        second = None
        if others[other] > 0:
            second = SecondLabel(other, self._labels.name_of(other), round(float(every[other]), 3))
        probability = min(round(float(every[node.label]), 3), 1.0)
        if abs(probability - node.probability) >= STEP or known.views != node.view_count:
            views = known.views
            graph.update_node(symbol, probability=probability, second=second, view_count=views)

    def drop(self, symbol: NodeSymbol) -> None:
        self._known.pop(symbol, None)
        self._unwritten.discard(symbol)

    def rename(self, moves: Iterable[tuple[NodeSymbol, NodeSymbol]]) -> None:
        """What is known of the second node of each pair is of the first, too, from now on."""
        for kept, given_up in moves:
            added = self._known.pop(given_up, None)
            self._unwritten.discard(given_up)
            if added is not None:
                known = self._known.setdefault(kept, self._new())
                known.sums += added.sums
                known.looks += added.looks

    def state(self) -> State:
        """See ``core.map.state``."""
        rows = list(self._known.values())
        shape = (len(rows), SECTORS)
        return {
            "symbols": [str(symbol) for symbol in self._known],
            "sums": np.array([k.sums for k in rows], np.float32).reshape(*shape, self._count),
            "looks": np.array([k.looks for k in rows], np.int64).reshape(shape),
            "unwritten": [str(symbol) for symbol in sorted(self._unwritten)],
        }

    def restore(self, state: State) -> None:
        rows = zip(state["symbols"], state["sums"], state["looks"], strict=True)
        self._known = {
            NodeSymbol.parse(text): LabelEvidence(sums.copy(), looks.copy())
            for text, sums, looks in rows
        }
        self._unwritten = set(map(NodeSymbol.parse, state["unwritten"]))


def _sector(points_m: Float32[np.ndarray, "n 3"], look: DepthLook) -> int:
    """Which of the directions, seen from above, the camera looks from."""
    x, y = (look.world_from_camera[:2, 3] - points_m[:, :2].mean(axis=0)).tolist()
    return int(np.floor(np.arctan2(y, x) / (2 * np.pi) * SECTORS)) % SECTORS
