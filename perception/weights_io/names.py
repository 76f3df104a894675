"""What weights are, told by the names and shapes of their tensors."""

from hydra_mono.perception.networks.backbones.create import describe_backbone
from hydra_mono.perception.networks.backbones.dinov2 import PATCHES
from hydra_mono.perception.networks.interface import Shapes
from hydra_mono.perception.networks.registry import methods

DINOV2 = "a DINOv2 backbone"
HUGGING_FACE = "a DINOv2 backbone in the Hugging Face form"
UNKNOWN = "weights of an unknown network"
PUBLISHED = {  # SHA-256 of M2H's released files; all four are the full flavour
    "af35c6e61d8d971482525c387123bee1553cc509567a0a869376ed9ce105f38a": "M2H m2h_indoor.pt",
    "df93492b758b65a2e8c82750432892cfb36c5e3c567b7a6f0c5970055a545cf8": "M2H m2h_nyudv2.pt",
    "b0ad391c1fce9c80a77b5ff5888210a2185ee759da61d48e21cb972ed145e955": "M2H best_final_hypersim",
    "c550220c8cf1a68a0f30416c98cfd307322154fde475c04e6d0d3f6c8d91fc65": "M2H hypersim_paper_model",
}


def method_of(shapes: Shapes) -> str | None:
    """The method whose published weights have tensors of these names."""
    return next((name for name, known in methods().items() if known.recognise(shapes)), None)


def recognise(shapes: Shapes) -> str:
    """The kind of weights, in words."""
    for known in methods().values():
        if words := known.recognise(shapes):
            return words
    if "patch_embed.proj.weight" in shapes and "blocks.0.ls1.gamma" in shapes:
        return DINOV2
    if any(name.endswith(PATCHES) for name in shapes):
        return HUGGING_FACE
    return UNKNOWN


def likely_cause(own: Shapes, found: Shapes) -> str:
    """Why the weights found do not fit the network, as far as names and shapes tell."""
    mine, theirs = recognise(own), recognise(found)
    if mine != theirs:
        return f"the file holds {_in_full(found)}, expected {mine}"
    for wanted, given in zip(_facts(own), _facts(found), strict=True):
        if wanted != given:
            return f"the file has {given}, expected {wanted}"
    return "the file is cut short or of another version of the network"


def _in_full(shapes: Shapes) -> str:
    words, facts = recognise(shapes), _facts(shapes)
    return f"{words}, with {facts[0]}" if facts else words


def _facts(shapes: Shapes) -> list[str]:
    """What distinguishes one network of a kind from another."""
    name = method_of(shapes)
    if name is not None:
        return methods()[name].facts(shapes)
    return [describe_backbone(shapes)] if recognise(shapes) == DINOV2 else []
