"""The words of the explorer, one file a language, one table a section.

Code holds no sentence that a reader sees: it reads ``text = words("temperature")`` at the top of a module and
writes ``say(text.story, loss=…)``. A translation is a copy of ``en.toml``. The tests look at the sources: every
``text.key`` has to be in the table, and every key of a table has to be used.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

LANGUAGE = "en"


class Words(Mapping[str, Any]):
    """One table of words: ``text.key`` for a key that is known, ``text.table[key]`` for one that is computed.

    Examples
    --------
    >>> text = words("page")
    >>> text.undo, "undo" in text
    ('Undo', True)
    """

    def __init__(self, name: str, entries: Mapping[str, Any]) -> None:
        self._name = name
        self._entries = {
            key: Words(f"{name}.{key}", cast("dict[str, Any]", value)) if isinstance(value, dict) else value
            for key, value in entries.items()
        }
        # As attributes of its own they are found at once: a picture asks for a hundred words.
        self.__dict__.update({key: value for key, value in self._entries.items() if not hasattr(Mapping, key)})

    def __getattr__(self, key: str) -> Any:
        raise AttributeError(f"{LANGUAGE}.toml has no {key!r} in [{self._name}]")

    def __getitem__(self, key: str) -> Any:
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def words(table: str) -> Words:
    """Give one table of the catalogue."""
    return _catalogue()[table]


@cache
def _catalogue() -> dict[str, Words]:
    read = tomllib.loads(files(__name__).joinpath(f"{LANGUAGE}.toml").read_text("utf-8"))
    return {name: Words(name, entries) for name, entries in read.items()}
