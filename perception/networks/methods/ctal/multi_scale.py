# mypy: disable-error-code="no-any-return,no-untyped-call"
"""M-CTAL: CTAL on the features of four scales that MTI-Net's front end makes.

Sinodinos and Armanfard, WACV 2025: initial predictions and feature propagation at four scales; the
four of each task fused; then CTAL. Predictions of the scales are supervised by a quarter each.
"""

from dataclasses import dataclass

from torch import nn

from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.interface import Method, TrainingMaps
from hydra_mono.perception.networks.methods.blocks import conv_block
from hydra_mono.perception.networks.methods.ctal.network import AffinityExchange, CtalConfig
from hydra_mono.perception.networks.methods.mti_net import MultiScaleFront
from hydra_mono.perception.networks.methods.pyramid import Pyramid, PyramidNetwork, joined


@dataclass(frozen=True)
class MCtalConfig(CtalConfig):
    """CTAL's numbers; ``width`` is of no use, for the features are the backbone's as wide."""


class MCtal(PyramidNetwork):
    """The whole network."""

    def __init__(self, config: MCtalConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        wide = sum(self.widths)
        self.front = MultiScaleFront(self.widths, self.tasks)
        self.fuse = nn.ModuleDict({task: conv_block(wide, wide) for task in self.tasks})
        self.exchange = AffinityExchange(config, wide, self.tasks)

    def check_size(self, height: int, width: int) -> None:
        self.exchange.check_size(height, width)

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        scales, early = self.front(pyramid)
        fused = {
            task: block(joined([features[task] for features in scales]))
            for task, block in self.fuse.items()
        }
        final = self.exchange(fused)
        if not self.training:
            return TrainingMaps(final)
        return TrainingMaps(final, early, weights=(1 / len(early),) * len(early))


METHOD = Method(
    config=MCtalConfig,
    build=MCtal,
    variants={"published": MCtalConfig(), "compact": MCtalConfig(reduced=32, stride=8)},
)
