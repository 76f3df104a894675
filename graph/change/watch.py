"""What is known of one object's presence: when rays met its surface and when they went through."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from hydra_mono.core.map.state import State
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.change.rays import DepthLook, Ray
from hydra_mono.graph.change.samples import Appearance, Sample
from hydra_mono.graph.model.looks import Seen
from hydra_mono.graph.model.nodes import Node, ObjectNode

RESAMPLED = 0.1  # share of an object's vertices that must be new for it to be sampled again
SHRUNK = 0.7  # of the most vertices it had; with less, it is being carved away, or seen in part


@dataclass(frozen=True, slots=True)
class PresenceRule:
    """What rays at the points of an object must show for a look to tell something."""

    in_view: float = 0.5  # of the points: half of it tells as much as all
    decided: float = 0.25  # of those, met or seen through; a convex object shows as many
    least: int = 4  # points decided: fewer may be all of them errors
    on: float = 0.5  # of the decided: surface that was rounded off is missed by some
    through: float = 0.7  # of the decided: what it stood on or against still meets the others
    seen_before: int = 3  # looks that saw it there, before it can vanish
    looks: int = 3  # that see through it, without one that sees it there, until it has vanished
    span_ns: int = 200_000_000  # between the first and the last of them: no single bad image
    estimated_looks: int = 8  # as many where depth is estimated, whose errors last, and
    estimated_span_ns: int = 1_000_000_000  # they span so long, and
    estimated_moved_m: float = 0.25  # are made from places so far apart: errors follow the view

    def seen(self, counts: Int64[np.ndarray, "4"], points: int) -> Seen:
        """The answer of one look; ``counts``: of points by ``Ray``."""
        on, through, hidden = (int(counts[ray]) for ray in (Ray.ON, Ray.THROUGH, Ray.HIDDEN))
        inside, decided = on + through + hidden, on + through
        if inside < self.in_view * points:
            return Seen.NOT_LOOKED
        if decided < max(self.decided * inside, min(self.least, points)):
            return Seen.OCCLUDED
        if through >= max(self.through * decided, self.in_view * inside):
            return Seen.ABSENT
        return Seen.PRESENT if on >= self.on * decided else Seen.NOT_LOOKED


@dataclass(slots=True)
class Watch:
    """Evidence about one object since its surface was sampled.

    ``through_ns``: the first look that saw through it since the last one that saw it, from where
    the camera was at ``through_from_m``; ``moved_m``: how far the camera came from there since.
    ``is_gone``: it is known to have left.
    """

    sample: Sample
    nodes_vertices: int
    since_ns: int
    on_looks: int = 0
    on_ns: int = 0
    through_looks: int = 0
    through_ns: int = 0
    latest_ns: int = 0
    through_from_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    moved_m: float = 0.0
    is_gone: bool = False

    def take(self, stamp_ns: int, seen: Seen, camera_m: Float64[np.ndarray, "3"]) -> None:
        """One look's answer."""
        if seen is Seen.PRESENT:
            self.on_looks, self.on_ns = self.on_looks + 1, stamp_ns
            self.through_looks = 0
        elif seen is Seen.ABSENT:
            if not self.through_looks:
                self.through_ns, self.moved_m = stamp_ns, 0.0
                x, y, z = camera_m.tolist()
                self.through_from_m = (x, y, z)
            self.through_looks, self.latest_ns = self.through_looks + 1, stamp_ns
            away = float(np.linalg.norm(camera_m - np.array(self.through_from_m)))
            self.moved_m = max(self.moved_m, away)

    def is_news(self, vertices: int) -> bool:
        """Whether a surface of so many vertices is to be sampled: not while it may be vanishing."""
        before = self.nodes_vertices
        is_there = not self.through_looks and vertices >= SHRUNK * before
        return is_there and abs(vertices - before) > RESAMPLED * before

    def has_vanished(self, rule: PresenceRule, is_estimated: bool) -> bool:
        """Whether it was there, and enough looks in a row have seen through it since."""
        if self.on_looks < rule.seen_before or not self.through_looks:
            return False
        span_ns = self.latest_ns - self.through_ns
        if not is_estimated:
            return self.through_looks >= rule.looks and span_ns >= rule.span_ns
        return (
            self.through_looks >= rule.estimated_looks
            and span_ns >= rule.estimated_span_ns
            and self.moved_m >= rule.estimated_moved_m
        )


def returned(
    node: Node | None, watch: Watch, look: DepthLook, prediction: Prediction, rule: PresenceRule
) -> Seen:
    """Whether the surface that is where an object was before it went has its label."""
    if prediction.labels is None or not isinstance(node, ObjectNode):
        return Seen.NOT_LOOKED
    labels = look.values_at(prediction.labels, watch.sample.points_m)
    is_it = len(labels) > 0 and np.mean(labels == node.label) >= rule.on
    return Seen.PRESENT if is_it else Seen.NOT_LOOKED


def watch_state(watch: Watch) -> State:
    """See ``core.map.state``."""
    sample = watch.sample
    return {
        "points_m": sample.points_m.copy(),
        "color": list(sample.appearance.color),
        "profile": list(sample.appearance.profile),
        "through_from_m": list(watch.through_from_m),
    } | {name: getattr(watch, name) for name in _NUMBERS}


def restored_watch(state: State) -> Watch:
    appearance = Appearance(tuple(state["color"]), tuple(state["profile"]))
    sample = Sample.of(state["points_m"].copy(), appearance)
    x, y, z = state["through_from_m"]
    return Watch(
        sample=sample, through_from_m=(x, y, z), **{name: state[name] for name in _NUMBERS}
    )


_NUMBERS = (
    *("nodes_vertices", "since_ns", "on_looks", "on_ns", "through_looks", "through_ns"),
    *("latest_ns", "moved_m", "is_gone"),
)
