"""docs/numerics.md: the same inputs through xent and its peers, beside the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence

from docs import numerics_more as more
from docs.calls import Call, answer
from docs.judge import (
    ARTICLE,
    OPTAX,
    SCIPY,
    SCIPY_LSE,
    SKLEARN,
    TEXTBOOK,
    TORCH,
    XENT,
    by_call,
    by_input,
    exact,
    loss_of,
)
from docs.tables import made_with, number, oracle, raised, table
from docs.tables import page as joined


def tiny() -> list[str]:
    def sure(margins: Sequence[int], top: int = 0) -> list[tuple[list[float], int]]:
        return [([float(top), float(top - m), float(top - m - 1)], 0) for m in margins]

    single, double = sure((10, 12, 14, 16, 17, 18, 20, 40)), sure((10, 20, 30, 36, 37, 40, 100, 700))
    raised = sure((10, 16, 40), top=100)
    every = [XENT, ARTICLE, SCIPY, SCIPY_LSE, TORCH, OPTAX, SKLEARN]
    with_grad = [XENT, ARTICLE, SCIPY, TORCH, OPTAX]
    return [
        """
## Tiny losses

The label is class 0, which leads by a margin of m nats. The loss is log1p(tail), tail = e^−m + e^−(m+1), and
the gradient at the label is −tail / (1 + tail). Whoever computes log(1 + tail) forms 1 + tail first, and 1 +
tail has no room for a tail below half the spacing of floats next to 1: 6e-8 in float32, 1.1e-16 in float64. The
gradient p − 1 loses the same digits once more. So the loss and its gradient are exactly 0 from a margin of 17
(float32) or 37 (float64) on, and have lost most digits shortly before.

SciPy's `logsumexp` takes the largest term out of the sum and uses log1p. Given z − z_y it is as good as
anything here.

Loss, float32:""",
        by_input(every, single, "float32"),
        "Gradient at the label, float32:",
        by_input(with_grad, single, "float32", slope=True),
        "Loss, float64:",
        by_input(every, double, "float64"),
        "Gradient at the label, float64:",
        by_input(with_grad, double, "float64", slope=True),
        """
The same rows raised by 100, in float32. Softmax does not change, but lse − z_y, which is how the article and
optax write it, now subtracts two numbers near 100, and floats there are 8e-6 apart. Those who subtract the
maximum first do not notice.""",
        by_input([XENT, ARTICLE, TEXTBOOK, SCIPY, SCIPY_LSE, TORCH, OPTAX], raised, "float32"),
    ]


def binary() -> list[str]:
    cases = {
        "xent": Call("xent.binary_cross_entropy(z, y)"),
        "torch `BCEWithLogits`": Call("F.binary_cross_entropy_with_logits(z, y)", "torch"),
        "optax": Call("optax.sigmoid_binary_cross_entropy(z, y).mean()", "jax"),
        "torch `BCELoss(σ(z))`": Call("F.binary_cross_entropy(torch.sigmoid(z), y)", "torch"),
        "the article, `multi_label…`": Call("article.multi_label_cross_entropy(z, y)"),
        "the article, `binary…(σ(z))`": Call("article.binary_cross_entropy(y, article.sigmoid(z))"),
    }
    rows: list[list[str]] = []
    for z in (10.0, 17.0, 40.0, -20.0, -120.0, -1000.0):
        truth = exact([z, 0.0], 0)[0]
        said = [answer(call, "float32", grad=False, z=[z], y=[1.0]) for call in cases.values()]
        rows.append([number(z), number(truth), *(loss_of(s, truth, "float32") for s in said)])
    return [
        """
## Two classes

One logit z with y = 1, float32; the loss is log(1 + e^−z). Written with log1p it needs no care about the sign
or the size of z, and PyTorch's and optax's functions from logits do that: as good as ours. The probability σ(z)
is where digits end: it rounds to 1, and log of it to 0; or it rounds to 0, and something has to be put in the
place of ∞ (torch: 100; the article: −log 1e-7).""",
        table(["z", "truth", *cases], rows),
    ]


def masks() -> list[str]:
    z, inf = [1.0, 2.0, -math.inf], math.inf
    one_hot, smoothed = [[1.0, 0.0, 0.0]], "optax.smooth_labels(q, 0.1)"
    plain = exact(z, 0)
    return [
        """
## Masked classes

A logit of −∞ says that a class is impossible: p = 0. The loss has a term 0 · (−log 0) then, which counts as 0;
in floats 0 · ∞ is NaN, and so a one-hot target makes NaN of a loss that the class index gets right. Logits (1,
2, −∞), class 0, float64:""",
        by_call(
            [
                XENT,
                Call("xent.cross_entropy_with_grad(z, q)"),
                TORCH,
                Call("F.cross_entropy(z, q)", "torch"),
                OPTAX,
                Call("optax.softmax_cross_entropy(z, q).mean()", "jax"),
                Call("optax.safe_softmax_cross_entropy(z, q).mean()", "jax"),
                ARTICLE,
            ],
            plain,
            z=[z],
            y=[0],
            q=one_hot,
        ),
        """
Smoothing gives the masked class weight ε / K, and with it the loss is ∞: that is the mathematics of the
question as asked, and nobody here answers another one. The gradient, T · p − t, is finite. To smooth over the
classes that are left, give the distribution as a target. ε = 0.1:""",
        by_call(
            [
                Call("xent.cross_entropy_with_grad(z, y, label_smoothing=0.1)"),
                Call("F.cross_entropy(z, y, label_smoothing=0.1)", "torch"),
                Call("article.LabelSmoothingCrossEntropy(0.1)(z, y)", "torch"),
                Call(f"optax.softmax_cross_entropy(z, {smoothed}).mean()", "jax"),
                Call(f"optax.safe_softmax_cross_entropy(z, {smoothed}).mean()", "jax"),
            ],
            (inf, exact(z, 0, epsilon=0.1)[1]),
            z=[z],
            y=[0],
            q=one_hot,
        ),
        "The same, smoothed over the two classes that are left:",
        by_call(
            [
                Call("xent.cross_entropy_with_grad(z, q)"),
                Call("F.cross_entropy(z, q)", "torch"),
                Call("optax.safe_softmax_cross_entropy(z, q).mean()", "jax"),
            ],
            exact(z, [0.95, 0.05, 0.0]),
            z=[z],
            q=[[0.95, 0.05, 0.0]],
        ),
    ]


def ignored() -> list[str]:
    nothing = (oracle.MP.nan, [oracle.real(0)] * 3)
    calls = ["mean", "sum"]
    return [
        """
## All rows ignored

The mean of no rows is 0 / 0. NaN is what it is, ours and PyTorch's default; where a step with nothing to learn
from should be 0 or an error instead, that has to be chosen (`on_empty=`). The gradient is 0 in either case.
optax and scikit-learn know no ignored rows. Logits (1, 2, 3), label −100, float64:""",
        by_call(
            [
                Call("xent.cross_entropy_with_grad(z, y, ignore_index=-100)"),
                Call('xent.cross_entropy_with_grad(z, y, ignore_index=-100, on_empty="raise")'),
                TORCH,
            ],
            nothing,
            z=[[1.0, 2.0, 3.0]],
            y=[-100],
        ),
        f"What is 0 without doubt is the {calls[1]}, and a mean for which 0 was chosen:",
        by_call(
            [
                Call('xent.cross_entropy_with_grad(z, y, ignore_index=-100, on_empty="zero")'),
                Call('xent.cross_entropy_with_grad(z, y, ignore_index=-100, reduction="sum")'),
                Call('F.cross_entropy(z, y, reduction="sum")', "torch"),
            ],
            (oracle.real(0), nothing[1]),
            z=[[1.0, 2.0, 3.0]],
            y=[-100],
        ),
    ]


def labels() -> list[str]:
    z = [float(i == 100) * 3 for i in range(200)]
    cases = {
        "xent": XENT,
        "xent under `jax.jit`": Call("jax.jit(xent.cross_entropy)(z, y)", "jax"),
        "torch": TORCH,
        "optax, indices": OPTAX,
        "optax, one-hot": Call("optax.softmax_cross_entropy(z, jax.nn.one_hot(y, 200)).mean()", "jax"),
        "the article": ARTICLE,
        "scikit-learn": Call("log_loss(y, special.softmax(z, axis=-1), labels=list(range(200)))"),
    }
    rows: list[list[str]] = []
    for y in (-100, -1, 200, -201):
        row = [str(y)]
        for call in cases.values():
            said = answer(call, "float32", grad=False, z=[z], y=[y])
            if said.error:
                row.append(raised(said))
            else:
                loss = number(said.value.loss)
                row.append(loss if loss == "NaN" else f"{loss}: wrong, there is no class {y}")
        rows.append(row)
    return [
        """
## Labels that do not exist

200 classes, the logit 3 at class 100 and 0 elsewhere. Indexing from the end makes a label of −100, which
PyTorch ignores by default, class 100 elsewhere: a plausible loss, and a gradient that teaches a class nobody
named. A one-hot row of zeros costs nothing. PyTorch's NaN at −100 is the mean of no rows, as above. Ours raises
where labels can be read at once, and is NaN where they cannot be.""",
        table(["label", *cases], rows),
    ]


# ------------------------------------------------------------------------------------------------------- the page


def page() -> str:
    sections = [tiny, binary, masks, ignored, labels]
    sections += [more.weights, more.half, more.huge, more.double_softmax, more.clipping]
    versions = made_with("numpy", "scipy", "torch", "jax", "optax", "scikit-learn", "mpmath")
    return joined(
        f"""
# Numerics

The same inputs through xent and through the functions that most people use, with the truth beside them.
`make docs` writes this page by running what it shows, and a test compares; no number in a table is typed by
hand. Versions: {versions}; all on a CPU. "The article" is the text that xent grew from, whose functions are
[here](original.py) as it prints them, and [function by function](article.md) beside ours. The formulas are derived
[here](derivation.md).

How to read it: the truth is computed with 400 digits from the inputs as floats. An ulp is the distance of two
neighbouring floats of the answer's type, at the truth. "exact" has no error at all, "exact to 4 ulp" and "good to
64 ulp" have one of at most that; beyond, "good to n digits" is a relative error below 10^−n, n ≥ 3, and "wrong
by" is one above 0.1 %. "above all of float32" is the ∞ of a truth that the type cannot hold. In a gradient the
worst entry counts. `z` are logits, `y` labels, `q` a distribution, `w` class weights.""",
        *(block for section in sections for block in section()),
    )
