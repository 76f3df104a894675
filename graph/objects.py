"""Object nodes: labelled surface clustered into things that keep their identity."""

import logging

import numpy as np

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.config import ObjectsConfig
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import BlockKey, BlockMesh, MeshUpdate
from hydra_mono.graph.clustering import pack_cells
from hydra_mono.graph.nodes import ObjectNode
from hydra_mono.graph.objects_association import associate
from hydra_mono.graph.objects_box import fit_box
from hydra_mono.graph.objects_clusters import Cluster, find_clusters
from hydra_mono.graph.objects_index import Thing, ThingIndex
from hydra_mono.graph.objects_surface import SurfaceStore
from hydra_mono.graph.scene_graph import SceneGraph
from hydra_mono.graph.symbols import NodeSymbol

log = logging.getLogger(__name__)


class ObjectLayer:
    """Keeps the object layer of a graph true to the mesh, around what changed in it.

    Args:
        labels: which labels are things, their names and colours.
        cell_size: metres; the grid that surface is clustered on, the map's voxel size.
        min_area: m²; less surface than this is noise.
        join_distance: metres between pieces one above another that are still one thing.
        trim: share of the surface outside the box at each of its sides.
        min_updates: updates that must have seen a thing before its loss is remembered.
        revive_time: seconds in which a thing that comes back to its spot is the same one.
    """

    def __init__(
        self,
        labels: LabelSpace,
        *,
        cell_size: float = 0.05,
        min_area: float = 0.03,
        join_distance: float = 0.25,
        trim: float = 0.01,
        min_updates: int = 2,
        revive_time: float = 10.0,
    ) -> None:
        self._labels = labels
        self._cell_size_m = cell_size
        self._min_cells = max(1, round(min_area / cell_size**2))
        self._join_distance_m = join_distance
        self._trim = trim
        self._min_updates = min_updates
        self._revive_ns = round(revive_time * 1e9)
        self._surfaces = SurfaceStore(labels.mask(labels.object_ids), cell_size)
        self._index = ThingIndex()
        self._active_blocks: set[BlockKey] = set()
        self._gone: dict[NodeSymbol, Thing] = {}

    def update(self, graph: SceneGraph, mesh: BlockMesh, update: MeshUpdate, stamp_ns: int) -> None:
        """Clusters what changed, matches it to the nodes there are, and freezes what left."""
        touched = self._surfaces.apply(update)
        self._track_activity(update)
        parts, things = self._index.region(touched, self._surfaces.holds)
        found = [(part, self._surfaces.find(part, mesh)) for part in parts]
        clusters = find_clusters(
            [(part, surface) for part, surface in found if surface is not None],
            self._min_cells,
            self._join_distance_m,
        )
        self._match(graph, mesh, clusters, things, stamp_ns)
        self._surfaces.forget(update.archived)
        self._freeze(graph, update.archived)
        self._forget_gone(graph, stamp_ns)

    def _track_activity(self, update: MeshUpdate) -> None:
        for key, block in update.changed.items():
            (self._active_blocks.add if len(block) else self._active_blocks.discard)(key)
        self._active_blocks.difference_update(update.archived)

    def _match(
        self,
        graph: SceneGraph,
        mesh: BlockMesh,
        clusters: list[Cluster],
        things: list[Thing],
        stamp_ns: int,
    ) -> None:
        links = associate([c.cells for c in clusters], [t.cells for t in things])
        for source, target in links.merged:
            self._merge(graph, things[source], things[target])
        lost = [things[i] for i in links.lost]
        for cluster, heir in zip(clusters, links.heir, strict=True):
            if heir >= 0:
                self._refresh(graph, things[heir], cluster)
                continue
            claimed = self._claim(graph, cluster, lost)
            if claimed is not None:
                self._refresh(graph, claimed, cluster)
            else:
                self._add(graph, cluster)
        for thing in lost:
            self._lose(graph, mesh, thing, stamp_ns)

    def _claim(self, graph: SceneGraph, cluster: Cluster, lost: list[Thing]) -> Thing | None:
        """A thing just lost, or found gone a short while ago, of the same label and spot."""
        box = self._fit(cluster)
        center = np.array([box.center_m])
        for thing in [*lost, *self._gone.values()]:
            node = graph.find_node(thing.symbol)
            if not isinstance(node, ObjectNode) or thing.label != cluster.label:
                continue
            if node.box.contains(center)[0] or box.contains(np.array([node.box.center_m]))[0]:
                self._gone.pop(thing.symbol, None)
                lost[:] = [other for other in lost if other.symbol != thing.symbol]
                return thing
        return None

    def _add(self, graph: SceneGraph, cluster: Cluster) -> None:
        symbol = graph.next_symbol("O")
        graph.add_node(symbol, self._node(cluster))
        self._index.put(Thing(symbol, cluster.label, cluster.cells, cluster.blocks, 1))

    def _refresh(self, graph: SceneGraph, thing: Thing, cluster: Cluster) -> None:
        new = self._node(cluster)
        before = graph.get_node(thing.symbol)
        graph.update_node(
            thing.symbol,
            position_m=new.position_m,
            box=new.box,
            first_seen_ns=min(before.first_seen_ns, new.first_seen_ns),
            last_seen_ns=max(before.last_seen_ns, new.last_seen_ns),
            vertex_count=new.vertex_count,
            mesh_blocks=new.mesh_blocks,
            is_active=new.is_active,
            removed_ns=None,
        )
        updates = thing.updates + 1
        self._index.put(Thing(thing.symbol, thing.label, cluster.cells, cluster.blocks, updates))

    def _merge(self, graph: SceneGraph, source: Thing, target: Thing) -> None:
        log.debug("%s is part of %s", source.symbol, target.symbol)
        first_seen_ns = graph.get_node(source.symbol).first_seen_ns
        graph.merge_nodes(source.symbol, target.symbol)
        kept = graph.get_node(target.symbol)
        graph.update_node(target.symbol, first_seen_ns=min(kept.first_seen_ns, first_seen_ns))
        self._index.drop(source.symbol)

    def _lose(self, graph: SceneGraph, mesh: BlockMesh, thing: Thing, stamp_ns: int) -> None:
        """Marks what was carried away; forgets what was never sure or only changed its label."""
        self._index.drop(thing.symbol)
        if thing.updates < self._min_updates or self._still_there(mesh, thing):
            graph.remove_node(thing.symbol)
            return
        graph.update_node(thing.symbol, removed_ns=stamp_ns, is_active=False)
        self._gone[thing.symbol] = thing

    def _still_there(self, mesh: BlockMesh, thing: Thing) -> bool:
        """Whether most of the thing's cells hold surface still, whatever its label."""
        blocks = [b for b in map(mesh.find_block, thing.blocks) if b is not None]
        if not blocks:
            return False
        vertices = np.concatenate([block.vertices_m for block in blocks])
        labels = np.full(len(vertices), thing.label, np.uint8)
        surface = np.unique(pack_cells(vertices, labels, self._cell_size_m))
        return bool(np.isin(thing.cells, surface).mean() > 0.5)

    def _freeze(self, graph: SceneGraph, archived: tuple[BlockKey, ...]) -> None:
        """Things without an active block left will not change again."""
        for symbol in sorted({s for key in archived for s in self._index.owners(key)}):
            blocks = self._index.get(symbol).blocks
            if self._active_blocks.isdisjoint(blocks):
                graph.update_node(symbol, is_active=False)

    def _forget_gone(self, graph: SceneGraph, stamp_ns: int) -> None:
        """After a while a thing that comes back is another one."""
        for symbol in list(self._gone):
            removed_ns = graph.get_node(symbol).removed_ns if graph.has_node(symbol) else None
            if removed_ns is None or stamp_ns - removed_ns > self._revive_ns:
                del self._gone[symbol]

    def _node(self, cluster: Cluster) -> ObjectNode:
        box = self._fit(cluster)
        return ObjectNode(
            position_m=box.center_m,
            first_seen_ns=int(cluster.surface.first_seen_ns.min()),
            last_seen_ns=int(cluster.surface.last_seen_ns.max()),
            is_active=not self._active_blocks.isdisjoint(cluster.blocks),
            label=cluster.label,
            name=self._labels.name_of(cluster.label),
            color=self._labels.color_of(cluster.label),
            box=box,
            vertex_count=len(cluster.surface),
            mesh_blocks=cluster.blocks,
        )

    def _fit(self, cluster: Cluster) -> BoundingBox:
        surface = cluster.surface
        return fit_box(
            surface.points_m.astype(np.float64),
            surface.normals.astype(np.float64),
            surface.is_fringe,
            self._trim,
        )


def create_objects(config: ObjectsConfig, labels: LabelSpace) -> ObjectLayer:
    return ObjectLayer(
        labels,
        cell_size=config.cell_size,
        min_area=config.min_area,
        join_distance=config.join_distance,
        trim=config.trim,
        min_updates=config.min_updates,
        revive_time=config.revive_time,
    )
