"""`xent.jax`'s large arrays on a CPU: NumPy's bits, from the kernels, wherever XLA may call them."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import xent
import xent.jax as xj
from xent.jax import _direct, _foreign, _kernels

NAN, INF = float("nan"), float("inf")


def slow(*values):
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def named(options):
    return ",".join(f"{name}={value}" for name, value in options.items()) or "plain"


KINDS = [np.float32, *slow(np.float64)]  # whose functions are others, to be compiled
ROWS, CLASSES = 500, 100
RNG = np.random.default_rng(0)
LOGITS = (RNG.normal(size=(ROWS, CLASSES)) * 3).astype(np.float32)
LOGITS[:7, 3] = -INF
OTHERS = (RNG.normal(size=(ROWS, CLASSES)) * 3).astype(np.float32)
LABELS = RNG.integers(10, CLASSES, ROWS)
SOFT = xent.softmax(OTHERS)
WEIGHT = RNG.integers(1, 8, CLASSES) / 8  # what float32 and float64 both hold
FACTOR = np.where(np.arange(ROWS) % 5, RNG.integers(0, 4, ROWS) / 4, 0)
YES = RNG.integers(0, 2, (ROWS, CLASSES))


@pytest.fixture(autouse=True)
def float32():
    """Begin without float64, whatever tests elsewhere have switched on."""
    with jax.enable_x64(False):
        yield


def called(f, *given):
    """Give the names of the foreign functions in a program."""
    text = jax.jit(f).lower(*given).as_text()
    return {name for name in _foreign._functions if f"[\\22{name}\\22" in text}


def same(got, want):
    """Demand float32's bits, but 0 below the normal numbers; float64 may differ by two units of the last place."""
    got, want = np.asarray(got), np.asarray(want, np.asarray(got).dtype)
    np.testing.assert_allclose(got, want, rtol=4.5e-16 if got.dtype == float else 0, atol=2.0**-126)


def by_python(monkeypatch):
    """Have Python asked for everything that a kernel computes."""
    monkeypatch.setattr(_direct, "MOST", -1)
    jax.clear_caches()


# ----------------------------------------------------------------------------------------------------- NumPy's bits


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label_smoothing": 0.125},
        {"weight": WEIGHT},
        {"weight": WEIGHT, "label_smoothing": 0.125, "sample_weight": FACTOR},
        {"z_loss": 0.125, "softcap": 4.0},
        {"temperature": 0.5, "ignore_index": 17, "sample_weight": FACTOR},
        {"temperature": 3.0, "z_loss": 0.25, "label_smoothing": 1.0, "weight": WEIGHT},
    ],
    ids=lambda options: ",".join(options) or "plain",
)
@pytest.mark.parametrize("way", ["labels", "labels by Python", "soft"])
@pytest.mark.parametrize("kind", KINDS)
def test_cross_entropy_has_numpys_bits(options, way, kind, monkeypatch):
    soft = way == "soft"
    if way == "labels by Python":
        by_python(monkeypatch)
    if soft and "ignore_index" in options:
        options = {name: value for name, value in options.items() if name != "ignore_index"}
    z, target = LOGITS.astype(kind), SOFT.astype(kind) if soft else LABELS
    with jax.enable_x64(kind is np.float64):
        each = xj.cross_entropy_with_grad(z, target, **options, reduction="none")
        assert called(lambda z: xj.cross_entropy(z, target, **options), z) == {"cross_entropy_of"}
        loss = xj.cross_entropy(z, target, **options)
    for got, want in zip(each, xent.cross_entropy_with_grad(z, target, **options, reduction="none"), strict=True):
        assert got.dtype == kind
        same(got, want)
    np.testing.assert_allclose(
        loss, xent.cross_entropy(z, target, **options), rtol=1e-12 if kind is np.float64 else 1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "function", "with_grad", "target"),
    [
        ("binary_of", xj.binary_cross_entropy, xent.binary_cross_entropy_with_grad, YES),
        ("binary_of", xj.binary_cross_entropy, xent.binary_cross_entropy_with_grad, SOFT),
        (
            "binary",
            partial(xj.binary_cross_entropy, pos_weight=WEIGHT, weight=FACTOR[:, None], label_smoothing=0.125),
            partial(
                xent.binary_cross_entropy_with_grad,
                pos_weight=WEIGHT,
                weight=FACTOR[:, None],
                label_smoothing=0.125,
            ),
            SOFT,
        ),
        ("binary_of", xj.focal_loss, xent.focal_loss_with_grad, YES),
        (
            "binary_of",
            partial(xj.focal_loss, gamma=1.5, alpha=0.25),
            partial(xent.focal_loss_with_grad, gamma=1.5, alpha=0.25),
            YES,
        ),
        ("focal", partial(xj.focal_loss, axis=-1), partial(xent.focal_loss_with_grad, axis=-1), LABELS),
        (
            "focal",
            partial(xj.focal_loss, axis=-1, gamma=0.5, alpha=WEIGHT),
            partial(xent.focal_loss_with_grad, axis=-1, gamma=0.5, alpha=WEIGHT),
            LABELS,
        ),
        ("distillation", xj.distillation_loss, xent.distillation_loss_with_grad, OTHERS),
    ],
)
def test_the_others_have_numpys_bits(name, function, with_grad, target, kind):
    if name == "distillation" and kind is np.float64:
        pytest.skip("only float32 has a kernel")
    z = np.maximum(LOGITS, -40).astype(kind)
    target = target.astype(kind) if np.issubdtype(target.dtype, np.floating) else target
    with jax.enable_x64(kind is np.float64):
        f = partial(function, reduction="none")
        assert called(lambda z: f(z, target), z) == {name}
        got, pull = jax.vjp(lambda z: f(z, target), jnp.asarray(z))
        (slope,) = pull(jnp.ones_like(got))
        assert got.dtype == slope.dtype == kind
    for ours, theirs in zip((got, slope), with_grad(z, target, reduction="none"), strict=True):
        same(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_have_numpys_bits(kind):
    z = LOGITS.astype(kind)
    with jax.enable_x64(kind is np.float64):
        for name in ("softmax", "log_softmax"):
            for options in ({}, {"temperature": 0.5}):
                ours, theirs = (partial(getattr(module, name), **options) for module in (xj, xent))
                assert called(ours, z) == {"softmax"}
                same(ours(z), theirs(z))
            other = partial(getattr(xj, name), axis=0)  # laid out anew, where NumPy's kernel reads across
            assert called(other, z.T) == {"softmax"}
            same(other(z.T), getattr(xent, name)(z).T)
        assert called(xj.logsumexp, z) == {"softmax"}
        same(xj.logsumexp(z), xent.logsumexp(z))
        assert called(xj.entropy, z) == {"entropy"}
        got, pull = jax.vjp(xj.entropy, jnp.asarray(z))
        (slope,) = pull(jnp.ones_like(got))
    p, surprise = xent.softmax(LOGITS.astype(float)), -xent.log_softmax(LOGITS.astype(float))
    h = xent.information.entropy(p, axis=-1)
    steep = np.where(p > 0, p * (np.where(p > 0, surprise, 0) - h[:, None]), 0)
    tolerance = {"rtol": 1e-12, "atol": 1e-15} if kind is np.float64 else {"rtol": 1e-5, "atol": 1e-7}
    np.testing.assert_allclose(got, h, **tolerance)
    np.testing.assert_allclose(slope, steep, **tolerance)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("few", [2, 10])
def test_many_rows_of_few_classes_go_in_blocks(few, kind):
    z, y = RNG.normal(size=(300_001, few)).astype(kind), RNG.integers(0, few, 300_001)
    assert z.size > _kernels.BLOCK
    close = partial(np.testing.assert_allclose, rtol=2e-15 if kind is np.float64 else 2.5e-7)
    factor = np.where(np.arange(len(y)) > 240_000, 0.5, 1.0)  # in some blocks all are 1
    with jax.enable_x64(kind is np.float64):
        for options in ({}, {"sample_weight": factor}, {"ignore_index": 1, "temperature": 2.0}, {"z_loss": 0.25}):
            want = xent.cross_entropy(z, y, **options, reduction="none")
            close(xj.cross_entropy(z, y, **options, reduction="none"), want)
            for got, wanted in zip(
                xj.cross_entropy_with_grad(z, y, **options, reduction="none"),
                xent.cross_entropy_with_grad(z, y, **options, reduction="none"),
                strict=True,
            ):
                close(got, wanted)
        close(xj.focal_loss(z, y, axis=-1, reduction="none"), xent.focal_loss(z, y, axis=-1, reduction="none"))


def test_ties_share_no_derivative():
    z, along = np.repeat(LOGITS[:, :50], 2, axis=1), OTHERS
    p = xent.softmax(z.astype(float))
    change = along - (p * along).sum(axis=1, keepdims=True)
    for f, exact in ((xj.softmax, p * change), (xj.log_softmax, np.where(np.isinf(z), 0, change))):
        got = jax.jvp(f, (jnp.asarray(z),), (jnp.asarray(along),))[1]
        np.testing.assert_allclose(got, exact, rtol=1e-4, atol=1e-5)


def test_half_precision_is_computed_in_float32():
    for kind in (jnp.float16, jnp.bfloat16):
        z = jnp.asarray(LOGITS).astype(kind)
        assert called(xj.cross_entropy, z, LABELS) == {"cross_entropy_of"}
        loss, slope = xj.cross_entropy_with_grad(z, LABELS, reduction="none")
        wide, steep = xent.cross_entropy_with_grad(np.asarray(z, np.float32), LABELS, reduction="none")
        assert slope.dtype == kind
        same(loss, wide)
        same(slope, jnp.asarray(steep).astype(kind))


# -------------------------------------------------------------------------------------------------- transformations


@pytest.mark.parametrize("over", [(0, None, None), (None, 0, None), (None, None, 0), (0, 0, 0), (0, None, 0)])
@pytest.mark.parametrize("soft", [False, True], ids=["labels", "soft"])
def test_vmap_over_any_argument(over, soft):
    z, w = np.stack([LOGITS, OTHERS, LOGITS[::-1]]), np.stack([WEIGHT, WEIGHT[::-1], np.ones(CLASSES)])
    target = np.stack([SOFT, SOFT[::-1], SOFT]) if soft else np.stack([LABELS, LABELS[::-1], LABELS])
    given = [a if axis == 0 else a[0] for a, axis in zip((z, target, w), over, strict=True)]

    def one(z, target, w):
        return xj.cross_entropy_with_grad(z, target, weight=w, reduction="none")

    assert called(jax.vmap(one, over), *given) == {"cross_entropy_of"}
    each = jax.vmap(one, over)(*given)
    for i in range(3):
        z_i, target_i, w_i = (a[i] if axis == 0 else a for a, axis in zip(given, over, strict=True))
        want = xent.cross_entropy_with_grad(z_i, target_i, weight=w_i, reduction="none")
        for got, wanted in zip(each, want, strict=True):
            same(got[i], wanted)


def test_vmap_over_two_axes(monkeypatch):
    monkeypatch.setattr(_foreign, "LEAST", 1)  # what one call sees is small here
    jax.clear_caches()
    close = partial(np.testing.assert_allclose, rtol=4e-7, atol=1e-30)  # NumPy has another kernel for so little
    z = LOGITS.reshape(5, 10, 10, CLASSES)
    y, w = LABELS.reshape(5, 10, 10), np.stack([WEIGHT] * 5) / 2.0 ** np.arange(5)[:, None]
    two = jax.vmap(jax.vmap(lambda z, y, w: xj.cross_entropy(z, y, weight=w, reduction="none"), (0, 0, None)))
    got = two(z, y, w)
    for i in range(5):
        want = xent.cross_entropy(z[i], y[i], weight=w[i], reduction="none")
        close(got[i], want)
    target = YES.reshape(5, 10, 10, CLASSES)
    many = jax.vmap(jax.vmap(partial(xj.binary_cross_entropy, reduction="none"), (0, None)), (None, 0))
    close(
        many(z[0], target[:, 0]),
        [[xent.binary_cross_entropy(a, b[0], reduction="none") for a in z[0]] for b in target],
    )
    rows = jax.vmap(jax.vmap(xj.entropy))(z)
    assert called(jax.vmap(jax.vmap(xj.entropy)), z) == {"entropy"}
    np.testing.assert_allclose(rows, xj.entropy(z), rtol=1e-6)
    for name in ("softmax", "logsumexp"):
        close(jax.vmap(getattr(xj, name))(z), getattr(xent, name)(z))
    far = jax.vmap(partial(xj.distillation_loss, reduction="none"), (0, None))(z, z[0])
    close(far, np.stack([xent.distillation_loss(a, z[0], reduction="none") for a in z]))


def test_vmap_over_nothing():
    for f in (partial(xj.cross_entropy, reduction="none"), partial(xj.focal_loss, axis=-1, reduction="none")):
        assert jax.vmap(f)(jnp.zeros((0, ROWS, CLASSES)), jnp.zeros((0, ROWS), int)).shape == (0, ROWS)
    for f in (xj.softmax, xj.logsumexp, xj.entropy):
        assert jax.vmap(jax.grad(lambda z, f=f: f(z).sum()))(jnp.zeros((0, ROWS, CLASSES))).shape == (
            0,
            ROWS,
            CLASSES,
        )


def test_inside_loops_conditions_and_remat():
    z, y = jnp.asarray(LOGITS), jnp.asarray(LABELS)
    want, wanted = xj.cross_entropy_with_grad(z, y)

    def looped(z):
        return jax.lax.scan(lambda c, _: (c + jax.checkpoint(xj.cross_entropy)(z, y), None), 0.0, length=3)[0]

    loss, slope = jax.jit(jax.value_and_grad(looped))(z)
    np.testing.assert_allclose(loss, 3 * want, rtol=1e-6)
    np.testing.assert_allclose(slope, 3 * wanted, rtol=1e-6, atol=1e-12)
    chosen = jax.jit(jax.grad(lambda z, yes: jax.lax.cond(yes, xj.cross_entropy, lambda *_: 0.0, z, y)))
    same(chosen(z, True), wanted)
    assert not chosen(z, False).any()


def test_second_derivatives_are_xlas():
    z, y = jnp.asarray(LOGITS[7:]), jnp.asarray(LABELS[7:])
    along = jnp.asarray(OTHERS[7:])
    slope, change = jax.jvp(
        jax.grad(xj.cross_entropy), (z, y.astype(int)), (along, np.zeros(y.shape, jax.dtypes.float0))
    )
    p = xent.softmax(LOGITS[7:].astype(float))
    exact = p * (OTHERS[7:] - (p * OTHERS[7:]).sum(axis=1, keepdims=True)) / len(p)
    np.testing.assert_allclose(change, exact, rtol=1e-3, atol=1e-9)
    same(slope, xj.cross_entropy_with_grad(z, y)[1])


# ----------------------------------------------------------------------------------------------------- machine code

SMALL = {
    "plain": {},
    "weight": {"weight": True},
    "all": {"weight": True, "sample_weight": True, "ignore_index": 2, "temperature": 0.5, "z_loss": 0.25},
    "rows": {"sample_weight": True, "ignore_index": -100, "denominator": "rows"},
    "number": {"denominator": 7.0, "z_loss": 0.125},
}


@pytest.fixture
def no_python(monkeypatch):
    """Fail wherever XLA asks Python."""

    def asked(*_, **__):
        raise RuntimeError("Python was asked")

    for name in _foreign._functions:
        monkeypatch.setitem(_foreign._functions, name, asked)
    _foreign._meaning.cache_clear()
    yield
    _foreign._meaning.cache_clear()


@pytest.mark.usefixtures("no_python")
@pytest.mark.parametrize("name", ["plain", "all", *slow("weight", "rows", "number")])
@pytest.mark.parametrize("classes", [3, 40, 600, *slow(1, 10, 100)])
@pytest.mark.parametrize("kind", KINDS)
def test_machine_code_has_numpys_bits(classes, name, kind):
    options = SMALL[name]
    rng = np.random.default_rng(classes)
    z, y = (rng.normal(size=(37, classes)) * 4).astype(kind), rng.integers(0, classes, 37)
    z[3, classes // 2], y[5] = -INF if classes > 1 else 0, options.get("ignore_index", 0)
    arrays = {"weight": rng.integers(1, 8, classes) / 8, "sample_weight": rng.integers(0, 4, 37) / 4}
    options = {name: arrays.get(name, value) for name, value in options.items()}
    y = np.where((y < 0) | (y >= classes), y if "ignore_index" in options else 0, y)
    with jax.enable_x64(kind is np.float64):
        for reduction in ("none", "sum", "mean"):
            if reduction != "mean":
                options.pop("denominator", None)
            given = options | {"reduction": reduction}
            same(xj.cross_entropy(z, y, **given), xent.cross_entropy(z, y, **given))
            got, want = (f(z, y, **given) for f in (xj.cross_entropy_with_grad, xent.cross_entropy_with_grad))
            for a, b in zip(got, want, strict=True):
                assert a.dtype == kind
                same(a, b)


@pytest.mark.usefixtures("no_python")
@pytest.mark.parametrize("classes", [3, 200, *slow(1, 40)])
@pytest.mark.parametrize("kind", KINDS)
def test_machine_code_of_any_targets_has_numpys_bits(classes, kind):
    rng = np.random.default_rng(classes)
    z, y = (rng.normal(size=(21, classes)) * 4).astype(kind), rng.integers(0, classes, 21)
    q = xent.softmax(rng.normal(size=(21, classes)).astype(kind))
    w, s = rng.integers(1, 8, classes) / 8, rng.integers(0, 4, 21) / 4
    with jax.enable_x64(kind is np.float64):
        for target, options in (
            (y, {"label_smoothing": 0.125}),
            (y, {"label_smoothing": 0.125, "ignore_index": 0, "temperature": 2.0, "sample_weight": s}),
            (y, {"label_smoothing": 0.25, "weight": w, "softcap": 4.0}),
            (q, {}),
            (q, {"weight": w, "sample_weight": s, "z_loss": 0.25, "label_smoothing": 0.5}),
            (q, {"sample_weight": s, "denominator": "rows", "softcap": 3.0, "temperature": 0.5}),
        ):
            got, want = (
                f(z, target, **options) for f in (xj.cross_entropy_with_grad, xent.cross_entropy_with_grad)
            )
            for a, b in zip(got, want, strict=True):
                same(a, b)
            options.pop("denominator", None)
            got, want = (f(z, target, **options, reduction="none") for f in (xj.cross_entropy, xent.cross_entropy))
            same(got, want)


@pytest.mark.usefixtures("no_python")
@pytest.mark.parametrize("kind", KINDS)
def test_faulty_distributions_in_machine_code(kind):
    z, q, s = LOGITS[7:17].astype(kind), SOFT[7:17].astype(kind), np.ones(10)
    q[2], q[3, 0], q[4, 1], q[5, 2], s[6], q[6] = 0.5, -1, NAN, INF, 0, NAN
    with jax.enable_x64(kind is np.float64):
        loss, slope = xj.cross_entropy_with_grad(z, q, sample_weight=s, reduction="none")
        assert np.flatnonzero(np.isnan(loss)).tolist() == [2, 3, 4, 5]
        assert np.flatnonzero(np.isnan(slope).any(axis=1)).tolist() == [2, 3, 4, 5]
        assert loss[6] == 0
        assert not slope[6].any()
        half = jnp.asarray(SOFT[7:17] * 1.003, jnp.bfloat16)  # within what its digits allow
        assert np.isfinite(xj.cross_entropy(z, half))
        assert np.isnan(xj.cross_entropy(z, half.astype(kind) * 1.003))


@pytest.mark.usefixtures("no_python")
@pytest.mark.parametrize("kind", KINDS)
def test_binary_machine_code_has_numpys_bits(kind):
    z = np.append(np.maximum(LOGITS[:5], -40).ravel(), [INF, -INF, 90, -90, 0]).astype(kind)
    yes = np.append(YES[:5].ravel(), [1, 0, 1, 0, 1])
    soft = np.append(SOFT[:5].ravel(), [0.5, 0.5, 0, 1, 1]).astype(kind)
    with jax.enable_x64(kind is np.float64):
        for reduction in ("none", "sum", "mean"):
            for name, target, options in (
                ("binary_cross_entropy", yes, {}),
                ("binary_cross_entropy", yes.astype(bool), {}),
                ("binary_cross_entropy", yes.astype(kind), {"denominator": 7.0} if reduction == "mean" else {}),
                ("binary_cross_entropy", soft, {}),
                ("focal_loss", yes, {"gamma": 1.5, "alpha": 0.25}),
                ("focal_loss", yes.astype(kind), {}),
            ):
                f = partial(getattr(xj, name), reduction=reduction, **options)
                each, pull = jax.vjp(lambda z, f=f, target=target: f(z, target), jnp.asarray(z))
                want = getattr(xent, f"{name}_with_grad")(z, target, reduction=reduction, **options)
                same(each, want[0])
                same(pull(jnp.ones_like(each))[0], want[1])
        two = jax.vmap(xj.binary_cross_entropy, (0, None))(np.stack([z[:-5], z[:-5] / 2]), yes[:-5])
        same(two[1], xent.binary_cross_entropy(z[:-5] / 2, yes[:-5]))


@pytest.mark.usefixtures("no_python")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_target_in_machine_code(kind):
    z, y = LOGITS[7:9].astype(kind), YES[7:9].astype(kind)
    y[0, 3], y[1, 4], y[1, 5] = 2, NAN, -1
    with jax.enable_x64(kind is np.float64):
        for f, bad in ((xj.binary_cross_entropy, 3), (xj.focal_loss, 4)):
            y[0, 7] = 0.5  # a target of the one and none of the other
            loss, pull = jax.vjp(lambda z, f=f: f(z, y, reduction="none"), jnp.asarray(z))
            for a in (loss, *pull(jnp.ones_like(loss))):
                assert np.isnan(a).sum() == bad
            mean, slope = jax.value_and_grad(lambda z, f=f: f(z, y))(jnp.asarray(z))
            assert np.isnan(mean)
            assert np.isnan(slope).sum() == bad


@pytest.mark.usefixtures("no_python")
@pytest.mark.parametrize("classes", [3, 200, *slow(1, 40)])
@pytest.mark.parametrize("kind", KINDS)
def test_softmax_in_machine_code_has_numpys_bits(classes, kind):
    z = (np.random.default_rng(classes).normal(size=(4, 9, classes)) * 4).astype(kind)
    z[0, 1], z[0, 2, 0], z[1, 3, classes // 2], z[1, 4, 0] = -INF, INF, NAN, -INF
    with jax.enable_x64(kind is np.float64):
        for name, options in (
            *((name, {"temperature": tau}) for name in ("softmax", "log_softmax") for tau in (1.0, 0.5, 3.0)),
            ("logsumexp", {}),
        ):
            ours, theirs = (partial(getattr(module, name), **options) for module in (xj, xent))
            same(ours(z), theirs(z))
            same(jax.vmap(ours)(z), theirs(z))


@pytest.mark.usefixtures("no_python")
@pytest.mark.parametrize("over", [(0, None, None, None), (None, 0, 0, None), (None, None, 0, 0), (0, 0, 0, 0)])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_vmap_of_machine_code(over, reduction):
    z, y = LOGITS[:90].reshape(3, 30, CLASSES), LABELS[:90].reshape(3, 30)
    w, s = np.stack([WEIGHT, WEIGHT[::-1], np.ones(CLASSES)]), FACTOR[:90].reshape(3, 30)
    given = [a if axis == 0 else a[0] for a, axis in zip((z, y, w, s), over, strict=True)]

    def one(function, z, y, w, s):
        return function(z, y, weight=w, sample_weight=s, reduction=reduction)

    got = jax.vmap(partial(one, xj.cross_entropy_with_grad), over)(*given)
    twice = jax.vmap(jax.vmap(partial(one, xj.cross_entropy), over), (0, None, None, None))
    for i in range(3):
        parts = [a[i] if axis == 0 else a for a, axis in zip(given, over, strict=True)]
        for ours, theirs in zip(got, one(xent.cross_entropy_with_grad, *parts), strict=True):
            same(ours[i], theirs)
        many = twice(np.stack([given[0], given[0] * 0.5]), *given[1:])
        same(many[1][i], one(xent.cross_entropy, parts[0] * np.float32(0.5), *parts[1:]))


@pytest.mark.usefixtures("no_python")
@pytest.mark.parametrize("kind", KINDS)
def test_faulty_labels_and_weights_in_machine_code(kind):
    z, s = LOGITS[7:17].astype(kind), np.ones(10)
    y = np.array([0, 1, -1, 3, CLASSES, 5, -100, 2**31 - 1, 0, 1])
    s[4], s[5] = 0, NAN
    with jax.enable_x64(kind is np.float64):
        if kind is np.float64:
            y[9] = 2**32  # which is 0 in int32
        given = {"ignore_index": -100, "sample_weight": s, "reduction": "none"}
        loss, slope = xj.cross_entropy_with_grad(z, y, **given)
        bad = [2, 5, 7, 9] if kind is np.float64 else [2, 5, 7]
        assert (
            np.flatnonzero(np.isnan(loss)).tolist() == np.flatnonzero(np.isnan(slope).all(axis=1)).tolist() == bad
        )
        assert not slope[jnp.array([4, 6])].any()
        assert not loss[jnp.array([4, 6])].any()
        mean, slope = xj.cross_entropy_with_grad(z, y, ignore_index=-100)
        assert np.isnan(mean)
        assert np.isfinite(np.asarray(slope)[[0, 1, 3, 5, 6, 8]]).all()
        negative = np.where(np.arange(CLASSES) == 2, -1.0, 1.0)
        assert np.isnan(xj.cross_entropy_with_grad(z, y, weight=negative)[1]).all()
        for empty, want in (("nan", NAN), ("zero", 0.0)):
            mean, slope = xj.cross_entropy_with_grad(z, np.full(10, -100), ignore_index=-100, on_empty=empty)
            np.testing.assert_equal(float(mean), want)
            assert not slope.any()


@pytest.mark.usefixtures("no_python")
def test_many_small_losses_under_vmap_do_not_pass_through_python():
    pairs = _direct.MOST // CLASSES
    z, y = RNG.normal(size=(pairs, 2, CLASSES)).astype(np.float32), RNG.integers(0, CLASSES, (pairs, 2))
    same(
        jax.vmap(partial(xj.cross_entropy, reduction="sum"))(z, y)[:50],
        [xent.cross_entropy(*one, reduction="sum") for one in zip(z[:50], y[:50], strict=True)],
    )
    yes = (z > 1).astype(np.float32)
    same(
        jax.vmap(xj.binary_cross_entropy)(z, yes)[:50],
        [xent.binary_cross_entropy(*one) for one in zip(z[:50], yes[:50], strict=True)],
    )


@pytest.mark.parametrize(
    "more", [{}, {"reduction": "sum"}, {"denominator": "rows"}, {"denominator": 2.0}], ids=named
)
def test_vmap_over_single_rows_is_one_batch(more):
    z, y = jnp.asarray(LOGITS[7:57]), jnp.asarray(LABELS[7:57])
    for target in (y, jnp.asarray(SOFT[7:57])):
        plain = partial(xj.cross_entropy, **more)
        for one in (plain, lambda z, t, plain=plain: plain(z[None], t[None])):
            each, pull = jax.vjp(lambda z, one=one, target=target: jax.vmap(one)(z, target), z)
            want = xent.cross_entropy_with_grad(np.asarray(z), np.asarray(target), reduction="none")
            by = more.get("denominator", 1) if isinstance(more.get("denominator"), float) else 1
            same(each * by, want[0])
            same(pull(jnp.ones_like(each))[0] * by, want[1])
    bad = jax.vmap(xj.cross_entropy)(z, y.at[3].set(-1))
    assert np.flatnonzero(np.isnan(bad)).tolist() == [3]
    yes = jnp.asarray(YES[7:57])
    if more != {"denominator": "rows"}:  # elements have none
        got = jax.vmap(jax.vmap(partial(xj.binary_cross_entropy, **more)))(z, yes)
        same(got * by, xent.binary_cross_entropy(np.asarray(z), np.asarray(yes), reduction="none"))


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.125}, {"softcap": 9.0}], ids=named)
def test_one_row_too_long_for_machine_code(options, monkeypatch):
    by_python(monkeypatch)
    z, y = RNG.normal(size=_foreign.LEAST).astype(np.float32), jnp.asarray(7)
    want, wanted = xent.cross_entropy_with_grad(z[None], np.array([7]), **options, reduction="none")
    for reduction in ("none", "mean"):
        got, slope = xj.cross_entropy_with_grad(z, y, **options, reduction=reduction)
        same(got, want[0])
        same(slope, wanted[0])


def test_what_machine_code_leaves_goes_to_python(monkeypatch):
    seen = []
    labels = _foreign._functions["cross_entropy_of"]
    monkeypatch.setitem(
        _foreign._functions, "cross_entropy_of", lambda *a, **o: seen.append(a[0].shape) or labels(*a, **o)
    )
    _foreign._meaning.cache_clear()
    one = jax.jit(jax.vmap(partial(xj.cross_entropy, reduction="none")))
    rows = _direct.MOST // CLASSES
    z = jnp.asarray(RNG.normal(size=(2, rows, CLASSES)).astype(np.float32))
    y = jnp.asarray(RNG.integers(0, CLASSES, (2, rows)))
    same(one(z[:1], y[:1])[0], xent.cross_entropy(np.asarray(z[0]), np.asarray(y[0]), reduction="none"))
    assert not seen
    got = one(z, y)  # too much for one thread
    assert seen == [z.shape]
    for i in range(2):
        same(got[i], xent.cross_entropy(np.asarray(z[i]), np.asarray(y[i]), reduction="none"))
    _foreign._meaning.cache_clear()


# ------------------------------------------------------------------------------------------------------------ edges


def test_faulty_and_dead_rows():
    z, y = LOGITS.copy(), LABELS.copy()
    z[20], z[21, 5], z[22], z[23] = NAN, INF, -INF, NAN
    y[23], y[24], y[25] = -100, -1, CLASSES
    for target in (y, np.where(y == -100, -100, np.clip(y, 0, CLASSES - 1))):
        loss, slope = xj.cross_entropy_with_grad(z, target, ignore_index=-100, reduction="none")
        bad = {20, 21, 22} | ({24, 25} if target is y else set())
        assert set(np.flatnonzero(np.isnan(loss))) == set(np.flatnonzero(np.isnan(slope).all(axis=1))) == bad
        assert not np.isnan(np.delete(slope, list(bad), axis=0)).any()
        assert loss[23] == 0
        assert not slope[23].any()
    soft = SOFT.copy()
    soft[3], soft[4, 0] = 0.5, -1
    loss, slope = xj.cross_entropy_with_grad(LOGITS, soft, reduction="none")
    assert set(np.flatnonzero(np.isnan(loss))) == set(np.flatnonzero(np.isnan(slope).any(axis=1))) == {3, 4}
    for weight in (np.where(np.arange(CLASSES) == 2, -1, 1), np.where(np.arange(CLASSES) == 2, NAN, 1)):
        assert np.isnan(xj.cross_entropy_with_grad(LOGITS, LABELS, weight=weight, reduction="none")[1]).all()
    no_target = YES.astype(np.float32)
    no_target[3, 3], no_target[4, 4] = 2, NAN
    for f in (xj.binary_cross_entropy, xj.focal_loss):
        loss, pull = jax.vjp(lambda z, f=f: f(z, no_target, reduction="none"), jnp.asarray(np.maximum(LOGITS, -40)))
        for a in (loss, *pull(jnp.ones_like(loss))):
            assert np.argwhere(np.isnan(a)).tolist() == [[3, 3], [4, 4]]


@pytest.mark.parametrize("empty", ["nan", "zero"])
def test_all_rows_ignored_have_a_gradient_of_zero(empty):
    f = jax.jit(jax.value_and_grad(partial(xj.cross_entropy, ignore_index=-100, on_empty=empty)))
    loss, slope = f(jnp.asarray(LOGITS).at[0].set(NAN), jnp.full(ROWS, -100))
    np.testing.assert_equal(float(loss), NAN if empty == "nan" else 0.0)
    assert not slope.any()


def test_derivatives_by_weights_and_targets_are_xlas():
    def loss(z, q, w, s):
        return xj.cross_entropy(z, q, weight=w, sample_weight=s, reduction="sum")

    z = jnp.asarray(np.maximum(LOGITS, -40))
    got = jax.jit(jax.grad(loss, (0, 1, 2, 3)))(z, jnp.asarray(SOFT), jnp.asarray(WEIGHT), jnp.asarray(FACTOR))
    surprise = -xent.log_softmax(np.asarray(z, float))
    np.testing.assert_allclose(got[2], (FACTOR[:, None] * SOFT * surprise).sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(got[3], (WEIGHT * SOFT * surprise).sum(axis=1), rtol=1e-5)
    want = xent.cross_entropy_with_grad(np.asarray(z), SOFT, weight=WEIGHT, sample_weight=FACTOR, reduction="sum")[
        1
    ]
    np.testing.assert_allclose(got[0], want, rtol=2e-4, atol=1e-7)


def test_the_limits_of_the_kernels():
    small = LOGITS[:3]
    assert not called(partial(xj.binary_cross_entropy, label_smoothing=0.1), small, YES[:3])
    assert small.size < _foreign.LEAST <= LOGITS.size
    assert called(xj.cross_entropy, small, LABELS[:3]) == {"cross_entropy_of"}  # which machine code takes
    for scale in ({"temperature": 1e-31}, {"softcap": 1e31}):
        assert not called(partial(xj.cross_entropy, **scale), LOGITS, LABELS)
    assert not called(partial(xj.softmax, temperature=1e31), LOGITS)
    two = jax.ShapeDtypeStruct((0, 10), np.float32)
    assert not called(xj.softmax, two)


# ----------------------------------------------------------------------------------------------- threads, processes


def test_ten_threads_at_once():
    f = jax.jit(jax.value_and_grad(xj.cross_entropy))
    inputs = [(jnp.asarray(np.roll(LOGITS, i, axis=1)), jnp.asarray((LABELS + i) % CLASSES)) for i in range(10)]
    want = [f(*given) for given in inputs]
    with ThreadPoolExecutor(10) as pool:
        for _ in range(5):
            for got, wanted in zip(pool.map(lambda given: f(*given), inputs), want, strict=True):
                jax.tree.map(same, got, wanted)


def _fresh(code, **more):
    env = {"JAX_PLATFORMS": "cpu", "PYTHONPATH": ":".join(sys.path), **more}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False, timeout=100
    )


def test_python_leaves_while_programs_run():
    code = """if True:
        import jax, jax.numpy as jnp, xent.jax as xj
        f, z, y = jax.jit(xj.cross_entropy), jnp.zeros((4096, 1000)), jnp.zeros(4096, int)
        for _ in range(50):
            last = f(z, y)
        print("leaving", flush=True)
    """
    for _ in range(3):
        done = _fresh(code)
        assert (done.returncode, done.stdout, done.stderr) == (0, "leaving\n", "")


def test_a_result_wanted_after_python_has_left_is_an_error():
    code = """if True:
        import atexit
        @atexit.register
        def late():
            try:
                print(float(f(z, y)))
            except Exception as error:
                print(type(error).__name__, str(error))
        import jax, jax.numpy as jnp, xent.jax as xj
        f, z, y = jax.jit(xj.cross_entropy), jnp.zeros((4096, 1000)), jnp.zeros(4096, int)
        f(z, y)
    """
    done = _fresh(code)
    assert done.returncode == 0, done.stderr
    assert "xent: Python is leaving" in done.stdout


def test_an_error_in_a_kernel_is_xlas_error(monkeypatch):
    def fails(*_arrays, **_static):
        raise RuntimeError("the kernel broke")

    monkeypatch.setitem(_foreign._functions, "fails", fails)
    way = _kernels.Way(lambda z, _: z.sum(axis=-1), fails, {})
    with pytest.raises(Exception, match="the kernel broke"):
        jax.block_until_ready(jax.jit(lambda z: _kernels.losses(way, z, None))(LOGITS))
    assert np.isfinite(xj.cross_entropy(LOGITS, LABELS))


def test_programs_of_several_devices_are_xlas():
    code = """if True:
        import jax, jax.numpy as jnp, xent.jax as xj
        z, y = jnp.zeros((4096, 1000)), jnp.zeros(4096, int)
        print(jax.device_count(), "custom_call @xent" in jax.jit(xj.cross_entropy).lower(z, y).as_text())
    """
    for devices, kernels in ((1, True), (2, False)):
        done = _fresh(code, XLA_FLAGS=f"--xla_force_host_platform_device_count={devices}")
        assert done.stdout.split() == [str(devices), str(kernels)], done.stderr


def test_export():
    f = jax.jit(xj.cross_entropy)
    with pytest.raises(ValueError, match="xent"):
        export.export(f)(LOGITS, LABELS)
    allowed = [export.DisabledSafetyCheck.custom_call("xent")]
    same(export.export(f, disabled_checks=allowed)(LOGITS, LABELS).call(LOGITS, LABELS), f(LOGITS, LABELS))
    export.export(f, platforms=["tpu"])(LOGITS, LABELS)
    (rows,) = export.symbolic_shape("rows")
    shapes = jax.ShapeDtypeStruct((rows, CLASSES), np.float32), jax.ShapeDtypeStruct((rows,), np.int32)
    got = export.export(f)(*shapes).call(LOGITS, LABELS.astype(np.int32))
    np.testing.assert_allclose(got, f(LOGITS, LABELS), rtol=1e-6)
