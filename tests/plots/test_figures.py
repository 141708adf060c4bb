"""`xent.plots`: what is drawn is what the public functions, the oracle and the axes say."""

from __future__ import annotations

import math
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

import oracle
import xent
from xent import calibration, plots
from xent.explorer.experiments.precision.formats import FORMATS
from xent.explorer.experiments.precision.forms import FORMS, inputs
from xent.plots import _forms

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(scale=3, size=(200, 4))
LABELS = np.where(RNG.random(200) < 0.6, LOGITS.argmax(axis=1), RNG.integers(0, 4, 200))
P, Q = [0.5, 0.25, 0.15, 0.1], [0.2, 0.35, 0.15, 0.3]

FIGURES = {
    "areas": lambda **to: plots.areas(P, Q, **to),
    "focal": lambda **to: plots.focal(**to),
    "likelihood": lambda **to: plots.likelihood(**to),
    "loss_landscape": lambda **to: plots.loss_landscape(**to).figure,
    "loss_landscape_logits": lambda **to: plots.loss_landscape_logits(label_smoothing=0.1, **to).figure,
    "precision_map": lambda **to: plots.precision_map(**to),
    "reliability": lambda **to: plots.reliability(LOGITS, LABELS, **to),
    "smoothing": lambda **to: plots.smoothing(**to),
    "temperature": lambda **to: plots.temperature([2.0, 1.0, 0.1], **to),
    "temperature_fit": lambda **to: plots.temperature_fit(LOGITS, LABELS, **to),
}
SEVERAL = ("focal", "reliability", "smoothing", "temperature")  # panels: they take a figure, the others an Axes


def drawn(line):
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def labelled(ax, word):
    (line,) = (line for line in ax.lines if str(line.get_label()).endswith(word))
    return drawn(line)


# ------------------------------------------------------------------------------------------------------- areas


def area(ax, gid):
    return sum(r.get_width() * r.get_height() for r in ax.patches if r.get_gid() == gid)


@pytest.mark.parametrize(
    ("p", "q"), [(P, Q), (Q, P), (P, P), ([1.0, 0.0], [0.5, 0.5]), ([0.0, 0.3, 0.7], [0.4, 0.2, 0.4])]
)
def test_areas_add_up(p, q):
    (ax,) = plots.areas(p, q).axes
    p, q = np.array(p), np.array(q)
    entropy, kl = xent.information.entropy(p), xent.information.kl_divergence(p, q)
    longer, shorter = area(ax, "longer"), area(ax, "shorter")
    assert area(ax, "code") == pytest.approx(entropy, abs=1e-14)
    assert longer - shorter == pytest.approx(kl, abs=1e-14)
    assert area(ax, "code") + longer - shorter == pytest.approx(xent.information.cross_entropy(p, q), abs=1e-14)
    assert sum(r.get_width() for r in ax.patches if r.get_gid() == "code") == pytest.approx(1)
    shown = f"{entropy:.4g} + {kl:.4g} = {xent.information.cross_entropy(p, q):.4g} nats"
    assert ax.get_title().splitlines() == ["H(p) + KL(p‖q) = H(p, q)", shown]
    words = [t.get_text() for t in ax.get_legend().get_texts()]
    assert words[0] == f"H(p) = {entropy:.4g}"
    assert words[1:3] == [f"$q$'s code is longer: +{longer:.4g}", f"$q$'s code is shorter: −{shorter:.4g}"]
    steps = {s.get_label(): s.get_data().values for s in ax.patches if hasattr(s, "get_data")}
    np.testing.assert_allclose(steps[r"$-\log p$"], -np.log(p[p > 0]), atol=1e-15)
    np.testing.assert_allclose(steps[r"$-\log q$"], -np.log(q[p > 0]), atol=1e-15)
    assert max(r.get_y() + r.get_height() for r in ax.patches if r.get_gid()) < ax.get_ylim()[1]


def test_a_code_that_never_ends_leaves_the_picture():
    (ax,) = plots.areas([0.5, 0.5], [0.0, 1.0], names=["heads", "tails"]).axes
    assert ax.get_title().endswith("\n0.6931 + ∞ = ∞ nats")
    (endless,) = (r for r in ax.patches if r.get_gid() == "longer")
    assert endless.get_y() + endless.get_height() > ax.get_ylim()[1]
    assert [t.get_text() for t in ax.texts] == ["heads ↑∞", "tails"]
    assert "∞" in ax.get_legend().get_texts()[1].get_text()


# ------------------------------------------------------------------------------------------------- temperature


@pytest.mark.parametrize(
    ("logits", "temperatures"), [([2.0, 1.0, 0.1], [4.0, 0.5]), ([1.0, -math.inf, 1.0, 0.0], [0.1, 1.0, 30.0])]
)
def test_bars_are_the_softmax_and_the_meter_its_entropy(logits, temperatures):
    bars, meter = plots.temperature(logits, temperatures).axes
    z = np.array(logits)
    assert len(bars.containers) == len(temperatures)
    for group, t in zip(bars.containers, sorted(temperatures), strict=True):
        assert group.get_label() == f"{t:g}"
        p = xent.softmax(z, temperature=t)
        np.testing.assert_array_equal([bar.get_height() for bar in group], p)
        assert [round(bar.get_x() + bar.get_width() / 2) for bar in group] == list(range(len(z)))
    dots = [drawn(line) for line in meter.lines if line.get_marker() == "o"]
    assert sorted(float(t[0]) for t, _ in dots) == sorted(temperatures)
    for t, h in dots:
        assert h[0] == xent.information.entropy(xent.softmax(z, temperature=float(t[0])))
    t, h = max((drawn(line) for line in meter.lines), key=lambda xy: len(xy[0]))
    assert (np.diff(h) > -1e-12).all()
    assert h[-1] < math.log(np.isfinite(z).sum())
    assert t[0] < min(temperatures) <= max(temperatures) < t[-1]


# --------------------------------------------------------------------------------------------------- smoothing


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_dots_are_the_least_loss(classes):
    epsilons = [0.0, 0.05, 0.3, 1.0]
    curves, floors = plots.smoothing(classes, epsilons).axes
    lines = {e: labelled(curves, f" = {e:g}") for e in epsilons}
    dots = [tuple(float(v[0]) for v in drawn(line)) for line in curves.lines if line.get_marker() == "o"]
    assert len(dots) == 3  # without smoothing there is no least loss
    for e, (gap, floor) in zip(epsilons[1:], dots, strict=True):
        t = xent.smooth_labels(np.array([0]), e, classes)[0]
        assert gap == pytest.approx(math.log(t[0] / t[1]), abs=1e-15)
        z = np.array([gap] + [0.0] * (classes - 1))
        loss, slope = xent.cross_entropy_with_grad(z, np.array(0), label_smoothing=e)
        assert loss == pytest.approx(floor, rel=1e-13)
        np.testing.assert_allclose(slope, 0, atol=1e-15)
        x, y = lines[e]
        assert y.min() >= floor * (1 - 1e-13)
        assert abs(x[y.argmin()] - gap) <= x[1] - x[0]
        i = len(x) // 3
        given = oracle.reals([float(x[i])] + [0.0] * (classes - 1))
        if classes < 100:
            assert y[i] == pytest.approx(float(oracle.loss(given, oracle.target(0, classes, epsilon=e))), rel=1e-13)
    assert (np.diff(lines[0.0][1]) < 0).all()
    for convention, word in (("uniform", r"\varepsilon/K$"), ("others", r"\varepsilon/(K-1)$")):
        x, y = labelled(floors, word)
        for e, floor in list(zip(x, y, strict=True))[::40]:
            t = xent.smooth_labels(np.array([0]), float(e), classes, convention=convention)[0]
            assert floor == xent.information.entropy(t)


# ------------------------------------------------------------------------------------------------------- focal


def test_focal_curves_are_the_loss_and_its_slope():
    gammas = [0.0, 0.5, 2.0, 7.0]
    charge, pull = plots.focal(gammas).axes
    for gamma, one, two in zip(gammas, charge.lines, pull.lines, strict=True):
        (p, loss), (same, slope) = drawn(one), drawn(two)
        np.testing.assert_array_equal(p, same)
        np.testing.assert_allclose(loss, (1 - p) ** gamma * -np.log(p), rtol=1e-10)
        expected = (1 - p) ** gamma * (1 - p - gamma * p * np.log(p))
        np.testing.assert_allclose(slope, expected, rtol=1e-9)
    np.testing.assert_allclose(drawn(pull.lines[0])[1], 1 - drawn(pull.lines[0])[0], rtol=1e-12)


# -------------------------------------------------------------------------------------- reliability, and the fit


def test_reliability_draws_what_calibration_finds():
    diagram, counts = plots.reliability(LOGITS, LABELS, bins=10).axes
    found = calibration.reliability(LOGITS, LABELS, bins=10)
    some = found.counts > 0
    x, y = labelled(diagram, "isotonic curve")
    np.testing.assert_array_equal(x, found.p)
    np.testing.assert_array_equal(y, found.curve)
    x, y = labelled(diagram, "10 bins")
    np.testing.assert_array_equal(x, found.confidence[some])
    np.testing.assert_array_equal(y, found.accuracy[some])
    (bars,) = diagram.collections
    for (low, high), at, dev in zip(
        bars.get_segments(), found.confidence[some], found.deviation[some], strict=True
    ):
        assert low[0] == high[0] == at
        assert low[1] == pytest.approx(max(0, at - 1.96 * dev))
        assert high[1] == pytest.approx(min(1, at + 1.96 * dev))
    assert [bar.get_height() for bar in counts.patches] == list(found.counts)
    words = diagram.get_legend().get_title().get_text()
    e = found.error
    assert f"ECE {e.value:.4f}; if calibrated {e.null:.4f} ± {e.deviation:.4f}" in words
    assert f"smooth ECE {found.smooth_error:.4f}; 200 rows" in words


def test_the_curve_is_least_where_the_fit_says():
    (ax,) = plots.temperature_fit(LOGITS, LABELS).axes
    (t, loss), (one, came), (best, least) = map(drawn, ax.lines)
    fit = calibration.fit_temperature(LOGITS, LABELS)
    assert (best[0], least[0]) == (fit.temperature, fit.loss)
    assert (one[0], came[0]) == (1, fit.loss_at_one)
    assert loss.min() >= fit.loss * (1 - 1e-14)
    i = int(loss.argmin())
    assert t[i - 1] < fit.temperature < t[i + 1]
    assert loss[7] == xent.cross_entropy(LOGITS, LABELS, temperature=float(t[7]))
    assert ax.lines[2].get_label().startswith("least, $T$ = ")


def test_a_loss_without_a_minimum_is_said_to_have_none():
    (ax,) = plots.temperature_fit(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([0, 1])).axes
    assert ax.lines[2].get_label().startswith("still falling, $T$ = 0.01562")


# -------------------------------------------------------------------------------------------------- likelihood


@pytest.mark.parametrize(("successes", "trials"), [(7, 10), (1, 3), (0, 4), (5, 5)])
def test_the_likelihood_is_greatest_at_the_frequency(successes, trials):
    (ax,) = plots.likelihood(successes, trials).axes
    p, loss = labelled(ax, "log-likelihood")
    f = successes / trials
    expected = -(f * np.log(p) + (1 - f) * np.log1p(-p))
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    at, floor = labelled(ax, f"least at {successes}/{trials}")
    assert at[0] == f
    assert floor[0] == xent.information.entropy(np.array([f, 1 - f]))
    assert abs(p[loss.argmin()] - f) <= 0.00101
    assert loss.min() >= floor[0] - 1e-15


# --------------------------------------------------------------------------------------------------- precision


@pytest.mark.parametrize("name", ["float64", "float32", "bfloat16", "float16"])
def test_errors_are_the_emulated_formats(name):
    """The explorer rounds every operation exactly; NumPy's exp and log may be some units off."""
    gaps = np.array([-800.0, -95.0, -12.0, -3.3, 0.0, 0.7, 5.0, 12.0, 17.0, 50.0, 95.0, 300.0, 800.0])
    found = _forms.errors(name, gaps)
    f = FORMATS[name]
    twins = {"naive": "naive", "clipped": "clipped", "log-sum-exp": "logsumexp", "log1p": "log1p"}
    for form, twin in twins.items():
        for gap, error in zip(gaps, found[form], strict=True):
            right, other = inputs(f, float(gap), 0.0)
            got = FORMS[twin](f, right, other).loss
            exact = float(oracle.loss(oracle.reals([right, other]), oracle.target(0, 2)))
            if not math.isfinite(got):
                assert error == math.inf
            elif exact == 0:
                assert error >= 1
                assert math.isfinite(error)
            else:
                near = 8 * 2.0**-f.digits * max(1.0, 1 / exact if form != "log1p" else 1.0)
                assert error == pytest.approx(abs(got - exact) / exact, rel=0.02, abs=near), (form, gap)
    assert (found["xent"][(gaps > -100) & (gaps < 80)] < 1.2e-7).all()


def test_the_map_shows_the_errors_and_hatches_what_is_no_number():
    ax, bar = plots.precision_map(limit=1000).axes
    (mesh,) = (c for c in ax.collections if type(c).__name__ == "QuadMesh")
    shown = mesh.get_array()
    edges = mesh.get_coordinates()[0, :, 0]
    names = list(_forms.FORMATS)
    forms = [t.get_text() for t in ax.get_yticklabels()][:5]
    assert [t.get_text() for t in ax.texts] == names
    x = (edges[1:] + edges[:-1]) / 2
    ticks = dict(zip([t.get_text() for t in ax.get_xticklabels()], ax.get_xticks(), strict=True))
    column = int(np.abs(x - ticks["10"]).argmin())
    for i, name in enumerate(names):
        errors = _forms.errors(name, np.array([10.0]))
        for j, form in enumerate(forms):
            got, cell = errors[form][0], shown[6 * i + j, column]
            assert np.ma.is_masked(cell) if np.isinf(got) else cell == np.clip(got, 1e-17, 1)
    hatched = [(r.get_x(), r.get_y()) for r in ax.patches if r.get_gid() == "not finite"]
    rows = {y for _, y in hatched}
    assert rows == {ax.get_yticks()[5 * i] - 0.5 for i in range(4)}  # only the formula as it is written
    assert ticks["$10^3$"] == 1
    assert ticks["−10"] == -0.5
    assert bar.get_xlabel().startswith("relative error of the loss")


# ------------------------------------------------------------------------------------------------------ conduct


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_a_file_of_the_same_bytes(name, tmp_path):
    for suffix, start in ((".pdf", b"%PDF"), (".svg", b"<?xml"), (".png", b"\x89PNG")):
        paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
        for path in paths:
            plots.save(FIGURES[name](), path)
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert paths[0].read_bytes().startswith(start)
    assert b"/Type3" not in (tmp_path / "0.pdf").read_bytes()


def test_a_slide_is_a_screen_of_pixels(tmp_path):
    plots.save(plots.focal(width="slide"), tmp_path / "a.png")
    header = (tmp_path / "a.png").read_bytes()[16:24]
    assert [int.from_bytes(header[i : i + 4], "big") for i in (0, 4)] == [1920, 1080]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("width", ["one-column", "two-column", "slide"])
def test_nothing_touches_the_edge_of_the_page(name, width, tmp_path):
    figure = FIGURES[name](width=width)
    inches = figure.get_size_inches()
    assert inches[0] == {"one-column": 3.3, "two-column": 6.9, "slide": 5.6}[width]
    assert width != "slide" or inches[0] / inches[1] == pytest.approx(16 / 9)
    plots.save(figure, tmp_path / "a.png")
    ink = (imread(tmp_path / "a.png")[..., :3] < 1).any(axis=2)
    assert ink.mean() > 0.02
    ink[4:-4, 4:-4] = False
    assert not ink.any()
    assert all(ax.get_xlabel() or ax.get_ylabel() for ax in figure.axes)


@pytest.mark.parametrize("name", FIGURES)
def test_draws_where_it_is_told_and_leaves_the_style(name):
    before = dict(mpl.rcParams)
    figure = Figure(figsize=(8, 4))
    left, right = figure.subfigures(1, 2)
    to = {"figure": left} if name in SEVERAL else {"ax": left.add_subplot()}
    FIGURES[name](**to)
    assert left.axes
    assert not right.axes
    if name not in ("loss_landscape", "loss_landscape_logits"):
        assert FIGURES[name](**({"figure": right} if name in SEVERAL else {"ax": right.add_subplot()})) is figure
    FIGURES[name]()
    assert dict(mpl.rcParams) == before
    figure.draw_without_rendering()


def test_no_pyplot(tmp_path):
    code = "import sys; from xent.plots import *; focal(); save(areas([1.0], [1.0]), sys.argv[1])"
    probe = f"{code}; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe, tmp_path / "a.pdf"], check=False).returncode == 0


@pytest.mark.parametrize("name", FIGURES)
def test_missing_matplotlib_is_one_sentence(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"draws with matplotlib; install it with: pip install 'xent\[plots\]'"):
        FIGURES[name]()


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda: plots.areas([0.5, 0.6], [0.5, 0.5]), ValueError, "p is a distribution"),
        (lambda: plots.areas([0.5, 0.5], [1.0]), ValueError, "p and q must have one shape"),
        (lambda: plots.areas(P, Q, names=["a"]), ValueError, "names must be one a class, so 4; got 1"),
        (lambda: plots.areas([[1.0]], [1.0]), ValueError, r"p must be a list of one or more numbers, got shape"),
        (lambda: plots.areas("p", [1.0]), TypeError, "p must be a list of numbers, got 'p'"),
        (lambda: plots.temperature([math.nan]), ValueError, "logits must have a softmax"),
        (lambda: plots.temperature([1.0], [0.0]), ValueError, r"each of temperatures must lie in \(0, inf\)"),
        (lambda: plots.temperature([1.0], range(1, 9)), ValueError, "temperatures must be 1 to 6 numbers, got 8"),
        (lambda: plots.temperature([1.0], names=[]), ValueError, "names must be one a class"),
        (lambda: plots.smoothing(1), ValueError, "num_classes must be at least 2, got 1"),
        (lambda: plots.smoothing(2, [1.5]), ValueError, r"each of epsilons must lie in \[0, 1\], got 1.5"),
        (lambda: plots.focal([]), ValueError, "gammas must be 1 to 6 numbers, got 0"),
        (lambda: plots.focal(["a"]), TypeError, "each of gammas must be a number"),
        (lambda: plots.likelihood(3, 2), ValueError, r"successes must lie in \[0, 2\], the trials, got 3"),
        (lambda: plots.likelihood(0, 0), ValueError, "trials must be at least 1, got 0"),
        (lambda: plots.precision_map(limit=10), ValueError, r"limit must lie in \(10, 60000\]"),
        (lambda: plots.focal(width="wide"), ValueError, "width must be one of 'one-column', 'two-column', 'slide'"),
        (
            lambda: plots.save(Figure(), "a.gif"),
            ValueError,
            r"\.pdf, \.svg, \.png, by the file's suffix; got 'a.gif'",
        ),
    ],
)
def test_wrong_arguments_are_named(draw, error, message):
    with pytest.raises(error, match=message):
        draw()
