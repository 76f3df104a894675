"""Objects that come or go between two looks, with nobody there to bring or take them."""

import numpy as np
from jaxtyping import Int64

from hydra_mono.simulation.body import Body
from hydra_mono.simulation.life.stage import Stage
from hydra_mono.simulation.shapes import SceneObject

MARGIN_S = 2.0  # out of view for so long before and after


def unseen_changes(
    rng: np.random.Generator,
    stage: Stage,
    objects: list[SceneObject],
    stamps_ns: Int64[np.ndarray, " n"],
    count: int,
) -> list[Body]:
    """Some of the objects, by turns taken away and added while the camera looks elsewhere.

    Only such as the camera looks towards before and afterwards.
    """
    bodies: list[Body] = []
    margin = round(MARGIN_S / stage.frame_s)
    for index in rng.permutation(len(objects)).tolist():
        if len(bodies) == count:
            break
        seen = stage.facing(np.array(objects[index].position_m[:2]))
        widened = np.convolve(seen, np.ones(2 * margin + 1), mode="same") > 0
        before = np.cumsum(seen) > 0
        after = np.cumsum(seen[::-1])[::-1] > 0
        frames = np.flatnonzero(before & after & ~widened)
        if not len(frames):
            continue
        stamp = int(stamps_ns[frames[int(rng.integers(len(frames)))]])
        goes = len(bodies) % 2 == 0
        bodies.append(
            Body(objects[index], leaves_ns=stamp)
            if goes
            else Body(objects[index], appears_ns=stamp)
        )
    return bodies
