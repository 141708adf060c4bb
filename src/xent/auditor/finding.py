"""A finding, and the rule that makes one: a function from a Case to evidence or none."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from xent.auditor.case import Case

Severity = Literal["error", "warn", "info"]
Sure = Literal["identity", "test", "heuristic"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Family = Literal["kind", "alignment", "numerics", "prior", "calibration", "data", "forensics"]
FAMILIES: tuple[Family, ...] = get_args(Family)  # in the order in which they are asked


@dataclass(frozen=True)
class Evidence:
    """What a rule found.

    Attributes
    ----------
    text : str
        One or two sentences with the numbers that show it, for somebody who has not read the catalogue.
    numbers : mapping of str to number or text
        The same for programs.
    fix : str
        What to do, one or two sentences; may have a line of code.
    cost : float or None
        Nats a row that it costs, where that is known.
    p_value : float or None
        Of the test, where it is one.
    severity : {"error", "warn", "info"} or None
        If other than the rule's.
    rows : tuple of int
        Positions of rows that show it, a few.
    state : mapping or None
        The explorer's state that shows it, without "x" and "v"; None: the rule's experiment as it starts.

    Examples
    --------
    >>> Evidence("3 rows have no softmax.", {"rows": 3}, "Leave them out.").cost
    """

    text: str
    numbers: Mapping[str, float | int | str] = field(default_factory=dict[str, float | int | str])
    fix: str = ""
    cost: float | None = None
    p_value: float | None = None
    severity: Severity | None = None
    rows: tuple[int, ...] = ()
    state: Mapping[str, object] | None = None


@dataclass(frozen=True)
class Rule:
    """A check of the catalogue.

    Attributes
    ----------
    code : str
        "XE101"; never changes its meaning.
    severity : {"error", "warn", "info"}
        What a finding of it is.
    family : str
        When it is asked: kind, alignment, numerics, prior, calibration, data, forensics.
    sure : {"identity", "test", "heuristic"}
        What it rests on: an identity that sound data cannot have, a test at p < 1e-6 with an effect size, or a
        pattern that sound data could have too.
    silences : tuple of str
        Codes, or beginnings of codes, that a finding of this rule explains: they are not asked.
    experiment : str
        The explorer's experiment that shows it.
    look : callable
        From a Case to Evidence or None. Its docstring is what ``xent explain`` prints: a line that is the title,
        then what it means, how it is found, when it may be wrong, and sources.

    Examples
    --------
    >>> def check(case):
    ...     '''Nothing is there.
    ...
    ...     There are no rows.
    ...     '''
    >>> one = Rule("XE999", "error", "kind", "identity", (), "pitfalls", check)
    >>> one.title, one.text
    ('Nothing is there', 'There are no rows.')
    """

    code: str
    severity: Severity
    family: Family
    sure: Sure
    silences: tuple[str, ...]
    experiment: str
    look: Callable[[Case], Evidence | None]

    @property
    def title(self) -> str:
        """The docstring's first line, without its full stop."""
        return self._doc.partition("\n")[0].rstrip(".")

    @property
    def text(self) -> str:
        """The docstring after its first line."""
        return self._doc.partition("\n")[2].strip()

    @property
    def _doc(self) -> str:
        return inspect.cleandoc(self.look.__doc__ or "")


@dataclass(frozen=True)
class Finding:
    """A rule, and the evidence that it found.

    Examples
    --------
    >>> rule = Rule("XE999", "warn", "kind", "test", (), "pitfalls", lambda case: None)
    >>> Finding(rule, Evidence("It is so.")).severity
    'warn'
    """

    rule: Rule
    evidence: Evidence

    @property
    def code(self) -> str:
        """The rule's."""
        return self.rule.code

    @property
    def severity(self) -> Severity:
        """The evidence's, or the rule's."""
        return self.evidence.severity or self.rule.severity


RULES: dict[str, Rule] = {}
"""Every rule by its code; `xent.auditor.checks` fills it."""


def rule(
    code: str,
    severity: Severity,
    family: Family,
    sure: Sure,
    *,
    silences: tuple[str, ...] = (),
    experiment: str = "pitfalls",
) -> Callable[[Callable[[Case], Evidence | None]], Callable[[Case], Evidence | None]]:
    """Enter a function into the catalogue; the arguments are :class:`Rule`'s.

    Raises
    ------
    ValueError
        Two rules of one code.

    Examples
    --------
    >>> @rule("XE998", "info", "data", "heuristic")
    ... def nothing(case):
    ...     '''Never.'''
    >>> RULES.pop("XE998").title
    'Never'
    """

    def enter(look: Callable[[Case], Evidence | None]) -> Callable[[Case], Evidence | None]:
        if code in RULES:
            raise ValueError(f"two rules have the code {code}")
        RULES[code] = Rule(code, severity, family, sure, silences, experiment, look)
        return look

    return enter
