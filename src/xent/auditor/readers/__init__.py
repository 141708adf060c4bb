"""Files of predictions, read in bounded memory: which format, which columns, which plan.

A file is told by its first bytes, and text by its name. What is read is described, not opened: a :class:`Piece`
goes to another process as it is.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xent.auditor.plan import AuditError, Kind, Plan, make
from xent.auditor.readers import arrays, tables
from xent.auditor.readers.arrays import Arrays, damage
from xent.auditor.readers.delimited import Csv
from xent.auditor.readers.layout import KIND_OF, Column, Layout, choose, listed
from xent.auditor.readers.lines import Lines
from xent.auditor.readers.source import (
    BLOCK,
    Array,
    File,
    Named,
    Piece,
    Source,
    items,
    numbers,
    places,
    shown,
)
from xent.auditor.readers.tables import Table

__all__ = ["Column", "File", "Layout", "Named", "Piece", "Source", "expand", "open_source"]

HEAD = 4096  # rows that the plan is decided on
BRAIN = 8e-3  # how far a row of probabilities in bfloat16 may be from summing to 1
_PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".bin"}


def expand(paths: Sequence[str | Path]) -> list[str]:
    """Give the files that paths, globs and folders stand for.

    Parameters
    ----------
    paths : sequence of str or Path
        Files; globs; folders, a Hugging Face data set or files of one format.

    Raises
    ------
    AuditError
        There is no such file, or a folder is empty or has files of different formats.

    Examples
    --------
    >>> expand(["no such file.npz"])
    Traceback (most recent call last):
    ...
    xent.auditor.plan.AuditError: There is no file no such file.npz.
    """
    found: list[str] = []
    for path in map(str, paths):
        if Path(path).is_dir():
            found += _folder(path)
        elif Path(path).exists():
            found.append(path)
        else:
            several = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - patterns may be absolute
            if not several:
                raise AuditError(f"There is no file {path}.")
            found += [inner for name in several for inner in (_folder(name) if Path(name).is_dir() else [name])]
    return found


def _folder(path: str) -> list[str]:
    if found := tables.folder(path):
        return found
    inside = sorted(str(p) for p in Path(path).iterdir() if p.is_file() and not p.name.startswith((".", "_")))
    suffixes = sorted({Path(p).suffix for p in inside})
    if len(suffixes) != 1:
        what = f"files of the kinds {listed(suffixes)}" if suffixes else "no files"
        raise AuditError(
            f"{path} is a folder with {what}; files of one format were expected, or a pattern like *.npz."
        )
    return inside


def open_source(
    paths: Sequence[str | Path],
    *,
    logits: str | None = None,
    labels: str | None = None,
    kind: Kind | None = None,
    ignore_index: int | None = None,
) -> Source:
    """Look at files, decide what to read, and as what.

    Parameters
    ----------
    paths : sequence of str or Path
        As :func:`expand` takes them, all of one format with the same columns.
    logits, labels : str, optional
        Columns or arrays, or what the names of one column a class begin with; ``labels`` may be an .npy file, or a
        pattern for several. None: logits, probs or log_probs, and labels.
    kind : {"logits", "log-probs", "probs"}, optional
        What the scores are. None: as their name says, or as the first rows look.
    ignore_index : int, optional
        The label of rows that do not count. None: −100 if it occurs among the first rows.

    Raises
    ------
    AuditError
        They cannot be audited, and why.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/a.npz", probs=np.full((5, 2), 0.5), labels=np.array([0, 1, 0, 1, 1]))
    ...     source = open_source([f"{folder}/a.npz"])
    >>> source.plan.kind, source.plan.because, source.rows
    ('probs', 'as the name probs says', 5)
    """
    names = expand(paths)
    if not names:
        raise AuditError("Files of predictions were expected; none came.")
    files, layouts = _files(names, logits, labels)
    kinds = {layout.kind for layout in layouts}
    shapes = {(len(layout.scores), layout.names) for layout in layouts}
    if len(kinds) > 1 or len(shapes) > 1:
        odd = next(i for i, x in enumerate(layouts) if (x.kind, x.names, len(x.scores)) != _mark(layouts[0]))
        raise AuditError(
            f"All files must have the same columns of scores; {files[0].path} has {listed(layouts[0].scores)}, "
            f"{files[odd].path} has {listed(layouts[odd].scores)}."
        )
    plan, place = _plan(files, layouts, kind, ignore_index)
    counts = [file.count(layout) for file, layout in zip(files, layouts, strict=True)]
    known = [n for n in counts if n is not None]
    rows = sum(known) * items(plan) if len(known) == len(counts) else None
    called = [str(p) for p in paths]
    return Source(listed(called, 3), files, layouts, plan, place, rows)


def _mark(layout: Layout) -> Any:
    return layout.kind, layout.names, len(layout.scores)


def _files(names: list[str], logits: str | None, labels: str | None) -> tuple[tuple[File, ...], tuple[Layout, ...]]:
    formats = [_format(name) for name in names]
    if len(set(formats)) > 1:
        odd = next(i for i, f in enumerate(formats) if f != formats[0])
        raise AuditError(
            f"Files of one format were expected; {names[0]} is {formats[0]}, {names[odd]} is {formats[odd]}."
        )
    if formats[0] == "npy":
        pairs = arrays.pairs(names, expand([labels]) if labels else [])
        called = [next(iter(pair.members)) for pair in pairs]
        return tuple(pairs), tuple(
            replace(choose(pair.path, pair.columns(), name, "labels"), kind=KIND_OF.get(name.lower()))
            for pair, name in zip(pairs, called, strict=True)
        )
    files: list[File] = [_OPEN[formats[0]](name) for name in names]
    if labels and isinstance(files[0], Arrays) and labels.endswith(".npy"):
        theirs = [arrays.npy(path) for path in expand([labels])]
        if len(theirs) != len(files):
            raise AuditError(
                f"{len(files)} files of labels were expected, one for each of scores; {len(theirs)} came."
            )
        files = [
            replace(file, members={n: m for n, m in file.members.items() if n != "labels"} | {"labels": y})
            for file, y in zip(files, theirs, strict=True)
            if isinstance(file, Arrays)
        ]
        labels = "labels"
    return tuple(files), tuple(choose(file.path, file.columns(), logits, labels) for file in files)


_OPEN: dict[str, Callable[[str], File]] = {
    "npz": arrays.npz,
    "safetensors": arrays.safetensors,
    "Parquet": partial(Table, format="parquet"),
    "Arrow": partial(Table, format="arrow"),
    "an Arrow stream": partial(Table, format="stream"),
    "CSV": Csv,
    "TSV": partial(Csv, delimiter="\t", format="tsv"),
    "JSON lines": Lines,
}


def _format(path: str) -> str:
    """Tell a format by the first bytes; text by the name."""
    suffix = Path(path).suffix.lower()
    with damage(path), Path(path).open("rb") as stream:
        start = stream.read(64)
    if suffix in _PICKLES:
        raise AuditError(
            f"{path} may hold a pickle, which is never opened: it can run programs; np.savez or safetensors "
            "write files of numbers."
        )
    if not start:
        raise AuditError(f"{path} is empty.")
    for magic, name in {
        b"PAR1": "Parquet", b"ARROW1": "Arrow", b"\xff\xff\xff\xff": "an Arrow stream", b"\x93NUMPY": "npy",
        b"PK": "npz",
    }.items():  # fmt: skip
        if start.startswith(magic):
            return name
    if suffix == ".safetensors" or start[5:10] == b'\0\0\0{"':
        return "safetensors"
    if suffix in (".csv", ".tsv"):
        return suffix[1:].upper()
    if suffix in (".jsonl", ".ndjson") or (suffix in (".json", ".txt", "") and start.lstrip()[:1] == b"{"):
        return "JSON lines"
    raise AuditError(
        f"{path} is none of the formats that are read: .npy, .npz, Parquet, Arrow, CSV, TSV, JSON lines, "
        "safetensors, a Hugging Face data set."
    )


def _plan(
    files: tuple[File, ...], layouts: tuple[Layout, ...], kind: Kind | None, ignore_index: int | None
) -> tuple[Plan, dict[str, int] | None]:
    """Decide on the first rows of the first file that has any."""
    for file, layout in zip(files, layouts, strict=True):
        first = next(iter(file.read(layout, 0, 1, 1)), None)
        if first is not None and len(first[1].index if isinstance(first[1], Named) else first[1]):
            break
    else:
        raise AuditError(f"There are no rows in {listed([file.path for file in files], 3)}.")
    one = np.asarray(first[0])
    width = max(int(np.prod(one.shape[1:])), 1)
    columns = one.shape[-1] if one.ndim > 1 else 1
    place = places(files, layouts, 2 if columns == 1 else columns)
    head = min(HEAD, max(BLOCK // width, 1))
    blocks = [(np.asarray(z), numbers(y, place)) for z, y in file.read(layout, 0, head, head)]
    scores, labels = (np.concatenate([b[i] for b in blocks]) for i in (0, 1))
    declared = kind or layout.kind
    because = "as declared" if kind else f"as the name {_called(layout)} says"
    plan = make(
        scores,
        labels,
        kind=declared,
        because=because,
        ignore_index=ignore_index,
        tolerance=_tolerance(file, layout, scores, columns),
    )
    if len(layout.names) == plan.classes:
        plan = replace(plan, names=layout.names)
    return shown(plan, place), place


def _called(layout: Layout) -> str:
    return layout.scores[0] if len(layout.scores) == 1 else f"{layout.scores[0]} …"


def _tolerance(file: File, layout: Layout, scores: Any, columns: int) -> float | None:
    """Allow sums of printed numbers to be off by half a unit of the last decimal, K times; None: as usual."""
    if isinstance(file, Arrays) and file.members[layout.scores[0]].brain:
        return BRAIN
    if not file.text:
        return None
    finite: Array = scores[np.isfinite(scores)]
    if finite.size == 0 or finite.min() < 0 or finite.max() > 1:
        return None
    decimals = next((d for d in range(9) if np.array_equal(np.round(finite, d), finite)), None)
    return None if decimals is None else max(1e-4, min(columns * 0.5 * 10.0**-decimals, 0.1))
