"""Which nodes each layer has: all, the active, the present and those without a parent."""

from dataclasses import dataclass, field

from hydra_mono.graph.model.nodes import Node
from hydra_mono.graph.model.symbols import AGENTS, LAYERS, Layer, NodeSymbol

LayerKey = tuple[Layer, int]


@dataclass(slots=True)
class LayerMembers:
    """Symbols of one layer; ``all`` in the order they were added.

    ``orphans``: nodes without a parent; what never was, or is part of another, needs none.
    """

    all: dict[NodeSymbol, None] = field(default_factory=dict)
    active: set[NodeSymbol] = field(default_factory=set)
    ended: set[NodeSymbol] = field(default_factory=set)
    orphans: set[NodeSymbol] = field(default_factory=set)

    @property
    def present_count(self) -> int:
        return len(self.all) - len(self.ended)


class LayerIndex:
    """The members of every (layer, partition), kept up to date by the graph's verbs."""

    def __init__(self) -> None:
        self._members: dict[LayerKey, LayerMembers] = {}

    def of(self, layer: Layer, partition: int = 0) -> LayerMembers:
        return self._members.get((layer, partition)) or LayerMembers()

    def keys(self) -> list[LayerKey]:
        """(layer, partition) of every layer that was ever used, sorted."""
        return sorted(self._members)

    def counts_present(self) -> dict[str, int]:
        """Present nodes by name of layer; of agents how many there are, not their poses."""
        counts = {info.name: self.of(info.layer).present_count for info in LAYERS}
        partitions = [partition for _, partition in self._members if partition]
        counts[AGENTS.name] = sum(self.of(AGENTS.layer, p).present_count > 0 for p in partitions)
        return counts

    def put(self, symbol: NodeSymbol, node: Node, has_parent: bool) -> None:
        """A node came or changed."""
        members = self._members.setdefault((symbol.layer, symbol.partition), LayerMembers())
        members.all.setdefault(symbol)
        (members.active.add if node.is_active else members.active.discard)(symbol)
        (members.ended.discard if node.is_present else members.ended.add)(symbol)
        needs_parent = node.ending is None or node.ending.kind == "removed"
        is_orphan = needs_parent and not has_parent
        (members.orphans.add if is_orphan else members.orphans.discard)(symbol)

    def drop(self, symbol: NodeSymbol) -> None:
        members = self._members[symbol.layer, symbol.partition]
        del members.all[symbol]
        for group in (members.active, members.ended, members.orphans):
            group.discard(symbol)
