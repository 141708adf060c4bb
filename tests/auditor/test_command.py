"""``xent audit`` as a reader starts it: exit codes, sentences, reports that are whole or not there."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pickle
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from xent import cli
from xent.auditor.finding import RULES, Evidence, Rule

spec = importlib.util.spec_from_file_location("written", Path(__file__).with_name("written.py"))
written = importlib.util.module_from_spec(spec)
spec.loader.exec_module(written)

Z, Y = written.digits()
# Ctrl-C must reach it even where these tests run in a shell's background, which makes its children ignore it
XENT = [
    sys.executable,
    "-W",
    "error",
    "-c",
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from xent.cli import main; sys.exit(main())",
]


def run(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    command = [*XENT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Stand in a folder with a file of sound predictions."""
    np.savez(tmp_path / "sound.npz", logits=Z, labels=Y)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


@pytest.fixture
def rule():
    """Enter a rule that finds something where half of the rows or more are wrong."""

    def look(case):
        """More rows are wrong than right.

        It is found by counting.
        """
        return None if case.numbers.accuracy > 0.5 else Evidence("Half are wrong.", {"accuracy": 0.1}, "Train.")

    RULES["XE990"] = Rule("XE990", "error", "data", "identity", (), "pitfalls", look)
    yield "XE990"
    del RULES["XE990"]


def audit(*arguments: object) -> int:
    return cli.main(["audit", *map(str, arguments)])


def said(capsys) -> str:
    """One sentence on stderr, and nothing else."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("xent: ")
    assert err.count("\n") == 1
    assert err.endswith(".\n")
    return err


@pytest.mark.usefixtures("here")
def test_clean_is_0_and_findings_are_1(rule, capsys):
    assert audit("sound.npz", "--select", rule) == 0
    assert f"{len(Y):,} rows" in capsys.readouterr().out
    np.savez("wrong.npz", logits=-Z, labels=Y)
    assert audit("wrong.npz", "--select", rule) == 1
    assert rule in capsys.readouterr().out
    assert audit("wrong.npz", "--select", rule, "--fail-on", "never") == 0
    assert audit("wrong.npz", "--select", "XE", "--ignore", rule, "--fail-on", "never") == 0
    capsys.readouterr()
    assert audit("sound.npz", "--select", "XE000") == 2
    assert "There is no rule 'XE000'" in said(capsys)


@pytest.mark.usefixtures("here")
def test_a_baseline_counts_only_what_is_new(rule, capsys):
    np.savez("wrong.npz", logits=-Z, labels=Y)
    assert audit("sound.npz", "--select", rule, "-o", "good.json") == 0
    assert audit("wrong.npz", "--select", rule, "-o", "bad.json") == 1
    assert [f["code"] for f in json.loads(Path("bad.json").read_text())["findings"]] == [rule]
    assert audit("wrong.npz", "--select", rule, "--baseline", "bad.json") == 0
    assert audit("wrong.npz", "--select", rule, "--baseline", "good.json") == 1
    assert "new" in capsys.readouterr().out
    assert audit("good.json", "bad.json") == 1
    assert rule in capsys.readouterr().out
    assert audit("bad.json", "good.json") == 0
    assert audit("bad.json", "bad.json") == 0
    capsys.readouterr()
    assert audit("wrong.npz", "--baseline", "nowhere.json") == 2
    assert "There is no file nowhere.json" in said(capsys)
    assert audit("wrong.npz", "--baseline", "wrong.npz") == 2
    assert "wrong.npz is no report" in said(capsys)


@pytest.mark.usefixtures("here")
def test_reports_are_shown_again_merged_and_compared(capsys):
    np.savez("a.npz", logits=Z[:150], labels=Y[:150])
    np.savez("b.npz", logits=Z[150:], labels=Y[150:])
    for name in ("a", "b"):
        assert audit(f"{name}.npz", "--fail-on", "never", "-o", f"{name}.json") == 0
    assert audit("a.json", "--fail-on", "never") == 0
    assert "150 rows" in capsys.readouterr().out
    assert audit("a.json", "b.json", "--merge", "--fail-on", "never", "-o", "whole.json") == 0
    assert json.loads(Path("whole.json").read_text())["numbers"]["rows"] == len(Y)
    assert audit("a.json", "b.json", "--fail-on", "never") == 0
    assert capsys.readouterr().out
    for arguments, sentence in {
        ("a.json", "a.npz"): "a.json is a report, others are not",
        ("a.json", "b.json", "whole.json"): "Two reports can be compared; --merge makes one of more",
        ("a.json", "b.json", "--format", "html"): "Two reports are compared as text; html came",
        ("a.npz", "--merge"): "--merge is for reports",
    }.items():
        assert audit(*arguments) == 2
        assert sentence in said(capsys)
    Path("a.json").write_text(Path("a.json").read_text()[:5000])
    assert audit("a.json") == 2
    assert "a.json" in said(capsys)


@pytest.mark.usefixtures("here")
def test_the_decimals_that_were_typed(monkeypatch, capsys):
    seen = []

    def report_of(summary, **options):
        seen.append((options["reported"], options["decimals"]))
        return real(summary, **options)

    from xent.auditor import engine

    real = engine.report_of
    monkeypatch.setattr(engine, "report_of", report_of)
    for typed in ("2.3026", "2.30", "3", "1e-3", "0.250"):
        assert audit("sound.npz", "--loss", typed, "--fail-on", "never") == 0
    assert seen == [(2.3026, 4), (2.3, 2), (3.0, 0), (0.001, 3), (0.25, 3)]
    capsys.readouterr()
    for typed in ("nan", "two"):
        assert audit("sound.npz", "--loss", typed) == 2
        assert "a number like 2.3026 was expected" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "begins"),
    [
        ((), "{"),
        (("--format", "html"), "<!doctype html>"),
        (("--format", "markdown"), "#"),
    ],
)
def test_formats(options, begins, here):
    assert audit("sound.npz", "-o", "report.json", "--fail-on", "never", *options) == 0
    assert Path("report.json").read_text().lower().startswith(begins)
    assert sorted(p.name for p in here.iterdir()) == ["report.json", "sound.npz"], "nothing is left beside it"
    assert Path("report.json").stat().st_mode & 0o777 == 0o666 & ~_mask()


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_the_page_of_a_workflow(here, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here / "step.md"))
    Path("step.md").write_text("before\n")
    assert audit("sound.npz", "--format", "github", "--fail-on", "never") == 0
    text = Path("step.md").read_text()
    assert text.startswith("before\n")
    assert f"{len(Y):,}" in text


def test_what_has_to_be_put_right_is_one_sentence(here, capsys, monkeypatch):
    monkeypatch.setattr("xent.auditor.engine.PATIENCE", 1.0)
    np.savez("other.npz", x=Z, labels=Y)
    np.savez("ignored.npz", logits=Z, labels=np.full(len(Y), 3))
    objects = np.empty(1, object)
    np.savez("objects.npz", logits=objects, labels=Y[:1])
    (here / "empty.csv").touch()
    (here / "story.txt").write_text("Once upon a time")
    written.parquet_lists(here, Z, Y)
    (here / "cut.parquet").write_bytes((here / "lists.parquet").read_bytes()[:-9])
    path = written.comma(here, Z, Y)[0]
    path.write_text(path.read_text() + path.read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (here / "a.pt").write_bytes(pickle.dumps(Z))
    for arguments, sentence in {
        ("nowhere.npz",): "There is no file nowhere.npz",
        ("other.npz",): "it has x and labels",
        ("sound.npz", "--labels", "truth"): "no column truth; it has logits and labels",
        ("ignored.npz", "--ignore-index", "3"): f"All {len(Y):,} rows have the ignored label 3",
        ("objects.npz",): "array of Python objects, which are not opened",
        ("empty.csv",): "empty.csv is empty",
        ("story.txt",): "none of the formats",
        ("cut.parquet",): "cut.parquet is damaged or cut off",
        ("a.csv",): f"Line {len(Y) + 2:,} of a.csv is the header again",
        ("sound.npz", "cut.parquet"): "Files of one format were expected",
        (".",): "a folder with files of the kinds",
        ("a.pt",): "may hold a pickle, which is never opened",
        ("sound.npz", "-o", "no such folder/a.html"): "No such file or directory",
        ("sound.npz", "-o", "/dev/full"): "No space left on device",
        ("sound.npz", "--workers", "2", "--dask", "tcp://x"): "not allowed with argument",
        ("sound.npz", "--workers", "0"): "a whole number of at least 1 was expected",
        ("sound.npz", "--format", "pdf"): "invalid choice",
        ("sound.npz", "--dask", "nonsense"): "nonsense is no address of a Dask scheduler",
        (): "arguments are required: FILE",
    }.items():
        assert audit(*arguments) == 2, arguments
        assert sentence.lower() in said(capsys).lower(), arguments
    began = time.monotonic()
    assert audit("sound.npz", "--dask", f"tcp://127.0.0.1:{port}") == 2
    assert "There is no Dask scheduler at" in said(capsys)
    assert time.monotonic() - began < 8
    assert not list(here.glob(".*")), "nothing is left of the reports that could not be written"


@pytest.mark.usefixtures("here")
def test_a_full_disk_under_stdout():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*XENT, "audit", "sound.npz"], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (2, "xent: The report cannot be printed: No space left on device.\n")


def test_an_old_report_outlives_a_failure(here, monkeypatch, capsys):
    Path("a.html").write_text("the report of yesterday")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert audit("sound.npz", "-o", "a.html") == 2
    assert said(capsys) == "xent: a.html: No space left on device.\n"
    assert Path("a.html").read_text() == "the report of yesterday"
    assert sorted(p.name for p in here.iterdir()) == ["a.html", "sound.npz"]


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_leaves_no_report(workers, here):
    rows = 10**10  # a file with a hole: more than can be read while this test lasts
    for name, shape, kind, size in (("logits", (rows, 4), "<f4", 16), ("labels", (rows,), "|i1", 1)):
        with (here / f"{name}.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
            file.truncate(file.tell() + rows * size)
    command = [*XENT, "audit", "logits.npy", "labels.npy", "-o", "a.html", "--workers", str(workers)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 40
    while sum("logits.npy" in maps for maps in _maps(process.pid)) < workers and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers hear it too
    _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (2, "xent: Stopped; no report was written.\n")
    assert not (here / "a.html").exists()
    assert not [p.name for p in here.iterdir() if p.name.startswith(".")]


def _maps(session: int) -> list[str]:
    """List what the processes of a session have mapped."""
    maps = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getsid(int(process.name)) == session:
                maps.append((process / "maps").read_text())
    return maps


def test_workers_give_the_same_bytes(here):
    for i in range(3):
        np.savez(here / f"part-{i}.npz", logits=Z[i::3], labels=Y[i::3])
    done = run("audit", "part-*.npz", "-o", "three.json", "--fail-on", "never", "--workers", 3)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert audit("part-*.npz", "-o", "one.json", "--fail-on", "never") == 0
    assert Path("three.json").read_bytes() == Path("one.json").read_bytes()
    for shape in ("text", "html", "markdown"):
        for name in ("one", "three"):
            assert audit(f"{name}.json", "--format", shape, "-o", f"{name}.{shape}", "--fail-on", "never") == 0
        assert Path(f"three.{shape}").read_bytes() == Path(f"one.{shape}").read_bytes()


@pytest.mark.usefixtures("here")
def test_a_bar_on_a_terminal():
    """The bar goes to a terminal on stderr, the report to stdout."""
    mine, theirs = pty.openpty()
    program = (
        "import functools, sys; from xent.auditor import progress\n"
        "progress.Bar = functools.partial(progress.Bar, after=0.0)\n"
        "from xent.cli import main\n"
        "sys.exit(main(['audit', 'sound.npz', '--fail-on', 'never']))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(mine, 10_000).decode()
    os.close(mine)
    assert f"{len(Y)} rows" in shown
    assert "rows/s" in shown
    assert "rows/s" not in done.stdout


def test_explain(capsys, rule):
    assert cli.main(["explain", rule.lower()]) == 0
    assert "More rows are wrong than right" in capsys.readouterr().out
    assert cli.main(["explain"]) == 0
    assert rule in capsys.readouterr().out
    assert cli.main(["explain", "XE000"]) == 2
    assert "XE000" in said(capsys)


def test_the_options_import_nothing_heavy():
    program = (
        "import argparse, sys; from xent.commands import audit\n"
        "audit.enter(argparse.ArgumentParser().add_subparsers())\n"
        "print({'numpy', 'numba', 'pyarrow', 'dask'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set()\n"
