"""M2H for the table of methods: its variants, and how files of its authors are told apart."""

import dataclasses

from hydra_mono.perception.networks.backbones.create import describe_backbone
from hydra_mono.perception.networks.backbones.dinov2 import infer_vit
from hydra_mono.perception.networks.interface import Method, NetworkConfig, Shapes
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import COMPACT, FULL, SMALL, SMALL_96, M2HConfig
from hydra_mono.perception.networks.shapes import count, extent

MAX_DOUBLINGS = 8  # of a head; the published ones have two


def recognise(shapes: Shapes) -> str | None:
    """The flavour, by names that only it has."""
    if "mlt_head.convs.0.conv.weight" in shapes:
        return "M2H, the full flavour"
    if "mlt_head.convs.0.conv.depthwise.weight" not in shapes:
        return None
    if "mlt_head.reassemble_blocks.projects.0.conv.depthwise.weight" in shapes:
        return "M2H, the lightweight flavour (M2H-small)"
    return "M2H, the compact flavour (convolutional backbone)"


def infer(shapes: Shapes) -> M2HConfig:
    """The numbers of the published M2H that has these parameters.

    Raises:
        ValueError: they are not those of one.
    """
    light = "mlt_head.convs.0.conv.depthwise.weight" in shapes
    if "backbone.stages.0.0.norm.weight" in shapes:
        raise ValueError("the numbers of a compact M2H are only in its .safetensors file")
    try:
        backbone = {name[9:]: shape for name, shape in shapes.items() if name[:9] == "backbone."}
        config = M2HConfig(
            backbone=infer_vit(backbone),
            classes=shapes["mlt_head.seg_out.final_conv.weight"][0],
            channels=_channels(shapes),
            light=light,
            attention_layers=count(shapes, "mlt_head.cross_attn."),
            head_upsamplings=len(_head_widths(shapes)),
            head_widths=_head_widths(shapes),
        )
    except (KeyError, IndexError) as error:
        raise ValueError(f"{error} is missing, so this is not a whole M2H") from error
    plain = dataclasses.replace(config, head_widths=None)
    return plain if plain.widths == config.widths else config


def facts(shapes: Shapes) -> list[str]:
    """What distinguishes one M2H from another: backbone, channels, classes, heads."""
    return [
        describe_backbone(shapes, "backbone."),
        f"{extent(shapes, 'mlt_head.seg_out.final_conv.bias', 0)} classes",
        f"{_channels(shapes)} channels",
        f"heads of {' and '.join(map(str, _head_widths(shapes)))} channels",
        f"{count(shapes, 'mlt_head.cross_attn.')} layers of attention",
    ]


def _channels(shapes: Shapes) -> int:
    names = ("mlt_head.project_depth.conv.weight", "mlt_head.project_depth.conv.pointwise.weight")
    return max(extent(shapes, name, 0) for name in names)


def _head_widths(shapes: Shapes) -> tuple[int, ...]:
    """Channels after each doubling of a head; of two, should a tensor of one be missing."""
    widths = []
    for step in range(MAX_DOUBLINGS):
        names = (f"mlt_head.conv_{head}.head.{step}.residual.weight" for head in ("edge", "normal"))
        widths.append(max(extent(shapes, name, 0) for name in names))
    return tuple(width for width in widths if width)


def follow_published(config: M2HConfig) -> NetworkConfig:
    """Computing exactly what the published code computes."""
    return dataclasses.replace(config, compat=True)


METHOD = Method(
    config=M2HConfig,
    build=M2H,
    variants={"full": FULL, "small": SMALL, "small_96": SMALL_96, "compact": COMPACT},
    recognise=recognise,
    infer=infer,
    facts=facts,
    follow_published=follow_published,
)
