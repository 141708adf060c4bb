"""Files, opened for an audit: what to read, as which plan, cut into pieces that any process can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xent.auditor.plan import AuditError, Plan
from xent.auditor.readers.layout import Column, Layout
from xent.auditor.summary import FILE, Summary

Array = NDArray[Any]

BLOCK = 2**22  # numbers that are in memory at a time
PIECE = 2**24  # numbers that one task reads, about


@dataclass(frozen=True)
class Named:
    """Labels that are texts: which ones there are, and which of them each row has.

    Examples
    --------
    >>> Named(("cat", "dog"), np.array([1, 0])).codes({"dog": 7, "cat": 3}).tolist()
    [7, 3]
    """

    names: tuple[str, ...]
    index: Array

    def codes(self, place: dict[str, int]) -> NDArray[np.int64]:
        """Give the numbers that the texts stand for.

        Raises
        ------
        AuditError
            A text stands for none.
        """
        for name in self.names:
            if name not in place:
                known = ", ".join(list(place)[:12])
                raise AuditError(f"The label {name!r} is no class; the classes are {known}.")
        return np.array([place[name] for name in self.names], np.int64)[self.index]


Labels = Array | Named
Block = tuple[Array | None, Labels]


def named(array: Array) -> Named:
    """Tell apart the texts of an array.

    Examples
    --------
    >>> named(np.array(["b", "a", "b"])).names
    ('a', 'b')
    """
    names, index = np.unique(array, return_inverse=True)
    return Named(tuple(map(str, names.tolist())), index.reshape(array.shape))


class File(Protocol):
    """A file that can be read in parts. It holds descriptions only: it goes to other processes as it is."""

    @property
    def path(self) -> str:
        """Where it is."""
        ...

    @property
    def format(self) -> str:
        """What kind of file it is: "npz", "parquet" and so on."""
        ...

    @property
    def text(self) -> bool:
        """Whether the numbers were printed, and so have been rounded."""
        ...

    def columns(self) -> tuple[Column, ...]:
        """Give what there is to choose from."""
        ...

    def count(self, layout: Layout) -> int | None:
        """Give the number of rows; None if only reading all of it would tell."""
        ...

    def cuts(self, layout: Layout, rows: int) -> list[tuple[int, int | None]]:
        """Cut it into parts of about so many rows: the first row of each, and how many (None: up to the end)."""
        ...

    def read(self, layout: Layout, first: int, rows: int | None, step: int) -> Iterator[Block]:
        """Read a part from ``first`` on, at most ``step`` rows at a time; without scores if the layout has none."""
        ...


@dataclass(frozen=True)
class Piece:
    """Part of a file, with everything that a process needs to add it up.

    Attributes
    ----------
    file : File
        The file.
    number : int
        Its number among the files.
    layout : Layout
        What to read.
    plan : Plan
        Of all rows.
    place : dict of str to int, or None
        The class of every label, where labels are known by their names.
    first : int
        The first row.
    rows : int or None
        How many; None: up to the end.
    step : int
        Rows to read at a time.
    """

    file: File
    number: int
    layout: Layout
    plan: Plan
    place: dict[str, int] | None
    first: int
    rows: int | None
    step: int

    def blocks(self) -> Iterator[tuple[int, Array, Array]]:
        """Read it: the position of a block's first row, its scores and its labels, again and again."""
        at, each = self.first, items(self.plan)
        for scores, labels in self.file.read(self.layout, self.first, self.rows, self.step):
            assert scores is not None  # noqa: S101 - a layout with scores gives them
            y = numbers(labels, self.place)
            if (
                y.dtype.kind == "f"
                and (odd := np.flatnonzero((y != np.round(y)).reshape(len(y), -1).any(axis=1))).size
            ):
                row = at + int(odd[0])
                raise AuditError(f"Labels must be whole numbers; row {row:,} of {self.file.path} has {y[odd[0]]}.")
            yield self.number * FILE + at * each, scores, y
            at += len(scores)

    def add_to(self, summary: Summary, tick: Callable[[int], None]) -> None:
        """Add it to a summary; ``tick`` hears of the rows of every block.

        Raises
        ------
        AuditError
            Rows that do not fit the others.
        """
        where = self.first
        for position, scores, labels in self.blocks():
            try:
                summary.add(position, scores, labels)
            except AuditError as error:
                last = where + len(scores) - 1
                raise AuditError(f"{self.file.path}, rows {where:,} to {last:,}: {error}") from None
            where += len(scores)
            tick(len(scores) * items(self.plan))


@dataclass(frozen=True)
class Source:
    """Files of one form, and the plan for all of their rows.

    Attributes
    ----------
    name : str
        What a report calls them.
    files : tuple of File
        In the order that numbers their rows.
    layouts : tuple of Layout
        What to read of each.
    plan : Plan
        Decided on the first rows of the first file.
    place : dict of str to int, or None
        The class of every label, where labels are known by their names.
    rows : int or None
        How many there are; None if only reading them would tell.

    Examples
    --------
    >>> import tempfile
    >>> from xent.auditor.readers import open_source
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/a.npz", logits=np.eye(3) * 4, labels=np.array(["a", "b", "c"]))
    ...     source = open_source([f"{folder}/a.npz"])
    ...     source.rows, source.plan.kind, source.place, len(source.pieces())
    (3, 'logits', {'a': 0, 'b': 1, 'c': 2}, 1)
    """

    name: str
    files: tuple[File, ...]
    layouts: tuple[Layout, ...]
    plan: Plan
    place: dict[str, int] | None
    rows: int | None

    def pieces(self, size: int = PIECE) -> list[Piece]:
        """Cut into pieces of about ``size`` numbers; what cannot be cut is one piece a file."""
        width = self.plan.columns * (self.plan.length or 1)
        step, rows = max(BLOCK // width, 1), max(size // width, 1)
        return [
            Piece(file, number, layout, self.plan, self.place, first, count, step)
            for number, (file, layout) in enumerate(zip(self.files, self.layouts, strict=True))
            for first, count in file.cuts(layout, rows)
        ]


def items(plan: Plan) -> int:
    """Give the rows that one row of a file is: tokens of a sequence, labels of an example, or 1.

    Examples
    --------
    >>> items(Plan("logits", "", True, "multi-label", 2, 5))
    5
    """
    return plan.length or (plan.columns if plan.task == "multi-label" else 1)


def numbers(labels: Labels, place: dict[str, int] | None) -> Array:
    """Give labels as numbers.

    Examples
    --------
    >>> numbers(np.array([2, 1]), {"1": 0, "2": 1}).tolist(), numbers(np.array([2, 1]), None).tolist()
    ([1, 0], [2, 1])
    """
    if isinstance(labels, Named):
        return labels.codes(place or {})
    return labels if place is None else named(labels).codes(place)


def places(files: tuple[File, ...], layouts: tuple[Layout, ...], classes: int) -> dict[str, int] | None:
    """Find out which class every label stands for, by a reading of the labels only; None: they are indices.

    Parameters
    ----------
    files, layouts
        Of a Source.
    classes : int
        How many there are.

    Raises
    ------
    AuditError
        Labels are texts of which not each is a class, and each class not one.

    Examples
    --------
    >>> places((), (), 2) is None
    True
    """
    names = layouts[0].names if layouts else ()
    numbered = bool(layouts) and layouts[0].numbered
    seen: set[str] = set()
    text = False
    for file, layout in zip(files, layouts, strict=True):
        for _, labels in file.read(layout.only_labels(), 0, None, BLOCK):
            if not isinstance(labels, Named):
                if not numbered or labels.dtype.kind not in "iu" or labels.ndim != 1:
                    if text:
                        raise AuditError(f"Labels of {file.path} are numbers, those of {files[0].path} are texts.")
                    break
                labels = named(labels)
            else:
                text = True
            seen |= set(labels.names)
    if not text:
        return {name: i for i, name in enumerate(names)} if numbered and seen and seen <= set(names) else None
    if "" in seen:
        raise AuditError("Some rows have no label; leave them out, or give them one and say --ignore-index.")
    if names and (not numbered or seen <= set(names)):
        if len(names) != classes:
            raise AuditError(f"{len(names)} names of classes came for {classes} classes.")
        return {name: i for i, name in enumerate(names)}
    if all(name.removeprefix("-").isdecimal() for name in seen):
        return {name: int(name) for name in seen}
    if len(seen) != classes:
        some = ", ".join(sorted(seen)[:8])
        raise AuditError(
            f"Labels are {len(seen)} texts ({some}{', …' if len(seen) > 8 else ''}), scores are of {classes} "
            "classes: name the columns after the classes (prob_cat, prob_dog), or add an array of classes."
        )
    return {name: i for i, name in enumerate(sorted(seen))}


def shown(plan: Plan, place: dict[str, int] | None) -> Plan:
    """Put the names by which labels are known into the plan.

    Examples
    --------
    >>> shown(Plan("logits", "", True, "multi-class", 2, 2), {"dog": 1, "cat": 0}).names
    ('cat', 'dog')
    """
    if place is None or plan.names or sorted(place.values()) != list(range(plan.classes)):
        return plan
    names = tuple(sorted(place, key=place.__getitem__))
    return plan if names == tuple(map(str, range(plan.classes))) else replace(plan, names=names)
