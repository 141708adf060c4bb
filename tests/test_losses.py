"""`xent.cross_entropy` and its gradient: the laws, the edges, the errors, and the peers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import oracle
import xent
from strategies import batches, rows

NAN, INF = math.nan, math.inf
LOGITS = np.array([[2.0, 1.0, 0.1], [0.0, -40.0, -41.0], [0.3, 0.3, -2.0]])
LABELS = np.array([0, 2, 1])


# -------------------------------------------------------------------------------------------------------- the laws


@given(batches(least_rows=1), st.floats(-100, 100))
def test_shift_changes_nothing(batch, shift):
    logits, labels = batch
    moved = xent.cross_entropy(logits + shift, labels)
    assert moved == pytest.approx(xent.cross_entropy(logits, labels), rel=1e-12, abs=1e-12)


@given(batches(least_rows=1), st.randoms(use_true_random=False))
def test_classes_and_rows_may_be_permuted(batch, random):
    logits, labels = batch
    k, n = logits.shape[1], logits.shape[0]
    new, order = random.sample(range(k), k), random.sample(range(n), n)
    loss, slope = xent.cross_entropy_with_grad(logits, labels, label_smoothing=0.1)
    other, turned = xent.cross_entropy_with_grad(
        logits[order][:, new], np.argsort(new)[labels[order]], label_smoothing=0.1
    )
    assert other == pytest.approx(loss, rel=1e-14)
    np.testing.assert_allclose(turned, slope[order][:, new], rtol=1e-13, atol=1e-300)


@given(batches(), st.sampled_from([0.0, 0.2]), st.sampled_from(["mean", "sum", "none"]))
def test_gradient_sums_to_zero(batch, epsilon, reduction):
    _, slope = xent.cross_entropy_with_grad(*batch, label_smoothing=epsilon, reduction=reduction)
    np.testing.assert_allclose(slope.sum(axis=1), 0, atol=1e-15)


@given(batches(least_rows=1), st.sampled_from([0.0, 0.3]))
def test_index_equals_one_hot(batch, epsilon):
    logits, labels = batch
    k = logits.shape[1]
    weight = np.linspace(0.5, 2, k)
    a = xent.cross_entropy_with_grad(logits, labels, label_smoothing=epsilon, weight=weight)
    b = xent.cross_entropy_with_grad(logits, xent.one_hot(labels, k), label_smoothing=epsilon, weight=weight)
    assert a[0] == pytest.approx(b[0], rel=1e-14)
    np.testing.assert_allclose(a[1], b[1], rtol=1e-14)


@given(batches(), st.data())
def test_ignoring_equals_deleting(batch, data):
    logits, labels = batch
    keep = data.draw(hnp.arrays(bool, labels.shape))
    marked = np.where(keep, labels, -100)
    weight = np.linspace(0.5, 2, logits.shape[1])
    for reduction in ("mean", "sum"):
        loss, slope = xent.cross_entropy_with_grad(
            logits, marked, weight=weight, ignore_index=-100, reduction=reduction
        )
        want, some = xent.cross_entropy_with_grad(logits[keep], labels[keep], weight=weight, reduction=reduction)
        assert loss == pytest.approx(want, rel=1e-14, nan_ok=True)
        np.testing.assert_allclose(slope[keep], some, rtol=1e-14)
        assert (slope[~keep] == 0).all()


@given(hnp.arrays(np.float64, (2, 3, 4), elements=st.floats(-9, 9)), st.sampled_from([0, 1, 2, -1, -2, -3]))
def test_axis_equals_moveaxis(z, axis):
    last = np.moveaxis(z, axis, -1)
    labels = np.arange(last[..., 0].size).reshape(last.shape[:-1]) % last.shape[-1]
    a, b = xent.cross_entropy_with_grad(z, labels, axis=axis), xent.cross_entropy_with_grad(last, labels)
    assert a[0] == b[0]
    np.testing.assert_array_equal(np.moveaxis(a[1], axis, -1), b[1])
    soft = xent.softmax(last[..., ::-1])
    c = xent.cross_entropy_with_grad(z, np.moveaxis(soft, -1, axis), axis=axis)
    d = xent.cross_entropy_with_grad(last, soft)
    assert c[0] == d[0]
    np.testing.assert_array_equal(np.moveaxis(c[1], axis, -1), d[1])


@given(batches(least_rows=2), st.data())
def test_parts_of_a_batch_add_up(batch, data):
    logits, labels = batch
    cut = data.draw(st.integers(0, len(labels)))
    options = {"label_smoothing": 0.1, "denominator": float(len(labels))}
    loss, slope = xent.cross_entropy_with_grad(logits, labels, **options)
    parts = [xent.cross_entropy_with_grad(logits[s], labels[s], **options) for s in (slice(cut), slice(cut, None))]
    assert sum(part[0] for part in parts) == pytest.approx(loss, rel=1e-14)
    np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), slope)


@given(rows(most=9), st.integers(0, 9), st.data())
def test_blocks_of_classes_merge_into_the_loss(row, cut, data):
    z, y = np.array(row), data.draw(st.integers(0, len(row) - 1))
    blocks = [b for b in (z[:cut], z[cut:]) if len(b)]
    m, s = -INF, 0.0
    for block in blocks:
        m, s = xent.spec.merge((m, s), (float(block.max()), float(np.exp(block - block.max()).sum())))
    whole = xent.cross_entropy(z, np.array(y))
    assert m + math.log(s) - z[y] == pytest.approx(whole, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"label_smoothing": 0.2, "temperature": 0.6},
        {"weight": np.array([0.5, 2.0, 0.1]), "sample_weight": np.array([1.0, 0.3, 2.0])},
        {"z_loss": 0.1, "softcap": 3.0, "temperature": 2.0},
        {"reduction": "sum", "ignore_index": 2},
        {"denominator": "rows", "weight": np.array([0.5, 2.0, 0.1])},
        {"denominator": 17.0, "z_loss": 0.01},
    ],
)
@pytest.mark.parametrize("soft", [False, True])
def test_finite_differences(options, soft):
    if soft and "ignore_index" in options:
        pytest.skip("a soft target has no index to ignore")
    z = np.array([[0.3, -1.0, 0.7], [2.0, 1.0, 0.5], [-0.2, 0.1, 0.0]])
    target = xent.softmax(z[::-1]) if soft else np.array([0, 2, 1])
    _, slope = xent.cross_entropy_with_grad(z, target, **options)
    for at in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[at] = 1e-4
        ahead, back = (xent.cross_entropy(z + s * step, target, **options) for s in (1, -1))
        assert slope[at] == pytest.approx((ahead - back) / 2e-4, abs=1e-8)


@given(batches(least_rows=1), st.sampled_from(["F", "strided", "read-only"]))
def test_memory_layout_does_not_matter_and_inputs_stay(batch, layout):
    logits, labels = batch
    held = {
        "F": np.asfortranarray(logits),
        "strided": np.repeat(logits, 2, axis=1)[:, ::2],
        "read-only": logits.copy(),
    }
    z = held[layout]
    z.flags.writeable = labels.flags.writeable = False
    before = z.copy(), labels.copy()
    a = xent.cross_entropy_with_grad(z, labels, softcap=20.0, temperature=2.0)
    b = xent.cross_entropy_with_grad(logits, labels, softcap=20.0, temperature=2.0)
    assert a[0] == b[0]
    np.testing.assert_array_equal(a[1], b[1])
    np.testing.assert_array_equal(z, before[0])
    np.testing.assert_array_equal(labels, before[1])


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_long_batches_are_their_rows(soft, axis):
    rng = np.random.default_rng(1)
    z = np.moveaxis(rng.normal(size=(211, 90, 3)), -1, axis)  # several blocks, the last one shorter
    y = np.moveaxis(rng.dirichlet(np.ones(3), (211, 90)), -1, axis) if soft else rng.integers(0, 3, (211, 90))
    loss, slope = xent.cross_entropy_with_grad(z, y, axis=axis, reduction="none", softcap=9.0)
    for i in (0, 100, 210):
        row, target = np.moveaxis(z, axis, -1)[i], (np.moveaxis(y, axis, -1) if soft else y)[i]
        want, wanted = xent.cross_entropy_with_grad(row, target, reduction="none", softcap=9.0)
        np.testing.assert_allclose(loss[i], want, rtol=1e-15)
        np.testing.assert_allclose(np.moveaxis(slope, axis, -1)[i], wanted, rtol=1e-14)
    assert slope.shape == z.shape


def test_same_input_same_bits():
    rng = np.random.default_rng(0)
    z, q = rng.normal(size=(50, 33)), rng.dirichlet(np.ones(33), 50)
    first, again = (xent.cross_entropy_with_grad(z, q, label_smoothing=0.1) for _ in range(2))
    assert first[0] == again[0]
    assert first[1].tobytes() == again[1].tobytes()


# ------------------------------------------------------------------------------------------- reductions and edges


def test_denominators():
    weight, factor = np.array([1.0, 2.0, 5.0]), np.array([1.0, 0.5, 3.0])
    each = xent.cross_entropy(LOGITS, LABELS, weight=weight, sample_weight=factor, reduction="none")
    options = {"weight": weight, "sample_weight": factor}
    by_weights = (factor * weight[LABELS]).sum()
    assert xent.cross_entropy(LOGITS, LABELS, **options) == pytest.approx(each.sum() / by_weights)
    assert xent.cross_entropy(LOGITS, LABELS, denominator="weights", **options) == pytest.approx(
        each.sum() / by_weights
    )
    assert xent.cross_entropy(LOGITS, LABELS, denominator="rows", **options) == pytest.approx(each.sum() / 3)
    assert xent.cross_entropy(LOGITS, LABELS, denominator=7.0, **options) == pytest.approx(each.sum() / 7)
    assert xent.cross_entropy(LOGITS, LABELS, reduction="sum", **options) == pytest.approx(each.sum())
    ignoring = xent.cross_entropy(LOGITS, LABELS, denominator="rows", ignore_index=2)
    assert ignoring == pytest.approx(xent.cross_entropy(LOGITS[[0, 2]], LABELS[[0, 2]]))


@pytest.mark.parametrize("shape", [(0, 3), (2, 3)])
def test_empty_mean(shape):
    z, y = np.zeros(shape), np.full(shape[0], -1)
    loss, slope = xent.cross_entropy_with_grad(z, y, ignore_index=-1)
    assert math.isnan(loss)
    assert slope.shape == shape
    assert (slope == 0).all()
    loss, slope = xent.cross_entropy_with_grad(z, y, ignore_index=-1, on_empty="zero")
    assert loss == 0
    assert (slope == 0).all()
    with pytest.raises(ValueError, match="nothing to divide by"):
        xent.cross_entropy(z, y, ignore_index=-1, on_empty="raise")
    assert xent.cross_entropy(z, y, ignore_index=-1, reduction="sum") == 0
    assert xent.cross_entropy(z, y, ignore_index=-1, reduction="none").shape == shape[:1]


def test_weights_that_sum_to_zero():
    options = {"weight": np.zeros(3), "on_empty": "zero"}
    loss, slope = xent.cross_entropy_with_grad(LOGITS, LABELS, **options)
    assert loss == 0
    assert (slope == 0).all()
    assert math.isnan(xent.cross_entropy(LOGITS, LABELS, weight=np.zeros(3)))


def test_sample_weight_zero_counts_for_nothing():
    z = np.array([[1.0, -INF], [NAN, 0.0], [0.5, 0.0]])
    loss, slope = xent.cross_entropy_with_grad(z, np.array([1, 0, 0]), sample_weight=np.array([0.0, 0.0, 2.0]))
    want, some = xent.cross_entropy_with_grad(z[2:], np.array([0]))
    assert loss == want
    np.testing.assert_array_equal(slope, [[0, 0], [0, 0], some[0]])


@pytest.mark.parametrize("bad", [[NAN, 1.0, 0.0], [INF, 1.0, 0.0], [-INF] * 3])
def test_rows_without_a_softmax_are_nan(bad):
    z = np.array([bad, [1.0, 2.0, 3.0]])
    for target in (np.array([1, 1]), np.full((2, 3), 1 / 3)):
        loss, slope = xent.cross_entropy_with_grad(z, target, reduction="none")
        good, fine = xent.cross_entropy_with_grad(z[1:], target[1:], reduction="none")
        assert math.isnan(loss[0])
        assert np.isnan(slope[0]).all()
        assert loss[1] == good[0]
        np.testing.assert_array_equal(slope[1:], fine)


def test_masks():
    z = np.array([[1.0, -INF, 0.0]])
    assert xent.cross_entropy(z, np.array([0])) == xent.cross_entropy(z[:, ::2], np.array([0]))
    loss, slope = xent.cross_entropy_with_grad(z, np.array([1]))
    assert loss == INF
    assert slope[0, 1] == -1
    loss, slope = xent.cross_entropy_with_grad(z, np.array([0]), softcap=5.0, temperature=2.0)
    assert math.isfinite(loss)
    assert slope[0, 1] == 0
    assert xent.cross_entropy(z, np.array([[0.5, 0.0, 0.5]])) < INF
    assert xent.cross_entropy(z, np.array([0]), label_smoothing=0.1) == INF
    assert xent.cross_entropy(z, np.array([0]), label_smoothing=0.1, weight=np.array([1.0, 0.0, 1.0])) < INF


def test_one_class_costs_nothing():
    loss, slope = xent.cross_entropy_with_grad(np.array([[3.0], [-7.0]]), np.array([0, 0]), label_smoothing=0.3)
    assert loss == 0
    assert (slope == 0).all()


def test_one_row_without_a_batch():
    assert xent.cross_entropy(LOGITS[1], np.array(0)) == pytest.approx(5.811236444626578e-18, rel=1e-15)


@pytest.mark.parametrize(
    ("dtype", "loss"), [(np.float16, np.float32), (np.float32, np.float32), (np.float64, np.float64)]
)
def test_types(dtype, loss):
    got, slope = xent.cross_entropy_with_grad(LOGITS.astype(dtype), LABELS.astype(np.uint8))
    assert got.dtype == loss
    assert slope.dtype == dtype
    assert xent.cross_entropy(LOGITS.astype(dtype), LABELS, reduction="none").dtype == loss


# ------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("error", "message", "args", "options"),
    [
        (TypeError, r"logits must be an array .* got list; wrap it in np.asarray", ([[1.0]], LABELS), {}),
        (TypeError, "target must be an array .* got int", (LOGITS, 1), {}),
        (TypeError, "logits is a NumPy array and target is a torch array", (LOGITS, torch.tensor([0, 1, 2])), {}),
        (TypeError, "logits must be floating point, got int64", (LABELS[None], np.array([0])), {}),
        (TypeError, "pass it as float", (LOGITS, np.ones((3, 3), int)), {}),
        (TypeError, "pass it as float", (LOGITS, np.eye(3, dtype=bool)), {}),
        (TypeError, "must be integers, got float64", (LOGITS, LABELS.astype(float)), {}),
        (TypeError, "must be integers, got bool", (LOGITS, LABELS > 0), {}),
        (TypeError, "masked array", (np.ma.masked_array(LOGITS), LABELS), {}),
        (TypeError, "ignore_index must be an integer", (LOGITS, LABELS), {"ignore_index": 1.5}),
        (TypeError, "temperature must be a number", (LOGITS, LABELS), {"temperature": "warm"}),
        (ValueError, r"shape \(3,\) .* or \(3, 3\) .* got \(2,\)", (LOGITS, LABELS[:2]), {}),
        (ValueError, r"axis 2 does not exist in logits of shape \(3, 3\)", (LOGITS, LABELS), {"axis": 2}),
        (ValueError, r"at least one class, got shape \(3, 0\)", (LOGITS[:, :0], LABELS), {}),
        (ValueError, r"a class axis", (np.float64(1.0), LABELS), {}),
        (ValueError, r"labels must lie in \[0, 3\), got 3 at row 1", (LOGITS, np.array([0, 3, 9])), {}),
        (ValueError, r"got -1 at row \(1, 0\)", (LOGITS[:, None], np.array([[0], [-1], [0]])), {"axis": 2}),
        (ValueError, r"got -100 at row 0; .* ignore_index", (LOGITS, np.array([-100, 0, 0])), {}),
        (
            ValueError,
            r"sums to 2 at row 1; factors belong in sample_weight",
            (LOGITS, np.diag([1.0, 2.0, 1.0])),
            {},
        ),
        (ValueError, "negative or not finite at row 0", (LOGITS, np.diag([-1.0, 2.0, 1.0])), {}),
        (ValueError, "negative or not finite at row 2", (LOGITS, np.diag([1.0, 1.0, NAN])), {}),
        (ValueError, "ignore_index is for integer labels", (LOGITS, np.eye(3)), {"ignore_index": 0}),
        (
            ValueError,
            r"weight must have one number a class, so shape \(3,\)",
            (LOGITS, LABELS),
            {"weight": np.ones(2)},
        ),
        (ValueError, r"weight must be finite .* got -1.0 at \[0\]", (LOGITS, LABELS), {"weight": -np.ones(3)}),
        (ValueError, r"sample_weight .* got inf at \[0\]", (LOGITS, LABELS), {"sample_weight": INF * np.ones(3)}),
        (ValueError, r"label_smoothing must lie in \[0, 1\], got 1.1", (LOGITS, LABELS), {"label_smoothing": 1.1}),
        (ValueError, r"temperature must lie in \(0, inf\), got 0", (LOGITS, LABELS), {"temperature": 0}),
        (ValueError, "temperature .* got nan", (LOGITS, LABELS), {"temperature": NAN}),
        (ValueError, "softcap .* got -1", (LOGITS, LABELS), {"softcap": -1.0}),
        (ValueError, "z_loss .* got inf", (LOGITS, LABELS), {"z_loss": INF}),
        (
            ValueError,
            "reduction must be one of 'mean', 'sum', 'none', got 'avg'",
            (LOGITS, LABELS),
            {"reduction": "avg"},
        ),
        (ValueError, "leave it out", (LOGITS, LABELS), {"reduction": "sum", "denominator": "rows"}),
        (ValueError, "denominator must be one of", (LOGITS, LABELS), {"denominator": "row"}),
        (ValueError, "denominator must lie in", (LOGITS, LABELS), {"denominator": 0.0}),
        (ValueError, "on_empty must be one of", (LOGITS, LABELS), {"on_empty": "skip"}),
    ],
)
def test_wrong_arguments_are_named(error, message, args, options):
    with pytest.raises(error, match=message):
        xent.cross_entropy_with_grad(*args, **options)


def test_soft_rows_may_be_rounded():
    q = np.array([[0.3333, 0.3333, 0.3333]])
    assert math.isfinite(xent.cross_entropy(LOGITS[:1], q))
    coarse = np.array([[0.333, 0.333, 0.331]])
    assert math.isfinite(xent.cross_entropy(LOGITS[:1].astype(np.float16), coarse.astype(np.float16)))
    with pytest.raises(ValueError, match="sums to"):
        xent.cross_entropy(LOGITS[:1], coarse)


# --------------------------------------------------------------------------------------------------------- peers


@pytest.mark.parametrize("epsilon", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("soft", [False, True])
def test_torch_agrees_where_it_can(epsilon, reduction, weighted, soft):
    rng = np.random.default_rng(5)
    z, y = rng.normal(size=(20, 7)) * 3, rng.integers(0, 7, 20)
    weight = rng.uniform(0.1, 3, 7) if weighted else None
    if soft:
        y = rng.dirichlet(np.ones(7), 20)
    else:
        y[::5] = -100
    peer = torch.tensor(z, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(
        peer,
        torch.tensor(y),
        weight=None if weight is None else torch.tensor(weight),
        reduction=reduction,
        label_smoothing=epsilon,
    )
    theirs.sum().backward()
    options = {} if soft else {"ignore_index": -100}
    if soft and reduction == "mean":
        options["denominator"] = "rows"  # torch divides soft targets by the rows, whatever the weights
    ours, slope = xent.cross_entropy_with_grad(
        z, y, weight=weight, label_smoothing=epsilon, reduction=reduction, **options
    )
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(slope, peer.grad.numpy(), rtol=1e-9, atol=1e-15)


def test_torch_rounds_small_losses_to_zero():
    z = torch.tensor([[0.0, -40.0, -41.0]], dtype=torch.float64, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(z, torch.tensor([0]))
    theirs.backward()
    assert theirs.item() == 0
    assert z.grad[0, 0] == 0
    ours, slope = xent.cross_entropy_with_grad(z.detach().numpy(), np.array([0]))
    exact = oracle.loss(oracle.reals([0.0, -40.0, -41.0]), oracle.target(0, 3))
    assert oracle.ulps(ours, exact) <= 1
    assert slope[0, 0] < 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("options", "want"),
    [
        ({"temperature": 1e-40}, [0.0, 1e40]),
        ({"temperature": 1e40}, [math.log(2), math.log(3)]),
        ({"softcap": 1e35}, [math.log1p(math.exp(-2)), math.log(1 + math.exp(1) + math.exp(-1))]),
        ({"softcap": 1e-35}, [math.log(2), math.log(2 + 1)]),
    ],
)
def test_extreme_temperatures_and_caps_are_their_limits(options, want, dtype):
    """What a kernel's constants cannot hold goes another way; a mask keeps no share."""
    z, y = np.array([[3.0, 1.0, -np.inf], [0.0, 2.0, 1.0]], dtype), np.array([0, 2])
    loss, slope = xent.cross_entropy_with_grad(z, y, reduction="none", **options)
    with np.errstate(over="ignore"):  # 1e40 is ∞ in float32
        np.testing.assert_allclose(loss, np.array(want).astype(dtype), rtol=1e-6)
    assert slope[0, 2] == 0
