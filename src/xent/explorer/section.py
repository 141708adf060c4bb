"""What an experiment hands to the engine, and what most experiments share: panels that are built when asked for.

An experiment names its panels and says how each is built; the engine builds those that are wanted. A panel that
takes long is `Later`: it comes after the others, in a request of its own, and tells how far it is with `progress`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from xent.explorer.rows import Rows
from xent.explorer.state import ActionError, put
from xent.explorer.text import words
from xent.explorer.view import Num, Panel

S = TypeVar("S", bound=Any)
text = words("engine")

Sources = Mapping[str, Rows]
"""The rows that can be loaded, by short name."""

Build = Callable[[], Panel]


@dataclass(frozen=True)
class Later:
    """A panel that takes longer than a frame or two; its title stands there from the beginning."""

    title: str
    build: Build
    wide: bool = False


@dataclass(frozen=True)
class Drawing:
    """The picture of a state, not built yet: panel id → how it is built, and one sentence for a screen reader."""

    panels: Mapping[str, Build | Later]
    summary: str


def _nothing(_: Any) -> Mapping[str, str | Num]:
    return {}


@dataclass(frozen=True)
class Preset:
    """A question to predict before the answer is revealed, with the experiment in motion.

    Its words are ``[section.questions.id]`` of the catalogue: ``question``, ``answers`` (2 to 4) and ``why``.

    Attributes
    ----------
    id : str
        Names it in the link, ``q=id``.
    right : int
        Which answer is right, from 0.
    covers : tuple of str
        The panels that would give the answer away; they are covered until one is chosen.
    begin : mapping
        The fields of the state the question is asked in that differ from the default.
    after : sequence of mappings
        What changes once an answer is chosen: the fields of each moment of the motion, the last one stays.
    why : callable
        The live numbers and words in ``why``, from the state the motion ends in.
    """

    id: str
    right: int
    covers: tuple[str, ...]
    begin: Mapping[str, Any] = field(default_factory=dict[str, Any])
    after: Sequence[Mapping[str, Any]] = ()
    why: Callable[[Any], Mapping[str, str | Num]] = _nothing


class Experiment(Protocol):
    """The interface of an experiment's module; `xent.explorer.experiments` says how to write one."""

    NAME: str
    VERSION: int
    State: Any
    PRESETS: tuple[Preset, ...]

    def first(self, sources: Sources) -> Any:
        """Give the state that a bare link stands for."""
        ...

    def repair(self, state: Any, sources: Sources) -> tuple[Any, list[str]]:
        """Make the fields of a state agree; a sentence for each change a reader could notice."""
        ...

    def act(self, state: Any, action: Mapping[str, Any], sources: Sources) -> Any:
        """Do one edit, or raise ActionError."""
        ...

    def compute(self, state: Any, sources: Sources) -> Drawing:
        """Draw a state."""
        ...


@runtime_checkable
class TakesRows(Protocol):
    """What an experiment has beside that if rows can be loaded into it: the reader's own, for one."""

    def take(self, state: Any, source: str, sources: Sources) -> Any:
        """Show rows of a source that has just come, or raise ActionError."""
        ...


def edit(state: S, action: Mapping[str, Any]) -> S:
    """Do ``{"do": "set", "path": …, "value": …}``, the only edit that most experiments need.

    Raises
    ------
    ActionError
        For another action, a path that is none, or a value that cannot be read.
    """
    if action["do"] != "set":
        raise ActionError(text.no_action.format(name=repr(action["do"])[:40]))
    path = action.get("path")
    if not isinstance(path, str):
        raise ActionError(text.no_path.format(path=repr(path)[:40]))
    return put(state, path, action.get("value"))


_report: ContextVar[Callable[[float], None] | None] = ContextVar("report", default=None)


def progress(done: float) -> None:
    """Say how much of a `Later` panel is done, from 0 to 1; the page shows it."""
    report = _report.get()
    if report is not None:
        report(min(max(done, 0.0), 1.0))


@contextmanager
def reporting(report: Callable[[float], None] | None) -> Generator[None]:
    """Pass what `progress` says within the block to ``report``."""
    token = _report.set(report)
    try:
        yield
    finally:
        _report.reset(token)
