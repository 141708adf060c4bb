"""The reliability diagram: how often right, beside how sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xent import calibration
from xent.plots._style import INK, OTHER, TRUE, Width, canvas, grid, whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure


def reliability(
    logits: Any,
    labels: Any,
    *,
    bins: int = 15,
    width: Width = "one-column",
    figure: Figure | SubFigure | None = None,
) -> Figure:
    """Draw how often a classifier is right against how sure it is, with what chance alone would do.

    The curve is the isotonic one, which needs no bins; the dots are bins of equal width. The grey bar of a bin is
    where its dot would lie, 95 times of 100, if the model were calibrated: confidence ± 1.96 deviations, as if they
    were normal. Below the diagonal the model is too sure. The words have the expected calibration error, beside the
    one that a calibrated model would show on these rows (mean ± deviation). Below it, the rows in each bin.

    Parameters
    ----------
    logits : NumPy array (N, K) of floating numbers
    labels : NumPy array (N,) of integers
    bins : int, default 15
        As in :func:`xent.calibration.reliability`, all three.
    width : {"one-column", "two-column", "slide"}
        Of a new figure.
    figure : matplotlib Figure or SubFigure, optional
        Where to draw. Left out, a new one.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        matplotlib is not installed.
    TypeError, ValueError
        As of :func:`xent.calibration.reliability`; an unknown width.

    Examples
    --------
    >>> import numpy as np
    >>> from xent.plots import reliability
    >>> logits = np.log(np.array([[0.9, 0.1]] * 10))
    >>> figure = reliability(logits, np.array([0] * 7 + [1] * 3))
    >>> [line.get_label() for line in figure.axes[0].lines[:2]]
    ['calibrated', 'isotonic curve']
    """
    found = calibration.reliability(np.asarray(logits), np.asarray(labels), bins=bins)
    some = found.counts > 0
    x, y = found.confidence[some], found.accuracy[some]
    chance = 1.96 * found.deviation[some]
    low, high = np.clip(x - chance, 0, 1), np.clip(x + chance, 0, 1)
    with canvas(figure, (4.0, 4.4), width) as (drawn, wide):
        diagram, counts = drawn.subplots(2, 1, sharex=True, height_ratios=(4.2, 1))
        diagram.plot([0, 1], [0, 1], color=INK, lw=0.8, ls=(0, (4, 2)), label="calibrated", zorder=1)
        diagram.plot(found.p, found.curve, color=TRUE, label="isotonic curve", zorder=3)
        bars = diagram.vlines(x, low, high, color="#B8B8B8", lw=4.5, label="95 % if calibrated", zorder=0)
        bars.set_capstyle("butt")
        dots = {"markersize": 4, "markeredgecolor": "white", "markeredgewidth": 0.4, "zorder": 4}
        diagram.plot(x, y, "o", color=OTHER, label=f"{bins} bins", **dots)
        counts.bar((np.arange(bins) + 0.5) / bins, found.counts, 0.9 / bins, color="#909090", edgecolor=INK, lw=0.4)
        diagram.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share right")
        counts.set(xlabel="confidence: largest probability", ylabel="rows")
        if found.counts.max() > 20 * max(1, found.counts[some].min()):
            counts.set_yscale("log")
            counts.set_ylim(0.5, None)
        e = found.error
        words = (
            f"ECE {e.value:.4f}; if calibrated {e.null:.4f} ± {e.deviation:.4f}\n"
            f"smooth ECE {found.smooth_error:.4f}; {found.rows} rows"
        )
        above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 2}
        beside = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5)}
        legend = diagram.legend(title=words, frameon=False, **(beside if wide else above))
        legend.get_title().set_multialignment("center")
        for ax in (diagram, counts):
            grid(ax)
    return whole(drawn)
