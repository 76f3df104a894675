"""YAML as settings are written in it: no aliases, no dates, bounded in size and depth."""

from typing import Any

import yaml

LARGEST = 1 << 20  # characters; the whole tree of settings takes under 20,000
TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """``2026-11-30`` is a string; an alias is an error, since few of them can fill the memory."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed here")
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str) -> Any:
    """Plain Python of a YAML text.

    Raises:
        ValueError: it is not YAML, is longer than a megabyte, nests too deeply or has an alias.
    """
    if len(text) > LARGEST:
        raise ValueError(f"{len(text)} characters are too many (at most {LARGEST})")
    try:
        return yaml.load(text, _Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
