"""What a reader knows of its sequence once it is opened."""

from dataclasses import dataclass

from hydra_mono.core.labels import NO_LABELS, LabelSpace
from hydra_mono.datasets.labels import LabelTable

Direction = tuple[float, float, float]
Z_UP: Direction = (0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class SequenceFacts:
    """``world_up`` is None where the layout promises no up, ``table`` where there are no labels."""

    name: str
    length: int
    world_up: Direction | None = Z_UP
    table: LabelTable | None = None


class DescribedSource:
    """The part of ``Source`` that is the same for all readers: they set ``facts`` when opened."""

    facts: SequenceFacts

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def label_space(self) -> LabelSpace:
        return self.facts.table.space if self.facts.table else NO_LABELS

    @property
    def world_up(self) -> Direction | None:
        return self.facts.world_up

    @property
    def unknown_label_pixels(self) -> int:
        return self.facts.table.unknown_pixels if self.facts.table else 0

    def __len__(self) -> int:
        return self.facts.length
