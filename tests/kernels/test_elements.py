"""The compiled logistic losses: every layout, type and option against the generic path and 400 digits; threads."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import array_api_strict as strict
import numpy as np
import pytest
import torch

import oracle
import xent
from xent.kernels import cpu_focal, elements, threads

RNG = np.random.default_rng(23)
INF, NAN = math.inf, math.nan
SHAPE = (6, 5, 70)
LAYOUTS = {
    "dense": lambda a: np.ascontiguousarray(a),
    "columns": np.asfortranarray,
    "padded": lambda a: np.pad(a, ((0, 0), (0, 0), (3, 2)))[..., 3:-2],
    "every other": lambda a: np.repeat(a, 2, axis=2)[..., ::2],
    "backwards": lambda a: np.ascontiguousarray(a[::-1, :, ::-1])[::-1, :, ::-1],
    "turned": lambda a: np.ascontiguousarray(a.transpose(1, 0, 2)).transpose(1, 0, 2),
    "far apart": lambda a: np.repeat(np.repeat(a, 2, axis=1)[:, ::2], 3, axis=0)[::3],
}
OPTIONS = {
    "plain": {},
    "sides": {"sides": (0.25, 0.75)},
    "number": {"pos_weight": 3.0},
    "focal": {"gamma": 2.0},
    "focal of any γ": {"gamma": 1.3, "sides": (0.25, 0.75)},
    "smoothed": {"label_smoothing": 0.1},
    "weighted": {"weight": (SHAPE, np.float64)},
    "narrow weights": {"weight": ((70,), np.float32), "pos_weight": ((5, 1), np.float32)},
    "all": {"weight": ((6, 1, 1), np.float64), "pos_weight": ((5, 70), np.float64), "label_smoothing": 0.3},
}


def stored(values, dtype):
    """Give an array as the kernels take it, bfloat16 as its bits, and its numbers in float64."""
    t = torch.from_numpy(np.asarray(values)).to(getattr(torch, dtype))
    return (t.view(torch.uint16) if dtype == "bfloat16" else t).numpy(), t.double().numpy()


def numbers(a, dtype):
    return (torch.from_numpy(a).view(torch.bfloat16).double().numpy() if dtype == "bfloat16" else a).astype(float)


def reference(z, y, *, sides=(1.0, 1.0), gamma=0.0, **options):
    """Loss and derivative of each element by the generic path, which array-api-strict arrays take."""
    if gamma:
        loss, slope = xent.focal_loss_with_grad(strict.asarray(z), strict.asarray(y), gamma=gamma, reduction="none")
    else:
        given = {
            n: strict.asarray(np.array(o, float)) if isinstance(o, np.ndarray) else o for n, o in options.items()
        }
        loss, slope = xent.binary_cross_entropy_with_grad(
            strict.asarray(z), strict.asarray(y), reduction="none", **given
        )
    factor = np.where(y > 0, *sides)
    return np.asarray(loss) * factor, np.asarray(slope) * factor


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("soft", [False, True])
def test_every_option_type_and_layout(name, dtype, soft):
    options = dict(OPTIONS[name])
    if soft and ("sides" in options or "gamma" in options):
        pytest.skip("for targets of 0 and 1")
    hard = RNG.integers(0, 2, SHAPE)
    z, wide = stored(RNG.normal(size=SHAPE) * 4, dtype)
    y, exact = stored(
        np.where(RNG.uniform(size=SHAPE) < 0.3, hard, RNG.uniform(size=SHAPE)) if soft else hard, dtype
    )
    for key, value in OPTIONS[name].items():
        if key in ("weight", "pos_weight") and isinstance(value, tuple):
            options[key] = RNG.uniform(0.1, 3, value[0]).astype(value[1])
    want, slope = reference(wide, exact, **options)
    spread = {n: np.broadcast_to(o, SHAPE) if isinstance(o, np.ndarray) else o for n, o in options.items()}
    eps = float(torch.finfo(getattr(torch, dtype)).eps)
    tight = eps if dtype == "float64" else 2.0**-23
    first = None
    for layout, of_y in itertools.product(LAYOUTS, ("dense", "turned")):
        a, b = LAYOUTS[layout](z), LAYOUTS[of_y](y)
        kept = a.copy(), b.copy()
        each, grad = np.full(SHAPE, NAN, np.float64 if dtype == "float64" else np.float32), np.empty(SHAPE, z.dtype)
        brain = dtype == "bfloat16"
        total, wrong = elements.binary(
            a, b, scale=3.0, divisor=7.0, each=each, grad=grad, bfloat16=(brain, brain), **spread
        )
        assert wrong == -1
        np.testing.assert_array_equal(a, kept[0])
        np.testing.assert_array_equal(b, kept[1])
        np.testing.assert_allclose(each, want, rtol=8 * tight)
        np.testing.assert_allclose(numbers(grad, dtype), slope * 3 / 7, rtol=8 * eps, atol=8 * eps * 1e-4)
        assert total == pytest.approx(math.fsum(want.flat), rel=4 * tight)
        assert elements.binary(a, b, bfloat16=(brain, brain), **spread)[0] == pytest.approx(total, rel=1e-14)
        first = first or (total, each, grad)
        np.testing.assert_array_equal(each, first[1])  # the order of memory changes no bit
        np.testing.assert_array_equal(grad, first[2])


@pytest.mark.parametrize(
    "kind", ["bool", "int8", "uint8", "int16", "uint16", "int32", "int64", "uint64", "float16", ">i4", ">f8"]
)
def test_every_type_of_target(kind):
    z, y = RNG.normal(size=300).astype(np.float32), RNG.integers(0, 2, 300)
    want = xent.binary_cross_entropy_with_grad(z, y)
    any_option = [{"weight": np.ones(300)}] if kind in ("bool", "int64", "float16") else []
    for options in ({}, {"weight": 1.0}, *any_option):
        loss, slope = xent.binary_cross_entropy_with_grad(z, y.astype(kind), **options)
        assert loss == pytest.approx(want[0], rel=1e-7)
        np.testing.assert_array_equal(slope, want[1])


# ---------------------------------------------------------------------------------------------------------- bounds


def worst(dtype, gamma, z, y, each, grad):
    """Largest error of loss and derivative in units of what is allowed; all but a few numbers by longdouble."""
    units = np.maximum(np.abs(z.astype(float)), np.finfo(dtype).smallest_normal)
    step = np.ldexp(1.0, np.frexp(units)[1] - 1 - (52 if dtype == "float64" else 23))
    s = np.where(y, z, -z).astype(np.longdouble)
    e = np.exp(-np.abs(s))
    loss = np.log1p(e) + np.where(s > 0, 0, -s)
    miss, hit = np.where(s > 0, e, 1) / (1 + e), np.where(s > 0, 1, e) / (1 + e)
    slope = miss**gamma * (miss + gamma * hit * loss)
    bend = hit * miss * (1 + 2 * gamma)  # at least the second derivative, in size
    loss = miss**gamma * loss

    def ulp(v):
        digits, least = (53, -1074) if dtype == "float64" else (24, -149)
        return np.ldexp(1.0, np.maximum(np.frexp(v.astype(float))[1] - digits, least))

    off = np.abs(each - loss) / (4 * ulp(loss) + slope * step)
    tilt = np.abs(np.abs(grad) - slope) / (4 * ulp(slope) + bend * step)
    return float(off.max()), float(tilt.max())


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bound_on_many_logits(dtype, gamma):
    if np.finfo(np.longdouble).nmant < 63:
        pytest.skip("this machine's long double is no longer than a double")
    spread = [RNG.normal(size=20_000) * c for c in (1e-6, 0.1, 1.0, 10.0)]
    z = np.concatenate([*spread, RNG.uniform(-60 / (1 + gamma), 60 / (1 + gamma), 20_000)]).astype(dtype)
    y = RNG.integers(0, 2, z.size) == 1
    each, grad = np.empty_like(z), np.empty_like(z)
    elements.binary(z, y, gamma=gamma, each=each, grad=grad)
    assert max(worst(dtype, np.longdouble(gamma), z, y, each, grad)) <= 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bound_next_to_the_ends(dtype):
    z = np.array([87.5, 95.0, 103.0, 104.5, 1e-38, 1e-30, 700.0, 744.0, 746.0, 3e38] * 2).astype(dtype)
    z[10:] *= -1
    # float32 computes such that a scale may lift what is below its normal range out of it
    y, scale = np.arange(20) % 2 == 0, 2.0**30 + 1 if dtype == "float32" else 1.0
    each, grad = np.empty_like(z), np.empty_like(z)
    elements.binary(z, y, each=each, grad=grad, scale=scale)
    for x, one, loss, slope in zip(z, y, each, grad, strict=True):
        s = oracle.real(float(x)) * (1 if one else -1)
        miss = 1 / (1 + oracle.MP.exp(s))
        value = oracle.MP.log(1 + oracle.MP.exp(-s))
        step = oracle.ulp(s, dtype)
        assert abs(oracle.real(float(loss)) - value) <= 4 * oracle.ulp(value, dtype) + miss * step
        want = miss * oracle.real(scale) * (-1 if one else 1)
        assert abs(oracle.real(float(slope)) - want) <= 4 * oracle.ulp(want, dtype) + abs(want) * step


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_targets_next_to_the_answer_keep_their_digits(dtype):
    z = np.concatenate([RNG.normal(size=300), RNG.normal(size=100) * 1e-12, [0.0]]).astype(dtype)
    near = xent.sigmoid(z.astype(float)) * (1 + RNG.normal(size=z.size) * 1e-9)
    grad = np.empty_like(z)
    elements.binary(z, near, grad=grad)
    for x, y, slope in zip(z, near, grad, strict=True):
        p = 1 / (1 + oracle.MP.exp(-oracle.real(float(x))))
        want = p - oracle.real(float(y))
        room = 4 * oracle.ulp(want, dtype) + p * (1 - p) * oracle.ulp(oracle.real(float(x)), dtype)
        assert abs(oracle.real(float(slope)) - want) <= room


# ----------------------------------------------------------------------------------------------------------- edges


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("options", [{}, {"pos_weight": 2.0}, {"weight": 1.0}, {"label_smoothing": 1e-3}])
def test_infinite_logits_and_nan(dtype, options):
    z = np.tile(np.array([INF, INF, -INF, -INF, NAN], dtype), 60)
    y = np.tile([1, 0, 0, 1, 1], 60)
    given = {n: np.full(300, o) if n == "weight" else o for n, o in options.items()}
    for t in (y, y == 1, y.astype(dtype)):
        loss, slope = xent.binary_cross_entropy_with_grad(z, t, reduction="none", **given)
        c = options.get("pos_weight", 1.0)
        if "label_smoothing" in options:
            np.testing.assert_array_equal(loss[:5], [INF, INF, INF, INF, NAN])
        else:
            np.testing.assert_array_equal(loss[:5], [0, INF, 0, INF, NAN])
            np.testing.assert_array_equal(slope[:5], [0, 1, 0, -c, NAN])
        np.testing.assert_array_equal(loss, np.tile(loss[:5], 60))
        np.testing.assert_array_equal(slope, np.tile(slope[:5], 60))


def test_factors_of_zero():
    z, y = np.array([NAN, INF, -INF, 0.5]), np.array([1, 0, 1, 1])
    loss, slope = xent.binary_cross_entropy_with_grad(z, y, pos_weight=0.0, reduction="none")
    np.testing.assert_array_equal(loss, [NAN, INF, 0, 0])  # 0 · ∞ = 0, and NaN is NaN
    np.testing.assert_array_equal(slope, [NAN, 1, 0, 0])
    loss, slope = xent.focal_loss_with_grad(z, y, alpha=0.0, reduction="none")
    np.testing.assert_array_equal(loss, [0, INF, 0, 0])  # α = 0 leaves an element out
    np.testing.assert_array_equal(slope, [0, 1, 0, 0])
    loss, slope = xent.binary_cross_entropy_with_grad(z, y, weight=0.0, reduction="none")
    np.testing.assert_array_equal(loss, 0)
    np.testing.assert_array_equal(slope, 0)


@pytest.mark.parametrize("n", [1, 255, 256, 257, 3 * elements.PIECE + 5])
@pytest.mark.parametrize("at", [0, 0.4, 1])
def test_the_first_wrong_target_is_named(n, at):
    z, i = np.zeros(n, np.float32), int(at * (n - 1))
    for bad, good, options in ((2, 1, {}), (-1, 0, {}), (1.5, 0.5, {}), (NAN, 0.0, {}), (0.5, 1.0, {"gamma": 2.0})):
        y = np.full(n, good)
        y[i:] = bad
        assert elements.binary(z, y, **options)[1] == i
    with pytest.raises(ValueError, match=rf"target must be 0 or 1, got 7 at \[{i}\]"):
        xent.binary_cross_entropy(z, np.where(np.arange(n) == i, 7, 0))
    with pytest.raises(ValueError, match=rf"target must lie in \[0, 1\], got -0.5 at \[{i}\]"):
        xent.binary_cross_entropy(z, np.where(np.arange(n) == i, -0.5, 0.5))
    with pytest.raises(ValueError, match=rf"target must be 0 or 1, got 0.5 at \[{i}\]"):
        xent.focal_loss(z, np.where(np.arange(n) == i, 0.5, 1.0))


def test_a_bool_that_is_neither_is_true():
    y = np.array([0, 2, 1], np.uint8).view(bool)
    assert xent.binary_cross_entropy(np.ones(3), y) == xent.binary_cross_entropy(np.ones(3), np.array([0, 1, 1]))


def test_soft_targets_among_hard_ones_change_nothing():
    z, y = RNG.normal(size=1000).astype(np.float32), RNG.integers(0, 2, 1000).astype(float)
    want = xent.binary_cross_entropy_with_grad(z, y, reduction="none")
    y[600] = 0.25
    got = xent.binary_cross_entropy_with_grad(z, y, reduction="none")
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(np.delete(a, 600), np.delete(b, 600))
        assert a[600] != b[600]


def test_what_a_mean_divides_by():
    z, y = RNG.normal(size=SHAPE), RNG.uniform(size=SHAPE)
    for weight, pos in itertools.product(
        (None, 2.0, RNG.uniform(size=(5, 70))), (None, 3.0, RNG.uniform(size=(5, 1)))
    ):
        each = xent.binary_cross_entropy(z, y, weight=weight, pos_weight=pos, reduction="none")
        mass = (1.0 if weight is None else weight) * ((1.0 if pos is None else pos) * y + 1 - y)
        want = math.fsum(each.flat) / math.fsum(np.broadcast_to(mass, SHAPE).flat)
        got = xent.binary_cross_entropy(z, y, weight=weight, pos_weight=pos, denominator="weights")
        assert got == pytest.approx(want, rel=1e-14)


# ---------------------------------------------------------------------------------------------- threads and memory


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"gamma": 2.0}, {"weight": True}])
def test_the_same_bits_for_any_number_of_threads(dtype, options):
    n = 5 * elements.PIECE + 77
    z, y = RNG.normal(size=n).astype(dtype), RNG.integers(0, 2, n)
    given = {"weight": np.linspace(0, 1, n)} if "weight" in options else options
    answers = []
    for many in (1, 2, 5):
        grad = np.empty_like(z)
        with threads.limit(many):
            answers.append((elements.binary(z, y, grad=grad, **given), grad, elements.sigmoid(z)))
    for total, grad, sigmoid in answers[1:]:
        assert total == answers[0][0]
        np.testing.assert_array_equal(grad, answers[0][1])
        np.testing.assert_array_equal(sigmoid, answers[0][2])


def test_ten_threads_at_once_get_the_right_answers():
    def all_of(z, y):
        return [
            *xent.binary_cross_entropy_with_grad(z, y), *xent.focal_loss_with_grad(z, y),
            *xent.binary_cross_entropy_with_grad(z, y, label_smoothing=0.1),
            *xent.focal_loss_with_grad(z.reshape(-1, 8), y.reshape(-1, 8).argmax(1), axis=1),
        ]  # fmt: skip

    cases = [
        (RNG.normal(size=n).astype(k), RNG.integers(0, 2, n)) for n in (8, 2**18, 2**19) for k in ("f4", "f8")
    ] * 2
    want = [all_of(*c) for c in cases]
    with ThreadPoolExecutor(10) as pool:
        for got, expected in zip(pool.map(lambda c: all_of(*c), cases), want, strict=True):
            for a, b in zip(got, expected, strict=True):
                np.testing.assert_array_equal(a, b)


def test_read_only_and_crooked_arrays():
    z, y, w = (
        RNG.normal(size=(4, 70)).astype(np.float32),
        RNG.integers(0, 2, (4, 70)).astype(np.float32),
        np.ones(70),
    )
    want = xent.binary_cross_entropy_with_grad(z, y, weight=w)

    def crooked(a):
        raw = np.zeros(a.nbytes + 1, np.uint8)
        raw[1:] = a.view(np.uint8).reshape(-1)
        return raw[1:].view(a.dtype).reshape(a.shape)

    for a, b in ((z, y), (crooked(z), y), (z, crooked(y)), (crooked(z), crooked(y))):
        for x in (a, b, w):
            x.flags.writeable = False
        for options in ({"weight": w}, {}):
            loss, slope = xent.binary_cross_entropy_with_grad(a, b, **options)
            assert loss == want[0]
            np.testing.assert_array_equal(slope, want[1])
            assert slope.flags.writeable
    for kind in (">f4", ">f8", ">f2"):  # bytes the other way round
        exact = z.astype(kind)
        assert elements.binary(exact, y)[0] == elements.binary(exact.astype(exact.dtype.newbyteorder("=")), y)[0]
        np.testing.assert_array_equal(
            elements.sigmoid(exact), elements.sigmoid(exact.astype(exact.dtype.newbyteorder("=")))
        )


def test_shapes_of_nothing_and_of_one():
    for shape in ((0,), (3, 0), (0, 5, 2)):
        z, y = np.zeros(shape), np.zeros(shape, int)
        loss, slope = xent.binary_cross_entropy_with_grad(z, y, reduction="sum", weight=np.ones(shape[-1:]))
        assert loss == 0
        assert slope.shape == shape
        assert xent.sigmoid(z).shape == shape
    loss, slope = xent.binary_cross_entropy_with_grad(np.array(0.0), np.array(1), reduction="none")
    assert (type(loss), slope.shape) == (np.float64, ())
    assert type(xent.log_sigmoid(np.array(0.0, np.float32))) is np.float32


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_many_axes(dtype):
    shape = (3, 2, 5, 4, 2)
    z, y = RNG.normal(size=shape).astype(dtype), RNG.uniform(size=shape)
    w, p = RNG.uniform(size=(2, 1, 4, 1)), RNG.uniform(size=(3, 1, 5, 1, 2))  # more steps than a loop has
    want, slope = reference(
        z.astype(float), y, weight=np.broadcast_to(w, shape), pos_weight=np.broadcast_to(p, shape)
    )
    loss, got = xent.binary_cross_entropy_with_grad(z, y, weight=w, pos_weight=p, reduction="none")
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(
        loss, want, rtol=max(8 * eps if dtype == "float64" else 0, 1e-6 if dtype != "float64" else 0)
    )
    np.testing.assert_allclose(got, slope, rtol=8 * eps, atol=1e-3 * eps)


# ---------------------------------------------------------------------------------------- sigmoid, focal of classes


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_logistic_functions(dtype, layout):
    z, wide = stored(RNG.normal(size=SHAPE) * 10, dtype)
    brain, eps = dtype == "bfloat16", float(torch.finfo(getattr(torch, dtype)).eps)
    for logs, function in ((False, xent.sigmoid), (True, xent.log_sigmoid)):
        got = elements.sigmoid(LAYOUTS[layout](z), logs=logs, bfloat16=brain)
        assert (got.shape, got.dtype) == (SHAPE, z.dtype)
        want = np.asarray(function(strict.asarray(wide)))
        np.testing.assert_allclose(
            numbers(got, dtype), want, rtol=4 * eps, atol=float(torch.finfo(getattr(torch, dtype)).smallest_normal)
        )


@pytest.mark.parametrize(
    "layout", ["rows", "columns", "classes first", "images", "small images", "every other class"]
)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize(("n", "k"), [(6, 3), (136, 10), (6, 700), (4, 1)])
@pytest.mark.parametrize("gamma", [0.7, 2.0])
def test_focal_loss_of_classes(layout, dtype, n, k, gamma):
    z = (RNG.normal(size=(n, k)) * 3).astype(dtype)
    z[0, 0] = -INF if k > 1 else 0
    labels, alpha = RNG.integers(0, k, n), RNG.uniform(0, 2, k)
    labels[0] = k - 1
    alpha[labels[1]] = 0
    given = {"gamma": gamma, "axis": 1, "reduction": "none"}
    want, slope = xent.focal_loss_with_grad(
        strict.asarray(z.astype(float)), strict.asarray(labels), alpha=strict.asarray(alpha), **given
    )
    a = {
        "rows": lambda: z, "columns": lambda: np.asfortranarray(z),
        "every other class": lambda: np.repeat(z, 2, 1)[:, ::2],
        "classes first": lambda: np.ascontiguousarray(z.T),
        "images": lambda: np.ascontiguousarray(z.reshape(2, n // 2, k).transpose(0, 2, 1)),
        "small images": lambda: np.ascontiguousarray(z.reshape(n // 2, 2, k).transpose(0, 2, 1)),
    }[layout]()  # fmt: skip
    axis = 0 if layout == "classes first" else 1
    rows = labels.reshape(a.shape[:axis] + a.shape[axis + 1 :])
    loss, got = xent.focal_loss_with_grad(a, rows, alpha=alpha, **(given | {"axis": axis}))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(
        loss.reshape(-1), np.asarray(want), rtol=8 * (eps if dtype == "float64" else 2.0**-23)
    )
    got = np.moveaxis(got, axis, -1).reshape(n, k)
    np.testing.assert_allclose(got, np.asarray(slope), rtol=8 * eps, atol=eps * 1e-3)
    assert loss.reshape(-1)[1] == 0
    assert (got[1] == 0).all()


@pytest.mark.parametrize("k", [3, 100])
def test_focal_loss_names_the_first_wrong_label(k):
    z, labels = np.zeros((200, k), np.float32), np.zeros(200, np.int64)
    labels[130], labels[150] = -3, k
    with pytest.raises(ValueError, match=rf"labels must lie in \[0, {k}\), got -3 at row 130$"):
        xent.focal_loss(z, labels, axis=1)
    assert cpu_focal.focal(z[:, :, None], labels[:, None], gamma=2.0)[1] == 130


@pytest.mark.slow
def test_more_than_two_to_the_31_elements():
    n = 2**31 + 1000
    z, y = np.zeros(n, np.float16), np.zeros(n, bool)  # memory that the system need not find
    z[-1], y[-1] = 3.0, True
    for options in ({}, {"weight": np.broadcast_to(np.float32(1), n)}):
        loss, slope = xent.binary_cross_entropy_with_grad(z, y, reduction="sum", **options)
        assert loss == pytest.approx((n - 1) * math.log(2) + math.log1p(math.exp(-3)), rel=1e-7)
        assert slope[-1] == np.float16(-1 / (1 + math.exp(3)))
        assert slope[2**31] == np.float16(0.5)
