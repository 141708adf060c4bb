"""``xent audit`` and ``xent explain``: files in, a report out, and an exit code for scripts."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xent.commands import UsageError

if TYPE_CHECKING:
    from xent.auditor.report import Report

FORMATS = ("text", "json", "html", "github", "markdown")
KINDS = ("logits", "log-probs", "probs")
GRAVE = ("error", "warn", "never")
_AUDIT = (
    "Audit predictions: logits or probabilities, and labels. Two reports in JSON are compared instead. "
    "Exit code: 0 clean, 1 findings as grave as --fail-on, 2 the input has to be put right."
)
_FILES = (
    "a file, a pattern or a folder: .npy, .npz, Parquet, Arrow, CSV, TSV, JSON lines, safetensors, a Hugging Face "
    "data set; or reports that xent audit --format json wrote"
)
_SCORES = (
    "the scores: a column or array, or what one column a class begins with (default: logits, probs or log_probs)"
)
_BY_SUFFIX = {".json": "json", ".html": "html", ".htm": "html", ".md": "markdown"}


def enter(commands: Any) -> None:
    """Enter both commands into the parser; imports nothing.

    Parameters
    ----------
    commands : argparse's subparsers
        Where they go.

    Examples
    --------
    >>> import argparse
    >>> parser = argparse.ArgumentParser()
    >>> enter(parser.add_subparsers())
    >>> parser.parse_args(["audit", "a.npz", "--loss", "2.30"]).loss
    Decimal('2.30')
    """
    command = commands.add_parser(
        "audit",
        help="say what is wrong with predictions, with the evidence and the fix",
        description=_AUDIT,
    )
    add = command.add_argument
    add("files", nargs="+", metavar="FILE", help=_FILES)
    add("--logits", metavar="COL", help=_SCORES)
    add("--labels", metavar="COL|FILE", help="the labels: a column or array, or an .npy file (default: labels)")
    add("--kind", choices=KINDS, help="what the scores are (default: as the name says, or as they look)")
    add("--ignore-index", type=int, metavar="N", help="label that does not count (default: -100 if it occurs)")
    add("--loss", type=_loss, metavar="VALUE", help="the loss that your program printed, with its decimals")
    add("--format", choices=FORMATS, help="of the report (default: by the name of -o, else text)")
    add("-o", "--output", metavar="FILE", help="write the report to a file (default: print it)")
    add("--fail-on", choices=GRAVE, default="error", help="what exit code 1 is for (default: %(default)s)")
    add(
        "--select",
        type=_codes,
        default=(),
        metavar="XE…",
        help="rules to ask: codes or their beginnings, with commas",
    )
    add("--ignore", type=_codes, default=(), metavar="XE…", help="rules not to ask")
    add("--baseline", metavar="FILE", help="an earlier report in JSON: only findings that are not in it count")
    add("--merge", action="store_true", help="merge reports in JSON into one, instead of comparing two")
    add("--rows", action="store_true", help="let the page link its costliest rows, scores and all, to the explorer")
    many = command.add_mutually_exclusive_group()
    many.add_argument("--workers", type=_positive, default=1, metavar="N", help="processes that read (default: 1)")
    many.add_argument("--dask", metavar="ADDRESS", help="a Dask scheduler, as tcp://host:8786")
    command.set_defaults(run=audit)
    command = commands.add_parser(
        "explain",
        help="say what a rule of the audit looks for",
        description="Say what a rule of the audit looks for, how, and when it may be wrong.",
    )
    command.add_argument("code", nargs="?", metavar="CODE", help="as XE203 (default: list all of them)")
    command.set_defaults(run=explain)


def audit(chosen: argparse.Namespace) -> int:
    """Run ``xent audit``.

    Parameters
    ----------
    chosen : Namespace
        What the parser made of the arguments.

    Returns
    -------
    int
        0, or 1 for findings as grave as ``--fail-on``.

    Raises
    ------
    UsageError
        The input has to be put right.
    """
    from xent.auditor.plan import AuditError

    try:
        return _audit(chosen)
    except AuditError as error:
        raise UsageError(str(error)) from None
    except MemoryError:
        raise UsageError("There is not enough memory for this audit.") from None
    except KeyboardInterrupt:
        raise UsageError("Stopped; no report was written.") from None


def _audit(chosen: argparse.Namespace) -> int:
    from xent.auditor.render import render

    reports = [path for path in chosen.files if is_report(path)]
    if reports and len(reports) != len(chosen.files):
        raise UsageError(f"Either reports or predictions were expected; {reports[0]} is a report, others are not.")
    if chosen.merge and not reports:
        raise UsageError("--merge is for reports that xent audit --format json wrote.")
    before = _codes_in(chosen.baseline) if chosen.baseline else None
    if len(reports) == 2 and not chosen.merge:
        return _compare(chosen, reports)
    report = _merged(chosen, reports) if reports else _fresh(chosen)
    shape = chosen.format or _BY_SUFFIX.get(Path(chosen.output or "").suffix.lower(), "text")
    new = None if before is None else frozenset(f.code for f in report.findings) - before
    color = shape == "text" and chosen.output is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    write(render(report, shape, color=color, new=new, rows=chosen.rows), chosen.output)
    if shape == "github" and (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
        with _told(summary), Path(summary).open("a", encoding="utf-8") as file:
            file.write(render(report, "markdown", new=new))
    return int(_fails(report, chosen.fail_on, before or frozenset()))


def _fresh(chosen: argparse.Namespace) -> Report:
    from xent.auditor.engine import audit_files
    from xent.auditor.progress import Bar

    with Bar() as bar:
        return audit_files(
            chosen.files,
            logits=chosen.logits,
            labels=chosen.labels,
            kind=chosen.kind,
            ignore_index=chosen.ignore_index,
            workers=chosen.workers,
            dask=chosen.dask,
            select=chosen.select,
            ignore=chosen.ignore,
            progress=bar,
            **_told_loss(chosen.loss),
        )


def _told_loss(loss: Decimal | None) -> dict[str, Any]:
    """Give the loss, and the decimals that were typed."""
    if loss is None:
        return {}
    return {"loss": float(loss), "decimals": max(-int(loss.as_tuple().exponent), 0)}


def _merged(chosen: argparse.Namespace, reports: Sequence[str]) -> Report:
    """Make one report of several, or show one again; ask the rules again if that could change the answer."""
    from xent.auditor.render.json import merged
    from xent.auditor.report import report_of

    if len(reports) > 2 and not chosen.merge:
        raise UsageError("Two reports can be compared; --merge makes one of more.")
    report = reduce(merged, map(_read, reports))
    if not (chosen.select or chosen.ignore or chosen.loss is not None):
        return report
    told = _told_loss(chosen.loss)
    return report_of(
        report.summary,
        name=report.name,
        reported=told.get("loss", report.reported),
        decimals=told.get("decimals"),
        select=chosen.select,
        ignore=chosen.ignore,
    )


def _compare(chosen: argparse.Namespace, paths: Sequence[str]) -> int:
    """Say what has changed from one report to the other; what is new counts."""
    from xent.auditor.render.compare import compare

    if chosen.format not in (None, "text"):
        raise UsageError(
            f"Two reports are compared as text; {chosen.format} came. --merge makes one report of them."
        )
    before, after = map(_read, paths)
    write(compare(before, after), chosen.output)
    return int(_fails(after, chosen.fail_on, frozenset(f.code for f in before.findings)))


def _fails(report: Report, on: str, known: frozenset[str]) -> bool:
    from dataclasses import replace

    return replace(report, findings=tuple(f for f in report.findings if f.code not in known)).fails(on)


def _read(path: str) -> Report:
    from xent.auditor.render.json import read_json

    with _told(path):
        return read_json(Path(path))


def _codes_in(path: str) -> frozenset[str]:
    if not Path(path).exists():
        raise UsageError(f"There is no file {path}; a report that xent audit --format json wrote was expected.")
    if not is_report(path):
        raise UsageError(f"{path} is no report; xent audit --format json writes one.")
    return frozenset(finding.code for finding in _read(path).findings)


def is_report(path: str) -> bool:
    """Say whether a file is a report in JSON, by its name and its first key.

    Parameters
    ----------
    path : str
        A file, or something else.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(f"{folder}/a.json").write_text('{"findings": []}')
    ...     is_report(f"{folder}/a.json"), is_report(f"{folder}/b.json")
    (True, False)
    """
    file = Path(path)
    if file.suffix.lower() != ".json" or not file.is_file():
        return False
    with _told(path), file.open("rb") as stream:
        start = stream.read(200).decode("utf-8", "replace").lstrip()
    return start.startswith("{") and start[1:].lstrip().startswith(('"findings"', '"schema"'))


def write(text: str, output: str | None) -> None:
    """Print a report, or write it to a file: beside it first, so that there is a whole report or none.

    Parameters
    ----------
    text : str
        The report.
    output : str or None
        The file; None: stdout.

    Raises
    ------
    UsageError
        It cannot be written, as when the disk is full.

    Examples
    --------
    >>> write("clean", None)
    clean
    """
    if not text.endswith("\n"):
        text += "\n"
    if output is None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise UsageError(f"The report cannot be printed: {error.strerror}.") from None
        return
    target = Path(output)
    with _told(output):
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")  # a device or a pipe
            return
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - of a descriptor
                file.write(text)
            mask = os.umask(0)
            os.umask(mask)
            Path(beside).chmod(0o666 & ~mask)
            Path(beside).replace(target)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise


class _told:  # noqa: N801 - used as a function
    """Say in a sentence what is wrong with a file that is read or written."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        if isinstance(error, OSError):
            raise UsageError(f"{self.path}: {error.strerror or error}.") from None
        if isinstance(error, json.JSONDecodeError | KeyError):
            raise UsageError(f"{self.path} is no report, or is damaged.") from None


def explain(chosen: argparse.Namespace) -> int:
    """Run ``xent explain``.

    Parameters
    ----------
    chosen : Namespace
        What the parser made of the arguments.

    Returns
    -------
    int
        0.

    Raises
    ------
    UsageError
        No rule has the code.
    """
    from xent.auditor.plan import AuditError
    from xent.auditor.render.text import catalogue
    from xent.auditor.render.text import explain as text_of

    try:
        write(catalogue() if chosen.code is None else text_of(chosen.code.upper()), None)
    except (AuditError, KeyError) as error:
        sentence = (
            str(error)
            if isinstance(error, AuditError)
            else f"There is no rule {chosen.code!r}; xent explain lists them."
        )
        raise UsageError(sentence) from None
    return 0


def _loss(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"a number like 2.3026 was expected, {text!r} came")
    return value


def _codes(text: str) -> tuple[str, ...]:
    return tuple(code.strip().upper() for code in text.split(",") if code.strip())


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 was expected, {text!r} came")
    return number
