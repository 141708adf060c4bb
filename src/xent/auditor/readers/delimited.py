# pyright: basic
"""CSV and TSV: streamed by pyarrow; where a line cannot be read, it is looked for and named."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xent.auditor.plan import AuditError
from xent.auditor.readers.arrays import line
from xent.auditor.readers.layout import Column, Layout, What
from xent.auditor.readers.source import Block
from xent.auditor.readers.tables import arrow, damage, labels_of, scores_of

_CHUNK = 2**23  # bytes that are parsed at a time


@dataclass(frozen=True)
class Csv:
    """A file of lines with a header.

    Attributes
    ----------
    path : str
        The file.
    delimiter : str
        What is between two fields.
    format : str
        What the file is called.
    text : bool
        True: numbers were printed with some decimals.
    """

    path: str
    delimiter: str = ","
    format: str = "csv"
    text: bool = True

    def columns(self) -> tuple[Column, ...]:
        """Give what there is to choose from; the first row says what a column holds."""
        header, first = self._begin()
        if not header:
            raise AuditError(f"{self.path} is empty.")
        if len(set(header)) < len(header):
            twice = next(name for name in header if header.count(name) > 1)
            raise AuditError(f"{self.path} has two columns {twice}.")
        if all(_number(name) for name in header):
            raise AuditError(
                f"{self.path} has no header: its first line is numbers, names of columns were expected."
            )
        if len(first) != len(header):
            raise AuditError(self._explained(None, {}, "it has no rows"))
        return tuple(Column(name, _what(value)) for name, value in zip(header, first, strict=True))

    def count(self, layout: Layout) -> None:  # noqa: ARG002
        """Say that only reading it would tell."""
        return

    def cuts(self, layout: Layout, rows: int) -> list[tuple[int, int | None]]:  # noqa: ARG002
        """Leave it whole."""
        return [(0, None)]

    def read(self, layout: Layout, first: int, rows: int | None, step: int) -> Iterator[Block]:
        """Read rows, some at a time; see :class:`xent.auditor.readers.File`."""
        stop, at = (2**62 if rows is None else first + rows), 0
        columns = [*layout.scores, *layout.labels]
        kinds = {c.name: c.what for c in self.columns()}
        pa = arrow()
        kind = {"whole": pa.int64(), "number": pa.float64(), "text": pa.string()}
        types = {name: kind[kinds[name]] for name in layout.labels} | dict.fromkeys(layout.scores, pa.float64())
        try:
            with self._opened(columns, types) as reader:
                for batch in reader:
                    low, high = max(first - at, 0), min(stop - at, batch.num_rows)
                    for start in range(low, high, step):
                        part = batch.slice(start, min(step, high - start))
                        scores = scores_of(part, layout.scores, self.path, at + start) if layout.scores else None
                        yield scores, labels_of(part, layout.labels, self.path, at + start)
                    at += batch.num_rows
                    if at >= stop:
                        return
        except pa.ArrowInvalid as error:
            raise AuditError(self._explained(layout, kinds, str(error))) from None

    def _begin(self) -> tuple[list[str], list[str]]:
        """Read the header and the first row."""
        with damage(self.path), Path(self.path).open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.reader(lines, delimiter=self.delimiter)
            return next(rows, []), next(rows, [])

    def _opened(self, columns: list[str], types: dict[str, Any]) -> Any:
        arrow()
        import pyarrow.csv as pc

        return pc.open_csv(
            self.path,
            read_options=pc.ReadOptions(use_threads=False, block_size=_CHUNK),
            parse_options=pc.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
            convert_options=pc.ConvertOptions(include_columns=columns, column_types=types),
        )

    def _explained(self, layout: Layout | None, kinds: dict[str, str], said: str) -> str:
        """Find the line that cannot be read."""
        with damage(self.path), Path(self.path).open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.reader(lines, delimiter=self.delimiter)
            header = next(reader, [])
            numeric = [] if layout is None else [(n, header.index(n)) for n in layout.scores]
            whole = [] if layout is None else [(n, header.index(n)) for n in layout.labels if kinds[n] == "whole"]
            for fields in reader:
                here = f"Line {reader.line_num:,} of {self.path}"
                if fields == header:
                    return f"{here} is the header again; files were put together, headers and all."
                if fields and len(fields) != len(header):
                    return f"{here} has {len(fields)} fields; the header has {len(header)}."
                for name, i in numeric:
                    if fields and fields[i].strip() and not _number(fields[i]) and fields[i] not in _MISSING:
                        return f"{here} has {fields[i]!r} in {name}, where a number was expected."
                for name, i in whole:
                    if fields and not fields[i].strip().lstrip("+-").isdecimal():
                        return f"{here} has {fields[i]!r} in {name}; the labels before are whole numbers."
        return f"{self.path} cannot be read: {line(said)}."


_MISSING = {"NA", "N/A", "NULL", "null", "n/a", "#N/A", "#NA", "-nan", "-NaN", "<NA>"}


def _what(text: str) -> What:
    if text.strip().lstrip("+-").isdecimal():
        return "whole"
    return "number" if not text.strip() or text in _MISSING or _number(text) else "text"


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
