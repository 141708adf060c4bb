"""The ``xent`` command: ``xent explore`` opens the explorer in the browser, ``xent audit`` audits predictions.

What is wrong with the arguments, the file or the port is said in one sentence on stderr, and the exit code is 2.
"""

from __future__ import annotations

import argparse
import sys
import threading
import webbrowser
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

import xent
from xent.commands import UsageError
from xent.commands import audit as auditing
from xent.plots import command as plot_command

if TYPE_CHECKING:
    from xent.explorer.rows import Rows

PORT = 8010


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the ``xent`` command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: the process's own.

    Returns
    -------
    int
        0 after a normal end, Ctrl-C in the explorer included; 1 when an audit has findings; 2 when something in the
        arguments or the input has to be put right.

    Examples
    --------
    >>> main(["explore", "--port", "0", "no such file.npz"])
    2
    """
    parser = _parser()
    try:
        chosen = parser.parse_args(arguments)
        if chosen.command is None:
            parser.print_help()
        elif chosen.command == "plot":
            _plot(chosen)
        else:
            return chosen.run(chosen)
    except UsageError as error:
        print(f"xent: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the terminal has written ^C
    return 0


def explore(file: str | None, /, *, host: str = "127.0.0.1", port: int = PORT, browser: bool = True) -> None:
    """Serve the explorer until Ctrl-C; print the address, and open it in a browser.

    Parameters
    ----------
    file : str or None
        An ``.npz`` file of predictions to open on; the demo's digits stay within reach. None: the digits.
    host, port : str, int
        Where to listen; port 0 picks a free one.
    browser : bool
        Whether to open one.

    Raises
    ------
    UsageError
        An extra is not installed, the file cannot be read, or the address cannot be had.
    KeyboardInterrupt
        On Ctrl-C.
    """
    missing = [name for name in ("starlette", "uvicorn", "websockets") if find_spec(name) is None]
    if missing:
        needed = " and ".join(missing)
        raise UsageError(f'The explorer needs {needed}; install what it needs with: pip install "xent[explore]"')
    from xent.explorer import server

    sources = _sources(file)
    try:
        listener = server.listen(host, port)
    except server.ServerError as error:
        raise UsageError(str(error)) from None
    address = server.address(listener, host)
    print(f"The explorer is at {address} until you press Ctrl-C.", flush=True)

    def show() -> None:
        # A text browser would block, so it gets a thread; a daemon, so that it cannot keep the process alive.
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    server.serve(sources, listener, host=host, ready=show if browser else None)


def _explore(chosen: argparse.Namespace) -> int:
    explore(chosen.file, host=chosen.host, port=chosen.port, browser=chosen.browser)
    return 0


def _sources(file: str | None) -> Mapping[str, Rows]:
    from xent.explorer.rows import demo

    if file is None:
        return demo()
    from xent.explorer.files import InputError, load
    from xent.explorer.state import Word

    try:
        rows = load(file)
    except InputError as error:
        raise UsageError(str(error)) from None
    for note in rows.written.notes if rows.written else ():
        print(f"xent: {rows.name}: {note}", file=sys.stderr)
    key = Word("", 60).clamp(rows.name) or "file"  # as a link can carry it
    return {key: rows} | {other: rows for other, rows in demo().items() if other != key}


def _plot(chosen: argparse.Namespace) -> None:
    try:
        print(plot_command.run(chosen, predictions=lambda file: next(iter(_sources(file).values()))))
    except plot_command.PlotError as error:
        raise UsageError(str(error)) from None


class _Parser(argparse.ArgumentParser):
    """argparse, with one sentence for an error and nothing else."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}; {self.prog} --help lists what there is.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="xent", description="Cross-entropy, exactly.")
    parser.add_argument("--version", action="version", version=f"xent {xent.__version__}")
    commands = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND", parser_class=_Parser)
    command = commands.add_parser(
        "explore",
        help="open the explorer in the browser",
        description="Open the explorer in the browser. Every number on the page is computed by this process.",
    )
    command.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="predictions to open on: an .npz with labels, and logits or probs; or a .csv with scores and label in "
        "each row (default: a classifier of digits)",
    )
    command.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: this machine's %(default)s)"
    )
    command.add_argument(
        "--port", type=_port, default=PORT, help="port to listen on (default: %(default)s; 0 picks a free one)"
    )
    command.add_argument("--no-browser", dest="browser", action="store_false", help="only print the address")
    command.set_defaults(run=_explore)
    auditing.enter(commands)
    plot_command.add(commands)
    return parser


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"a whole number from 0 to 65535 was expected, {text!r} came")
    return port
