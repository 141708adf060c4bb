"""A figure as a file: vectors or pixels, the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from xent.plots._style import INCHES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None},
    ".png": {},
}
"""What a file may end in, and what to say of itself: no date, so that the same figure is the same bytes."""


def save(figure: Figure, file: str | Path, /) -> None:
    """Write a figure as PDF, SVG or PNG, by the file's suffix; the same figure gives the same bytes.

    Letters in a PDF are TrueType, which publishers ask for, and shapes in an SVG. A PNG has 300 pixels an inch; a
    slide 1920 × 1080 in all.

    Parameters
    ----------
    figure : matplotlib Figure
        As the functions of :mod:`xent.plots` return it.
    file : str or Path
        Where to write; what is there is replaced.

    Raises
    ------
    ValueError
        A suffix that is none of these.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from xent.plots import focal, save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(focal(), f"{folder}/focal.pdf")
    ...     print(pathlib.Path(folder, "focal.pdf").read_bytes()[:4])
    b'%PDF'
    """
    path = Path(file)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"a figure is written as {', '.join(SUFFIXES)}, by the file's suffix; got {path.name!r}")
    import matplotlib as mpl

    dpi = 1920 / INCHES["slide"] if figure.get_figwidth() == INCHES["slide"] else 300
    fixed = {"pdf.fonttype": 42, "svg.hashsalt": "xent", "svg.fonttype": "path"}
    with cast("Any", mpl).rc_context(fixed):
        cast("Any", figure).savefig(path, dpi=dpi, format=suffix[1:], metadata=SUFFIXES[suffix])
