"""The loss as a function of a probability, and of the logits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from xent import _validate, binary, losses, targets
from xent.plots._style import INK, OTHER, TRUE, Width, drawing, grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def loss_landscape(
    *, classes: int = 2, true_label: int = 1, width: Width = "one-column", ax: Axes | None = None
) -> Axes:
    r"""Draw the loss, in nats, against the probability p that a model gives to class ``true_label``.

    Two curves: −log p, the loss if that class is the label, and −log((1 − p) / (K − 1)), the loss if another class
    is, assuming that the K − 1 others share 1 − p equally. With two classes that is −log(1 − p), and no assumption.
    They meet at p = 1 / K, where the loss is log K: the answer of a model that knows nothing.

    Parameters
    ----------
    classes : int, default 2
        K ≥ 2.
    true_label : int, default 1
        In [0, K): the class whose probability p is.
    width : {"one-column", "two-column", "slide"}
        Of a new figure: 3.3 in, 6.9 in, or 16 : 9.
    ax : matplotlib Axes, optional
        Where to draw. Left out, it is that of a new figure.

    Returns
    -------
    matplotlib Axes
        p from 0.001 to 0.999 and the loss from 0 to 5 nats; to log K + 3 where that is more. Its lines are the two
        curves and the point where they meet.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    TypeError, ValueError
        ``classes`` that are no whole number ≥ 2, a ``true_label`` that is none of them.

    See Also
    --------
    loss_landscape_logits : the loss of three classes over two logits, with its gradient.

    Examples
    --------
    >>> from xent.plots import loss_landscape
    >>> ax = loss_landscape(classes=3, true_label=1)
    >>> [line.get_label() for line in ax.lines[:2]]
    ['label 1: $-\\log\\,p$', 'label 0 or 2: $-\\log\\,[(1-p)/2]$']
    """
    count = _classes(classes)
    label = _class(true_label, "true_label", count)
    p = np.linspace(0.001, 0.999, 999)
    logits = np.log(p) - np.log1p(-p)
    hit, miss = (binary.binary_cross_entropy(logits, np.full(p.shape, y), reduction="none") for y in (True, False))
    chance = math.log(count)
    with drawing(ax, (2.75, 3.4), width) as axes:
        share = "(1-p)" if count == 2 else f"[(1-p)/{count - 1}]"
        others = f"label {_others(label, count)}: " + rf"$-\log\,{share}$"
        meet = rf"$p$ = 1/{count}: $\log\,{count}$ = {chance:.4g} nats"
        axes.plot(p, hit, color=TRUE, label=rf"label {label}: $-\log\,p$")
        axes.plot(p, miss + math.log(count - 1), color=OTHER, linestyle="--", label=others)
        axes.plot([1 / count], [chance], "o", color=INK, markersize=3.5, zorder=3, label=meet)
        axes.set(
            xlim=(0, 1),
            ylim=(0, max(5.0, chance + 3.0)),
            xlabel=f"predicted probability $p$ of class {label}",
            ylabel="cross-entropy loss (nats)",
        )
        grid(axes)
        # Above the axes: there is no place inside that is free for every number of classes.
        title = f"{count} classes" + ("" if count == 2 else f", the other {count - 1} equally probable")
        axes.legend(title=title, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    return axes


def loss_landscape_logits(
    *,
    target: int = 0,
    temperature: float = 1.0,
    label_smoothing: float = 0.0,
    limit: float = 6.0,
    width: Width = "one-column",
    ax: Axes | None = None,
) -> Axes:
    """Draw the loss of three classes, in nats, over the logits z₀ and z₁, z₂ = 0, with the way down at each place.

    A constant added to all logits changes nothing, so that fixing one of them loses nothing. The arrows are minus
    the gradient, −∂loss/∂(z₀, z₁), as gradient descent would step; their lengths are in proportion to it. The loss
    is convex. Without smoothing it has no minimum, only directions in which it goes to 0. With smoothing it has
    one, at the logits τ log(t_j / t_2) of the smoothed target t: a cross marks it if it is within the limits.

    Parameters
    ----------
    target : int, default 0
        The label: 0, 1 or 2.
    temperature : float, default 1
        τ > 0; the logits are divided by it.
    label_smoothing : float, default 0
        ε in [0, 1], as in :func:`xent.cross_entropy`.
    limit : float, default 6
        Both logits go from −limit to limit; > 0.
    width : {"one-column", "two-column", "slide"}
    ax : matplotlib Axes, optional
        As in :func:`loss_landscape`, both.

    Returns
    -------
    matplotlib Axes
        Its figure has the colour scale beside it.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    TypeError, ValueError
        A target that is not 0, 1 or 2; another option outside its range.

    Notes
    -----
    Losses and gradients are :func:`xent.cross_entropy_with_grad`'s, on a grid of 121 × 121 logits.

    Examples
    --------
    >>> from xent.plots import loss_landscape_logits
    >>> ax = loss_landscape_logits(target=0, label_smoothing=0.1)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('logit $z_0$ (the label)', 'logit $z_1$')
    """
    label, tau = _class(target, "target", 3), _validate.positive(temperature, "temperature")
    epsilon = _validate.number(label_smoothing, "label_smoothing", low=0, high=1)
    limit = _validate.positive(limit, "limit")
    grid = np.linspace(-limit, limit, 121)
    loss, down = _descent(grid, label, tau, epsilon)
    best = _minimum(label, tau, epsilon, limit)
    every = slice(6, None, 12)  # ten arrows a side
    with drawing(ax, (2.75, 3.4), width) as axes:
        lines = _levels(loss, 7)
        shades = axes.contourf(grid, grid, loss, levels=_levels(loss, 28), cmap=_shades())
        rings = axes.contour(grid, grid, loss, levels=lines[1:-1], colors=INK, linewidths=0.5)
        at, arrows = grid[every], down[every, every]
        axes.quiver(at, at, arrows[..., 0], arrows[..., 1], angles="xy", pivot="mid", width=0.006)
        if best is not None:
            axes.plot(*best[:, None], "x", color=OTHER, markersize=5, markeredgewidth=1.6)
        axes.set(
            xlim=(-limit, limit),
            ylim=(-limit, limit),
            aspect="equal",
            xlabel=_logit_name(0, label),
            ylabel=_logit_name(1, label),
            title=f"label {label}, $z_2$ = 0{_options(tau, epsilon)}\narrows: −gradient"
            + ("" if best is None else "; cross: least loss"),
        )
        axes.locator_params(nbins=6, steps=[1, 2, 5, 10])
        bar = axes.figure.colorbar(shades, ax=axes, label="cross-entropy loss (nats)", ticks=lines)
        bar.add_lines(rings)
    return axes


def _descent(grid: Any, label: int, tau: float, epsilon: float) -> tuple[Any, Any]:
    """Loss, and minus its derivative by (z₀, z₁), over the grid; z₁ counts rows, as matplotlib has it."""
    z = np.zeros((grid.size, grid.size, 3))
    z[..., 0], z[..., 1] = grid, grid[:, None]
    y = np.full(z.shape[:-1], label)
    loss, slope = losses.cross_entropy_with_grad(z, y, temperature=tau, label_smoothing=epsilon, reduction="none")
    return loss, -slope[..., :2]


def _minimum(label: int, tau: float, epsilon: float, limit: float) -> Any:
    """Logits (z₀, z₁) of the least loss, τ log(t_j / t_2); None if there are none inside the limits."""
    t = targets.smooth_labels(np.array([label]), epsilon, 3)[0]
    if t.min() == 0:
        return None
    z = tau * (np.log(t[:2]) - np.log(t[2]))
    return z if np.abs(z).max() < limit else None


# ------------------------------------------------------------------------------------------------------ the drawing


def _levels(loss: Any, count: int) -> Any:
    """Round numbers from 0 past the largest loss."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(count).tick_values(0, float(loss.max()))


def _shades() -> Any:
    """Viridis, light where the loss is low, without its dark end: black arrows are seen everywhere."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["viridis"](np.linspace(1.0, 0.35, 256)))


def _logit_name(j: int, label: int) -> str:
    return f"logit $z_{j}$" + (" (the label)" if j == label else "")


def _options(tau: float, epsilon: float) -> str:
    """Write the options that are not the defaults."""
    return (f", $\\tau$ = {tau:g}" if tau != 1 else "") + (f", $\\varepsilon$ = {epsilon:g}" if epsilon else "")


def _others(label: int, count: int) -> str:
    """Name the other classes; all of them where there is room."""
    names = [str(j) for j in range(count) if j != label] if count <= 5 else []
    return " or ".join(names) if names else f"other than {label}"


# ---------------------------------------------------------------------------------------------------- the arguments


def _classes(classes: int) -> int:
    if _validate.integer(classes, "classes") < 2:
        raise ValueError(f"classes must be at least 2, got {classes}")
    return int(classes)


def _class(label: int, name: str, count: int) -> int:
    if not 0 <= _validate.integer(label, name) < count:
        raise ValueError(f"{name} must be one of the classes 0 to {count - 1}, got {label}")
    return int(label)
