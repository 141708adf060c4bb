"""Clipping by the global norm: exact at both ends of the floats, on any structure, never in place."""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict, namedtuple
from types import MappingProxyType

import array_api_strict
import jax
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import oracle
import xent

INF, NAN = math.inf, math.nan
Layer = namedtuple("Layer", ["weight", "bias"])
entry = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-10, 10) | st.just(0.0)
arrays = hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3), elements=entry)
trees = st.recursive(
    arrays | st.none(),
    lambda some: (
        st.lists(some, max_size=3)
        | st.tuples(some, some)
        | st.dictionaries(st.sampled_from("abc"), some, max_size=3)
        | st.builds(Layer, some, some)
    ),
    max_leaves=6,
)


def leaves(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list | tuple):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [] if tree is None else [np.asarray(tree)]


def exact_norm(tree):
    return oracle.MP.sqrt(sum((x * x for a in leaves(tree) for x in oracle.reals(a.ravel())), oracle.real(0)))


def same_shape(a, b):
    assert type(a) is type(b) or np.isscalar(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        a, b = list(a.values()), list(b.values())
    if isinstance(a, list | tuple):
        for x, y in zip(a, b, strict=True):
            same_shape(x, y)


@given(trees)
def test_norm(tree):
    assert oracle.ulps(xent.global_norm(tree), exact_norm(tree)) <= 4


@given(trees, st.floats(1e-300, 1e300) | st.floats(0.1, 10))
def test_clipping(tree, most):
    before, norm = [a.copy() for a in leaves(tree)], exact_norm(tree)
    clipped = xent.clip_gradients(tree, most)
    same_shape(tree, clipped)
    factor = min(oracle.real(1), oracle.real(most) / norm) if norm else oracle.real(1)
    for old, kept, new in zip(leaves(tree), before, leaves(clipped), strict=True):
        np.testing.assert_array_equal(old, kept)  # never in place
        assert not np.shares_memory(old, new)
        assert old.shape == new.shape
        if norm <= most * (1 - 1e-15):
            np.testing.assert_array_equal(old, new)
        for x, y in zip(oracle.reals(old.ravel()), new.ravel(), strict=True):
            assert oracle.ulps(float(y), x * factor) <= 4
    assert exact_norm(clipped) <= oracle.real(most) * (1 + oracle.real(2**-50))


def test_a_norm_equal_to_the_limit_changes_nothing():
    gradients = [np.array([3.0]), np.array([4.0])]
    assert xent.global_norm(gradients) == 5
    np.testing.assert_array_equal(xent.clip_gradients(gradients, 5.0), [[3.0], [4.0]])
    np.testing.assert_array_equal(xent.clip_gradients(gradients, max_norm=1), [[0.6], [0.8]])
    np.testing.assert_array_equal(xent.clip_gradients(gradients), [[0.6], [0.8]])


def test_both_ends_of_the_floats():
    huge = [np.full(4, 1e308), np.array([-1.7e308])]
    assert xent.global_norm(huge) == INF
    clipped = xent.clip_gradients(huge)
    assert xent.global_norm(clipped) == pytest.approx(1, rel=1e-15)
    assert clipped[0][0] / clipped[1][0] == pytest.approx(-1 / 1.7, rel=1e-15)
    tiny = np.array([5e-324, 0.0])
    assert xent.global_norm(tiny) == 5e-324
    np.testing.assert_array_equal(xent.clip_gradients(tiny), tiny)
    assert xent.global_norm([np.array([3e-200]), np.array([4e-200])]) == pytest.approx(5e-200, rel=1e-15)


def test_structures():
    grown = OrderedDict(w=np.array([6.0]), b=(np.array([8.0]), None))
    clipped = xent.clip_gradients({"layer": Layer(grown, []), 1: None})
    assert type(clipped["layer"]) is Layer
    assert type(clipped["layer"].weight) is OrderedDict
    assert clipped["layer"].weight["w"] == pytest.approx(0.6)
    assert clipped["layer"].weight["b"][0] == pytest.approx(0.8)
    assert clipped["layer"].weight["b"][1] is clipped[1] is None
    assert clipped["layer"].bias == []
    for empty in ([], (), {}, None, [[], {}], np.zeros((0, 3))):
        assert xent.global_norm(empty) == 0
        assert type(xent.clip_gradients(empty)) is type(empty)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_types(kind):
    a = np.array([60.0, 80.0], kind)
    clipped = xent.clip_gradients([a])[0]
    assert clipped.dtype == kind
    np.testing.assert_array_equal(clipped, np.array([0.6, 0.8], kind))
    assert xent.global_norm([np.full(70000, 200, np.float16)]) == pytest.approx(200 * math.sqrt(70000), rel=1e-15)


@pytest.mark.parametrize("make", [array_api_strict.asarray, torch.asarray, jax.numpy.asarray])
def test_other_frameworks(make):
    a = make(np.array([[30.0, 0.0]], np.float32))
    clipped = xent.clip_gradients({"a": a, "b": [make(np.array([40.0], np.float32))]})
    assert type(clipped["a"]) is type(a)
    assert clipped["a"].dtype == a.dtype
    np.testing.assert_allclose(np.asarray(clipped["a"]), [[0.6, 0.0]], rtol=1e-7)
    np.testing.assert_allclose(np.asarray(clipped["b"][0]), [0.8], rtol=1e-7)
    huge = make(np.array([3e38, 3e38], np.float32))
    assert xent.global_norm(xent.clip_gradients([huge], 2.0)) == pytest.approx(2, rel=1e-6)
    mixed = xent.clip_gradients([huge, np.array([3e300, 4e300])])
    np.testing.assert_array_equal(np.asarray(mixed[0]), [0, 0])
    np.testing.assert_allclose(mixed[1], [0.6, 0.8], rtol=1e-15)


def test_torch_agrees_and_is_not_changed():
    rng = np.random.default_rng(0)
    shapes = [(300, 1000), (7,), (2, 3, 4)]
    parameters = [torch.nn.Parameter(torch.zeros(s, dtype=torch.float64)) for s in shapes]
    for p in parameters:
        p.grad = torch.tensor(rng.normal(size=p.shape))
    before = [p.grad.clone() for p in parameters]
    ours = xent.clip_gradients([p.grad for p in parameters], 1.0)
    assert all(torch.equal(p.grad, b) for p, b in zip(parameters, before, strict=True))
    norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    assert xent.global_norm(before) == pytest.approx(norm.item(), rel=1e-13)
    for a, p in zip(ours, parameters, strict=True):
        np.testing.assert_allclose(a, p.grad, rtol=2e-6)  # torch divides by norm + 1e-6


@pytest.mark.parametrize(
    ("error", "message", "tree"),
    [
        (ValueError, r"gradients\['b'\]\[1\] has nan at \[1, 0\]", {"b": [None, np.array([[0.0], [NAN]])]}),
        (ValueError, r"gradients\[0\] has -inf at \[2\]", [np.array([0, 1, -INF])]),
        (ValueError, r"gradients has inf; skip this step", np.float64(INF)),
        (TypeError, r"gradients\[0\] must be an array .* got float", [1.0]),
        (TypeError, r"gradients\['w'\] must be floating point, got int64", {"w": np.arange(3)}),
        (TypeError, "gradients must be an array .* got str", "no"),
        (TypeError, "floating point, got complex128", [np.array([1j])]),
    ],
)
def test_wrong_gradients_are_named(error, message, tree):
    for f in (xent.clip_gradients, xent.global_norm):
        with pytest.raises(error, match=message):
            f(tree)


@pytest.mark.parametrize("bad", [0.0, -1.0, INF, NAN])
def test_wrong_limits_are_named(bad):
    with pytest.raises(ValueError, match=rf"max_norm must lie in \(0, inf\), got {bad}"):
        xent.clip_gradients([np.ones(2)], bad)


@pytest.mark.parametrize("transform", [jax.jit, jax.grad])
def test_traced_arrays_are_refused(transform):
    with pytest.raises(TypeError, match=r"gradients\[0\] is traced"):
        transform(lambda a: xent.clip_gradients([a])[0].sum())(np.ones(3))


def test_mappings_stay_what_they_are():
    tree = defaultdict(list, a=np.array([3.0, 4.0]))
    got = xent.clip_gradients(tree)
    assert type(got) is defaultdict
    assert got.default_factory is list
    np.testing.assert_allclose(got["a"], [0.6, 0.8])
    np.testing.assert_array_equal(tree["a"], [3, 4])
    fixed = xent.clip_gradients(MappingProxyType({"a": np.array([3.0, 4.0])}))
    assert type(fixed) is MappingProxyType
    np.testing.assert_allclose(fixed["a"], [0.6, 0.8])


def test_large_limits_do_not_overflow():
    got = xent.clip_gradients(np.full(4, 1e308), 1e308)
    np.testing.assert_allclose(got, 5e307, rtol=1e-15)


def test_torch_tensors_come_detached():
    # the factor would be a constant to autograd: the derivative through a clipped gradient would be wrong
    for limit in (1.0, 10.0):
        (got,) = xent.clip_gradients([torch.tensor([3.0, 4.0], requires_grad=True)], limit)
        assert not got.requires_grad
    assert xent.global_norm(torch.nn.Parameter(torch.tensor([3.0, 4.0]))) == 5


def test_sparse_tensors_are_named():
    with pytest.raises(TypeError, match=r"gradients\[1\] is a tensor of layout torch.sparse_coo; .* to_dense"):
        xent.clip_gradients([None, torch.eye(2).to_sparse()])
