"""A view as plain HTML: its words, formulas and tables, for where no Python runs and no script may.

No styles and no scripts, so that every host shows it: a notebook on GitHub, an exported page, an e-mail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, cast

from xent.explorer.view import View


def still(view: View, note: str) -> str:
    """Write a view as HTML, with a note above it.

    Examples
    --------
    >>> from xent.explorer.engine import respond
    >>> page = still(respond({"seq": 0, "url": "x=logits&v=1"}, {})["view"], "as it was")
    >>> page[:43], "<td>0.4170</td>" in page
    ('<section><h3>Cross-entropy, from scores to ', True)
    """
    parts = [
        f"<h3>{escape(view['title'])}</h3>",
        f"<p><em>{escape(note)}</em></p>",
        f"<p>{_words(view['lede'])}</p>",
    ]
    for panel in view["panels"]:
        items = [drawn for item in panel["items"] if (drawn := _item(item))]
        if items:
            parts += [f"<h4>{escape(panel['title'])}</h4>", *items]
    return f"<section>{''.join(parts)}</section>"


def _item(item: Mapping[str, Any]) -> str:
    kind = item["kind"]
    if kind == "prose":
        return f"<p>{_words(item['text'])}</p>"
    if kind == "formula":
        return f'<p><math display="block">{_math(item["math"])}</math></p>'
    if kind == "readout":
        return _table("", [], [[one["label"], one["number"], one["unit"]] for one in item["items"]])
    if kind == "controls":
        lines = [[one["label"], one["number"]] for one in item["items"] if one["kind"] == "slider"]
        return _table("", [], lines) if lines else ""
    if kind == "sheet":
        rows = [[_cell(cell) for cell in row["cells"]] for row in item["rows"]]
        return _table(_words(item["title"]), item["columns"], rows + item["foot"])
    if "table" in item:
        return _table(_words(item["title"]), item["table"]["columns"], item["table"]["rows"])
    return ""


def _table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    head = f"<thead><tr>{''.join(f'<th>{escape(c)}</th>' for c in columns)}</tr></thead>" if columns else ""
    body = "".join(
        f"<tr><th>{_words([row[0]])}</th>{''.join(f'<td>{_words([cell])}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    return f"<table><caption>{caption}</caption>{head}<tbody>{body}</tbody></table>"


def _cell(cell: Any) -> Any:
    """Give what a cell to edit says."""
    if isinstance(cell, str) or "kind" not in cell:
        return cell
    if cell["kind"] == "edit":
        return cell.get("number") or cell.get("text", "")
    if cell["kind"] == "switch":
        return "×" if cell["value"] else ""
    return next((o["label"] for o in cell["options"] if o["value"] == cell["value"]), cell["value"])


def _words(text: Sequence[Any]) -> str:
    """Write running text; a live number is its text."""
    out: list[str] = []
    for piece in text:
        if isinstance(piece, str):
            out.append(escape(piece))
        else:
            style = cast("Mapping[str, str]", piece).get("style")
            out.append(f"<{style}>{escape(piece['text'])}</{style}>" if style else escape(piece["text"]))
    return "".join(out)


def _math(node: Mapping[str, Any] | str) -> str:
    if isinstance(node, str):
        return escape(node)
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in node.get("attrs", {}).items())
    return f"<{node['tag']}{attributes}>{''.join(map(_math, node['kids']))}</{node['tag']}>"
