"""What a weights file holds and what is wrong with it, as a table."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch

from hydra_mono.perception.networks.complexity import complexity
from hydra_mono.perception.networks.registry import build, method
from hydra_mono.perception.weights_io.checkpoint import (
    CONFIG_PREFIX,
    config_of,
    differences,
    holds_network,
    load_backbone,
    not_finite,
    saved_by_us,
)
from hydra_mono.perception.weights_io.files import (
    CHECKSUM_KEY,
    CheckpointError,
    Weights,
    read_weights,
    shapes_of,
)
from hydra_mono.perception.weights_io.names import PUBLISHED, UNKNOWN, method_of, recognise

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of batch norms; not trained
NAMED = 3  # tensors that a row names


def describe_weights(path: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Rows of name and value for a table of what the file holds, and what is wrong with it.

    Raises:
        CheckpointError: it cannot be read at all.
    """
    weights = read_weights(path)
    values = weights.tensors.values()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    counted = [v.numel() for name, v in weights.tensors.items() if not name.endswith(STATISTICS)]
    saved_by = saved_by_us(weights)
    own = ", saved by hydra-mono" if saved_by else ""
    rows = [
        ("file", f"{path} ({path.stat().st_size / 1e6:.1f} MB, {weights.format})"),
        ("contents", recognise(weights.shapes) + own),
        ("published as", PUBLISHED.get(digest, "unknown")),
        ("checksum", _checksum(weights)),
        ("tensors", str(len(weights.tensors))),
        ("parameters", f"{sum(counted) / 1e6:.2f} M"),
        ("types", ", ".join(sorted({str(v.dtype).removeprefix("torch.") for v in values}))),
    ]
    try:
        rows += list(_network_rows(weights))
    except CheckpointError as error:
        return rows, [str(error).removeprefix(f"{path}: ")]
    problems = list(_problems(weights))
    rows.append(("values", "finite" if not not_finite(weights) else "NaN or infinite"))
    unread = (CHECKSUM_KEY, f"{CONFIG_PREFIX}{saved_by}")  # in other rows
    notes = {k: v for k, v in weights.metadata.items() if k not in unread}
    return rows + sorted(notes.items()), problems


def _checksum(weights: Weights) -> str:
    if weights.format == "torch":
        return "of every record, agrees (none in files before torch 1.6)"
    return "agrees" if CHECKSUM_KEY in weights.metadata else "the file brings none"


def _network_rows(weights: Weights) -> Iterator[tuple[str, str]]:
    if not holds_network(weights):
        if recognise(weights.shapes) != UNKNOWN:
            yield "backbone", str(load_backbone(weights.path).config)
        return
    config = config_of(weights)
    name = method_of(weights.shapes)
    facts = method(name).facts(weights.shapes) if name else []
    yield "network", "; ".join(facts)
    height, width = config.input_spec().size
    yield "images", f"{height}×{width} pixels, {config.classes} classes"
    macs = complexity(config, height, width).macs
    yield "cost", f"{macs / 1e9:.2f} G multiply-accumulates an image"


def _problems(weights: Weights) -> Iterator[str]:
    """What keeps the weights from being loaded."""
    if holds_network(weights):
        with torch.device("meta"):
            own = shapes_of(build(config_of(weights)).state_dict())
        words = ("missing", "unexpected", "of another shape")
        for word, names in zip(words, differences(own, weights.shapes), strict=True):
            if names:
                yield f"{_named(names)} {word}"
    if broken := not_finite(weights):
        yield f"NaN or infinite numbers in {_named(broken)}"


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if names[NAMED:] else ""
    return ", ".join(f"'{name}'" for name in names[:NAMED]) + more
