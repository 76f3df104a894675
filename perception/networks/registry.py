"""The table of methods. A new one is a module with a ``METHOD`` and a line here."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # torch takes a second to import; the names alone need none
    from hydra_mono.perception.networks.interface import Method, MultiTaskNetwork

MODULES = {  # method -> module that holds its METHOD
    "m2h": "hydra_mono.perception.networks.m2h_method",
    "mtl": "hydra_mono.perception.networks.methods.hard_sharing",
    "cross_stitch": "hydra_mono.perception.networks.methods.cross_stitch",
    "mtan": "hydra_mono.perception.networks.methods.mtan",
    "pap": "hydra_mono.perception.networks.methods.pap",
    "psd": "hydra_mono.perception.networks.methods.psd",
    "pad_net": "hydra_mono.perception.networks.methods.pad_net",
    "mti_net": "hydra_mono.perception.networks.methods.mti_net",
    "invpt": "hydra_mono.perception.networks.methods.invpt",
    "atrc": "hydra_mono.perception.networks.methods.atrc.network",
    "atrc_search": "hydra_mono.perception.networks.methods.atrc.search",
    "ctal": "hydra_mono.perception.networks.methods.ctal.network",
    "m_ctal": "hydra_mono.perception.networks.methods.ctal.multi_scale",
}
SEARCHES = {"atrc": "atrc_search"}  # method -> what finds its genotype
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
