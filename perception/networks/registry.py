"""The table of methods. A new one is a module with a ``METHOD`` and a line here."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # torch takes a second to import; the names alone need none
    from hydra_mono.perception.networks.interface import Method, MultiTaskNetwork

MODULES = {  # method -> module that holds its METHOD
    "m2h": "hydra_mono.perception.networks.m2h_method",
    "mtl": "hydra_mono.perception.networks.hard_sharing",
}
DEFAULT, DEFAULT_VARIANT = "m2h", "compact"  # what is trained and shipped


def method(name: str) -> "Method":
    """The method of this name.

    Raises:
        KeyError: there is none.
    """
    found: Method = import_module(MODULES[name]).METHOD
    return found


def methods() -> dict[str, "Method"]:
    """All of them, by name."""
    return {name: method(name) for name in MODULES}


def name_of(config: Any) -> str:
    """The method whose numbers these are."""
    return next(name for name, known in methods().items() if type(config) is known.config)


def build(config: Any) -> "MultiTaskNetwork":
    """A network with these numbers and random weights."""
    return method(name_of(config)).build(config)
