"""`xent.plots`: what is drawn is what the library and the oracle say, where the axes say it is."""

from __future__ import annotations

import math
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

import oracle
import xent
from xent.plots import loss_landscape, loss_landscape_logits


def drawn(line):
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


# ------------------------------------------------------------------------------------------- against a probability


@pytest.mark.parametrize(("classes", "true_label"), [(2, 1), (2, 0), (3, 1), (7, 6), (1000, 0)])
def test_curves_are_the_losses(classes, true_label):
    ax = loss_landscape(classes=classes, true_label=true_label)
    (p, hit), (same, miss), (at, chance) = map(drawn, ax.lines)
    np.testing.assert_array_equal(p, same)
    assert (p[0], p[-1]) == (0.001, 0.999)
    for i in range(0, len(p), 83):
        given = oracle.real(float(p[i]))
        assert hit[i] == pytest.approx(float(-oracle.MP.log(given)), rel=1e-14, abs=0)
        assert miss[i] == pytest.approx(float(-oracle.MP.log((1 - given) / (classes - 1))), rel=1e-14, abs=0)
    rest = (1 - p) / (classes - 1)
    logits = np.log(np.where(np.arange(classes) == true_label, p[:, None], rest[:, None]))
    other = (true_label + 1) % classes
    for label, curve in ((true_label, hit), (other, miss)):
        each = xent.cross_entropy(logits, np.full(p.shape, label), reduction="none")
        np.testing.assert_allclose(curve, each, rtol=1e-12)
    assert at == pytest.approx(1 / classes)
    assert chance == pytest.approx(math.log(classes))


def test_words_say_what_is_drawn():
    ax = loss_landscape(classes=2, true_label=1)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        r"label 1: $-\log\,p$",
        r"label 0: $-\log\,(1-p)$",
        r"$p$ = 1/2: $\log\,2$ = 0.6931 nats",
    ]
    assert ax.get_xlabel() == "predicted probability $p$ of class 1"
    assert ax.get_ylabel() == "cross-entropy loss (nats)"
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 1), (0, 5))
    ax = loss_landscape(classes=9, true_label=4)
    assert ax.lines[1].get_label() == r"label other than 4: $-\log\,[(1-p)/8]$"
    assert ax.get_legend().get_title().get_text() == "9 classes, the other 8 equally probable"


def overlaps(ax):
    """Drawn points of the curves inside the legend's box."""
    ax.figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    inside = ax.get_window_extent()
    curves = (ax.transData.transform(line.get_xydata()) for line in ax.lines)
    return sum(box.contains(x, y) and inside.contains(x, y) for points in curves for x, y in points)


@pytest.mark.parametrize("classes", [2, 3, 5, 10, 100, 1000])
def test_the_legend_covers_no_curve(classes):
    ax = loss_landscape(classes=classes, true_label=0)
    assert ax.figure.get_figwidth() == 3.3
    assert overlaps(ax) == 0
    box = ax.get_legend().get_window_extent()
    assert ax.figure.bbox.contains(box.x0, box.y0)
    assert ax.figure.bbox.contains(box.x1, box.y1)


# ---------------------------------------------------------------------------------------------- over the logits


OPTIONS = [
    {},
    {"target": 1, "temperature": 2.0},
    {"target": 2, "label_smoothing": 0.3, "limit": 4.0},
    {"target": 0, "label_smoothing": 0.1, "temperature": 0.5},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_arrows_point_down_the_exact_gradient(options):
    ax = loss_landscape_logits(**options)
    (quiver,) = (c for c in ax.collections if isinstance(c, Quiver))
    target, tau = options.get("target", 0), options.get("temperature", 1.0)
    t = oracle.target(target, 3, epsilon=options.get("label_smoothing", 0.0))
    places = np.asarray(quiver.get_offsets())
    assert len(places) == 100
    assert np.abs(places).max() < options.get("limit", 6.0)
    for (z0, z1), u, v in list(zip(places, quiver.U, quiver.V, strict=True))[::7]:
        exact = oracle.gradient(oracle.reals([z0, z1, 0.0]), t, temperature=tau)
        assert (u, v) == pytest.approx((-float(exact[0]), -float(exact[1])), rel=1e-13, abs=1e-300)
    assert quiver.angles == "xy"


@pytest.mark.parametrize("options", OPTIONS)
def test_contours_join_equal_losses(options):
    ax = loss_landscape_logits(**options)
    shades, lines = (c for c in ax.collections if type(c).__name__ == "QuadContourSet")
    target, tau = options.get("target", 0), options.get("temperature", 1.0)
    epsilon, checked = options.get("label_smoothing", 0.0), 0
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        z = path.vertices[np.abs(path.vertices).max(axis=1) < 0.99 * options.get("limit", 6.0)]
        z = np.column_stack([z, np.zeros(len(z))])
        loss = xent.cross_entropy(
            z, np.full(len(z), target), temperature=tau, label_smoothing=epsilon, reduction="none"
        )
        np.testing.assert_allclose(loss, level, atol=0.01)  # the contour is linear between grid points
        checked += len(z)
    assert checked > 100
    assert shades.levels[0] == 0
    corners = np.array([[a, b, 0.0] for a in ax.get_xlim() for b in ax.get_ylim()])
    most = xent.cross_entropy(
        corners, np.full(4, target), temperature=tau, label_smoothing=epsilon, reduction="none"
    ).max()
    assert shades.levels[-1] >= most  # nothing is left white
    (_, bar) = ax.figure.axes
    assert bar.get_ylabel() == "cross-entropy loss (nats)"


def test_the_cross_is_the_minimum():
    ax = loss_landscape_logits(target=2, label_smoothing=0.3, temperature=1.5)
    z = np.array([float(drawn(ax.lines[0])[i][0]) for i in (0, 1)] + [0.0])
    options = {"label_smoothing": 0.3, "temperature": 1.5}
    loss, slope = xent.cross_entropy_with_grad(z, np.array(2), **options)
    np.testing.assert_allclose(slope, 0, atol=1e-15)
    t = xent.smooth_labels(np.array([2]), 0.3, 3)[0]
    assert loss == pytest.approx(xent.information.entropy(t), rel=1e-14)
    assert ax.get_title().endswith("arrows: −gradient; cross: least loss")
    for outside in ({}, {"label_smoothing": 1e-6}):
        ax = loss_landscape_logits(**outside)
        assert not ax.lines
        assert ax.get_title().endswith("arrows: −gradient")
    even = loss_landscape_logits(label_smoothing=1.0)
    assert [float(v[0]) for v in drawn(even.lines[0])] == [0, 0]


# ------------------------------------------------------------------------------------------------- conduct, errors


@pytest.mark.parametrize("draw", [loss_landscape, loss_landscape_logits])
def test_draws_on_the_axes_given_and_leaves_the_style(draw, tmp_path):
    before = dict(mpl.rcParams)
    figure = Figure()
    given = figure.add_subplot()
    assert draw(ax=given) is given
    own = draw()
    assert own.figure is not figure
    assert dict(mpl.rcParams) == before
    own.figure.savefig(tmp_path / "figure.pdf")
    assert (tmp_path / "figure.pdf").read_bytes()[:4] == b"%PDF"


def test_no_pyplot():
    code = "import sys; from xent.plots import *; loss_landscape(); loss_landscape_logits()"
    probe = f"{code}; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


@pytest.mark.parametrize("draw", [loss_landscape, loss_landscape_logits])
def test_missing_matplotlib_is_one_sentence(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"draws with matplotlib; install it with: pip install 'xent\[plots\]'"):
        draw()


@pytest.mark.parametrize(
    ("draw", "error", "message", "options"),
    [
        (loss_landscape, ValueError, "classes must be at least 2, got 1", {"classes": 1}),
        (loss_landscape, TypeError, "classes must be an integer", {"classes": 2.0}),
        (loss_landscape, ValueError, "true_label must be one of the classes 0 to 1, got 2", {"true_label": 2}),
        (loss_landscape, ValueError, "got -1", {"true_label": -1}),
        (loss_landscape_logits, ValueError, "target must be one of the classes 0 to 2, got 3", {"target": 3}),
        (loss_landscape_logits, ValueError, "temperature must lie in", {"temperature": 0}),
        (loss_landscape_logits, ValueError, "label_smoothing must lie in", {"label_smoothing": 2}),
        (loss_landscape_logits, ValueError, "limit must lie in", {"limit": math.inf}),
    ],
)
def test_wrong_arguments_are_named(draw, error, message, options):
    with pytest.raises(error, match=message):
        draw(**options)
