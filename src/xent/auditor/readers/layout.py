"""Which columns of a file are the scores and which are the labels: by their names, or by what the caller says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from xent.auditor.plan import AuditError, Kind

What = Literal["number", "whole", "text", "row", "rows", "object", "other"]

KIND_OF: dict[str, Kind] = {
    "logits": "logits", "logit": "logits",
    "log_probs": "log-probs", "log_prob": "log-probs", "logprobs": "log-probs", "logprob": "log-probs",
    "probs": "probs", "prob": "probs", "probabilities": "probs", "probability": "probs", "p": "probs",
}  # fmt: skip
"""Names that say what a column holds; followed by "_" and a class, one class's column."""
LABELS = ("labels", "label", "targets", "target", "y_true", "y")
CLASSES = ("classes", "class_names")
_OF_CLASS = re.compile(rf"({'|'.join(sorted(KIND_OF, key=len, reverse=True))}|scores?)_(.+)")


@dataclass(frozen=True)
class Column:
    """A column of a table, or a named array.

    Attributes
    ----------
    name : str
        As in the file.
    what : {"number", "whole", "text", "row", "rows", "object", "other"}
        One number a row, a whole one, a text, several numbers, a matrix of them; Python objects, or anything else.
    classes : tuple of str
        Names of the classes that whole numbers stand for, if the file says so.

    Examples
    --------
    >>> Column("labels", "whole").classes
    ()
    """

    name: str
    what: What
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """Where in a file the scores and the labels are.

    Attributes
    ----------
    scores, labels : tuple of str
        One column, or one a class.
    kind : {"logits", "log-probs", "probs"} or None
        What the name says that the scores are.
    names : tuple of str
        The classes' names, in the order of the scores.
    numbered : bool
        Whether the names are numbers of columns that do not begin at 0: then labels are these numbers.

    Examples
    --------
    >>> Layout(("probs",), ("labels",), "probs").names
    ()
    """

    scores: tuple[str, ...]
    labels: tuple[str, ...]
    kind: Kind | None = None
    names: tuple[str, ...] = ()
    numbered: bool = False

    def only_labels(self) -> Layout:
        """Give the layout that reads no scores.

        Examples
        --------
        >>> Layout(("probs",), ("labels",)).only_labels().scores
        ()
        """
        return replace(self, scores=())


def choose(path: str, columns: Sequence[Column], logits: str | None, labels: str | None) -> Layout:
    """Find scores and labels among a file's columns.

    Parameters
    ----------
    path : str
        The file, for the sentences.
    columns : sequence of Column
        All that it has.
    logits, labels : str, optional
        Names of the columns, or what the names of one column a class begin with; None: by the usual names.

    Raises
    ------
    AuditError
        They are missing, or several could be meant, or they hold no numbers.

    Examples
    --------
    >>> table = [Column(name, "number") for name in ("p_cat", "p_dog")] + [Column("label", "text")]
    >>> choose("a.csv", table, None, None)
    Layout(scores=('p_cat', 'p_dog'), labels=('label',), kind='probs', names=('cat', 'dog'), numbered=False)
    """
    by_name = {column.name: column for column in columns}
    mine, kind, names = _scores(path, columns, logits)
    theirs = _labels(path, columns, labels, len(mine))
    for name, option in [*((n, "--logits") for n in mine), *((n, "--labels") for n in theirs)]:
        what = by_name[name].what
        if what == "object":
            raise AuditError(f"{name} in {path} is an array of Python objects, which are not opened; save numbers.")
        if what == "other" or (what == "text" and option == "--logits"):
            raise AuditError(f"{name} in {path} holds no numbers; {option} names another column.")
    numbered = bool(names) and all(name.isdecimal() for name in names)
    names = names or (by_name[theirs[0]].classes if len(theirs) == 1 else ())
    return Layout(mine, theirs, kind, names, numbered)


def _scores(
    path: str, columns: Sequence[Column], wanted: str | None
) -> tuple[tuple[str, ...], Kind | None, tuple[str, ...]]:
    there = [column.name for column in columns]
    groups: dict[str, dict[str, str]] = {}
    for column in columns:
        if (match := _OF_CLASS.fullmatch(column.name)) and column.what in ("number", "whole"):
            groups.setdefault(match[1], {})[match[2]] = column.name
    if wanted is not None:
        if wanted in there:
            return (wanted,), KIND_OF.get(wanted.lower()), ()
        prefix = wanted if wanted.endswith("_") else f"{wanted}_"
        group = {name.removeprefix(prefix): name for name in there if name.startswith(prefix)}
        if not group:
            raise AuditError(f"{path} has no column {wanted}; it has {listed(there)}.")
        return _group(prefix[:-1], group)
    single = [name for name in there if name.lower() in KIND_OF]
    several = [prefix for prefix in groups if len(groups[prefix]) > 1 or not single]
    if len(single) + len(several) > 1:
        found = listed([*single, *(f"{prefix}_…" for prefix in several)])
        raise AuditError(f"{path} has several columns of scores, {found}; --logits says which.")
    if single:
        return (single[0],), KIND_OF[single[0].lower()], ()
    if several:
        return _group(several[0], groups[several[0]])
    raise AuditError(
        f"{path} has no column logits, probs or log_probs, and none that is called like p_0 or logit_cat; "
        f"it has {listed(there)}. --logits names one."
    )


def _group(prefix: str, group: dict[str, str]) -> tuple[tuple[str, ...], Kind | None, tuple[str, ...]]:
    """Order one column a class: by number if they are numbered, else as in the file."""
    numbered = all(name.isdecimal() for name in group)
    names = sorted(group, key=int) if numbered else list(group)
    plain = numbered and [int(name) for name in names] == list(range(len(names)))
    return tuple(group[n] for n in names), KIND_OF.get(prefix.lower()), () if plain else tuple(names)


def _labels(path: str, columns: Sequence[Column], wanted: str | None, scores: int) -> tuple[str, ...]:
    there = [column.name for column in columns]
    if wanted is not None and wanted in there:
        return (wanted,)
    if wanted is None and (found := [name for name in there if name.lower() in LABELS]):
        if len(found) > 1:
            raise AuditError(f"{path} has several columns of labels, {listed(found)}; --labels says which.")
        return (found[0],)
    for prefix in LABELS if wanted is None else [wanted]:
        group = {n.removeprefix(f"{prefix}_"): n for n in there if n.startswith(f"{prefix}_")}
        if len(group) > 1 and len(group) == scores:
            return _group(prefix, group)[0]
    if wanted is not None:
        raise AuditError(f"{path} has no column {wanted}; it has {listed(there)}.")
    raise AuditError(f"{path} has no column labels; it has {listed(there)}. --labels names one.")


def listed(names: Sequence[str], most: int = 12) -> str:
    """Say names in a sentence, a dozen at most.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed([]), listed([str(i) for i in range(20)], 3)
    ('a, b and c', 'nothing at all', '0, 1, 2 and 17 more')
    """
    if not names:
        return "nothing at all"
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
