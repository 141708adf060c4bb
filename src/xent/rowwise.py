"""What a classifier said of each row: the label's log-probability and rank, the entropy, log Σ exp."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from xent import _dispatch, _numpy, _validate

Array = Any
_compat: Any = array_api_compat

__all__ = ["RowStatistics", "row_statistics"]


class RowStatistics(NamedTuple):
    """Arrays of the rows' shape; p is the softmax of a row's logits / τ.

    ``log_prob`` log p of the label and ``entropy`` −Σ p log p, both in nats; ``rank`` the number of classes with a
    larger logit than the label's, 0 is best; ``top1`` whether argmax gives the label; ``lse`` log Σ exp(z / τ).

    >>> RowStatistics(log_prob=-0.5, entropy=0.6, rank=0, top1=True, lse=2.5).rank
    0
    """

    log_prob: Array
    entropy: Array
    rank: Array
    top1: Array
    lse: Array


@np.errstate(all="ignore")  # ∞ and NaN are results here, documented, and not warnings
def row_statistics(
    logits: Array,
    target: Array,
    /,
    *,
    axis: int = -1,
    temperature: float = 1.0,
    ignore_index: int | None = None,
) -> RowStatistics:
    """Log-probability (nats) and rank of each row's label, entropy (nats) and log Σ exp of its logits.

    With gaps and tail measured from the row's largest logit, p the softmax: log p_y = −(log1p(tail) + gap_y), and
    H = log1p(tail) + Σ p_j · gap_j. No term is negative, so that nothing cancels: also a model that is almost sure
    has an entropy with all its digits.

    Parameters
    ----------
    logits : array (…, K, …) of floating numbers
        −∞ masks a class of a row.
    target : array of integers
        Class indices in [0, K), of the logits' shape without ``axis``.
    axis : int, default −1
        Where the K ≥ 1 classes are.
    temperature : float, default 1
        τ > 0; the logits are divided by it. Rank and top1 do not depend on it.
    ignore_index : int, optional
        Rows with this label have no statistics.

    Returns
    -------
    RowStatistics
        ``log_prob``, ``entropy`` and ``lse`` are float64 for float64 logits and float32 otherwise; ``rank`` is
        int64 (int32 in JAX without x64); ``top1`` is bool.

    Raises
    ------
    TypeError
        Not arrays, arrays of two frameworks, logits that are not floating, a target that is not of integers.
    ValueError
        A shape that does not fit, a label outside [0, K), a temperature that is not positive. Labels that cannot be
        read at once (JAX, another device) leave their rows without statistics instead.

    See Also
    --------
    xent.cross_entropy : the mean of −log_prob over the rows that are not ignored.
    xent.information.entropy : of probabilities.

    Notes
    -----
    A row without statistics has NaN for floats, rank −1 and top1 False: one that is ignored, or whose logits have
    NaN or +∞ or nothing but −∞. Take means over ``rank >= 0``.

    Rank counts only larger logits, so that all classes of a tie have the same rank; top1 follows argmax, which
    gives the first class of a tie. So top1 implies rank 0, and rank 0 without top1 is a tie with an earlier class.
    A label on a masked class has log_prob −∞.

    Within 4 ulp of the exact values for logits moved by at most one ulp; an entropy below 1e-304 to 1e-320, one of
    float32 below 1e-35 to 1e-43. NumPy's float32 and float16 are computed in float32, from one reading of a row.

    Examples
    --------
    >>> import numpy as np, xent
    >>> logits = np.array([[2.0, 1.0, 0.1], [0.0, -40.0, -41.0], [3.0, 3.0, 0.0]])
    >>> rows = xent.row_statistics(logits, np.array([1, 0, 1]))
    >>> rows.log_prob
    array([-1.41703002e+00, -5.81123644e-18, -7.17735919e-01])
    >>> rows.entropy
    array([8.46738179e-01, 2.39823576e-16, 7.90602612e-01])
    >>> rows.rank, rows.top1
    (array([1, 0, 0]), array([False,  True, False]))
    """
    tau = _validate.positive(temperature, "temperature")
    quick = _numpy.row_statistics(logits, target, axis=axis, temperature=tau, ignore_index=ignore_index)
    if quick is not None:
        return RowStatistics(*quick)
    case = _validate.case(
        logits,
        target,
        axis=axis,
        weight=None,
        sample_weight=None,
        ignore_index=ignore_index,
    )
    if case.labels is None:
        raise TypeError("target must hold class indices of the logits' shape without axis, got distributions")
    found = _compute(case, tau)
    plain = _dispatch.implementation(case.xp).plain
    return RowStatistics(*(plain(a) for a in found))


_BLOCK = 2**15  # logits at a time: their float64 temporaries stay in cache


def _compute(case: _validate.Case, tau: float) -> RowStatistics:
    """Compute block by block of rows, where arrays are not traced."""
    xp, (classes, *shape) = case.xp, case.logits.shape
    count, step = math.prod(shape), max(_BLOCK // classes, 1)
    missing = case.faulty if case.valid is None else ~case.valid
    if case.valid is not None and case.faulty is not None:
        missing = missing | case.faulty
    if count <= step or _compat.is_lazy_array(case.logits):
        return _measured(xp, case.logits, case.labels, missing, tau)
    z, labels = xp.reshape(case.logits, (classes, -1)), xp.reshape(case.labels, (-1,))
    missing = None if missing is None else xp.reshape(missing, (-1,))
    parts: list[RowStatistics] = []
    for start in range(0, count, step):
        at = slice(start, min(start + step, count))
        parts.append(_measured(xp, z[:, at], labels[at], None if missing is None else missing[at], tau))
    return RowStatistics(*(xp.reshape(xp.concat(list(a)), tuple(shape)) for a in zip(*parts, strict=True)))


def _measured(xp: Any, logits: Array, labels: Array, missing: Array | None, tau: float) -> RowStatistics:
    """Compute the statistics of rows with the classes on axis 0; ``missing`` rows have none."""
    compute = _dispatch.implementation(xp)
    r, hot = compute.rows(xp, logits, temperature=tau), compute.one_hot(xp, labels, logits.shape[0])
    gone = r.void if missing is None else r.void | missing
    own = compute.Pair(*(xp.sum(xp.where(hot, x, 0.0), axis=0) for x in r.gap))
    masked = xp.any(hot & r.masked, axis=0)
    terms = (xp.where(r.power.hi > 0, x, 0.0) for x in compute.multiply(xp, r.power, r.gap))
    spread = compute.total(xp, compute.Pair(*terms))
    z = compute.wide(xp, logits)
    above = xp.astype(z > xp.max(xp.where(hot, z, -math.inf), axis=0), labels.dtype)
    answer = xp.result_type(logits.dtype, xp.float32)

    def number(a: Array) -> Array:
        return xp.astype(xp.where(gone, math.nan, a), answer)

    return RowStatistics(
        log_prob=number(0.0 - xp.where(masked, math.inf, own.hi + (own.lo + r.log1p_tail))),
        entropy=number(r.log1p_tail + (spread.hi + spread.lo) / r.whole.hi),
        rank=xp.where(gone, -1, xp.sum(above, axis=0, dtype=labels.dtype)),
        top1=xp.any(hot & r.top, axis=0) & ~gone,
        lse=number(compute.log_normaliser(r)),
    )
