"""`xent.jax`: NumPy's numbers under every transformation of JAX, the oracle, the edges, and optax."""

from __future__ import annotations

import doctest
import inspect
import math
import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from jax.test_util import check_grads

import oracle
import xent
import xent.jax as xj
from xent import _validate
from xent.jax import _direct, _foreign

NAN, INF = math.nan, math.inf
LOGITS = np.array([[2.0, 1.0, 0.1, 0.7], [0.0, -40.0, -41.0, -50.0], [0.3, 0.3, -2.0, 5.0], [-1.0, 0.0, 1.0, 2.0]])
LABELS = np.array([0, 2, 1, 3])
WEIGHT, FACTOR = np.array([0.5, 2.0, 0.1, 1.0]), np.array([1.0, 0.3, 2.0, 0.7])
SOFT = xent.softmax(LOGITS[::-1] / 3)
CALM = np.clip(LOGITS, -3.0, 3.0)

OPTIONS = [
    {},
    {"label_smoothing": 0.2, "temperature": 0.6},
    {"weight": WEIGHT, "sample_weight": FACTOR},
    {"weight": WEIGHT, "sample_weight": FACTOR, "denominator": "rows", "label_smoothing": 0.1},
    {"z_loss": 0.1, "softcap": 3.0, "temperature": 2.0},
    {"z_loss": 0.1, "sample_weight": FACTOR, "weight": WEIGHT, "reduction": "sum"},
    {"denominator": 17.0, "softcap": 30.0},
    {"denominator": "weights", "weight": WEIGHT, "on_empty": "zero"},
    {"reduction": "none", "label_smoothing": 1.0},
]


@pytest.fixture(
    params=["XLA", *(pytest.param(by, marks=pytest.mark.slow) for by in ("machine code", "kernels"))],
    scope="module",
    autouse=True,
)
def by(request):
    """Have everything computed by XLA, then what can be without Python, then by Python, however small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_foreign, "LEAST", 1 if request.param == "kernels" else 2**62)
        if request.param != "machine code":
            patch.setattr(_direct, "MOST", -1)
        jax.clear_caches()
        yield request.param
    jax.clear_caches()


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


def named(value):
    return ",".join(value) or "plain" if isinstance(value, dict) else None


# -------------------------------------------------------------------------------------------- the same as in NumPy


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("options", "kind"), [(o, ("index", "soft", "ignore")[i % 3]) for i, o in enumerate(OPTIONS)], ids=named
)
def test_numpy_agrees(options, kind):
    @settings(max_examples=20)
    @given(
        hnp.arrays(np.float64, (4, 4), elements=st.floats(-60, 60) | st.sampled_from([0.0, 1.0, -INF])),
        hnp.arrays(np.int64, 4, elements=st.integers(0, 3)),
    )
    def agrees(z, y):
        z[np.isinf(z).all(axis=1), 0] = 1.0
        more, target = {}, y
        if kind == "ignore":
            more = {"ignore_index": 3}
        elif kind == "soft":
            target = xent.softmax(np.roll(np.where(np.isinf(z), -9.0, z), 1, axis=1) / 4)
        each = xent.cross_entropy(z, target, **{**options, **more, "reduction": "none", "denominator": None})
        assume(np.isfinite(each).all() or options.get("reduction") == "none")  # NumPy's sum with an ∞ is NaN so far
        want, wanted = xent.cross_entropy_with_grad(z, target, **options, **more)
        got, slope = xj.cross_entropy_with_grad(z, target, **options, **more)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-300)
        if "temperature" in options and "softcap" not in options:  # a divided gap is rounded
            np.testing.assert_allclose(slope, wanted, rtol=1e-10, atol=1e-15)
        else:
            np.testing.assert_allclose(slope, wanted, rtol=2e-12, atol=2e-16)
        assert got.dtype == slope.dtype == np.float64

    agrees()


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("axis", "soft"), [(0, True), (1, False), (-1, True)])
def test_axis(axis, soft):
    z = np.moveaxis(np.random.default_rng(0).normal(size=(3, 2, 5)), -1, axis)
    rows = np.moveaxis(z, axis, -1).shape[:-1]
    y = xent.softmax(-z, axis=axis) if soft else np.arange(6).reshape(rows) % 5
    ours = xj.cross_entropy_with_grad(z, y, axis=axis, reduction="none")
    theirs = xent.cross_entropy_with_grad(z, y, axis=axis, reduction="none")
    for got, want in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-16)
    for f in ("softmax", "log_softmax", "logsumexp"):
        np.testing.assert_allclose(getattr(xj, f)(z, axis=axis), getattr(xent, f)(z, axis=axis), rtol=1e-14)
    want = xent.information.entropy(xent.softmax(z, axis=axis, temperature=2.0), axis=axis)
    np.testing.assert_allclose(xj.entropy(z, axis=axis, temperature=2.0), want, rtol=1e-14)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pos_weight": 3.0, "weight": np.array([1.0, 0.0, 2.0, 0.5])},
        {"pos_weight": WEIGHT, "weight": FACTOR[:, None], "denominator": "weights"},
        {"label_smoothing": 0.1, "reduction": "sum"},
        {"denominator": 5.0, "weight": 2.0},
    ],
    ids=named,
)
def test_numpy_agrees_on_binary(options):
    z, soft = np.concatenate([LOGITS[:3], [[INF, -INF, INF, 700.0]]]), "weight" not in options
    if "label_smoothing" in options:  # costs ∞ at ±∞
        z = np.clip(z, -800, 800)
    y = SOFT.copy() if soft else (SOFT > 0.2).astype(int)
    y[3, :3] = 1, 0, 1
    want, wanted = xent.binary_cross_entropy_with_grad(z, y, **options)
    got, slope = jax.jit(jax.value_and_grad(partial(xj.binary_cross_entropy, **options)))(z, y)
    np.testing.assert_allclose(got, want, rtol=1e-14)
    np.testing.assert_allclose(slope, wanted, rtol=1e-12, atol=1e-17)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("gamma", "axis"), [(0.0, 1), (0.5, None), (2.0, 0), (7.3, 1)])
def test_numpy_agrees_on_focal(gamma, axis):
    z = np.concatenate([LOGITS[:3], [[70.0, -INF, 3.0, -70.0]]])
    y = (SOFT > 0.2).astype(int) if axis is None else np.array([0, 2, 1, 0]) if axis else np.array([3, 0, 1, 2])
    alpha = 0.3 if axis is None else WEIGHT
    want, wanted = xent.focal_loss_with_grad(z, y, gamma=gamma, alpha=alpha, axis=axis, reduction="none")
    run = partial(xj.focal_loss, gamma=gamma, alpha=alpha, axis=axis, reduction="none")
    got, slope = jax.jit(lambda z: (run(z, y), jax.grad(lambda a: run(a, y).sum())(z)))(z)
    np.testing.assert_allclose(got, want, rtol=1e-13)
    np.testing.assert_allclose(slope, wanted, rtol=1e-12, atol=1e-300)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("temperature", "more"),
    [
        (1.0, {}),
        (3.0, {"target": LABELS, "alpha": 0.3}),
        (2.0, {"target": SOFT, "alpha": 0}),
    ],
)
def test_numpy_agrees_on_distillation(more, temperature):
    rng = np.random.default_rng(3)
    student = rng.normal(size=(4, 4)) * 4
    far, masked = student.copy(), student.copy()
    far[1], masked[2, 3] = [200.0, 0.0, -100.0, 3.0], -INF
    close = student + rng.normal(size=(4, 4)) * 1e-9
    options = {"temperature": temperature, **more}
    run = jax.jit(jax.value_and_grad(partial(xj.distillation_loss, **options)))
    for teacher in (rng.normal(size=(4, 4)), close, far, masked):
        want, wanted = xent.distillation_loss_with_grad(student, teacher, **options)
        got, slope = run(student, teacher)
        np.testing.assert_allclose(got, want, rtol=1e-6 if teacher is close else 1e-13)
        np.testing.assert_allclose(slope, wanted, rtol=1e-11, atol=1e-17 if more else 1e-16)


@pytest.mark.usefixtures("x64")
def test_masks_and_shifts_in_distillation():
    run = jax.jit(jax.value_and_grad(xj.distillation_loss))
    mask = np.arange(4) == 1
    student, teacher = np.where(mask, -INF, CALM), np.where(mask, -INF, LOGITS)
    want, wanted = xent.distillation_loss_with_grad(student, teacher)
    got, slope = run(student, teacher)
    assert float(got) == pytest.approx(want, rel=1e-13)
    np.testing.assert_allclose(slope, wanted, rtol=1e-12, atol=1e-16)
    loss, slope = run(student, LOGITS)
    assert loss == INF
    assert np.isfinite(slope).all()
    assert float(run(LOGITS + 0.5, LOGITS)[0]) < 1e-30


# ------------------------------------------------------------------------------------------------------ the oracle


def test_tiny_losses_keep_their_digits():
    for dtype, row in (("float64", [0.0, -40.0, -41.0]), ("float32", [0.0, -20.0, -21.0])):
        with jax.enable_x64(dtype == "float64"):
            z, exact = np.array([row], dtype), oracle.reals(row)
            loss, slope = xj.cross_entropy_with_grad(z, np.array([0]))
            t = oracle.target(0, 3)
            assert loss.dtype == slope.dtype == dtype
            assert oracle.ulps(float(loss), oracle.loss(exact, t), dtype) <= 4
            for got, want in zip(slope[0], oracle.gradient(exact, t), strict=True):
                assert oracle.ulps(float(got), want, dtype) <= 4
            assert float(slope[0, 0]) < 0
            h = sum(-p * oracle.MP.log(p) for p in oracle.softmax(exact))
            assert oracle.ulps(float(xj.entropy(z[0])), h, dtype) <= 4
    with jax.enable_x64(True):
        assert float(loss) == pytest.approx(2.8194e-9, rel=1e-4)
        assert float(xj.cross_entropy(np.array([[0.0, -40.0, -41.0]]), np.array([0]))) == pytest.approx(
            5.8112e-18, rel=1e-4
        )


@pytest.mark.parametrize("classes", [2, 1000])
def test_float32_to_a_few_ulp(classes, by):
    if by != "XLA":
        pytest.skip("the kernels' bound is another, and theirs to show")
    rng = np.random.default_rng(classes)
    z, y = rng.normal(size=(200, classes)).astype(np.float32), rng.integers(0, classes, 200)
    z[100:] *= 10
    y[::2] = z[::2].argmax(axis=1)
    for options, least, bound in (  # as the module's docstring says
        ({}, 2.0**-126, 4),
        ({"label_smoothing": 0.1}, 0.1 / classes, 10),  # in ulp of what is subtracted
        ({"temperature": 0.7}, 2.0**-126, 100),  # gaps are below 90
        ({"softcap": 5.0}, 2.0**-126, 100),
    ):
        loss, slope = xj.cross_entropy_with_grad(z, y, reduction="none", **options)
        want, wanted = xent.cross_entropy_with_grad(z.astype(float), y, reduction="none", **options)
        wide = want >= 2.0**-126
        error = np.abs(np.asarray(loss, float) - want)[wide] / np.spacing(want[wide].astype(np.float32))
        assert error.max() <= bound
        off = np.abs(np.asarray(slope, float) - wanted)
        unit = np.spacing(np.maximum(np.abs(wanted), least).astype(np.float32))
        assert np.where(np.abs(wanted) < 2.0**-120, off < 2.0**-119, off <= bound * unit).all()
    exact = oracle.loss(oracle.reals(z[0]), oracle.target(int(y[0]), classes))
    assert oracle.ulps(float(xj.cross_entropy(z[0], y[0])), exact, "float32") <= 4


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("row", [[0.3, -1.0, 0.7], [0.0, -40.0, -41.0], [1.0, 1.0, -INF]])
@pytest.mark.parametrize("label", [0, [0.5, 0.5, 0.0]])
def test_hessian(row, label):
    target = np.array(label)
    got = jax.hessian(partial(xj.cross_entropy, temperature=0.8))(jnp.array(row), target)
    want = oracle.hessian(oracle.reals(row), oracle.target(label, 3), temperature=0.8)
    for i, j in np.ndindex(3, 3):
        assert float(got[i, j]) == pytest.approx(float(want[i][j]), rel=2e-14, abs=0), (i, j)


# ------------------------------------------------------------------------------------------------ transformations


FUNCTIONS = {
    **{f"cross_entropy-{named(OPTIONS[i])}": (partial(xj.cross_entropy, **OPTIONS[i]), LABELS) for i in (0, 3, 4)},
    "soft": (partial(xj.cross_entropy, z_loss=0.1, softcap=2.0), SOFT),
    "binary": (xj.binary_cross_entropy, SOFT),
    "focal": (partial(xj.focal_loss, gamma=1.5), (SOFT > 0.2).astype(int)),
    "focal-classes": (partial(xj.focal_loss, gamma=0.5, axis=-1), LABELS),
    "distillation": (xj.distillation_loss, LOGITS[::-1] / 2),
    "distillation-far": (xj.distillation_loss, LOGITS * 50),
    "softmax, log_softmax": (lambda z, _: xj.softmax(z, temperature=2.0) * xj.log_softmax(z, axis=0), None),
    "logsumexp, entropy": (lambda z, _: xj.logsumexp(z, axis=0) * xj.entropy(z, temperature=2.0), None),
}


def agree_with_differences(f, *at):
    """Check all orders and modes up to the second along one direction, in one compilation."""
    rng = np.random.default_rng(7)
    at, along = tuple(map(jnp.asarray, at)), tuple(jnp.asarray(rng.normal(size=np.shape(a))) for a in at)
    pull = jnp.asarray(rng.normal(size=jax.eval_shape(f, *at).shape))
    over, every = (lambda *a: (f(*a) * pull).sum()), tuple(range(len(at)))

    @jax.jit
    def evaluate(*a):
        slope = jax.grad(over, every)
        directional = partial(jax.jvp, over)
        return (
            over(*a),
            slope(*a),
            directional(a, along)[1],
            jax.jvp(slope, a, along)[1],
            jax.grad(lambda *a: directional(a, along)[1], every)(*a),
        )

    step = 1e-5
    ahead, back = (evaluate(*(a + d * step * v for a, v in zip(at, along, strict=True))) for d in (1, -1))
    _, slope, directional, twice, mixed = evaluate(*at)
    assert float(directional) == pytest.approx(float(ahead[0] - back[0]) / (2 * step), rel=1e-6, abs=1e-8)
    assert float(directional) == pytest.approx(
        sum(float((a * v).sum()) for a, v in zip(slope, along, strict=True)), rel=1e-11
    )
    for a, b, second, other in zip(ahead[1], back[1], twice, mixed, strict=True):
        np.testing.assert_allclose(second, (a - b) / (2 * step), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(other, second, rtol=1e-9, atol=1e-13)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_of_both_modes_and_orders(name):
    f, target = FUNCTIONS[name]
    agree_with_differences(lambda z: f(z, target), CALM)


@pytest.mark.usefixtures("x64")
def test_jax_checks_the_gradients():
    f = partial(xj.cross_entropy, label_smoothing=0.1, temperature=0.7)
    check_grads(lambda z: f(z, SOFT[:2]), (CALM[:2],), order=2, modes=("fwd", "rev"), rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("x64")
def test_derivatives_by_targets_and_weights():
    def loss(z, q, w, s):
        options = {"z_loss": 0.1, "temperature": 1.5, "label_smoothing": 0.1}
        return xj.cross_entropy(z, jax.nn.softmax(q), weight=w, sample_weight=s, **options)

    def binary(z, y, w, s):
        return xj.binary_cross_entropy(z, y, pos_weight=w, weight=s, denominator="weights")

    agree_with_differences(loss, CALM, SOFT, WEIGHT, FACTOR)
    agree_with_differences(binary, CALM, 0.1 + 0.8 * SOFT, WEIGHT, FACTOR)
    agree_with_differences(xj.distillation_loss, CALM, LOGITS[::-1] / 4)
    slope = jax.grad(lambda s: xj.cross_entropy(CALM, LABELS, sample_weight=s, reduction="sum"))(jnp.zeros(4))
    np.testing.assert_allclose(slope, xent.cross_entropy(CALM, LABELS, reduction="none"), rtol=1e-13)


@pytest.mark.parametrize(
    "name", ["cross_entropy-z_loss,softcap,temperature", "soft", "focal-classes", "distillation"]
)
def test_jit_is_eager_to_the_bit(name):
    f, target = FUNCTIONS[name]
    np.testing.assert_array_equal(jax.jit(f)(LOGITS, target), f(LOGITS, target))


@pytest.mark.usefixtures("x64")
def test_vmap_scan_jvp_and_grad_of_grad():
    z, y = jnp.asarray(CALM), jnp.asarray(LABELS)
    each, slopes = xj.cross_entropy_with_grad(z, y, weight=WEIGHT, reduction="none")
    one = partial(xj.cross_entropy_with_grad, weight=WEIGHT, reduction="sum")
    for f in (jax.vmap(one), jax.jit(jax.vmap(one))):
        loss, slope = f(z, y)
        np.testing.assert_allclose(loss, each, rtol=1e-14)
        np.testing.assert_allclose(slope, slopes, rtol=1e-13)
    weights = jnp.stack([WEIGHT, WEIGHT[::-1], jnp.ones(4)])
    many = jax.vmap(lambda w: xj.cross_entropy(z, y, weight=w))(weights)
    np.testing.assert_allclose(
        many, [xent.cross_entropy(CALM, LABELS, weight=np.array(w)) for w in weights], rtol=1e-13
    )

    _, scanned = jax.lax.scan(
        lambda c, zy: (c, jax.grad(xj.cross_entropy)(zy[0], zy[1], weight=WEIGHT, reduction="sum")), 0, (z, y)
    )
    np.testing.assert_allclose(scanned, slopes, rtol=1e-13)

    along = jnp.asarray(SOFT - 0.2)
    f = partial(xj.cross_entropy, label_smoothing=0.1)
    _, directional = jax.jvp(lambda a: f(a, y), (z,), (along,))
    assert float(directional) == pytest.approx(float((jax.grad(f)(z, y) * along).sum()), rel=1e-12)
    closed = jax.grad(lambda a: (xj.cross_entropy_with_grad(a, y)[1] * along).sum())(z)
    _, hessian = jax.jvp(jax.grad(lambda a: xj.cross_entropy(a, y)), (z,), (along,))
    np.testing.assert_allclose(closed, hessian, rtol=1e-12, atol=1e-17)


def test_equal_options_share_one_trace(monkeypatch):
    traces, case = [], _validate.case
    monkeypatch.setattr(_validate, "case", lambda *a, **o: traces.append(1) or case(*a, **o))
    z, y = jnp.zeros((7, 3)), jnp.zeros(7, int)
    counts = []
    for temperature in (2, 2.0, np.float32(2.0)):
        for function in (xj.cross_entropy, xj.cross_entropy_with_grad):
            function(
                z + 1, y, temperature=temperature, ignore_index=np.int64(-1), axis=np.int64(1), label_smoothing=0
            )
        counts.append(len(traces))
    assert 0 < counts[0] == counts[2]
    xj.cross_entropy(z, y, temperature=3.0)
    assert len(traces) > counts[2]


def test_sharded_arrays_stay_sharded():
    code = """if True:
        import jax, numpy as np, xent.jax as xj
        from jax.sharding import NamedSharding, PartitionSpec as P
        mesh = jax.make_mesh((2, 2), ("rows", "classes"), axis_types=(jax.sharding.AxisType.Auto,) * 2)
        z = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
        y = np.arange(8) % 6
        at = NamedSharding(mesh, P("rows", "classes"))
        labels = jax.device_put(y, NamedSharding(mesh, P("rows")))
        loss, slope = jax.jit(xj.cross_entropy_with_grad)(jax.device_put(z, at), labels)
        want, wanted = xj.cross_entropy_with_grad(z, y)
        np.testing.assert_allclose(loss, want, rtol=1e-6)
        np.testing.assert_allclose(slope, wanted, rtol=1e-5, atol=1e-8)
        assert slope.sharding.is_equivalent_to(at, 2), slope.sharding
    """
    flags = "--xla_force_host_platform_device_count=4"
    env = {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------------------- types and edges


@pytest.mark.parametrize(
    ("dtype", "wide"), [("float16", True), ("bfloat16", False), ("float32", True), ("float64", True)]
)
def test_types(dtype, wide):
    with jax.enable_x64(wide):
        z = jnp.asarray(LOGITS).astype(dtype)
        loss, slope = xj.cross_entropy_with_grad(z, LABELS.astype(np.uint8), weight=WEIGHT)
        assert loss.dtype == (z.dtype if z.dtype == "float64" else np.float32)
        assert slope.dtype == z.dtype
        narrow, back = xj.cross_entropy_with_grad(z.astype(loss.dtype), LABELS, weight=WEIGHT)
        assert loss == narrow
        np.testing.assert_array_equal(slope, back.astype(z.dtype))
        assert xj.softmax(z).dtype == xj.logsumexp(z).dtype == z.dtype
        for f in (xj.binary_cross_entropy, xj.distillation_loss):
            assert f(z, jnp.asarray(SOFT)).dtype == loss.dtype


@pytest.mark.parametrize("compiled", [False, True])
def test_wrong_values_are_nan_with_their_gradients(compiled):
    def nan_rows(target, **options):
        f = partial(xj.cross_entropy_with_grad, reduction="none", **options)
        loss, slope = (jax.jit(f) if compiled else f)(jnp.asarray(LOGITS), jnp.asarray(target))
        assert (np.isnan(slope).any(axis=1) == np.isnan(loss)).all()
        assert (np.isnan(slope).all(axis=1) == np.isnan(loss)).all()
        return np.isnan(loss).tolist()

    assert nan_rows([0, -1, 4, -100]) == [False, True, True, True]
    assert nan_rows([0, -1, 4, -100], ignore_index=-100, label_smoothing=0.1) == [False, True, True, False]
    soft = SOFT.copy()
    soft[0] *= 2
    soft[1, 0] = NAN
    soft[2] = [-1.0, 2.0, 0.0, 0.0]
    assert nan_rows(soft, z_loss=0.1) == [True, True, True, False]
    assert nan_rows(LABELS, sample_weight=np.array([-1.0, INF, NAN, 1.0])) == [True, True, True, False]
    assert nan_rows(LABELS, weight=np.array([1.0, -1.0, 1.0, 1.0])) == [True] * 4
    _, slope = xj.cross_entropy_with_grad(LOGITS, np.array([0, -1, 1, 1]))
    assert np.isnan(slope).any(axis=1).tolist() == [False, True, False, False]


def test_wrong_values_of_the_others_are_nan_with_their_gradients():
    z = jnp.asarray(LOGITS[:2])
    for f in (
        lambda z: xj.binary_cross_entropy(z, np.array([[0, 1, 2, 0], [0, 0, 1, 1]]), reduction="none"),
        lambda z: xj.focal_loss(z, np.array([[0, 1, -1, 0], [0, 0, 1, 1]]), reduction="none"),
        lambda z: xj.focal_loss(z, np.array([-100, 0]), axis=-1, reduction="none"),
        lambda z: xj.distillation_loss(z, LOGITS[:2], target=np.array([9, 0]), reduction="none"),
        lambda z: xj.softmax(z.at[0, 2].set(NAN) + 0 * z),
        lambda z: xj.entropy(jnp.where(z == z[0, 2], INF, z)),
    ):
        loss = np.isnan(f(z))
        slope = np.isnan(jax.jit(jax.grad(lambda z, f=f: f(z).sum()))(z))
        assert loss[0].any()
        assert not loss[1].any()
        assert slope[0].any()
        assert not slope[1].any()
    assert np.isnan(xj.focal_loss(z, np.array([0, 1]), axis=-1, alpha=np.array([1, 1, -1, 1])))
    assert np.isnan(xj.binary_cross_entropy(z, np.zeros((2, 4)), pos_weight=-np.ones(4)))


def test_labels_too_large_for_the_integer_do_not_wrap():
    for labels in (
        np.array([2**32, -(2**32)]),
        np.array([2**32 - 100, 2**31], np.uint32),
        np.array([2**64 - 100, 2**63], np.uint64),
    ):
        assert np.isnan(xj.cross_entropy(LOGITS[:2], labels, ignore_index=-100, reduction="none")).all()


def test_optax_wraps_what_is_nan_here():
    z = jnp.asarray(np.random.default_rng(0).normal(size=(1, 128)), jnp.float32)
    wrapped = optax.softmax_cross_entropy_with_integer_labels(z, jnp.array([-100]))
    assert wrapped == pytest.approx(float(xj.cross_entropy(z, jnp.array([28]))), rel=1e-6)
    assert math.isnan(xj.cross_entropy(z, jnp.array([-100])))


def test_ignored_rows_and_empty_means():
    z = LOGITS.copy()
    z[1], z[2, 1] = NAN, -INF
    y = np.array([0, -100, 1, -100])
    options = {"ignore_index": -100, "sample_weight": np.array([1.0, 1.0, 0.0, 1.0]), "z_loss": 0.1}
    loss, slope = xj.cross_entropy_with_grad(z, y, **options)
    want, wanted = xj.cross_entropy_with_grad(z[:1], y[:1], z_loss=0.1)
    assert loss == want
    np.testing.assert_array_equal(slope, [wanted[0], *np.zeros((3, 4))])
    none = np.full(4, -100)
    for empty, value in (("nan", NAN), ("zero", 0.0)):
        for f in (
            xj.cross_entropy_with_grad,
            jax.jit(partial(xj.cross_entropy_with_grad, ignore_index=-100, on_empty=empty)),
        ):
            more = {"ignore_index": -100, "on_empty": empty} if f is xj.cross_entropy_with_grad else {}
            loss, slope = f(z, none, **more)
            np.testing.assert_equal(float(loss), value)
            assert (slope == 0).all()
    loss, slope = xj.cross_entropy_with_grad(LOGITS, LABELS, weight=np.zeros(4), on_empty="zero")
    assert loss == 0
    assert (slope == 0).all()
    assert np.isnan(xj.cross_entropy_with_grad(LOGITS, LABELS, weight=np.zeros(4))[1]).all()
    assert np.isnan(xj.cross_entropy(jnp.zeros((0, 3)), jnp.zeros(0, int)))
    assert np.isnan(xj.focal_loss(jnp.zeros((0, 3)), jnp.zeros(0, int), axis=1))
    weight = np.array([1.0, 0.0, 1.0, 1.0])
    loss, slope = jax.value_and_grad(xj.binary_cross_entropy)(
        jnp.array([1.0, NAN, 2.0, 0.0]), np.array([1, 0, 0, 1]), weight=weight
    )
    assert np.isfinite(loss)
    assert slope[1] == 0
    assert np.isfinite(slope).all()


def test_raising_on_nothing():
    raising = partial(xj.cross_entropy, ignore_index=-1, on_empty="raise")
    y = np.full(4, -1)
    with pytest.raises(ValueError, match="nothing to divide by: no valid rows"):
        raising(LOGITS, y)
    with pytest.raises(ValueError, match="nothing to divide by: no valid rows"):
        jax.grad(raising)(jnp.asarray(LOGITS), y)
    assert np.isfinite(raising(LOGITS, LABELS))
    unseen = r'on_empty="raise" has to look at values, which jit .* use "nan" or "zero"'
    with pytest.raises(ValueError, match=unseen):
        jax.jit(raising)(LOGITS, LABELS)
    with pytest.raises(ValueError, match=unseen):
        jax.vmap(raising, in_axes=(None, 0))(LOGITS, LABELS[None])
    with pytest.raises(ValueError, match="nothing to divide by: no elements"):
        xj.binary_cross_entropy(np.zeros((0, 2)), np.zeros((0, 2)), on_empty="raise")


def masked_functions():
    z = jnp.asarray(np.where(np.arange(4) == 1, -INF, LOGITS), jnp.float32)
    y, soft = np.array([0, 2, 3, 3]), np.where(np.arange(4) == 1, 0.0, 1 / 3)[None].repeat(4, axis=0)
    yield "index", lambda a: xj.cross_entropy(a, y, temperature=0.5, z_loss=0.1), z
    yield "soft", lambda a: xj.cross_entropy(a, soft, softcap=3.0, weight=WEIGHT), z
    yield "smoothed", lambda a: xj.cross_entropy(a, y, label_smoothing=0.1), z
    yield "label", lambda a: xj.cross_entropy(a, LABELS, softcap=3.0), z
    yield "focal", lambda a: xj.focal_loss(a, y, gamma=0.5, axis=-1), z
    yield "focal label", lambda a: xj.focal_loss(a, LABELS, axis=-1), z
    yield "alone", lambda a: xj.focal_loss(a, y, axis=-1), jnp.where(np.arange(4) == y[:, None], 1.0, -INF)
    yield "distillation", lambda a: xj.distillation_loss(a, a[::-1] * 2), z
    yield "student", lambda a: xj.distillation_loss(a, LOGITS), z
    yield "teacher", lambda a: xj.distillation_loss(LOGITS, a), z
    yield "log_softmax", lambda a: jnp.where(np.arange(4) == 1, 0.0, xj.log_softmax(a)).sum(), z
    yield "softmax", lambda a: (xj.softmax(a) ** 2).sum(), z
    yield "entropy", lambda a: xj.entropy(a).sum(), z


@pytest.mark.parametrize(("name", "f", "z"), [pytest.param(*c, id=c[0]) for c in masked_functions()])
def test_masks_never_give_nan_derivatives(name, f, z):
    @jax.jit
    def evaluate(z):
        return *jax.value_and_grad(f)(z), jax.jvp(
            jax.grad(f), (z,), (jnp.ones_like(z) * jnp.arange(4, dtype=z.dtype),)
        )[1]

    loss, slope, second = evaluate(z)
    infinite = name in {"smoothed", "label", "focal label", "student"}
    assert np.isinf(loss) if infinite else np.isfinite(loss)
    assert np.isfinite(slope).all()
    if not infinite:
        assert (slope[:, 1] == 0).all()
    assert np.isfinite(second).all()


def test_weights_beside_masks_have_finite_derivatives():
    z = np.where(np.arange(4) == 1, -INF, LOGITS)
    w, s = jax.grad(
        lambda w, s: xj.cross_entropy(z, np.array([0, 2, 3, 3]), weight=w, sample_weight=s), argnums=(0, 1)
    )(jnp.asarray(WEIGHT), jnp.asarray(FACTOR))
    assert np.isfinite(w).all()
    assert np.isfinite(s).all()


def test_infinite_binary_logits():
    z, y = jnp.array([INF, -INF, INF, -INF]), np.array([1, 0, 0, 1])
    for f in (xj.binary_cross_entropy, xj.focal_loss):
        run = partial(f, reduction="none")
        np.testing.assert_array_equal(run(z, y), [0, 0, INF, INF])
        np.testing.assert_array_equal(jax.grad(lambda z, run=run: run(z, y).sum())(z), [0, 0, 1, -1])
    slope = jax.grad(lambda w: xj.binary_cross_entropy(z[:2], y[:2], pos_weight=w))(jnp.ones(2))
    np.testing.assert_array_equal(slope, [0, 0])


def test_confident_focal_has_finite_second_derivatives():
    z = jnp.array([0.0, -50.0, -55.0])
    second = jax.hessian(lambda z: xj.focal_loss(z, jnp.array(0), axis=-1, gamma=0.5))(z)
    assert np.isfinite(second).all()
    assert (second != 0).any()


# ------------------------------------------------------------------------------------------------ errors and peers


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "got list; wrap it", lambda: xj.cross_entropy([[1.0]], LABELS)),
        (TypeError, "must be a JAX or NumPy array here", lambda: xj.softmax(torch.zeros(3))),
        (TypeError, "target is a torch array", lambda: xj.cross_entropy(LOGITS, torch.tensor(LABELS))),
        (TypeError, "masked array", lambda: xj.softmax(np.ma.masked_array(LOGITS))),
        (TypeError, "logits must be floating point", lambda: xj.cross_entropy(LABELS[None], LABELS[:1])),
        (TypeError, "pass it as float", lambda: xj.cross_entropy(LOGITS, np.eye(4, dtype=int))),
        (
            TypeError,
            "temperature must be a number",
            lambda: jax.jit(lambda t: xj.softmax(LOGITS, temperature=t))(1.0),
        ),
        (TypeError, "got distributions", lambda: xj.focal_loss(LOGITS, SOFT, axis=-1)),
        (TypeError, "axis must be an integer", lambda: xj.cross_entropy(LOGITS, LABELS, axis=[0])),
        (ValueError, r"target must have shape \(4,\)", lambda: jax.jit(xj.cross_entropy)(LOGITS, LABELS[:2])),
        (ValueError, "axis 2 does not exist", lambda: xj.cross_entropy(LOGITS, LABELS, axis=2)),
        (ValueError, "axis 2 does not exist in x", lambda: xj.logsumexp(LOGITS, axis=2)),
        (ValueError, "at least one class", lambda: xj.entropy(LOGITS[:, :0])),
        (ValueError, "one number a class", lambda: xj.cross_entropy(LOGITS, LABELS, weight=np.ones(3))),
        (ValueError, "label_smoothing must lie", lambda: xj.cross_entropy(LOGITS, LABELS, label_smoothing=1.1)),
        (ValueError, "temperature must lie", lambda: xj.entropy(LOGITS, temperature=0)),
        (ValueError, "reduction must be one of", lambda: xj.cross_entropy(LOGITS, LABELS, reduction="avg")),
        (ValueError, "leave it out", lambda: xj.cross_entropy(LOGITS, LABELS, reduction="sum", denominator=2)),
        (ValueError, "target must have the logits' shape", lambda: xj.binary_cross_entropy(LOGITS, LABELS)),
        (ValueError, "must broadcast", lambda: xj.binary_cross_entropy(LOGITS, SOFT, weight=np.ones(3))),
        (ValueError, "weight must lie", lambda: xj.binary_cross_entropy(LOGITS, SOFT, weight=-1.0)),
        (ValueError, "one number without axis", lambda: xj.focal_loss(LOGITS, SOFT > 0.2, alpha=WEIGHT)),
        (ValueError, "must have one shape", lambda: xj.distillation_loss(LOGITS, LOGITS[:2])),
        (ValueError, "without target= leave it out", lambda: xj.distillation_loss(LOGITS, LOGITS, alpha=0.5)),
    ],
)
def test_wrong_arguments_are_named(error, message, call):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.usefixtures("x64")
def test_optax_agrees_where_it_can():
    z, y = jnp.asarray(CALM), jnp.asarray(LABELS)
    pairs = [
        (
            lambda z: optax.softmax_cross_entropy_with_integer_labels(z, y),
            lambda z: xj.cross_entropy(z, y, reduction="none"),
        ),
        (lambda z: optax.softmax_cross_entropy(z, SOFT), lambda z: xj.cross_entropy(z, SOFT, reduction="none")),
        (
            lambda z: optax.sigmoid_binary_cross_entropy(z, SOFT),
            lambda z: xj.binary_cross_entropy(z, SOFT, reduction="none"),
        ),
        (
            lambda z: optax.sigmoid_focal_loss(z, SOFT > 0.2, alpha=0.25, gamma=2.0),
            lambda z: xj.focal_loss(z, SOFT > 0.2, alpha=0.25, reduction="none"),
        ),
        (
            lambda z: optax.losses.kl_divergence(jax.nn.log_softmax(z), SOFT),
            lambda z: xj.distillation_loss(z, np.log(SOFT), temperature=1.0, reduction="none"),
        ),
    ]
    for theirs, ours in pairs:
        (loss, slope), (want, wanted) = (
            jax.jit(jax.value_and_grad(lambda z, f=f: (f(z).T * FACTOR).sum()))(z) for f in (ours, theirs)
        )
        assert float(loss) == pytest.approx(float(want), rel=1e-12)
        np.testing.assert_allclose(slope, wanted, rtol=1e-9, atol=1e-13)


# ------------------------------------------------------------------------------------------------------ the module


def test_public_names():
    assert {n for n in vars(xj) if not n.startswith("_")} - set(xj.__all__) <= {
        "annotations", "beside", "losses", "probability", "jax", "jnp"
    }  # fmt: skip
    for name in xj.__all__:
        text = inspect.getdoc(getattr(xj, name))
        assert doctest.DocTestParser().get_examples(text), name
        if (peer := getattr(xent, name, None)) is not None:
            assert inspect.signature(peer) == inspect.signature(getattr(xj, name))


def test_xent_alone_does_not_import_jax():
    code = "import sys, xent; xent.cross_entropy; assert not {'jax', 'xent.jax'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=True)
