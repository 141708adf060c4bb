"""Temperature scaling: the loss of a classifier against the temperature, and where it is least."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xent import calibration, losses
from xent.plots._style import INK, OTHER, TRUE, Width, drawing, grid, plain, whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def temperature_fit(logits: Any, labels: Any, *, width: Width = "one-column", ax: Axes | None = None) -> Figure:
    """Draw a classifier's mean loss, in nats, against the temperature T that its logits are divided by.

    A square marks the loss as it came, T = 1; a dot the temperature that :func:`xent.calibration.fit_temperature`
    finds, where the loss is least. Accuracy is the same at every T. Where the loss has no least value (every label
    has the largest logit, say), the dot is at the bound of the search, and the words say so.

    Parameters
    ----------
    logits : NumPy array (N, K) of floating numbers
        Of data that the model was not trained on.
    labels : NumPy array (N,) of integers
    width : {"one-column", "two-column", "slide"}
        Of a new figure.
    ax : matplotlib Axes, optional
        Where to draw. Left out, it is that of a new figure.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        matplotlib is not installed.
    TypeError, ValueError
        As of :func:`xent.calibration.fit_temperature`; an unknown width.

    Examples
    --------
    >>> import numpy as np
    >>> from xent.plots import temperature_fit
    >>> logits = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    >>> figure = temperature_fit(logits, np.array([0, 0, 1, 1]))
    >>> [line.get_label() for line in figure.axes[0].lines[1:]]
    ['as it came, $T$ = 1: 1.018', 'least, $T$ = 3.641: 0.5623']
    """
    z, y = np.asarray(logits), np.asarray(labels)
    fit = calibration.fit_temperature(z, y)
    spread = np.geomspace(min(1.0, fit.temperature) / 2.5, max(1.0, fit.temperature) * 2.5, 121)
    loss = [float(losses.cross_entropy(z, y, temperature=t)) for t in spread]
    word = "least" if fit.at_bound is None else "still falling"
    with drawing(ax, (2.6, 2.9), width) as axes:
        axes.plot(spread, loss, color=TRUE, zorder=2)
        marks = {"markeredgecolor": INK, "markersize": 5, "linestyle": "none", "zorder": 3}
        came = f"as it came, $T$ = 1: {fit.loss_at_one:.4g}"
        axes.plot([1.0], [fit.loss_at_one], marker="s", color="white", label=came, **marks)
        best = f"{word}, $T$ = {fit.temperature:.4g}: {fit.loss:.4g}"
        axes.plot([fit.temperature], [fit.loss], marker="o", color=OTHER, label=best, **marks)
        low, most = min(loss), max(loss)
        axes.set(
            xscale="log",
            xlim=(spread[0], spread[-1]),
            ylim=(low - 0.08 * (most - low), most + 0.05 * (most - low)),
            xlabel="temperature $T$",
            ylabel="mean cross-entropy (nats)",
        )
        axes.set_xticks([t for t in _TICKS if spread[0] <= t <= spread[-1]])
        plain(axes)
        axes.legend(frameon=False, loc="best")
        grid(axes)
        return whole(axes)


_TICKS = [float(f"{m}e{k}") for k in range(-3, 4) for m in (1, 2, 5)]
