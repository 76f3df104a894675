"""Object nodes: labelled surface clustered into objects that keep their identity."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.config import ObjectsConfig
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.keyframe import KeyframeInput
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import BlockKey, MeshUpdate, MeshView
from hydra_mono.graph.model.nodes import ObjectNode, named_alike
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.objects.box_completion import CompletionRule
from hydra_mono.graph.objects.boxes import BoxFitter, is_evident, object_node
from hydra_mono.graph.objects.clusters import (
    LEAST_SHARE,
    Cluster,
    associate,
    find_clusters,
    split_cluster,
)
from hydra_mono.graph.objects.surface import (
    CELL_M,
    KnownObject,
    ObjectIndex,
    SurfaceStore,
    known_state,
    restored_known,
)

log = logging.getLogger(__name__)

REVIVED = 1.5  # times the surface of an object that was refuted: then it is to be judged anew


@dataclass(frozen=True, slots=True)
class _Now:
    """What one update works on."""

    graph: SceneGraph
    keyframe: KeyframeInput

    @property
    def mesh(self) -> MeshView:
        return self.keyframe.mesh

    @property
    def update(self) -> MeshUpdate:
        return self.keyframe.mesh_update

    @property
    def stamp_ns(self) -> int:
        return self.keyframe.stamp_ns

    def object_of(self, symbol: NodeSymbol) -> ObjectNode:
        node = self.graph.get_node(symbol)
        assert isinstance(node, ObjectNode)
        return node


class ObjectLayer:
    """Keeps the object layer of a graph true to the mesh, around what changed in it.

    Args:
        labels: which labels are objects, their names and colours.
        cell_size: metres; the grid that surface is clustered on, not below the map's voxel size.
        min_area: m²; less surface than this is noise.
        min_updates: updates that must have seen an object before its loss is remembered.
        revive_time: seconds in which an object that comes back to its spot is the same one.
        completion: how unseen sides are added to boxes; None leaves boxes as seen.
    """

    def __init__(
        self,
        labels: LabelSpace,
        *,
        cell_size: float = 0.05,
        min_area: float = 0.03,
        min_updates: int = 2,  # a single keyframe may show a slip of labels
        revive_time: float = 10.0,  # ten keyframes in which it was hidden or its label wrong
        completion: CompletionRule | None = None,
    ) -> None:
        self._labels = labels
        self._movable_ids = frozenset(labels.ids("movable"))
        self._cell_size_m = cell_size
        self._min_cells = max(1, round(min_area / cell_size**2))
        self._min_updates = min_updates
        self._revive_ns = round(revive_time * 1e9)
        self._boxes = BoxFitter(labels, completion)
        self._surfaces = SurfaceStore(labels.mask(labels.object_ids), cell_size)
        self._index = ObjectIndex()
        self._active_blocks: set[BlockKey] = set()
        self._gone: dict[NodeSymbol, KnownObject] = {}

    def update(self, graph: SceneGraph, keyframe: KeyframeInput) -> None:
        """Clusters what changed, matches it to the nodes there are, and freezes what left."""
        now, mesh, update = _Now(graph, keyframe), keyframe.mesh, keyframe.mesh_update
        touched = self._surfaces.apply(update)
        self._boxes.apply(update)
        self._track_activity(update)
        parts, objects = self._index.region(touched, self._surfaces.holds)
        surfaces = [(part, self._surfaces.find(part, mesh)) for part in parts]
        clusters = find_clusters(
            [(part, surface) for part, surface in surfaces if surface is not None],
            self._min_cells,
        )
        clusters = [part for cluster in clusters for part in self._split(cluster)]
        self._match(now, clusters, objects)
        self._freeze(now)
        self._forget_gone(now)

    def state(self) -> State:
        """See ``core.map.state``; objects themselves are in the graph."""
        return {
            "surfaces": self._surfaces.state(),
            "boxes": self._boxes.state(),
            "index": self._index.state(),
            "gone": known_state(self._gone.values()),
            "active_blocks": np.array(sorted(self._active_blocks), np.int32).reshape(-1, 3),
        }

    def restore(self, state: State) -> None:
        self._surfaces.restore(state["surfaces"])
        self._boxes.restore(state["boxes"])
        self._index.restore(state["index"])
        self._gone = {known.symbol: known for known in restored_known(state["gone"])}
        self._active_blocks = {(i, j, k) for i, j, k in state["active_blocks"].tolist()}

    def _split(self, cluster: Cluster) -> list[Cluster]:
        """The cluster, or its parts where it is several objects that touch."""
        return split_cluster(
            cluster,
            self._cell_size_m,
            float(self._labels.least_widths_m[cluster.label]),
            in_rows=cluster.label in self._movable_ids,
            min_cells=self._min_cells,
        )

    def _track_activity(self, update: MeshUpdate) -> None:
        for key, block in update.changed.items():
            (self._active_blocks.add if len(block) else self._active_blocks.discard)(key)
        self._active_blocks.difference_update(update.archived)

    def _match(self, now: _Now, clusters: list[Cluster], objects: list[KnownObject]) -> None:
        links = associate([c.cells for c in clusters], [t.cells for t in objects])
        for source, target in links.merged:
            self._merge(now, objects[source], objects[target])
        lost = {objects[i].symbol: objects[i] for i in links.lost}
        for cluster, heir in zip(clusters, links.heir, strict=True):
            if heir >= 0:
                self._refresh(now, objects[heir], cluster)
            else:
                self._settle(now, cluster, lost)
        for known in lost.values():
            self._lose(now, known)

    def _refresh(self, now: _Now, known: KnownObject, cluster: Cluster) -> None:
        """Brings a node up to its surface; where none of that changed, the box stays as it is.

        Surface that rays go through is what carving has left so far: the node stays what it was.
        """
        if now.graph.looks.is_absent(known.symbol):
            self._remember(known.symbol, cluster, known.updates)
            return
        active = not self._active_blocks.isdisjoint(cluster.blocks)
        same = now.update.changed.keys().isdisjoint(cluster.blocks)
        is_present = now.object_of(known.symbol).is_present
        if same and is_present and np.array_equal(known.cells, cluster.cells):
            now.graph.update_node(known.symbol, is_active=active)
            return
        before, (new, _) = now.object_of(known.symbol), self._node(now, cluster)
        if before.is_refuted and new.vertex_count < REVIVED * before.vertex_count:
            self._remember(known.symbol, cluster, known.updates + 1)
            return
        now.graph.update_node(
            known.symbol,
            position_m=new.position_m,
            box=new.box,
            seen_fraction=new.seen_fraction,
            completed_sides=new.completed_sides,
            first_seen_ns=min(before.first_seen_ns, new.first_seen_ns),
            last_seen_ns=max(before.last_seen_ns, new.last_seen_ns),
            vertex_count=new.vertex_count,
            mesh_blocks=new.mesh_blocks,
            is_active=active,
            ending=None,
            view_count=0 if before.is_refuted else before.view_count,
        )
        self._remember(known.symbol, cluster, known.updates + 1)

    def _settle(self, now: _Now, cluster: Cluster, lost: dict[NodeSymbol, KnownObject]) -> None:
        """Surface that no node holds: an object just lost or lately gone, or a new one."""
        node, has_evidence = self._node(now, cluster)
        for known in [*lost.values(), *self._gone.values()]:
            if _may_be(known, cluster) and _same_spot(now.object_of(known.symbol).box, node.box):
                lost.pop(known.symbol, None)
                self._gone.pop(known.symbol, None)
                self._refresh(now, known, cluster)
                return
        if not has_evidence:
            return
        symbol = now.graph.next_symbol("O")
        now.graph.add_node(symbol, node)
        self._remember(symbol, cluster, 1)

    def _remember(self, symbol: NodeSymbol, cluster: Cluster, updates: int) -> None:
        self._index.put(KnownObject(symbol, cluster.label, cluster.cells, cluster.blocks, updates))

    def _merge(self, now: _Now, source: KnownObject, target: KnownObject) -> None:
        log.debug("%s turned out to be part of %s", source.symbol, target.symbol)
        part, whole = now.object_of(source.symbol), now.object_of(target.symbol)
        now.graph.merge_nodes(source.symbol, target.symbol)
        news = named_alike(whole, part) | {
            "first_seen_ns": min(part.first_seen_ns, whole.first_seen_ns)
        }
        now.graph.update_node(target.symbol, **news)
        self._index.drop(source.symbol)

    def _lose(self, now: _Now, known: KnownObject) -> None:
        """Marks what was carried away; retracts what was a mistake; forgets what was never sure.

        Removed is only what the cameras saw through. What is hidden, or whose surface merely
        changed its label or its place in the map, was no object of this label to begin with.
        """
        self._index.drop(known.symbol)
        node = now.object_of(known.symbol)
        if node.is_present:
            if known.updates < self._min_updates and not node.by_hand:
                now.graph.remove_node(known.symbol)
                return
            self._end(now, known.symbol)
        self._gone[known.symbol] = known

    def _end(self, now: _Now, symbol: NodeSymbol) -> None:
        interval_ns = now.graph.looks.vanished(symbol)
        if interval_ns is None:
            now.graph.retract(symbol, now.stamp_ns)
        else:
            now.graph.mark_removed(symbol, interval_ns)

    def rename(self, moves: Iterable[tuple[NodeSymbol, NodeSymbol]]) -> None:
        """Surface of the second node of each pair belongs to the first from now on."""
        for kept, given_up in moves:
            for symbol in (kept, given_up):
                self._gone.pop(symbol, None)
            self._index.rename(given_up, kept)

    def _freeze(self, now: _Now) -> None:
        """Objects without an active block left will not change again."""
        archived = now.update.archived
        for symbol in sorted({s for key in archived for s in self._index.owners(key)}):
            if self._active_blocks.isdisjoint(self._index.get(symbol).blocks):
                now.graph.update_node(symbol, is_active=False)
        self._surfaces.forget(archived)
        self._boxes.forget(archived)

    def _forget_gone(self, now: _Now) -> None:
        """After a while an object that comes back is another one."""
        for symbol in list(self._gone):
            node = now.graph.find_node(symbol)
            ending = node.ending if node else None
            if ending is None or now.stamp_ns - ending.until_ns > self._revive_ns:
                del self._gone[symbol]

    def _node(self, now: _Now, cluster: Cluster) -> tuple[ObjectNode, bool]:
        """The node, and whether enough was seen for one, or only a speck of its class."""
        seen, box = self._boxes.fit(cluster, now.keyframe)
        is_active = not self._active_blocks.isdisjoint(cluster.blocks)
        node = object_node(cluster, seen, box, self._labels, is_active=is_active)
        return node, is_evident(seen, float(self._labels.least_widths_m[cluster.label]))


def _may_be(known: KnownObject, cluster: Cluster) -> bool:
    """Whether label and size let a cluster be what an object was."""
    return known.label == cluster.label and len(cluster.cells) > LEAST_SHARE * len(known.cells)


def _same_spot(a: BoundingBox, b: BoundingBox) -> bool:
    """Whether one of two boxes holds the other's centre."""
    return bool(a.contains(np.array([b.center_m]))[0] or b.contains(np.array([a.center_m]))[0])


def create_objects(
    config: ObjectsConfig,
    labels: LabelSpace,
    voxel_size: float = 0.0,
) -> ObjectLayer:
    """The layer a config asks for; on a map of larger voxels (metres) its grid is as coarse."""
    return ObjectLayer(
        labels,
        cell_size=max(CELL_M, voxel_size),
        min_area=config.min_area,
        completion=CompletionRule(),
    )
