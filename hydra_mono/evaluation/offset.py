"""Truth relative to the origin of a run's map."""

from dataclasses import replace

import numpy as np

from hydra_mono.core.truth import GroundTruth


def moved_truth(truth: GroundTruth, offset_m: tuple[float, float, float]) -> GroundTruth:
    """The same world with an offset added to every position."""
    if not any(offset_m):
        return truth
    offset = np.array(offset_m)
    vertices_m = (truth.mesh.vertices_m + offset).astype(np.float32)

    def point(position_m: tuple[float, ...]) -> tuple[float, float, float]:
        x, y, z = (float(a + b) for a, b in zip(position_m, offset_m, strict=True))
        return x, y, z

    return replace(
        truth,
        mesh=replace(truth.mesh, vertices_m=vertices_m),
        objects=tuple(
            replace(entry, box=replace(entry.box, center_m=point(entry.box.center_m)))
            for entry in truth.objects
        ),
        grid=replace(truth.grid, origin_m=truth.grid.origin_m + offset),
        agents=tuple(
            replace(
                track,
                positions_m=tuple(point(p) for p in track.positions_m),
                boxes=tuple(replace(box, center_m=point(box.center_m)) for box in track.boxes),
            )
            for track in truth.agents
        ),
    )
