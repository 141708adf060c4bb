"""One function between the page and the mathematics: a request in, a view model out.

`respond` is pure and thread-safe: everything it needs is in the request and in the (immutable) sources of rows.
It uses the standard library and `xent.spec` only, so that the same Python runs behind a socket, in a notebook's
kernel and inside a browser. No request makes it raise: what is wrong with one comes back as a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any, cast
from urllib.parse import quote

from xent.explorer.experiments import logits
from xent.explorer.rows import Rows, demo
from xent.explorer.state import MAX_URL, ActionError, from_url, to_url
from xent.explorer.view import Response

EXPERIMENTS: dict[str, ModuleType] = {logits.NAME: logits}
"""Name → module with NAME, VERSION, State, repair, first, act and compute: the whole interface of an experiment."""

MAX_ACTIONS = 256
"""More edits than this in one request are refused; a view that coalesces drags sends a handful."""


def respond(request: Mapping[str, Any], sources: Mapping[str, Rows] | None = None) -> Response:
    """Apply a request's actions to the state in its link and compute the picture.

    Parameters
    ----------
    request : mapping
        A `xent.explorer.view.Request`: ``seq``, ``url`` (the state; empty for the first picture), ``actions``,
        and, to leave out the panels that nobody sees, ``only``.
    sources : mapping of str to Rows, optional
        The rows that can be loaded, by short name; default: the demo classifiers' predictions on digits.

    Returns
    -------
    Response
        The canonical link of the new state, its view, and a notice for everything that was brought into range.
        When an action cannot be done: the link as it was before that action, its view, and ``error`` in a sentence.
        When the request itself is malformed: ``error`` and no view.

    Examples
    --------
    >>> answer = respond({"seq": 1, "url": "x=logits&v=1&z=0,0", "actions": []}, {})
    >>> answer["seq"], answer["url"], answer["view"]["title"]
    (1, 'x=logits&v=1&z=0,0&names=cat,dog', 'Cross-entropy, from scores to gradient')
    """
    rows = demo() if sources is None else sources
    seq, url, actions, only = (
        request.get("seq"),
        request.get("url"),
        request.get("actions", []),
        request.get("only"),
    )
    if isinstance(seq, bool) or not isinstance(seq, int):
        return _refuse(-1, "", f"A request needs a whole number 'seq'; {_brief(seq)} came.")
    if not isinstance(url, str):
        return _refuse(seq, "", f"A request needs a text 'url', the state; {_brief(url)} came.")
    if not isinstance(only, list | None):
        return _refuse(seq, url, f"A request's 'only' is a list of panels; {_brief(only)} came.")
    if not isinstance(actions, list):
        return _refuse(seq, url, f"A request's 'actions' is a list; {_brief(actions)} came.")
    edits = cast("list[Any]", actions)
    if len(edits) > MAX_ACTIONS:
        return _refuse(seq, url, f"At most {MAX_ACTIONS} actions fit in a request; {len(edits)} came.")

    experiment, state, notices = _open(url.removeprefix("#"), rows)
    out: Response = {"seq": seq, "url": "", "notices": notices}
    for action in edits:
        try:
            if not isinstance(action, dict):
                raise ActionError(f"An action is an object with a text 'do'; {_brief(action)} came.")
            edit = cast("dict[str, Any]", action)
            if not isinstance(edit.get("do"), str):
                raise ActionError(f"An action's 'do' is a text; {_brief(edit.get('do'))} came.")
            state, more = experiment.repair(experiment.act(state, edit, rows), rows)
            notices.extend(more)
        except ActionError as error:
            out["error"] = str(error)
            break
    out["url"] = to_url(experiment.NAME, experiment.VERSION, state)
    out["view"] = experiment.compute(state, rows, cast("list[Any] | None", only))
    return out


def first_url(sources: Mapping[str, Rows]) -> str:
    """Give the link that an empty address stands for: the costliest mistake of the first source, if any."""
    return to_url(logits.NAME, logits.VERSION, logits.repair(logits.first(sources), sources)[0])


def _open(url: str, rows: Mapping[str, Rows]) -> tuple[ModuleType, Any, list[str]]:
    notices: list[str] = []
    named = re.search(r"(?:^|&)x=([^&]*)", url[:MAX_URL])
    name = named.group(1) if named else logits.NAME
    if name not in EXPERIMENTS:
        known = ", ".join(EXPERIMENTS)
        notices.append(f"There is no experiment {name[:40]!r}; there are: {known}. The first is shown.")
        name, url = logits.NAME, ""
    experiment = EXPERIMENTS[name]
    if not url:
        state: Any = experiment.first(rows)
    else:
        state, read = from_url(url, experiment.VERSION, experiment.State)
        notices.extend(read)
    state, more = experiment.repair(state, rows)
    return experiment, state, notices + more


def _refuse(seq: int, url: str, sentence: str) -> Response:
    return {"seq": seq, "url": quote(url[:MAX_URL], safe="=&,-.~:%"), "notices": [], "error": sentence}


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
