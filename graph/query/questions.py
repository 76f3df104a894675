"""All verbs on one graph: what Python, the command line and language models are given."""

from collections.abc import Callable
from typing import Any, TypeVar

from hydra_mono.core.labels import NO_LABELS, LabelSpace
from hydra_mono.graph.model.nodes import Position
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.query import changes, edits, objects, relations, rooms, routes
from hydra_mono.graph.query.answers import (
    Answer,
    ChangeFact,
    DoorFact,
    Item,
    Neighbour,
    ObjectFact,
    Path,
    Pose,
    RelationFact,
    RoomFact,
    WindowFact,
    in_world,
    shifted,
)
from hydra_mono.graph.query.snapshot.facts import object_fact, room_fact
from hydra_mono.graph.query.snapshot.index import GraphIndex, index_of

Where = TypeVar("Where", str | Position | None, str | Position, Position)


class Questions:
    """The verbs on a graph as it is at each call; snapshots are made anew only where it changed.

    On a map that is growing, call ``snapshot`` between two frames and give what it returns to
    whoever asks from another thread: ``Questions.on(index)``.
    """

    def __init__(
        self,
        graph: SceneGraph,
        labels: LabelSpace = NO_LABELS,
        *,
        restored_ns: int | None = None,
    ) -> None:
        self._graph, self._labels, self._restored_ns = graph, labels, restored_ns
        self._index: GraphIndex | None = None
        self._version = (-1, -1)

    @staticmethod
    def on(index: GraphIndex) -> "Questions":
        """The verbs on one snapshot, whatever becomes of the graph."""
        asked = Questions(index.graph, index.labels, restored_ns=index.restored_ns)
        asked.snapshot = lambda: index  # type: ignore[method-assign]
        return asked

    def snapshot(self) -> GraphIndex:
        """The graph as it is now, for questions."""
        if self._index is None or self._version != self._graph.version:
            self._version = self._graph.version
            self._index = index_of(self._graph, self._labels, self._restored_ns)
        return self._index

    def objects(
        self, category: str | None = None, room: str | None = None, storey: int | None = None
    ) -> Answer[ObjectFact]:
        """Objects of a class, in a room, on a storey; see ``objects.objects``."""
        return self._told(objects.objects(self.snapshot(), category, room, storey))

    def rooms(self, category: str | None = None, storey: int | None = None) -> Answer[RoomFact]:
        """Rooms of a kind, on a storey."""
        return self._told(objects.rooms(self.snapshot(), category, storey))

    def nearest(self, category: str, start: str | Position | None = None) -> Answer[ObjectFact]:
        """The object of a class that is nearest to something, a point, or the camera."""
        return self._told(objects.nearest(self.snapshot(), category, self._local(start)))

    def where(self, name: str) -> Answer[ObjectFact]:
        """Where an object is, or was."""
        return self._told(objects.where(self.snapshot(), name))

    def approach(self, name: str) -> Answer[Pose]:
        """Where to stand at an object; best first."""
        return self._told(routes.approach(self.snapshot(), name))

    def path(self, start: str | Position | None, end: str | Position) -> Answer[Path]:
        """The shortest path from one to another; ``start`` None is where the camera was last."""
        return self._told(routes.path(self.snapshot(), self._local(start), self._local(end)))

    def neighbours(self, room: str) -> Answer[Neighbour]:
        """The rooms next to a room."""
        return self._told(rooms.neighbours(self.snapshot(), room))

    def doors(self, room: str) -> Answer[DoorFact]:
        """What leads out of a room."""
        return self._told(rooms.doors(self.snapshot(), room))

    def windows(self, room: str) -> Answer[WindowFact]:
        """The windows of a room."""
        return self._told(rooms.windows(self.snapshot(), room))

    def relations(self, name: str) -> Answer[RelationFact]:
        """What an object is on, in, under or beside, and what is on it."""
        return self._told(relations.relations(self.snapshot(), name))

    def last_seen(self, name: str) -> Answer[ObjectFact]:
        """When and where an object was last seen."""
        return self._told(changes.last_seen(self.snapshot(), name))

    def changed(self, since_ns: int | None = None) -> Answer[ChangeFact]:
        """What came, went, moved or got another name after a stamp; without one, ever."""
        return self._told(changes.changed(self.snapshot(), since_ns))

    def rename(self, name: str, new_name: str) -> Answer[ObjectFact] | Answer[RoomFact]:
        """Names an object or a room by hand."""
        return self._edited(edits.rename(self.snapshot(), name, new_name))

    def add(
        self,
        category: str,
        position_m: Position,
        size_m: tuple[float, float, float] = edits.USUAL_SIZE_M,
    ) -> Answer[ObjectFact] | Answer[RoomFact]:
        """Adds an object by hand."""
        return self._edited(edits.add(self.snapshot(), category, self._local(position_m), size_m))

    def remove(self, name: str) -> Answer[ObjectFact] | Answer[RoomFact]:
        """Takes an object away by hand."""
        return self._edited(edits.remove(self.snapshot(), name))

    def _edited(self, symbol: NodeSymbol) -> Answer[ObjectFact] | Answer[RoomFact]:
        index = self.snapshot()
        if symbol in index.rooms:
            return self._told(Answer("found", (room_fact(index, symbol),), "edited by hand"))
        return self._told(Answer("found", (object_fact(index, symbol),), "edited by hand"))

    def _told(self, answer: Answer[Item]) -> Answer[Item]:
        """In the world's coordinates."""
        return in_world(answer, self._graph.origin_m)

    def _local(self, where: Where) -> Where:
        """A point of the world relative to the map's origin; a name as it is."""
        if isinstance(where, tuple):
            return shifted(where, _negative(self._graph.origin_m))
        return where


def _negative(offset_m: Position) -> Position:
    x, y, z = offset_m
    return -x, -y, -z


Verb = Callable[..., Answer[Any]]
EDITS = frozenset({"rename", "add", "remove"})
