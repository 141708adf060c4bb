"""Questions to predict: asking one, answering it, and the motion that reveals the answer.

What is asked, what was answered and how far the motion is stand in the link (`Lesson`), so every moment of it is a
link as well.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from xent.explorer.figures import plain, say
from xent.explorer.lesson import Lesson
from xent.explorer.section import Experiment, Preset
from xent.explorer.state import ActionError
from xent.explorer.text import words
from xent.explorer.view import Answer, Offer, Question

ACTIONS = ("ask", "answer", "reveal", "leave")
text = words("presets")


def find(experiment: Experiment, name: str) -> Preset | None:
    """Give an experiment's preset by its id."""
    return next((preset for preset in experiment.PRESETS if preset.id == name), None)


def repair(experiment: Experiment, lesson: Lesson) -> tuple[Lesson, list[str]]:
    """Bring what a link says about a question into order."""
    asked = find(experiment, lesson.question)
    if not lesson.question or not asked:
        blank = dataclasses.replace(lesson, question="", answer=-1, moment=0)
        said = [text.unknown.format(name=repr(lesson.question[:40]))] if lesson.question else []
        return blank, said
    answer = lesson.answer if lesson.answer < len(_words(experiment, asked).answers) else -1
    moment = min(lesson.moment, len(asked.after)) if answer >= 0 else 0
    return dataclasses.replace(lesson, answer=answer, moment=moment), []


def turn(experiment: Experiment, state: Any, lesson: Lesson, action: Mapping[str, Any]) -> tuple[Any, Lesson]:
    """Do one of `ACTIONS`; ActionError with a sentence when it cannot be done."""
    do, value = action["do"], action.get("value")
    if do == "leave":
        return state, dataclasses.replace(lesson, question="", answer=-1, moment=0)
    if do == "ask":
        preset = find(experiment, str(value))
        if preset is None:
            raise ActionError(text.unknown.format(name=repr(value)[:40]))
        return _moment(experiment, preset, 0), dataclasses.replace(lesson, question=preset.id, answer=-1, moment=0)
    preset = find(experiment, lesson.question)
    if preset is None:
        raise ActionError(text.not_asked)
    if do == "answer":
        most = len(_words(experiment, preset).answers)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < most:
            raise ActionError(text.no_answer.format(last=most - 1, came=repr(value)[:40]))
        return state, dataclasses.replace(lesson, answer=value, moment=0)
    if lesson.answer < 0:
        raise ActionError(text.not_answered)
    moment = len(preset.after) if value is True else min(lesson.moment + 1, len(preset.after))
    return _moment(experiment, preset, moment), dataclasses.replace(lesson, moment=moment)


def offers(experiment: Experiment) -> list[Offer]:
    """Give the questions that a section offers."""
    return [
        {"text": say(_words(experiment, preset).question), "act": {"do": "ask", "value": preset.id}}
        for preset in experiment.PRESETS
    ]


def question(experiment: Experiment, state: Any, lesson: Lesson) -> Question | None:
    """Give the question that is being asked, with the answer once one has been chosen."""
    preset = find(experiment, lesson.question)
    if preset is None:
        return None
    said = _words(experiment, preset)
    answers: list[Answer] = [
        {"text": say(label), "act": {"do": "answer", "value": i}} for i, label in enumerate(said.answers)
    ]
    out: Question = {"id": preset.id, "text": say(said.question), "answers": answers, "chosen": None}
    if lesson.answer >= 0:
        out["chosen"] = lesson.answer
        out["right"] = preset.right
        out["verdict"] = text.right if lesson.answer == preset.right else text.wrong
        out["why"] = say(said.why, **preset.why(state))
        if lesson.moment < len(preset.after):
            out["step"] = {"do": "reveal"}
    return out


def covered(experiment: Experiment, lesson: Lesson) -> tuple[str, ...]:
    """Give the panels that would tell the answer before one is chosen."""
    preset = find(experiment, lesson.question)
    return preset.covers if preset is not None and lesson.answer < 0 else ()


def summary(asked: Question) -> str:
    """Say in a sentence or two, for a screen reader, how the question stands."""
    if asked["chosen"] is None:
        return plain(asked["text"])
    return f"{asked.get('verdict', '')} {plain(asked.get('why', []))}"


def _moment(experiment: Experiment, preset: Preset, moment: int) -> Any:
    """Give the state at a moment of the motion: what the question began with, and every change up to it."""
    fields = dict(preset.begin)
    for change in preset.after[:moment]:
        fields |= change
    return experiment.State(**fields)


def _words(experiment: Experiment, preset: Preset) -> Any:
    return words(experiment.NAME).questions[preset.id]
