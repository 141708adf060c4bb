# pyright: basic
"""JSON lines: one object a line. Read by the standard library, so that every complaint names its line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xent.auditor.plan import AuditError
from xent.auditor.readers.arrays import damage
from xent.auditor.readers.layout import Column, Layout, What, listed
from xent.auditor.readers.source import Block, Labels, named


@dataclass(frozen=True)
class Lines:
    """A file of objects, one a line.

    Attributes
    ----------
    path : str
        The file.
    format : str
        What the file is called.
    text : bool
        True: numbers were printed with some decimals.
    """

    path: str
    format: str = "jsonl"
    text: bool = True

    def columns(self) -> tuple[Column, ...]:
        """Give what there is to choose from: the first line's keys."""
        for _, row in self._rows():
            return tuple(Column(name, _what(value)) for name, value in row.items())
        raise AuditError(f"{self.path} is empty.")

    def count(self, layout: Layout) -> None:  # noqa: ARG002
        """Say that only reading it would tell."""
        return

    def cuts(self, layout: Layout, rows: int) -> list[tuple[int, int | None]]:  # noqa: ARG002
        """Leave it whole."""
        return [(0, None)]

    def read(self, layout: Layout, first: int, rows: int | None, step: int) -> Iterator[Block]:
        """Read rows, some at a time; see :class:`xent.auditor.readers.File`."""
        stop = 2**62 if rows is None else first + rows
        block: list[tuple[int, Any, Any]] = []
        for i, (line, row) in enumerate(self._rows()):
            if i >= stop:
                break
            if i >= first:
                scores = self._take(row, layout.scores, line) if layout.scores else None
                block.append((line, scores, self._take(row, layout.labels, line)))
                if len(block) == step or len(block) >= 4096:
                    yield self._block(block)
                    block = []
        if block:
            yield self._block(block)

    def _rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        with damage(self.path), Path(self.path).open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError:
                    raise AuditError(f"Line {number:,} of {self.path} is no JSON, or is cut off.") from None
                if not isinstance(row, dict):
                    raise AuditError(f"Line {number:,} of {self.path} is no object; {{…}} was expected.")
                yield number, row

    def _take(self, row: dict[str, Any], names: tuple[str, ...], line: int) -> Any:
        try:
            return row[names[0]] if len(names) == 1 else [row[name] for name in names]
        except KeyError as error:
            there = listed(list(row))
            raise AuditError(f"Line {line:,} of {self.path} has no {error.args[0]}; it has {there}.") from None

    def _block(self, block: list[tuple[int, Any, Any]]) -> Block:
        lines, scores, labels = zip(*block, strict=True)
        return (None if scores[0] is None else self._floats(lines, scores)), self._labels(lines, labels)

    def _floats(self, lines: tuple[int, ...], values: tuple[Any, ...]) -> Any:
        width = _shape(values[0])
        for line, value in zip(lines, values, strict=True):
            if _shape(value) != width:
                raise AuditError(
                    f"Line {line:,} of {self.path} has scores of shape {_shape(value)}; {width} was expected, "
                    "as in the lines before."
                )
        try:
            return np.array(values, np.float64)
        except (TypeError, ValueError):
            raise AuditError(
                f"Lines {lines[0]:,} to {lines[-1]:,} of {self.path} have scores that are ragged or no numbers."
            ) from None

    def _labels(self, lines: tuple[int, ...], values: tuple[Any, ...]) -> Labels:
        for line, value in zip(lines, values, strict=True):
            if value is None:
                raise AuditError(
                    f"Line {line:,} of {self.path} has no label; leave such rows out, or give them one and say "
                    "--ignore-index."
                )
            if isinstance(value, str) != isinstance(values[0], str):
                raise AuditError(
                    f"Line {line:,} of {self.path} has the label {value!r}; the one before {values[0]!r}."
                )
        if isinstance(values[0], str):
            return named(np.array(values))
        try:
            return np.array(values)
        except ValueError:
            raise AuditError(f"Lines {lines[0]:,} to {lines[-1]:,} of {self.path} have ragged labels.") from None


def _shape(value: Any) -> tuple[int, ...]:
    """Give the lengths of a list and of its first element, and so on."""
    return (len(value), *_shape(value[0] if value else 0.0)) if isinstance(value, list) else ()


def _what(value: Any) -> What:
    if isinstance(value, list):
        inner = _what(value[0]) if value else "number"
        return {"number": "row", "whole": "row", "row": "rows"}.get(inner, "other")  # pyright: ignore[reportReturnType]
    if isinstance(value, str):
        return "text"
    if isinstance(value, int):
        return "whole"
    return "number" if isinstance(value, float) or value is None else "other"
