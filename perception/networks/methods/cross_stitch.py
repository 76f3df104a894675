# mypy: disable-error-code="no-any-return,no-untyped-call"
"""Cross-stitch networks: a trunk per task, and after every stage each takes a share of the others.

Misra et al., *Cross-stitch Networks for Multi-task Learning*, CVPR 2016: x̃_t = Σ_s a_ts ⊙ x_s with
a trained number per pair and channel. They begin at 0.9 for a task itself and 0.1 spread over the
others, and were trained a hundred times as fast as the rest by SGD; Adam's steps, used here, do
not depend on the size of a gradient, so that they need no rate of their own.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.create import create_backbone, has_stages
from hydra_mono.perception.networks.backbones.hrnet import HrNetConfig
from hydra_mono.perception.networks.backbones.swin import SwinConfig
from hydra_mono.perception.networks.backbones.vit import Backbone, VitConfig
from hydra_mono.perception.networks.interface import Method, TrainingMaps
from hydra_mono.perception.networks.methods.blocks import task_head
from hydra_mono.perception.networks.methods.pyramid import (
    Pyramid,
    PyramidConfig,
    PyramidNetwork,
    joined,
    with_meaning,
)

OWN_SHARE, OTHERS_SHARE = 0.9, 0.1  # at the start, as published
STAGES = 4


@dataclass(frozen=True)
class CrossStitchConfig(PyramidConfig):
    """No numbers of its own; all tasks share the convolutions of ``widest``."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a backbone that cannot be stitched between its stages."""
        super().__post_init__()
        if isinstance(self.backbone, VitConfig | HrNetConfig | SwinConfig):
            raise ValueError("cross_stitch needs a backbone in stages, such as efficientnet_lite2")


class CrossStitch(PyramidNetwork):
    """The whole network; all trunks begin as ``backbone``, where one is given."""

    def __init__(self, config: CrossStitchConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        self.backbone = StitchedTrunks(
            {task: backbone or create_backbone(config.backbone) for task in self.tasks}
        )
        wide = sum(self.widths)
        self.heads = nn.ModuleDict({t: task_head(wide, n) for t, n in self.tasks.items()})

    def use_backbone(self, backbone: nn.Module) -> None:
        for task in self.tasks:
            self.backbone.trunks[task] = copy.deepcopy(backbone)

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        raise NotImplementedError("every task has a pyramid of its own")

    def training_maps(self, image: Tensor, size: tuple[int, int]) -> TrainingMaps:
        pyramids = self.backbone(image)
        own = {
            task: head(joined(self.laterals(pyramids[task]))) for task, head in self.heads.items()
        }
        first = next(iter(pyramids.values()))
        return TrainingMaps(with_meaning(own), shared=tuple(first))


class StitchedTrunks(nn.Module):
    """A trunk per task, stitched after each of four stages."""

    def __init__(self, trunks: dict[str, Backbone]) -> None:
        super().__init__()
        first = next(iter(trunks.values()))
        assert has_stages(first)
        self.multiple, self.widths = first.multiple, first.widths
        self.has_class_token = False
        self.trunks = nn.ModuleDict(
            {task: copy.deepcopy(trunk) for task, trunk in trunks.items()}  # type: ignore[misc]
        )
        self.shares = nn.ParameterList(  # by stage: t t c
            nn.Parameter(first_shares(len(trunks))[:, :, None].repeat(1, 1, width))
            for width in self.widths
        )

    def forward(self, image: Tensor) -> dict[str, Pyramid]:
        """A pyramid by task."""
        current = dict.fromkeys(self.trunks, image)
        pyramids: dict[str, Pyramid] = {task: [] for task in self.trunks}
        for stage in range(STAGES):
            own = [
                trunk.stage(stage, current[task])  # type: ignore[operator]
                for task, trunk in self.trunks.items()
            ]
            for index, task in enumerate(self.trunks):
                shares = self.shares[stage][index][:, :, None, None]  # t c 1 1
                current[task] = stitched(shares, own)
                pyramids[task].append(current[task])
        return pyramids


def stitched(shares: Tensor, maps: list[Tensor]) -> Tensor:
    """Σ_s a_s ⊙ x_s."""
    total = shares[0] * maps[0]
    for share, x in zip(shares[1:], maps[1:], strict=True):
        total = total + share * x
    return total


def first_shares(tasks: int) -> Tensor:
    """t t: of itself, and of each other, when training begins."""
    others = OTHERS_SHARE / max(1, tasks - 1)
    own = OWN_SHARE if tasks > 1 else 1.0
    return torch.full((tasks, tasks), others).fill_diagonal_(own)


METHOD = Method(
    config=CrossStitchConfig, build=CrossStitch, variants={"compact": CrossStitchConfig()}
)
