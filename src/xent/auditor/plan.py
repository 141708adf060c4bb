"""What is audited, decided once for all rows: the kind of scores, the task, the number of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Kind = Literal["logits", "log-probs", "probs"]
Task = Literal["multi-class", "binary", "multi-label", "tokens"]
KINDS: tuple[Kind, ...] = get_args(Kind)

TOLERANCE = {2: 2e-3, 4: 1e-4, 8: 1e-4}
"""How far a row of probabilities may be from summing to 1, by the bytes of a number."""


class AuditError(ValueError):
    """Something about the input that the reader can put right; the message is one sentence.

    >>> import xent
    >>> xent.audit([], [])
    Traceback (most recent call last):
        ...
    xent.auditor.plan.AuditError: There is nothing to audit: scores of shape (0,) came.
    """


@dataclass(frozen=True)
class Plan:
    """What all rows have in common.

    Attributes
    ----------
    kind : {"logits", "log-probs", "probs"}
        What the scores are taken for.
    because : str
        How that was found out: a clause that goes after the kind.
    declared : bool
        Whether somebody said so, by an argument or by the name of the column.
    task : {"multi-class", "binary", "multi-label", "tokens"}
        Binary and multi-label scores become rows of two classes: (0, z), or (1 − p, p).
    classes : int
        K of the rows that are summed up.
    columns : int
        Scores a row as they came: K, or 1, or the number of labels.
    tolerance : float
        How far a row of probabilities may be from summing to 1.
    ignore_index : int or None
        The label of rows that do not count.
    length : int or None
        Tokens a sequence, if they come in sequences.
    names : tuple of str
        The classes' names, or none.

    Examples
    --------
    >>> Plan(kind="logits", because="as declared", declared=True, task="multi-class", classes=3, columns=3).length
    """

    kind: Kind
    because: str
    declared: bool
    task: Task
    classes: int
    columns: int
    tolerance: float = 1e-4
    ignore_index: int | None = None
    length: int | None = None
    names: tuple[str, ...] = ()

    def rows(self, scores: Array, labels: Array) -> tuple[Array, Array]:
        """Lay scores and labels out as rows: (N, K) floats and (N,) int64.

        Parameters
        ----------
        scores : array (N, K), (N,), (N, 1), (N, labels) or (B, T, V) of floating numbers
        labels : array (N,), (N, 1), (N, labels) or (B, T)
            Class indices, or 0 and 1; one-hot rows (N, K) of multi-class scores become their classes.

        Raises
        ------
        AuditError
            Shapes that do not fit each other or the plan.

        Examples
        --------
        >>> plan = Plan(kind="logits", because="", declared=True, task="binary", classes=2, columns=1)
        >>> z, y = plan.rows(np.array([1.5, -0.5]), np.array([1, 0]))
        >>> z.tolist(), y.tolist()
        ([[0.0, 1.5], [0.0, -0.5]], [1, 0])
        """
        scores = np.asarray(scores)
        if scores.dtype.char not in "fd":
            scores = scores.astype(np.float32)
        labels = np.asarray(labels)
        if self.task in ("binary", "multi-label"):
            if scores.size != labels.size:
                raise AuditError(_unequal(scores, labels))
            flat = scores.reshape(-1, 1)
            other = np.zeros_like(flat) if self.kind != "probs" else 1 - flat
            return np.concatenate([other, flat], axis=1), _whole(labels.reshape(-1))
        if scores.shape[-1] != self.columns:
            raise AuditError(
                f"{self.columns} scores a row were expected, as in the first rows; {scores.shape[-1]} came."
            )
        rows = np.ascontiguousarray(scores.reshape(-1, self.columns), scores.dtype.newbyteorder("="))
        if labels.shape == scores.shape and labels.ndim > 1:
            if (several := np.flatnonzero(labels.sum(axis=-1) != 1)).size:
                raise AuditError(
                    "Each of the first rows has one label, so that they were taken for classes; "
                    f"a later one has {labels[several[0]].sum():g}."
                )
            labels = labels.argmax(axis=-1)
        if labels.size != len(rows):
            raise AuditError(_unequal(scores, labels))
        return rows, _whole(labels.reshape(-1))


def _unequal(scores: Array, labels: Array) -> str:
    return f"One label a row was expected; scores of shape {scores.shape} came with labels of shape {labels.shape}."


def _whole(labels: Array) -> NDArray[np.int64]:
    """Labels as int64, if they are whole numbers."""
    if labels.dtype.kind in "biu":
        return np.ascontiguousarray(labels, np.int64)
    if labels.dtype.kind != "f":
        raise AuditError(f"Labels must be whole numbers; {labels.dtype} came.")
    with np.errstate(invalid="ignore"):
        whole = labels.astype(np.int64)
    if not np.array_equal(whole, labels):
        row = int(np.flatnonzero(~(whole == labels))[0])
        raise AuditError(f"Labels must be whole numbers; row {row} has {labels[row]!s}.")
    return whole


def make(
    scores: Array,
    labels: Array,
    *,
    kind: Kind | None = None,
    because: str = "as declared",
    ignore_index: int | None = None,
    names: tuple[str, ...] = (),
    tolerance: float | None = None,
) -> Plan:
    """Decide on a plan from the first rows.

    Parameters
    ----------
    scores, labels : arrays
        As :meth:`Plan.rows` takes them; the first rows, some hundreds if there are as many.
    kind : {"logits", "log-probs", "probs"}, optional
        What the scores are; None finds it out: probabilities if each of these rows is ≥ 0 and sums to 1 (for a
        binary score: is between 0 and 1), log-probabilities if its exponentials do, else logits.
    because : str
        Who declared the kind.
    ignore_index : int, optional
        The label of rows that do not count; None: −100, if these labels have it.
    names : tuple of str
        The classes' names.
    tolerance : float, optional
        How far a row of probabilities may be from summing to 1; None: by the scores' type, or by what they were
        rounded to.

    Raises
    ------
    AuditError
        No rows, or scores and labels that do not fit each other.

    Examples
    --------
    >>> plan = make(np.array([[0.9, 0.1], [0.25, 0.75]]), np.array([0, 1]))
    >>> plan.kind, plan.because
    ('probs', 'because each of the first 2 rows is ≥ 0 and sums to 1')
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    if scores.dtype.kind != "f" and scores.dtype.name != "bfloat16":
        raise AuditError(f"Scores must be floating numbers; {scores.dtype} came.")
    if scores.size == 0:
        raise AuditError(f"There is nothing to audit: scores of shape {scores.shape} came.")
    tolerance = _slack(scores) if tolerance is None else tolerance
    task, columns = _task(scores, labels), scores.shape[-1] if scores.ndim > 1 else 1
    declared = kind is not None
    if kind is None:
        kind, because = _guess(scores.astype(np.float64), task, tolerance)
    if ignore_index is None and labels.dtype.kind in "if" and (labels == -100).any():
        ignore_index = -100
    return Plan(
        kind=kind,
        because=because,
        declared=declared,
        task=task,
        classes=2 if task in ("binary", "multi-label") else columns,
        columns=columns,
        tolerance=tolerance,
        ignore_index=ignore_index,
        length=scores.shape[1] if task == "tokens" else None,
        names=names,
    )


def _slack(scores: Array) -> float:
    """How far rows of probabilities may be from summing to 1, by type and by the first 4096 rows' digits."""
    least = TOLERANCE.get(scores.dtype.itemsize, 1e-4)
    some = scores.reshape(-1, scores.shape[-1])[:4096].astype(np.float64) if scores.ndim > 1 else scores[:, None]
    if not ((some >= 0) & (some <= 1)).all():
        return least
    least = max(least, {"bfloat16": 8e-3, "float16": 2e-3}.get(precision(some), 0.0))
    d = decimals(some)
    return least if d is None else max(least, min(0.5 * some.shape[1] * 10.0**-d, 0.1))


def decimals(p: Array, /) -> int | None:
    """Give the decimals that all of these probabilities were rounded to, at most 6.

    Parameters
    ----------
    p : array
        Numbers between 0 and 1.

    Returns
    -------
    int or None
        None: they are not rounded, or are too few to say (20 numbers strictly between 0 and 1, 5 of them distinct).

    Examples
    --------
    >>> p = np.random.default_rng(0).dirichlet(np.ones(3), size=20)
    >>> decimals(p), decimals(p.round(3))
    (None, 3)
    """
    inside = p[(p > 0) & (p < 1)].astype(np.float64)
    if len(inside) < 20 or len(np.unique(inside[:4096])) < 5:
        return None
    for d in range(1, 7):
        scaled = inside * 10.0**d
        if (abs(scaled - np.rint(scaled)) <= scaled * 2.0**-23).all():  # an ulp of float32
            return d
    return None


def precision(scores: Array, /) -> Literal["bfloat16", "float16", "float32"]:
    """Give the narrowest type that these numbers can have had: by the bits that are 0 in all of them.

    Parameters
    ----------
    scores : array
        Finite numbers. Fewer than 50 that are not 0, whole numbers, and numbers whose last bits are mostly 0, such
        as halves and quarters: float32.

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=100)
    >>> precision(z), precision(z.astype(np.float16))
    ('float32', 'float16')
    """
    some = scores[scores != 0].astype(np.float32)
    if len(some) < 50 or (some == np.rint(some)).all():
        return "float32"
    bits = some.view(np.uint32)
    narrow: tuple[tuple[Literal["bfloat16", "float16"], int], ...] = (("bfloat16", 16), ("float16", 13))
    for name, low in narrow:
        if not (bits & ((1 << low) - 1)).any() and (bits >> low & 1).mean() >= 0.2:
            return name
    return "float32"


def _task(scores: Array, labels: Array) -> Task:
    if scores.ndim == 3:
        if labels.shape != scores.shape[:2]:
            raise AuditError(_unequal(scores, labels))
        return "tokens"
    if scores.ndim == 1:
        return "binary"
    if scores.ndim != 2:
        raise AuditError(f"Scores must be (N, K), (N,) or (B, T, V); shape {scores.shape} came.")
    if scores.shape[1] == 1:
        return "binary"
    if labels.shape == scores.shape:
        binary = np.isin(labels, (0, 1)).all()
        if not binary:
            raise AuditError("Labels of the scores' shape must be 0 and 1; soft targets cannot be audited.")
        return "multi-class" if (labels.sum(axis=1) == 1).all() else "multi-label"
    if labels.ndim > 1 and labels.size != len(scores):
        raise AuditError(_unequal(scores, labels))
    return "multi-class"


def _guess(scores: Array, task: Task, tolerance: float) -> tuple[Kind, str]:
    """Give the kind that every one of the first rows agrees with."""
    flat = scores.reshape(-1, scores.shape[-1]) if scores.ndim > 1 else scores[:, None]
    good = flat[~np.isnan(flat).any(axis=1)]
    first = f"each of the first {len(flat)} rows"
    if len(good) == 0:
        return "logits", "because none of the first rows is free of NaN"
    if task in ("binary", "multi-label"):
        if ((good >= 0) & (good <= 1)).all() and good.any():
            return "probs", f"because {first} is between 0 and 1"
        return "logits", "because the first rows go below 0 or above 1"
    if (good >= 0).all() and (abs(good.sum(axis=1) - 1) <= tolerance).all():
        return "probs", f"because {first} is ≥ 0 and sums to 1"
    with np.errstate(over="ignore"):
        if (good <= tolerance).all() and (abs(np.exp(good).sum(axis=1) - 1) <= tolerance).all():
            return "log-probs", f"because the exponentials of {first} sum to 1"
    return "logits", "because the first rows are neither probabilities nor their logarithms"
