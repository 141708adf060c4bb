"""Temperature: one row's distribution at several, and its entropy at all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xent import information, probability
from xent.plots._style import INK, TRUE, Width, canvas, grid, letters, numbers, plain, row, shades, whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

TEMPERATURES = (0.5, 1.0, 2.0, 5.0)


def temperature(
    logits: Any,
    temperatures: Sequence[float] = TEMPERATURES,
    *,
    names: Sequence[str] | None = None,
    width: Width = "one-column",
    figure: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the softmax of one row of logits at several temperatures T, and its entropy in nats against T.

    (a) The probabilities softmax(z / T), a bar for each T. Their order never changes; T → 0 leaves the largest
    logit alone, T → ∞ makes all equal. (b) The entropy rises with T from 0, or the log of the number of ties at the
    largest logit, to log K, K without the masked classes.

    Parameters
    ----------
    logits : sequence of K numbers
        One row; −∞ masks a class.
    temperatures : sequence of 1 to 6 numbers > 0
        T.
    names : sequence of K str, optional
        Names of the classes; left out, their numbers from 0.
    width : {"one-column", "two-column", "slide"}
        Of a new figure; in one column the panels are one above the other.
    figure : matplotlib Figure or SubFigure, optional
        Where to draw. Left out, a new one.

    Returns
    -------
    matplotlib Figure
        Its bars come T by T, each as one container.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    TypeError, ValueError
        Logits that are no row with a softmax, a temperature that is not > 0, too many of them, or names that do
        not fit.

    Examples
    --------
    >>> from xent.plots import temperature
    >>> figure = temperature([2.0, 1.0, 0.1], [0.5, 1.0, 2.0])
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['0.5', '1', '2']
    """
    z = row(logits, "logits")
    if not np.isfinite(z.max()):
        raise ValueError("logits must have a softmax: no NaN, no +inf, and not all -inf")
    chosen = sorted(numbers(temperatures, "temperatures", low=0, high=np.inf, open_low=True))
    words = [str(j) for j in range(z.size)] if names is None else list(names)
    if len(words) != z.size:
        raise ValueError(f"names must be one a class, so {z.size}; got {len(words)}")
    spread = np.geomspace(min(0.1, chosen[0]) / 1.5, max(10.0, chosen[-1]) * 1.5, 300)
    with canvas(figure, (3.9, 2.5), width) as (drawn, wide):
        bars, meter = drawn.subplots(*((1, 2) if wide else (2, 1)))
        step = 0.84 / len(chosen)
        for i, (t, colour) in enumerate(zip(chosen, shades(len(chosen)), strict=True)):
            p = probability.softmax(z, temperature=t)
            at = np.arange(z.size) + (i - (len(chosen) - 1) / 2) * step
            bars.bar(at, p, step, color=colour, edgecolor="white", linewidth=0.4, label=f"{t:g}")
            meter.plot([t], [_entropy(z, t)], "o", color=colour, markeredgecolor=INK, markersize=5, zorder=3)
        meter.plot(spread, [_entropy(z, t) for t in spread], color=TRUE)
        most = np.log(np.isfinite(z).sum())
        meter.axhline(most, color=INK, lw=0.8, ls=(0, (4, 2)))
        meter.text(spread[0] * 1.15, most, rf"$\log\,{np.isfinite(z).sum()}$ = {most:.4g}", va="bottom")
        every = max(1, z.size // 10)
        bars.set_xticks(range(0, z.size, every), words[::every])
        bars.set(ylim=(0, 1.02), xlabel="class", ylabel="probability")
        meter.set(
            xscale="log",
            xlim=(spread[0], spread[-1]),
            ylim=(0, 1.15 * most if most else 1),
            xlabel="temperature $T$",
            ylabel="entropy (nats)",
        )
        plain(meter)
        bars.legend(title="$T$", frameon=False, ncols=1 if len(chosen) < 5 else 2)
        for ax in (bars, meter):
            grid(ax)
        letters((bars, meter))
    return whole(drawn)


def _entropy(z: Any, t: float) -> float:
    return float(information.entropy(probability.softmax(z, temperature=t)))
