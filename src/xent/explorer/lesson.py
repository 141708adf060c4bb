"""What a link says beside the state: how the page is shown, for a lesson or a lecture.

These keys are the same in every section, so no experiment may use them for its own.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from urllib.parse import parse_qsl

from xent.explorer.state import Flag, Many, OneOf, Whole, Word, read_fields, stored, write_fields


@dataclass(frozen=True)
class Lesson:
    """How the page is shown.

    Attributes
    ----------
    hide : tuple of str
        Panels that are left out.
    lock : tuple of str
        Paths and actions that cannot be edited; ``("all",)`` locks everything.
    size : str
        ``"projector"`` enlarges everything.
    solo : bool
        Only this section.
    question, answer, moment : str, int, int
        The preset that is being asked, the answer that was chosen (−1: none yet), and how far its motion is.
    """

    hide: tuple[str, ...] = stored((), Many(Word("hide", 40), 0, 40))
    lock: tuple[str, ...] = stored((), Many(Word("lock", 40), 0, 40))
    size: str = stored("normal", OneOf("size", ("normal", "projector")))
    solo: bool = stored(False, Flag("solo"))
    question: str = stored("", Word("q", 40))
    answer: int = stored(-1, Whole("a", -1, 3))
    moment: int = stored(0, Whole("at", 0, 200))

    def locks(self, action: str, path: str) -> bool:
        """Whether an edit is locked; a field's lock locks its entries."""
        field = path.partition(".")[0]
        return not {"all", action, path, field}.isdisjoint(self.lock)


PLAIN = Lesson()
"""The page as it is without any of this."""

_OWN = frozenset(f.metadata["codec"].key for f in dataclasses.fields(Lesson))
KEYS = _OWN | {"x", "v"}
"""Keys of a link that no experiment may use."""


def split(url: str) -> tuple[Lesson, str, list[str]]:
    """Take the lesson out of a link: the lesson, the link of the state alone, and what had to be changed."""
    parts = url.split("&")
    beside = [part for part in parts if part.partition("=")[0] in _OWN]
    if not beside:
        return PLAIN, url, []
    fields, notices, _ = read_fields(dict(parse_qsl("&".join(beside), keep_blank_values=True)), Lesson)
    return Lesson(**fields), "&".join(part for part in parts if part not in beside), notices


def join(url: str, lesson: Lesson) -> str:
    """Write the lesson behind the link of a state."""
    return url if lesson == PLAIN else "&".join([url, *write_fields(lesson)])
