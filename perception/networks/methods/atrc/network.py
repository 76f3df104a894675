# mypy: disable-error-code="no-any-return,no-untyped-call"
"""ATRC: each task takes from each other the kind of context that serves it.

Brüggemann et al., *Exploring Relational Context for Multi-Task Dense Prediction*, ICCV 2021: per
pair of target and source none, all pixels, a 9×9 window, or the regions of the target's or the
source's labels, as a genotype says. The labels come from auxiliary heads on the shared features,
whose gradients stop there.
"""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.interface import Method, TaskMaps, TrainingMaps
from hydra_mono.perception.networks.methods.atrc.contexts import (
    SOURCE_LABEL,
    ContextModule,
    label_shares,
)
from hydra_mono.perception.networks.methods.atrc.genotype import (
    Row,
    genotype_for,
    needed_labels,
    read_genotype,
)
from hydra_mono.perception.networks.methods.blocks import conv_block
from hydra_mono.perception.networks.methods.pyramid import (
    Pyramid,
    PyramidConfig,
    PyramidNetwork,
    joined,
)

LABELS = {"depth": 40, "normals": 40, "edges": 2}  # bins, clusters, no and yes; others: own classes
LOGIT_DEVIATION = 0.01  # of the weights of all that makes logits, at the start


@dataclass(frozen=True)
class AtrcConfig(PyramidConfig):
    """``contexts``: codes by target and source, in the order of the tasks; None: the published
    genotype of these tasks."""

    contexts: tuple[Row, ...] | None = None

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for contexts that are not of these tasks."""
        super().__post_init__()
        rows, count = self.rows, len(self.tasks)
        if len(rows) != count or any(len(row) != count for row in rows):
            raise ValueError(f"contexts of {len(rows)} tasks, not of {', '.join(self.tasks)}")
        if any(row[k] == SOURCE_LABEL for k, row in enumerate(rows)):
            raise ValueError("a task's own labels are context 3, not 4")

    @property
    def rows(self) -> tuple[Row, ...]:
        rows = self.contexts or genotype_for(self.tasks)
        if rows is None:
            raise ValueError(f"no genotype of {', '.join(self.tasks)} was published; search one")
        return rows


class Atrc(PyramidNetwork):
    """The whole network."""

    def __init__(self, config: AtrcConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        wide, tasks = sum(self.widths), tuple(self.tasks)
        width = wide // 4
        needed = [tasks[index] for index in sorted(needed_labels(config.rows))]
        labels = {task: LABELS.get(task, count) for task, count in self.tasks.items()}
        self.bottleneck = nn.ModuleDict({task: conv_block(wide, width, 3) for task in tasks})
        self.auxiliary = auxiliary_heads(wide, {task: labels[task] for task in needed})
        self.contexts = ContextModule(config.rows, tasks, width)
        self.logits = logit_heads(width, self.tasks)

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        features, discrete, shares = task_features(joined(pyramid), self.bottleneck, self.auxiliary)
        merged = self.contexts(features, shares)
        final = {task: head(merged[task]) for task, head in self.logits.items()}
        return TrainingMaps(final, discrete=discrete if self.training else None)


def task_features(
    shared: Tensor, bottleneck: nn.ModuleDict, auxiliary: nn.ModuleDict
) -> tuple[dict[str, Tensor], TaskMaps, dict[str, Tensor]]:
    """Features, logits of labels and their distributions over the pixels, by task."""
    features = {task: block(shared) for task, block in bottleneck.items()}
    discrete = {task: head(shared.detach()) for task, head in auxiliary.items()}
    return features, discrete, {task: label_shares(x) for task, x in discrete.items()}


def auxiliary_heads(wide: int, labels: dict[str, int]) -> nn.ModuleDict:
    """From the shared features to logits of each task's labels."""
    heads = {
        t: nn.Sequential(conv_block(wide, wide), nn.Conv2d(wide, n, 1)) for t, n in labels.items()
    }
    for head in heads.values():
        _start_near_zero(head[1])
    return nn.ModuleDict(heads)


def logit_heads(width: int, tasks: dict[str, int]) -> nn.ModuleDict:
    heads = {task: nn.Conv2d(width, count, 1) for task, count in tasks.items()}
    for conv in heads.values():
        _start_near_zero(conv)
    return nn.ModuleDict(heads)


def _start_near_zero(conv: nn.Module) -> None:
    assert isinstance(conv, nn.Conv2d) and conv.bias is not None
    nn.init.normal_(conv.weight, std=LOGIT_DEVIATION)
    nn.init.zeros_(conv.bias)


def searched(path: Path, tasks: tuple[str, ...]) -> dict[str, tuple[Row, ...]]:
    """What a genotype's file says of the config. Raises ``ConfigError``: it is of other tasks."""
    return {"contexts": read_genotype(path, tasks)}


METHOD = Method(
    config=AtrcConfig,
    build=Atrc,
    variants={"compact": AtrcConfig()},
    read_genotype=searched,
)
