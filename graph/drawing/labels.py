"""Where the words of a drawing stand: none over another, and a room's beside its furniture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hydra_mono.graph.drawing.svg import text

LETTER = 0.6  # of the size of letters: their width in common fonts, bold ones included
ASCENT, DESCENT = 0.95, 0.25  # of the size of letters: what fonts take above and below their line
GAP_PX = 2.0  # between words

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Left, top, right and bottom in pixels; y points down."""

    left: float
    top: float
    right: float
    bottom: float

    @staticmethod
    def around(points: Iterable[Point]) -> "Rectangle":
        x, y = np.array(list(points)).T
        return Rectangle(float(x.min()), float(y.min()), float(x.max()), float(y.max()))

    def shared_px(self, other: "Rectangle") -> float:
        """Area that two have in common, square pixels."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0.0) * max(high, 0.0)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of words, in letters of a size in pixels."""

    words: str
    size_px: float
    is_bold: bool = False


def extent(lines: Sequence[Line], middle: Point) -> Rectangle:
    """What lines, one below another and centred, take up around a point."""
    half = max(len(line.words) * line.size_px for line in lines) * LETTER / 2 + GAP_PX
    high = sum(line.size_px for line in lines) * (ASCENT + DESCENT) / 2
    x, y = middle
    return Rectangle(x - half, y - high, x + half, y + high)


@dataclass
class Labels:
    """The words of one drawing, in the order in which they matter; ``bounds``: of the drawing."""

    bounds: Rectangle
    taken: list[Rectangle] = field(default_factory=list)

    def best(
        self, lines: Sequence[Line], middles: Sequence[Point], beside: Sequence[Rectangle] = ()
    ) -> Point:
        """The middle, of some, where lines cover least of other words and of what they should
        stand beside; the first of those that are alike.
        """
        return min(middles, key=lambda middle: round(self._cost(lines, middle, beside)))

    def is_free(self, lines: Sequence[Line], middle: Point) -> bool:
        rectangle = extent(lines, middle)
        return self._is_inside(rectangle) and not any(map(rectangle.shared_px, self.taken))

    def put(self, lines: Sequence[Line], middle: Point, **attributes: object) -> list[str]:
        """The elements of lines around a point, whatever they lie over."""
        rectangle = extent(lines, middle)
        self.taken.append(rectangle)
        found, base = [], rectangle.top
        for line in lines:
            weight = {"font_weight": "bold"} if line.is_bold else {}
            style = {"font_size": line.size_px, "text_anchor": "middle", **weight, **attributes}
            found.append(text(line.words, middle[0], base + ASCENT * line.size_px, **style))
            base += (ASCENT + DESCENT) * line.size_px
        return found

    def _cost(self, lines: Sequence[Line], middle: Point, beside: Sequence[Rectangle]) -> float:
        rectangle = extent(lines, middle)
        words = sum(map(rectangle.shared_px, self.taken))
        outside = 0.0 if self._is_inside(rectangle) else 1e6  # px²: more than any drawing's words
        return outside + 10 * words + sum(map(rectangle.shared_px, beside))  # words are read first

    def _is_inside(self, rectangle: Rectangle) -> bool:
        across = self.bounds.left <= rectangle.left and rectangle.right <= self.bounds.right
        return (
            across and self.bounds.top <= rectangle.top and rectangle.bottom <= self.bounds.bottom
        )
