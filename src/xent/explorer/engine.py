"""One function between the page and the mathematics: a request in, a view model out.

`respond` is pure and thread-safe: everything it needs is in the request and in the (immutable) sources of rows.
It uses the standard library and `xent.spec` only, so that the same Python runs behind a socket, in a notebook's
kernel and inside a browser. No request makes it raise: what is wrong with one comes back as a sentence.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast
from urllib.parse import quote

from xent.explorer import experiments, own, presets
from xent.explorer.figures import say
from xent.explorer.lesson import Lesson, join, split
from xent.explorer.pasted import LONGEST, PasteError
from xent.explorer.rows import Rows, demo
from xent.explorer.section import Experiment, Later, TakesRows, reporting
from xent.explorer.state import MAX_URL, ActionError, from_url, put, to_url
from xent.explorer.text import LANGUAGE, Words, words
from xent.explorer.view import Contents, Entry, Panel, Response, View

EXPERIMENTS: dict[str, Experiment] = experiments.load()
"""The sections of the article that are written, by name, in order."""

MAX_ACTIONS = 256
"""More edits than this in one request are refused; a view that coalesces drags sends a handful."""

text, page = words("engine"), words("page")


def respond(
    request: Mapping[str, Any],
    sources: Mapping[str, Rows] | None = None,
    *,
    report: Callable[[float], None] | None = None,
) -> Response:
    """Apply a request's actions to the state in its link and compute the picture.

    Parameters
    ----------
    request : mapping
        A `xent.explorer.view.Request`: ``seq``, ``url`` (the state; empty for the first picture), ``actions``,
        to leave out the panels that nobody sees, ``only``, and the reader's own rows, ``own``: they are one more
        source, and the action ``{"do": "own"}`` shows them.
    sources : mapping of str to Rows, optional
        The rows that can be loaded, by short name; default: the demo classifiers' predictions on digits.
    report : callable, optional
        Told how much of a slow panel is done, from 0 to 1, each time that the panel says so.

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
        return _refuse(-1, "", text.no_seq.format(came=_brief(seq)))
    if not isinstance(url, str):
        return _refuse(seq, "", text.no_url.format(came=_brief(url)))
    if not isinstance(only, list | None):
        return _refuse(seq, url, text.no_only.format(came=_brief(only)))
    if not isinstance(actions, list):
        return _refuse(seq, url, text.no_actions.format(came=_brief(actions)))
    edits = cast("list[Any]", actions)
    if len(edits) > MAX_ACTIONS:
        return _refuse(seq, url, text.many_actions.format(most=MAX_ACTIONS, came=len(edits)))
    if request.get("contents"):
        return {"seq": seq, "url": url, "notices": [], "contents": contents(url)}
    given, unread = request.get("own"), list[str]()
    if given is not None:
        try:
            rows = {**rows, own.KEY: own.rows(given)}
        except PasteError as error:
            if any(isinstance(edit, dict) and cast("dict[str, Any]", edit).get("do") == "own" for edit in edits):
                return _refuse(seq, url, str(error))
            unread = [str(error)]

    experiment, state, lesson, notices = _open(url.removeprefix("#"), rows)
    notices = unread + notices
    out: Response = {"seq": seq, "url": "", "notices": notices}
    for action in edits:
        try:
            if not isinstance(action, dict):
                raise ActionError(text.not_an_action.format(came=_brief(action)))
            edit = cast("dict[str, Any]", action)
            do, path = edit.get("do"), edit.get("path")
            if not isinstance(do, str):
                raise ActionError(text.no_do.format(came=_brief(do)))
            if do in presets.ACTIONS:
                state, lesson = presets.turn(experiment, state, lesson, edit)
            elif do == "teach":
                lesson = put(lesson, str(path), edit.get("value"))
                continue
            elif lesson.locks(do, path if isinstance(path, str) else ""):
                raise ActionError(text.locked)
            elif do == "own":
                state = _take(experiment, state, rows)
            else:
                state = experiment.act(state, edit, rows)
            state, more = experiment.repair(state, rows)
            notices.extend(more)
        except ActionError as error:
            out["error"] = str(error)
            break
    out["url"] = join(to_url(experiment.NAME, experiment.VERSION, state), lesson)
    if own.KEY in rows and isinstance(experiment, TakesRows):
        out["own"] = own.about(rows[own.KEY])
    with reporting(report):
        wanted = None if only is None else cast("list[Any]", only)
        out["view"] = _view(experiment, state, rows, lesson, wanted, slow=request.get("slow") is True)
    if request.get("keep"):
        kept = {"experiment": experiment.NAME, "version": experiment.VERSION, "state": dataclasses.asdict(state)}
        out["kept"] = json.dumps(_finite(kept), ensure_ascii=False, indent=2)
    return out


def contents(url: str) -> Contents:
    """Say what the page is made of, for the link it was opened with.

    Examples
    --------
    >>> about = contents("x=logits&v=1&solo=1")
    >>> about["at"], about["solo"], about["sections"][0]["title"]
    ('logits', True, 'Cross-entropy, from scores to gradient')
    """
    sections: list[Entry] = []
    lesson = split(url.removeprefix("#")[:MAX_URL])[0]
    for number, name in enumerate(experiments.NAMES, start=1):
        if name in EXPERIMENTS:
            group = next(group for group, names in experiments.ARTICLE if name in names)
            section = words(name)
            entry: Entry = {
                "name": name,
                "url": join(f"x={name}", Lesson(size=lesson.size)),
                "number": str(number),
                "title": section.title,
                "group": page.groups[group],
                "text": say(section.lede),
                "takes_rows": isinstance(EXPERIMENTS[name], TakesRows),
            }
            sections.append(entry)
    return {
        "title": page.title,
        "lede": say(page.lede),
        "language": LANGUAGE,
        "sections": sections,
        "at": _named(url.removeprefix("#")) or next(iter(EXPERIMENTS)),
        "solo": lesson.solo,
        "longest": LONGEST,
        "words": dict(_flat(page))
        | {
            "own.too_long": page.own.too_long.replace("{most}", f"{LONGEST:,}"),
            "own.too_large": page.own.too_large.replace("{most}", f"{LONGEST * 3 // 4:,}"),
        },
    }


def first_url(sources: Mapping[str, Rows]) -> str:
    """Give the link that an empty address stands for: the costliest mistake of the first source, if any."""
    experiment = next(iter(EXPERIMENTS.values()))
    return to_url(experiment.NAME, experiment.VERSION, experiment.repair(experiment.first(sources), sources)[0])


def _take(experiment: Experiment, state: Any, rows: Mapping[str, Rows]) -> Any:
    """Show the reader's own rows."""
    if not isinstance(experiment, TakesRows):
        raise ActionError(text.takes_none)
    if own.KEY not in rows:
        raise ActionError(text.no_own)
    return experiment.take(state, own.KEY, rows)


def _view(
    experiment: Experiment,
    state: Any,
    rows: Mapping[str, Rows],
    lesson: Lesson,
    only: Collection[Any] | None,
    *,
    slow: bool,
) -> View:
    """Build the panels that are wanted; what takes long only when it is asked for by name."""
    drawing = experiment.compute(state, rows)
    covered = presets.covered(experiment, lesson)
    panels: list[Panel] = []
    for panel, how in drawing.panels.items():
        if panel in lesson.hide or (only is not None and panel not in only):
            continue
        if isinstance(how, Later) and not (slow and only is not None):
            built: Panel = {"id": panel, "title": how.title, "items": [], "pending": True, "wide": how.wide}
        else:
            built = how.build() if isinstance(how, Later) else how()
        if panel in covered:
            wide = built.get("wide", False)
            built = {"id": panel, "title": built["title"], "items": [], "covered": True, "wide": wide}
        panels.append(built)
    section = words(experiment.NAME)
    out: View = {
        "experiment": experiment.NAME,
        "title": section.title,
        "lede": say(section.lede),
        "offers": presets.offers(experiment),
        "panels": panels,
        "summary": drawing.summary,
        "locks": list(lesson.lock),
        "hidden": list(lesson.hide),
        "size": lesson.size,
    }
    asked = presets.question(experiment, state, lesson)
    if asked:
        out["question"] = asked
        out["summary"] = presets.summary(asked)
    return out


def _finite(tree: Any) -> Any:
    """Write infinities as the link writes them: JSON has none."""
    if isinstance(tree, dict):
        return {key: _finite(value) for key, value in cast("dict[str, Any]", tree).items()}
    if isinstance(tree, list | tuple):
        return [_finite(value) for value in cast("list[Any]", tree)]
    return tree if not isinstance(tree, float) or math.isfinite(tree) else str(tree)


def _named(url: str) -> str | None:
    """Give the section a link names, if it names one of ours."""
    named = re.search(r"(?:^|&)x=([^&]*)", url[:MAX_URL])
    return named.group(1) if named and named.group(1) in EXPERIMENTS else None


def _open(url: str, rows: Mapping[str, Rows]) -> tuple[Experiment, Any, Lesson, list[str]]:
    if len(url) > MAX_URL:
        lesson, notices = Lesson(), list[str]()
    else:
        lesson, url, notices = split(url)
    named = re.search(r"(?:^|&)x=([^&]*)", url[:MAX_URL])
    name = named.group(1) if named else next(iter(EXPERIMENTS))
    if name not in EXPERIMENTS:
        notices.append(text.no_experiment.format(name=repr(name[:40]), known=", ".join(EXPERIMENTS)))
        name, url = next(iter(EXPERIMENTS)), ""
    experiment = EXPERIMENTS[name]
    lesson, more = presets.repair(experiment, lesson)
    notices.extend(more)
    if url.strip("&") in ("", f"x={name}"):
        state: Any = experiment.first(rows)
    else:
        state, read = from_url(url, experiment.VERSION, experiment.State)
        notices.extend(read)
    state, more = experiment.repair(state, rows)
    return experiment, state, lesson, notices + more


def _flat(table: Words, prefix: str = "") -> list[tuple[str, str]]:
    """Give the words of a table and of the tables in it: ``themes.dark`` for a word of [page.themes]."""
    out: list[tuple[str, str]] = []
    for key, value in table.items():
        out += _flat(value, f"{prefix}{key}.") if isinstance(value, Words) else [(prefix + key, str(value))]
    return out


def _refuse(seq: int, url: str, sentence: str) -> Response:
    return {"seq": seq, "url": quote(url[:MAX_URL], safe="=&,-.~:%"), "notices": [], "error": sentence}


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
