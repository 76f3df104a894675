"""The mesh in tiles of a few metres, so that a viewer redraws little and not too often."""

from collections.abc import Iterator

from hydra_mono.core.mesh import BlockKey, MeshUpdate, SemanticMesh, concatenate

TileKey = tuple[int, int]


class MeshTiles:
    """Columns of blocks; a changed tile is due again once ``interval_ns`` has passed."""

    def __init__(self, tile_size_m: float, interval_ns: int) -> None:
        self._tile_size_m = tile_size_m
        self._interval_ns = interval_ns
        self._blocks: dict[TileKey, dict[BlockKey, SemanticMesh]] = {}
        self._changed: dict[TileKey, None] = {}
        self._drawn_ns: dict[TileKey, int] = {}

    def apply(self, update: MeshUpdate) -> None:
        for key, mesh in update.changed.items():
            tile = self._tile_of(key, update.block_size_m)
            blocks = self._blocks.setdefault(tile, {})
            if len(mesh):
                blocks[key] = mesh
            else:
                blocks.pop(key, None)
            self._changed[tile] = None

    def due(
        self, stamp_ns: int, *, everything: bool = False
    ) -> Iterator[tuple[TileKey, SemanticMesh]]:
        """Tiles to draw now; a tile never drawn is due at once."""
        for tile in sorted(self._changed):
            drawn_ns = self._drawn_ns.get(tile)
            rested = drawn_ns is None or stamp_ns - drawn_ns >= self._interval_ns
            if everything or rested:
                del self._changed[tile]
                self._drawn_ns[tile] = stamp_ns
                blocks = self._blocks[tile]
                yield tile, concatenate(blocks[key] for key in sorted(blocks))

    def _tile_of(self, key: BlockKey, block_size_m: float) -> TileKey:
        scale = block_size_m / self._tile_size_m
        return int(key[0] * scale // 1), int(key[1] * scale // 1)
