# mypy: disable-error-code="no-any-return,no-untyped-call"
"""The search for ATRC's genotype: all contexts of every pair at once, weighed by trained numbers.

Brüggemann et al., ICCV 2021, section 3.3. Weights are a soft Gumbel-softmax sample (Jang, Gu and
Poole, ICLR 2017) whose temperature falls; the entropy of a pair's distribution is first rewarded,
then punished; a pair whose best context leads by 0.3 keeps it from then on. One level: contexts
and weights of the network are trained by the same batches.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.interface import Method, TrainingMaps
from hydra_mono.perception.networks.methods.atrc.contexts import (
    NONE,
    SOURCE_LABEL,
    Context,
    Merge,
)
from hydra_mono.perception.networks.methods.atrc.genotype import CONTEXTS, Row, write_genotype
from hydra_mono.perception.networks.methods.atrc.network import (
    LABELS,
    auxiliary_heads,
    logit_heads,
    task_features,
)
from hydra_mono.perception.networks.methods.blocks import conv_block
from hydra_mono.perception.networks.methods.pyramid import (
    Pyramid,
    PyramidConfig,
    PyramidNetwork,
    joined,
)

TEMPERATURE = (1.0, 0.05)  # at the start and the end of the search, falling linearly
ENTROPY_WEIGHT = (-0.02, 0.06)  # likewise: exploring for a quarter of the time, then deciding
FREEZING_GAP = 0.3  # between the likeliest context and the next
UNDECIDED = -1


@dataclass(frozen=True)
class AtrcSearchConfig(PyramidConfig):
    """No numbers of its own."""


class AtrcSearch(PyramidNetwork):
    """The network while its genotype is searched."""

    def __init__(self, config: AtrcSearchConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        wide, tasks = sum(self.widths), tuple(self.tasks)
        width = wide // 4
        labels = {task: LABELS.get(task, count) for task, count in self.tasks.items()}
        self.bottleneck = nn.ModuleDict({task: conv_block(wide, width, 3) for task in tasks})
        self.auxiliary = auxiliary_heads(wide, labels)
        self.sites = nn.ModuleDict(
            {
                target: nn.ModuleDict({s: Site(width, own=s == target) for s in tasks})
                for target in tasks
            }
        )
        self.merge = nn.ModuleDict({t: Merge(width, len(tasks), dropout=0.0) for t in tasks})
        self.logits = logit_heads(width, self.tasks)
        self.entropy_weight = ENTROPY_WEIGHT[0]

    def set_progress(self, share: float) -> None:
        self.entropy_weight = _between(ENTROPY_WEIGHT, share)
        for site in self.all_sites():
            site.temperature = _between(TEMPERATURE, share)

    def all_sites(self) -> "list[Site]":
        """By target, then source."""
        return [site for site in self.sites.modules() if isinstance(site, Site)]

    def genotype(self) -> tuple[Row, ...]:
        """The likeliest context of each pair, or the one that it has settled on."""
        count = len(self.tasks)
        codes = [site.choice() for site in self.all_sites()]
        return tuple(tuple(codes[row * count : (row + 1) * count]) for row in range(count))

    def write_genotype(self, path: Path, step: int) -> None:
        """The genotype found by now."""
        write_genotype(path, self.genotype(), tuple(self.tasks), step)

    def found(self) -> dict[str, list[str]]:
        """The context that each target takes from each source, by target."""
        rows = zip(self.tasks, self.genotype(), strict=True)
        return {
            target: [f"{CONTEXTS[c]} of {s};" for s, c in zip(self.tasks, row, strict=True)]
            for target, row in rows
        }

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        features, discrete, shares = task_features(joined(pyramid), self.bottleneck, self.auxiliary)
        final = {}
        for target, sites in self.sites.items():
            assert isinstance(sites, nn.ModuleDict)
            told = [
                site(features[target], features[source], shares[target], shares[source])
                for source, site in sites.items()
            ]
            final[target] = self.logits[target](self.merge[target](features[target], told))
        if not self.training:
            return TrainingMaps(final)
        entropy = torch.stack([site.entropy() for site in self.all_sites()]).mean()
        return TrainingMaps(final, discrete=discrete, penalty=self.entropy_weight * entropy)


class Site(nn.Module):
    """One pair of target and source: all its contexts. ``own``: the two are the same task."""

    settled: Tensor

    def __init__(self, width: int, *, own: bool) -> None:
        super().__init__()
        codes = range(1, SOURCE_LABEL if own else SOURCE_LABEL + 1)
        self.contexts = nn.ModuleList(Context(c, width, affine_values=False) for c in codes)
        self.alpha = nn.Parameter(torch.zeros(1 + len(codes)))
        self.register_buffer("settled", torch.tensor(UNDECIDED))
        self.temperature = TEMPERATURE[0]

    def forward(self, target: Tensor, source: Tensor, *shares: Tensor) -> Tensor:
        weights = self._weights()
        made = [context(target, source, *shares) for context in self.contexts]
        return torch.einsum("k,kbdhw->bdhw", weights[1:], torch.stack(made))

    def _weights(self) -> Tensor:
        """Of none, then of each context; without asking a device for numbers."""
        if self.training:
            self._settle()
        undecided = self.settled == UNDECIDED
        choice = torch.where(undecided, self.alpha.argmax(), self.settled)
        chosen = (torch.arange(len(self.alpha), device=choice.device) == choice).to(self.alpha)
        if not self.training:
            return chosen
        return torch.where(undecided, F.gumbel_softmax(self.alpha, tau=self.temperature), chosen)

    @torch.no_grad()
    def _settle(self) -> None:
        """Once the likeliest context leads far enough, for good."""
        share = self.alpha.softmax(0)
        first, second = share.topk(2).values
        leads = (self.settled == UNDECIDED) & (first - second >= FREEZING_GAP)
        self.settled.copy_(torch.where(leads, share.argmax(), self.settled))

    def choice(self) -> int:
        """The code of ``CONTEXTS``."""
        code = int(self.settled)
        return int(self.alpha.argmax()) if code == UNDECIDED else code

    def entropy(self) -> Tensor:
        """Of the distribution over contexts; 0 is decided."""
        log_share = self.alpha.log_softmax(0)
        return -(log_share.exp() * log_share).sum()


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * min(1.0, max(0.0, share))


assert len(CONTEXTS) == SOURCE_LABEL + 1 and CONTEXTS[NONE] == "none"
METHOD = Method(config=AtrcSearchConfig, build=AtrcSearch, variants={"compact": AtrcSearchConfig()})
