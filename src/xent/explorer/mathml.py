"""MathML by function calls: a formula is an expression, its numbers are live.

Each helper returns a `MathNode`; the view turns the tree into MathML elements one to one. A node with a ``ref``
lights up together with every bar and point of the same ref.
"""

from __future__ import annotations

from xent.explorer.view import MathNode, Num

Part = MathNode | str


def el(tag: str, *kids: Part, ref: str | None = None, **attrs: str) -> MathNode:
    """Build one element; attributes are MathML's own."""
    node: MathNode = {"tag": tag, "kids": list(kids)}
    if attrs:
        node["attrs"] = attrs
    if ref is not None:
        node["ref"] = ref
    return node


def mi(name: str, *, ref: str | None = None) -> MathNode:
    """Write an identifier; one letter is set in italics by the renderer."""
    return el("mi", name, ref=ref)


def mo(sign: str) -> MathNode:
    """Write an operator; a bar between two letters stays as tall as they are."""
    return el("mo", sign, stretchy="false") if sign in ("‖", "|") else el("mo", sign)


def mn(number: Num) -> MathNode:
    """Write a live number. A negative one is bracketed by the caller where it must be."""
    return el("mn", number["text"], ref=number.get("ref"))


def mtext(words: str, *, ref: str | None = None) -> MathNode:
    """Write words, e.g. the name of a class, upright."""
    return el("mtext", words, ref=ref)


def row(*kids: Part, ref: str | None = None) -> MathNode:
    """Put pieces side by side; a minus behind an opening bracket is a sign, and stands close to what follows.

    Examples
    --------
    >>> [kid.get("attrs") for kid in row(mo("("), mo("−"), mi("p"), mo("−"), mi("q"))["kids"]]
    [None, {'form': 'prefix'}, None, None, None]
    """
    signs = [_is(kid, "−") and _is(last, "(") for last, kid in zip(("", *kids), kids, strict=False)]
    prefix = el("mo", "−", form="prefix")
    return el("mrow", *(prefix if sign else kid for sign, kid in zip(signs, kids, strict=True)), ref=ref)


def _is(part: Part, sign: str) -> bool:
    return not isinstance(part, str) and part["tag"] == "mo" and part["kids"] == [sign]


def frac(above: Part, below: Part) -> MathNode:
    """Write a fraction."""
    return el("mfrac", above, below)


def sub(base: Part, index: Part, *, ref: str | None = None) -> MathNode:
    """Write base with an index."""
    return el("msub", base, index, ref=ref)


def power(base: Part, exponent: Part, *, ref: str | None = None) -> MathNode:
    """Write base to an exponent."""
    return el("msup", base, exponent, ref=ref)


def thin() -> MathNode:
    """Leave the thin space that sets a function off from its neighbours."""
    return el("mspace", width="0.17em")


def total(index: str) -> MathNode:
    """Write the sum sign over an index."""
    return el("munder", mo("∑"), mi(index))


def bracketed(number: Num) -> MathNode:
    """Write a live number, in brackets when it starts with a minus or holds one."""
    return row(mo("("), mn(number), mo(")")) if "−" in number["text"].replace("10⁻", "") else mn(number)


def lines(rows: list[list[Part]]) -> MathNode:
    """Stack equations, aligned at their columns: right of the first, left of the others; a lone one left."""
    align = "right left left" if any(len(cells) > 1 for cells in rows) else "left"
    cells = [el("mtr", *(el("mtd", cell) for cell in cells)) for cells in rows]
    return el("mtable", *cells, columnalign=align, displaystyle="true", rowspacing="0.35em")
