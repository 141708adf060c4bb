"""One request, one answer, whatever happens: what every wire puts in front of the engine.

Standard library only: the server calls `answer_json`, a notebook's kernel `answer`, the worker of the static site
`answer_text`.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from xent.explorer.engine import respond
from xent.explorer.rows import Rows
from xent.explorer.view import Response


class GoneError(BaseException):
    """Raised by ``report`` where nobody waits for the answer any longer; no fault, so `answer` lets it pass."""


def answer(
    request: Mapping[str, Any],
    sources: Mapping[str, Rows] | None = None,
    report: Callable[[float], None] | None = None,
) -> Response:
    """Give `respond`'s answer; a fault of ours becomes a sentence, and its traceback goes to stderr.

    Parameters
    ----------
    request, sources, report
        As in `xent.explorer.engine.respond`.

    Examples
    --------
    >>> answer({"seq": 1, "url": "x=logits&v=1"}, {})["url"]
    'x=logits&v=1'
    """
    try:
        return respond(request, sources, report=report)
    except Exception as error:  # one bad answer must not end the conversation
        return _failed(request, error)


def answer_json(
    request: Mapping[str, Any],
    sources: Mapping[str, Rows] | None = None,
    report: Callable[[float], None] | None = None,
) -> str:
    """Do the same, and write the answer as JSON; one that JSON has no words for is a fault as well.

    Examples
    --------
    >>> answer_json({"seq": 1, "url": "x=logits", "actions": [], "only": []})[:21]
    '{"seq":1,"url":"x=log'
    """
    found = answer(request, sources, report)
    try:
        return dump(found)
    except ValueError as error:
        return dump(_failed(request, error))


def answer_text(text: str, report: Callable[[float], None] | None = None) -> str:
    """Do the same with a request that is JSON, about the demo's rows."""
    return answer_json(json.loads(text), report=report)


def dump(value: object) -> str:
    """Write JSON; ValueError where there is none, of NaN for one."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _failed(request: Mapping[str, Any], error: Exception) -> Response:
    traceback.print_exception(error, file=sys.stderr)
    seq, url = request.get("seq"), request.get("url")
    return {
        "seq": seq if isinstance(seq, int) else -1,
        "url": url if isinstance(url, str) else "",
        "notices": [],
        "error": f"Python failed on this request ({type(error).__name__}); its log says where.",
    }
