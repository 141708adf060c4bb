"""The kernel of distillation: the error bound, what it gives to the generic path, layouts, threads."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xent
from test_distillation import excess
from xent import _elements, _numpy
from xent.kernels import cpu_distillation, threads

RNG = np.random.default_rng(0)
SIZES = [1, 2, 10, 63, 64, 65, 1000]
NEAR = {"float32": 3e-7, "float16": 1.1e-3}  # beside the largest entry


def pair(shape, dtype, apart=1.0):
    v = (RNG.normal(size=shape) * 3).astype(dtype)
    return (v + RNG.normal(size=shape) * apart).astype(dtype), v


@pytest.fixture
def generic(monkeypatch):
    """Give the same by the generic path alone."""

    def compute(*args, **options):
        with monkeypatch.context() as m:
            m.setattr(_numpy, "distillation", lambda *_args, **_options: None)
            return xent.distillation_loss_with_grad(*args, **options)

    return compute


@pytest.fixture
def only_kernel(monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("the generic path was taken")

    monkeypatch.setattr(_elements, "distillation", refuse)


@given(st.data())
def test_bound_on_rows_of_any_scale(data):
    """Entries of scales of their own, a common shift, one class above the others, students far and near."""
    k, dtype = data.draw(st.integers(1, 6)), data.draw(st.sampled_from([np.float32, np.float16]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    size = 10.0 ** rng.uniform(-6, 2, k)
    v = rng.normal(size=k) * size
    u = v + rng.normal(size=k) * size * 10.0 ** rng.uniform(-8, 1, k)
    u += data.draw(st.sampled_from([0.0, 1e-2, 30.0]))
    if data.draw(st.booleans()):
        u[0] = v[0] = max(u.max(), v.max()) + data.draw(st.sampled_from([5.0, 30.0, 100.0]))
    assert excess(u.astype(dtype), v.astype(dtype), data.draw(st.sampled_from([1.0, 2.0, 4.0, 0.7, 20.0]))) <= 1


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("k", SIZES)
def test_it_is_the_generic_path(k, dtype, generic):
    y = RNG.integers(0, k, 5)
    for apart in (2.0, 1e-3, 0.0):
        u, v = pair((5, k), dtype, apart)
        for options in (
            {}, {"target": y}, {"target": y, "alpha": 0.0}, {"target": y, "alpha": 1.0, "reduction": "sum"},
            {"target": y, "alpha": 0.3, "temperature": 3.0, "reduction": "none"},
            {"target": y, "temperature": 1.0}, {"target": y, "temperature": 4.0},
        ):  # fmt: skip
            loss, slope = xent.distillation_loss_with_grad(u, v, **options)
            want, steep = generic(u, v, **options)
            assert (loss.dtype, slope.dtype, slope.shape) == (want.dtype, steep.dtype, steep.shape)
            np.testing.assert_allclose(loss, want, rtol=3e-7)
            np.testing.assert_allclose(
                xent.distillation_loss(u, v, **options), loss, rtol=3e-7
            )  # loops of their own
            most = float(np.abs(steep).max())
            np.testing.assert_allclose(slope, steep, rtol=NEAR[dtype], atol=NEAR[dtype] * most)


@pytest.mark.usefixtures("only_kernel")
def test_every_axis_and_stride_gives_the_same_bits():
    u, v = pair((6, 10, 7), np.float32)
    y, want = RNG.integers(0, 10, (6, 7)), None
    for a, b in ((u, v), (u[::-1][::-1], v.copy("F"))):
        for axis in (1, -2, 0, 2):
            z, w = np.moveaxis(a, 1, axis), np.moveaxis(b, 1, axis)
            loss, slope = xent.distillation_loss_with_grad(z, w, target=y, axis=axis, reduction="none")
            slope = np.moveaxis(slope, axis, 1)
            want = want or (loss, slope)
            np.testing.assert_array_equal(loss, want[0])
            np.testing.assert_array_equal(slope, want[1])


@pytest.mark.usefixtures("only_kernel")
@pytest.mark.parametrize("k", [3, 300])
def test_the_same_bits_for_any_number_of_threads_and_inputs_are_only_read(k):
    n = 3 * cpu_distillation.PIECE // k
    u, v = pair((n, k), np.float32)
    y = RNG.integers(0, k, n)
    for a in (u, v, y):
        a.flags.writeable = False
    with threads.limit(1):
        one = xent.distillation_loss_with_grad(u, v, target=y)
    with threads.limit(3):
        many = xent.distillation_loss_with_grad(u, v, target=y)
    assert one[0] == many[0]
    np.testing.assert_array_equal(one[1], many[1])


@pytest.mark.usefixtures("only_kernel")
@pytest.mark.parametrize("k", [3, 70])
def test_the_same_costs_exactly_nothing(k):
    v = RNG.integers(-64, 64, (9, k)).astype(np.float32) / 8
    for shift in (0, 3, -1000):
        loss, slope = xent.distillation_loss_with_grad(v + np.float32(shift), v)
        assert loss == 0
        assert not slope.any()


@pytest.mark.parametrize("k", [3, 70])
def test_masks_and_rows_without_a_softmax(k, generic):
    u, v = pair((9, k), np.float32)
    v[7] = u[7] + np.float32(1e-4)
    u[0, 1] = v[0, 1] = v[1, 1] = u[2, 1] = v[7, 2] = u[7, 2] = -np.inf
    u[3, 0] = v[4, 2] = np.nan
    u[5, 1] = np.inf
    v[6] = -np.inf
    for options in ({}, {"target": np.full(9, 2)}):
        loss, slope = xent.distillation_loss_with_grad(u, v, reduction="none", **options)
        want, steep = generic(u, v, reduction="none", **options)
        np.testing.assert_allclose(loss, want, rtol=1e-6)
        np.testing.assert_allclose(slope, steep, rtol=1e-5, atol=1e-7)
        assert loss[2] == np.inf
        assert np.isnan(loss[3:7]).all()


def test_what_the_kernel_does_not_take_goes_the_generic_way(generic):
    u, v = pair((4, 5), np.float32)
    q = RNG.dirichlet(np.ones(5), 4).astype(np.float32)
    for args, options in (
        ((u, v.astype(np.float64)), {}),
        ((u.astype(np.float64), v), {}),
        ((u, v), {"target": q}),
        ((u, v), {"temperature": 1e40}),
    ):
        got, want = xent.distillation_loss_with_grad(*args, **options), generic(*args, **options)
        np.testing.assert_array_equal(got[0], want[0])
        np.testing.assert_array_equal(got[1], want[1])
    for alpha in (0.0, 0.5, 1.0):
        with pytest.raises(ValueError, match=r"labels must lie in \[0, 5\), got 7"):
            xent.distillation_loss(u, v, target=np.array([0, 1, 7, 2]), alpha=alpha)
    assert math.isnan(xent.distillation_loss(u[:0], v[:0]))
