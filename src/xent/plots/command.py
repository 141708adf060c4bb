"""``xent plot``: the figures of :mod:`xent.plots` as files."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from xent import plots
from xent.plots._save import SUFFIXES
from xent.plots._style import INCHES, whole


class PlotError(Exception):
    """Something the reader can put right; the message is one sentence."""


class Predictions(Protocol):
    """Logits (N, K) and labels (N,) of a classifier."""

    @property
    def logits(self) -> Sequence[Sequence[float]]:
        """Rows of logits."""
        ...

    @property
    def labels(self) -> Sequence[int]:
        """The right classes."""
        ...


# --------------------------------------------------------------------------------------------------- the options


def numbers(text: str) -> list[float]:
    """Read numbers with commas between them.

    Examples
    --------
    >>> numbers("2, 1,0.1")
    [2.0, 1.0, 0.1]
    """
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"numbers with commas between them were expected, {text!r} came") from None


def words(text: str) -> list[str]:
    """Read words with commas between them.

    Examples
    --------
    >>> words("cat, dog")
    ['cat', 'dog']
    """
    return [word.strip() for word in text.split(",")]


def _option(*flags: str, **how: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return flags, {"default": argparse.SUPPRESS, **how}


def _list(*flags: str, what: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    return _option(*flags, type=numbers, metavar="N,N,…", help=what)


_NAMES = _option("--names", type=words, metavar="A,B,…", help="names of the classes")
_FILE = _option(
    "--file", metavar="FILE", help="an .npz with labels, and logits or probs (default: a classifier of digits)"
)
_LABEL = "the label's class, from 0"


@dataclass(frozen=True)
class Plot:
    """A figure the command knows: what draws it, what it shows, its own options, and values it has to have."""

    draw: Callable[..., Any]
    shows: str
    options: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = ()
    given: tuple[tuple[str, Any], ...] = ()


PLOTS: dict[str, Plot] = {
    "areas": Plot(
        plots.areas,
        "entropy, cross-entropy and KL divergence as areas that add up",
        (
            _list("--p", what="the data's distribution (default: 0.5,0.25,0.15,0.1)"),
            _list("--q", what="the model's (default: 0.2,0.35,0.15,0.3)"),
            _NAMES,
        ),
        (("p", [0.5, 0.25, 0.15, 0.1]), ("q", [0.2, 0.35, 0.15, 0.3])),
    ),
    "focal": Plot(
        plots.focal,
        "focal loss and its pull on the label's logit, for several gamma",
        (_list("--gammas", "--gamma", what="gamma of each curve (default: 0,0.5,1,2,5)"),),
    ),
    "likelihood": Plot(
        plots.likelihood,
        "the mean loss of counted outcomes, least at their frequency",
        (
            _option("--successes", type=int, metavar="N", help="outcomes of one kind (default: 7)"),
            _option("--trials", type=int, metavar="N", help="outcomes in all (default: 10)"),
        ),
    ),
    "loss-landscape": Plot(
        plots.loss_landscape,
        "the loss against the probability of a class",
        (
            _option("--classes", type=int, metavar="K", help="number of classes (default: 2)"),
            _option("--true-label", "--label", type=int, metavar="N", help=f"{_LABEL} (default: 1)"),
        ),
    ),
    "loss-landscape-logits": Plot(
        plots.loss_landscape_logits,
        "the loss of three classes over two logits, with its gradient",
        (
            _option("--target", "--label", type=int, metavar="N", help=f"{_LABEL} (default: 0)"),
            _option("--temperature", type=float, metavar="T", help="divides the logits (default: 1)"),
            _option("--label-smoothing", "--epsilon", type=float, metavar="E", help="smoothing (default: 0)"),
            _option("--limit", type=float, metavar="Z", help="logits from -Z to Z (default: 6)"),
        ),
    ),
    "precision-map": Plot(
        plots.precision_map,
        "where number formats and formulas die: relative error against the logit gap",
        (_option("--limit", type=float, metavar="Z", help="gaps from -Z to Z (default: 1000)"),),
    ),
    "reliability": Plot(
        plots.reliability,
        "how often a classifier is right beside how sure it is, and its calibration error",
        (_FILE, _option("--bins", type=int, metavar="N", help="bins of confidence (default: 15)")),
    ),
    "smoothing": Plot(
        plots.smoothing,
        "label smoothing: the floor under the loss and the best logit gap",
        (
            _option("--num-classes", "--classes", type=int, metavar="K", help="number of classes (default: 10)"),
            _list("--epsilons", "--epsilon", what="epsilon of each curve (default: 0,0.01,0.1,0.3)"),
        ),
    ),
    "temperature": Plot(
        plots.temperature,
        "a softmax at several temperatures, and its entropy at all of them",
        (
            _list("--logits", what="one row; --logits=-1,2 if a minus comes first (default: 2,1,0.1)"),
            _list("--temperatures", "--temperature", what="each gets its bars (default: 0.5,1,2,5)"),
            _NAMES,
        ),
        (("logits", [2.0, 1.0, 0.1]),),
    ),
    "temperature-fit": Plot(
        plots.temperature_fit, "a classifier's loss against the temperature, and the best one", (_FILE,)
    ),
}
"""The figures by the names that the command has for them."""


def add(commands: Any) -> None:
    """Add ``plot`` to the subcommands of a parser.

    Examples
    --------
    >>> parser = argparse.ArgumentParser()
    >>> add(parser.add_subparsers(dest="command"))
    >>> vars(parser.parse_args(["plot", "focal", "-o", "focal.pdf", "--gamma", "0,2"]))["gammas"]
    [0.0, 2.0]
    """
    command = commands.add_parser(
        "plot",
        help="write a figure for a paper or a slide",
        description="Write a figure for a paper or a slide. Without a name, the figures are listed.",
    )
    named = command.add_subparsers(dest="plot", title="figures", metavar="NAME")
    for name, plot in PLOTS.items():
        parser = named.add_parser(name, help=plot.shows, description=f"{plot.shows[0].upper()}{plot.shows[1:]}.")
        parser.add_argument(
            "-o", "--output", required=True, metavar="FILE", help=f"where to write: {', '.join(SUFFIXES)}"
        )
        parser.add_argument(
            "--width", choices=tuple(INCHES), default="one-column", help="3.3 in (the default), 6.9 in, or 16 : 9"
        )
        for flags, how in plot.options:
            parser.add_argument(*flags, **how)


def run(chosen: argparse.Namespace, /, *, predictions: Callable[[str | None], Predictions]) -> str:
    """Do what the arguments of ``xent plot`` say, and give the words to print.

    Parameters
    ----------
    chosen : Namespace
        Of a parser that :func:`add` added to.
    predictions : function of a file's name or None
        Reads a classifier's logits and labels; None stands for an example.

    Returns
    -------
    str
        What was written; or the list of figures, if none was named.

    Raises
    ------
    PlotError
        matplotlib is not installed, an option is out of its range, or the file cannot be written.

    Examples
    --------
    >>> print(run(argparse.Namespace(plot=None), predictions=lambda file: 1 / 0).splitlines()[1])
      areas                  entropy, cross-entropy and KL divergence as areas that add up
    """
    if chosen.plot is None:
        lines = [f"  {name:<22} {plot.shows}" for name, plot in PLOTS.items()]
        return "\n".join(["Figures, each written by xent plot NAME -o FILE:", *lines])
    plot, options = PLOTS[chosen.plot], vars(chosen)
    path = Path(chosen.output)
    _writable(path)
    known = [flags[0][2:].replace("-", "_") for flags, _ in plot.options if flags != _FILE[0]]
    own = {name: options[name] for name in known if name in options}
    arguments: dict[str, Any] = dict(plot.given) | own | {"width": chosen.width}
    if _FILE in plot.options:
        rows = predictions(options.get("file"))
        arguments |= {"logits": np.asarray(rows.logits), "labels": np.asarray(rows.labels)}
    try:
        plots.save(whole(plot.draw(**arguments)), path)
    except (ImportError, ValueError) as error:
        raise PlotError(f"{error}.") from None
    except OSError as error:
        raise PlotError(f"{path} cannot be written: {error.strerror or error}.") from None
    return f"{path} is written."


def _writable(path: Path) -> None:
    """Find out what can be found out before anything is drawn."""
    if path.is_dir():
        raise PlotError(f"{path} is a folder; the name of a file was expected.")
    if path.suffix.lower() not in SUFFIXES:
        raise PlotError(f"A figure is written as {', '.join(SUFFIXES)}, by the file's suffix; {path.name!r} came.")
    if not path.parent.is_dir():
        raise PlotError(f"There is no folder {path.parent} to write {path.name} in.")
