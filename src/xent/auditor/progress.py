"""How far an audit is: rows a second and the time left, on a terminal, once it has taken two seconds."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from typing import Any, Self, TextIO


class Bar(AbstractContextManager["Bar"]):
    """A line on a terminal that says how far the work is; nothing elsewhere.

    Parameters
    ----------
    stream : text file, optional
        Default: stderr.
    after : float
        Seconds before anything is shown.

    Examples
    --------
    >>> import io
    >>> with Bar(io.StringIO(), after=0) as bar:  # no terminal: nothing is written
    ...     bar(10, 20)
    >>> bar.stream.getvalue()
    ''
    """

    def __init__(self, stream: TextIO | None = None, after: float = 2.0) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.after, self.began, self.shown = after, time.monotonic(), 0.0
        self._terminal = self.stream.isatty()
        self._rich: Any = None
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._rich is not None:
            self._rich[0].stop()
        elif self._drawn:
            self.stream.write("\r\033[K")
            self.stream.flush()

    def __call__(self, rows: int, total: int | None) -> None:
        """Say that so many rows of so many (None: nobody knows) are done."""
        now = time.monotonic()
        if not self._terminal or now - self.began < self.after or now - self.shown < 0.1:
            return
        self.shown = now
        if not self._drawn:
            self._rich, self._drawn = _rich(self.stream), True
        if self._rich is not None:
            progress, task = self._rich
            progress.update(task, completed=rows, total=total, speed=speed(rows, now - self.began))
            return
        self.stream.write(f"\r\033[K{line(rows, total, now - self.began)}")
        self.stream.flush()


def speed(rows: int, seconds: float) -> str:
    """Say rows a second.

    Examples
    --------
    >>> speed(3_000_000, 2.0)
    '1,500,000 rows/s'
    """
    return f"{rows / max(seconds, 1e-9):,.0f} rows/s"


def line(rows: int, total: int | None, seconds: float) -> str:
    """Say how far the work is, in one line.

    Examples
    --------
    >>> line(250, 1000, 5.0)
    '250 of 1,000 rows · 50 rows/s · 0:15 left'
    >>> line(250, None, 5.0)
    '250 rows · 50 rows/s'
    """
    if total is None or rows == 0:
        return f"{rows:,} rows · {speed(rows, seconds)}"
    left = round(seconds * (total - rows) / rows)
    return f"{rows:,} of {total:,} rows · {speed(rows, seconds)} · {left // 60}:{left % 60:02} left"


def _rich(stream: TextIO) -> Any:
    """Start a progress bar of rich, if it is installed: (progress, task), or None."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        return None
    progress = Progress(
        TextColumn("auditing"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        console=Console(file=stream, force_terminal=True),
        transient=True,
    )
    progress.start()
    return progress, progress.add_task("auditing", total=None, speed="")
