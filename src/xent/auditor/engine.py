"""Add up a Source: here, in several processes, or on a Dask cluster. The Summary is the same to the bit."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from xent.auditor.plan import AuditError, Kind
from xent.auditor.readers import Piece, Source, open_source
from xent.auditor.readers.source import PIECE
from xent.auditor.report import Report, report_of
from xent.auditor.summary import Summary
from xent.kernels import threads

Progress = Callable[[int, "int | None"], None]

PATIENCE = 10.0  # seconds that a Dask scheduler and its first worker have to answer


def audit_files(
    paths: str | Path | Sequence[str | Path],
    *,
    logits: str | None = None,
    labels: str | None = None,
    kind: Kind | None = None,
    ignore_index: int | None = None,
    workers: int = 1,
    dask: Any = None,
    loss: float | None = None,
    decimals: int | None = None,
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    progress: Progress | None = None,
) -> Report:
    """Say what is wrong with predictions in files of any size.

    Parameters
    ----------
    paths : str, Path, or sequence of them
        Files, patterns, or folders: .npy, .npz, Parquet, Arrow, CSV, TSV, JSON lines, safetensors, a Hugging Face
        data set on disk.
    logits, labels : str, optional
        Names of columns or arrays; ``labels`` may be an .npy file. None: logits, probs or log_probs, and labels.
    kind : {"logits", "log-probs", "probs"}, optional
        What the scores are. None: as their name says, or as the first rows look.
    ignore_index : int, optional
        The label of rows that do not count. None: −100 if it occurs among the first rows.
    workers : int
        Processes that read.
    dask : str or dask.distributed.Client, optional
        Address of a scheduler, or a client; its workers must see the same files.
    loss, decimals : float and int, optional
        What your program printed for these rows, and with how many decimals.
    select, ignore : collections of str
        Codes of rules, or their beginnings, to ask and not to ask.
    progress : callable, optional
        Hears of (rows so far, rows in all or None).

    Returns
    -------
    Report
        The same, to the bit, whatever ``workers`` and ``dask`` are.

    Raises
    ------
    AuditError
        The input cannot be audited, in one sentence.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/a.npz", logits=np.eye(3) * 4, labels=np.arange(3))
    ...     report = audit_files(f"{folder}/*.npz")
    >>> report.numbers.rows, report.numbers.accuracy
    (3, 1.0)
    """
    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    source = open_source(listed, logits=logits, labels=labels, kind=kind, ignore_index=ignore_index)
    summary = summarize(source, workers=workers, dask=dask, progress=progress)
    return report_of(summary, name=source.name, reported=loss, decimals=decimals, select=select, ignore=ignore)


def summarize(
    source: Source, *, workers: int = 1, dask: Any = None, progress: Progress | None = None, size: int = PIECE
) -> Summary:
    """Add up all rows of a Source.

    Parameters
    ----------
    source : Source
        What :func:`xent.auditor.readers.open_source` gives.
    workers, dask, progress
        As of :func:`audit_files`.
    size : int
        Numbers in a piece, about.

    Returns
    -------
    Summary
        Whatever the pieces, and whoever adds them.

    Raises
    ------
    AuditError
        Rows do not fit the others; a process or a scheduler is not there.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/a.npz", logits=np.eye(3) * 4, labels=np.arange(3))
    ...     summarize(open_source([f"{folder}/a.npz"])).counts["correct"]
    3
    """
    if workers < 1:
        raise AuditError(f"At least one worker was expected; {workers} came.")
    if dask is not None and workers > 1:
        raise AuditError("Either workers of this machine or Dask's were expected; both came.")
    pieces, told = source.pieces(size), _Told(progress, source.rows)
    if dask is not None:
        return _on_dask(source, pieces, dask, told)
    if workers > 1 and len(pieces) > 1:
        return _in_processes(source, pieces, workers, told)
    summary = Summary.of(source.plan)
    for piece in pieces:
        piece.add_to(summary, told)
    summary.settle()
    return summary


class _Told:
    """Rows so far, passed on."""

    def __init__(self, progress: Progress | None, total: int | None) -> None:
        self.progress, self.total, self.rows = progress, total, 0

    def __call__(self, rows: int) -> None:
        self.rows += rows
        if self.progress is not None:
            self.progress(self.rows, self.total)


def _shares(pieces: list[Piece], parts: int) -> list[list[Piece]]:
    """Deal pieces out: big shares, as each costs the sending of a Summary; four a worker, as some are slower."""
    parts = min(len(pieces), 4 * parts)
    return [pieces[i::parts] for i in range(parts)]


# In processes of this machine. A worker hears of Ctrl-C by an event, not by the signal, so that it prints nothing.

_stop: Any = None
_rows: Any = None
_threads = 1


def _begin(stop: Any, rows: Any, each: int) -> None:
    """Prepare a worker."""
    global _stop, _rows, _threads
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stop, _rows, _threads = stop, rows, each


class _StoppedError(Exception):
    """The caller was interrupted."""


def _tick(rows: int) -> None:
    if _stop.is_set():
        raise _StoppedError
    with _rows.get_lock():
        _rows.value += rows


def _work(pieces: list[Piece]) -> Summary:
    with threads.limit(_threads):
        return _added(pieces, _tick)


def _added(pieces: list[Piece], tick: Callable[[int], None]) -> Summary:
    summary = Summary.of(pieces[0].plan)
    for piece in pieces:
        piece.add_to(summary, tick)
    return summary


def _in_processes(source: Source, pieces: list[Piece], workers: int, told: _Told) -> Summary:
    context = multiprocessing.get_context("spawn")
    stop, rows = context.Event(), context.Value("q", 0)
    workers = min(workers, len(pieces))
    each = max(threads.available() // workers, 1)
    summary = Summary.of(source.plan)
    with ProcessPoolExecutor(workers, context, _begin, (stop, rows, each)) as pool:
        try:
            waiting = {pool.submit(_work, share) for share in _shares(pieces, workers)}
            while waiting:
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                summary = reduce(add, (future.result() for future in done), summary)
                told(rows.value - told.rows)
        except BrokenProcessPool:
            raise AuditError(
                "A worker process died, perhaps for want of memory; try again with fewer --workers."
            ) from None
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
    return summary


# On Dask.


def _share(pieces: list[Piece]) -> tuple[int, Summary]:
    """Add up pieces; a lost worker's are added up again by another."""
    rows = 0

    def tick(more: int) -> None:
        nonlocal rows
        rows += more

    summary = _added(pieces, tick)
    return rows, summary


def _count(share: tuple[int, Summary]) -> int:
    return share[0]


def _merge(*shares: tuple[int, Summary]) -> tuple[int, Summary]:
    """Merge what several tasks added up."""
    return sum(rows for rows, _ in shares), reduce(add, (summary for _, summary in shares))


def _on_dask(source: Source, pieces: list[Piece], dask: Any, told: _Told) -> Summary:
    try:
        from distributed import Client
    except ImportError:
        raise AuditError('Dask is not installed; install it with: pip install "xent[dask]"') from None
    if not isinstance(dask, str):
        return _with_client(source, pieces, dask, told)
    with _quiet():
        return _at_address(source, pieces, dask, told, Client)


@contextmanager
def _quiet() -> Generator[None]:
    """Keep Dask's own log off the terminal: what goes wrong is said in a sentence."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _at_address(source: Source, pieces: list[Piece], dask: str, told: _Told, make: Callable[..., Any]) -> Summary:
    try:
        client = make(dask, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        known = isinstance(error, ValueError)
        raise AuditError(
            f"{dask} is no address of a Dask scheduler; one like tcp://host:8786 was expected."
            if known
            else f"There is no Dask scheduler at {dask}: it has not answered for {PATIENCE:g} s."
        ) from None
    with client:
        try:
            return _with_client(source, pieces, client, told)
        except (OSError, CancelledError):
            raise AuditError(f"The connection to the Dask scheduler at {dask} was lost.") from None


def _with_client(source: Source, pieces: list[Piece], client: Any, told: _Told) -> Summary:
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    if not pieces:
        return Summary.of(source.plan)
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise AuditError(f"The Dask scheduler has had no worker for {PATIENCE:g} s.") from None
    workers = sum(client.nthreads().values())
    leaves = [client.submit(_share, share, pure=False) for share in _shares(pieces, workers)]
    counts: list[Any] = [client.submit(_count, leaf, pure=False) for leaf in leaves]
    level = leaves
    while len(level) > 1:
        level = [client.submit(_merge, *level[i : i + 4], pure=False) for i in range(0, len(level), 4)]
    root = level[0]
    del leaves, level  # so that what is merged may be forgotten
    try:
        arrived: Any = as_completed(counts, loop=client.loop)
        for count in arrived:
            told(count.result())
        return root.result()[1]
    except KilledWorker:
        raise AuditError("Dask's workers died again and again, perhaps for want of memory.") from None
    except ImportError as error:
        raise AuditError(f"Dask's workers cannot import what they need: {error}.") from None
    except BaseException:
        client.cancel([root, *counts])
        raise
