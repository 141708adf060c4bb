"""Small drawings as inline SVG: a frame with two axes, and the shapes that go into it.

Colours are classes, which the style sheet fills in for light, dark, print and forced colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 360, 264
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 14, 40

Scale = Callable[[float], float]


def n(value: float) -> str:
    """Write a coordinate with one decimal at most.

    Examples
    --------
    >>> n(3.0), n(2.449), n(-0.01)
    ('3', '2.4', '0')
    """
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def linear(low: float, high: float, a: float, b: float) -> Scale:
    """Give the function that takes [low, high] to [a, b].

    Examples
    --------
    >>> linear(0, 10, 100, 200)(5)
    150.0
    """
    span = (high - low) or 1.0
    return lambda v: a + (v - low) / span * (b - a)


def logarithmic(low: float, high: float, a: float, b: float) -> Scale:
    """Give the function that takes [low, high] to [a, b] by logarithms.

    Examples
    --------
    >>> round(logarithmic(1, 100, 0, 50)(10), 9)
    25.0
    """
    inner = linear(math.log(low), math.log(high), a, b)
    return lambda v: inner(math.log(v))


def round_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Give round numbers from low to high, about so many.

    Examples
    --------
    >>> round_ticks(0, 1), round_ticks(0.31, 0.48)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.35, 0.4, 0.45])
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    rough = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(m * unit for m in (1, 2, 5, 10) if m * unit >= rough * 0.75)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def power_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Give powers of ten from low to high, at most so many.

    Examples
    --------
    >>> power_ticks(0.002, 30)
    [0.01, 0.1, 1.0, 10.0]
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = max(1, math.ceil((last - first + 1) / most))
    return [float(f"1e{i}") for i in range(first, last + 1) if i % step == 0]


@dataclass
class Drawing:
    """An SVG in the making.

    Attributes
    ----------
    label : str
        What a screen reader says.
    x, y : callable
        Scales, from data to the drawing's units.
    width, height : float
    parts : list of str

    Examples
    --------
    >>> d = Drawing("A line.", linear(0, 1, 46, 348), linear(0, 1, 224, 14))
    >>> d.path([(0, 0), (1, 1)], "line")
    >>> d.parts
    ['<path class="line" d="M46 224L348 14"/>']
    """

    label: str
    x: Scale
    y: Scale
    width: float = WIDTH
    height: float = HEIGHT
    parts: list[str] = field(default_factory=list[str])

    def path(self, points: Iterable[tuple[float, float]], kind: str, *, closed: bool = False) -> None:
        """Draw a line through points, or an area."""
        placed = [f"{n(self.x(a))} {n(self.y(b))}" for a, b in points]
        if placed:
            self.parts.append(f'<path class="{kind}" d="M{"L".join(placed)}{"z" if closed else ""}"/>')

    def bar(self, a: float, b: float, low: float, high: float, kind: str, title: str = "") -> None:
        """Draw a rectangle from a to b and low to high, in data."""
        left, right = sorted((self.x(a), self.x(b)))
        top, bottom = sorted((self.y(low), self.y(high)))
        if bottom > top:
            tip = f"<title>{escape(title)}</title>" if title else ""
            size = f'x="{n(left + 0.5)}" y="{n(top)}" width="{n(max(right - left - 1, 0.6))}"'
            self.parts.append(f'<rect class="{kind}" {size} height="{n(max(bottom - top, 0.8))}">{tip}</rect>')

    def dot(self, a: float, b: float, radius: float, kind: str, title: str = "") -> None:
        """Draw a disc."""
        tip = f"<title>{escape(title)}</title>" if title else ""
        self.parts.append(
            f'<circle class="{kind}" cx="{n(self.x(a))}" cy="{n(self.y(b))}" r="{n(radius)}">{tip}</circle>'
        )

    def rule(self, *, x: float | None = None, y: float | None = None, kind: str = "rule") -> None:
        """Draw a line across the frame."""
        if x is not None:
            ends = f'x1="{n(self.x(x))}" x2="{n(self.x(x))}" y1="{TOP}" y2="{n(self.height - BOTTOM)}"'
        else:
            at = n(self.y(y or 0.0))
            ends = f'x1="{LEFT}" x2="{n(self.width - RIGHT)}" y1="{at}" y2="{at}"'
        self.parts.append(f'<line class="{kind}" {ends}/>')

    def text(self, x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> None:
        """Write words at a place in the drawing's units."""
        name = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text{name} x="{n(x)}" y="{n(y)}" text-anchor="{anchor}">{escape(words)}</text>')

    def upright(self, x: float, y: float, words: str, *, anchor: str, kind: str = "") -> None:
        """Write words that read from below."""
        turned = f'transform="translate({n(x)} {n(y)}) rotate(-90)" text-anchor="{anchor}"'
        name = f' class="{kind}"' if kind else ""
        self.parts.append(f"<text{name} {turned}>{escape(words)}</text>")

    def axes(
        self, xs: Sequence[tuple[float, str]], ys: Sequence[tuple[float, str]], x_label: str, y_label: str
    ) -> None:
        """Draw grid lines, ticks and the axes' names."""
        bottom = self.height - BOTTOM
        for value, words in ys:
            self.rule(y=value, kind="grid")
            self.text(LEFT - 6, self.y(value) + 4, words, anchor="end")
        for value, words in xs:
            at = self.x(value)
            self.parts.append(f'<path class="tick" d="M{n(at)} {n(bottom)}v4"/>')
            over = at + 3.3 * len(words) > self.width  # half the words would be outside
            self.text(self.width - 1 if over else at, bottom + 16, words, anchor="end" if over else "middle")
        self.parts.append(f'<path class="axis" d="M{LEFT} {n(bottom)}H{n(self.width - RIGHT)}"/>')
        self.text((LEFT + self.width - RIGHT) / 2, self.height - 6, x_label, anchor="middle", kind="name")
        self.upright(11, (TOP + bottom) / 2, y_label, anchor="middle", kind="name")

    def __str__(self) -> str:
        return (
            f'<svg role="img" aria-label="{escape(self.label)}" viewBox="0 0 {n(self.width)} {n(self.height)}">'
            f"{''.join(self.parts)}</svg>"
        )


def frame_x(low: float, high: float, *, log: bool = False) -> Scale:
    """Give the scale of a frame's x-axis.

    Examples
    --------
    >>> frame_x(0, 1)(0), frame_x(0, 1)(1)
    (46.0, 348.0)
    """
    return (logarithmic if log else linear)(low, high, LEFT, WIDTH - RIGHT)


def frame_y(low: float, high: float) -> Scale:
    """Give the scale of a frame's y-axis.

    Examples
    --------
    >>> frame_y(0, 1)(0), frame_y(0, 1)(1)
    (224.0, 14.0)
    """
    return linear(low, high, HEIGHT - BOTTOM, TOP)
