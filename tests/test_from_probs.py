"""The article's losses from probabilities: its numbers, the oracle, what clipping does, and the errors."""

from __future__ import annotations

import math

import array_api_strict
import jax
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import oracle
import xent
from strategies import distributions
from xent import from_probs

INF, NAN = math.inf, math.nan
KINDS = ["float64", "float32"]
Y, P = np.array([1, 0, 1, 1, 0]), np.array([0.9, 0.1, 0.8, 0.6, 0.3])
ONE_HOT = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
ROWS = np.array([[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]])
CAP = -math.log(1e-7)

probability = st.floats(0, 1) | st.floats(0, 1e-6) | st.floats(1 - 1e-6, 1) | st.sampled_from([0.0, 1.0, 5e-324])
epsilons = st.sampled_from([0.0, 1e-7, 1e-3, 0.5, 1e-300])


def clipped(p, epsilon):
    """Clip in real numbers: in floats 1 − ε is rounded."""
    return min(max(p, oracle.real(epsilon)), 1 - oracle.real(epsilon))


def minus_log(p):
    return oracle.MP.inf if p == 0 else -oracle.MP.log(p)


def close(got, costs, kind):
    """4 ulp of the mean."""
    return oracle.ulps(float(got), sum(costs) / len(costs), kind) <= 4


# ------------------------------------------------------------------------------------------------ values


def test_the_article_s_examples():
    assert from_probs.binary_cross_entropy(Y, P) == pytest.approx(0.260273, abs=5e-7)
    assert from_probs.categorical_cross_entropy(ONE_HOT, ROWS) == pytest.approx(0.498703, abs=5e-7)
    labels = ONE_HOT.argmax(1)
    want = from_probs.categorical_cross_entropy(ONE_HOT, ROWS)
    assert from_probs.sparse_categorical_cross_entropy(labels, ROWS) == want
    assert from_probs.negative_log_likelihood(ROWS, labels) == want
    assert from_probs.negative_log_likelihood(ROWS, ONE_HOT) == want
    assert from_probs.negative_log_likelihood(predictions=ROWS, labels=ONE_HOT, epsilon=0.5) == math.log(2)


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(st.tuples(st.booleans(), probability), min_size=1, max_size=6), epsilons)
def test_binary(kind, pairs, epsilon):
    y, p = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs]).astype(kind)
    q = [clipped(x, epsilon) for x in oracle.reals(p)]
    costs = [minus_log(x if a else 1 - x) for a, x in zip(y, q, strict=True)]
    got = from_probs.binary_cross_entropy(y, p, epsilon)
    assert got.dtype == kind
    assert close(got, costs, kind)
    for same in (y.astype(int), y.astype(np.float32)):
        assert from_probs.binary_cross_entropy(same, p, epsilon) == got


@pytest.mark.parametrize("kind", KINDS)
@given(
    st.lists(st.tuples(st.booleans(), probability), min_size=1, max_size=6),
    epsilons,
    st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0]),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
def test_focal(kind, pairs, epsilon, gamma, alpha):
    y, p = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs]).astype(kind)
    costs = []
    for a, x in zip(y, oracle.reals(p), strict=True):
        p_t = clipped(x, epsilon) if a else 1 - clipped(x, epsilon)
        weight = oracle.real(alpha) if a else 1 - oracle.real(alpha)
        costs.append(weight * (1 - p_t) ** oracle.real(gamma) * minus_log(p_t) if weight and p_t != 1 else 0)
    got = from_probs.focal_loss(y, p, gamma, alpha, epsilon)
    assert got.dtype == kind
    assert close(got, costs, kind)


@given(st.data(), st.integers(1, 5), epsilons)
def test_categorical(data, classes, epsilon):
    n = data.draw(st.integers(1, 4))
    p, t = (np.array([data.draw(distributions(classes)) for _ in range(n)]) for _ in range(2))
    p = np.minimum(p, 1.0)
    q = [[minus_log(clipped(x, epsilon)) for x in oracle.reals(row)] for row in p]
    costs = [
        sum(a * c for a, c in zip(oracle.reals(r), row, strict=True) if a) for r, row in zip(t, q, strict=True)
    ]
    assert close(from_probs.categorical_cross_entropy(t, p, epsilon), costs, "float64")
    labels = np.array([data.draw(st.integers(0, classes - 1)) for _ in range(n)])
    got = from_probs.sparse_categorical_cross_entropy(labels, p, epsilon)
    assert close(got, [row[j] for row, j in zip(q, labels, strict=True)], "float64")
    hot = np.eye(classes)[labels]
    for form in (hot, hot.astype(int), hot.astype(bool), hot.astype(np.float16)):
        assert from_probs.categorical_cross_entropy(form, p, epsilon) == got
    assert from_probs.negative_log_likelihood(p, labels, epsilon) == got


def test_logits_agree():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    p = xent.softmax(z)
    want = xent.cross_entropy(z, y)
    assert from_probs.sparse_categorical_cross_entropy(y, p) == pytest.approx(want, rel=1e-14)
    t = rng.dirichlet(np.ones(4), 50)
    assert from_probs.categorical_cross_entropy(t, p) == pytest.approx(xent.cross_entropy(z, t), rel=1e-14)
    both = xent.softmax(z[:, :2])[:, 1]
    assert from_probs.binary_cross_entropy(y % 2, both) == pytest.approx(
        xent.cross_entropy(z[:, :2], y % 2), rel=1e-14
    )


def test_peers_agree():
    rng = np.random.default_rng(1)
    p, y = rng.uniform(size=(7, 3)), rng.integers(0, 2, (7, 3))
    theirs = torch.nn.functional.binary_cross_entropy(torch.tensor(p), torch.tensor(y, dtype=torch.float64))
    assert from_probs.binary_cross_entropy(y, p, 0) == pytest.approx(theirs.item(), rel=1e-14)
    metrics = pytest.importorskip("sklearn.metrics")
    rows, labels = rng.dirichlet(np.ones(4), 30), rng.permutation(30) % 4
    want = metrics.log_loss(labels, rows, labels=range(4))
    assert from_probs.sparse_categorical_cross_entropy(labels, rows, 0) == pytest.approx(want, rel=1e-13)


# ------------------------------------------------------------------------------------------------ clipping


@pytest.mark.parametrize("kind", KINDS)
def test_clipping_caps_the_loss_and_flattens_it(kind):
    for wrong in (0.0, 1e-30, 3e-8):
        p = np.array([wrong]).astype(kind)
        rows = np.array([[wrong, 1 - wrong]]).astype(kind)
        found = [
            from_probs.binary_cross_entropy(np.array([1]), p),
            from_probs.binary_cross_entropy(np.array([0]), np.array([1 - wrong]).astype(kind)),
            from_probs.categorical_cross_entropy(np.array([[1, 0]]), rows),
            from_probs.sparse_categorical_cross_entropy(np.array([0]), rows),
            from_probs.negative_log_likelihood(rows, np.array([0])),
        ]
        assert found == [np.dtype(kind).type(CAP)] * 5
        assert from_probs.focal_loss(np.array([1]), p) == pytest.approx(0.25 * (1 - 1e-7) ** 2 * CAP, rel=1e-7)
    assert pytest.approx(16.118, abs=5e-4) == CAP
    perfect = from_probs.binary_cross_entropy(np.array([1, 0]), np.array([1.0, 0.0]).astype(kind))
    assert perfect == np.dtype(kind).type(-math.log1p(-1e-7))  # not 0


def test_without_clipping():
    p = np.array([0.0, 1.0])
    assert str(from_probs.binary_cross_entropy(np.array([0, 1]), p, 0)) == "0.0"
    assert from_probs.binary_cross_entropy(np.array([1, 1]), p, 0) == INF
    assert from_probs.binary_cross_entropy(np.array([0]), np.array([1e-30]), 0) == 1e-30
    assert from_probs.categorical_cross_entropy(np.eye(2), np.eye(2), 0) == 0
    assert from_probs.categorical_cross_entropy(np.eye(2), np.eye(2)[::-1], 0) == INF
    assert from_probs.categorical_cross_entropy(np.array([[0.5, 0.5], [1, 0]]), np.eye(2)[[0, 0]], 0) == INF
    assert from_probs.sparse_categorical_cross_entropy(np.array([0, 0]), np.eye(2), 0) == INF
    assert from_probs.focal_loss(np.array([1, 1]), p, epsilon=0) == INF
    assert from_probs.focal_loss(np.array([1, 1]), p, alpha=0.0, epsilon=0) == 0
    assert from_probs.focal_loss(np.array([0, 1]), p, gamma=0.0, epsilon=0) == 0


def test_focal_loss_without_focus_is_half_the_cross_entropy():
    half = from_probs.binary_cross_entropy(Y, P) / 2
    assert from_probs.focal_loss(Y, P, gamma=0.0, alpha=0.5) == pytest.approx(half, rel=1e-15)


# ------------------------------------------------------------------------------------------------ shapes and types


def test_shapes_types_and_inputs():
    wide = np.stack([P, P[::-1]])
    labels = np.stack([Y, Y[::-1]])
    labels.flags.writeable = wide.flags.writeable = False
    assert from_probs.binary_cross_entropy(labels, wide) == pytest.approx(from_probs.binary_cross_entropy(Y, P))
    assert from_probs.focal_loss(labels.T, wide.T) == pytest.approx(from_probs.focal_loss(Y, P))
    block = np.stack([ROWS, ROWS])
    assert from_probs.sparse_categorical_cross_entropy(np.array([[1, 0, 2]] * 2), block) == pytest.approx(0.498703)
    assert from_probs.sparse_categorical_cross_entropy(np.array(1), ROWS[0]) == -np.log(0.7)
    for kind in (np.float16, np.float32):
        assert from_probs.binary_cross_entropy(Y, P.astype(kind)).dtype == np.float32
        assert from_probs.categorical_cross_entropy(ONE_HOT, ROWS.astype(kind)).dtype == np.float32


def test_the_mean_over_nothing_is_nan():
    none = np.zeros(0)
    assert math.isnan(from_probs.binary_cross_entropy(none, none))
    assert math.isnan(from_probs.focal_loss(none, none))
    assert math.isnan(from_probs.categorical_cross_entropy(ROWS[:0], ROWS[:0]))
    assert math.isnan(from_probs.sparse_categorical_cross_entropy(Y[:0], ROWS[:0]))


@pytest.mark.parametrize("make", [array_api_strict.asarray, torch.asarray, jax.numpy.asarray])
def test_other_frameworks(make):
    with jax.enable_x64(True):
        for f in (from_probs.binary_cross_entropy, from_probs.focal_loss):
            got = f(make(Y), make(P))
            assert type(got) is type(make(P))
            assert float(got) == pytest.approx(f(Y, P), rel=1e-14)
        got = from_probs.categorical_cross_entropy(make(ONE_HOT), make(ROWS))
        assert float(got) == pytest.approx(0.498703, abs=5e-7)
        got = from_probs.sparse_categorical_cross_entropy(make(np.array([1, 0, 2])), make(ROWS))
        assert float(got) == pytest.approx(0.498703, abs=5e-7)


def test_jax_marks_what_it_cannot_refuse():
    binary, sparse = jax.jit(from_probs.binary_cross_entropy), jax.jit(from_probs.sparse_categorical_cross_entropy)
    with jax.enable_x64(True):
        assert float(binary(Y, P)) == pytest.approx(0.260273, abs=5e-7)
        assert math.isnan(binary(Y, P + 0.2))
        assert math.isnan(binary(Y + 1, P))
        assert math.isnan(sparse(np.array([1, 0, 3]), ROWS))
        assert math.isnan(sparse(np.array([1, 0, 2]), ROWS * 1.1))
        assert math.isnan(jax.jit(from_probs.categorical_cross_entropy)(ONE_HOT * 2, ROWS))


# ------------------------------------------------------------------------------------------------ errors

BINARY, CATEGORICAL = from_probs.binary_cross_entropy, from_probs.categorical_cross_entropy
SPARSE, FOCAL, NLL = (
    from_probs.sparse_categorical_cross_entropy,
    from_probs.focal_loss,
    from_probs.negative_log_likelihood,
)
INDEX = np.array([1, 0, 2])


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "y_true must be an array .* got list", lambda: BINARY([1, 0], P[:2])),
        (TypeError, "y_pred must be floating point, got int64", lambda: FOCAL(Y, Y)),
        (TypeError, "y_true must hold real numbers", lambda: BINARY(Y * 1j, P)),
        (TypeError, "y_true is a torch array and y_pred is a NumPy array", lambda: SPARSE(torch.tensor([1]), ROWS)),
        (TypeError, "must be integers, got float64", lambda: SPARSE(INDEX * 1.0, ROWS)),
        (TypeError, "predictions must be an array", lambda: NLL([[1.0]], INDEX)),
        (ValueError, r"one shape, got \(5,\) and \(5, 1\); nothing is broadcast", lambda: BINARY(Y, P[:, None])),
        (ValueError, r"y_true must be 0 or 1, got 2 at row 0", lambda: BINARY(Y * 2, P)),
        (ValueError, r"y_true must be 0 or 1, got 0.5 at row 0", lambda: FOCAL(Y * 0.5, P)),
        (ValueError, r"y_true must be 0 or 1, got nan at row 1", lambda: BINARY(np.array([1, NAN]), P[:2])),
        (ValueError, r"y_pred must lie in \[0, 1\], got 1.1 at row 0", lambda: BINARY(Y, P + 0.2)),
        (ValueError, r"y_pred .* got nan at row 2", lambda: FOCAL(Y, np.where(P == 0.8, NAN, P))),
        (
            ValueError,
            r"got -1 at row 1 \(entry \[1, 0\]\)",
            lambda: BINARY(np.ones((2, 1)), np.array([[1.0], [-1]])),
        ),
        (
            ValueError,
            r"y_pred must lie in .* got 1.0005 at row 0",
            lambda: SPARSE(INDEX[:1], np.array([[0, 1.0005]])),
        ),
        (
            ValueError,
            "y_pred is a distribution .* sums to 1.1 at row 2$",
            lambda: CATEGORICAL(ONE_HOT, ROWS + TENTH),
        ),
        (ValueError, "y_pred is .* sums to 0.9 at row 0", lambda: NLL(ROWS * 0.9, INDEX)),
        (
            ValueError,
            "y_pred must lie in .* got nan at row 1",
            lambda: SPARSE(INDEX, np.where(ROWS == 0.8, NAN, ROWS)),
        ),
        (ValueError, "y_true is a distribution .* sums to 0 at row 0", lambda: CATEGORICAL(ONE_HOT * 0, ROWS)),
        (ValueError, "y_true is .* negative", lambda: CATEGORICAL(ONE_HOT * -1, ROWS)),
        (ValueError, r"one shape, got \(3,\) and \(3, 3\)", lambda: CATEGORICAL(INDEX, ROWS)),
        (ValueError, r"labels must lie in \[0, 3\), got 3 at row 0", lambda: SPARSE(INDEX + 2, ROWS)),
        (ValueError, r"labels must lie in \[0, 3\), got -1 at row 1$", lambda: SPARSE(INDEX - 1, ROWS)),
        (ValueError, r"got 1.0000000000000002 at row 0", lambda: BINARY(Y, P * 0 + np.nextafter(1, 2))),
        (ValueError, r"one class index a row, so shape \(3,\) .* got \(2,\)", lambda: SPARSE(INDEX[:2], ROWS)),
        (ValueError, "at least one class", lambda: SPARSE(INDEX, ROWS[:, :0])),
        (ValueError, "y_pred must have a class axis", lambda: SPARSE(np.array(0), np.float64(1))),
        (ValueError, r"epsilon must lie in \[0, 0.5\], got 0.6", lambda: BINARY(Y, P, 0.6)),
        (ValueError, "epsilon .* got -1", lambda: CATEGORICAL(ONE_HOT, ROWS, -1)),
        (ValueError, "epsilon .* got nan", lambda: SPARSE(INDEX, ROWS, NAN)),
        (ValueError, r"gamma must lie in \[0, inf\), got -1", lambda: FOCAL(Y, P, -1)),
        (ValueError, r"alpha must lie in \[0, 1\], got 2", lambda: FOCAL(Y, P, 2, 2)),
    ],
)
def test_wrong_arguments_are_named(error, message, call):
    with pytest.raises(error, match=message):
        call()


TENTH = np.array([[0.0], [0.0], [0.1]]) * np.array([0, 0, 1])
