"""Norms and clipping by the kernels: exact at any size and layout, and what they leave to the generic path."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import oracle
import xent
from xent import _numpy, gradients
from xent.kernels import cpu, cpu_norms, norms, threads


@pytest.fixture
def alone(monkeypatch):
    """Leave nothing but the kernels."""
    monkeypatch.setattr(gradients, "_squares", lambda *_: pytest.fail("the generic path was taken"))
    monkeypatch.setattr(gradients._arrays, "wide", lambda *_: pytest.fail("the generic path was taken"))


def exact(arrays):
    return oracle.MP.sqrt(sum((x * x for a in arrays for x in oracle.reals(np.ravel(a))), oracle.real(0)))


SIZES = [1, 2, 10, 63, 64, 65, 1000, norms.BLOCK, 5 * norms.BLOCK + 1]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("past", [False, True])
def test_norm_and_clipping_are_exact(monkeypatch, kind, size, past):
    monkeypatch.setattr(cpu_norms, "PAST", -1 if past else cpu.PAST)
    rng = np.random.default_rng(size)
    tree = [rng.normal(size=size).astype(kind), {"b": rng.normal(size=(3, 2)).astype(kind)}]
    before = [tree[0].copy(), tree[1]["b"].copy()]
    norm = exact(before)
    assert oracle.ulps(xent.global_norm(tree), norm) <= 1
    clipped = xent.clip_gradients(tree, 0.7)
    for old, kept, new in zip((tree[0], tree[1]["b"]), before, (clipped[0], clipped[1]["b"]), strict=True):
        np.testing.assert_array_equal(old, kept)
        assert new.dtype == kind
        assert not np.shares_memory(old, new)
        wanted = [x * oracle.real(0.7) / norm for x in oracle.reals(old.ravel())]
        if kind == np.float64:
            assert max(oracle.ulps(float(a), b) for a, b in zip(new.ravel(), wanted, strict=True)) <= 2
        else:
            rounded = np.array([float(b) for b in wanted], kind)
            np.testing.assert_array_max_ulp(new.ravel(), rounded, 1)
    same = xent.clip_gradients(tree, 1e6)
    np.testing.assert_array_equal(same[0], tree[0])
    assert not np.shares_memory(same[0], tree[0])


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy])
def test_any_order(make):
    a = np.random.default_rng(0).normal(size=(30, 20, 4))
    wanted = xent.clip_gradients(a)
    for other in (np.asfortranarray(a), a.copy()):
        got = xent.clip_gradients(make(other))
        np.testing.assert_array_equal(np.asarray(got), wanted)
        assert np.asarray(got).strides == other.strides
        np.testing.assert_array_equal(np.asarray(xent.clip_gradients(make(other), 1e9)), a)
    a.flags.writeable = False
    np.testing.assert_array_equal(xent.clip_gradients(a), wanted)


def test_other_layouts_are_copied_first():
    a = np.random.default_rng(0).normal(size=(30, 20, 4))
    for other in (a[::2], a[:, ::-1], a.astype(">f8"), a.transpose(1, 0, 2)):
        assert xent.global_norm(other) == pytest.approx(xent.global_norm(other.copy()), rel=1e-15)
        np.testing.assert_allclose(xent.clip_gradients(other), xent.clip_gradients(other.astype(float, order="C")))


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_threads_change_no_bit(kind):
    a = np.random.default_rng(0).normal(size=3 * cpu_norms.PIECE + 17).astype(kind)
    many = xent.global_norm(a), xent.clip_gradients(a)
    assert many[0] == pytest.approx(math.sqrt(math.fsum(a.astype(float) ** 2)), rel=3e-16)
    with threads.limit(1):
        assert xent.global_norm(a) == many[0]
        np.testing.assert_array_equal(xent.clip_gradients(a), many[1])


@pytest.mark.usefixtures("alone")
def test_ends_of_narrow_types_and_zeros():
    for kind in (np.float32, np.float16):
        ends = [np.full(100, np.finfo(kind).max), np.full(9, np.finfo(kind).smallest_subnormal)]
        assert xent.global_norm(ends) == pytest.approx(10 * float(np.finfo(kind).max), rel=1e-15)
        np.testing.assert_allclose(xent.clip_gradients(ends)[0], 0.1, rtol=1e-3)
        tiny = [np.zeros(3), ends[1]]
        assert xent.global_norm(tiny) == 3 * float(np.finfo(kind).smallest_subnormal)
    assert xent.global_norm([np.zeros(5), np.zeros((2, 2), np.float32)]) == 0
    np.testing.assert_array_equal(xent.clip_gradients(np.zeros(5)), np.zeros(5))


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e-142, 3e154, 1e200, 1e308])
def test_squares_beyond_float64_are_left_to_the_generic_path(scale):
    a = np.array([0.5, -1.0, 0.25]) * scale
    assert _numpy.squares(a) is None
    for tree in ([a, np.array([3.0, 4.0], np.float32)], a):
        leaves = tree if isinstance(tree, list) else [tree]
        norm = exact(leaves)
        assert oracle.ulps(xent.global_norm(tree), norm) <= 4
        for limit in (float(norm / 3), min(float(norm * 3), np.finfo(float).max)):
            factor = min(oracle.real(1), oracle.real(limit) / norm)
            for new, old in zip(xent.clip_gradients(leaves, limit), leaves, strict=True):
                wanted = np.array([float(x * factor) for x in oracle.reals(old)], old.dtype)
                np.testing.assert_array_max_ulp(new, wanted, 4)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy])
def test_what_is_not_finite_is_named(kind, bad, make):
    a = np.ones((700, 500), kind)
    a[611, 7] = bad
    for f in (xent.clip_gradients, xent.global_norm):
        with pytest.raises(ValueError, match=rf"gradients\[1\] has {bad} at \[611, 7\]"):
            f([np.ones(3), make(a)])


@pytest.mark.usefixtures("alone")
def test_tensors_become_new_tensors():
    z = torch.nn.Parameter(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    for limit, wanted in ((1.0, [[0.6, 0.0], [0.0, 0.8]]), (9.0, [[3.0, 0.0], [0.0, 4.0]])):
        got = xent.clip_gradients(z, limit)
        assert type(got) is torch.Tensor
        assert not got.requires_grad
        torch.testing.assert_close(got, torch.tensor(wanted))
        got.add_(1)
        assert z[0, 0] == 3
    assert xent.clip_gradients(torch.tensor(3.0)).shape == ()


def test_tensors_that_numpy_cannot_show():
    z = torch.tensor([3.0, 4.0])
    for other in (z.bfloat16(), torch._neg_view(z)):
        got = xent.clip_gradients(other)
        assert got.dtype == other.dtype
        torch.testing.assert_close(got.abs().float(), z / 5, rtol=1e-2, atol=0)
