"""One process, several, and a Dask cluster that loses a worker: the same Summary, the same report."""

from __future__ import annotations

import importlib.util
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from xent.auditor import AuditError, Summary, audit_files, engine, report_of
from xent.auditor.engine import summarize
from xent.auditor.progress import Bar, line
from xent.auditor.readers import open_source
from xent.auditor.render import render

spec = importlib.util.spec_from_file_location("written", Path(__file__).with_name("written.py"))
written = importlib.util.module_from_spec(spec)
spec.loader.exec_module(written)

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Open three files of the digits' predictions, some rows of which have no softmax."""
    folder = tmp_path_factory.mktemp("engine")
    z, y = written.digits()
    z = np.concatenate([z * (1 + i / 100) for i in range(60)])
    y = np.tile(y, 60)
    z[7::1001] = np.nan
    for i in range(3):
        np.savez(folder / f"part-{i}.npz", logits=z[i::3], labels=y[i::3])
    return open_source([f"{folder}/part-*.npz"])


@pytest.fixture(scope="module")
def alone(source):
    return summarize(source)


def parts(summary: Summary) -> bytes:
    """All that a Summary holds, as bytes."""
    summary.settle()
    tables = {name: {k: c.tobytes() for k, c in t.columns.items()} for name, t in summary.tables.items()}
    cells = {name: cell.tobytes() for name, cell in summary.cells.items()}
    return pickle.dumps((summary.plan, summary.counts, summary.sums, cells, summary.extremes.tobytes(), tables))


def test_pieces_do_not_matter(source, alone):
    assert len(source.pieces(5000)) >= 45
    assert parts(summarize(source, size=5000)) == parts(alone)
    assert alone.counts["broken"] > 0


def test_processes_do_not_matter(source, alone):
    told = []
    got = summarize(source, workers=3, size=20_000, progress=lambda *rows: told.append(rows))
    assert got == alone
    assert parts(got) == parts(alone)
    assert told[-1] == (source.rows, source.rows)
    assert pages(got) == pages(alone)


def pages(summary):
    report = report_of(summary, name="digits")
    return [render(report, shape) for shape in ("json", "text")]


def test_a_bad_row_in_a_process_is_said_as_here(tmp_path):
    for i in range(3):
        y = np.zeros(400)
        y[350] = 0.5 if i == 2 else 0
        np.savez(tmp_path / f"{i}.npz", logits=np.ones((400, 3)), labels=y)
    source = open_source([f"{tmp_path}/*.npz"])
    sentences = []
    for workers in (1, 2):
        with pytest.raises(AuditError, match=r"Labels must be whole numbers; row 350 of .*2.npz has 0.5") as caught:
            summarize(source, workers=workers, size=300)
        sentences.append(str(caught.value))
    assert sentences[0] == sentences[1]


@pytest.mark.slow
def test_dask_loses_a_worker(source, alone):
    with (
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=60
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        pids = client.run(os.getpid)
        lost = []

        def kill(rows, total):
            if not lost:
                held = {w: (*client.has_what()[w], *client.processing()[w]) for w in pids}
                victim = max(held, key=lambda w: len(held[w]))
                lost.append((victim, rows, total, held[victim]))
                os.kill(pids[victim], signal.SIGKILL)

        got = summarize(source, dask=client, size=5000, progress=kill)
        assert lost[0][3], "it held results, or was at work"
        assert lost[0][1] < lost[0][2], "rows were left to do"
        deadline = time.monotonic() + 60
        while lost[0][0] in client.scheduler_info()["workers"] and time.monotonic() < deadline:
            time.sleep(0.1)
        assert lost[0][0] not in client.scheduler_info()["workers"]
        assert got == alone
        assert parts(got) == parts(alone)
        assert pages(got) == pages(alone)
        assert parts(summarize(source, dask=cluster.scheduler_address)) == parts(alone), "by its address"


def test_a_scheduler_that_is_not_there(source, monkeypatch):
    monkeypatch.setattr(engine, "PATIENCE", 1.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    began = time.monotonic()
    with pytest.raises(AuditError, match=f"There is no Dask scheduler at {address}: it has not answered for 1 s"):
        summarize(source, dask=address)
    assert time.monotonic() - began < 20
    with pytest.raises(AuditError, match="is no address of a Dask scheduler"):
        summarize(source, dask="nonsense://x")


@pytest.mark.slow
def test_a_scheduler_that_goes_away(source):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, quiet = f"tcp://127.0.0.1:{port}", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    python = [sys.executable, "-m"]
    scheduler = subprocess.Popen(
        [*python, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"],
        **quiet,
    )
    worker = subprocess.Popen(
        [*python, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"],
        **quiet,
    )

    def kill(*_):
        scheduler.kill()
        scheduler.wait()

    try:
        with pytest.raises(AuditError, match=f"^The connection to the Dask scheduler at {address} was lost.$"):
            summarize(source, dask=address, size=5000, progress=kill)
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()


def test_workers_that_are_not_there(source):
    with pytest.raises(AuditError, match="At least one worker was expected; 0 came"):
        summarize(source, workers=0)
    with pytest.raises(AuditError, match="both came"):
        summarize(source, workers=2, dask="tcp://127.0.0.1:1")


def test_audit_files_is_report_of_summarize(source, alone, tmp_path):
    paths = [file.path for file in source.files]
    report = audit_files(paths, loss=0.25, decimals=2)
    assert report.summary == alone
    assert report.reported == 0.25
    assert report.name.endswith("part-2.npz")
    np.savez(tmp_path / "i.npz", logits=np.ones((9, 3)), labels=np.full(9, -100))
    with pytest.raises(AuditError, match="All 9 rows have the ignored label -100"):
        audit_files(tmp_path / "i.npz")
    np.savez(tmp_path / "i.npz", logits=np.ones((9, 3)), labels=np.full(9, 7))
    with pytest.raises(AuditError, match="All 9 rows have the ignored label 7"):
        audit_files(tmp_path / "i.npz", ignore_index=7)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    """Read a file with a hole of 1.3 GB in a process of its own, and ask how much memory it had at most."""
    program = (
        "import sys; from pathlib import Path; from xent.auditor.engine import summarize\n"
        "from xent.auditor.readers import open_source\n"
        "rows = summarize(open_source(sys.argv[1:])).counts['rows']\n"
        # not getrusage, which begins at what the process that started this one held
        "peak = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(rows, int(peak) // 1024)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "logits.npy"), str(tmp_path / "labels.npy")]
    for rows in (10, 10**7):  # first a small one, because compiling the pass takes more memory than it ever does
        for name, shape, kind, size in (("logits", (rows, 32), "<f4", 128), ("labels", (rows,), "|i1", 1)):
            with (tmp_path / f"{name}.npy").open("wb") as file:
                np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
                file.truncate(file.tell() + rows * size)
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)
    counted, megabytes = map(int, done.stdout.split())
    assert counted == rows
    assert megabytes < 450


class Terminal:
    def __init__(self, terminal=True):
        self.text, self.terminal = "", terminal

    def isatty(self):
        return self.terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_the_bar_is_for_terminals_and_for_work_that_takes_long(monkeypatch):
    monkeypatch.setattr("xent.auditor.progress._rich", lambda _: None)
    for terminal, after, shown in ((True, 0.0, True), (True, 60.0, False), (False, 0.0, False)):
        stream = Terminal(terminal)
        with Bar(stream, after=after) as bar:
            bar(500, 1000)
        assert ("500 of 1,000 rows" in stream.text) is shown
    assert line(500, 1000, 120.0) == "500 of 1,000 rows · 4 rows/s · 2:00 left"
    assert line(0, 1000, 1.0) == "0 rows · 0 rows/s"


def test_the_bar_of_rich():
    stream = Terminal()
    with Bar(stream, after=0) as bar:
        bar(500, 1000)
        time.sleep(0.15)
        bar(1000, 1000)
    assert "rows/s" in stream.text
    assert "1,000 rows" in stream.text
