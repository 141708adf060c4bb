"""`xent.row_statistics` against 400 digits; the laws, ties, masks, rows without statistics, the errors."""

from __future__ import annotations

import math

import array_api_strict
import jax
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

import oracle
import xent
from strategies import batches, extreme, masked_rows
from xent import row_statistics

INF, NAN = math.inf, math.nan
FLOATS = ("log_prob", "entropy", "lse")
Z = np.array([[2.0, 1.0, 0.1], [0.0, -40.0, -41.0], [3.0, 3.0, 0.0], [-1.0, 5.0, -INF]])
Y = np.array([1, 0, 1, 2])


def exact(row, label, temperature):
    """Give the textbook's log p, −Σ p log p and log Σ exp over the classes that are not masked."""
    row = [x if isinstance(x, oracle.Real) else oracle.real(x) for x in row]
    z = [x / oracle.real(temperature) for x in row if x > -INF]
    lse = oracle.logsumexp(z)
    entropy = -sum((oracle.MP.exp(x - lse) * (x - lse) for x in z), oracle.real(0))
    own = row[label] / oracle.real(temperature)
    return {"log_prob": own - lse, "entropy": entropy, "lse": lse}


# ------------------------------------------------------------------------------------------------------- the oracle


@pytest.mark.parametrize("kind", ["float64", "float32", "float16"])
@given(masked_rows(), st.sampled_from([1.0, 0.37, 3.0]), st.data())
@example([0.0, -700.0], 0.37, None)
@example([1e8, 1e8 + 1.5e-8, -1e8, 0.1], 1.0, None)
@example([1e308, -1e308], 1.0, None)
@example([0.1, -700.3, 1 / 3], 1.0, None)
def test_within_four_ulp_of_logits_moved_by_one(kind, row, temperature, data):
    """float64 is computed with more digits than the bound needs; float32 in float32, which uses it."""
    most = np.finfo(kind).max
    z = np.array([max(x, -float(most)) if x > -INF else x for x in row])
    z = np.minimum(z, float(most)).astype(kind)
    label = 0 if data is None else data.draw(st.integers(0, len(row) - 1))
    got = row_statistics(z, np.array(label), temperature=temperature)
    answer = "float64" if kind == "float64" else "float32"
    truth = exact(z.astype(float).tolist(), label, temperature)
    moved = [exact(nudged(z.astype(float).tolist(), j, answer), label, temperature) for j in range(len(row))]
    tiny, near = (1e-304, 1e-320) if kind == "float64" else (1e-35, 1e-43)
    for name, value in truth.items():
        found = getattr(got, name)
        assert found.dtype == answer
        error = abs(oracle.real(float(found)) - value)
        if oracle.ulps(float(found), value, answer) <= 4 or (name == "entropy" and value < tiny and error < near):
            continue
        slack = sum((abs(other[name] - value) for other in moved if other[name] != value), oracle.real(0))
        assert error <= 4 * oracle.ulp(value, answer) + slack, (name, float(found), value)


def nudged(row, j, kind):
    """Move one logit by an ulp."""
    return [oracle.real(x) + (oracle.ulp(oracle.real(x), kind) if i == j else 0) for i, x in enumerate(row)]


# --------------------------------------------------------------------------------------------------------- the laws


@given(batches(least_rows=1), st.sampled_from([1.0, 0.5, 3.0]))
def test_agrees_with_the_losses_and_the_probabilities(batch, temperature):
    z, y = batch
    got = row_statistics(z, y, temperature=temperature)
    each = xent.cross_entropy(z, y, temperature=temperature, reduction="none")
    np.testing.assert_allclose(-got.log_prob, each, rtol=1e-15)
    assert -got.log_prob.mean() == pytest.approx(xent.cross_entropy(z, y, temperature=temperature), rel=1e-14)
    p = xent.softmax(z, temperature=temperature)
    np.testing.assert_allclose(got.entropy, xent.information.entropy(p), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(np.exp(got.log_prob), p[np.arange(len(y)), y], rtol=1e-13)
    np.testing.assert_allclose(got.lse, xent.logsumexp(z / temperature), rtol=1e-14, atol=1e-14)
    assert (got.entropy >= 0).all()
    assert (got.entropy <= math.log(z.shape[1]) * (1 + 1e-15)).all()


@given(batches(least_rows=1, elements=st.sampled_from([-INF, -1.0, 0.0, 0.5, 2.0]) | extreme))
def test_rank_and_top1_by_counting(batch):
    z, y = batch
    got = row_statistics(z, y, temperature=1e3)
    assert got.rank.dtype == np.int64
    assert got.top1.dtype == bool
    for row, label, rank, top1 in zip(z, y, got.rank, got.top1, strict=True):
        if (row == -INF).all():
            assert (rank, top1) == (-1, False)
            continue
        assert rank == sum(x > row[label] for x in row)
        assert top1 == (np.argmax(row) == label)
        assert rank == 0 or not top1


def test_ties_go_to_the_first_class():
    z = np.array([[1.0, 3.0, 3.0, 3.0]] * 4)
    got = row_statistics(z, np.arange(4))
    assert got.rank.tolist() == [3, 0, 0, 0]
    assert got.top1.tolist() == [False, True, False, False]


def test_masks_are_no_classes():
    got = row_statistics(Z[3:], Y[3:])
    assert got.log_prob == -INF
    assert (got.rank, got.top1) == (2, False)
    assert got.entropy == row_statistics(Z[3:, :2], np.array([1])).entropy
    assert got.lse == pytest.approx(float(exact([-1.0, 5.0], 1, 1.0)["lse"]), rel=1e-15)
    one = row_statistics(np.array([[-INF, 4.0, -INF]]), np.array([1]))
    assert [float(getattr(one, name)[0]) for name in FLOATS] == [0, 0, 4]


@pytest.mark.parametrize("label", [0, -100, 7])
def test_ignored_rows_have_no_statistics(label):
    y = np.array([1, label, 1, label])
    got, whole = row_statistics(Z, y, ignore_index=label), row_statistics(Z, Y)
    for name in FLOATS:
        assert np.isnan(getattr(got, name)).tolist() == [False, True, False, True]
        np.testing.assert_array_equal(getattr(got, name)[::2], getattr(whole, name)[::2])
    assert got.rank.tolist() == [1, -1, 0, -1]
    assert got.top1.tolist() == [False, False, False, False]


@pytest.mark.parametrize("row", [[NAN, 1.0], [INF, 1.0], [INF, INF], [-INF, -INF], [NAN, -INF]])
@pytest.mark.parametrize("label", [0, 1])
def test_rows_without_a_softmax_have_no_statistics(row, label):
    got = row_statistics(np.array([row, [0.0, 1.0]]), np.array([label, 1]))
    assert [math.isnan(getattr(got, name)[0]) for name in FLOATS] == [True] * 3
    assert (got.rank[0], got.top1[0]) == (-1, False)
    assert (got.rank[1], got.top1[1]) == (0, True)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_long_batches_and_axes(axis):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(211, 90, 3)), rng.integers(-1, 3, (211, 90))
    z.flags.writeable = y.flags.writeable = False
    got = row_statistics(np.moveaxis(z, -1, axis), y, axis=axis, ignore_index=-1, temperature=2.0)
    for i in (0, 100, 210):
        want = row_statistics(z[i], y[i], ignore_index=-1, temperature=2.0)
        for a, b in zip(got, want, strict=True):
            np.testing.assert_array_equal(a[i], b)
            assert a.shape == (211, 90)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0, 3), (2, 1), (3,)])
def test_shapes(shape):
    got = row_statistics(np.zeros(shape), np.zeros(shape[:-1], int))
    assert all(a.shape == shape[:-1] for a in got)
    assert all(isinstance(a, np.generic if shape == (3,) else np.ndarray) for a in got)
    np.testing.assert_allclose(got.entropy, np.full(shape[:-1], math.log(shape[-1])), rtol=1e-15)


# --------------------------------------------------------------------------------------------- other arrays, errors


@pytest.mark.parametrize("make", [array_api_strict.asarray, torch.asarray])
def test_other_arrays(make):
    got = row_statistics(make(Z), make(Y), ignore_index=0, temperature=0.7)
    assert {type(a) for a in got} == {type(make(Z))}
    for a, b in zip(got, row_statistics(Z, Y, ignore_index=0, temperature=0.7), strict=True):
        assert str(b.dtype) in str(a.dtype)
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-15)


def test_jax_traces_it_and_leaves_faulty_rows_out():
    z, y = jax.numpy.asarray(Z, "float32"), jax.numpy.asarray([1, 3, -1, 2])
    got, want = jax.jit(row_statistics)(z, y), row_statistics(Z, Y)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a[::3], b[::3], rtol=1e-6)
    assert got.rank.tolist() == [1, -1, -1, 2]
    assert np.isnan(got.entropy).tolist() == [False, True, True, False]
    assert got.top1.tolist() == [False] * 4
    ignoring = jax.jit(lambda a, b: row_statistics(a, b, ignore_index=-1))(z, y)
    assert np.isnan(ignoring.log_prob).tolist() == [False, True, True, False]


def test_bfloat16():
    z = torch.tensor(Z, dtype=torch.bfloat16)
    got, want = row_statistics(z, torch.tensor(Y)), row_statistics(z.double().numpy(), Y)
    assert got.log_prob.dtype == torch.float32
    np.testing.assert_allclose(got.entropy.numpy(), want.entropy, rtol=1e-7)


@pytest.mark.parametrize(
    ("error", "message", "args", "options"),
    [
        (TypeError, "logits must be an array", ([[1.0]], Y), {}),
        (TypeError, "floating point, got int64", (Y[None], np.array([0])), {}),
        (TypeError, "class indices .* got distributions", (Z, xent.softmax(Z)), {}),
        (TypeError, "must be integers, got float64", (Z, Y.astype(float)), {}),
        (TypeError, "logits is a NumPy array and target is a torch array", (Z, torch.tensor(Y)), {}),
        (ValueError, r"target must have shape \(4,\)", (Z, Y[:2]), {}),
        (ValueError, r"labels must lie in \[0, 3\), got 3 at row 1", (Z, np.array([0, 3, 0, 0])), {}),
        (ValueError, "axis 2 does not exist", (Z, Y), {"axis": 2}),
        (ValueError, r"temperature must lie in \(0, inf\), got 0", (Z, Y), {"temperature": 0}),
    ],
)
def test_wrong_arguments_are_named(error, message, args, options):
    with pytest.raises(error, match=message):
        row_statistics(*args, **options)
