"""What the names and shapes of tensors tell."""

from hydra_mono.perception.networks.interface import Shapes


def count(shapes: Shapes, prefix: str) -> int:
    """How many numbered parts there are under a prefix."""
    return len({name[len(prefix) :].split(".")[0] for name in shapes if name.startswith(prefix)})


def extent(shapes: Shapes, name: str, axis: int) -> int:
    """0 where there is no such tensor."""
    shape = shapes.get(name, ())
    return shape[axis] if -len(shape) <= axis < len(shape) else 0
