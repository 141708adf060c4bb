"""`xent.torch` against torch's own samples, the oracle, the laws, and its own sentences."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - what everybody calls it
from hypothesis import example, given
from hypothesis import strategies as st
from torch.autograd import forward_ad
from torch.testing._internal.common_methods_invocations import op_db

import oracle
import xent
import xent.torch as X  # noqa: N812
from strategies import batches

# what torch's forward mode says of torch itself when it is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")

NAN, INF = math.nan, math.inf
LOSSES = ("cross_entropy", "nll_loss", "kl_div", "binary_cross_entropy_with_logits")
SAMPLES = {info.name.removeprefix("nn.functional."): info for info in op_db if "functional" in info.name}
DOUBLE = torch.float64


def outcome(f, sample):
    """Loss, and gradients of its sum by every tensor that asks for one."""
    tensors = (sample.input, *sample.args, *sample.kwargs.values())
    leaves = [a for a in tensors if isinstance(a, torch.Tensor) and a.requires_grad]
    loss = f(sample.input, *sample.args, **sample.kwargs)
    return loss, *torch.autograd.grad(loss.sum(), leaves)


# ------------------------------------------------------------------------------------------------- torch's samples


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
@pytest.mark.parametrize("classes", [1, 3, 64, 65, 1000])
def test_small_batches_by_their_addresses_have_the_bits_of_arrays(classes, dtype, reduction):
    random = np.random.default_rng(classes)
    z = torch.from_numpy(random.normal(0, 5, (37, classes))).to(dtype).requires_grad_()
    y = torch.from_numpy(random.integers(0, classes, 37))
    y[3] = -100
    loss = X.cross_entropy(z, y, reduction=reduction)
    loss.backward()
    want, slope = xent.cross_entropy_with_grad(
        z.detach().numpy(), y.numpy(), ignore_index=-100, reduction=reduction
    )
    assert loss.dtype == dtype
    assert loss.item() == want
    assert np.array_equal(z.grad.numpy(), slope)


def test_a_gradient_that_was_handed_on_is_not_handed_on_twice():
    z = torch.randn(4, 3, requires_grad=True)
    loss = X.cross_entropy(z, torch.tensor([0, 1, 2, 0]))
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
    kept = X.cross_entropy(z, torch.tensor([0, 1, 2, 0]))
    (first,) = torch.autograd.grad(kept, z, retain_graph=True)
    want = first.clone()
    first.zero_()
    (second,) = torch.autograd.grad(kept, z)
    assert torch.equal(second, want)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
@pytest.mark.parametrize("name", LOSSES)
def test_torchs_own_samples_agree(name, dtype):
    """No sample differs, in value, gradient (by targets and weights too), shape or type."""
    count = 0
    for sample in SAMPLES[name].sample_inputs("cpu", dtype, requires_grad=True):
        want, got = outcome(getattr(F, name), sample), outcome(getattr(X, name), sample)
        for a, b in zip(want, got, strict=True):
            # torch takes the difference of two logarithms after multiplying, we before
            torch.testing.assert_close(
                b, a, rtol=1e-5 if dtype == torch.float32 else 1e-12, atol=1e-6, equal_nan=True
            )
        count += 1
    assert count >= 10


@pytest.mark.parametrize("index_type", [torch.int64, torch.int32, torch.uint8])
@pytest.mark.parametrize("shape", [(5,), (7, 5), (2, 5, 3), (2, 5, 3, 4), (0, 5), (2, 5, 0)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_options_agree_with_torch(shape, reduction, index_type):
    torch.manual_seed(0)
    rows = shape[:1] + shape[2:] if len(shape) > 1 else ()
    z = torch.randn(shape, dtype=DOUBLE, requires_grad=True)
    y, q = torch.randint(5, rows), torch.rand(shape, dtype=DOUBLE)
    ignore = 2
    for smoothing in (0.0, 0.1):
        for weight in (None, torch.rand(5, dtype=DOUBLE)):
            for target, kw in ((y, {"ignore_index": ignore}), (q, {})):
                kw = {"reduction": reduction, "label_smoothing": smoothing, "weight": weight, **kw}
                want = F.cross_entropy(z, target, **kw)
                got = X.cross_entropy(z, target.to(index_type) if target is y else target, **kw)
                torch.testing.assert_close(got, want, equal_nan=True)
                if y.numel() and bool((y != ignore).any()):
                    a, b = (torch.autograd.grad(loss.sum(), z)[0] for loss in (got, want))
                    torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("average", "reduce"), [(True, None), (False, None), (None, True), (None, False), (True, False)]
)
def test_old_names_of_reductions(average, reduce):
    z, y, q = torch.randn(4, 3), torch.tensor([0, 2, 1, 0]), torch.rand(4, 3)
    for name, t in (("cross_entropy", y), ("nll_loss", y), ("kl_div", q), ("binary_cross_entropy_with_logits", q)):
        with pytest.warns(UserWarning, match="deprecated"):
            want = getattr(F, name)(z, t, size_average=average, reduce=reduce)
        torch.testing.assert_close(getattr(X, name)(z, t, size_average=average, reduce=reduce), want)


# ------------------------------------------------------------------------------------------------------- the oracle


@given(
    batches(least_rows=1), st.sampled_from([0.0, 0.2]), st.sampled_from([1.0, 2.5]), st.sampled_from([None, 3.0])
)
def test_every_digit(batch, epsilon, temperature, softcap):
    """One check for both routes: the kernel, and the plain operations that differentiate in forward mode."""
    logits, labels = batch
    options = {"label_smoothing": epsilon, "temperature": temperature, "softcap": softcap, "z_loss": 0.125}
    z = torch.tensor(logits, requires_grad=True)
    y = torch.tensor(labels)
    loss = X.cross_entropy(z, y, reduction="none", **options)
    (slope,), loss = torch.autograd.grad(loss.sum(), z), loss.detach()
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(z.detach(), torch.ones_like(z))
        plain = forward_ad.unpack_dual(X.cross_entropy(dual, y, reduction="none", **options)).primal
    for i, row in enumerate(logits):
        exact = oracle.reals(row)
        t = oracle.target(int(labels[i]), len(row), epsilon=epsilon)
        shared = {"temperature": temperature, "z_loss": 0.125}
        want = oracle.loss(oracle.capped(exact, softcap), t, **shared)
        scale = max(1.0, *(abs(float(x)) for x in row)) * (1 + 0.25 * max(abs(float(x)) for x in row))
        assert float(loss[i]) == pytest.approx(float(want), rel=1e-13, abs=1e-15 * scale)
        assert float(plain[i]) == pytest.approx(float(want), rel=1e-13, abs=1e-15 * scale)
        gradient = oracle.gradient(exact, t, softcap=softcap, **shared)
        np.testing.assert_allclose(slope[i], [float(g) for g in gradient], rtol=1e-11, atol=1e-14 * scale)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tiny_losses_keep_their_digits(dtype):
    kind = getattr(torch, dtype)
    for gap in (5.0, 20.0, 60.0, 87.0):
        z = torch.tensor([[gap, 0.0, -1.0]], dtype=kind, requires_grad=True)
        y = torch.tensor([0])
        exact = oracle.reals([gap, 0.0, -1.0])
        want, slope = oracle.loss(exact, oracle.target(0, 3)), oracle.gradient(exact, oracle.target(0, 3))
        loss = X.cross_entropy(z, y)
        (got,) = torch.autograd.grad(loss, z)
        plain = X.cross_entropy(z, y, weight=torch.ones(3, requires_grad=True))
        jacobian = torch.func.grad(X.cross_entropy)(z.detach(), y)
        for value in (loss, plain):
            assert oracle.ulps(float(value.detach()), want, dtype) <= 4
        for g in (got[0], jacobian[0]):
            assert max(oracle.ulps(float(a), b, dtype) for a, b in zip(g, slope, strict=True)) <= 4
        if gap > 40:
            assert float(F.cross_entropy(z.detach(), y)) == 0, "torch has kept no digit of it"


@given(batches(least_rows=1))
def test_same_numbers_as_xent(batch):
    logits, labels = batch
    kw = {"label_smoothing": 0.1, "temperature": 2.0, "z_loss": 1e-3}
    sample_weight = np.linspace(0, 2, len(labels))
    loss, slope = xent.cross_entropy_with_grad(
        logits, labels, sample_weight=sample_weight, denominator="rows", **kw
    )
    z = torch.tensor(logits, requires_grad=True)
    got = X.cross_entropy(
        z, torch.tensor(labels), sample_weight=torch.tensor(sample_weight), denominator="rows", **kw
    )
    (g,) = torch.autograd.grad(got, z)
    assert float(got.detach()) == pytest.approx(float(loss), rel=1e-12)
    np.testing.assert_allclose(g, slope, rtol=1e-10, atol=1e-15)


# ------------------------------------------------------------------------------------------------------- the edges


@pytest.fixture(params=["kernel", "plain"])
def route(request):
    """Compute by the kernel, or by plain operations; loss of each row and gradient of their sum."""

    def run(z, y, **kw):
        kw = {"reduction": "none", **kw}
        if request.param == "kernel":
            z = z.clone().requires_grad_()
            loss = X.cross_entropy(z, y, **kw)
            return loss.detach(), torch.autograd.grad(loss.sum(), z)[0]
        pair = torch.func.grad_and_value(
            lambda a: (lambda r: (r.sum(), r))(X.cross_entropy(a, y, **kw)), has_aux=True
        )
        slope, (_, loss) = pair(z)
        return loss, slope

    return run


def test_masked_classes(route):
    z = torch.tensor([[0.0, -INF, 1.0], [-INF, -INF, 0.0], [0.0, 1.0, -INF]], dtype=DOUBLE)
    loss, slope = route(z, torch.tensor([2, 2, 2]))
    torch.testing.assert_close(loss, torch.tensor([math.log1p(math.exp(-1)), 0.0, INF], dtype=DOUBLE))
    assert slope[0, 1] == 0
    assert (slope[1] == 0).all()
    p = 1 / (1 + math.e)
    torch.testing.assert_close(slope[2], torch.tensor([p, 1 - p, -1.0], dtype=DOUBLE))
    loss, slope = route(z, torch.tensor([2, 2, 1]), label_smoothing=0.3)
    assert (loss == INF).all(), "smoothing gives a masked class weight, and the truth is infinite"
    loss, slope = route(z, torch.tensor([2, 2, 1]), label_smoothing=0.3, weight=torch.tensor([1.0, 0.0, 1.0]))
    assert loss[0].isfinite()
    assert slope[0].isfinite().all()


def test_rows_without_a_softmax(route):
    z = torch.tensor([[0.0, NAN, 1.0], [INF, 0.0, 0.0], [-INF] * 3, [0.0, 0.0, 0.0]], dtype=DOUBLE)
    loss, slope = route(z, torch.tensor([0, 0, 0, 0]))
    assert loss[:3].isnan().all()
    assert slope[:3].isnan().all()
    assert loss[3] == pytest.approx(math.log(3))
    assert slope[3].isfinite().all()


def test_rows_without_weight_count_for_nothing(route):
    z = torch.tensor([[0.0, NAN], [-INF, -INF], [0.0, -INF], [1.0, 2.0]], dtype=DOUBLE)
    y, sample_weight = torch.tensor([0, 0, 1, 1]), torch.tensor([0.0, 0.0, 0.0, 2.0])
    loss, slope = route(z, y, sample_weight=sample_weight)
    torch.testing.assert_close(loss, torch.tensor([0, 0, 0, 2 * math.log1p(math.exp(-1))], dtype=DOUBLE))
    assert (slope[:3] == 0).all()
    loss, slope = route(z, torch.tensor([-100, -100, -100, 1]))
    assert (loss[:3] == 0).all()
    assert (slope[:3] == 0).all()


@pytest.mark.parametrize("soft", [False, True])
def test_nothing_to_divide_by(soft, route):
    z = torch.zeros(2, 3)
    y = torch.rand(2, 3) if soft else torch.tensor([-100, -100])
    nothing = {"sample_weight": torch.zeros(2)} if soft else {}
    assert X.cross_entropy(z, y, **nothing).isnan()
    assert X.cross_entropy(z, y, on_empty="zero", **nothing) == 0
    with pytest.raises(ValueError, match="nothing to divide by"):
        X.cross_entropy(z, y, on_empty="raise", **nothing)
    loss, slope = route(z, y, reduction="mean", on_empty="zero", **nothing)
    assert loss == 0
    assert (slope == 0).all()
    if not soft:
        _, slope = route(z, y, reduction="mean")
        assert (slope == 0).all(), "as in torch: a NaN mean, and no row to have a gradient"


@pytest.mark.parametrize("soft", [False, True])
def test_denominators(soft, route):
    torch.manual_seed(0)
    z, weight, s = (
        torch.randn(4, 3, dtype=DOUBLE),
        torch.tensor([1.0, 2.0, 0.5]),
        torch.tensor([1.0, 0.0, 3.0, 0.5]),
    )
    y = torch.rand(4, 3, dtype=DOUBLE) if soft else torch.tensor([0, 2, -100, 1])
    each, slopes = route(z, y, weight=weight, sample_weight=s)
    mass = (y * weight).sum(1) if soft else torch.tensor([1.0, 0.5, 0.0, 2.0])
    own = float((s * mass).sum())
    for denominator, by in (
        (None, float(s.sum()) if soft else own),
        ("weights", own),
        ("rows", 4 if soft else 3),
        (7.0, 7),
    ):
        loss, slope = route(z, y, weight=weight, sample_weight=s, reduction="mean", denominator=denominator)
        assert float(loss) == pytest.approx(float(each.sum()) / by, rel=1e-12)
        torch.testing.assert_close(slope, slopes / by)


@pytest.mark.parametrize("place", [0, 3])
def test_a_label_that_names_no_class(place):
    z, y = torch.zeros(2, 3, 2), torch.tensor([[0, 1], [2, 0]])
    for bad in (3, -1, 2**31):
        y.view(-1)[place] = bad
        for kind in (IndexError, ValueError, X.LabelError):
            for f in (X.cross_entropy, X.nll_loss, X.focal_loss):
                with pytest.raises(kind, match=rf"in \[0, 3\), got {bad} at row \({place // 2}, {place % 2}\)"):
                    f(z, y)
        loss = torch.func.vmap(lambda a, b: X.cross_entropy(a[None], b[None], reduction="none"))(z, y)
        assert loss.isnan().sum() == 1, "where it cannot be read its row is NaN"
        assert loss.reshape(2, 2).isnan().view(-1)[place]
        (slope,) = torch.func.vjp(lambda a: X.cross_entropy(a, y), z)[1](torch.tensor(1.0))
        assert slope.movedim(1, 2).reshape(4, 3)[place].isnan().all()


def test_a_very_large_ignore_index():
    z = torch.randn(2, 3)
    y = torch.tensor([1, 2**40])
    torch.testing.assert_close(X.cross_entropy(z, y, ignore_index=2**40), F.cross_entropy(z, y, ignore_index=2**40))


# ------------------------------------------------------------------------------------------------ memory and types


def laid_out(z, how):
    if how == "expanded":
        return z[:1].expand_as(z)
    return {
        "transposed": z.transpose(0, -1).contiguous().transpose(0, -1),
        "channels last": z.movedim(1, -1).contiguous().movedim(-1, 1),
        "sliced": z.repeat_interleave(2, dim=-1)[..., ::2],
        "permuted": z.transpose(-1, -2).contiguous().transpose(-1, -2),
    }[how]


@pytest.mark.parametrize("how", ["transposed", "channels last", "sliced", "permuted", "expanded"])
@pytest.mark.parametrize("ndim", [2, 3, 4])
@pytest.mark.parametrize("dtype", [DOUBLE, torch.bfloat16])
def test_layout_does_not_matter_and_inputs_stay(how, ndim, dtype):
    torch.manual_seed(0)
    z = laid_out(torch.randn((3, 4, 2, 5)[:ndim]).to(dtype), how)
    y = torch.randint(4, z.shape[:1] + z.shape[2:])
    before = z.clone(), y.clone()
    for reduction in ("mean", "none"):
        a, b = z.clone(memory_format=torch.contiguous_format).requires_grad_(), z.detach().requires_grad_()
        losses = [X.cross_entropy(x, y, reduction=reduction, label_smoothing=0.1) for x in (a, b)]
        slopes = [torch.autograd.grad(loss.sum(), x)[0] for loss, x in zip(losses, (a, b), strict=True)]
        # every row's bits are the same; their sum adds the rows in the order of memory
        torch.testing.assert_close(*losses, rtol=4e-16 if reduction == "mean" else 0, atol=0)
        torch.testing.assert_close(*slopes, rtol=0, atol=0)
        op = torch.ops.xent.cross_entropy_backward.default
        arguments = (
            losses[1].detach(),
            z,
            y,
            None,
            None,
            reduction,
            -100,
            0.1,
            1.0,
            0.0,
            None,
            0.0,
            "torch",
            1.0,
            "nan",
        )
        torch.library.opcheck(op, arguments, test_utils="test_faketensor")
    assert torch.equal(z, before[0])
    assert torch.equal(y, before[1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("soft", [False, True])
def test_half_types(dtype, soft):
    torch.manual_seed(0)
    z = torch.randn(6, 5).to(dtype)
    y = torch.rand(6, 5).to(dtype) if soft else torch.randint(5, (6,))
    wide = z.double().requires_grad_()
    want = X.cross_entropy(wide, y.double() if soft else y)
    half = z.clone().requires_grad_()
    got = X.cross_entropy(half, y)
    assert got.dtype == torch.float32
    assert float(got.detach()) == pytest.approx(float(want.detach()), rel=1e-7)
    want.backward()
    got.backward()
    assert half.grad.dtype == dtype
    assert torch.equal(half.grad, wide.grad.to(dtype)), "rounded once"
    mixed = X.cross_entropy(z, torch.rand(6, 5)) if soft else got
    assert mixed.dtype == torch.float32
    binary = X.binary_cross_entropy_with_logits(half, torch.rand(6, 5))
    assert binary.dtype == torch.float32
    assert torch.autograd.grad(binary, half)[0].dtype == dtype


def test_float16_gradients_survive_the_loss_scale():
    """1/N underflows in float16 for N = 2^26 rows; times 2^16 it does not."""
    z, rows = torch.zeros(4, 2, dtype=torch.float16, requires_grad=True), 2.0**26
    loss = X.cross_entropy(z, torch.tensor([0, 1, 0, 1]), denominator=rows)
    (loss * 65536).backward()
    assert torch.equal(z.grad[0], torch.tensor([-0.5, 0.5]).half() * 2**-10)


def test_autocast_reads_half_logits_as_they_are():
    linear, x, y = torch.nn.Linear(3, 5), torch.randn(4, 3), torch.tensor([0, 1, 2, 3])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = linear(x)
        loss, want = X.cross_entropy(logits, y), F.cross_entropy(logits, y)
    assert logits.dtype == torch.bfloat16
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, want.float(), rtol=1e-2, atol=0)
    loss.backward()
    assert linear.weight.grad.dtype == torch.float32


def test_ten_threads_at_once():
    torch.manual_seed(0)
    z, y = torch.randn(300, 40), torch.randint(40, (300,))
    want, found = torch.func.grad_and_value(X.cross_entropy)(z, y), []

    def work():
        for _ in range(5):
            a = z.clone().requires_grad_()
            loss = X.cross_entropy(a, y)
            loss.backward()
            found.append((a.grad, loss.detach()))

    threads = [threading.Thread(target=work) for _ in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 50
    for slope, loss in found:
        assert torch.equal(slope, found[0][0])
        assert loss == found[0][1]
    torch.testing.assert_close(found[0], want)


# ------------------------------------------------------------------------------------------- likelihoods and binary


def test_nothing_times_infinity_is_nothing():
    x, t = torch.tensor([-INF, 0.0]), torch.tensor([0.0, 1.0])
    assert X.kl_div(x, t, reduction="sum") == 0
    assert X.kl_div(x, t.log(), reduction="sum", log_target=True) == 0
    assert F.kl_div(x, t, reduction="sum").isnan(), "torch differs: 0 · ∞"
    y, weight = torch.tensor([0, 1]), torch.tensor([0.0, 1.0])
    log_p = torch.tensor([[-INF, 0.0], [0.0, -1.0]])
    assert X.nll_loss(log_p, y, weight) == 1
    assert F.nll_loss(log_p, y, weight).isnan(), "torch differs: 0 · ∞"
    z = torch.tensor([INF, -INF], requires_grad=True)
    loss = X.binary_cross_entropy_with_logits(z, torch.tensor([1.0, 0.0]))
    assert loss == 0
    assert (torch.autograd.grad(loss, z)[0] == 0).all()
    assert X.binary_cross_entropy_with_logits(z, torch.tensor([0.0, 1.0]), reduction="none").tolist() == [INF, INF]


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=5), st.floats(0, 1), st.sampled_from([0.25, 1.0, 8.0]))
@example([-59.0, -379.1], 1.1e-171, 0.25)  # exp(−379) as a pair of floats whose second is 10⁻¹⁴ of the first
def test_binary_every_digit(z, y, positive):
    x = torch.tensor(z, dtype=DOUBLE, requires_grad=True)
    p = torch.tensor(positive, dtype=DOUBLE)
    loss = X.binary_cross_entropy_with_logits(x, torch.full_like(x, y), reduction="none", pos_weight=p)
    for got, a in zip(loss, oracle.reals(z), strict=True):
        softplus = [oracle.MP.log1p(oracle.MP.exp(s * a)) for s in (-1, 1)]
        want = oracle.real(positive) * oracle.real(y) * softplus[0] + (1 - oracle.real(y)) * softplus[1]
        assert float(got.detach()) == pytest.approx(float(want), rel=2e-15, abs=1e-320)


# ------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"input": torch.zeros(())}, ValueError, r"\(C,\), \(N, C\) or \(N, C, d1"),
        ({"input": torch.zeros(2, 0)}, ValueError, "C ≥ 1"),
        ({"input": torch.zeros(2, 3, dtype=torch.int64)}, TypeError, "float32, float64, float16 or bfloat16"),
        ({"input": np.zeros((2, 3))}, TypeError, "must be a torch.Tensor, got ndarray"),
        ({"target": torch.zeros(3, dtype=torch.int64)}, ValueError, r"shape \(2,\) \(class indices\)"),
        ({"target": torch.zeros(2)}, TypeError, "must be integers, got torch.float32"),
        ({"target": torch.zeros(2, dtype=torch.bool)}, TypeError, "must be integers, got torch.bool"),
        ({"target": torch.zeros(2, 3, dtype=torch.int64)}, TypeError, "probabilities and must be floating"),
        ({"target": torch.zeros(2, dtype=torch.int64, device="meta")}, ValueError, "target is on meta"),
        ({"target": torch.rand(2, 3), "ignore_index": 1}, ValueError, "sample_weight=0"),
        ({"weight": torch.ones(2)}, ValueError, r"one number a class, so shape \(3,\)"),
        ({"sample_weight": torch.ones(3)}, ValueError, r"one number a row, so shape \(2,\)"),
        ({"sample_weight": torch.tensor([1.0, -1.0])}, ValueError, "finite and not negative, got -1"),
        ({"temperature": 1e-40}, ValueError, "temperature must lie between 1e-30 and 1e30, got 1e-40"),
        ({"softcap": 1e31}, ValueError, "softcap must lie between 1e-30 and 1e30"),
        ({"label_smoothing": 1.5}, ValueError, r"label_smoothing must lie in \[0, 1\]"),
        ({"temperature": 0.0}, ValueError, "temperature"),
        ({"softcap": -1.0}, ValueError, "softcap"),
        ({"z_loss": NAN}, ValueError, "z_loss"),
        ({"reduction": "batchmean"}, ValueError, "'mean', 'sum', 'none'"),
        ({"reduction": "sum", "denominator": 3.0}, ValueError, "denominator"),
        ({"on_empty": "one"}, ValueError, "on_empty"),
        ({"ignore_index": 0.5}, TypeError, "ignore_index must be an integer"),
    ],
)
def test_mistakes_are_named(change, kind, words):
    good = {"input": torch.zeros(2, 3), "target": torch.tensor([0, 1])}
    with pytest.raises(kind, match=words):
        X.cross_entropy(**{**good, **change})
    X.cross_entropy(**good)


def test_mistakes_of_the_others_are_named():
    z, y = torch.zeros(2, 3), torch.zeros(2, 3)
    for kw, words in (
        ({"target": torch.zeros(2)}, "target must have the input's shape"),
        ({"weight": torch.ones(2)}, "weight must broadcast"),
        ({"pos_weight": torch.ones(1, 1, 1)}, "pos_weight must broadcast"),
        ({"reduction": "avg"}, "reduction must be one of"),
    ):
        with pytest.raises(ValueError, match=words):
            X.binary_cross_entropy_with_logits(**{"input": z, "target": y, **kw})
    with pytest.raises(ValueError, match="must broadcast with"):
        X.kl_div(z, torch.zeros(2))
    with pytest.raises(TypeError, match="class indices"):
        X.nll_loss(z, y)
