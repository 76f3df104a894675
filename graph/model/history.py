"""What a graph was like: every version of every key, read by stamp or by order of events.

By order of events (``since``): which keys were born, changed and lost after some version, so that
a mirror looks at the news only. By stamp (``at``): which value every key had then, so that the
past can be told. The number of past versions is bounded: beyond it, time is told less finely.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from hydra_mono.core.errors import GraphError
from hydra_mono.core.map.ranges import Count, StampNs
from hydra_mono.core.map.state import State
from hydra_mono.graph.model.symbols import NodeSymbol

EdgeKey = tuple[NodeSymbol, NodeSymbol]
Version = tuple[int, int]

_COUNT: Any = TypeAdapter(Count, config={"strict": True})
_STAMP: Any = TypeAdapter(StampNs, config={"strict": True})
_COUNTS: Any = TypeAdapter(list[Count], config={"strict": True}).validate_python
_STAMPS: Any = TypeAdapter(list[StampNs], config={"strict": True}).validate_python

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
GraphKey = TypeVar("GraphKey", NodeSymbol, EdgeKey)

MAX_PAST_VERSIONS = 20_000  # about 8 MB of nodes; half an hour at 10 changes a second
KEPT_SHARE = 0.75  # of them are left by a thinning, so that it is rare
FINEST_NS = 1 << 27  # 0.13 s, shorter than a refresh: the first thinning costs hardly anything


@dataclass(frozen=True, slots=True)
class Changes(Generic[Key]):
    """What takes a mirror from a version to now; every key is in one list only, all sorted."""

    new: tuple[Key, ...]
    changed: tuple[Key, ...]
    removed: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class GraphChanges:
    """News of a graph since some version; ``version`` is where the next news begin."""

    version: Version
    nodes: Changes[NodeSymbol]
    edges: Changes[EdgeKey]


@dataclass(slots=True)
class _Record(Generic[Value]):
    """``lives``: the versions at which the key was born, lost, born again, ...

    ``values[i]`` held from ``stamps_ns[i]`` on; None where the key was lost.
    """

    version: int = 0
    lives: list[int] = field(default_factory=list)
    stamps_ns: list[int] = field(default_factory=list)
    values: list[Value | None] = field(default_factory=list)

    def existed_at(self, version: int) -> bool:
        return bisect_right(self.lives, version) % 2 == 1

    @property
    def exists(self) -> bool:
        return len(self.lives) % 2 == 1

    def thin(self, slot_ns: int) -> None:
        """Keeps the last version of each slot of time."""
        slots = [stamp // slot_ns for stamp in self.stamps_ns]
        last = len(slots) - 1
        kept = [i for i, slot in enumerate(slots) if i == last or slots[i + 1] != slot]
        while kept and self.values[kept[0]] is None:  # before it was born, it was not there
            kept.pop(0)
        self.stamps_ns = [self.stamps_ns[i] for i in kept]
        self.values = [self.values[i] for i in kept]


class History(Generic[Key, Value]):
    """Versions of the values of keys; ``version`` counts the events.

    Args:
        is_minor: whether two values are so alike that the second takes the first's place.
        max_past: versions kept beside the present one of each key.

    Attributes:
        slot_ns: the past is told to so many nanoseconds; 0 exactly. It doubles when ``max_past``
            is reached, so memory stays bounded however long the run.
    """

    def __init__(
        self,
        is_minor: Callable[[Value, Value], bool] = lambda before, after: False,
        max_past: int = MAX_PAST_VERSIONS,
    ) -> None:
        self.version = 0
        self.slot_ns = 0
        self._is_minor = is_minor
        self._max_past = max_past
        self._records: dict[Key, _Record[Value]] = {}
        self._past = 0

    def put(self, key: Key, value: Value, stamp_ns: int) -> None:
        """The key is born, or changes, at a stamp; an earlier one than its last counts as that."""
        record = self._touch(key)
        if not record.exists:
            record.lives.append(self.version)
        else:
            self._past += 1
            before = record.values[-1] if record.values else None
            if before is not None and self._is_minor(before, value):
                record.values[-1] = value
                self._past -= 1
                return
        self._write(record, value, stamp_ns)

    def drop(self, key: Key, stamp_ns: int) -> None:
        """The key is lost at a stamp."""
        record = self._touch(key)
        record.lives.append(self.version)
        self._past += 2  # the last value and the note of its end
        self._write(record, None, stamp_ns)

    def since(self, version: int) -> Iterator[tuple[Key, bool, bool]]:
        """(key, whether it existed then, whether it exists now) of every key touched since."""
        for key, record in reversed(self._records.items()):
            if record.version <= version:
                return
            yield key, record.existed_at(version), record.exists

    def at(self, stamp_ns: int) -> Iterator[tuple[Key, Value]]:
        """Every key that there was at a stamp and its value, in the order they last changed."""
        for key, record in self._records.items():
            row = bisect_right(record.stamps_ns, stamp_ns) - 1
            value = record.values[row] if row >= 0 else None
            if value is not None:
                yield key, value

    def present(self) -> Iterator[tuple[Key, Value]]:
        """Every key that there is and its value, in the order they last changed."""
        for key, record in self._records.items():
            if record.values and (value := record.values[-1]) is not None:
                yield key, value

    def state(self, codec: "RecordCodec") -> State:
        """See ``core.map.state``."""
        return {
            "version": self.version,
            "slot_ns": self.slot_ns,
            "past": self._past,
            "records": [codec.dump(key, record) for key, record in self._records.items()],
        }

    def restore(self, state: State, codec: "RecordCodec") -> None:
        self.version = _COUNT.validate_python(state["version"])
        self.slot_ns = _STAMP.validate_python(state["slot_ns"])
        self._past = _COUNT.validate_python(state["past"])
        self._records = dict(map(codec.load, state["records"]))

    def keys(self) -> list[Key]:
        """Every key that there is or was, in the order they last changed."""
        return list(self._records)

    def versions(self, key: Key) -> list[tuple[int, Value | None]]:
        """(stamp, value or None for lost) of a key, oldest first; empty for an unknown one."""
        record = self._records.get(key)
        return list(zip(record.stamps_ns, record.values, strict=True)) if record else []

    @property
    def past_count(self) -> int:
        """Versions kept beside the present one of each key."""
        return self._past

    def _touch(self, key: Key) -> _Record[Value]:
        self.version += 1
        record = self._records.pop(key, None) or _Record()
        record.version = self.version
        self._records[key] = record
        return record

    def _write(self, record: _Record[Value], value: Value | None, stamp_ns: int) -> None:
        stamps, values = record.stamps_ns, record.values
        if stamps and stamp_ns < stamps[-1]:
            stamp_ns = stamps[-1]
        if stamps and self._slot(stamp_ns) == self._slot(stamps[-1]):
            stamps[-1], values[-1] = stamp_ns, value
            self._past -= 1
        else:
            stamps.append(stamp_ns)
            values.append(value)
        if values == [None]:
            stamps.clear()
            values.clear()
            self._past -= 1
        if self._past > self._max_past:
            self._thin()

    def _slot(self, stamp_ns: int) -> int:
        return stamp_ns // self.slot_ns if self.slot_ns else stamp_ns

    def _thin(self) -> None:
        """Tells time less finely until few enough versions are left."""
        while self._past > KEPT_SHARE * self._max_past and self.slot_ns < 1 << 62:
            self.slot_ns = max(2 * self.slot_ns, FINEST_NS)
            self._past = 0
            for record in self._records.values():
                record.thin(self.slot_ns)
                self._past += len(record.values) - record.exists


def edge_key(a: NodeSymbol, b: NodeSymbol) -> EdgeKey:
    """The ends of an edge, lower end first."""
    return (a, b) if (a.layer, a) <= (b.layer, b) else (b, a)


class RecordCodec:
    """Records of keys and values of some types as plain values, and back.

    ``kind_of``: the type that a key's values mostly have, which is tried first: to try all of
    several takes seconds for a large graph.
    """

    def __init__(self, key: Any, value: Any, kind_of: Callable[[Any], type] | None = None) -> None:
        self._key: Any = TypeAdapter(key)
        self._values: Any = TypeAdapter(list[value | None])
        self._kind_of = kind_of
        self._of_kind: dict[type, Any] = {}

    def dump(self, key: Any, record: _Record[Any]) -> State:
        kind = self._kind_of(key) if self._kind_of else None
        is_usual = kind is not None and all(type(v) is kind for v in record.values if v is not None)
        values = self._adapter(kind) if kind is not None and is_usual else self._values
        return {
            "key": self._key.dump_python(key, mode="json"),
            "version": record.version,
            "lives": list(record.lives),
            "stamps_ns": list(record.stamps_ns),
            "values": values.dump_python(record.values, mode="json"),
        }

    def load(self, plain: State) -> tuple[Any, _Record[Any]]:
        key = self._key.validate_python(plain["key"])
        values = self._load_values(self._kind_of(key) if self._kind_of else None, plain["values"])
        version, lives = _COUNT.validate_python(plain["version"]), _COUNTS(plain["lives"])
        stamps_ns = _STAMPS(plain["stamps_ns"])
        if len(stamps_ns) != len(values):
            raise GraphError(f"{plain['key']}: {len(values)} versions with {len(stamps_ns)} stamps")
        if sorted(lives) != lives or sorted(stamps_ns) != stamps_ns:
            raise GraphError(f"{plain['key']}: versions are not in order of time")
        return key, _Record(version, lives, stamps_ns, values)

    def _load_values(self, kind: type | None, values: Any) -> Any:
        if kind is None:
            return self._values.validate_python(values)
        try:
            return self._adapter(kind).validate_python(values)
        except ValidationError:
            return self._values.validate_python(values)

    def _adapter(self, kind: type) -> Any:
        if kind not in self._of_kind:
            self._of_kind[kind] = TypeAdapter(list[kind | None])  # type: ignore[valid-type]
        return self._of_kind[kind]


def changes_in(history: History[GraphKey, Value], version: int) -> Changes[GraphKey]:
    """The news since a version, sorted."""
    if history.version <= version:
        return Changes((), (), ())
    touched = list(history.since(version))
    return Changes(
        new=tuple(sorted(key for key, before, now in touched if now and not before)),
        changed=tuple(sorted(key for key, before, now in touched if now and before)),
        removed=tuple(sorted(key for key, before, now in touched if before and not now)),
    )
