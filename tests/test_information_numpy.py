"""`xent.information` on NumPy arrays: kernels against 400 digits and the generic path, for every shape of work."""

from __future__ import annotations

import math

import array_api_strict
import numpy as np
import pytest

import oracle
from xent import _numpy_information
from xent import information as info
from xent.kernels import threads

KINDS = ["float64", "float32", "float16"]
TWO = [info.cross_entropy, info.kl_divergence, info.js_divergence]
ALL = [info.entropy, info.perplexity, *TWO]
P, Q = np.array([0.5, 0.5]), np.array([0.75, 0.25])


def distributions(rows, classes, kind, seed=0, spread=2.0):
    """Rows of a type, and their like: unrelated, 1% and 1e-5 from them, and with zeros in either."""
    rng = np.random.default_rng(seed)
    p, q = (np.exp(spread * rng.normal(size=(rows, classes))) for _ in range(2))
    q[1::4] = p[1::4] * (1 + 1e-2 * rng.normal(size=q[1::4].shape))
    q[2::4] = p[2::4] * (1 + 1e-5 * rng.normal(size=q[2::4].shape))
    p[3::4, 1:] *= rng.random(p[3::4, 1:].shape) < 0.5
    return tuple((a / a.sum(axis=1, keepdims=True)).astype(kind) for a in (p, q))


def exact(name, p, q):
    a, b = oracle.reals(p), oracle.reals(q)
    mixed = [(x + y) / 2 for x, y in zip(a, b, strict=True)]
    return {
        "entropy": lambda: oracle.cross_entropy(a, a),
        "perplexity": lambda: oracle.MP.exp(oracle.cross_entropy(a, a)),
        "cross_entropy": lambda: oracle.cross_entropy(a, b),
        "kl_divergence": lambda: oracle.kl_divergence(a, b),
        "js_divergence": lambda: (oracle.kl_divergence(a, mixed) + oracle.kl_divergence(b, mixed)) / 2,
    }[name]()


def call(f, p, q, **options):
    return f(p, q, **options) if f in TWO else f(p, **options)


@pytest.fixture
def only_kernels(monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("the generic path")

    monkeypatch.setattr(info, "_distributions", refuse)
    monkeypatch.setattr(info, "_unit", refuse)


@pytest.mark.usefixtures("only_kernels")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [1, 2, 10, 63, 64, 65, 127, 128, 133, 511, 512, 650])
def test_four_ulp_for_every_number_of_classes(classes, kind):
    p, q = distributions(4 if classes > 100 else 12, classes, kind)
    answer = "float64" if kind == "float64" else "float32"
    for f in ALL:
        got = call(f, p, q)
        assert got.dtype == answer
        for row in range(len(p)):
            if np.any((p[row] > 0) & (q[row] == 0)) and f in TWO[:2]:
                assert got[row] == math.inf
            else:
                assert oracle.ulps(float(got[row]), exact(f.__name__, p[row], q[row]), answer) <= 4, f.__name__


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [1, 3, 130, 700])
def test_generic_path_agrees(classes, kind):
    p, q = distributions(70, classes, kind, seed=1)
    for f in ALL:
        for base in (math.e, 2):
            options = {} if f is info.perplexity else {"base": base}
            want = np.asarray(call(f, *(array_api_strict.asarray(a.astype(np.float64)) for a in (p, q)), **options))
            rtol = 1e-15 if kind == "float64" else 2.0**-22
            np.testing.assert_allclose(call(f, p, q, **options), want, rtol=rtol)


@pytest.mark.usefixtures("only_kernels")
@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("classes", [4, 200, 600])
def test_row_has_the_same_bits_wherever_it_is(classes, kind):
    p, q = distributions(150, classes, kind, seed=2)
    p[3::4] = q[3::4]
    for f in ALL:
        whole = call(f, p, q)
        for row in (0, 1, 77, 149):
            assert call(f, p[row], q[row]) == whole[row]
        for a, b in ((p.T, q.T), (np.asfortranarray(p).T, np.asfortranarray(q).T)):
            np.testing.assert_array_equal(call(f, a, b, axis=0), whole)
        wide = [np.repeat(a, 2, axis=1)[:, ::2] for a in (p, q)]
        np.testing.assert_array_equal(call(f, *wide), whole)
        np.testing.assert_array_equal(call(f, p[::-1], q[::-1]), whole[::-1])
        np.testing.assert_array_equal(call(f, p[:, ::-1][:, ::-1], q), whole)
        cube = [a.reshape(5, 30, classes).swapaxes(1, 2) for a in (p, q)]
        np.testing.assert_array_equal(call(f, *cube, axis=1), whole.reshape(5, 30))
        same = np.broadcast_to(p[0], p.shape)
        np.testing.assert_array_equal(call(f, same, same), np.full(150, call(f, p[0], p[0])))


@pytest.mark.parametrize("classes", [5, 300, 1000])
def test_threads_change_no_bit_and_inputs_stay(classes, monkeypatch):
    monkeypatch.setattr(_numpy_information, "PIECE", 4096)
    p, q = distributions(900, classes, "float64", seed=3)
    before = p.copy(), q.copy()
    p.flags.writeable = q.flags.writeable = False
    for f in ALL:
        with threads.limit(1):
            one = call(f, p, q)
        with threads.limit(4):
            np.testing.assert_array_equal(call(f, p, q), one)
    np.testing.assert_array_equal((p, q), before)


@pytest.mark.parametrize("classes", [6, 200])
@pytest.mark.parametrize("step", [2.0**-52, 2.0**-44, 2.0**-36, 2.0**-30])
def test_rows_whose_digits_cancel_are_computed_again(step, classes):
    p, _ = distributions(8, classes, "float64", seed=4)
    q = p * (1 + step * np.random.default_rng(5).normal(size=p.shape))
    p[5], q[5] = p[0], p[1]
    for f in (info.kl_divergence, info.js_divergence):
        got = f(p, q)
        for row in (0, 5):
            assert oracle.ulps(float(got[row]), exact(f.__name__, p[row], q[row])) <= 4
    p, q = np.array([[1.0004, 1e-4], [0.5, 0.5]]), np.array([[1.0003, 2e-4], [0.75, 0.25]])
    for f in ALL:
        got = call(f, p, q)
        for row in range(2):
            assert oracle.ulps(float(got[row]), exact(f.__name__, p[row], q[row])) <= 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("classes", [3, 140, 520])
def test_first_wrong_row_is_named(classes, kind):
    p, q = distributions(80, classes, kind, seed=6)
    q[3::4] = p[3::4]
    for bad, what in (
        (-0.01, "negative or not finite"),
        (math.nan, "not finite"),
        (math.inf, "not finite"),
        (0.9, "sums"),
    ):
        for name in "pq":
            a = {"p": p.copy(), "q": q.copy()}
            a[name][71, classes - 1] += bad if bad > 0 or bad != bad else bad - a[name][71, classes - 1]
            for f in ALL if name == "p" else TWO:
                with pytest.raises(ValueError, match=rf"floating {name} is .*{what}.* at row 71$"):
                    call(f, a["p"], a["q"])
    with pytest.raises(ValueError, match=r"p is .* at row \(1, 2\)$"):
        info.entropy(np.where(np.arange(6).reshape(2, 3, 1) == 5, 0.4, 0.5) * np.ones(2))


def test_tolerance_is_that_of_the_type():
    for kind, off in (("float16", 4e-3), ("float32", 9e-4), ("float64", 9e-4)):
        info.kl_divergence(np.array([0.5, 0.5 + off], kind), np.array([0.5 - off, 0.5], kind))
    with pytest.raises(ValueError, match=r"q is .* within 0\.001"):
        info.kl_divergence(np.array([0.5, 0.504], "float16"), np.array([0.5, 0.504], "float32"))


def test_other_layouts_of_memory():
    for f in ALL:
        want = call(f, P, Q)
        assert call(f, P.astype(">f8"), Q.astype(">f8")) == pytest.approx(want, rel=1e-15)
        odd = [np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(np.float64) for a in (P, Q)]
        assert call(f, *odd) == pytest.approx(want, rel=1e-15)
        assert call(f, P.astype("float32"), Q) == pytest.approx(want, rel=1e-7 if f in ALL[:2] else 0)
        assert call(f, np.zeros((0, 3)), np.zeros((0, 3))).shape == (0,)
