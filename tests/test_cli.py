"""The command, started as a reader starts it: one line when all is well, one sentence when it is not."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from websockets.sync.client import connect

import xent
from xent import cli
from xent.explorer import engine
from xent.explorer.files import load
from xent.explorer.rows import demo

XENT = [sys.executable, "-W", "error", "-m", "xent"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*XENT, *arguments], capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def exploring(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the explorer; give the process and the address it printed."""
    # Ctrl-C must reach it even where these tests run in a shell's background, which makes its children ignore it
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heed}; import sys; from xent.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, "explore", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"The explorer is at (http://\S+/) until you press Ctrl-C\.\n", line)
        assert found, line
        yield process, found.group(1)
    finally:
        process.kill()
        process.communicate()


def first_answer(address: str) -> dict[str, object]:
    with connect(address.replace("http", "ws", 1) + "ws") as connection:
        connection.send('{"seq": 1, "url": "", "actions": []}')
        return json.loads(connection.recv(timeout=20))


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Give the one sentence of a run that was refused."""
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"xent: \S.*\n", done.stderr), done.stderr  # one line, hence no traceback
    return done.stderr[6:-1]


def test_the_explorer_is_served_until_interrupted_and_then_ends_quietly() -> None:
    with exploring("--no-browser") as (process, address):
        assert "<title>" in httpx.get(address, timeout=60).text
        assert first_answer(address)["url"] == engine.first_url(demo())
        with connect(address.replace("http", "ws", 1) + "ws"):  # a page that is still open must not hold it up
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "\n")


def test_a_file_is_opened_on_its_costliest_mistake_and_the_digits_stay(tmp_path: Path) -> None:
    path = tmp_path / "my, predictions.npz"
    np.savez(path, logits=np.array([[4.0, 1.0], [1.0, 4.0], [5.0, 0.0]]), labels=np.array([0, 1, 1]))
    with exploring("--no-browser", str(path)) as (_, address):
        answer = first_answer(address)
    sources = {"my, predictions.npz": load(path), **demo()}
    assert answer["url"] == engine.first_url(sources)
    assert "z=5,0&" in str(answer["url"])
    assert answer["notices"] == []
    assert answer["view"] == json.loads(json.dumps(engine.respond({"seq": 1, "url": ""}, sources)["view"]))


def test_a_browser_is_opened_once_the_page_answers(tmp_path: Path) -> None:
    script = tmp_path / "browser"
    page = tmp_path / "page"
    fetch = "import sys, urllib.request as u; open(sys.argv[2], 'wb').write(u.urlopen(sys.argv[1]).read())"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{fetch}" "$1" {page}.part\n')
    script.chmod(0o755)
    with exploring(BROWSER=f"{script} %s"):
        for _ in range(600):
            if (tmp_path / "page.part").exists() and (tmp_path / "page.part").stat().st_size:
                break
            time.sleep(0.1)
        assert "<title>" in (tmp_path / "page.part").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["explore", "--port", "65536"],
            "Argument --port: a whole number from 0 to 65535 was expected, '65536' came",
        ),
        (["explore", "--port", "-1"], "'-1' came"),
        (["explore", "--port", "web"], "'web' came"),
        (["explore", "--host", "no-such-host.invalid"], "There is no host 'no-such-host.invalid'"),
        (["explore", "--host", ""], "There is no host ''"),
        (["explore", "--host", "192.0.2.1"], "192.0.2.1 is not an address of this machine"),
        (["explore", "missing.npz"], "There is no file missing.npz; an .npz file was expected."),
        (["explore", "."], "is a folder"),
        (["explore", __file__], "is not an .npz file, or is damaged"),
        (["explore", "one.npz", "two.npz"], "Unrecognized arguments: two.npz"),
        (["exploit"], "invalid choice: 'exploit'"),
        (["--loud"], "Unrecognized arguments: --loud"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(arguments: list[str], sentence: str) -> None:
    assert sentence in refusal(run(*arguments))


def test_a_busy_port_is_said_to_be_busy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refusal(run("explore", "--no-browser", "--port", port))
    assert said == f"Port {port} of 127.0.0.1 is taken by another program; --port 0 picks a free one."


def test_labels_out_of_range_stop_it_before_it_serves(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", logits=np.eye(3), labels=np.array([0, 1, 3]))
    said = refusal(run("explore", str(tmp_path / "a.npz")))
    assert said == "labels must be classes from 0 to 2; row 2 has 3 (1 row in all)."


def test_a_missing_extra_is_named_with_the_command_that_installs_it() -> None:
    program = "import sys; sys.modules['starlette'] = sys.modules['websockets'] = None\nimport xent.cli as c\n"
    done = subprocess.run(
        [sys.executable, "-c", program + "sys.exit(c.main(['explore']))"],
        capture_output=True,
        text=True,
        check=False,
    )
    said = 'The explorer needs starlette and websockets; install what it needs with: pip install "xent[explore]"'
    assert refusal(done) == said


def test_version_and_help_are_printed() -> None:
    assert run("--version").stdout == f"xent {xent.__version__}\n"
    for arguments in ([], ["--help"], ["explore", "--help"]):
        done = run(*arguments)
        assert done.returncode == 0
        assert "explore" in done.stdout
        assert done.stderr == ""


def test_the_installed_command_is_the_same() -> None:
    command = Path(sys.executable).with_name("xent")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"xent {xent.__version__}\n"


def test_the_defaults_keep_the_explorer_on_this_machine() -> None:
    chosen = cli._parser().parse_args(["explore"])
    assert (chosen.host, chosen.port, chosen.browser, chosen.file) == ("127.0.0.1", 8010, True, None)
