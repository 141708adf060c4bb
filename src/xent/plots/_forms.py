"""Ways to compute the cross-entropy of two classes, in number formats: every operation is rounded to the format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent import losses, spec

Array = NDArray[Any]
Round = Callable[[Array], Array]


def bfloat16(x: Array) -> Array:
    """Round float32 to 8 digits, to nearest, ties to even: the upper half of its bits.

    Examples
    --------
    >>> bfloat16(np.array([1.0, 257.0, 3e38, np.inf], np.float32)).tolist()[:2]
    [1.0, 256.0]
    """
    bits = x.astype(np.float32).view(np.uint32)
    up = ((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF)
    rounded = ((bits + up) & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isfinite(x), rounded, x)


def _kept(x: Array) -> Array:
    return x


FORMATS: dict[str, tuple[Any, Round]] = {
    "float64": (np.float64, _kept),
    "float32": (np.float32, _kept),
    "bfloat16": (np.float32, bfloat16),
    "float16": (np.float16, _kept),
}
"""NumPy's own arithmetic where it has the format; bfloat16 is float32's, rounded after every operation."""


def naive(right: Array, other: Array, r: Round) -> Array:
    """−log(e^z / Σ e^z), as it is written."""
    a, b = r(np.exp(right)), r(np.exp(other))
    return r(-np.log(r(a / r(a + b))))


def clipped(right: Array, other: Array, r: Round) -> Array:
    """−log of p from a stable softmax, clipped to [1e-7, 1 − 1e-7]."""
    top = np.maximum(right, other)
    a, b = r(np.exp(r(right - top))), r(np.exp(r(other - top)))
    low, high = (r(np.asarray(e, right.dtype)) for e in (1e-7, 1 - 1e-7))
    return r(-np.log(np.clip(r(a / r(a + b)), low, high)))


def logsumexp(right: Array, other: Array, r: Round) -> Array:
    """Log Σ e^(z − m) − (z − m), m the larger logit: what frameworks do."""
    top = np.maximum(right, other)
    mine, theirs = r(right - top), r(other - top)
    return r(r(np.log(r(r(np.exp(mine)) + r(np.exp(theirs))))) - mine)


def one_plus(right: Array, other: Array, r: Round) -> Array:
    """log1p(tail) + gap: what this library does."""
    top, low = np.maximum(right, other), np.minimum(right, other)
    return r(r(np.log1p(r(np.exp(r(low - top))))) + r(top - right))


FORMS: dict[str, Callable[[Array, Array, Round], Array]] = {
    "naive": naive,
    "clipped": clipped,
    "log-sum-exp": logsumexp,
    "log1p": one_plus,
}


def errors(name: str, gaps: Array) -> dict[str, Array]:
    """Relative error of each form, and of `xent.cross_entropy`, in a format; ∞ where the answer is not finite.

    ``gaps`` are rounded to the format first: the exact answer, by `xent.spec`, is that of the logits it has.

    Examples
    --------
    >>> found = errors("float32", np.array([-110.0]))
    >>> float(found["naive"][0]), bool(found["log1p"][0] < 1e-6)
    (inf, True)
    """
    dtype, r = FORMATS[name]
    with np.errstate(all="ignore"):
        right = r(gaps.astype(dtype))
        other = np.zeros_like(right)
        exact = np.array([spec.loss([float(z), 0.0], 0) for z in right])
        got = {form: run(right, other, r) for form, run in FORMS.items()}
        label = np.zeros(right.size, int)
        got["xent"] = losses.cross_entropy(np.stack([right, other], 1), label, reduction="none")
        return {form: _error(np.asarray(loss, np.float64), exact) for form, loss in got.items()}


def _error(loss: Array, exact: Array) -> Array:
    """Relative error. Where the exact loss is too small for a float64, 0 is wrong by 1 and all else by far more."""
    most = np.finfo(np.float64).max
    known = np.minimum(np.abs(loss - exact) / exact, most)
    error = np.where(exact > 0, known, np.where(loss == 0, 1.0, most))
    return np.where(np.isfinite(loss), error, np.inf)
