"""A real JupyterLab and a real marimo, each in a process of its own, with a notebook in it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def process(command: list[str], folder: Path) -> Iterator[str]:
    """Start a server on a free port and wait until it answers; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = folder / "home"
    home.mkdir(exist_ok=True)
    paths = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    paths |= {f"XDG_{kind}_HOME": str(home) for kind in ("CONFIG", "CACHE", "STATE", "DATA")}
    environment = {**os.environ, **paths, "HOME": str(home), "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": ""}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *command, "--port", str(port)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if server.poll() is not None:
                break
            time.sleep(0.1)
        else:
            raise RuntimeError(f"{command[0]} does not answer: {(folder / 'log').read_text()}")
        if server.poll() is not None:
            raise RuntimeError(f"{command[0]} ended: {(folder / 'log').read_text()}")
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(10)


@contextmanager
def lab(*cells: str) -> Iterator[tuple[str, Path]]:
    """Serve a notebook in JupyterLab: its address, and its file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        notebook = folder / "lesson.ipynb"
        written = [
            {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": cell, "outputs": [], "execution_count": None}
            for i, cell in enumerate(cells)
        ]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook.write_text(
            json.dumps({"cells": written, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5})
        )
        options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--IdentityProvider.token="]
        options += [f"--ServerApp.root_dir={folder}", "--LabApp.extension_manager=readonly"]
        with process(["jupyterlab", *options], folder) as address:
            yield f"{address}lab/tree/lesson.ipynb", notebook


@contextmanager
def marimo(*cells: str) -> Iterator[str]:
    """Serve a notebook in marimo, as an application."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        body = "\n\n".join("@app.cell\ndef _():\n" + "".join(f"    {line}\n" for line in cell.split("\n")) for cell in cells)
        (folder / "lesson.py").write_text(f"import marimo\n\napp = marimo.App()\n\n\n{body}\n")
        options = ["run", "lesson.py", "--headless", "--no-token", "--host", "127.0.0.1"]
        with process(["marimo", *options], folder) as address:
            yield address
