"""Entropy and its relatives, from probabilities: exact also where their terms cancel.

A divergence of nearly equal distributions is a small difference of large terms. With d = p − q and t = d / (p + q),

    p · log(p / q) = d + (p + q) · (t² + (1 + t) · (atanh t − t))          since p / q = (1 + t) / (1 − t),

and the second part is ≥ 0, a series in t that nothing cancels in, while Σ d is exact in pairs of floats. Terms with
|t| > 1/8 take the logarithm itself, in pairs too (:class:`xent._arrays.Pair`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from xent import _arrays, _numpy_information, _validate
from xent._arrays import Pair, add, choose, constant, divide, minus, multiply, total, wide

Array = Any
_compat: Any = array_api_compat

__all__ = ["cross_entropy", "entropy", "js_divergence", "kl_divergence", "mutual_information", "perplexity"]


def entropy(p: Array, /, *, base: float = math.e, axis: int = -1) -> Array:
    """Entropy of distributions, in nats unless a base is given: H(p) = −Σ_j p_j log p_j.

    Parameters
    ----------
    p : array (…, K, …) of floating numbers
        Distributions along ``axis``: ≥ 0 with sum 1 to within 1e-3 (5e-3 in float16). They are used as they are,
        not divided by their sum. 0 · log 0 = 0.
    base : float, default e
        Of the logarithm, > 1: 2 for bits, 10 for hartleys. ``math.e`` stands for e itself, not for its rounding.
    axis : int, default −1
        Where the K ≥ 1 classes are.

    Returns
    -------
    array of p's shape without ``axis``
        A single number for one distribution. float64 for float64, float32 otherwise. From 0 to log K.

    Raises
    ------
    TypeError
        Not an array, or not a floating one; a base that is not a number.
    ValueError
        A row that is no distribution (NaN included), which is named; no such axis, or no class along it; a base
        that is not above 1. Rows that cannot be read at once (JAX, another device) become NaN instead.

    Notes
    -----
    Within 4 ulp of the exact entropy of the floats given.

    References
    ----------
    Shannon (1948), "A mathematical theory of communication", §6.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.information.entropy(np.array([0.5, 0.25, 0.25]), base=2)
    np.float64(1.5)
    >>> xent.information.entropy(np.array([[1.0, 0.0], [0.5, 0.5]]))
    array([0.        , 0.69314718])
    """
    return _evaluate(_own_surprise, base, axis, p=p)


def cross_entropy(p: Array, q: Array, /, *, base: float = math.e, axis: int = -1) -> Array:
    """Cross-entropy of two distributions, in nats unless a base is given: H(p, q) = −Σ_j p_j log q_j.

    It is H(p) + KL(p ‖ q), so never below H(p): what a code made for q costs when the source is p. ``p`` and ``q``
    have one shape; everything else as in :func:`entropy`. A class with p = 0 costs nothing whatever its q, one with
    p > 0 and q = 0 costs ∞. For a loss, from logits, see :func:`xent.cross_entropy`.

    Raises
    ------
    TypeError, ValueError
        As :func:`entropy`; arrays of two frameworks; two shapes.

    Examples
    --------
    >>> import numpy as np, xent
    >>> p, q = np.array([0.5, 0.5]), np.array([0.75, 0.25])
    >>> xent.information.cross_entropy(p, q, base=2).round(12)
    np.float64(1.207518749639)
    >>> xent.information.cross_entropy(p, np.array([1.0, 0.0]))
    np.float64(inf)
    """
    return _evaluate(_surprise, base, axis, p=p, q=q)


def kl_divergence(p: Array, q: Array, /, *, base: float = math.e, axis: int = -1) -> Array:
    """Kullback–Leibler divergence, in nats unless a base is given: KL(p ‖ q) = Σ_j p_j log(p_j / q_j).

    ``p`` and ``q`` as in :func:`cross_entropy`, with its conventions and errors. It is 0 for p = q, and ∞ where
    p > 0 and q = 0. For nearly equal distributions it is of the order of (p − q)², and keeps its digits.

    Notes
    -----
    Within 4 ulp of the exact value for the floats given. Two rows of floats seldom have exactly the same sum: where
    p is next to q that can make the exact value negative, by no more than the sums differ.

    References
    ----------
    Kullback and Leibler (1951), "On information and sufficiency".

    Examples
    --------
    >>> import numpy as np, xent
    >>> p = np.array([0.5, 0.5])
    >>> xent.information.kl_divergence(p, np.array([0.9, 0.1])).round(12)
    np.float64(0.510825623766)
    >>> xent.information.kl_divergence(p, p + np.array([2.0**-40, -(2.0**-40)]))
    np.float64(1.6543612251060553e-24)
    """
    return _evaluate(_relative, base, axis, p=p, q=q)


def js_divergence(p: Array, q: Array, /, *, base: float = math.e, axis: int = -1) -> Array:
    """Jensen–Shannon divergence, in nats unless a base is given: ½ KL(p ‖ m) + ½ KL(q ‖ m), m = (p + q) / 2.

    ``p`` and ``q`` as in :func:`cross_entropy`, with its errors. Symmetric, 0 for p = q, never above log 2 (1 bit),
    which it reaches where p and q share no class. Its square root is a metric (Endres and Schindelin 2003).

    Notes
    -----
    Within 4 ulp of the exact value for the floats given: Σ (p − m) + Σ (q − m) = 0, and what is left is ≥ 0 in
    every class.

    References
    ----------
    Lin (1991), "Divergence measures based on the Shannon entropy".

    Examples
    --------
    >>> import numpy as np, xent
    >>> p, q = np.array([0.5, 0.5]), np.array([1.0, 0.0])
    >>> xent.information.js_divergence(p, q, base=2).round(12)
    np.float64(0.311278124459)
    >>> xent.information.js_divergence(np.array([0.0, 1.0]), q, base=2)
    np.float64(1.0)
    """
    return _evaluate(_shared, base, axis, p=p, q=q)


def mutual_information(joint: Array, /, *, base: float = math.e, axes: tuple[int, int] = (-2, -1)) -> Array:
    """Mutual information of two variables, in nats unless a base is given: Σ_ij P_ij log(P_ij / (a_i b_j)).

    a_i = Σ_j P_ij and b_j = Σ_i P_ij are the marginal distributions: it is KL(P ‖ a ⊗ b), and equals H(X) + H(Y) −
    H(X, Y). 0 where the variables are independent; at most the smaller of their entropies.

    Parameters
    ----------
    joint : array (…, A, B) of floating numbers
        Joint probabilities: each table is ≥ 0 with sum 1 to within 1e-3 (5e-3 in float16), and is used as it is.
        Counts must be divided by their sum.
    base : float, default e
        As in :func:`entropy`.
    axes : (int, int), default (−2, −1)
        Where the values of the two variables are.

    Returns
    -------
    array of joint's shape without ``axes``
        Types as in :func:`entropy`.

    Raises
    ------
    TypeError, ValueError
        As :func:`entropy`; ``axes`` that are not two different axes.

    Notes
    -----
    Within 4 ulp of the exact value for the floats given, plus 2⁻¹⁰⁰: that is where the marginals, carried in pairs
    of floats, end. A table whose sum T is not 1 adds about 1 − T.

    References
    ----------
    Cover and Thomas (2006), "Elements of information theory", §2.3.

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.information.mutual_information(np.array([[0.5, 0.0], [0.0, 0.5]]), base=2)
    np.float64(1.0)
    >>> xent.information.mutual_information(np.array([[0.25, 0.25], [0.25, 0.25]]))
    np.float64(0.0)
    """
    xp = _validate.namespace(joint=joint)
    first, second = _validate.two_axes(joint, axes)
    table = xp.moveaxis(joint, (first, second), (0, 1))
    size = tuple(table.shape[:2])
    flat = xp.reshape(table, (size[0] * size[1], *table.shape[2:]))
    return _evaluate(partial(_dependence, size=size), base, 0, joint=flat)


def perplexity(p: Array, /, *, axis: int = -1) -> Array:
    """Perplexity of distributions, the effective number of classes: exp H(p), H in nats; the same in every base.

    ``p`` as in :func:`entropy`, with its conventions, types and errors. From 1 (all on one class) to K (uniform).

    Examples
    --------
    >>> import numpy as np, xent
    >>> xent.information.perplexity(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]))
    array([2., 1.])
    """
    return _evaluate(_own_surprise, math.e, axis, exponential=True, p=p)


# ---------------------------------------------------------------------------------------------------- the formulas

_SCALE = 2.0**100  # p and q are multiplied by it, so that no product of theirs is subnormal; exact both ways
_LN2_SCALE = Fraction(Context(prec=60).ln(Decimal(2))) * 100
_NEAR = 0.125  # |p − q| / (p + q) up to here: the series
_TERMS = 12  # of atanh: the first one left out is below 2⁻⁷⁰ of the result at t = 1/8


class _Measured(NamedTuple):
    """A sum over the classes, in nats; ∞ where ``infinite``."""

    value: Pair
    infinite: Array


def _pair(a: Array) -> Pair:
    return Pair(a, a * 0.0)


def _log(xp: Any, x: Pair) -> Pair:
    """Log of x in [2⁻⁹⁷⁰, 2¹⁰¹] to about 2⁻⁶⁴ of itself: the library's, and one step of Newton's method on exp."""
    y = xp.log(x.hi)
    if xp.finfo(y.dtype).eps > 1e-15:
        return Pair(y, x.lo / x.hi)
    e = _arrays.exp_minus(xp, _pair(xp.abs(y)), extended=True)
    below = ((x.hi - e.hi) - e.lo) / e.hi  # x ≤ 1: exp(−|y|) is next to x
    p, error = _arrays.two_prod(xp, x.hi, e.hi)
    above = (p - 1.0) + (error + x.hi * e.lo)  # x > 1: it is next to 1 / x
    return _arrays.two_sum(y, xp.where(y < 0, below, above) + x.lo / x.hi)


def _surprise(xp: Any, p: Array, q: Array) -> _Measured:
    """−Σ p log q."""
    there, never = p > 0, q == 0
    q = xp.where(there & ~never, wide(xp, q), 1.0)
    tiny = q < 2.0**-500  # taken 2¹⁰⁰ times as large: exp of its logarithm is not subnormal then
    log_q = _log(xp, _pair(xp.where(tiny, q * _SCALE, q)))
    log_q = choose(xp, tiny, add(log_q, minus(constant(_LN2_SCALE, q))), log_q)
    terms = multiply(xp, _pair(wide(xp, p) * _SCALE), minus(log_q))
    return _Measured(total(xp, terms), xp.any(there & never, axis=0))


def _own_surprise(xp: Any, p: Array) -> _Measured:
    """−Σ p log p."""
    return _surprise(xp, p, p)


def _relative(xp: Any, p: Array, q: Array) -> _Measured:
    """Σ p log(p / q)."""
    p, q = (wide(xp, x) * _SCALE for x in (p, q))
    never = (p > 0) & (q == 0)
    terms, _ = _terms(xp, _pair(p), _pair(xp.where(never, p, q)))
    return _Measured(total(xp, terms), xp.any(never, axis=0))


def _shared(xp: Any, p: Array, q: Array) -> _Measured:
    """½ Σ [p log(p / m) + q log(q / m)], m = (p + q) / 2."""
    p, q = (wide(xp, x) * (0.5 * _SCALE) for x in (p, q))
    m = Pair(*(0.5 * x for x in _arrays.two_sum(p, q)))
    value = total(xp, add(*(_terms(xp, _pair(x), m)[1] for x in (p, q))))
    return _Measured(value, value.hi == math.inf)


def _dependence(xp: Any, joint: Array, size: tuple[int, int]) -> _Measured:
    """Σ a_i · Σ_j r_ij log(r_ij / b_j) with r_ij = P_ij / a_i: no product a_i b_j, which may be 0 in floats."""
    p = xp.reshape(wide(xp, joint), (*size, *joint.shape[1:]))
    a = Pair(*(x[:, None, ...] for x in total(xp, _pair(xp.moveaxis(p, 1, 0)))))
    b = Pair(*(_SCALE * x[None, ...] for x in total(xp, _pair(p))))
    r = divide(xp, _pair(p * _SCALE), Pair(xp.where(a.hi == 0, 1.0, a.hi), a.lo))
    b = Pair(*(x + p * 0.0 for x in b))  # the shape of r
    terms = multiply(xp, a, _terms(xp, r, b)[0])
    value = total(xp, Pair(*(xp.reshape(x, joint.shape) for x in terms)))
    return _Measured(value, value.hi == math.inf)


def _terms(xp: Any, p: Pair, q: Pair) -> tuple[Pair, Pair]:
    """Give p log(p / q), and what it exceeds p − q by, which is ≥ 0; q > 0 where p > 0."""
    d, s = add(p, minus(q)), add(p, q)
    t = divide(xp, d, Pair(xp.where(s.hi == 0, 1.0, s.hi), s.lo))
    square, one = multiply(xp, t, t), constant(Fraction(1), t.hi)
    cube, rest = multiply(xp, square, t), xp.zeros_like(t.hi)
    for k in range(2 * _TERMS - 1, 3, -2):
        rest = square.hi * rest + 1.0 / k
    bend = add(divide(xp, cube, constant(Fraction(3), t.hi)), _pair(cube.hi * square.hi * rest))  # atanh t − t
    series = multiply(xp, s, add(square, multiply(xp, add(one, t), bend)))
    there, far = p.hi > 0, xp.abs(t.hi) > _NEAR
    inside = there & far
    by_log = multiply(xp, p, _log_ratio(xp, *(Pair(xp.where(inside, x.hi, 1.0), x.lo) for x in (p, q))))
    by_log = Pair(*(xp.where(inside, x, 0.0) for x in by_log))
    none = Pair(xp.zeros_like(d.hi), xp.zeros_like(d.hi))  # also for automatic derivatives by q at p = q = 0
    return choose(xp, far, by_log, choose(xp, there, add(series, d), none)), choose(
        xp, far, add(by_log, minus(d)), series
    )


def _log_ratio(xp: Any, p: Pair, q: Pair) -> Pair:
    """Log of p / q > 0: of the quotient, or where that may leave the floats, the difference of two logarithms."""
    ratio = divide(xp, p, q)
    ordinary = (ratio.hi > 2.0**-40) & (ratio.hi < 2.0**40)
    of_ratio = _log(xp, Pair(xp.where(ordinary, ratio.hi, 1.0), xp.where(ordinary, ratio.lo, 0.0)))
    return choose(xp, ordinary, of_ratio, add(_log(xp, p), minus(_log(xp, q))))


# --------------------------------------------------------------------------------------------- arguments and answer

_BLOCK = 2**15  # probabilities at a time: their float64 temporaries stay in cache


@np.errstate(all="ignore")  # ∞ is a result here, documented, and not a warning
def _evaluate(
    formula: Callable[..., _Measured], base: float, axis: int, *, exponential: bool = False, **arrays: Array
) -> Array:
    """Validate, put the classes first, compute block by block of rows, convert the unit."""
    unit, as_pair = _numpy_information.log_of(_validate.number(base, "base", low=1, high=math.inf, open_low=True))
    if formula in _KERNELS:
        as_pair = _numpy_information.PERPLEXITY if exponential else as_pair
        quick = _numpy_information.measure(_KERNELS[formula], as_pair, axis, arrays)
        if quick is not None:
            answer, odd, rows = quick
            if rows is not None:
                answer.reshape(-1)[odd] = _unit(
                    np, formula(_compat.array_namespace(rows[0]), *rows), unit, exponential
                )
            return answer[()]
    xp, clean, faulty = _distributions(axis, arrays)
    classes, *rows = clean[0].shape
    count, step = math.prod(rows), max(_BLOCK // classes, 1)
    if count <= step or _compat.is_lazy_array(clean[0]):
        answer = _unit(xp, formula(xp, *clean), unit, exponential)
    else:
        flat = [xp.reshape(a, (classes, -1)) for a in clean]
        blocks = ([a[:, i : min(i + step, count)] for a in flat] for i in range(0, count, step))
        answer = xp.concat([_unit(xp, formula(xp, *block), unit, exponential) for block in blocks])
        answer = xp.reshape(answer, tuple(rows))
    for wrong in faulty:
        answer = xp.where(wrong, math.nan, answer)
    return _arrays.plain(xp.astype(answer, xp.result_type(*(a.dtype for a in clean), xp.float32)))


# What has a kernel, by its formula.
_KERNELS: dict[Callable[..., _Measured], str] = {
    _own_surprise: "entropy",
    _surprise: "cross_entropy",
    _relative: "kl_divergence",
    _shared: "js_divergence",
}


def _distributions(axis: int, arrays: dict[str, Array]) -> tuple[Any, list[Array], list[Array]]:
    """Check distributions of one shape: (namespace, arrays with the classes first, masks of faulty rows)."""
    xp = _validate.namespace(**arrays)
    (first, *_), shapes = arrays, {name: tuple(a.shape) for name, a in arrays.items()}
    clean: list[Array] = []
    faulty: list[Array] = []
    for name, a in arrays.items():
        _validate.floating(xp, a, name)
        if shapes[name] != shapes[first]:
            raise ValueError(
                f"{first} and {name} must have one shape, got {shapes[first]} and {shapes[name]}; "
                "repeat the smaller with broadcast_to"
            )
        clean.append(xp.moveaxis(a, _validate.axis_of(a, axis, name), 0))
    for name, a in zip(arrays, clean, strict=True):
        wrong = _validate.distribution(xp, a, name, hint="")
        faulty += [] if wrong is None else [wrong]
    return xp, clean, faulty


def _unit(xp: Any, measured: _Measured, unit: Fraction, exponential: bool) -> Array:
    """From scaled nats to the unit asked for, in one float."""
    value = measured.value
    if unit != 1:
        value = divide(xp, value, constant(unit, value.hi))
    high, low = value.hi / _SCALE, value.lo / _SCALE
    if exponential:
        high = xp.exp(high)
        low = high * low
    return xp.where(measured.infinite, math.inf, high + low + 0.0)
