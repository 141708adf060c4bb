"""Where number formats and ways to write the loss die, as a map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xent import _validate
from xent.plots import _forms
from xent.plots._style import INK, Width, drawing, whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 241  # of gaps; the middle one is 0
_LINEAR = 10.0  # gaps up to here are drawn in proportion, those beyond by their logarithm


def precision_map(*, limit: float = 1000.0, width: Width = "one-column", ax: Axes | None = None) -> Figure:
    """Draw the relative error of the loss of two classes: format by formula, against the gap of the logits.

    The gap is the label's logit less the other one, which is 0: to the right the model is right and its loss small,
    to the left it is wrong. In float64, float32, bfloat16 and float16, each by the quotient as it is written
    (naive), by probabilities clipped at 1e-7, by log-sum-exp, by log1p(tail) + gap, and by
    :func:`xent.cross_entropy` (its answer for half types is float32). All are computed, every operation rounded to
    the format; the truth is :mod:`xent.spec`'s for the logits as the format has them. The darkest shade is an error
    of 1 or more, no digit left; the hatch an answer that is infinite or no number.

    Parameters
    ----------
    limit : float, default 1000
        Gaps from −limit to limit, > 10; up to 10 in proportion, beyond by their logarithm.
    width : {"one-column", "two-column", "slide"}
        Of a new figure.
    ax : matplotlib Axes, optional
        Where to draw. Left out, it is that of a new figure.

    Returns
    -------
    matplotlib Figure
        Its colour scale is beside the map.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    TypeError, ValueError
        A limit that is not in (10, 60000]: float16 ends at 65504; an unknown width.

    Examples
    --------
    >>> from xent.plots import precision_map
    >>> [text.get_text() for text in precision_map().axes[0].get_yticklabels()[:5]]
    ['naive', 'clipped', 'log-sum-exp', 'log1p', 'xent']
    """
    limit = _validate.number(limit, "limit", low=_LINEAR, high=60000, open_low=True)
    place = np.linspace(-1, 1, _POINTS)
    gaps = _gap(place, limit)
    maps = {name: _forms.errors(name, gaps) for name in _forms.FORMATS}
    forms = list(maps["float64"])
    rows = np.array([maps[name][form] for name in maps for form in forms])
    high = len(forms)
    with drawing(ax, (3.7, 3.7), width) as axes:
        from matplotlib import colormaps
        from matplotlib.colors import LogNorm

        edges = np.concatenate([place - 1 / (_POINTS - 1), [1 + 1 / (_POINTS - 1)]])
        lines = np.concatenate([np.arange(high + 1) + i * (high + 0.7) for i in range(len(maps))])
        shown = np.full((len(lines) - 1, _POINTS), np.nan)
        for i in range(len(maps)):
            shown[i * (high + 1) : i * (high + 1) + high] = rows[i * high : (i + 1) * high]
        colours = colormaps["viridis"].reversed()
        finite = np.ma.masked_invalid(shown)
        mesh = axes.pcolormesh(
            edges, lines, np.clip(finite, 1e-17, 1), cmap=colours, norm=LogNorm(1e-17, 1), rasterized=True
        )
        _hatch(axes, edges, lines, np.isinf(shown))
        axes.set(
            xlim=(-1, 1),
            ylim=(lines[-1], lines[0]),
            xlabel="gap: label's logit − the other's\n(left: the model is wrong; right: it is right)",
        )
        middles = [i * (high + 0.7) + j + 0.5 for i in range(len(maps)) for j in range(high)]
        axes.set_yticks(middles, forms * len(maps))
        ticks = [t for t in _TICKS if abs(t) <= limit]
        axes.set_xticks(_place(np.array(ticks, np.float64), limit), [_tick(t) for t in ticks])
        axes.tick_params(axis="y", length=0, labelsize=6 if ax is None else None)
        axes.spines[:].set_visible(False)
        for i, name in enumerate(maps):
            at = i * (high + 0.7) + high / 2
            axes.text(1.02, at, name, rotation=270, va="center", ha="left", transform=axes.get_yaxis_transform())
        axes.axvline(0, color="white", lw=0.6, ls=(0, (3, 2)))
        box = axes.get_window_extent()
        wide = box.width > 1.2 * box.height
        beside: dict[str, Any] = {"location": "right", "pad": 0.06} if wide else {"location": "top", "pad": 0.02}
        bar = axes.figure.colorbar(mesh, ax=axes, aspect=40, ticks=_ERRORS, **beside)
        bar.set_label("relative error of the loss\n(1: no digit is left; hatched: ∞ or NaN)")
        bar.minorticks_off()
        return whole(axes)


_TICKS = (-10000, -1000, -100, -10, -5, 0, 5, 10, 100, 1000, 10000)
_ERRORS = [10.0**k for k in (-16, -12, -8, -4, 0)]


def _gap(place: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Give the gap at a place in [−1, 1]: half of each side is linear, half logarithmic."""
    far = np.abs(place)
    beyond = _LINEAR * np.exp(np.maximum(far - 0.5, 0) * 2 * math.log(limit / _LINEAR))
    return np.sign(place) * np.where(far <= 0.5, far * 2 * _LINEAR, beyond)


def _place(gap: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Give the place of a gap; inverse of `_gap`."""
    far = np.abs(gap)
    beyond = 0.5 + np.log(np.maximum(far, _LINEAR) / _LINEAR) / (2 * math.log(limit / _LINEAR))
    return np.sign(gap) * np.where(far <= _LINEAR, far / (2 * _LINEAR), beyond)


def _tick(gap: float) -> str:
    """Write 5, 10 and 10³."""
    sign = "−" if gap < 0 else ""
    return f"{sign}{abs(gap):g}" if abs(gap) < 100 else f"{sign}$10^{round(math.log10(abs(gap)))}$"


def _hatch(axes: Any, edges: Any, lines: Any, bad: Any) -> None:
    """Hatch runs of cells in which the answer is no number."""
    from matplotlib.patches import Rectangle

    for i, cells in enumerate(bad):
        turns = np.flatnonzero(np.diff(np.concatenate([[0], cells.astype(int), [0]])))
        for a, b in turns.reshape(-1, 2):
            axes.add_patch(
                Rectangle(
                    (edges[a], lines[i]),
                    edges[b] - edges[a],
                    lines[i + 1] - lines[i],
                    facecolor="white",
                    edgecolor=INK,
                    hatch="xxxxx",
                    lw=0,
                    gid="not finite",
                )
            )
