"""Which pixels show the static world."""

import numpy as np
from jaxtyping import Bool

from hydra_mono.core.prediction import Prediction

_MARGIN_PX = 4  # round agents: labels and depth of people are off by so much at their contours


def static_pixels(
    prediction: Prediction, is_agent: Bool[np.ndarray, "256"], margin_px: int = _MARGIN_PX
) -> Bool[np.ndarray, "h w"] | None:
    """All pixels but those of agents and a margin round them; None when there are no agents.

    ``is_agent``: true at the label ids of agents.
    """
    if prediction.labels is None:
        return None
    mask = np.zeros(prediction.labels.shape, bool)
    for label in np.flatnonzero(is_agent).tolist():  # few; a look-up takes as long as a dozen
        mask |= prediction.labels == label
    if not mask.any():
        return None
    return np.asarray(~dilated(mask, margin_px))


def dilated(mask: Bool[np.ndarray, "h w"], steps: int) -> Bool[np.ndarray, "h w"]:
    """Pixels at most so many steps up, down, left or right from one of the mask.

    As ``scipy.ndimage.binary_dilation`` with as many iterations has it, in a ninth of its time.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros_like(mask)
    top, left = max(rows[0] - steps, 0), max(columns[0] - steps, 0)
    window = np.s_[top : rows[-1] + steps + 1, left : columns[-1] + steps + 1]
    now = mask[window].copy()
    for _ in range(steps):
        before, now = now, now.copy()
        now[1:] |= before[:-1]
        now[:-1] |= before[1:]
        now[:, 1:] |= before[:, :-1]
        now[:, :-1] |= before[:, 1:]
    whole = np.zeros_like(mask)
    whole[window] = now
    return whole
