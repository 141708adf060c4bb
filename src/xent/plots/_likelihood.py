"""Maximum likelihood: the mean loss of counted data against the model's probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xent import _validate, binary, information
from xent.plots._style import INK, OTHER, TRUE, Width, drawing, grid, whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def likelihood(
    successes: int = 7, trials: int = 10, *, width: Width = "one-column", ax: Axes | None = None
) -> Figure:
    r"""Draw minus the mean log-likelihood, in nats, of counted outcomes against the model's probability p.

    It is the cross-entropy H(f, p) of the frequency f = successes / trials with p: least where p = f, a dot, and
    there the entropy H(f), which no model can beat. What it is above that, shaded, is KL(f‖p).

    Parameters
    ----------
    successes, trials : int
        0 ≤ successes ≤ trials, trials ≥ 1.
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
        Counts that are no whole numbers, or not as above; an unknown width.

    Examples
    --------
    >>> from xent.plots import likelihood
    >>> likelihood(7, 10).axes[0].lines[1].get_label()
    'H(data) = 0.6109'
    """
    total = _validate.integer(trials, "trials")
    if total < 1:
        raise ValueError(f"trials must be at least 1, got {trials}")
    if not 0 <= _validate.integer(successes, "successes") <= total:
        raise ValueError(f"successes must lie in [0, {total}], the trials, got {successes}")
    f = successes / total
    p = np.linspace(0.001, 0.999, 999)
    logits = np.log(p) - np.log1p(-p)
    loss = binary.binary_cross_entropy(logits, np.full(p.size, f), reduction="none")
    floor = float(information.entropy(np.array([f, 1 - f])))
    with drawing(ax, (2.5, 2.8), width) as axes:
        axes.fill_between(p, floor, loss, color=OTHER, alpha=0.18, lw=0, label="KL(data‖model)")
        axes.plot(p, loss, color=TRUE, label="−mean log-likelihood")
        axes.axhline(floor, color=INK, lw=0.8, ls=(0, (4, 2)), label=f"H(data) = {floor:.4g}")
        best = f"least at {successes}/{total}"
        axes.plot([f], [floor], "o", color=OTHER, markeredgecolor=INK, markersize=5, clip_on=False, label=best)
        axes.set(
            xlim=(0, 1),
            ylim=(0, floor + 2.0),
            xlabel="model's probability $p$ of a success",
            ylabel="loss an outcome (nats)",
        )
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, columnspacing=1.0)
        grid(axes)
        return whole(axes)
