"""Logits and labels as text: what a reader pastes.

A row is its logits and its label, ``2, 1, 0.1, 0``, or, after a bar, its target: ``2, 1, 0.1 | 0.7, 0.2, 0.1``.
Rows end with a line, a semicolon or a bracket. A field of one line turns the ends of pasted lines into blanks; in
rows with commas or tabs these still tell the rows apart.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from xent.explorer.numbers import num, parse, show_input
from xent.explorer.programs.labels import IGNORED
from xent.explorer.state import ActionError
from xent.explorer.text import words

text = words("labels")

LONGEST = 100_000
MOST_ROWS, MOST_CLASSES, REACH = 12, 10, 1000.0

_ENDS = re.compile(r"[;\r\n]+|\]\s*,?\s*(?=\[)")
_GAPS = re.compile(r"(?<![,\t| ]) +(?![,\t| ])")


@dataclass(frozen=True)
class Pasted:
    """Rows of logits; for each its label, whether it counts, and its target when any row had a distribution."""

    logits: list[list[float]]
    labels: list[int]
    used: list[bool]
    soft: list[list[float]] | None


def read(pasted: str) -> Pasted:
    """Read rows, or raise ActionError with a sentence that names the row, counted from 0, and what to do."""
    if len(pasted) > LONGEST:
        raise ActionError(text.paste.too_long.format(most=LONGEST, came=len(pasted)))
    rows = [row for row in (part.strip(" \t[](),{}") for part in _rows(pasted.strip())) if row]
    if not rows:
        raise ActionError(text.paste.nothing)
    parts = [row.split("|") for row in rows]
    for i, part in enumerate(parts):
        if len(part) != len(parts[0]) or len(part) > 2:
            raise ActionError(text.paste.bars.format(row=i))
    barred = len(parts[0]) == 2
    left = [_numbers(part[0], i) for i, part in enumerate(parts)]
    right = [_numbers(part[1], i) for i, part in enumerate(parts)] if barred else [row[-1:] for row in left]
    logits = left if barred else [row[:-1] for row in left]
    k = len(logits[0])
    for i, row in enumerate(logits):
        _check(row, i, k)
    if len(rows) > MOST_ROWS:
        raise ActionError(text.paste.many_rows.format(most=MOST_ROWS, came=len(rows)))
    soft = [_target(row, i, k) for i, row in enumerate(right)]
    labels = [max(range(k), key=row.__getitem__) for row in soft]
    used = [row != [float(IGNORED)] for row in right]
    given = any(len(row) > 1 for row in right)
    return Pasted(logits, labels, used, soft if given else None)


def _rows(pasted: str) -> list[str]:
    if _ENDS.search(pasted):
        return _ENDS.split(pasted)
    return _GAPS.split(pasted) if "," in pasted or "\t" in pasted else [pasted]


def _numbers(row: str, i: int) -> list[float]:
    out: list[float] = []
    for word in re.split(r"[\s,\[\](){}]+", row.strip(" \t,[](){}")):
        try:
            out.append(parse(word))
        except ValueError:
            raise ActionError(text.paste.no_number.format(row=i, came=repr(word[:40]))) from None
    return out


def _check(row: list[float], i: int, k: int) -> None:
    """Hold one row's logits against the first row's number of them, and against what has a softmax."""
    if not 2 <= len(row) <= MOST_CLASSES:
        raise ActionError(text.paste.columns.format(row=i, came=len(row), most=MOST_CLASSES))
    if len(row) != k:
        raise ActionError(text.paste.ragged.format(row=i, came=len(row), k=k))
    for j, z in enumerate(row):
        if math.isnan(z) or z == math.inf:
            raise ActionError(text.paste.no_softmax.format(row=i, column=j, came=num(z)["text"]))
        if math.isfinite(z) and abs(z) > REACH:
            raise ActionError(text.paste.far.format(row=i, column=j, came=num(z)["text"], reach=show_input(REACH)))
    if max(row) == -math.inf:
        raise ActionError(text.paste.all_masked.format(row=i))


def _target(row: list[float], i: int, k: int) -> list[float]:
    """Read one row's label or distribution as a distribution."""
    if len(row) == 1:
        label = row[0]
        if label != IGNORED and not (label.is_integer() and 0 <= label < k):
            raise ActionError(
                text.paste.label.format(row=i, came=show_input(label), k=k, last=k - 1, ignored=IGNORED)
            )
        return [float(j == max(label, 0)) for j in range(k)]
    if len(row) != k:
        raise ActionError(text.paste.shares.format(row=i, k=k, came=len(row)))
    total = math.fsum(row)
    if not all(0 <= t <= 1 for t in row) or abs(total - 1) > 1e-3:
        raise ActionError(text.paste.total.format(row=i, came=num(total)["text"]))
    return row
