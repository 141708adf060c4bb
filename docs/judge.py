"""The calls that several sections share, the truth about a row, and the tables that compare the two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

from docs.calls import Answer, Call, answer
from docs.tables import Said, judged, number, numbers, oracle, table, verdict

XENT = Call("xent.cross_entropy_with_grad(z, y)")
ARTICLE = Call("article.softmax_cross_entropy(z, y)", slope="article.softmax_cross_entropy_backward(z, y)")
TEXTBOOK = Call("-article.log_softmax(z)[0, y[0]]")
SCIPY = Call("-special.log_softmax(z, axis=-1)[0, y[0]]", slope="special.softmax(z, axis=-1) - (k == y[0])")
SCIPY_LSE = Call("special.logsumexp(z - z[0, y[0]])")
TORCH = Call("F.cross_entropy(z, y)", "torch")
OPTAX = Call("optax.softmax_cross_entropy_with_integer_labels(z, y).mean()", "jax")
SKLEARN = Call("log_loss(y, special.softmax(z, axis=-1), labels=[0, 1, 2])")

NAMES = {
    XENT: "xent",
    ARTICLE: "the article",
    TEXTBOOK: "textbook log-softmax",
    SCIPY: "SciPy `log_softmax`, `softmax`",
    SCIPY_LSE: "SciPy `logsumexp(z − z_y)`",
    TORCH: "torch `F.cross_entropy`",
    OPTAX: "optax",
    SKLEARN: "scikit-learn `log_loss`",
}


# ----------------------------------------------------------------------------------------------------- the truth


def exact(z: Sequence[float], y: int | Sequence[float], **options: Any) -> tuple[Any, list[Any]]:
    """Give loss and gradient of a row, 400 digits; −∞ is a mask."""
    real = oracle.reals(z)
    t = oracle.target(y, len(z), **options)
    if any(x == -math.inf and w for x, w in zip(z, t, strict=True)):
        p = oracle.softmax(real)
        return oracle.MP.inf, [sum(t) * a - b for a, b in zip(p, t, strict=True)]
    keep = [i for i, x in enumerate(z) if x > -math.inf]
    some, rest = [real[i] for i in keep], [t[i] for i in keep]
    slope = dict(zip(keep, oracle.gradient(some, rest), strict=True))
    return oracle.loss(some, rest), [slope.get(i, oracle.real(0)) for i in range(len(z))]


def loss_of(said: Said, truth: Any, dtype: str, digits: int = 4) -> str:
    return judged(said._replace(value=None if said.error else said.value.loss), truth, dtype, digits)


def grad_of(said: Said, truth: Sequence[Any], dtype: str) -> str:
    """One cell for a gradient: its entries, and what the worst of them is worth."""
    if said.error or said.value.grad is None:
        return "—"
    got = said.value.grad.ravel().tolist()
    words = [verdict(a, b, dtype) for a, b in zip(got, truth, strict=True)]
    order = ("NaN", "wrong", "above", "good", "exact to", "exact")
    return f"{numbers(got)}: {min(words, key=lambda w: next(i for i, o in enumerate(order) if w.startswith(o)))}"


def by_call(cases: Sequence[Call], truth: tuple[Any, list[Any]], dtype: str = "float64", **inputs: Any) -> str:
    """Make a table of one input: a line of code a row, with its loss and gradient."""
    rows = [["**the truth**", number(truth[0]), numbers(map(float, truth[1]))]]
    for call in cases:
        said = answer(call, dtype, **inputs)
        rows.append([f"`{call.code}`", loss_of(said, truth[0], dtype), grad_of(said, truth[1], dtype)])
    return table(["call", "loss", "gradient"], rows)


@cache
def _about(call: Call, dtype: str, z: tuple[float, ...], y: int) -> Said:
    """Ask once for loss and gradient, which go into two tables."""
    return answer(call, dtype, z=[list(z)], y=[y], k=list(range(len(z))))


def by_input(
    cases: Sequence[Call], inputs: Sequence[tuple[list[float], int]], dtype: str, *, slope: bool = False
) -> str:
    """Make a table of many inputs: a row of logits a row, a function a column; the loss, or the gradient at y."""
    rows: list[list[str]] = []
    for z, y in inputs:
        loss, grad = exact(z, y)
        truth = grad[y] if slope else loss
        row = [f"({', '.join(map(number, z))})", number(truth)]
        for call in cases:
            said = _about(call, dtype, tuple(z), y)
            if slope and not said.error:
                said = said._replace(value=Answer(said.value.grad.ravel()[y], None))
            row.append(loss_of(said, truth, dtype))
        rows.append(row)
    return table(["logits", "truth", *(NAMES[call] for call in cases)], rows)
