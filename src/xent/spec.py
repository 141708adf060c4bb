"""The mathematics of cross-entropy, one row of Python floats at a time. Read this first.

A classifier gives each of K classes a number, its *logit* z_j. Softmax turns logits into probabilities,
p_j = exp(z_j / τ) / Σ_i exp(z_i / τ), where τ is the temperature. A *target* gives each class a weight t_j ≥ 0:
1 at the right class and 0 elsewhere, a distribution, a smoothed distribution, any of them times class weights.
The cross-entropy is Σ_j t_j · (−log p_j), in nats.

Written that way it loses digits: for logits (0, −40, −41) and class 0 the textbook formula gives 0, and the
truth is 5.8e-18. Measured from the largest logit nothing is lost. With k = argmax z, T = Σ t and

    gap_j = (z_k − z_j) / τ ≥ 0            tail = Σ_{j≠k} exp(−gap_j)

the same quantities are

    loss = T · log1p(tail) + Σ_j t_j · gap_j             every term ≥ 0: nothing cancels
    p_k  = 1 / (1 + tail)          p_j = exp(−gap_j) / (1 + tail)
    −log p_j = log1p(tail) + gap_j
    ∂loss/∂z_j = (T · p_j − t_j) / τ      at k: ((T − t_k) − T · tail / (1 + tail)) / τ
    ∂p_i/∂z_j  = p_i · ([i = j] − p_j) / τ

Two parts of a row, each known by its maximum m and its sum s = Σ exp(z − m), become one by

    (m₁, s₁) ⊕ (m₂, s₂) = (m₁, s₁ + s₂ · exp(m₂ − m₁))         m₁ ≥ m₂; associative

How it is computed: a float converts to :class:`decimal.Decimal` exactly, and :mod:`decimal` rounds every operation,
``exp`` and ``ln`` included, correctly. So the formulas stand here as written above, in 40 digits, and the result is
rounded to a float once. Only T · p_j − t_j can cancel; where it does, it is evaluated again with more digits.

Conventions, everywhere: 0 · log 0 = 0 and 0 · ∞ = 0. A logit of −∞ is a mask: its probability is 0, and the loss is
∞ if the target gives it weight. A row with a NaN or +∞ logit, or with nothing but −∞, has no softmax: every result
is NaN. A wrong argument is a ``ValueError``. Accuracy, certified against 400 digits: below 1 ulp of float64.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from functools import lru_cache
from typing import NamedTuple, SupportsIndex

Floats = Sequence[float]
Target = SupportsIndex | Sequence[float]

__all__ = [
    "LossTerms",
    "cross_entropy",
    "entropy",
    "gradient",
    "jacobian",
    "kl_divergence",
    "log_probabilities",
    "logsumexp",
    "loss",
    "loss_terms",
    "merge",
    "one_hot",
    "probabilities",
    "smooth",
    "target_weights",
]

# 40 digits settle almost every row; a difference that loses too many of them is taken again with more. A difference
# still unsettled at the last precision is an exact tie: float logits cannot lie that close to one otherwise.
_CONTEXTS = {n: Context(prec=n, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[]) for n in (40, 80, 400, 1600)}
_FIRST = 40
_SPARE = 22  # digits that must survive a subtraction: 17 make a float, the rest make its rounding right
_ZERO = Decimal(0)


class LossTerms(NamedTuple):
    """The loss in nats, taken apart in two ways: ``log1p_tail + Σ gaps`` and ``Σ surprise``.

    ``log1p_tail`` is T · log1p(tail), ``gaps[j]`` is t_j · gap_j, ``surprise[j]`` is t_j · (−log p_j).

    >>> LossTerms(log1p_tail=0.5, gaps=[0.0, 1.0], surprise=[0.0, 1.5]).gaps
    [0.0, 1.0]
    """

    log1p_tail: float
    gaps: list[float]
    surprise: list[float]


class _Row(NamedTuple):
    """The quantities of the module's first display, for one row: a gap and a power exp(−gap) for each class."""

    top: int
    gaps: tuple[Decimal, ...]
    powers: tuple[Decimal, ...]
    tail: Decimal
    log1p_tail: Decimal


class _Goal(NamedTuple):
    """Validated arguments that make t."""

    target: tuple[float, ...]
    label_smoothing: float
    convention: str
    weight: tuple[float, ...] | None


def probabilities(logits: Floats, *, temperature: float = 1.0) -> list[float]:
    """Softmax: p_j = exp(−gap_j) / (1 + tail); K numbers that sum to 1.

    ``logits`` are K ≥ 1 floats, −∞ a mask (p = 0); ``temperature`` τ > 0 flattens above 1 and sharpens below. All
    NaN where the row has no softmax.

    Examples
    --------
    >>> probabilities([2.0, 1.0, 0.1])
    [0.6590011388859679, 0.24243297070471392, 0.09856589040931817]
    >>> probabilities([2.0, 1.0, 0.1], temperature=0.1)[2]
    5.602542051131759e-09
    """
    z, temperature = _logits(logits), _temperature(temperature)
    row = _row(z, temperature, _FIRST)
    with localcontext(_CONTEXTS[_FIRST]):
        return [math.nan] * len(z) if row is None else [float(e / (1 + row.tail)) for e in row.powers]


def log_probabilities(logits: Floats, *, temperature: float = 1.0) -> list[float]:
    """Log-softmax in nats: log p_j = −(log1p(tail) + gap_j); −∞ at a mask.

    Parameters and NaN as in :func:`probabilities`; full relative accuracy also where p is next to 1.

    Examples
    --------
    >>> log_probabilities([0.0, -40.0, -41.0])
    [-5.811236444626578e-18, -40.0, -41.0]
    """
    z, temperature = _logits(logits), _temperature(temperature)
    row = _row(z, temperature, _FIRST)
    with localcontext(_CONTEXTS[_FIRST]):
        return [math.nan] * len(z) if row is None else [float(-(row.log1p_tail + gap)) for gap in row.gaps]


def logsumexp(logits: Floats) -> float:
    """Logarithm of Σ_j exp(z_j), as max z + log1p(tail), in nats.

    Unlike a softmax it exists at both ends: −∞ when every logit is −∞ (the sum is 0), +∞ when one is +∞. NaN
    when one is NaN. Where the maximum and the logarithm cancel they are taken again with more digits.

    Examples
    --------
    >>> logsumexp([1000.0, 1000.0])
    1000.6931471805599
    >>> logsumexp([-math.inf, -math.inf])
    -inf
    """
    z = _logits(logits)
    top = max(z)
    if any(map(math.isnan, z)) or math.isinf(top):
        return math.nan if any(map(math.isnan, z)) else top

    def parts(digits: int) -> list[tuple[Decimal, Decimal]]:
        row = _row(z, 1.0, digits)
        assert row is not None  # noqa: S101 - the rows without a softmax have returned
        return [(row.log1p_tail + max(Decimal(top), _ZERO), max(Decimal(-top), _ZERO))]

    return _differences(parts)[0]


def one_hot(label: SupportsIndex, num_classes: int) -> list[float]:
    """Distribution with all its weight on one class: 1 at ``label``, 0 elsewhere.

    A label outside [0, num_classes) is a ``ValueError``; negative labels do not count from the end.

    Examples
    --------
    >>> one_hot(1, 3)
    [0.0, 1.0, 0.0]
    """
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, got {num_classes}")
    return list(_target(label, num_classes))


def smooth(target: Floats, epsilon: float, *, convention: str = "uniform") -> list[float]:
    """Distribution with a share ε of its weight spread out.

    Two conventions are in use. ``"uniform"`` (Szegedy et al. 2016; PyTorch) mixes with the uniform distribution:
    (1 − ε) q + ε / K. ``"others"`` gives the share to the other classes: (1 − ε) q + ε (1 − q) / (K − 1), so that
    the true class keeps 1 − ε; a row of one class keeps everything.

    ``target`` is a distribution (≥ 0, sum 1 within 1e-3) and ε = ``epsilon`` lies in [0, 1].

    Examples
    --------
    >>> smooth([1.0, 0.0, 0.0], 0.1)
    [0.9333333333333333, 0.03333333333333333, 0.03333333333333333]
    >>> smooth([1.0, 0.0, 0.0], 0.1, convention="others")
    [0.9, 0.05, 0.05]
    """
    return target_weights(target, len(target), label_smoothing=epsilon, convention=convention)


def target_weights(
    target: Target,
    num_classes: int,
    *,
    label_smoothing: float = 0.0,
    convention: str = "uniform",
    weight: Floats | None = None,
) -> list[float]:
    """Target as the loss uses it: t_j = weight_j · smooth(q)_j, K floats ≥ 0. Arguments as in :func:`loss`.

    Examples
    --------
    >>> target_weights(2, 3, weight=[1.0, 2.0, 5.0])
    [0.0, 0.0, 5.0]
    """
    goal = _goal(target, num_classes, label_smoothing, convention, weight)
    with localcontext(_CONTEXTS[_FIRST]):
        return [float(t) for t in _weights(goal)]


def loss(
    logits: Floats,
    target: Target,
    *,
    temperature: float = 1.0,
    label_smoothing: float = 0.0,
    convention: str = "uniform",
    weight: Floats | None = None,
) -> float:
    """Cross-entropy of one row in nats: T · log1p(tail) + Σ_j t_j · gap_j.

    Parameters
    ----------
    logits : sequence of K ≥ 1 floats
    target : int or sequence of K floats ≥ 0
        The right class, or the weight of each: a distribution, or a distribution times a factor.
    temperature : float, default 1
        τ > 0; the logits are divided by it.
    label_smoothing : float, default 0
        ε in [0, 1], by :func:`smooth`; the target must then be a distribution.
    convention : {"uniform", "others"}
        Of the smoothing.
    weight : sequence of K floats ≥ 0, optional
        Class weights: multiply the smoothed target, class by class.

    Returns
    -------
    float
        ≥ 0; ∞ when a class of positive weight is masked; NaN where the row has no softmax.

    Examples
    --------
    >>> loss([2.0, 1.0, 0.1], 0)
    0.4170300162778335
    >>> loss([0.0, -40.0, -41.0], 0)
    5.811236444626578e-18
    >>> loss([1.0, -math.inf], [0.5, 0.5])
    inf
    """
    z, temperature = _logits(logits), _temperature(temperature)
    goal, row = _goal(target, len(z), label_smoothing, convention, weight), _row(z, temperature, _FIRST)
    if row is None:
        return math.nan
    with localcontext(_CONTEXTS[_FIRST]):
        t = _weights(goal)
        return float(sum((tj * gap for tj, gap in zip(t, row.gaps, strict=True) if tj), _sum(t) * row.log1p_tail))


def loss_terms(
    logits: Floats,
    target: Target,
    *,
    temperature: float = 1.0,
    label_smoothing: float = 0.0,
    convention: str = "uniform",
    weight: Floats | None = None,
) -> LossTerms:
    """Take the loss apart into its terms in nats, in both ways; arguments as in :func:`loss`.

    Each term is rounded by itself, so the floats add up to the loss to within their own roundings.

    Examples
    --------
    >>> loss_terms([1.0, 0.0], 1)
    LossTerms(log1p_tail=0.3132616875182228, gaps=[0.0, 1.0], surprise=[0.0, 1.3132616875182228])
    """
    z, temperature = _logits(logits), _temperature(temperature)
    goal, row = _goal(target, len(z), label_smoothing, convention, weight), _row(z, temperature, _FIRST)
    if row is None:
        nans = [math.nan] * len(z)
        return LossTerms(math.nan, nans, nans.copy())
    with localcontext(_CONTEXTS[_FIRST]):
        t = _weights(goal)
        gaps = [float(tj * gap) if tj else 0.0 for tj, gap in zip(t, row.gaps, strict=True)]
        surprise = [float(tj * (row.log1p_tail + gap)) if tj else 0.0 for tj, gap in zip(t, row.gaps, strict=True)]
        return LossTerms(float(_sum(t) * row.log1p_tail), gaps, surprise)


def gradient(
    logits: Floats,
    target: Target,
    *,
    temperature: float = 1.0,
    label_smoothing: float = 0.0,
    convention: str = "uniform",
    weight: Floats | None = None,
) -> list[float]:
    """Differentiate the loss by each logit: (T · p_j − t_j) / τ, in nats per unit of logit; they sum to 0.

    Arguments as in :func:`loss`. At the largest logit it is (T − t_k) − T · tail / (1 + tail), so that p − 1
    keeps its digits; entries that cancel all the same (t next to p) are taken again with more digits, and an exact
    tie is exactly 0. All NaN where the row has no softmax.

    Examples
    --------
    >>> gradient([2.0, 1.0, 0.1], 0)
    [-0.3409988611140321, 0.24243297070471392, 0.09856589040931817]
    >>> gradient([0.0, -40.0], 0)
    [-4.248354255291589e-18, 4.248354255291589e-18]
    """
    z, temperature = _logits(logits), _temperature(temperature)
    goal = _goal(target, len(z), label_smoothing, convention, weight)
    if _row(z, temperature, _FIRST) is None:
        return [math.nan] * len(z)

    def parts(digits: int) -> list[tuple[Decimal, Decimal]]:
        row = _row(z, temperature, digits)
        assert row is not None  # noqa: S101 - it exists at every precision or at none
        t, whole, tau = _weights(goal), 1 + row.tail, Decimal(temperature)
        total, rest = _sum(t), _sum(tj for j, tj in enumerate(t) if j != row.top)
        pairs = [(total * e / whole / tau, tj / tau) for e, tj in zip(row.powers, t, strict=True)]
        pairs[row.top] = (rest / tau, total * row.tail / whole / tau)
        return pairs

    return _differences(parts)


def jacobian(logits: Floats, *, temperature: float = 1.0) -> list[list[float]]:
    """Differentiate each probability by each logit: row i, column j is p_i · ([i = j] − p_j) / τ; symmetric.

    Arguments and NaN as in :func:`probabilities`. 1 − p_i is the sum of the others, so nothing cancels.

    Examples
    --------
    >>> jacobian([0.0, 0.0])
    [[0.25, -0.25], [-0.25, 0.25]]
    """
    z, temperature = _logits(logits), _temperature(temperature)
    row = _row(z, temperature, _FIRST)
    if row is None:
        return [[math.nan] * len(z) for _ in z]
    with localcontext(_CONTEXTS[_FIRST]):
        whole, tau = 1 + row.tail, Decimal(temperature)
        p = [e / whole for e in row.powers]
        table = [[float(-(pi * pj) / tau) + 0.0 for pj in p] for pi in p]  # + 0.0 turns −0 into 0
        for i, e in enumerate(row.powers):
            others = row.tail if i == row.top else 1 + (row.tail - e)
            table[i][i] = float(p[i] * others / whole / tau)
        return table


def entropy(p: Floats) -> float:
    """Entropy of a distribution in nats: H(p) = −Σ_j p_j log p_j, with 0 · log 0 = 0.

    ``p`` has K ≥ 1 entries ≥ 0 that sum to 1 within 1e-3 (else ``ValueError``); a NaN among them gives NaN.

    Examples
    --------
    >>> entropy([0.5, 0.5])
    0.6931471805599453
    """
    return cross_entropy(p, p)


def cross_entropy(p: Floats, q: Floats) -> float:
    """Cross-entropy of two distributions in nats: H(p, q) = −Σ_j p_j log q_j = H(p) + KL(p ‖ q).

    0 · log 0 = 0; a class with p > 0 and q = 0 gives ∞. Distributions as in :func:`entropy`, of one length.

    Examples
    --------
    >>> cross_entropy([0.5, 0.5], [0.9, 0.1])
    1.203972804325936
    """
    return _information(p, q, relative=False)


def kl_divergence(p: Floats, q: Floats) -> float:
    """Kullback-Leibler divergence in nats: KL(p ‖ q) = Σ_j p_j log(p_j / q_j); 0 for p = q.

    Conventions as in :func:`cross_entropy`. The terms have both signs and cancel when p is close to q; they are
    then taken again with more digits. Floats that sum to 1 only nearly may give a value as far below 0.

    Examples
    --------
    >>> kl_divergence([0.5, 0.5], [0.9, 0.1])
    0.5108256237659906
    >>> kl_divergence([0.3, 0.7], [0.3, 0.7])
    0.0
    """
    return _information(p, q, relative=True)


def merge(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """Join two parts of a row, each (m, s) with m its largest logit and s = Σ exp(z − m): the monoid ⊕.

    Associative and commutative up to one rounding each. A part that is all −∞, ``(-inf, 0.0)``, is the neutral
    element: nothing becomes NaN. log Σ exp of the whole is m + log s.

    Examples
    --------
    >>> merge((0.0, 1.5), (1.0, 2.0))
    (1.0, 2.5518191617571633)
    >>> merge((-math.inf, 0.0), (-math.inf, 0.0))
    (-inf, 0.0)
    """
    if any(map(math.isnan, (*a, *b))) or max(a[0], b[0]) == math.inf:
        return (math.nan, math.nan)
    (m, s), (low, extra) = (a, b) if a[0] >= b[0] else (b, a)
    if low == -math.inf:
        return (m, s)
    with localcontext(_CONTEXTS[_FIRST]):
        return (m, float(Decimal(s) + Decimal(extra) * (Decimal(low) - Decimal(m)).exp()))


@lru_cache(maxsize=16)  # probabilities, loss and gradient of one row are asked for in turn
def _row(logits: tuple[float, ...], temperature: float, digits: int) -> _Row | None:
    """One row, measured from its largest logit; None when it has no softmax."""
    if any(map(math.isnan, logits)) or math.isinf(max(logits)):
        return None
    top = logits.index(max(logits))
    with localcontext(_CONTEXTS[digits]):
        highest, tau = Decimal(logits[top]), Decimal(temperature)
        gaps = tuple((highest - Decimal(z)) / tau for z in logits)
        powers = tuple((-gap).exp() for gap in gaps)
        tail = _sum(e for j, e in enumerate(powers) if j != top)
        return _Row(top, gaps, powers, tail, _log1p(tail))


def _log1p(x: Decimal) -> Decimal:
    """log(1 + x) to full relative accuracy: log(u) · x / (u − 1), u = 1 + x rounded (Kahan 1982)."""
    u = 1 + x
    return x if u == 1 else u.ln() * x / (u - 1)


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, _ZERO)


def _differences(parts: Callable[[int], Sequence[tuple[Decimal, Decimal]]]) -> list[float]:
    """Subtract in each pair of numbers ≥ 0, with as many digits as the cancellation asks for (Ziv 1991)."""
    values: list[float] = []
    for digits, context in _CONTEXTS.items():
        with localcontext(context):
            least, pairs = Decimal(10) ** (_SPARE - digits), parts(digits)
            lost = [bool(a and b) and abs(a - b) < least * a for a, b in pairs]
            values = [0.0 if gone else float(a - b) for (a, b), gone in zip(pairs, lost, strict=True)]
        if not any(lost):
            break
    return values


def _weights(goal: _Goal) -> list[Decimal]:
    """t_j = weight_j · smoothed q_j in the current context."""
    q, share, classes = [Decimal(x) for x in goal.target], Decimal(goal.label_smoothing), len(goal.target)
    if share and goal.convention == "uniform":
        q = [(1 - share) * x + share / classes for x in q]
    elif share and classes > 1:
        q = [(1 - share) * x + share * max(1 - x, _ZERO) / (classes - 1) for x in q]
    return q if goal.weight is None else [Decimal(w) * x for w, x in zip(goal.weight, q, strict=True)]


def _information(p: Floats, q: Floats, *, relative: bool) -> float:
    """−Σ_j p_j · log q_j, plus Σ_j p_j · log p_j if relative; the classes with p_j = q_j then add nothing."""
    ps, qs = _distribution(p, "p"), _distribution(q, "q")
    if len(ps) != len(qs):
        raise ValueError(f"p and q must have the same number of classes, got {len(ps)} and {len(qs)}")
    if any(map(math.isnan, (*ps, *qs))):
        return math.nan
    if any(x and not y for x, y in zip(ps, qs, strict=True)):
        return math.inf

    def parts(_: int) -> list[tuple[Decimal, Decimal]]:
        pairs = [(Decimal(x), Decimal(y)) for x, y in zip(ps, qs, strict=True) if x and not (relative and x == y)]
        terms = [-x * y.ln() for x, y in pairs] + [x * x.ln() for x, _ in pairs if relative]
        return [(_sum(v for v in terms if v > 0), _sum(-v for v in terms if v < 0))]

    return _differences(parts)[0]


def _logits(logits: Floats) -> tuple[float, ...]:
    if not len(logits):
        raise ValueError("logits must have at least one class, got an empty row")
    return tuple(map(float, logits))


def _temperature(temperature: float) -> float:
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be a positive finite number, got {temperature}")
    return float(temperature)


def _weight_row(values: Floats, classes: int, name: str) -> tuple[float, ...]:
    """``classes`` finite floats ≥ 0, or an error that says which of the three it is not."""
    row = tuple(map(float, values))
    if len(row) != classes:
        raise ValueError(f"{name} must have one entry for each of the {classes} classes, got {len(row)}")
    bad = next((j for j, v in enumerate(row) if not 0 <= v < math.inf), None)
    if bad is not None:
        raise ValueError(f"{name} must be finite and not negative, got {row[bad]} at class {bad}")
    return row


def _target(target: Target, classes: int) -> tuple[float, ...]:
    """K floats ≥ 0 from an index or from K floats ≥ 0."""
    try:
        label = operator.index(target)  # type: ignore[arg-type]
    except TypeError:
        return _weight_row(target, classes, "target")  # type: ignore[arg-type]
    if not 0 <= label < classes:
        raise ValueError(f"target must be a class from 0 to {classes - 1}, got {label}")
    return tuple(float(j == label) for j in range(classes))


def _goal(target: Target, classes: int, label_smoothing: float, convention: str, weight: Floats | None) -> _Goal:
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must lie in [0, 1], got {label_smoothing}")
    if convention not in ("uniform", "others"):
        raise ValueError(f'convention must be "uniform" or "others", got {convention!r}')
    q = _target(target, classes)
    if label_smoothing:
        _distribution(q, "a target to be smoothed")
    factors = None if weight is None else _weight_row(weight, classes, "weight")
    return _Goal(q, float(label_smoothing), convention, factors)


def _distribution(p: Floats, name: str) -> tuple[float, ...]:
    """K floats, each ≥ 0 (or NaN, the mark of a row without a softmax), that sum to 1 within 1e-3."""
    row = tuple(map(float, p))
    if any(v < 0 for v in row) or abs(math.fsum(row) - 1) > 1e-3:
        raise ValueError(f"{name} must be a distribution (not negative, sum 1 within 1e-3), got {list(row)}")
    return row
