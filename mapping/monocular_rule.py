"""How estimated depth is refined, fused and carved by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MonocularRule:
    """Which mechanisms are on, and their numbers. What each is worth: benchmarks/monocular.py.

    ``metric``: the network's scale is measured by parallax. ``align``: the scale of every frame
    follows the map. ``sweep``: depth is compared with earlier images. ``smooth``: depth agrees
    with predicted normals. ``temporal``: depth that earlier frames contradict is left out.
    ``support``: so is depth that a network tells alone which is often wrong here. ``borders``: so
    are pixels between two surfaces. ``noise``: weights, truncation and carving follow the expected
    deviation of depth. ``confidence``: labels weigh by the network's confidence.
    """

    max_depth_m: float = 5.0  # m; there the two that follow make 0.58 m of deviation
    sigma_m: float = 0.08  # m, standard deviation of estimated depth close by
    sigma_per_square: float = 0.02  # 1/m, its growth with the square of the depth
    metric: bool = True
    align: bool = True
    sweep: bool = True
    smooth: bool = True
    temporal: bool = True
    support: bool = True
    borders: bool = True
    noise: bool = True
    confidence: bool = True
    height_px: int = (
        96  # of the images all this is done on: half the rows that compact networks read
    )
    flat_sigma_m: float = 0.1  # deviation at any depth where noise is off: sigma_m + 0.02 z² at 1 m
    half_sigma_m: float = 0.02  # so uncertain an observation weighs half; a quarter of sigma_m
    min_weight: float = 0.05  # before a voxel is meshed: one observation of sigma_m weighs 1/17
    margin_sigmas: float = 1.0  # deviations added to the truncation: two thirds of the errors
    max_margin_m: float = 0.15  # of that at most: doubles the truncation, so doubles the blocks
    carve_sigmas: float = 1.5  # left uncarved before a surface: a tenth of errors are greater
