"""How far the map reaches: one number each, for fusion, carving, archives and scores alike."""

from hydra_mono.core.config import MappingConfig
from hydra_mono.mapping.monocular_rule import MonocularRule

WINDOW_MARGIN_M = 2.0  # beyond what is seen, so that blocks are not archived while they change


def max_depth_m(config: MappingConfig, monocular: MonocularRule | None = None) -> float:
    """Depth beyond this is used by nobody; ``monocular`` where depth is estimated."""
    return config.max_depth if monocular is None else min(config.max_depth, monocular.max_depth_m)


def window_radius_m(config: MappingConfig) -> float:
    """Radius of the ball round the camera outside which nothing changes."""
    return max(config.window_radius, config.max_depth + WINDOW_MARGIN_M)
