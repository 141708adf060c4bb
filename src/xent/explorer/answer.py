"""One request, one answer, whatever happens: what every wire puts in front of the engine.

Standard library only: the worker of the static site calls `answer_text`, a notebook's kernel `answer`.
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
        traceback.print_exc(file=sys.stderr)
        seq, url = request.get("seq"), request.get("url")
        return {
            "seq": seq if isinstance(seq, int) else -1,
            "url": url if isinstance(url, str) else "",
            "notices": [],
            "error": f"Python failed on this request ({type(error).__name__}); its log says where.",
        }


def answer_text(text: str, report: Callable[[float], None] | None = None) -> str:
    """Do the same with JSON, about the demo's rows.

    Examples
    --------
    >>> answer_text('{"seq": 1, "url": "x=logits", "actions": [], "only": []}')[:23]
    '{"seq": 1, "url": "x=lo'
    """
    return json.dumps(answer(json.loads(text), report=report), allow_nan=False)
