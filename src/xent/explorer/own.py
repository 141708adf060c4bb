"""A reader's own rows, which travel with each request: the page keeps the text, and Python keeps nothing.

So the engine stays a function of what it is given, whatever wire a request comes by, and nobody's rows lie anywhere
but in the reader's own page. That a text is read again and again is a matter of a cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from xent.explorer import packed, pasted
from xent.explorer.figures import say
from xent.explorer.pasted import PasteError
from xent.explorer.rows import Rows, sort_out
from xent.explorer.text import words
from xent.explorer.view import Own

text = words("own")

KEY = "own"
"""The short name of a reader's own rows among all that can be loaded."""

FORMS = ("logits", "probs")
"""What the scores of a text may be; the logarithm of a probability is a logit."""

LONGEST_NAME = 60
NAMED = 6


def rows(given: Any) -> Rows:
    """Read what a request brings as ``own``: a `xent.explorer.view.Given`.

    Raises
    ------
    PasteError
        With a sentence that says which row is wrong and what to do.

    Examples
    --------
    >>> rows({"name": "two.csv", "text": "3 1 0; 0 2 0", "form": "logits"}).mistakes
    [1]
    """
    fields: Mapping[str, Any] = cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {}
    name, written, form = (fields.get(key) for key in ("name", "text", "form"))
    if not isinstance(name, str) or not isinstance(written, str) or form not in FORMS:
        raise PasteError(text.malformed.format(forms=", ".join(FORMS)))
    shown = "".join(c for c in name if c.isprintable()).strip()
    return _rows(shown[:LONGEST_NAME] or text.unnamed, written, str(form))


@lru_cache(maxsize=4)  # the same rows for the same text: what is computed of them is remembered by them
def _rows(name: str, written: str, form: str) -> Rows:
    reads = packed.read if written.startswith(packed.PREFIX) else pasted.read
    read = reads(written, probs=form == "probs")
    if not any(read.used):
        raise PasteError(text.all_ignored.format(ignored=pasted.IGNORED))
    return sort_out(read, name=name)


def about(read: Rows) -> Own:
    """Say what was read."""
    count, wrong, k = len(read.labels), len(read.mistakes), len(read.classes)
    names = ", ".join(read.classes[:NAMED]) + (", …" if k > NAMED else "")
    said = say(
        text.about,
        name=read.name,
        rows=text.row if count == 1 else text.rows.format(count=f"{count:,}"),
        classes=text.classes.format(k=k, names=names),
        wrong=text.mistake if wrong == 1 else text.mistakes.format(count=f"{wrong:,}"),
    )
    return {"text": said, "notes": list(read.written.notes) if read.written else []}
