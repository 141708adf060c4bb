"""Running text with live numbers, paragraphs and formulas."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from xent.explorer.view import Formula, Inline, MathNode, Num, Picture, Prose

_PIECES = re.compile(r"(\*\*.+?\*\*|\*.+?\*|`.+?`|\{\w+\})")
_LOG = re.compile(r"\blog (?![a-z])")
_SIGN = re.compile(" ([=−]) ")
_UNIT = re.compile(r"^ (?=(?:nats|bits|nat|bit)\b|%)")


def say(template: str, **pieces: str | Num) -> list[Inline]:
    r"""Write running text with live numbers: ``{name}`` takes a piece, ``*x*`` is italic, ``**x**`` is bold.

    What stands in backticks is code. No line ends at an equals or minus sign, after a log, or before a unit.

    Examples
    --------
    >>> say("**{who}** pays {cost} *nats*.", who="cat", cost={"text": "0.4", "value": 0.4})  # doctest: +ELLIPSIS
    [{'style': 'strong', 'text': 'cat'}, ' pays ', {'text': '0.4', 'value': 0.4}, ' ', {'style': 'em', ...}, '.']
    >>> say("It pays −log *p* = {cost} nats.", cost="0.4")
    ['It pays −log\xa0', {'style': 'em', 'text': 'p'}, '\xa0=\xa0', '0.4', '\xa0nats.']
    """
    words = {name: piece for name, piece in pieces.items() if isinstance(piece, str)}
    out: list[Inline] = []
    for part in _parts(template):
        if part.startswith("**"):
            out.append({"style": "strong", "text": part[2:-2].format(**words)})
        elif part.startswith("*"):
            out.append({"style": "em", "text": part[1:-1].format(**words)})
        elif part.startswith("`"):
            out.append({"style": "code", "text": part[1:-1].format(**words)})
        elif part.startswith("{"):
            out.append(pieces[part[1:-1]])
        elif part:
            out.append(part)
    return out


def plain(said: Iterable[Inline]) -> str:
    """Give running text without its weights.

    Examples
    --------
    >>> plain(say("**{who}** pays.", who="cat"))
    'cat pays.'
    """
    return "".join(piece if isinstance(piece, str) else piece["text"] for piece in said)


@lru_cache(maxsize=256)
def _parts(template: str) -> tuple[str, ...]:
    parts = _PIECES.split(template)
    return tuple(_kept(part, before) for before, part in zip(["", *parts], parts, strict=False))


def _kept(part: str, before: str) -> str:
    """Keep a sign with its sides, a unit with its number, a log with what it is of: no line ends there."""
    if part.startswith(("*", "`", "{")):
        return part
    if before.startswith("{"):
        part = _UNIT.sub("\u00a0", part)
    return _SIGN.sub("\u00a0\\1\u00a0", _LOG.sub("log\u00a0", part))


def formula(name: str, math: MathNode, *, spoken: str, note: str) -> Formula:
    """Display an equation with what it is called."""
    return {"kind": "formula", "id": name, "math": math, "spoken": spoken, "note": say(note)}


def prose(name: str, text: list[Inline], *, beside: Picture | None = None) -> Prose:
    """Write a paragraph, beside the picture it is about."""
    out: Prose = {"kind": "prose", "id": name, "text": text}
    if beside:
        out["picture"] = beside
    return out
