"""Which pixels show the static world."""

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

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
    mask = np.take(is_agent, prediction.labels)
    if not mask.any():
        return None
    return np.asarray(~ndimage.binary_dilation(mask, iterations=margin_px))
