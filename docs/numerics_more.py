"""The second half of docs/numerics.md: weights, half precision, huge logits, and what probabilities lose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from docs.calls import Call, answer
from docs.judge import ARTICLE, OPTAX, TORCH, XENT, exact, grad_of, loss_of
from docs.tables import number, oracle, table, verdict

Z, Y, W, EPSILON = [[2.0, 1.0, 0.1], [0.0, 0.5, 3.0]], [0, 2], [1.0, 2.0, 5.0], 0.1
ONE_HOT = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def weights() -> list[str]:
    def total(epsilon: float) -> Any:
        pairs = [exact(z, y, epsilon=epsilon, weight=W)[0] for z, y in zip(Z, Y, strict=True)]
        return sum(pairs)

    smoothed = [oracle.target(y, 3, epsilon=EPSILON, weight=W) for y in Y]
    by = {
        "Σ w_y, the labels' weights": sum(oracle.real(W[y]) for y in Y),
        "N, the rows": oracle.real(len(Y)),
        "Σ t, the smoothed and weighted targets": sum(sum(t) for t in smoothed),
    }
    what = {"smoothed": total(EPSILON), "not smoothed": total(0.0)}
    calls = [
        Call("xent.cross_entropy(z, y, weight=w, label_smoothing=0.1)"),
        Call("xent.cross_entropy(z, q, weight=w, label_smoothing=0.1)"),
        Call('xent.cross_entropy(z, y, weight=w, label_smoothing=0.1, denominator="rows")'),
        Call("F.cross_entropy(z, y, weight=w, label_smoothing=0.1)", "torch"),
        Call("F.cross_entropy(z, q, weight=w, label_smoothing=0.1)", "torch"),
        Call("optax.softmax_cross_entropy(z, optax.smooth_labels(q, 0.1) * w).mean()", "jax"),
        Call("log_loss(y, special.softmax(z, axis=-1), sample_weight=w[y], labels=[0, 1, 2])"),
    ]
    rows: list[list[str]] = []
    for call in calls:
        got = answer(call, grad=False, z=Z, y=Y, q=ONE_HOT, w=W).value.loss
        fits = [
            (verdict(got, t / d), f"{kind}, divided by {name}")
            for kind, t in what.items()
            for name, d in by.items()
            if verdict(got, t / d).startswith(("exact", "good"))
        ]
        words, found = fits[0] if len(fits) == 1 else ("—", "none of these")
        rows.append([f"`{call.code}`", number(got), found, words])
    truths = [[kind, *(number(t / d) for d in by.values())] for kind, t in what.items()]
    return [
        f"""
## Class weights, smoothing, soft targets

Everybody multiplies t_j by w_j, and they part at what the mean divides by. Logits {Z}, labels {Y}, `q` the same
labels as one-hot rows, `w` = {W}, ε = {EPSILON}, float64. The truth for each denominator:""",
        table(["Σ t · (−log p)", *(f"by {name}" for name in by)], truths),
        """
Which of them each call computes, found by comparing the numbers. PyTorch gives two different losses to the same
labels written as indices and as one-hot rows; ours gives one, and the denominator has a name. For index targets
ours is PyTorch's.""",
        table(["call", "loss", "what that is", "verdict"], rows),
    ]


def half() -> list[str]:
    def rows_of(dtype: str, inputs: list[tuple[str, list[float]]], cases: dict[str, Call]) -> list[list[str]]:
        rows: list[list[str]] = []
        for name, z in inputs:
            y = len(z) - 1
            truth = exact(z, y)[0] if len(z) < 9 else oracle.MP.log(len(z))  # the long row is one of equal logits
            row = [name, dtype, number(truth, 6)]
            for label, call in cases.items():
                said = answer(call, dtype, grad=False, z=[z], y=[y])
                cell = loss_of(said, truth, "float32" if label == "xent" else dtype, digits=6)
                off = math.inf if said.error or label == "xent" else float(abs(said.value.loss - float(truth)))
                row.append(cell if math.isinf(off) else f"{cell}, {off:.1g} nats off")
            rows.append(row)
        return rows

    cases = {
        "xent": Call("xent.cross_entropy(z, y)", "torch"),
        "torch": TORCH,
        "optax": OPTAX,
    }
    grid = [(f"({a:g}, {b:g}, 0)", [a, b, 0.0]) for a, b in ((36.0, 34.0), (36.0, 35.0), (36.0, 36.0), (9.0, 8.0))]
    wide = [("(60000, 0, −60000)", [60000.0, 0.0, -60000.0]), ("70000 zeros", [0.0] * 70_000)]
    return [
        """
## Half precision

The loss of bfloat16 logits in bfloat16 is a number with 8 bits: near 36 nats it moves in steps of 0.25, and a
loss that falls by less stands still. Each answer is the best its type can hold, and the type is the fault.
float16 has 11 bits and ends at 65504: a loss above that, or a sum of more than 65504 ones inside a softmax that
adds in float16, is ∞. Ours returns float32 for either, and is judged as float32; the others are judged as what
they return. The label is the last class.""",
        table(
            ["logits", "type", "truth", *cases], rows_of("bfloat16", grid, cases) + rows_of("float16", wide, cases)
        ),
    ]


def huge() -> list[str]:
    most = float(np.finfo(np.float32).max)
    unshifted = Call("np.log(np.exp(z).sum()) - z[0, y[0]]")
    cases = {
        "xent": XENT,
        "torch": TORCH,
        "optax": OPTAX,
        "the article": ARTICLE,
        "no maximum taken out": unshifted,
    }
    rows: list[list[str]] = []
    for a in (100.0, 1e4, 1e30, most):
        for y in (0, 1):
            z = [float(np.float32(a)), -float(np.float32(a))]
            loss, grad = exact(z, y)
            row = [f"(a, −a), a = {number(a)}", str(y), number(loss) if loss < most else "∞ (above float32)"]
            for call in cases.values():
                said = answer(call, "float32", z=[z], y=[y])
                cell, slope = loss_of(said, loss, "float32"), grad_of(said, grad, "float32")
                row.append(cell if slope == "—" else f"{cell}; {slope}")
            rows.append(row)
    return [
        """
## Huge logits

With the maximum taken out nothing overflows before the loss itself does, and all libraries agree. (At label 0
the truth is e^−2a, below the smallest float, and 0 is its nearest.) Only the formula without it fails, and it
fails at 89 nats. Loss and gradient, float32:""",
        table(["logits", "label", "true loss", *cases], rows),
    ]


def double_softmax() -> list[str]:
    cases = {
        "xent": Call("xent.cross_entropy_with_grad(z, y)"),
        "torch": TORCH,
        "optax": OPTAX,
    }
    rows: list[list[str]] = []
    for k in (2, 3, 10, 1000):
        p = [1.0] + [0.0] * (k - 1)
        loss, grad = exact(p, 0)
        row = [str(k), number(loss)]
        for call in cases.values():
            said = answer(call, "float32", z=[p], y=[0])
            slope = said.value.grad.ravel()[0]
            row.append(f"{loss_of(said, loss, 'float32')}; {number(slope)}: {verdict(slope, grad[0], 'float32')}")
        rows.append(row)
    return [
        """
## Softmax twice

A model that ends in softmax, and a loss that takes logits: the second softmax sees numbers between 0 and 1, and
its loss cannot fall below log(1 + (K − 1) / e), however right the model is. No function can see this from one
row: probabilities are legal logits, and ours computes what it is asked as the others do. A training loss that
settles at one of these numbers is the sign. Loss and gradient at the label for a perfect row (1, 0, …, 0),
float32:""",
        table(["K", "floor", *cases], rows),
    ]


def clipping() -> list[str]:
    cases = {
        "xent, ε = 1e-7": "xent.from_probs.sparse_categorical_cross_entropy(y, p)",
        "xent, ε = 0": "xent.from_probs.sparse_categorical_cross_entropy(y, p, epsilon=0)",
        "the article": "article.sparse_categorical_cross_entropy(y, p)",
        "scikit-learn `log_loss`": "log_loss(y, p, labels=[0, 1])",
        "torch `BCELoss`": "F.binary_cross_entropy(torch.tensor(p[:, 0]), torch.tensor(1.0 - y).double())",
    }
    rows: list[list[str]] = []
    for p in (1.0, 1 - 1e-9, 0.9, 1e-6, 1e-8, 1e-10, 1e-44, 0.0):
        truth = oracle.MP.inf if p == 0 else -oracle.MP.log(oracle.real(p))
        row = [f"{p!r}", number(truth)]
        for code in cases.values():
            said = answer(Call(code), grad=False, p=[[p, 1.0 - p]], y=[0])
            row.append(loss_of(said, truth, "float64", digits=5))
        rows.append(row)
    cap, floor = number(-math.log(1e-7), 5), number(-math.log1p(-1e-7))
    low, high = (
        answer(Call(cases["xent, ε = 1e-7"]), grad=False, y=[0], p=[[p, 1.0 - p]]).value.loss for p in (1e-10, 1e-8)
    )
    fall = math.log(1e-8) - math.log(1e-10)
    return [
        f"""
## Clipping probabilities

Probabilities clipped at 1e-7 cost at most −log 1e-7 = {cap} nats, and at least {floor}, however wrong or right
they are; beyond, the loss is flat and teaches nothing. From p = 1e-10 to 1e-8 the loss falls by {number(fall)},
and the clipped loss by {number(low - high)}. torch's `BCELoss` cuts its logarithm at −100 instead, scikit-learn
clips at the type's epsilon. A probability that has been rounded cannot be mended by any of them: where there
are logits, use them. `xent.from_probs` clips because its callers have nothing else, says so, and with
`epsilon=0` does not. Probability p of the label, float64:""",
        table(["p", "truth", *cases], rows),
    ]
