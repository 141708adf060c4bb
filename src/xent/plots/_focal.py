"""Focal loss: what it charges, and how hard it pulls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xent import focal as losses
from xent.plots._style import LINES, Width, canvas, grid, letters, numbers, whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

GAMMAS = (0.0, 0.5, 1.0, 2.0, 5.0)


def focal(
    gammas: Sequence[float] = GAMMAS,
    *,
    width: Width = "one-column",
    figure: Figure | SubFigure | None = None,
) -> Figure:
    r"""Draw focal loss (1 − p)^γ · (−log p), in nats, and its pull on the label's logit, against p.

    p is the probability of the label. γ = 0 is cross-entropy. (a) The loss. (b) Minus its derivative by the label's
    logit: with γ, rows that are right already (p > 1/2) pull less, and rows that are wrong may pull more than
    cross-entropy's 1 − p, which is at most 1.

    Parameters
    ----------
    gammas : sequence of 1 to 6 numbers ≥ 0
        γ.
    width : {"one-column", "two-column", "slide"}
        Of a new figure; in one column the panels are one above the other.
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
        A γ that is no number ≥ 0, or too many of them.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár (2017), "Focal loss for dense object detection", figure 1.

    Examples
    --------
    >>> from xent.plots import focal
    >>> figure = focal([0.0, 2.0])
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['0 (cross-entropy)', '2']
    """
    chosen = numbers(gammas, "gammas", low=0, high=math.inf)
    p = np.linspace(0.001, 0.999, 999)
    logits = np.stack([np.log(p) - np.log1p(-p), np.zeros(p.size)], axis=1)
    label = np.zeros(p.size, int)
    with canvas(figure, (4.6, 2.7), width) as (drawn, wide):
        charge, pull = drawn.subplots(*((1, 2) if wide else (2, 1)))
        for gamma, (colour, dash) in zip(chosen, LINES, strict=False):
            loss, slope = losses.focal_loss_with_grad(logits, label, gamma=gamma, axis=-1, reduction="none")
            word = f"{gamma:g}" + (" (cross-entropy)" if gamma == 0 else "")
            charge.plot(p, loss, color=colour, linestyle=dash, label=word)
            pull.plot(p, -slope[:, 0], color=colour, linestyle=dash)
        charge.set(ylim=(0, 5), ylabel="focal loss (nats)")
        pull.set(ylim=(0, None), ylabel=r"pull $-\partial$loss/$\partial z_y$ (nats)")
        charge.legend(title=r"$\gamma$", frameon=False)
        for ax in (charge, pull):
            ax.set(xlim=(0, 1), xlabel="probability $p$ of the label")
            grid(ax)
        letters((charge, pull))
    return whole(drawn)
