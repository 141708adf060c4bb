"""A reader's own rows as text: what is pasted into the page, or opened there as a file.

A row is its scores and its label, ``2, 1, 0.1, 0``, or, after a bar, its target: ``2, 1, 0.1 | 0.7, 0.2, 0.1``.
Rows end with a line, a semicolon or a bracket; fields with a comma or a tab, else with blanks. A first line without
numbers is a heading: it names the classes, and the labels may then be names. Rows are counted from 0, the heading
not among them. Standard library only: this also runs in a browser.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from xent.explorer.numbers import num, parse, show_input
from xent.explorer.programs.labels import IGNORED
from xent.explorer.rows import Written
from xent.explorer.text import words

text = words("own")

LONGEST = 1_000_000
"""Characters that are read: ten thousand rows of ten classes with four decimals."""

MOST_ROWS, MOST_CLASSES = 10_000, 256
LOOSE, STRICT = 2e-2, 1e-3
"""How far from 1 a row of probabilities may add up, written with few decimals; and from where on it is told."""

LABEL = frozenset({"label", "labels", "target", "targets", "y", "y_true", "truth", "class"})
NUMBER = frozenset({"", "id", "index", "idx", "row"})
"""What headings call the column of the labels, and a first column that only counts the rows."""

_ENDS = re.compile(r"[;\r\n]+|\]\s*,?\s*(?=\[)")
_AROUND = " \t[](),{}\ufeff"


class PasteError(ValueError):
    """Text that cannot be read; the message is one sentence that names the row and says what to do."""


@dataclass(frozen=True)
class _Heading:
    """The classes by name, the place of the label's column, and whether a first column only counts the rows."""

    names: tuple[str, ...]
    columns: int
    label: int
    counted: str | None


def read(pasted: str, *, probs: bool = False) -> Written:
    r"""Read rows, or raise PasteError.

    Parameters
    ----------
    pasted : str
        The text.
    probs : bool
        Whether the scores are probabilities: their logarithms are logits. Log-probabilities are logits as they are.

    Examples
    --------
    >>> rows = read("cat, dog, label\n2, 1, dog\n0, -inf, cat")
    >>> rows.names, rows.logits, rows.labels
    (('cat', 'dog'), [[2.0, 1.0], [0.0, -inf]], [1, 0])
    """
    if len(pasted) > LONGEST:
        raise PasteError(text.too_long.format(most=f"{LONGEST:,}", came=f"{len(pasted):,}"))
    if "\0" in pasted or pasted.startswith("PK\3\4"):
        raise PasteError(text.binary)
    lines = [line for line in _ENDS.split(pasted) if line.strip(_AROUND)]
    heading = _heading(lines[0]) if lines else None
    lines = lines[1:] if heading else lines
    if not lines:
        raise PasteError(text.only_heading if heading else text.nothing)
    if len(lines) > MOST_ROWS:
        raise PasteError(text.many_rows.format(most=f"{MOST_ROWS:,}", came=f"{len(lines):,}"))
    rows = [_fields(line) for line in lines]
    if heading is not None and heading.counted is not None:
        rows = [(left[1:], right) for left, right in rows]
    left, right = _split(rows, heading)
    scores = _scores(left)
    names = None if heading is None else _names(heading, len(scores[0]), barred=rows[0][1] is not None)
    notes: list[str] = []
    if heading is not None and heading.counted is not None:
        notes.append(text.counted.format(name=repr(heading.counted)) if heading.counted else text.counted_blank)
    if heading is not None and names and len(heading.names) > len(names) and heading.label < len(names):
        notes.append(text.label_column.format(name=repr(heading.names[heading.label])))
    return finished(scores, right, names, probs=probs, notes=notes)


def finished(
    scores: list[list[float]],
    right: Sequence[Sequence[str]],
    names: tuple[str, ...] | None,
    *,
    probs: bool,
    notes: list[str],
) -> Written:
    """Read the labels or targets of rows, and what their scores are."""
    labels, used, soft = _targets(right, len(scores[0]), names)
    if probs:
        scores, more = _logs(scores)
        notes += more
    elif all(_sums_to_one(row, LOOSE) for row in scores):
        notes.append(text.like_probs)
    if not all(used):
        notes.append(text.ignored.format(count=used.count(False), ignored=IGNORED))
    return Written(scores, labels, used, soft, names, tuple(notes))


def _fields(line: str) -> tuple[list[str], list[str] | None]:
    """Split a row into its fields, and those after a bar."""
    left, bar, right = line.partition("|")
    return _cut(left), _cut(right) if bar else None


def _cut(part: str) -> list[str]:
    part = part.strip(_AROUND)
    if not part:
        return []
    comma = "\t" if "\t" in part else ","
    if comma not in part:
        return part.split()
    if '"' in part:
        return [field.strip() for field in next(csv.reader([part], delimiter=comma, skipinitialspace=True))]
    return [field.strip(_AROUND) for field in part.split(comma)]


def _heading(line: str) -> _Heading | None:
    """Read the first line as a heading, if it is one: no field is a number, or one is called label."""
    left, right = _fields(line)
    if not left:
        return None
    if line.lstrip("\ufeff[( ").startswith((",", "\t")):
        left = ["", *left]
    called = [field.casefold() for field in left]
    at = [j for j, name in enumerate(called) if name in LABEL]
    if not at and any(_number(field) is not None for field in (*left, *(right or []))):
        return None
    counted = left[0] if called[0] in NUMBER and len(left) > 2 else None
    names = left if counted is None else left[1:]
    label = len(names) - 1
    if right is None and len(at) == 1:
        label = at[0] - (counted is not None)
    return _Heading(tuple(names), len(names), label, counted)


def _names(heading: _Heading, k: int, *, barred: bool) -> tuple[str, ...]:
    """Give the heading's K names; it may name the label's column as well."""
    names, n = heading.names, len(heading.names)
    if n == k + 1 and not barred:
        names = names[: heading.label] + names[heading.label + 1 :]
    elif n != k:
        raise PasteError(text.heading.format(came=n, k=k))
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise PasteError(text.twice.format(name=repr(twice[:40])))
    return tuple(name[:40] or str(j) for j, name in enumerate(names))


def _split(
    rows: Sequence[tuple[list[str], list[str] | None]], heading: _Heading | None
) -> tuple[list[list[str]], list[list[str]]]:
    """Take each row's fields apart: scores, and label or target."""
    left: list[list[str]] = []
    right: list[list[str]] = []
    first, barred = rows[0][0], rows[0][1] is not None
    at = heading.label if heading is not None and len(first) == heading.columns else len(first) - 1
    for i, (fields, target) in enumerate(rows):
        if (target is not None) != barred or (target is not None and any("|" in field for field in target)):
            raise PasteError(text.bars.format(row=i))
        k = len(fields) if barred else len(fields) - 1
        if not 2 <= k <= MOST_CLASSES:
            raise PasteError((text.few_columns if k < 2 else text.columns).format(row=i, came=k, most=MOST_CLASSES))
        if len(fields) != len(first):
            raise PasteError(text.ragged.format(row=i, came=k, k=len(first) - (not barred)))
        left.append(fields if barred else fields[:at] + fields[at + 1 :])
        right.append(fields[at : at + 1] if target is None else target)
    return left, right


def _scores(rows: Sequence[Sequence[str]]) -> list[list[float]]:
    """Read the numbers of each row."""
    out: list[list[float]] = []
    for i, row in enumerate(rows):
        try:
            if "_" in "".join(row):
                raise ValueError
            z = list(map(float, row))
        except ValueError:
            z = [_read(field, i, j) for j, field in enumerate(row)]
        out.append(checked(z, i))
    return out


def checked(z: list[float], i: int) -> list[float]:
    """Refuse a row that has no softmax."""
    if not math.isfinite(sum(z)):
        for j, v in enumerate(z):
            if math.isnan(v) or v == math.inf:
                raise PasteError(text.no_softmax.format(row=i, column=j, came=num(v)["text"]))
        if max(z) == -math.inf:
            raise PasteError(text.all_masked.format(row=i))
    return z


def _read(field: str, i: int, j: int) -> float:
    value = _number(field)
    if value is None:
        sentence = text.no_number if field else text.blank
        raise PasteError(sentence.format(row=i, column=j, came=repr(field[:40])))
    return value


def _number(field: str) -> float | None:
    if len(field.split()) > 1:  # two numbers, and none of them meant so
        return None
    try:
        return parse(field)
    except ValueError:
        return None


def _targets(
    rows: Sequence[Sequence[str]], k: int, names: tuple[str, ...] | None
) -> tuple[list[int], list[bool], list[list[float]] | None]:
    """Read labels and distributions: the labels, which rows count, and all targets where one is a distribution."""
    known = {name: j for j, name in enumerate(names or ())}
    # Names that are numbers: whether labels are such names or count the classes is decided once, for all of them.
    named = all(len(row) == 1 and row[0] in known for row in rows)
    known = {name: j for name, j in known.items() if named or _number(name) is None}
    labels: list[int] = []
    used: list[bool] = []
    shares: dict[int, list[float]] = {}
    for i, row in enumerate(rows):
        label = known.get(row[0]) if len(row) == 1 else None
        if label is None and len(row) == 1:
            label = _label(row[0], i, k, names)
        if label is None:
            shares[i] = t = _shares(row, i, k)
            label = max(range(k), key=t.__getitem__)
        labels.append(max(label, 0))
        used.append(label != IGNORED)
    if not shares:
        return labels, used, None
    return labels, used, [shares.get(i) or [float(j == y) for j in range(k)] for i, y in enumerate(labels)]


def _label(field: str, i: int, k: int, names: tuple[str, ...] | None) -> int:
    value = _number(field)
    if value is None or not (value == IGNORED or (value.is_integer() and 0 <= value < k)):
        came = repr(field[:40]) if value is None else show_input(value)
        sentence = text.label if names is None else text.label_or_name
        raise PasteError(sentence.format(row=i, came=came, k=k, last=k - 1, ignored=IGNORED))
    return int(value)


def _shares(row: Sequence[str], i: int, k: int) -> list[float]:
    if len(row) != k:
        raise PasteError(text.shares.format(row=i, k=k, came=len(row)))
    t = [_read(field, i, j) for j, field in enumerate(row)]
    if not _sums_to_one(t, STRICT):
        raise PasteError(text.total.format(row=i, came=num(math.fsum(t))["text"]))
    return t


def _logs(rows: Sequence[Sequence[float]]) -> tuple[list[list[float]], list[str]]:
    """Take the logarithms of probabilities, which are logits; 0 becomes the mask −∞."""
    rough = 0
    for i, row in enumerate(rows):
        j = next((j for j, p in enumerate(row) if not 0 <= p <= 1), None)
        if j is not None:
            raise PasteError(text.no_probability.format(row=i, column=j, came=num(row[j])["text"]))
        if not _sums_to_one(row, LOOSE):
            raise PasteError(text.no_distribution.format(row=i, came=num(math.fsum(row))["text"]))
        rough += not _sums_to_one(row, STRICT)
    logs = [[math.log(p) if p > 0 else -math.inf for p in row] for row in rows]
    return logs, [text.rounded.format(count=rough)] if rough else []


def _sums_to_one(row: Sequence[float], tolerance: float) -> bool:
    return min(row) >= 0 and max(row) <= 1 and abs(math.fsum(row) - 1) <= tolerance
