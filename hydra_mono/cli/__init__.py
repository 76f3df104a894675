"""The command line; only this package prints."""

from hydra_mono.cli.main import main

__all__ = ["main"]
