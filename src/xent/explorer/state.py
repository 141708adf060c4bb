"""The state of an experiment, as a link.

A state is a frozen dataclass whose fields carry a codec: a short key for the URL, a range, and how to read and
write the value. The link is canonical (equal states give equal links, defaults are left out), exact (floats are
written so that they read back to the same bits) and versioned. Reading never fails: what cannot be read or is out
of range is replaced or brought into range, and a sentence says so.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast
from urllib.parse import parse_qsl, quote

from xent.explorer.numbers import parse

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")

MAX_URL = 8192
"""Longest link that is read, in characters: 10 classes with long names and every digit of every float need 700."""


class ActionError(ValueError):
    """An edit that cannot be done; the message is one sentence for the reader."""


class Codec(Protocol):
    """What a field of a state needs to stand in a link."""

    @property
    def key(self) -> str:
        """Give the short name in the link."""
        ...

    def clamp(self, value: Any) -> Any:
        """Bring a value into range."""
        ...

    def read(self, text: str) -> Any:
        """Read a value, or raise ValueError with a reason."""
        ...

    def write(self, value: Any) -> str:
        """Write a value."""
        ...


@dataclass(frozen=True)
class Real:
    """A float in [low, high]; ``masks`` lets −∞ stand for a masked class."""

    key: str
    low: float
    high: float
    masks: bool = False

    def clamp(self, value: float) -> float:
        """Bring a number into range; −∞ stays where it is a mask."""
        if self.masks and value == -math.inf:
            return value
        return min(max(value, self.low), self.high) + 0.0  # + 0.0 turns −0 into 0, so that links are canonical

    def read(self, text: str) -> float:
        """Read a float; ValueError with the reason when it is none."""
        value = parse(text)
        if math.isnan(value):
            raise ValueError("a number was expected, NaN came")
        return value

    def write(self, value: float) -> str:
        """Write a float so that it reads back exactly, integers without a point."""
        return repr(int(value)) if value.is_integer() else repr(value)


@dataclass(frozen=True)
class Whole:
    """An integer in [low, high]."""

    key: str
    low: int
    high: int

    def clamp(self, value: int) -> int:
        """Bring an integer into range."""
        return min(max(value, self.low), self.high)

    def read(self, text: str) -> int:
        """Read an integer; ValueError with the reason when it is none."""
        value = parse(text)
        if not value.is_integer():
            raise ValueError(f"a whole number was expected, {text!r} came")
        return int(value)

    def write(self, value: int) -> str:
        """Write an integer."""
        return str(value)


@dataclass(frozen=True)
class Flag:
    """Yes or no, written 1 or 0."""

    key: str

    def clamp(self, value: bool) -> bool:
        """Both are in range."""
        return value

    def read(self, text: str) -> bool:
        """Read what the link or a checkbox says; ValueError when it is neither yes nor no."""
        if text not in ("0", "1", "True", "False"):
            raise ValueError(f"0 or 1 was expected, {text[:40]!r} came")
        return text in ("1", "True")

    def write(self, value: bool) -> str:
        """Write 1 or 0."""
        return "1" if value else "0"


@dataclass(frozen=True)
class OneOf:
    """One of a few words."""

    key: str
    words: tuple[str, ...]

    def clamp(self, value: str) -> str:
        """Words are not clamped; `read` refused the others."""
        return value

    def read(self, text: str) -> str:
        """Read one of the words; ValueError names them all."""
        if text not in self.words:
            raise ValueError(f"one of {', '.join(self.words)} was expected, {text[:40]!r} came")
        return text

    def write(self, value: str) -> str:
        """Write the word."""
        return value


@dataclass(frozen=True)
class Word:
    """A short text of printable characters."""

    key: str
    longest: int

    def clamp(self, value: str) -> str:
        """Keep printable characters and cut to the longest length; surrounding blanks go."""
        return "".join(c for c in value if c.isprintable()).strip()[: self.longest].strip()

    def read(self, text: str) -> str:
        """Read any text."""
        return text

    def write(self, value: str) -> str:
        """Write the text; a comma or % in it is escaped, because commas separate a list."""
        return value.replace("%", "%25").replace(",", "%2C")


@dataclass(frozen=True)
class Many:
    """Between ``least`` and ``most`` values of one codec, separated by commas."""

    each: Codec
    least: int
    most: int

    @property
    def key(self) -> str:
        """The key of the list is the key of its values."""
        return self.each.key

    def clamp(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        """Clamp each value; too many are cut. Too few were refused by `read`."""
        return tuple(self.each.clamp(v) for v in value[: self.most])

    def read(self, text: str) -> tuple[Any, ...]:
        """Read the list; ValueError says which entry is wrong or how many came."""
        parts = text.split(",") if text else []
        if len(parts) < self.least:
            raise ValueError(f"at least {self.least} values separated by commas were expected, {len(parts)} came")
        if isinstance(self.each, Word):
            parts = [p.replace("%2C", ",").replace("%25", "%") for p in parts]
        return tuple(self.each.read(p) for p in parts)

    def write(self, value: tuple[Any, ...]) -> str:
        """Write the list."""
        return ",".join(self.each.write(v) for v in value)


def stored(default: Any, codec: Codec) -> Any:
    """Declare a dataclass field with its default and the codec that puts it into the link."""
    return dataclasses.field(default=default, metadata={"codec": codec})


def codecs(state: Any) -> dict[str, Codec]:
    """Field name → codec, for a state or its class."""
    return {f.name: f.metadata["codec"] for f in dataclasses.fields(state)}


def to_url(name: str, version: int, state: Any) -> str:
    """Write a state as a link: experiment, version, then every field that differs from its default.

    Examples
    --------
    >>> from xent.explorer.experiments import logits
    >>> to_url("logits", 1, logits.State(label=2))
    'x=logits&v=1&y=2'
    """
    return "&".join([f"x={name}", f"v={version}", *write_fields(state)])


def write_fields(state: Any) -> list[str]:
    """Write every field that differs from its default as ``key=value``, in the order of the fields."""
    parts: list[str] = []
    for field in dataclasses.fields(state):
        value = getattr(state, field.name)
        if value != field.default:
            codec: Codec = field.metadata["codec"]
            parts.append(f"{codec.key}={quote(codec.write(value), safe=',-.~:')}")
    return parts


def from_url(url: str, version: int, cls: Callable[..., S]) -> tuple[S, list[str]]:
    """Read a state from a link, with a sentence for everything that had to be changed.

    Parameters
    ----------
    url : str
        What `to_url` wrote, or what somebody typed.
    version : int
        The version this experiment writes. A link of another version is not guessed at: the defaults are shown.
    cls : type
        The state's dataclass.

    Returns
    -------
    state, notices
        Every field within its range; the notices are empty when the link was good.
    """
    if len(url) > MAX_URL:
        return cls(), [f"The link has {len(url)} characters; at most {MAX_URL} are read, so the default is shown."]
    given = dict(parse_qsl(url, keep_blank_values=True))
    given.pop("x", None)
    stated = given.pop("v", str(version))
    if stated != str(version):
        sentence = (
            f"The link is of version {stated[:20]!r}; this page reads version {version}, so the default is shown."
        )
        return cls(), [sentence]
    values, notices, unknown = read_fields(given, cls)
    if unknown:
        notices.append(f"The link has keys this experiment does not know: {', '.join(sorted(unknown))[:80]}.")
    return cls(**values), notices


def read_fields(given: Mapping[str, str], cls: Any) -> tuple[dict[str, Any], list[str], set[str]]:
    """Read a dataclass's fields from a link's keys: values in range, sentences, and the keys that are none."""
    given = dict(given)
    values: dict[str, Any] = {}
    notices: list[str] = []
    for name, codec in codecs(cls).items():
        text = given.pop(codec.key, None)
        if text is None:
            continue
        try:
            read: Any = codec.read(text)
        except ValueError as error:
            notices.append(f"In the link, {codec.key}: {error}; the default is shown.")
            continue
        values[name] = codec.clamp(read)
        if values[name] != read:
            notices.append(f"In the link, {codec.key} was out of range and has been brought into it.")
    return values, notices, set(given)


def put(state: S, path: str, value: Any) -> S:
    """Set one field, or one entry of a list field (``"logits.2"``), to a value from the page, within its range.

    Raises
    ------
    ActionError
        If there is no such field or entry, or the value cannot be read as one.
    """
    name, _, index = path.partition(".")
    codec = codecs(state).get(name)
    if codec is None:
        raise ActionError(f"There is nothing called {path[:40]!r} to set here.")
    try:
        if not isinstance(codec, Many):
            new: Any = codec.clamp(codec.read(_typed(value)))
        elif not index and isinstance(value, list):
            given = cast("list[Any]", value)
            if not codec.least <= len(given) <= codec.most:
                raise ActionError(f"{name} takes {codec.least} to {codec.most} values; {len(given)} came.")
            new = codec.clamp(tuple(codec.each.read(_typed(one)) for one in given))
        else:
            entries = list(getattr(state, name))
            if not index.isdecimal() or int(index) >= len(entries):
                raise ActionError(f"{name} has entries 0 to {len(entries) - 1}; {path[:40]!r} was to be set.")
            entries[int(index)] = codec.each.clamp(codec.each.read(_typed(value)))
            new = tuple(entries)
    except ActionError:
        raise
    except ValueError as error:
        raise ActionError(f"{path}: {error}.") from None
    return dataclasses.replace(state, **{name: new})


def _typed(value: Any) -> str:
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
