"""Label smoothing: the loss over the logit gap, its least value, and where that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xent import _validate, information, losses, targets
from xent.plots._style import INK, LINES, OTHER, TRUE, Width, canvas, grid, letters, numbers, whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

EPSILONS = (0.0, 0.01, 0.1, 0.3)


def smoothing(
    num_classes: int = 10,
    epsilons: Sequence[float] = EPSILONS,
    *,
    width: Width = "one-column",
    figure: Figure | SubFigure | None = None,
) -> Figure:
    r"""Draw what label smoothing does: a floor under the loss, in nats, and a finite best gap between the logits.

    (a) The loss when the label's logit is ahead of the K − 1 others, which are equal, by a gap. Without smoothing
    it falls for ever. With ε it is least, a dot, at the gap log(t_y / t_j) of the smoothed target t, and rises
    from there: the loss is then the entropy of t. (b) That floor against ε, for both conventions: ``uniform``,
    t_j = ε / K, which the losses' ``label_smoothing`` means, and ``others``, t_j = ε / (K − 1).

    Parameters
    ----------
    num_classes : int, default 10
        K ≥ 2.
    epsilons : sequence of 1 to 6 numbers in [0, 1]
        ε of the curves.
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
        ``num_classes`` that are no whole number ≥ 2, an ε outside [0, 1], or too many of them.

    References
    ----------
    Szegedy, Vanhoucke, Ioffe, Shlens and Wojna (2016), "Rethinking the inception architecture for computer
    vision", §7.

    Examples
    --------
    >>> from xent.plots import smoothing
    >>> figure = smoothing(10, [0.0, 0.1])
    >>> [line.get_label() for line in figure.axes[0].lines[:2]]
    ['$\\varepsilon$ = 0', '$\\varepsilon$ = 0.1']
    """
    if _validate.integer(num_classes, "num_classes") < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}")
    chosen = numbers(epsilons, "epsilons", low=0, high=1)
    best = {e: _best(e, num_classes) for e in chosen}
    gaps = np.linspace(min(-1.0, *best.values()), 1.35 * max(6.0, *(g for g in best.values() if g < math.inf)), 400)
    with canvas(figure, (4.6, 2.7), width) as (drawn, wide):
        curves, floors = drawn.subplots(*((1, 2) if wide else (2, 1)))
        for e, (colour, dash) in zip(chosen, LINES, strict=False):
            loss = _loss(gaps, e, num_classes)
            curves.plot(gaps, loss, color=colour, linestyle=dash, label=rf"$\varepsilon$ = {e:g}")
        dot: dict[str, Any] = {"markersize": 4.5, "markeredgecolor": INK, "zorder": 3}
        for e, (colour, _) in zip(chosen, LINES, strict=False):
            floor = _floor(e, num_classes)
            if best[e] < math.inf:
                curves.plot([best[e]], [floor], "o", color=colour, **dot)
            floors.plot([e], [floor], "o", color=colour, clip_on=False, **dot)
        every = np.linspace(0, 1, 201)
        for convention, colour, dash in (("uniform", TRUE, "-"), ("others", OTHER, "--")):
            share = r"\varepsilon/K" if convention == "uniform" else r"\varepsilon/(K-1)"
            floor = [_floor(e, num_classes, convention) for e in every]
            floors.plot(every, floor, color=colour, linestyle=dash, label=f"others get ${share}$", zorder=2)
        curves.set(
            xlim=(gaps[0], gaps[-1]),
            ylim=(0, 1.6 * math.log(num_classes)),
            xlabel="gap: label's logit − the others'",
            ylabel="smoothed loss (nats)",
        )
        floors.set(
            xlim=(0, 1),
            ylim=(0, 1.08 * math.log(num_classes)),
            xlabel=r"smoothing $\varepsilon$",
            ylabel="least loss (nats)",
        )
        curves.legend(title=f"$K$ = {num_classes}; dot: least loss", frameon=False, ncols=2)
        floors.legend(frameon=False, loc="lower right")
        for ax in (curves, floors):
            grid(ax)
        letters((curves, floors))
    return whole(drawn)


def _target(epsilon: float, classes: int, convention: str = "uniform") -> Any:
    return targets.smooth_labels(np.array([0]), epsilon, classes, convention=convention)[0]


def _best(epsilon: float, classes: int) -> float:
    """Gap of the least loss: log(t_y / t_j); ∞ without smoothing."""
    t = _target(epsilon, classes)
    return math.log(t[0] / t[1]) if t[1] else math.inf


def _floor(epsilon: float, classes: int, convention: str = "uniform") -> float:
    return float(information.entropy(_target(epsilon, classes, convention)))


def _loss(gaps: Any, epsilon: float, classes: int) -> Any:
    logits = np.zeros((gaps.size, classes))
    logits[:, 0] = gaps
    y = np.zeros(gaps.size, int)
    return losses.cross_entropy(logits, y, label_smoothing=epsilon, reduction="none")
