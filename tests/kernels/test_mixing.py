"""Smoothed targets by the kernels: as the generic path has them, and every row checked."""

from __future__ import annotations

import numpy as np
import pytest

import oracle
import xent
from xent import targets
from xent.kernels import cpu, cpu_targets, mixing, threads

CONVENTIONS = ["uniform", "others"]


@pytest.fixture
def alone(monkeypatch):
    """Leave nothing but the kernels."""
    generic = targets._generic
    monkeypatch.setattr(targets, "_generic", lambda *_: pytest.fail("the generic path was taken"))
    return generic


def some(rows, classes, kind=np.float64, seed=0):
    p = np.random.default_rng(seed).dirichlet(np.full(classes, 0.3), rows)
    p[::3] = np.eye(classes)[np.arange(len(p[::3])) % classes]
    return p.astype(kind)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("classes", [1, 2, 10, 63, 64, 65, 1000, mixing.BLOCK + 3])
@pytest.mark.parametrize("past", [False, True])
def test_rows_are_what_the_generic_path_makes_of_them(alone, monkeypatch, kind, convention, classes, past):
    monkeypatch.setattr(cpu_targets, "PAST", -1 if past else cpu.PAST)
    q = some(77, classes, kind)
    before = q.copy()
    for epsilon in (0.0, 0.1, 0.999, 1.0):
        ours = xent.smooth_labels(q, epsilon, convention=convention)
        wanted = alone(q, epsilon, None, convention)
        assert ours.dtype == kind
        np.testing.assert_array_max_ulp(ours, wanted, 1)
        np.testing.assert_array_equal(q, before)
        assert not np.shares_memory(q, ours)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("epsilon", [0.1, 1 / 3, 0.9, 1.0])
def test_wide_rows_are_rounded_once(convention, epsilon):
    for q in some(9, 7):
        exact = oracle.target(list(q), 7, epsilon=epsilon, convention=convention)
        ours = xent.smooth_labels(q, epsilon, convention=convention)
        assert max(oracle.ulps(a, b) for a, b in zip(ours, exact, strict=True)) <= 0.51


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.uint64])
@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("classes", [1, 2, 10, 65, 1000])
@pytest.mark.parametrize("past", [False, True])
def test_labels_are_what_the_generic_path_makes_of_them(alone, monkeypatch, kind, convention, classes, past):
    monkeypatch.setattr(cpu_targets, "PAST", -1 if past else cpu.PAST)
    y = np.random.default_rng(1).integers(0, min(classes, 200), (5, 7)).astype(kind)
    for labels in (y, y.T, y[::2, 1], np.asarray(y[0, 0])):
        ours = xent.smooth_labels(labels, 0.1, classes, convention=convention)
        np.testing.assert_array_equal(ours, alone(labels, 0.1, classes, convention))
        np.testing.assert_array_equal(xent.one_hot(labels, classes), alone(labels, 0.0, classes, "uniform"))


@pytest.mark.usefixtures("alone")
def test_any_layout():
    q = some(60, 8).reshape(3, 4, 5, 8)
    wanted = xent.smooth_labels(q, 0.2)
    for other in (np.asfortranarray(q), q[..., ::-1].copy()[..., ::-1]):
        np.testing.assert_array_equal(xent.smooth_labels(other, 0.2), wanted)
    np.testing.assert_array_equal(xent.smooth_labels(q[::2, ::-1], 0.2), wanted[::2, ::-1])
    q.flags.writeable = False
    np.testing.assert_array_equal(xent.smooth_labels(q, 0.2), wanted)
    np.testing.assert_array_equal(xent.smooth_labels(q[0, 0, 0], 0.2), wanted[0, 0, 0])


@pytest.mark.usefixtures("alone")
def test_threads_change_no_bit():
    q, y = some(900, 700, np.float32), np.arange(900) % 700
    many = xent.smooth_labels(q), xent.smooth_labels(y, 0.1, 700)
    with threads.limit(1):
        for a, b in zip(many, (xent.smooth_labels(q), xent.smooth_labels(y, 0.1, 700)), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("classes", [3, 1000, mixing.BLOCK + 3])
@pytest.mark.parametrize(("bad", "message"), [(-0.5, "negative or not finite"), (np.nan, "negative or not finite"),
                                              (np.inf, "negative or not finite"), (0.4, "sums to")])  # fmt: skip
def test_a_row_that_is_no_distribution_is_named(classes, bad, message):
    q = np.full((400, classes), 1 / classes, np.float32)
    q[311, 1] += bad
    with pytest.raises(
        ValueError, match=rf"{message}.* at row 311" if message == "sums to" else f"{message} at row 311"
    ):
        xent.smooth_labels(q)


def test_a_sum_next_to_what_is_tolerated_is_for_the_generic_path_to_judge():
    q = np.eye(3)
    q[1, 1] = 1.001 - 1e-12
    np.testing.assert_allclose(xent.smooth_labels(q, 0.3), 0.7 * q + 0.1, rtol=1e-15)
    q[1, 1] = 1.001 + 1e-12
    with pytest.raises(ValueError, match="at row 1"):
        xent.smooth_labels(q)


@pytest.mark.parametrize("bad", [-1, 10])
def test_a_label_that_is_no_class_is_named(bad):
    y = np.zeros(100_000, np.int32)
    y[70_000] = bad
    with pytest.raises(ValueError, match=rf"must lie in \[0, 10\), got {bad} at row 70000"):
        xent.smooth_labels(y, 0.1, 10)
