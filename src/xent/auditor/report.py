"""From a Summary to a Report: the rules are asked in order, and what a finding explains is not asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from xent.auditor.case import Case
from xent.auditor.finding import FAMILIES, RULES, SEVERITIES, Finding, Rule, Severity
from xent.auditor.numbers import Numbers
from xent.auditor.plan import AuditError
from xent.auditor.summary import Summary


@dataclass(frozen=True)
class Report:
    """What an audit says; shows itself as text, and in a notebook as a page.

    Attributes
    ----------
    name : str
        What was audited: the files, or what the caller called it.
    summary : Summary
        What the report was made from; two of one plan can be merged.
    numbers : Numbers
        Losses, calibration, classes.
    findings : tuple of Finding
        Errors first, then in the order of the families.
    silenced : tuple of (code, code)
        Rules that were not asked, each with the finding that explains why.
    reported : float or None
        The loss that the caller was told.

    Examples
    --------
    >>> import numpy as np, xent
    >>> z = np.array([[3.0, 0.0, -1.0], [0.5, 1.0, 0.0], [0.0, 0.5, 2.0]] * 4)
    >>> report = xent.audit(z, np.array([0, 1, 2] * 4))
    >>> report.findings, round(report.numbers.loss, 4), report.verdict
    ((), 0.3508, 'Nothing is wrong that this audit looks for: 12 rows, 3 classes, 0.3508 nats a row.')
    """

    name: str
    summary: Summary
    numbers: Numbers
    findings: tuple[Finding, ...]
    silenced: tuple[tuple[str, str], ...]
    reported: float | None = None

    def __str__(self) -> str:
        from xent.auditor.render.text import render_text

        return render_text(self)

    def _repr_html_(self) -> str:
        """Show the report in a notebook's cell."""
        from xent.auditor.render.html import fragment

        return fragment(self)

    def worst(self) -> Severity | None:
        """Severity of the gravest finding."""
        found = {f.severity for f in self.findings}
        return next((s for s in SEVERITIES if s in found), None)

    def fails(self, on: str) -> bool:
        """Say whether a finding is as grave as ``on``: "error", "warn" or "never"."""
        worst = self.worst()
        return worst is not None and on != "never" and SEVERITIES.index(worst) <= SEVERITIES.index(on)  # pyright: ignore[reportArgumentType]

    @property
    def verdict(self) -> str:
        """The report in one sentence."""
        n = self.numbers
        size = f"{n.rows:,} rows, {n.classes:,} classes, {n.loss:.4g} nats a row"
        grave = [f for f in self.findings if f.severity != "info"]
        if not grave:
            return f"Nothing is wrong that this audit looks for: {size}."
        counts = [(s, sum(f.severity == s for f in grave)) for s in ("error", "warn")]
        words = {"error": ("error", "errors"), "warn": ("warning", "warnings")}
        said = " and ".join(f"{c} {words[s][c > 1]}" for s, c in counts if c)
        return f"{said}: {grave[0].rule.title} ({grave[0].code}). {size}."


def report_of(
    summary: Summary,
    *,
    name: str = "",
    reported: float | None = None,
    decimals: int | None = None,
    select: Collection[str] = (),
    ignore: Collection[str] = (),
) -> Report:
    """Ask the rules.

    Parameters
    ----------
    summary : Summary
        Of at least one row.
    name : str
        What was audited.
    reported : float, optional
        The loss that a program printed for these rows; the forensic rules look for the formula that gives it.
    decimals : int, optional
        Decimals that it was printed with.
    select, ignore : collections of str
        Codes, or beginnings of codes, of the rules to ask (none: all), and of those not to.

    Raises
    ------
    AuditError
        A code that no rule has; no rows that count.

    Examples
    --------
    >>> import numpy as np
    >>> from xent.auditor.plan import make
    >>> z, y = np.eye(3) * 4, np.arange(3)
    >>> report_of(Summary.of(make(z, y)).add(0, z, y), name="three rows").verdict
    'Nothing is wrong that this audit looks for: 3 rows, 3 classes, 0.03598 nats a row.'
    """
    from xent.auditor import checks as _  # fills RULES  # noqa: F401

    chosen = _chosen(select, ignore)
    summary.settle()
    if summary.counts["rows"] == 0 and not any(summary.counts[c] for c in ("broken", "outside")):
        ignored = summary.counts["ignored"]
        raise AuditError(
            f"All {ignored:,} rows have the ignored label {summary.plan.ignore_index}: nothing is left to audit."
            if ignored
            else "There are no rows to audit."
        )
    case = Case(summary, reported, decimals)
    findings: list[Finding] = []
    silenced: list[tuple[str, str]] = []
    for rule in sorted(chosen, key=lambda r: (FAMILIES.index(r.family), r.code)):
        by = next(
            (f.code for f in findings if f.severity != "info" and rule.code.startswith(f.rule.silences)), None
        )
        if by is not None:
            silenced.append((rule.code, by))
        elif (evidence := rule.look(case)) is not None:
            findings.append(Finding(rule, evidence))
    findings.sort(key=lambda f: SEVERITIES.index(f.severity))
    return Report(name, summary, case.numbers, tuple(findings), tuple(silenced), reported)


def _chosen(select: Collection[str], ignore: Collection[str]) -> Iterable[Rule]:
    for code in (*select, *ignore):
        if not any(c.startswith(code) for c in RULES):
            raise AuditError(f"There is no rule {code!r}; xent explain lists them.")
    some = [r for r in RULES.values() if not select or r.code.startswith(tuple(select))]
    return [r for r in some if not r.code.startswith(tuple(ignore))] if ignore else some
