"""Presence of objects: rays decide what vanished or appeared, and what only moved."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.keyframe import KeyframeInput
from hydra_mono.core.map.motion import TrackedAgent
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import MeshView
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.change.arrival import arrival
from hydra_mono.graph.change.background import Background
from hydra_mono.graph.change.evidence import Evidence
from hydra_mono.graph.change.identity import MatchRule, match
from hydra_mono.graph.change.moves import candidates, enqueue, join
from hydra_mono.graph.change.rays import DepthLook, RayRule, cast
from hydra_mono.graph.change.record import LookRecord
from hydra_mono.graph.change.routes import Routes
from hydra_mono.graph.change.samples import mapped_ns, sample_of, surface_of
from hydra_mono.graph.change.walls import MappedWalls
from hydra_mono.graph.change.watch import PresenceRule, Watch, returned
from hydra_mono.graph.change.watches import Watches
from hydra_mono.graph.model.looks import Seen
from hydra_mono.graph.model.nodes import Node, ObjectNode
from hydra_mono.graph.model.presence import Presence
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

SETTLING_NS = 5_000_000_000  # after it came to be known; so long its surface still grows
WRITTEN_NS = 5_000_000_000  # between notes of when an object in view was last seen

Move = tuple[NodeSymbol, NodeSymbol]


class ChangeLayer:
    """Looks at every object in view in every frame; once a keyframe tells the graph what changed.

    Nothing vanishes for lack of evidence: where a ray ends before an object, or passes beside it,
    nothing is known. What a frame costs is bounded, and does not grow with the map.
    """

    def __init__(self, labels: LabelSpace, max_depth_m: float) -> None:
        self._labels = labels
        self._max_depth_m = max_depth_m
        self._rays, self._rule, self._match_rule = RayRule(), PresenceRule(), MatchRule()
        self._record = LookRecord()
        self._background = Background(labels.mask(labels.ids("structure")))
        self._watches, self._routes = Watches(), Routes()
        self._evidence, self._walls = Evidence(labels), MappedWalls(labels)
        self._looked: set[NodeSymbol] = set()  # since the last keyframe
        self._unwritten: set[NodeSymbol] = set()  # seen since their presence was written
        self._came: dict[NodeSymbol, None] = {}
        self._went: dict[NodeSymbol, None] = {}
        self._version, self._is_estimated = (0, 0), False
        self._last: tuple[DepthLook, Prediction, int] | None = None  # look, as predicted, stamp

    def look(
        self,
        graph: SceneGraph,
        frame: Frame,
        prediction: Prediction,
        said: Prediction,
        keep: Bool[np.ndarray, "h w"] | None,
        mesh: MeshView,
    ) -> None:
        """Casts a frame's rays at the objects in view; ``keep`` False leaves a pixel out.

        ``said``: by the predictor, before depth and labels were refined; its labels have
        probabilities still. ``mesh``: as the last keyframe left it.
        """
        look = DepthLook.of(frame, prediction, keep, self._max_depth_m)
        self._is_estimated = prediction.sigma_m is not None
        self._last = look, said, frame.stamp_ns
        self._record.add(frame.stamp_ns, look, self._rays)
        symbols = self._watches.chosen(self._watches.in_view(look))
        if not symbols:
            return
        points = [self._watches[symbol].sample.points_m for symbol in symbols]
        owner = np.repeat(np.arange(len(symbols)), [len(part) for part in points])
        rays = cast(np.concatenate(points), look, self._rays)
        self._evidence.take(symbols, points, rays, look, said)
        counts = np.bincount(owner * 4 + rays, minlength=4 * len(symbols)).reshape(-1, 4)
        for symbol, part, row in zip(symbols, points, counts, strict=True):
            seen = self._rule.seen(row, len(part))
            if seen is Seen.PRESENT and self._watches[symbol].is_gone:
                node = graph.find_node(symbol)
                seen = returned(node, self._watches[symbol], look, prediction, self._rule)
            elif seen is Seen.ABSENT and not self._watches[symbol].is_gone:
                hidden = self._walls.hide(symbol, mesh, frame.camera_position_m, part)
                seen = Seen.OCCLUDED if hidden else seen
            if seen is not Seen.NOT_LOOKED:
                graph.looks.add(symbol, frame.stamp_ns, seen)
                self._watches[symbol].take(frame.stamp_ns, seen, frame.camera_position_m)
                self._looked.add(symbol)

    def update(self, graph: SceneGraph, keyframe: KeyframeInput) -> list[Move]:
        """Brings presence in the graph up to date; returns who is whom: (id kept, id given up)."""
        self._walls.block_size_m = keyframe.mesh_update.block_size_m
        graph.looks.note(self._background.update(keyframe, self._record))
        self._sync(graph, keyframe)
        self._decide(graph)
        stamp_ns, moves = keyframe.stamp_ns, []
        for kept, given_up, route in self._routes.arrived(graph, self._watches):
            join(graph, kept, given_up, stamp_ns, route)
            moves.append(self._take_over(graph, kept, given_up))
        for kept, given_up in self._identify(graph):
            join(graph, kept, given_up, stamp_ns)
            moves.append(self._take_over(graph, kept, given_up))
        self._evidence.rename(moves)
        self._evidence.write(graph, stamp_ns, is_estimated=self._is_estimated)
        return moves

    def finish(self, graph: SceneGraph) -> None:
        """After the last ``update``: judges objects by what was seen of them, however little."""
        if self._is_estimated and self._last is not None:
            self._evidence.settle(graph, self._watches, *self._last)

    def follow(self, graph: SceneGraph, agents: Sequence[TrackedAgent]) -> None:
        """Takes in who moves in a frame: some may be objects that are pushed or carried."""
        self._routes.follow(graph, agents)

    def _identify(self, graph: SceneGraph) -> list[Move]:
        """(vanished, appeared) that are one object."""
        known = {
            symbol: watch.sample.appearance
            for symbol in (*self._went, *self._came)
            if (watch := self._watches.get(symbol)) and watch.on_looks >= self._rule.seen_before
        }
        went = candidates(graph, self._went, known)
        came = candidates(graph, self._came, known)
        pairs = match(went, came, self._match_rule)
        return [(went[i].symbol, came[j].symbol) for i, j in pairs]

    def _sync(self, graph: SceneGraph, keyframe: KeyframeInput) -> None:
        """Samples the objects that are new or have other surface now; drops those that are not."""
        changes = graph.changes_since(self._version).nodes
        self._version = graph.version
        for symbol in (*changes.new, *changes.changed):
            node = graph.get_node(symbol)
            if not isinstance(node, ObjectNode):
                continue
            if node.is_present:
                self._sample(graph, symbol, node, keyframe.mesh)
            elif node.removed_ns is None:
                self._drop(symbol)
            elif node.presence is not None and node.presence.vanished_before_ns is None:
                self._note_removal(graph, symbol, node)
        for symbol in changes.removed:
            self._drop(symbol)
            self._evidence.drop(symbol)
            self._walls.forget(symbol)
            graph.looks.forget(symbol)

    def _drop(self, symbol: NodeSymbol) -> None:
        self._watches.drop(symbol)
        for group in (self._looked, self._unwritten):
            group.discard(symbol)
        for queue in (self._came, self._went):
            queue.pop(symbol, None)

    def _sample(
        self, graph: SceneGraph, symbol: NodeSymbol, node: ObjectNode, mesh: MeshView
    ) -> None:
        watch = self._watches.get(symbol)
        if watch is not None and not watch.is_news(node.vertex_count):
            return
        is_wanted = np.zeros(256, np.bool_)
        is_wanted[node.label] = True
        surface = surface_of(mesh, node.mesh_blocks, node.box, is_wanted)
        if surface is None:
            return
        sample = sample_of(surface)
        watch = watch or Watch(sample, node.vertex_count, node.first_seen_ns)
        watch.nodes_vertices = node.vertex_count
        self._watches.sampled(symbol, watch, sample)
        self._find_arrival(graph, symbol, node, watch, mapped_ns(surface))

    def _find_arrival(
        self, graph: SceneGraph, symbol: NodeSymbol, node: ObjectNode, watch: Watch, sure_ns: int
    ) -> None:
        """When it came, of an object that is new or still growing."""
        known = node.presence
        if known is not None and (
            known.appeared_after_ns is not None
            or node.last_seen_ns - watch.since_ns > SETTLING_NS
            or node.trajectory
        ):
            return
        looks = self._record.cast(watch.sample.points_m, self._rays)
        found = arrival(looks, self._rule, node.last_seen_ns)
        first_ns = node.first_seen_ns if found is None else max(found[1], sure_ns)
        after_ns = None if found is None else found[0]
        last_ns = max(first_ns, node.last_seen_ns)
        graph.update_node(symbol, presence=Presence(after_ns, first_ns, last_ns, None))
        if after_ns is not None:
            enqueue(self._came, symbol)

    def _decide(self, graph: SceneGraph) -> None:
        for symbol in sorted(self._looked | self._unwritten):
            watch, node = self._watches[symbol], graph.find_node(symbol)
            if not isinstance(node, ObjectNode) or node.presence is None:
                continue
            is_gone = watch.has_vanished(self._rule, self._is_estimated)
            if node.is_present and is_gone:
                self._vanish(graph, symbol, node.presence, watch)
            elif node.is_present and node.presence.vanished_before_ns is not None:
                self._return(graph, symbol, node.presence, watch)
            elif node.is_present:
                self._write(graph, symbol, node.presence, watch)
        self._looked.clear()

    def _vanish(self, graph: SceneGraph, symbol: NodeSymbol, known: Presence, watch: Watch) -> None:
        last_ns = max(watch.on_ns, known.first_seen_ns)
        graph.mark_removed(symbol, (last_ns, max(watch.through_ns, last_ns)))
        self._note_removal(graph, symbol, graph.get_node(symbol))

    def _note_removal(self, graph: SceneGraph, symbol: NodeSymbol, node: Node) -> None:
        """Presence of an object that was marked as removed, here or because its surface is gone."""
        if not isinstance(node, ObjectNode) or node.presence is None or node.ending is None:
            return
        last_ns = max(node.ending.from_ns, node.presence.first_seen_ns)
        gone_ns, known = max(node.ending.until_ns, last_ns), node.presence
        presence = Presence(known.appeared_after_ns, known.first_seen_ns, last_ns, gone_ns)
        graph.update_node(symbol, presence=presence, last_seen_ns=last_ns)
        self._unwritten.discard(symbol)
        self._came.pop(symbol, None)
        enqueue(self._went, symbol)
        if symbol in self._watches:
            self._watches[symbol].is_gone = True

    def _return(self, graph: SceneGraph, symbol: NodeSymbol, known: Presence, watch: Watch) -> None:
        """It is back where it was: what was known of its absence is when it came."""
        if watch.on_ns <= (known.vanished_before_ns or 0):
            return
        looks = graph.looks.of(symbol)
        came_ns = next((k.from_ns for k in reversed(looks) if k.seen is Seen.PRESENT), watch.on_ns)
        absent = [k.until_ns for k in looks if k.seen is Seen.ABSENT and k.until_ns < came_ns]
        after_ns = absent[-1] if absent else known.vanished_before_ns
        graph.update_node(symbol, presence=Presence(after_ns, came_ns, watch.on_ns, None))
        watch.is_gone = False
        self._went.pop(symbol, None)

    def _write(self, graph: SceneGraph, symbol: NodeSymbol, known: Presence, watch: Watch) -> None:
        """Notes when it was last seen: now and then while it is in view, and when it no more is."""
        last_ns = max(known.last_seen_ns, watch.on_ns)
        in_view = symbol in self._looked
        if in_view and last_ns - known.last_seen_ns < WRITTEN_NS:
            self._unwritten.add(symbol)
            return
        self._unwritten.discard(symbol)
        after_ns, first_ns = known.appeared_after_ns, known.first_seen_ns
        graph.update_node(symbol, presence=Presence(after_ns, first_ns, last_ns, None))

    def _take_over(self, graph: SceneGraph, kept: NodeSymbol, given_up: NodeSymbol) -> Move:
        watch = self._watches[given_up]
        graph.looks.put(kept, [*graph.looks.of(given_up)])
        self._drop(given_up)
        self._drop(kept)
        self._watches.sampled(kept, watch, watch.sample)
        return kept, given_up

    def state(self) -> State:
        """See ``core.map.state``."""
        return {
            "record": self._record.state(),
            "background": self._background.state(),
            "watches": self._watches.state(),
            "evidence": self._evidence.state(),
            "looked": [str(symbol) for symbol in sorted(self._looked)],
            "unwritten": [str(symbol) for symbol in sorted(self._unwritten)],
            "came": [str(symbol) for symbol in self._came],
            "went": [str(symbol) for symbol in self._went],
            "routes": self._routes.state(),
            "version": list(self._version),
            "is_estimated": self._is_estimated,
            "walls": self._walls.state(),
        }

    def restore(self, state: State) -> None:
        ChangeLayer.__init__(self, self._labels, self._max_depth_m)
        parse = NodeSymbol.parse
        self._record.restore(state["record"])
        self._background.restore(state["background"])
        self._watches = Watches.restored(state["watches"])
        self._evidence.restore(state["evidence"])
        self._routes.restore(state["routes"])
        self._looked = set(map(parse, state["looked"]))
        self._unwritten = set(map(parse, state["unwritten"]))
        self._came = dict.fromkeys(map(parse, state["came"]))
        self._went = dict.fromkeys(map(parse, state["went"]))
        self._version = (state["version"][0], state["version"][1])
        self._is_estimated = state["is_estimated"]
        self._walls.restore(state["walls"])
