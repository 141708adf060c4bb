"""`xent.information` against 400 digits: 4 ulp for the floats given; the laws, the edges, the errors."""

from __future__ import annotations

import math

import array_api_compat.numpy as xp
import array_api_strict
import jax
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

import oracle
import xent
from strategies import distributions
from xent import information as info

INF, NAN = math.inf, math.nan
KINDS = ["float64", "float32"]
P, Q = np.array([0.5, 0.5]), np.array([0.75, 0.25])


@st.composite
def pairs(draw, least=1):
    """Two distributions of one size: unrelated, or one a little (down to one ulp) from the other."""
    p = draw(distributions(draw(st.integers(least, 6))))
    if draw(st.booleans()):
        return p, draw(distributions(len(p)))
    step = draw(st.sampled_from([2**-52, 1e-14, 1e-9, 1e-5, 1e-2, 0.3]))
    moves = draw(st.lists(st.floats(-1, 1), min_size=len(p), max_size=len(p)))
    q = [x * (1 + step * u) for x, u in zip(p, moves, strict=True)]
    return p, [x / sum(q) for x in q]


def tables(rows=3, columns=3):
    return distributions(rows * columns).map(lambda p: np.array(p).reshape(rows, columns))


def kl(p, q):
    """Textbook, with ∞ for p > 0 = q."""
    return oracle.MP.inf if any(a > 0 and b == 0 for a, b in zip(p, q, strict=True)) else oracle.kl_divergence(p, q)


def dependence(table):
    rows, columns = [sum(r) for r in table], [sum(c) for c in zip(*table, strict=True)]
    flat = [x for r in table for x in r]
    return oracle.kl_divergence(flat, [a * b or oracle.real(1) for a in rows for b in columns])


# ----------------------------------------------------------------------------------------------------- the oracle


@pytest.mark.parametrize("kind", KINDS)
@given(pairs())
@example(([1.0, 1e-310], [1.0, 3e-310]))
@example(([1.0, 1e-200], [1.0, 1e-17]))
@example(([1 - 2**-53, 2**-53], [1.0, 0.0]))
@example(([0.25, 0.75], [0.25 + 2**-54, 0.75 - 2**-54]))
@example(([5e-324, 1.0], [1.0, 5e-324]))
@example(([0.5, 0.5, 0.0], [0.0, 0.5, 0.5]))
@example(([1.0004, 1e-4], [1.0003, 2e-4]))
def test_four_ulp(kind, pair):
    p, q = (np.array(x).astype(kind) for x in pair)
    a, b = oracle.reals(p), oracle.reals(q)
    mixed = [(x + y) / 2 for x, y in zip(a, b, strict=True)]
    entropy = oracle.cross_entropy(a, a)
    cross = INF if any(x > 0 and y == 0 for x, y in zip(p, q, strict=True)) else oracle.cross_entropy(a, b)
    found = {
        "entropy": (info.entropy(p), entropy),
        "perplexity": (info.perplexity(p), oracle.MP.exp(entropy)),
        "cross_entropy": (info.cross_entropy(p, q), oracle.MP.mpf(cross)),
        "kl_divergence": (info.kl_divergence(p, q), kl(a, b)),
        "js_divergence": (info.js_divergence(p, q), (kl(a, mixed) + kl(b, mixed)) / 2),
    }
    for name, (got, exact) in found.items():
        assert got.dtype == kind
        assert oracle.ulps(float(got), exact, kind) <= 4, name


@pytest.mark.parametrize("kind", KINDS)
@given(tables() | tables(2, 4) | tables(1, 3))
@example(np.diag([1 - 1e-200, 1e-200, 5e-324]))
@example(np.diag([1.0, 1e-310, 0.0]))
@example(np.array([[0.25, 0.25 + 1e-9], [0.25 - 1e-9, 0.25]]))
def test_mutual_information_in_four_ulp(kind, table):
    table = table.astype(kind)
    exact = dependence([oracle.reals(row) for row in table])
    got = float(info.mutual_information(table))
    assert abs(oracle.real(got) - exact) <= 4 * oracle.ulp(exact, kind) + oracle.real(2**-100)
    if max(np.count_nonzero(table, axis=0).max(), np.count_nonzero(table, axis=1).max()) == 1:
        assert oracle.ulps(got, exact, kind) <= 4  # the marginals are the entries, and lose nothing


@pytest.mark.parametrize("base", [2, 10.0, 1.5, 1 + 2**-30, 1e300])
@given(pairs())
def test_base(base, pair):
    p, q = map(np.array, pair)
    unit, a = oracle.MP.log(oracle.real(base)), oracle.reals(p)
    assert oracle.ulps(float(info.entropy(p, base=base)), oracle.cross_entropy(a, a) / unit) <= 4
    assert oracle.ulps(float(info.kl_divergence(p, q, base=base)), kl(a, oracle.reals(q)) / unit) <= 4


@given(st.integers(2, 300), st.integers(0, 2**32 - 1), st.sampled_from([1e-13, 1e-8, 1e-3]))
def test_many_classes_close_together(size, seed, step):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(size, 0.3))
    q = p * (1 + step * rng.normal(size=size))
    q = np.abs(q) / np.abs(q).sum()
    assert oracle.ulps(float(info.kl_divergence(p, q)), kl(oracle.reals(p), oracle.reals(q))) <= 4


@given(st.floats(2.0**-970, 2.0**100) | st.floats(0.9, 1.1) | st.floats(1 - 1e-9, 1 + 1e-9))
def test_logarithm_has_spare_digits(x):
    hi, lo = info._log(xp, info._pair(np.array([x])))
    exact = oracle.MP.log(oracle.real(x))
    assert abs(oracle.reals(hi)[0] + oracle.reals(lo)[0] - exact) <= abs(exact) * oracle.real(2**-62)


# -------------------------------------------------------------------------------------------------------- the laws


@given(pairs())
def test_cross_entropy_is_entropy_and_divergence(pair):
    p, q = map(np.array, pair)
    cross, entropy, divergence = info.cross_entropy(p, q), info.entropy(p), info.kl_divergence(p, q)
    assert cross == pytest.approx(entropy + divergence, rel=1e-14, abs=1e-14)
    assert cross >= entropy - 1e-15  # the floats' sums differ by that much
    assert -1e-14 <= entropy <= math.log(len(p)) + 1e-15 * len(p)
    assert info.perplexity(p) == pytest.approx(math.exp(entropy), rel=1e-14)
    assert info.kl_divergence(p, p) == 0


@given(pairs())
def test_jensen_shannon(pair):
    p, q = map(np.array, pair)
    js = info.js_divergence(p, q)
    assert js == info.js_divergence(q, p)
    assert 0 <= js <= math.log(2) * (1 + 1e-15)
    assert info.js_divergence(p, p) == 0
    m = (p + q) / 2
    assert js == pytest.approx((info.kl_divergence(p, m) + info.kl_divergence(q, m)) / 2, rel=1e-12, abs=1e-15)


@given(tables(3, 2))
def test_mutual_information_is_what_entropies_leave(table):
    got = info.mutual_information(table)
    apart = info.entropy(table.sum(1)) + info.entropy(table.sum(0))
    assert got == pytest.approx(apart - info.entropy(table.reshape(-1)), abs=1e-14)
    assert got == pytest.approx(info.mutual_information(table.T), rel=1e-14, abs=1e-30)
    assert got <= min(info.entropy(table.sum(1)), info.entropy(table.sum(0))) + 1e-14
    assert info.mutual_information(table, base=2) == pytest.approx(got / math.log(2), rel=1e-15)


@given(distributions(3), distributions(4))
def test_independent_variables_share_nothing(a, b):
    assert info.mutual_information(np.outer(a, b)) == pytest.approx(0, abs=1e-15)


@given(pairs())
def test_spec_agrees(pair):
    p, q = map(np.array, pair)
    for name in ("cross_entropy", "kl_divergence"):
        assert getattr(info, name)(p, q) == pytest.approx(getattr(xent.spec, name)(*pair), rel=1e-15, abs=0)
    assert info.entropy(p) == pytest.approx(xent.spec.entropy(pair[0]), rel=1e-15, abs=0)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
def test_axis_equals_moveaxis(axis):
    rng = np.random.default_rng(0)
    p, q = (np.moveaxis(rng.dirichlet(np.ones(4), (2, 3)), -1, axis) for _ in range(2))
    last = [np.moveaxis(a, axis, -1) for a in (p, q)]
    for f in (info.cross_entropy, info.kl_divergence, info.js_divergence):
        np.testing.assert_array_equal(f(p, q, axis=axis), f(*last))
    for f in (info.entropy, info.perplexity):
        assert f(p, axis=axis).shape == (2, 3)
        np.testing.assert_array_equal(f(p, axis=axis), f(last[0]))


def test_axes_of_a_joint_distribution():
    joint = np.random.default_rng(1).dirichlet(np.ones(6), 5).reshape(5, 2, 3)
    want = [info.mutual_information(table) for table in joint]
    np.testing.assert_array_equal(info.mutual_information(joint), want)
    np.testing.assert_array_equal(info.mutual_information(np.moveaxis(joint, 0, 1), axes=(0, 2)), want)
    np.testing.assert_allclose(info.mutual_information(joint, axes=(2, 1)), want, rtol=1e-15)


def test_long_batches_are_their_rows():
    rng = np.random.default_rng(2)
    p, q = rng.dirichlet(np.ones(3), (2, 3, 200, 40))  # several blocks, the last one shorter
    whole = info.kl_divergence(p, q)
    assert whole.shape == (3, 200, 40)
    for at in [(0, 0, 0), (1, 77, 5), (2, 199, 39)]:
        assert whole[at] == info.kl_divergence(p[at], q[at])
    before = p.copy()
    joint = p.reshape(-1, 3)[:, :, None] * np.array([0.25, 0.75])
    assert np.abs(info.mutual_information(joint)).max() < 1e-15
    np.testing.assert_array_equal(p, before)


# ------------------------------------------------------------------------------------------------------- the edges


def test_edges():
    certain = np.array([0.0, 1.0])
    assert str(info.entropy(certain)) == "0.0"  # not −0
    assert info.perplexity(certain) == 1
    assert info.entropy(np.array([1.0])) == info.kl_divergence(np.array([1.0]), np.array([1.0])) == 0
    assert info.cross_entropy(P, certain) == info.kl_divergence(P, certain) == INF
    assert info.kl_divergence(P, certain, base=2) == INF
    assert info.kl_divergence(certain, P) == math.log(2)
    assert info.js_divergence(certain, certain[::-1]) == math.log(2)
    assert info.kl_divergence(np.stack([P, certain]), np.stack([certain, P])).tolist() == [INF, math.log(2)]
    assert info.entropy(np.zeros((0, 3))).shape == (0,)
    assert info.mutual_information(np.zeros((0, 2, 3))).shape == (0,)
    uniform = np.full(10, 0.1)
    assert info.perplexity(uniform) == pytest.approx(10, rel=1e-15)


def test_types():
    for kind, answer in ((np.float16, np.float32), (np.float32, np.float32), (np.float64, np.float64)):
        assert info.entropy(P.astype(kind)).dtype == answer
        assert info.mutual_information(np.outer(P, Q).astype(kind)).dtype == answer
    assert info.kl_divergence(P.astype(np.float32), Q).dtype == np.float64


def test_scipy_agrees_where_nothing_cancels():
    stats = pytest.importorskip("scipy.stats")
    p, q = np.random.default_rng(0).dirichlet(np.ones(5), (2, 20))
    np.testing.assert_allclose(info.kl_divergence(p, q), stats.entropy(p, q, axis=-1), rtol=1e-13)
    np.testing.assert_allclose(info.entropy(p, base=2), stats.entropy(p, base=2, axis=-1), rtol=1e-13)
    q = p * (1 + 1e-9 * np.random.default_rng(1).normal(size=p.shape))
    q /= q.sum(axis=-1, keepdims=True)
    exact = [oracle.kl_divergence(oracle.reals(a), oracle.reals(b)) for a, b in zip(p, q, strict=True)]
    assert max(map(oracle.ulps, info.kl_divergence(p, q), exact)) <= 4
    assert max(map(oracle.ulps, stats.entropy(p, q, axis=-1), exact)) > 1e6


@pytest.mark.parametrize("make", [array_api_strict.asarray, torch.asarray, jax.numpy.asarray])
def test_other_frameworks(make):
    rng = np.random.default_rng(4)
    p, q = rng.dirichlet(np.ones(5), (2, 6))
    q[0] = p[0] + 1e-9 * np.array([1, -1, 0, 2, -2])
    with jax.enable_x64(True):
        for f in (info.cross_entropy, info.kl_divergence, info.js_divergence):
            got = f(make(p), make(q), base=2)
            assert type(got) is type(make(p))
            np.testing.assert_allclose(np.asarray(got), f(p, q, base=2), rtol=1e-14)
        joint = rng.dirichlet(np.ones(6), 4).reshape(4, 2, 3)
        for f in (info.entropy, info.perplexity):
            np.testing.assert_allclose(np.asarray(f(make(p))), f(p), rtol=1e-14)
        np.testing.assert_allclose(
            np.asarray(info.mutual_information(make(joint))), info.mutual_information(joint), rtol=1e-13
        )


def test_jax_traces_and_marks_faulty_rows():
    with jax.enable_x64(True):
        p = jax.numpy.asarray([[0.5, 0.5], [0.5, 0.6], [-0.1, 1.1], [NAN, 1.0]])
        got = jax.jit(info.entropy)(p)
        np.testing.assert_allclose(got, [math.log(2), NAN, NAN, NAN])
        np.testing.assert_array_equal(np.isnan(jax.jit(info.kl_divergence)(p[:1], p[1:2])), [True])
    with jax.enable_x64(False):
        p, q = jax.numpy.asarray([0.5, 0.5]), jax.numpy.asarray([0.5 + 2**-12, 0.5 - 2**-12])
        got = jax.jit(info.kl_divergence)(p, q)
        assert got.dtype == jax.numpy.float32
        assert float(got) == pytest.approx(float(info.kl_divergence(np.asarray(p), np.asarray(q))), rel=1e-5)


# ------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "p must be an array .* got list", lambda: info.entropy([0.5, 0.5])),
        (TypeError, "p must be floating point, got int64", lambda: info.entropy(np.array([0, 1]))),
        (TypeError, "q must be floating point", lambda: info.kl_divergence(P, np.array([0, 1]))),
        (TypeError, "p is a NumPy array and q is a torch", lambda: info.js_divergence(P, torch.tensor([0.5, 0.5]))),
        (TypeError, "base must be a number", lambda: info.entropy(P, base="two")),
        (ValueError, r"base must lie in \(1, inf\), got 1.0", lambda: info.entropy(P, base=1)),
        (ValueError, r"base must lie in \(1, inf\), got nan", lambda: info.cross_entropy(P, Q, base=NAN)),
        (ValueError, "floating p is .* sums to 1.1 at row 1$", lambda: info.entropy(np.array([P, P + 0.05]))),
        (ValueError, "p is .* negative or not finite", lambda: info.perplexity(np.array([-0.5, 1.5]))),
        (ValueError, "q is .* not finite at row 0", lambda: info.cross_entropy(P[None], np.array([[NAN, 1]]))),
        (ValueError, r"one shape, got \(2,\) and \(1, 2\)", lambda: info.kl_divergence(P, Q[None])),
        (ValueError, "axis 1 does not exist in p", lambda: info.entropy(P, axis=1)),
        (ValueError, "p must have at least one class", lambda: info.entropy(np.zeros((2, 0)))),
        (ValueError, "p must have a class axis", lambda: info.entropy(np.float64(1))),
        (ValueError, r"joint must be a table \(…, A, B\), got shape \(2,\)", lambda: info.mutual_information(P)),
        (ValueError, "joint is .* sums to 2", lambda: info.mutual_information(np.ones((2, 1)))),
        (ValueError, "two different axes", lambda: info.mutual_information(np.outer(P, Q), axes=(0, -2))),
        (ValueError, "must be two axes", lambda: info.mutual_information(np.outer(P, Q), axes=(0, 1, 1))),
        (ValueError, "must be two axes .* got 1", lambda: info.mutual_information(np.outer(P, Q), axes=1)),
        (TypeError, r"base must be a number in \(1, inf\), got '2'", lambda: info.entropy(P, base="2")),
        (
            ValueError,
            "axis 5 does not exist in joint",
            lambda: info.mutual_information(np.outer(P, Q), axes=(0, 5)),
        ),
        (ValueError, "at least one class", lambda: info.mutual_information(np.zeros((2, 0)))),
    ],
)
def test_wrong_arguments_are_named(error, message, call):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long double is float64 here")
def test_wider_floats_than_we_compute_in_are_refused():
    with pytest.raises(TypeError, match=r"p must be float64 or narrower, got (float|longdouble).*astype\(float\)"):
        info.entropy(P.astype(np.longdouble))


@pytest.mark.parametrize("p", [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
def test_autograd_by_q_is_minus_p_over_q(p):
    q = torch.tensor([0.4, 0.6, 0.0] if p[2] == 0 else [0.0, 0.4, 0.6], dtype=torch.float64, requires_grad=True)
    info.kl_divergence(torch.tensor(p, dtype=torch.float64), q).backward()
    want = [-a / b if a else 0.0 for a, b in zip(p, q.tolist(), strict=True)]
    np.testing.assert_allclose(q.grad.numpy(), want, rtol=1e-14)
