# mypy: disable-error-code="no-any-return,no-untyped-call"
"""InvPT: all tasks' tokens attend to one another at ever finer scales.

Ye and Xu, *Inverted Pyramid Multi-task Transformer for Dense Scene Understanding*, ECCV 2022. A
first prediction a task from the coarsest map; its features beside an embedding of the prediction
are the tokens of three stages, at strides 32, 16 and 8, with 1, 1/2 and 1/4 of the channels. In
each, queries are taken at half the scale, keys and values at one coarse grid; a stage's scores
are passed on to the next. All stages together make the maps, at stride 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.interface import Count, Method, TaskMaps, TrainingMaps, Width
from hydra_mono.perception.networks.methods.blocks import conv_block
from hydra_mono.perception.networks.methods.pyramid import Pyramid, PyramidConfig, PyramidNetwork

STAGES = 3
EMBEDDED_SHARE = 9  # one channel in nine of a token embeds the prediction: 64 of 576
COMPACT_WIDTH = 144  # a quarter of the published width


@dataclass(frozen=True)
class InvPtConfig(PyramidConfig):
    """``width``: channels of a token at the coarsest stage. ``heads``: of attention."""

    width: Width = 576
    heads: Count = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.heads or self.width % (4 * self.heads) or self.width < EMBEDDED_SHARE:
            raise ValueError(f"{self.width} channels cannot be halved twice for {self.heads} heads")


class InvPt(PyramidNetwork):
    """The whole network."""

    def __init__(self, config: InvPtConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        width, tasks = config.width, tuple(self.tasks)
        widths = [width >> stage for stage in range(STAGES)]
        self.first = Preliminary(self.widths[3], width, self.tasks)
        self.up = nn.ModuleList(UpEmbedding(fine, tasks) for fine in widths[1:])
        self.skips = nn.ModuleList(
            nn.Conv2d(self.widths[2 - k], fine, 3, padding=1) for k, fine in enumerate(widths[1:])
        )
        self.stages = nn.ModuleList(
            JointStage(w, config.heads, receives=stage > 0) for stage, w in enumerate(widths)
        )
        self.mix = nn.ModuleList(nn.Conv2d(w, width, 1) for w in widths)
        self.project = nn.ModuleDict({task: conv_block(width, width, 3) for task in tasks})
        self.heads = nn.ModuleDict({t: nn.Conv2d(width, n, 1) for t, n in self.tasks.items()})

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        tokens, early = self.first(pyramid[3])  # by task b c h/32 w/32
        size = _size(pyramid[0])
        x = torch.stack([tokens[task] for task in self.tasks], dim=1)  # b t c h w
        coarsest = _size(pyramid[3])
        grid = (-(-coarsest[0] // 2), -(-coarsest[1] // 2))
        scores, total = None, torch.zeros(())
        for stage, (block, mix) in enumerate(zip(self.stages, self.mix, strict=True)):
            if stage:
                skip = self.skips[stage - 1](pyramid[3 - stage])
                x = self.up[stage - 1](x, _size(skip)) + skip[:, None]
            x, scores = block(x, grid, scores)
            made = _each(lambda y, mix=mix: resized(mix(y), size), x)  # b t width h/4 w/4
            total = made if stage == 0 else total + made
        final = {
            task: head(self.project[task](total[:, index]))
            for index, (task, head) in enumerate(self.heads.items())
        }
        return TrainingMaps(final, (early,) if self.training else ())


class Preliminary(nn.Module):
    """A first prediction of each task, and tokens that know it."""

    def __init__(self, c_in: int, width: int, tasks: Mapping[str, int]) -> None:
        super().__init__()
        embedded = width // EMBEDDED_SHARE
        inner = width - embedded
        self.features = nn.ModuleDict(
            {t: nn.Sequential(conv_block(c_in, c_in, 3), conv_block(c_in, inner, 3)) for t in tasks}
        )
        self.predict = nn.ModuleDict({t: nn.Conv2d(inner, n, 1) for t, n in tasks.items()})
        self.embed = nn.ModuleDict({t: nn.Conv2d(n, embedded, 1) for t, n in tasks.items()})

    def forward(self, shared: Tensor) -> tuple[dict[str, Tensor], TaskMaps]:
        tokens, early = {}, {}
        for task, block in self.features.items():
            features = block(shared)
            early[task] = self.predict[task](features)
            tokens[task] = torch.cat([features, self.embed[task](early[task])], dim=1)
        return tokens, early


class UpEmbedding(nn.Module):
    """Twice the resolution with half the channels; two 3×3 convolutions a task."""

    def __init__(self, width: int, tasks: tuple[str, ...]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Sequential(conv_block(2 * width, width, 3), conv_block(width, width, 3))
            for _ in tasks
        )

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        parts = [conv(resized(x[:, k], size)) for k, conv in enumerate(self.convs)]
        return torch.stack(parts, dim=1)  # b t c h w


class JointStage(nn.Module):
    """Attention among the tokens of all tasks, then a perceptron.

    The scale of the scores is that of all channels together, not of one head, as published.
    ``receives``: scores of the stage before are mixed into its own.
    """

    def __init__(self, width: int, heads: int, *, receives: bool) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.thin = nn.Conv2d(width, width, 3, stride=2, padding=1, groups=width, bias=False)
        self.thin_norm = nn.BatchNorm2d(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.message = nn.Conv2d(2 * heads, heads, 1) if receives else None
        self.norm2 = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(
        self, x: Tensor, grid: tuple[int, int], before: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """``x``: b t c h w. ``grid``: height and width at which keys and values are taken.

        Returns the tokens, and the scores as b heads t qh qw k.
        """
        normed = self.norm(x.movedim(2, 4)).movedim(4, 2)  # b t c h w
        thin = _each(lambda y: self.thin_norm(self.thin(y)), normed)  # b t c qh qw
        coarse = _each(lambda y: F.adaptive_avg_pool2d(y, grid), normed)  # b t c kh kw
        query, key, value = (
            self._split(layer(_tokens(y)))  # b heads n d
            for layer, y in ((self.query, thin), (self.key, coarse), (self.value, coarse))
        )
        scores = query @ key.transpose(2, 3) / float(x.shape[2]) ** 0.5  # b heads t*qh*qw k
        scores = scores.unflatten(2, (int(x.shape[1]), *_size(thin)))  # b heads t qh qw k
        if self.message is not None and before is not None:
            both = torch.cat([_upsampled(before, _size(thin)), scores], dim=1)
            flat = self.message(both.flatten(2, 4))  # b heads t*qh*qw k
            scores = flat.unflatten(2, (int(x.shape[1]), *_size(thin)))
        mixed = scores.flatten(2, 4).softmax(3) @ value  # b heads t*qh*qw d
        mixed = self.out(mixed.transpose(1, 2).flatten(2))  # b t*qh*qw c
        maps = mixed.transpose(1, 2).unflatten(2, (int(x.shape[1]), *_size(thin)))  # b c t qh qw
        x = x + _each(lambda y: resized(y, _size(x)), maps.transpose(1, 2))
        tokens = x.movedim(2, 4)  # b t h w c
        tokens = tokens + self.narrow(F.gelu(self.widen(self.norm2(tokens))))
        return tokens.movedim(4, 2), scores

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(2, (self.heads, -1)).transpose(1, 2)  # b n c -> b heads n d


def _tokens(x: Tensor) -> Tensor:
    return x.permute(0, 1, 3, 4, 2).flatten(1, 3)  # b t c h w -> b t*h*w c


def _each(function, x: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
    """A function of maps (n c h w), of every task's (b t c h w)."""
    return function(x.flatten(0, 1)).unflatten(0, (int(x.shape[0]), int(x.shape[1])))


def _upsampled(scores: Tensor, size: tuple[int, int]) -> Tensor:
    """Scores of queries at a finer grid, b heads t qh qw k."""
    maps = scores.permute(0, 1, 2, 5, 3, 4)  # b heads t k qh qw
    flat = resized(maps.flatten(0, 2), size)  # b*heads*t k qh' qw'
    return flat.unflatten(0, tuple(maps.shape[:3])).permute(0, 1, 2, 4, 5, 3)


def _size(x: Tensor) -> tuple[int, int]:
    """Height and width, as integers while torch traces too."""
    return int(x.shape[-2]), int(x.shape[-1])


METHOD = Method(
    config=InvPtConfig,
    build=InvPt,
    variants={"published": InvPtConfig(), "compact": InvPtConfig(width=COMPACT_WIDTH)},
)
