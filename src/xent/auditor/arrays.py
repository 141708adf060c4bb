"""Audit arrays: all at once, or batch by batch in a loop that never holds all of them."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from xent.auditor.plan import AuditError, Kind, Plan, make
from xent.auditor.report import Report, report_of
from xent.auditor.summary import FILE, Summary

BLOCK = 2**22  # scores that are added at a time


def audit(
    logits: Any,
    labels: Any,
    /,
    *,
    kind: Kind | None = None,
    ignore_index: int | None = None,
    names: Collection[str] = (),
    loss: float | None = None,
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    name: str = "",
) -> Report:
    """Say what is wrong with predictions, in nats, with the evidence and the fix.

    Parameters
    ----------
    logits : array (N, K), (N,), (N, 1), (N, labels) or (B, T, V) of floating numbers
        Scores of classes, of a binary decision, of several binary labels, or of tokens. NumPy, a torch tensor on
        any device, a JAX array; anything that is an array to NumPy.
    labels : array (N,), (N, labels) or (B, T)
        Class indices, or 0 and 1. One-hot rows of (N, K) become indices.
    kind : {"logits", "log-probs", "probs"}, optional
        What the scores are. None: found out from all of them at once, and the report says why.
    ignore_index : int, optional
        The label of rows that do not count. None: −100 if it occurs.
    names : collection of str
        The classes' names.
    loss : float, optional
        What your program printed for these rows: the report says which formula gives that number.
    select, ignore : collections of str
        Codes of rules, or their beginnings, to ask and not to ask.
    name : str
        What the report calls the data.

    Returns
    -------
    Report
        Prints as text, shows itself in a notebook; ``report.findings`` and ``report.numbers`` for programs.

    Raises
    ------
    AuditError
        Arrays that cannot be audited, in one sentence; a ValueError.

    Examples
    --------
    >>> import numpy as np, xent
    >>> p = xent.softmax(np.random.default_rng(0).normal(size=(200, 10)) * 3)
    >>> y = np.array([np.random.default_rng(i).choice(10, p=row) for i, row in enumerate(p)])
    >>> [finding.code for finding in xent.audit(p, y, kind="logits").findings]
    ['XE101']
    """
    auditor = Auditor(kind=kind, ignore_index=ignore_index, names=names, name=name)
    scores, y = to_numpy(logits), to_numpy(labels)
    if auditor.kind is None and scores.size:
        auditor.plan = make(scores, y, ignore_index=ignore_index, names=tuple(names))
    step = max(BLOCK // max(math.prod(scores.shape[1:]), 1), 1)
    for start in range(0, max(len(scores), 1), step):
        auditor.update(scores[start : start + step], y[start : start + step])
    return auditor.report(loss=loss, select=select, ignore=ignore)


def to_numpy(array: Any) -> np.ndarray[Any, Any]:
    """Give anything that is an array as NumPy's: tensors leave their device and graph, bfloat16 becomes float32.

    Raises
    ------
    AuditError
        It is no array of numbers.

    Examples
    --------
    >>> to_numpy([1, 2]).tolist()
    [1, 2]
    """
    if hasattr(array, "detach"):  # a tensor
        array = array.detach()
        array = (array.float() if "bfloat16" in str(array.dtype) else array).cpu().numpy()
    array = np.asarray(array)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        raise AuditError(f"An array of numbers was expected; {array.dtype} of shape {array.shape} came.")
    return array


@dataclass
class Auditor:
    """Audit in a loop: ``update`` with each batch, ``merge`` what other processes saw, ``report`` at the end.

    Memory is bounded whatever the number of rows, and any cut into batches gives the same report. The kind, if it
    is not given, is decided by the first batch, and later rows that disagree are a finding.

    Attributes
    ----------
    kind, ignore_index, names, name
        As of :func:`audit`.
    part : int
        Number of the process, where several see parts of the data: rows are counted from part · 2⁴⁰.
    plan : Plan or None
        What was decided; None before the first batch.
    summary : Summary or None
        Everything so far.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> auditor = Auditor(kind="logits")
    >>> for _ in range(3):
    ...     auditor.update(rng.normal(size=(32, 5)), rng.integers(0, 5, 32))
    >>> auditor.report().numbers.rows
    96
    """

    kind: Kind | None = None
    ignore_index: int | None = None
    names: Collection[str] = ()
    name: str = ""
    part: int = 0
    plan: Plan | None = None
    summary: Summary | None = None
    _next: int = field(default=0, repr=False)

    def update(self, logits: Any, labels: Any, /) -> None:
        """Add a batch.

        Parameters
        ----------
        logits, labels : arrays
            As :func:`audit` takes them, all batches of one form.

        Raises
        ------
        AuditError
            They do not fit each other or the batches before; nothing has been added then.
        """
        scores, y = to_numpy(logits), to_numpy(labels)
        if self.plan is None:
            self.plan = make(scores, y, kind=self.kind, ignore_index=self.ignore_index, names=tuple(self.names))
        if self.summary is None:
            self.summary = Summary.of(self.plan)
        before = self._next
        self.summary.add(self.part * FILE + before, scores, y)
        self._next = before + y.size if self.plan.task != "multi-class" else before + len(scores)

    def reset(self) -> None:
        """Forget all rows; a plan that was decided by the first batch too.

        Examples
        --------
        >>> auditor = Auditor()
        >>> auditor.update(np.zeros((1, 2)), np.array([0]))
        >>> auditor.reset()
        >>> auditor.summary
        """
        self.plan = self.summary = None
        self._next = 0

    def merge(self, other: Auditor, /) -> Self:
        """Add what another auditor of the same plan saw; give itself.

        Raises
        ------
        AuditError
            The plans differ.
        """
        if other.summary is not None:
            self.summary = other.summary if self.summary is None else self.summary + other.summary
            self.plan = other.plan if self.plan is None else self.plan
        return self

    def report(
        self, *, loss: float | None = None, select: Collection[str] = (), ignore: Collection[str] = ()
    ) -> Report:
        """Say what is wrong with all that was added; adding can go on afterwards.

        Parameters
        ----------
        loss, select, ignore
            As of :func:`audit`.

        Raises
        ------
        AuditError
            There are no rows that count, or a code is unknown.
        """
        if self.summary is None:
            raise AuditError("There are no rows to audit.")
        return report_of(self.summary, name=self.name, reported=loss, select=select, ignore=ignore)


__all__ = ["Auditor", "audit", "to_numpy"]
