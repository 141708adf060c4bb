"""What the pages are made of: a call that is run, what it gave, how far that is from the truth, and a table of it.

The truth comes from tests/oracle.py, 400 digits. Numbers are written with few digits and errors with two, so that
another processor, whose exp may differ in the last bit, writes the same page.
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from textwrap import fill
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

_KEPT = ("|", "#", "-", "```")
_WHOLE = {"break_long_words": False, "break_on_hyphens": False}
_BITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}


def _oracle() -> ModuleType:
    path = Path(__file__).parent.parent / "tests" / "oracle.py"
    spec = importlib.util.spec_from_file_location("oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


oracle = _oracle()


class Said(NamedTuple):
    """What a call gave: a value, or the error that it raised; and the first warning on the way."""

    value: Any
    error: str = ""
    warning: str = ""


def ask(call: Callable[[], Any]) -> Said:
    """Run a call; keep its value, or the class and first line of what it raised, and its first warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value, error = call(), ""
        except Exception as e:  # whatever a peer raises is its answer
            value, error = None, f"{type(e).__name__}: {(str(e).splitlines() or [''])[0]}"
    first = f"{caught[0].category.__name__}: {str(caught[0].message).splitlines()[0]}" if caught else ""
    return Said(value, error, first)


def number(x: float, digits: int = 4) -> str:
    """Write a number with few digits."""
    x = float(x)
    if math.isnan(x):
        return "NaN"
    return f"{'-' if x < 0 else ''}∞" if math.isinf(x) else "0" if x == 0 else f"{x:.{digits}g}"


def numbers(values: Iterable[Any], digits: int = 4) -> str:
    """Write nested numbers as Python writes lists."""
    return f"[{', '.join(numbers(v, digits) if np.ndim(v) else number(v, digits) for v in values)}]"


def relative(error: float) -> str:
    """Write a relative error with one digit, or two above a tenth."""
    if error >= 10:
        return f"a factor of {error + 1:.1g}"
    return f"{100 * error:.0f} %" if error >= 0.1 else f"{100 * error:.1g} %"


def verdict(got: float, truth: Any, dtype: str = "float64") -> str:
    """Say what an answer is worth, from its error: exact (to 4 ulp), good to so much, wrong by so much, NaN.

    Steps this wide do not depend on the last bit of a processor's exp.
    """
    got, mp = float(got), oracle.MP
    if mp.isnan(truth):
        return "NaN, as it has to be" if math.isnan(got) else "wrong: there is no answer"
    if math.isnan(got):
        return "NaN"
    far = _ulps(got, truth, dtype)
    if far <= 4:
        overflow = math.isinf(got) and not mp.isinf(truth)
        return f"above all of {dtype}" if overflow else "exact to 4 ulp" if far else "exact"
    if math.isinf(got):
        return "wrong"
    if far <= 64:
        return "good to 64 ulp"
    if mp.isinf(truth):
        return f"wrong, {number(truth)} is right"
    if not truth or not got:
        return "wrong, rounded to 0" if truth else f"wrong by {number(abs(got), 2)}"
    error = float(abs(oracle.real(got) - truth) / abs(truth))
    return f"wrong by {relative(error)}" if error >= 1e-3 else f"good to {math.floor(-math.log10(error))} digits"


def _ulps(got: float, truth: Any, dtype: str) -> float:
    if dtype != "bfloat16":
        return oracle.ulps(got, truth, dtype)
    unit = oracle.ulp(truth, "float32") * 2 ** (_BITS["float32"] - _BITS[dtype])  # its exponents are float32's
    return float(abs(oracle.real(got) - truth) / unit)


def raised(said: Said, room: int = 120) -> str:
    """Write an error, cut where it is longer than a table can hold."""
    return f"raises {said.error if len(said.error) <= room else said.error[:room].rstrip() + ' …'}"


def judged(said: Said, truth: Any, dtype: str = "float64", digits: int = 4) -> str:
    """One cell: the answer and what it is worth."""
    if said.error:
        return raised(said)
    text = number(said.value, digits)
    words = verdict(said.value, truth, dtype)
    cell = words if words.startswith(text) else f"{text}: {words}"
    return f"{cell} (with a {said.warning})" if said.warning else cell


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    assert all(len(line) == len(header) for line in lines)
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def page(*blocks: str) -> str:
    """Join paragraphs and tables; prose is wrapped, tables, lists and code are left as they are."""
    parts = (part for block in blocks for part in block.strip("\n").split("\n\n"))
    return "\n\n".join(part if part.startswith(_KEPT) else fill(part, 116, **_WHOLE) for part in parts) + "\n"


def made_with(*packages: str) -> str:
    """Name the versions of the packages, without the build that follows a plus sign."""
    return ", ".join(f"{p} {version(p).split('+')[0]}" for p in packages)
