"""A few elements of SVG, with text escaped and numbers short."""

from collections.abc import Iterable
from html import escape

Points = Iterable[tuple[float, float]]


def element(tag: str, content: str = "", /, **attributes: object) -> str:
    """An element; ``_`` in the name of an attribute stands for ``-``."""
    named = "".join(
        f' {name.strip("_").replace("_", "-")}="{escape(_text(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{named}>{content}</{tag}>" if content else f"<{tag}{named}/>"


def text(words: str, x: float, y: float, /, **attributes: object) -> str:
    return element("text", escape(words), x=x, y=y, **attributes)


def title(words: str) -> str:
    """What is shown where the pointer rests on the element that holds it."""
    return element("title", escape(words))


def polygon(points: Points, content: str = "", /, **attributes: object) -> str:
    return element("polygon", content, points=_points(points), **attributes)


def polyline(points: Points, /, **attributes: object) -> str:
    return element("polyline", points=_points(points), fill="none", **attributes)


def document(width: float, height: float, content: Iterable[str]) -> str:
    """A drawing of a size in pixels, that shrinks to the page it is on."""
    return element(
        "svg",
        "".join(content),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_text(width)} {_text(height)}",
        width=width,
        height=height,
        style="max-width:100%;height:auto;font-family:sans-serif",
    )


def rgb(color: tuple[int, int, int], pale: float = 0.0) -> str:
    """A colour; ``pale`` 0 to 1 mixes it with white."""
    red, green, blue = (round(value + (255 - value) * pale) for value in color)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _points(points: Points) -> str:
    return " ".join(f"{_text(x)},{_text(y)}" for x, y in points)


def _text(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
