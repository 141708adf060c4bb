"""What an audit remembers of the rows it has seen: whole numbers and bounded tables, so that a + b is exact.

Any cut of the rows into batches and any order of merging gives the same Summary, to the bit. That is what makes
threads, processes, Dask workers and the ranks of a training run one and the same code.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xent.auditor.plan import AuditError, Plan
from xent.auditor.tables import Table, empty
from xent.kernels import tally as kernel
from xent.kernels import threads

Array = NDArray[Any]

LARGEST_CONFUSION = 256  # classes up to which every pair of label and prediction is counted
OPENING, CLOSING, COSTLIEST = 2**18, 1024, 256
SAMPLE = 2**22  # numbers
FLUSH = 2**21  # rows after which sums of fractions are carried, long before 63 bits are full
PIECE = 2**17  # scores a thread takes at a time
FILE = 2**40  # a row's position is file · FILE + row
STRANGE = 32  # labels outside [0, K) that are told apart


@dataclass
class Summary:
    """Rows summed up. Built by :meth:`add`, merged by ``+``; not changed by either operand of ``+``.

    Attributes
    ----------
    plan : Plan
        What all rows have in common.
    counts : dict of str to int
        See :data:`xent.kernels.tally.COUNTS`; "rows" are those that the sums are over.
    sums : dict of str to int
        Exact sums over rows in units of 2⁻¹⁰⁷⁴; :meth:`total` gives the float.
    cells : dict of str to int64 array
        By class: "label", "predicted", "hits" (K,), "p" = Σ p, "pp" = Σ p² (0 beyond 4096 classes) and "loss" as
        (whole, 2⁻⁴⁰) (2, K).
        "confusion" (K, K) for K ≤ 256. "losses" and their sums, by size of the loss. "odds" and "bins": rows, hits
        and sums of p and p (1 − p) of the largest class, by its odds and by 15 bins of p. "pair" for two classes:
        by label and odds.
    extremes : float array (4,)
        Least and largest score, least and largest sum of a row's scores.
    tables : dict of str to Table
        "head": first rows as they came; "opening": label, prediction of more of them; "closing": the last;
        "costliest"; "sample": distinct rows by the least hashes, with how often each occurred; "strange": labels
        that are no class, and how often; "broken": first rows that have no softmax.

    Examples
    --------
    >>> from xent.auditor.plan import make
    >>> z, y = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]]), np.array([0, 0, 0])
    >>> plan = make(z, y)
    >>> whole = Summary.of(plan).add(0, z, y)
    >>> parts = Summary.of(plan).add(2, z[2:], y[2:]) + Summary.of(plan).add(0, z[:2], y[:2])
    >>> whole == parts, whole.counts["correct"], round(whole.total("loss"), 12)
    (True, 2, 1.567117709604)
    """

    plan: Plan
    counts: dict[str, int]
    sums: dict[str, int]
    cells: dict[str, Array]
    extremes: Array
    tables: dict[str, Table]
    _room: list[_Room] = field(default_factory=list[Any], repr=False, compare=False)
    _fresh: int = field(default=0, repr=False, compare=False)
    _waiting: dict[str, list[Table]] = field(default_factory=dict[str, "list[Table]"], repr=False, compare=False)

    @classmethod
    def of(cls, plan: Plan) -> Summary:
        """Give the summary of no rows.

        Examples
        --------
        >>> Summary.of(Plan("logits", "", True, "multi-class", 3, 3)).counts["rows"]
        0
        """
        k, cells = plan.classes, kernel.CELLS
        shapes: dict[str, tuple[int, ...]] = {
            "label": (k,), "predicted": (k,), "hits": (k,), "p": (2, k), "pp": (2, k), "loss": (2, k),
            "confusion": (k, k) if k <= LARGEST_CONFUSION else (0, 0),
            "losses": (cells,), "loss_sums": (2, cells),
            "odds": (2, cells), "odds_p": (2, cells), "odds_doubt": (2, cells),
            "bins": (2, kernel.BINS), "bins_p": (2, kernel.BINS), "bins_doubt": (2, kernel.BINS),
            "pair": (2, 2 * cells) if k == 2 else (2, 0),
        }  # fmt: skip
        whole: type[Any] = np.int64
        narrow: tuple[type[Any], int] = (np.float32, k)
        row: dict[str, Any] = {"position": whole, "label": whole}
        return cls(
            plan=plan,
            counts=dict.fromkeys(kernel.COUNTS, 0),
            sums=dict.fromkeys(kernel.SUMS, 0),
            cells={name: np.zeros(shape, np.int64) for name, shape in shapes.items()},
            extremes=np.array([math.inf, -math.inf, math.inf, -math.inf]),
            tables={
                "head": empty(row | {"scores": narrow}, by=("position",), limit=min(4096, max(SAMPLE // k, 16))),
                "opening": empty(row | {"predicted": whole, "mark": np.uint64}, by=("position",), limit=OPENING),
                "closing": empty({"last": whole, "mark": np.uint64}, by=("last",), limit=CLOSING),
                "costliest": empty(
                    {"gain": np.float64} | row | {"predicted": whole}, by=("gain", "position"), limit=COSTLIEST
                ),
                "sample": empty(
                    {"mark": np.uint64} | row | {"count": whole, "scores": narrow},
                    by=("mark", "label"),
                    limit=min(2**17, max(SAMPLE // k, 256)),
                    counted=True,
                ),
                "strange": empty({"label": whole, "count": whole}, by=("label",), limit=STRANGE, counted=True),
                "broken": empty({"position": whole}, by=("position",), limit=8),
            },
        )

    def total(self, name: str) -> float:
        """Give a sum as the nearest float64.

        Examples
        --------
        >>> Summary.of(Plan("logits", "", True, "multi-class", 3, 3)).total("loss")
        0.0
        """
        self.settle()
        try:
            return self.sums[name] / 2**1074
        except OverflowError:
            return math.copysign(math.inf, self.sums[name])

    def cell(self, name: str) -> NDArray[np.float64]:
        """Give sums of (whole, 2⁻⁴⁰) as floats.

        Examples
        --------
        >>> Summary.of(Plan("logits", "", True, "multi-class", 3, 3)).cell("p").tolist()
        [0.0, 0.0, 0.0]
        """
        self.settle()
        whole, fraction = self.cells[name]
        return whole + fraction / kernel.UNIT

    def add(self, position: int, scores: Array, labels: Array) -> Summary:
        """Add rows, in place.

        Parameters
        ----------
        position : int
            Number of the first of these rows; the others follow.
        scores, labels : arrays
            As :meth:`Plan.rows` takes them.

        Returns
        -------
        Summary
            Itself.

        Raises
        ------
        AuditError
            Shapes that do not fit the plan; labels that are not whole numbers.
        """
        z, y = self.plan.rows(scores, labels)
        if len(z) == 0:
            return self
        loss, predicted, marks = np.empty(len(z)), np.empty(len(z), np.int64), np.empty(len(z), np.uint64)
        free, ignore = deque(self._room), self.plan.ignore_index

        def work(start: int, stop: int) -> None:
            try:
                room = free.pop()
            except IndexError:
                self._room.append(room := _Room(self.plan.classes))
            kind = kernel.PROBS if self.plan.kind == "probs" else kernel.LOGITS
            kernel.tally(
                z, y, kind, ignore is not None, ignore or 0, self.plan.tolerance, start, stop,
                *room.arrays, loss, predicted, marks,
            )  # fmt: skip
            free.append(room)

        threads.run(work, len(z), max(PIECE // z.shape[1], 1))
        self._fresh += len(z)
        if self._fresh >= FLUSH:
            self.settle()
        self._remember(position, z, y, loss, predicted, marks)
        return self

    def _remember(self, position: int, z: Array, y: Array, loss: Array, predicted: Array, marks: Array) -> None:
        """Put rows into the tables."""
        here = np.arange(position, position + len(z))
        self._offer("head", self._first(here, self.tables["head"]), position=here, label=y, scores=z)
        opening = self._first(here, self.tables["opening"])
        self._offer("opening", opening, position=here, label=y, predicted=predicted, mark=marks)
        self._offer("closing", slice(-CLOSING, None), last=-here, mark=marks)
        counts = ~np.isnan(loss)
        dear = self.tables["costliest"]
        floor = -dear["gain"][-1] if len(dear) == dear.limit else -1.0
        costly = np.flatnonzero(loss >= floor)  # no NaN
        if len(costly) > COSTLIEST:
            least = np.partition(loss[costly], -COSTLIEST)[-COSTLIEST]
            costly = costly[loss[costly] >= least]
        self._offer("costliest", costly, gain=-loss, position=here, label=y, predicted=predicted)
        sample = self.tables["sample"]
        chosen = counts & (marks <= sample["mark"][-1]) if len(sample) == sample.limit else counts
        one = np.broadcast_to(np.int64(1), len(z))
        self._offer("sample", chosen, mark=marks, position=here, label=y, count=one, scores=z)
        if not counts.all():
            k, ignore = self.plan.classes, self.plan.ignore_index
            outside = ((y < 0) | (y >= k)) & (True if ignore is None else y != ignore)
            self._offer("strange", outside, label=y, count=one)
            broken = ~counts & ~outside & (True if ignore is None else y != ignore)
            self._offer("broken", np.flatnonzero(broken)[:8], position=here)

    @staticmethod
    def _first(here: Array, table: Table) -> Any:
        """Which rows may be among those that are kept for coming first."""
        if len(table) < table.limit:
            return slice(None, table.limit)
        return here <= table["position"][-1]

    def _offer(self, name: str, chosen: Any, **columns: Array) -> None:
        """Have a table take some rows; the sample is sorted only when there are many."""
        table = self.tables[name]
        view = isinstance(chosen, slice)  # of the caller's memory
        with np.errstate(over="ignore"):  # what is beyond float32 is infinite in a table
            some = {key: column[chosen].astype(table[key].dtype, copy=view) for key, column in columns.items()}
        if len(next(iter(some.values()))) == 0:
            return
        new = replace(table, columns=some)
        waiting = self._waiting.setdefault(name, [])
        waiting.append(new)
        if name in ("closing", "costliest", "strange") or sum(map(len, waiting)) * 2 > table.limit:
            self._sort(name)

    def _sort(self, name: str) -> None:
        table, waiting = self.tables[name], self._waiting.pop(name, [])
        if waiting:
            columns = {
                key: np.concatenate([column, *(w[key] for w in waiting)]) for key, column in table.columns.items()
            }
            self.tables[name] = replace(table, columns=columns).kept()

    def settle(self) -> None:
        """Move what the threads' rooms hold into the sums; the rooms are empty afterwards."""
        for name in list(self._waiting):
            self._sort(name)
        for room in self._room:
            room.pour(self)
        self._fresh = 0

    def __add__(self, other: Summary) -> Summary:
        if self.plan != other.plan:
            raise AuditError(f"Only summaries of one plan can be merged; {self.plan} and {other.plan} came.")
        self.settle()
        other.settle()
        merged = Summary.of(self.plan)
        merged.counts = {name: n + other.counts[name] for name, n in self.counts.items()}
        merged.sums = {name: n + other.sums[name] for name, n in self.sums.items()}
        merged.cells = {name: carried(name, a + other.cells[name]) for name, a in self.cells.items()}
        low = np.minimum(self.extremes, other.extremes)
        merged.extremes = np.where([True, False, True, False], low, np.maximum(self.extremes, other.extremes))
        merged.tables = {name: table + other.tables[name] for name, table in self.tables.items()}
        return merged

    def moved(self, files: int) -> Summary:
        """Give the same rows at positions ``files · FILE`` further on.

        Parameters
        ----------
        files : int
            What is added to each row's number of the file.

        Examples
        --------
        >>> from xent.auditor.plan import make
        >>> z, y = np.zeros((1, 2)), np.array([0])
        >>> Summary.of(make(z, y)).add(3, z, y).moved(2).tables["head"]["position"].tolist() == [2 * FILE + 3]
        True
        """
        self.settle()
        by = {"position": files * FILE, "last": -files * FILE}
        tables = {
            name: replace(t, columns={key: c + by[key] if key in by else c for key, c in t.columns.items()})
            for name, t in self.tables.items()
        }
        return replace(self, tables=tables, _room=[], _waiting={})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Summary):
            return NotImplemented
        self.settle()
        other.settle()
        return (
            (self.plan, self.counts, self.sums) == (other.plan, other.counts, other.sums)
            and all(np.array_equal(a, other.cells[name]) for name, a in self.cells.items())
            and np.array_equal(self.extremes, other.extremes)
            and all(
                np.array_equal(column, other.tables[name][key], equal_nan=column.dtype.kind == "f")
                for name, table in self.tables.items()
                for key, column in table.columns.items()
            )
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType] - it changes

    def __getstate__(self) -> dict[str, Any]:
        """Give what goes to another process: sums, not the threads' rooms."""
        self.settle()
        return self.__dict__ | {"_room": [], "_waiting": {}}


PAIRS = frozenset({"p", "pp", "loss", "loss_sums", "odds_p", "odds_doubt", "bins_p", "bins_doubt"})
"""Cells that are (whole, 2⁻⁴⁰)."""


def carried(name: str, cells: Array) -> Array:
    """Bring fractions of a (whole, 2⁻⁴⁰) into [0, 1).

    Examples
    --------
    >>> carried("p", np.array([[1], [3 * 2**39]])).tolist() == [[2], [2**39]]
    True
    """
    if name in PAIRS:
        cells[0] += cells[1] >> 40
        cells[1] &= 2**40 - 1
    return cells


class _Room:
    """Where one thread adds."""

    def __init__(self, classes: int) -> None:
        k, cells = classes, kernel.CELLS
        both = k if k <= LARGEST_CONFUSION else 0
        self.counts = np.zeros(len(kernel.COUNTS), np.int64)
        self.limbs = np.zeros((len(kernel.SUMS), kernel.LIMBS), np.int64)
        self.by_class = np.zeros((7, k), np.int64)
        self.confusion = np.zeros((both, both), np.int64)
        self.losses, self.loss_sums = np.zeros(cells, np.int64), np.zeros((2, cells), np.int64)
        self.odds, self.bins = np.zeros((4, cells), np.int64), np.zeros((4, kernel.BINS), np.int64)
        self.pair = np.zeros((2, 2 * cells if k == 2 else 0), np.int64)
        self.extremes = np.array([math.inf, -math.inf, math.inf, -math.inf])

    @property
    def arrays(self) -> tuple[Array, ...]:
        return (
            self.counts, self.limbs, self.by_class, self.confusion, self.losses, self.loss_sums, self.odds,
            self.bins, self.pair, self.extremes,
        )  # fmt: skip

    def pour(self, into: Summary) -> None:
        """Add what is here to a summary, and start again from 0."""
        for name, n in zip(kernel.COUNTS, self.counts.tolist(), strict=True):
            into.counts[name] += n
        for name, limbs in zip(kernel.SUMS, self.limbs.tolist(), strict=True):
            into.sums[name] += sum(limb << (32 * i) for i, limb in enumerate(limbs) if limb)
        nothing = np.zeros_like
        by, odds, bins = self.by_class, self.odds, self.bins
        for name, cells in {
            "label": by[0], "predicted": by[1], "hits": by[2],
            "p": np.stack([nothing(by[3]), by[3]]), "pp": np.stack([nothing(by[4]), by[4]]), "loss": by[5:7],
            "confusion": self.confusion, "losses": self.losses, "loss_sums": self.loss_sums,
            "odds": odds[:2], "odds_p": np.stack([nothing(odds[2]), odds[2]]),
            "odds_doubt": np.stack([nothing(odds[3]), odds[3]]),
            "bins": bins[:2], "bins_p": np.stack([nothing(bins[2]), bins[2]]),
            "bins_doubt": np.stack([nothing(bins[3]), bins[3]]), "pair": self.pair,
        }.items():  # fmt: skip
            into.cells[name] = carried(name, into.cells[name] + cells)
        e = into.extremes
        e[:] = [
            min(e[0], self.extremes[0]),
            max(e[1], self.extremes[1]),
            min(e[2], self.extremes[2]),
            max(e[3], self.extremes[3]),
        ]
        for array in self.arrays[:-1]:
            array[:] = 0
