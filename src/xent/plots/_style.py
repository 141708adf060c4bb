"""What all figures share: sizes, colours, and a figure of our own style or the caller's of theirs."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from xent import _validate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Width = Literal["one-column", "two-column", "slide"]

INCHES = {"one-column": 3.3, "two-column": 6.9, "slide": 5.6}
"""A slide is drawn small and enlarged, so that letters, lines and marks all grow: 7 pt look like 17."""
SLIDE_HEIGHT = 5.6 * 9 / 16

STYLE = {
    "axes.labelsize": 8.0,
    "axes.linewidth": 0.6,
    "axes.titlesize": 8.0,
    "font.family": ["DejaVu Sans"],  # it comes with matplotlib: the same picture on every machine
    "font.size": 7.0,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 7.0,
    "legend.title_fontsize": 8.0,
    "lines.linewidth": 1.4,
    "xtick.labelsize": 7.0,
    "xtick.major.width": 0.6,
    "ytick.labelsize": 7.0,
    "ytick.major.width": 0.6,
}

TRUE, OTHER, INK = "#0072B2", "#D55E00", "#404040"  # Okabe and Ito's blue and vermilion: no eye confuses them
GREEN, PURPLE, ORANGE = "#009E73", "#CC79A7", "#E69F00"
LINES: tuple[tuple[str, Any], ...] = (  # a grey print tells them by their dashes
    (INK, "-"),
    (TRUE, (0, (5, 1.2))),
    (OTHER, (0, (3.5, 1.2, 1, 1.2))),
    (GREEN, (0, (1, 1.2))),
    (PURPLE, (0, (7, 1.5, 1, 1.5, 1, 1.5))),
    (ORANGE, (0, (2, 2.5))),
)


def size(width: str, heights: tuple[float, float]) -> tuple[float, float]:
    """Give the inches of a figure; ``heights`` are of one column and of two."""
    _validate.option(width, "width", tuple(INCHES))
    return INCHES[width], dict(zip(INCHES, (*heights, SLIDE_HEIGHT), strict=True))[width]


@contextmanager
def drawing(ax: Axes | None, heights: tuple[float, float], width: str) -> Generator[Any, None, None]:
    """Give the Axes to draw on: the caller's, or those of a new figure in our style."""
    inches = size(width, heights)
    with _styled(ours=ax is None) as new:
        yield ax if ax is not None else new(figsize=inches, layout="constrained").add_subplot()


@contextmanager
def canvas(
    figure: Figure | SubFigure | None, heights: tuple[float, float], width: str
) -> Generator[tuple[Any, bool], None, None]:
    """Give the figure to draw on, and whether its panels go side by side: where it is wider than high."""
    inches = size(width, heights)
    with _styled(ours=figure is None) as new:
        drawn: Any = figure if figure is not None else new(figsize=inches, layout="constrained")
        yield drawn, drawn.bbox.width > 1.2 * drawn.bbox.height


@contextmanager
def _styled(*, ours: bool) -> Generator[Any, None, None]:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("xent.plots draws with matplotlib; install it with: pip install 'xent[plots]'") from error
    with cast("Any", mpl).rc_context(STYLE if ours else {}):
        yield Figure


def whole(drawn: Any) -> Figure:
    """Give the figure of a panel, or of a part of a figure, which may be a part itself."""
    return drawn.figure.figure


def steady(ax: Any) -> None:
    """Fix how many ticks there are, so that the room for their labels is known before the layout is."""
    from matplotlib.ticker import AutoLocator, MaxNLocator

    for axis in (ax.xaxis, ax.yaxis):
        if isinstance(axis.get_major_locator(), AutoLocator):
            axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))


def grid(ax: Any) -> None:
    """Draw a quiet grid behind everything."""
    steady(ax)
    ax.grid(alpha=0.3, linewidth=0.5)
    ax.set_axisbelow(True)


def letters(axes: Iterable[Any]) -> None:
    """Name panels (a), (b), … for the text to speak of."""
    for letter, ax in zip("abcdef", axes, strict=False):
        ax.set_title(f"({letter})", loc="left", fontweight="bold")


def plain(ax: Any) -> None:
    """Write 0.1 and 10 on a logarithmic axis, not powers of ten."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    def text(x: float, _: int) -> str:
        return f"{x:g}"

    ax.xaxis.set_major_formatter(FuncFormatter(text))
    ax.xaxis.set_minor_formatter(NullFormatter())


def shades(count: int) -> list[Any]:
    """Viridis from light to dark, as many steps as asked for: their order is seen in grey as well."""
    from matplotlib import colormaps

    return list(colormaps["viridis"](np.linspace(0.9, 0.1, count)))


def numbers(values: Any, name: str, *, low: float, high: float, open_low: bool = False) -> list[float]:
    """Check a list of one to six numbers, each of which gets a line."""
    found = [values] if np.ndim(values) == 0 else list(values)
    if not 1 <= len(found) <= len(LINES):
        raise ValueError(f"{name} must be 1 to {len(LINES)} numbers, got {len(found)}")
    return [_validate.number(v, f"each of {name}", low=low, high=high, open_low=open_low) for v in found]


def row(values: Any, name: str) -> NDArray[np.float64]:
    """Check a list of numbers, and make it an array."""
    try:
        a = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a list of numbers, got {values!r}") from None
    if a.ndim != 1 or not a.size:
        raise ValueError(f"{name} must be a list of one or more numbers, got shape {a.shape}")
    return a
