"""Which keys were born, changed and lost, ordered by when, so that a look costs only the news."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class _Entry:
    """``lives`` are the versions at which the key was born, lost, born again, ..."""

    version: int = 0
    lives: list[int] = field(default_factory=list)

    def existed_at(self, version: int) -> bool:
        return sum(stamp <= version for stamp in self.lives) % 2 == 1


class ChangeLog(Generic[Key]):
    """Remembers the latest event of every key; ``version`` counts the events."""

    def __init__(self) -> None:
        self.version = 0
        self._entries: dict[Key, _Entry] = {}

    def add(self, key: Key) -> None:
        self._record(key).lives.append(self.version)

    def change(self, key: Key) -> None:
        self._record(key)

    def remove(self, key: Key) -> None:
        self._record(key).lives.append(self.version)

    def _record(self, key: Key) -> _Entry:
        self.version += 1
        entry = self._entries.pop(key, None) or _Entry()
        entry.version = self.version
        self._entries[key] = entry
        return entry

    def since(self, version: int) -> Iterator[tuple[Key, bool, bool]]:
        """(key, whether it existed then, whether it exists now) of every key touched since."""
        for key, entry in reversed(self._entries.items()):
            if entry.version <= version:
                return
            yield key, entry.existed_at(version), entry.existed_at(self.version)
