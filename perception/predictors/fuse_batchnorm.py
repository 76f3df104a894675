"""A network for inference: batch norms go into the convolutions before them, and positions of a
transformer are resampled once per size of image.

In evaluation a batch norm is a scale and an offset of each channel, which the convolution before
it can make itself (Jacob et al. 2018, section 3.2). The values are the same up to rounding.
"""

import copy
import itertools
from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from hydra_mono.perception.networks.backbones.vit import VisionTransformer
from hydra_mono.perception.networks.heads import SeparableConv


def fuse_batchnorm(network: nn.Module) -> nn.Module:
    """A copy for evaluation, without batch norms and with fewer convolutions.

    A batch norm has to follow its convolution in the order in which their parent registers them;
    one that follows none stays.
    """
    network = copy.deepcopy(network).eval()
    for module in network.modules():
        if isinstance(module, VisionTransformer):
            module.keep_positions()
    for parent in list(network.modules()):
        for before, name in list(_batch_norms(parent)):
            _fuse(parent, before, name)
    for module in list(network.modules()):
        if isinstance(module, SeparableConv) and module.depthwise.kernel_size == (1, 1):
            _join(module)
    return network


def _batch_norms(parent: nn.Module) -> Iterator[tuple[str | None, str]]:
    """Names of the parent's batch norms, each after the name of what comes before it."""
    children = dict(parent.named_children())
    for before, name in itertools.pairwise([None, *children]):
        if name is not None and isinstance(children[name], nn.BatchNorm2d):
            yield before, name


def _fuse(parent: nn.Module, before: str | None, name: str) -> None:
    norm = parent.get_submodule(name)
    source = parent.get_submodule(before) if before else None
    assert isinstance(norm, nn.BatchNorm2d)
    if isinstance(source, SeparableConv):
        source.pointwise = fuse_conv_bn_eval(source.pointwise, norm)
    elif isinstance(source, nn.Conv2d) and before is not None:
        setattr(parent, before, fuse_conv_bn_eval(source, norm))
    else:
        return
    setattr(parent, name, nn.Identity())


def _join(conv: SeparableConv) -> None:
    """Two 1×1 convolutions, of each channel and across channels, are one across channels."""
    each, across = conv.depthwise, conv.pointwise
    joined = nn.Conv2d(across.in_channels, across.out_channels, 1)
    weight = across.weight * each.weight.view(1, -1, 1, 1)  # o c 1 1
    joined.load_state_dict({"weight": weight, "bias": _joined_bias(each, across)})
    conv.pointwise = joined
    conv.add_module("depthwise", nn.Identity())


def _joined_bias(each: nn.Conv2d, across: nn.Conv2d) -> Tensor:
    bias = across.weight.new_zeros(across.out_channels) if across.bias is None else across.bias
    return bias if each.bias is None else bias + across.weight[:, :, 0, 0] @ each.bias
