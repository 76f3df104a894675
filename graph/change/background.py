"""Background that came or went while nobody looked: blocks of the mesh, by rays of past looks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from hydra_mono.core.map.keyframe import KeyframeInput
from hydra_mono.core.map.state import State, joined, parted
from hydra_mono.core.mesh import BlockKey, SemanticMesh
from hydra_mono.graph.change.arrival import arrival, last_free
from hydra_mono.graph.change.rays import RayRule
from hydra_mono.graph.change.record import LookRecord
from hydra_mono.graph.change.watch import PresenceRule
from hydra_mono.graph.model.background import BackgroundChange

LEAST_VERTICES = 24  # of background in a block; a wall has 64, fewer are its rim
LEFT_SHARE = 0.2  # of them, of any label, that may be left of a piece that went
POINTS = 12  # of a piece that rays are cast at
_EVENLY = np.linspace(0, 1, POINTS)
PROBED = [1, 4, 7, 10]  # of them, cast at first: most of a piece's points were free, or none


@dataclass(frozen=True, slots=True)
class Piece:
    """Background in one block: a few points of it, and when it was last seen."""

    points_m: Float32[np.ndarray, "n 3"]
    vertices: int
    label: int
    last_ns: int


class Background:
    """Compares the background of each changed block with what was there before."""

    def __init__(self, is_background: Bool[np.ndarray, "256"]) -> None:
        self._is_background = is_background
        self._rays, self._rule = RayRule(), PresenceRule()
        self._pieces: dict[BlockKey, Piece] = {}

    def update(self, keyframe: KeyframeInput, record: LookRecord) -> list[BackgroundChange]:
        """Pieces that came where space had been seen free, or were seen through and are gone."""
        found: list[BackgroundChange] = []
        new: list[tuple[BlockKey, Piece]] = []
        changed = sorted(keyframe.mesh_update.changed.items())
        pieces = self._pieces_of([mesh for _, mesh in changed])
        for (key, mesh), now in zip(changed, pieces, strict=True):
            before = self._pieces.get(key)
            if before is None and now is not None:
                new.append((key, now))
            elif before is not None and len(mesh) <= LEFT_SHARE * before.vertices:
                found += self._went(key, before, record)
                del self._pieces[key]
                continue
            if now is not None and (before is None or now.vertices >= 0.7 * before.vertices):
                self._pieces[key] = now
        return [*found, *self._came(new, record)]

    def _pieces_of(self, meshes: list[SemanticMesh]) -> list[Piece | None]:
        """The background of each block, None where it has too little; one pass over all."""
        found: list[Piece | None] = [None] * len(meshes)
        if not meshes:
            return found
        labels = np.concatenate([mesh.labels for mesh in meshes])
        artifacts = np.concatenate([mesh.occlusion_artifacts for mesh in meshes])
        owner = np.repeat(np.arange(len(meshes)), [len(mesh) for mesh in meshes])
        chosen = np.flatnonzero(self._is_background[labels] & ~artifacts)
        counts = np.bincount(owner[chosen], minlength=len(meshes))
        votes = np.bincount(owner[chosen] * 256 + labels[chosen], minlength=len(meshes) * 256)
        label = votes.reshape(-1, 256).argmax(axis=1).tolist()
        first, ends = np.cumsum([0, *(len(mesh) for mesh in meshes)]), np.cumsum(counts)
        for number in np.flatnonzero(counts >= LEAST_VERTICES).tolist():
            count, mesh = int(counts[number]), meshes[number]
            own = chosen[ends[number] - count : ends[number]] - first[number]
            found[number] = Piece(
                points_m=mesh.vertices_m[own[np.rint(_EVENLY * (count - 1)).astype(int)]],
                vertices=count,
                label=label[number],
                last_ns=int(mesh.last_seen_ns[own].max()),
            )
        return found

    def _came(
        self, pieces: list[tuple[BlockKey, Piece]], record: LookRecord
    ) -> Iterator[BackgroundChange]:
        """Of new pieces those whose space was seen free; most were never looked at before."""
        points_m = np.array([piece.points_m[PROBED] for _, piece in pieces], np.float32)
        maybe = record.seen_through(points_m.reshape(len(pieces), len(PROBED), 3), self._rays)
        for number in np.flatnonzero(maybe).tolist():
            key, piece = pieces[number]
            looks = record.cast(piece.points_m, self._rays)
            if (interval := arrival(looks, self._rule, piece.last_ns)) is not None:
                yield _change("appeared", key, piece, *interval)

    def _went(self, key: BlockKey, piece: Piece, record: LookRecord) -> Iterator[BackgroundChange]:
        looks = record.cast(piece.points_m, self._rays)
        if (interval := last_free(looks, self._rule)) is not None:
            yield _change("vanished", key, piece, *interval)

    def state(self) -> State:
        """See ``core.map.state``."""
        pieces = list(self._pieces.values())
        return {
            "blocks": np.array(list(self._pieces), np.int32).reshape(-1, 3),
            "points": joined([piece.points_m for piece in pieces], np.zeros((0, 3), np.float32)),
            "numbers": [[piece.vertices, piece.label, piece.last_ns] for piece in pieces],
        }

    def restore(self, state: State) -> None:
        keys = [(i, j, k) for i, j, k in state["blocks"].tolist()]
        rows = zip(keys, parted(state["points"]), state["numbers"], strict=True)
        self._pieces = {key: Piece(points, *numbers) for key, points, numbers in rows}


def _change(
    kind: str, key: BlockKey, piece: Piece, after_ns: int, before_ns: int
) -> BackgroundChange:
    x, y, z = piece.points_m.mean(axis=0).tolist()
    come = kind == "appeared"
    return BackgroundChange(
        "appeared" if come else "vanished", key, (x, y, z), piece.label, after_ns, before_ns
    )
