# mypy: disable-error-code="no-any-return,no-untyped-call"
"""MTAN: every task picks features from the shared network by soft masks, scale by scale.

Liu, Johns and Davison, *End-to-End Multi-Task Learning with Attention*, CVPR 2019, section 3.2;
as on residual backbones, masks are laid on the last map of each scale. At scale k, with the shared
map p_k and the task's own â_{k−1} from the scale before:
a_k = σ(BN(W₂ ReLU(BN(W₁ [p_k; â_{k−1}])))), â_k = pool(refine_k(a_k ⊙ p_k)); the refinement is one
for all tasks. The masked maps of all scales make the task's prediction.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.interface import Method, TrainingMaps
from hydra_mono.perception.networks.methods.blocks import conv_block, task_head
from hydra_mono.perception.networks.methods.pyramid import (
    Pyramid,
    PyramidConfig,
    PyramidNetwork,
    joined,
)


@dataclass(frozen=True)
class MtanConfig(PyramidConfig):
    """No numbers of its own."""


class Mtan(PyramidNetwork):
    """The whole network."""

    def __init__(self, config: MtanConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        before = (0, *self.widths[1:])  # channels of what a task brings from the scale before
        self.masks = nn.ModuleDict(
            {
                task: nn.ModuleList(
                    mask(width + own, width) for width, own in zip(self.widths, before, strict=True)
                )
                for task in self.tasks
            }
        )
        self.refine = nn.ModuleList(
            conv_block(fine, coarse, 3)
            for fine, coarse in zip(self.widths, self.widths[1:], strict=False)
        )
        wide = sum(self.widths)
        self.heads = nn.ModuleDict({t: task_head(wide, n) for t, n in self.tasks.items()})

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        return TrainingMaps(
            {task: head(joined(self.attended(task, pyramid))) for task, head in self.heads.items()}
        )

    def attended(self, task: str, pyramid: Pyramid) -> Pyramid:
        """The task's share of each map."""
        own: Tensor | None = None
        masks, maps = self.masks[task], []
        assert isinstance(masks, nn.ModuleList)
        for scale, (shared, layer) in enumerate(zip(pyramid, masks, strict=True)):
            size = (int(shared.shape[2]), int(shared.shape[3]))
            seen = shared if own is None else torch.cat([shared, resized(own, size)], dim=1)
            maps.append(layer(seen) * shared)  # b c h w
            if scale < len(self.refine):
                own = F.max_pool2d(self.refine[scale](maps[-1]), 2, ceil_mode=True)
        return maps


def mask(c_in: int, width: int) -> nn.Sequential:
    """Numbers 0..1 for every channel and pixel of a map of ``width`` channels."""
    return nn.Sequential(
        conv_block(c_in, width), conv_block(width, width, relu=False), nn.Sigmoid()
    )


METHOD = Method(config=MtanConfig, build=Mtan, variants={"compact": MtanConfig()})
