# mypy: disable-error-code="no-any-return,no-untyped-call"
"""The contexts that a task (target) can take from another (source), and their merging.

b images; c channels of a task's features, d = ⌊c/2⌋ of attention; k label channels.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hydra_mono.perception.networks.methods.atrc.genotype import Row
from hydra_mono.perception.networks.methods.attention import linear_attention, local_attention
from hydra_mono.perception.networks.methods.blocks import conv_block

WINDOW = 9  # side of the local context, as published
DROPOUT = 0.05  # of whole channels, after the merging
NONE, GLOBAL, LOCAL, TARGET_LABEL, SOURCE_LABEL = range(5)


class Context(nn.Module):
    """One context of one pair: queries from the target, keys and values from the source.

    ``affine_values``: whether the values' batch norm has a scale; not while searching, so that the
    contexts compare.
    """

    def __init__(self, code: int, width: int, *, affine_values: bool = True) -> None:
        super().__init__()
        self.code, inner = code, width // 2
        relu = code != GLOBAL  # linear attention makes its own numbers positive
        self.query_project = _two(width, inner, relu=relu)
        self.key_project = _two(width, inner, relu=relu)
        self.value_project = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False),
            nn.BatchNorm2d(inner, affine=affine_values),
            nn.ReLU(),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)

    def forward(
        self,
        target: Float[Tensor, "b c h w"],
        source: Float[Tensor, "b c h w"],
        target_share: Float[Tensor, "b k n"] | None = None,
        source_share: Float[Tensor, "b m n"] | None = None,
    ) -> Float[Tensor, "b d h w"]:
        """``…_share``: how the task's labels are spread over the n = h·w pixels; of use to the
        contexts by label only."""
        query = self.query_project(target)
        if self.code in (TARGET_LABEL, SOURCE_LABEL):
            share = target_share if self.code == TARGET_LABEL else source_share
            assert share is not None
            source = descriptors(share, source)  # b c k 1
        key, value = self.key_project(source), self.value_project(source)
        if self.code == GLOBAL:
            return linear_attention(F.softplus(query), F.softplus(key), value)
        if self.code == LOCAL:
            return local_attention(query, key, value, WINDOW)
        return token_attention(query, key, value)


def _two(width: int, inner: int, *, relu: bool) -> nn.Sequential:
    return nn.Sequential(conv_block(width, inner), conv_block(inner, inner, relu=relu))


def label_shares(
    logits: Float[Tensor, "b k h w"], valid: Bool[Tensor, "b h w"] | None = None
) -> Float[Tensor, "b k n"]:
    """Each label's logits as a distribution over the pixels; none of it outside ``valid``."""
    flat = logits.flatten(2)
    if valid is not None:
        flat = flat.masked_fill(~valid.flatten(1)[:, None], -torch.inf)
    return flat.softmax(2).nan_to_num(0.0)  # where nothing is valid


def descriptors(
    share: Float[Tensor, "b k n"], features: Float[Tensor, "b c h w"]
) -> Float[Tensor, "b c k 1"]:
    """The mean features of each label, as a map of k pixels."""
    return (features.flatten(2) @ share.transpose(1, 2))[..., None]


def token_attention(
    query: Float[Tensor, "b d h w"],
    key: Float[Tensor, "b d k 1"],
    value: Float[Tensor, "b c k 1"],
) -> Float[Tensor, "b c h w"]:
    """softmax(q·k/√d) v: every pixel attends to k tokens."""
    q, k, v = (x.flatten(2) for x in (query, key, value))
    scores = (k.transpose(1, 2) @ q) / float(q.shape[1]) ** 0.5  # b k n
    out = v @ scores.softmax(1)  # b c n
    return out.unflatten(2, (int(query.shape[2]), int(query.shape[3])))


class Merge(nn.Module):
    """A target's features joined with its contexts.

    The scale and offset of the contexts' batch norm begin at 0: at first a task is told nothing.
    """

    def __init__(self, width: int, contexts: int, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.width, joint = width, 2 * width if contexts else width
        if contexts:
            self.project = conv_block(contexts * (width // 2), width, relu=False)
            nn.init.zeros_(self.project[1].weight)  # type: ignore[arg-type]
        self.bottleneck = conv_block(joint, width)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, features: Tensor, contexts: list[Tensor]) -> Tensor:
        if contexts:
            told = self.project(torch.cat(contexts, dim=1))
            features = torch.cat([features, told], dim=1)
        return self.dropout(self.bottleneck(features))


class ContextModule(nn.Module):
    """All contexts of a genotype and their merging, target by target."""

    def __init__(self, rows: tuple[Row, ...], tasks: tuple[str, ...], width: int) -> None:
        super().__init__()
        self.tasks = tasks
        self.contexts, self.merge = nn.ModuleDict(), nn.ModuleDict()
        for target, row in zip(tasks, rows, strict=True):
            used = {s: code for s, code in zip(tasks, row, strict=True) if code != NONE}
            self.contexts[target] = nn.ModuleDict({s: Context(c, width) for s, c in used.items()})
            self.merge[target] = Merge(width, len(used))

    def forward(self, features: dict[str, Tensor], shares: dict[str, Tensor]) -> dict[str, Tensor]:
        """``features``, and distributions of labels where a context uses them, by task."""
        merged = {}
        for target in self.tasks:
            contexts = self.contexts[target]
            assert isinstance(contexts, nn.ModuleDict)
            told = [
                context(features[target], features[source], shares.get(target), shares.get(source))
                for source, context in contexts.items()
            ]
            merged[target] = self.merge[target](features[target], told)
        return merged
