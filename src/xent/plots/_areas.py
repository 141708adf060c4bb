"""Entropy, cross-entropy and divergence as areas: code length over probability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xent import information
from xent.plots._style import INK, OTHER, TRUE, Width, drawing, row, steady, whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CODE, _LONGER, _SHORTER = "#8FC1E3", "#F6B98C", "#FFFFFF"  # tints of blue and vermilion; hatches tell them in grey


def areas(
    p: Any,
    q: Any,
    *,
    names: Sequence[str] | None = None,
    width: Width = "one-column",
    ax: Axes | None = None,
) -> Figure:
    """Draw H(p), KL(p‖q) and H(p, q), in nats, as areas that add up.

    A column for each class, as wide as its probability p_j. The code that is best for p spends −log p_j nats on it:
    the columns up to there have the area H(p). A code made for q spends −log q_j, with the area H(p, q). Where that
    is longer, area is added, where it is shorter, some is taken away: what is added less what is taken away is
    KL(p‖q), which is never negative.

    Parameters
    ----------
    p, q : sequences of K numbers
        Distributions: ≥ 0, sum 1. Classes with p_j = 0 have no width. Where q_j = 0 < p_j the code never ends: the
        column leaves the picture, and the areas are infinite.
    names : sequence of K str, optional
        Names of the classes; left out, their numbers from 0.
    width : {"one-column", "two-column", "slide"}
        Of a new figure.
    ax : matplotlib Axes, optional
        Where to draw. Left out, it is that of a new figure.

    Returns
    -------
    matplotlib Figure
        Its columns are patches, labelled by gid: "code" −log p_j, "longer" and "shorter" the differences.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    TypeError, ValueError
        p or q is no distribution, they or ``names`` differ in length, or an unknown width.

    Examples
    --------
    >>> from xent.plots import areas
    >>> figure = areas([0.5, 0.25, 0.25], [0.25, 0.5, 0.25])
    >>> print(figure.axes[0].get_title())
    H(p) + KL(p‖q) = H(p, q)
    1.04 + 0.1733 = 1.213 nats
    """
    p, q = row(p, "p"), row(q, "q")
    h, kl, cross = (
        float(f) for f in (information.entropy(p), information.kl_divergence(p, q), information.cross_entropy(p, q))
    )
    words = [str(j) for j in range(p.size)] if names is None else list(names)
    if len(words) != p.size:
        raise ValueError(f"names must be one a class, so {p.size}; got {len(words)}")
    some = p > 0
    with np.errstate(divide="ignore"):
        own, other = -np.log(p[some]) + 0.0, -np.log(q[some]) + 0.0
    left = np.concatenate([[0.0], np.cumsum(p[some])[:-1]])
    top = 1.18 * max(float(own.max()), float(other[np.isfinite(other)].max(initial=0.0)), 0.5)
    with drawing(ax, (2.9, 3.1), width) as axes:
        _columns(axes, left, p[some], own, np.minimum(other, 1.5 * top))
        labels = [w for w, there in zip(words, some, strict=True) if there]
        _name(axes, labels, left, p[some], np.maximum(own, np.minimum(other, top)), np.isinf(other), top)
        axes.set(
            xlim=(0, 1),
            ylim=(0, top),
            xlabel="probability $p$ of the class (width of its column)",
            ylabel="code length (nats)",
            title=f"H(p) + KL(p‖q) = H(p, q)\n{_text(h)} + {_text(kl)} = {_text(cross)} nats",
        )
        _explain(axes, h, p[some], own, other)
        steady(axes)
        return whole(axes)


def _text(nats: float) -> str:
    return "∞" if np.isinf(nats) else f"{nats:.4g}"


def _columns(axes: Any, left: Any, share: Any, own: Any, other: Any) -> None:
    """Draw the code of p in blue; what q's code adds above it, or takes off its top."""
    from matplotlib.patches import Rectangle

    for x, w, a, b in zip(left, share, own, other, strict=True):
        parts: list[tuple[str, float, float, str, str | None]] = [("code", 0.0, a, _CODE, None)]
        if b > a:
            parts.append(("longer", a, b, _LONGER, "////"))
        elif b < a:
            parts.append(("shorter", b, a, _SHORTER, "\\\\\\\\"))
        for gid, low, high, colour, hatch in parts:
            edge = TRUE if gid == "shorter" else OTHER if gid == "longer" else INK
            axes.add_patch(
                Rectangle((x, low), w, high - low, facecolor=colour, edgecolor=edge, hatch=hatch, lw=0, gid=gid)
            )
        axes.add_patch(Rectangle((x, 0), w, max(a, b), fill=False, edgecolor=INK, lw=0.5))
    edges = np.concatenate([left, [left[-1] + share[-1]]])
    axes.stairs(own, edges, baseline=None, color=TRUE, lw=1.6, label=r"$-\log p$")
    axes.stairs(other, edges, baseline=None, color=OTHER, lw=1.6, ls=(0, (3, 1)), label=r"$-\log q$")


def _name(axes: Any, words: list[str], left: Any, share: Any, high: Any, endless: Any, top: float) -> None:
    """Write the class above its column, where the column has room for it."""
    for word, x, w, y, never in zip(words, left, share, high, endless, strict=True):
        text = word + (" ↑∞" if never else "")
        if w < 0.02 + 0.016 * len(text):
            continue
        axes.text(
            x + w / 2,
            0.985 * top if never else y + 0.015 * top,
            text,
            ha="center",
            va="top" if never else "bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.9} if never else None,
        )


def _explain(axes: Any, h: float, p: Any, own: Any, other: Any) -> None:
    """Write what each area comes to above the axes; they are KL's two sides."""
    from matplotlib.patches import Patch

    change = p * (other - own)
    more, less = float(change[change > 0].sum()), float(np.abs(change[change < 0]).sum())
    lines, _ = axes.get_legend_handles_labels()
    entries = [  # column by column
        (Patch(facecolor=_CODE), f"H(p) = {h:.4g}"),
        (Patch(facecolor=_LONGER, edgecolor=OTHER, hatch="////", lw=0), f"$q$'s code is longer: +{_text(more)}"),
        (
            Patch(facecolor=_SHORTER, edgecolor=TRUE, hatch="\\\\\\\\", lw=0),
            f"$q$'s code is shorter: −{_text(less)}",
        ),
        *((line, line.get_label()) for line in lines),
    ]
    axes.legend(*zip(*entries, strict=True), loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False)
