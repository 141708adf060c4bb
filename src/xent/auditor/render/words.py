"""How the numbers of a report are written, the same in every format, and what each line of them says."""

from __future__ import annotations

import math
from dataclasses import dataclass

from xent.auditor.finding import Finding
from xent.auditor.plan import Plan
from xent.auditor.report import Report
from xent.auditor.summary import FILE

SEVERITY = {"error": "error", "warn": "warning", "info": "note"}
SURE = {
    "identity": "certain: it rests on an identity that sound data cannot break",
    "test": "a statistical test at p < 1e-6, with an effect that matters",
    "heuristic": "likely: a pattern that sound data can have too",
}


def show(value: float, digits: int = 4) -> str:
    """Write a number with so many significant digits; whole numbers in full, in groups of three.

    Examples
    --------
    >>> [show(v) for v in (0.123456, 1234567, 2.5, 1.5e-9, float("inf"), float("nan"), 0.0)]
    ['0.1235', '1,234,567', '2.500', '1.500e-09', '∞', '–', '0']
    """
    if isinstance(value, int):
        return f"{value:,}"
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0.0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    text = f"{value:,.{max(digits - 1 - size, 0)}f}" if -4 <= size < 9 else f"{value:.{digits - 1}e}"
    return text.replace("-", "−") if value < 0 and "e" not in text else text


def percent(share: float) -> str:
    """Write a share as a percentage.

    Examples
    --------
    >>> percent(0.98765), percent(1.0), percent(float("nan"))
    ('98.77 %', '100 %', '–')
    """
    if math.isnan(share):
        return "–"
    return f"{share * 100:.2f}".rstrip("0").rstrip(".") + " %"


def class_name(plan: Plan, k: int) -> str:
    """Give the name of a class, or its number.

    Examples
    --------
    >>> class_name(Plan("logits", "", True, "multi-class", 2, 2, names=("cat", "dog")), 1)
    'dog'
    """
    return str(plan.names[k]) if 0 <= k < len(plan.names) else str(k)


def place(plan: Plan, position: int) -> str:
    """Say where a row is: its file if there are several, its sequence and token, its row and label.

    Examples
    --------
    >>> tokens = Plan("logits", "", True, "tokens", 5, 5, length=8)
    >>> place(tokens, 19), place(tokens, 2 * FILE + 1)
    ('sequence 2, token 3', 'file 2, sequence 0, token 1')
    """
    file, row = divmod(int(position), FILE)
    if plan.task == "tokens" and plan.length:
        where = f"sequence {row // plan.length:,}, token {row % plan.length:,}"
    elif plan.task == "multi-label" and plan.columns > 1:
        where = f"row {row // plan.columns:,}, label {row % plan.columns:,}"
    else:
        where = f"row {row:,}"
    return f"file {file:,}, {where}" if file else where


@dataclass(frozen=True)
class Line:
    """A number of the report.

    Examples
    --------
    >>> Line("loss", "0.3508 ± 0.01", "nats").note
    ''
    """

    name: str
    value: str
    unit: str = ""
    note: str = ""


def lines(report: Report) -> dict[str, list[Line]]:
    """Give all the numbers of a report, in groups.

    Examples
    --------
    >>> import numpy as np, xent
    >>> report = xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4))
    >>> list(lines(report)), lines(report)["Loss"][0].value[:6]
    (['Rows', 'Loss', 'Decisions', 'Calibration', 'Labels'], '0.1809')
    """
    return {
        "Rows": _rows(report),
        "Loss": _loss(report),
        "Decisions": _decisions(report),
        "Calibration": _calibration(report),
        "Labels": _labels(report),
    }


def _rows(report: Report) -> list[Line]:
    n = report.numbers
    out = [Line("rows", show(n.rows)), Line("classes", show(n.classes))]
    for name, count, note in (
        ("ignored", n.ignored, f"have the ignored label {report.summary.plan.ignore_index}; left out"),
        ("broken", n.broken, "have no softmax (NaN, or infinite); left out"),
        ("outside", n.outside, "have a label that is no class; left out"),
        ("infinite", n.infinite, "have a label of probability 0"),
    ):
        if count:
            out.append(Line(name, show(count), note=note))
    return out


def _loss(report: Report) -> list[Line]:
    n = report.numbers
    within = "" if math.isnan(n.loss_error) else f" ± {show(n.loss_error, 2)}"
    out = [Line("loss", show(n.loss) + (within if math.isfinite(n.loss) else ""), "nats a row")]
    if n.infinite:
        out.append(Line("loss of the others", show(n.finite_loss) + within, "nats", "rows whose loss is finite"))
    out.append(Line("in bits", show(n.bits), "bits a row"))
    out.append(Line("perplexity", show(n.perplexity)))
    if n.temperature:
        t = n.temperature
        out.append(Line("refinement", show(t.loss), "nats", "the loss that stays at the fitted temperature"))
        out.append(Line("calibration", show(t.saved), "nats", "what the fitted temperature would save"))
    out.append(Line("prior’s loss", show(n.prior_loss), "nats", "of the labels’ frequencies alone"))
    out.append(Line("D²", show(n.explained), "", "share of the prior’s loss that the model removes"))
    out.append(Line("entropy", show(n.entropy), "nats", "the mean loss that the model itself expects"))
    out += [Line(f"{share * 100:g} % of rows", f"≤ {show(loss, 3)}", "nats") for share, loss in n.quantiles]
    return out


def _decisions(report: Report) -> list[Line]:
    n = report.numbers
    out = [Line("accuracy", percent(n.accuracy))]
    if n.classes > 5:
        out.append(Line("in the top 5", percent(n.top5)))
    if not math.isnan(n.area):
        out.append(Line("area under ROC", f"{show(n.area)} ± {show(n.area_error, 2)}"))
    out.append(Line("Brier score", show(n.brier), "", "sum of squares over all classes"))
    return out


def _calibration(report: Report) -> list[Line]:
    n = report.numbers
    null = f"{show(n.ece_null, 3)} ± {show(n.ece_deviation, 2)} if calibrated perfectly"
    out = [
        Line("mean confidence", percent(n.confidence), "", "mean of the largest probability"),
        Line("ECE", show(n.ece), "", null),
        Line("smooth ECE", show(n.smooth_ece)),
    ]
    if n.temperature:
        t = n.temperature
        if t.at_bound:
            out.append(Line("temperature", "none", "", f"the loss falls on to the {t.at_bound} bound"))
        else:
            low, high = t.value * math.exp(-1.96 * t.error), t.value * math.exp(1.96 * t.error)
            interval = f"95 %: {show(low, 3)} to {show(high, 3)}; fitted on {t.rows:,} rows"
            out.append(Line("temperature", show(t.value), "", interval))
    return out


def _labels(report: Report) -> list[Line]:
    errors = report.numbers.label_errors
    fitted = report.numbers.temperature
    if errors is None or fitted is None:
        return []
    if fitted.at_bound:
        return [Line("label errors", "cannot be told", "", "as no temperature fits")]
    i = max(range(len(errors.tau)), key=lambda j: errors.observed[j] - errors.expected[j])
    some = errors.estimated >= 1 and max(errors.z) > 3
    excess = (
        f"{errors.observed[i]:,.0f} have a label with p ≤ {errors.tau[i]:g}, {show(errors.expected[i], 3)} expected"
    )
    note = f"of {errors.rows:,}; {excess if some else 'no more improbable labels than chance gives'}"
    out = [Line("label errors", f"about {errors.estimated:,.0f}" if some else "none to be seen", "", note)]
    if some:
        out.append(
            Line("of those flagged", percent(errors.rate(i)), "", "are probably right (false discovery rate)")
        )
    return out


def sample_note(report: Report) -> str:
    """Say which numbers are estimates, and on how many rows; empty if the sample is everything.

    Examples
    --------
    >>> import numpy as np, xent
    >>> sample_note(xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4)))
    ''
    """
    n, held = report.numbers, int(report.summary.tables["sample"]["count"].sum())
    fitted = n.temperature.rows if n.temperature else held
    least = min(held, fitted)
    if least >= n.rows - n.infinite:
        return ""
    if held < fitted:
        return (
            f"Temperature and label errors were estimated on {fitted:,} of {n.rows:,} rows;"
            f" {held:,} of these are kept here."
        )
    return f"Temperature and label errors were estimated on {held:,} of {n.rows:,} rows, chosen by their hash."


def kind_note(report: Report) -> str:
    """Say what the scores were taken for, and why.

    Examples
    --------
    >>> import numpy as np, xent
    >>> kind_note(xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4), kind="logits"))
    'The scores were taken for logits, as declared (multi-class).'
    """
    plan = report.summary.plan
    kind = {"logits": "logits", "log-probs": "log-probabilities", "probs": "probabilities"}[plan.kind]
    because = f", {plan.because}" if plan.because else ""
    return f"The scores were taken for {kind}{because} ({plan.task})."


def silenced_note(report: Report) -> list[str]:
    """Say which rules were not asked, one sentence for each finding that explains them.

    Examples
    --------
    >>> import numpy as np, xent
    >>> from dataclasses import replace
    >>> report = xent.audit(np.array([[3.0, 0.0], [0.0, 1.0]] * 4), np.array([0, 1] * 4))
    >>> silenced_note(replace(report, silenced=(("XE501", "XE203"), ("XE601", "XE203"))))
    ['XE203 explains what XE501, XE601 would say: they were not asked.']
    """
    by: dict[str, list[str]] = {}
    for code, cause in report.silenced:
        by.setdefault(cause, []).append(code)
    out: list[str] = []
    for cause, codes in by.items():
        they = "they were" if len(codes) > 1 else "it was"
        out.append(f"{cause} explains what {', '.join(codes)} would say: {they} not asked.")
    return out


def sure(finding: Finding) -> str:
    """Say how sure a finding is, with its p-value where it has one.

    Examples
    --------
    >>> from xent.auditor.finding import Evidence, Rule
    >>> rule = Rule("XE999", "warn", "kind", "test", (), "pitfalls", lambda case: None)
    >>> sure(Finding(rule, Evidence("", p_value=1e-9)))
    'a statistical test at p < 1e-6, with an effect that matters; here p = 1.0e-09'
    """
    p = finding.evidence.p_value
    said = "" if p is None else f"; here p = {show(p, 2)}" if p > 0 else "; here p < 1e-300"
    return SURE[finding.rule.sure] + said


def cost(finding: Finding) -> str:
    """Write what a finding costs; empty if that is not known.

    Examples
    --------
    >>> from xent.auditor.finding import Evidence, Rule
    >>> rule = Rule("XE999", "warn", "kind", "test", (), "pitfalls", lambda case: None)
    >>> cost(Finding(rule, Evidence("", cost=0.25)))
    '0.2500 nats a row'
    """
    nats = finding.evidence.cost
    return "" if nats is None else f"{show(float(nats))} nats a row"


def is_new(finding: Finding, new: frozenset[str] | None) -> bool | None:
    """Say whether a finding is not in the baseline; None without a baseline.

    Examples
    --------
    >>> from xent.auditor.finding import Evidence, Rule
    >>> f = Finding(Rule("XE999", "warn", "kind", "test", (), "pitfalls", lambda c: None), Evidence(""))
    >>> is_new(f, None), is_new(f, frozenset({"XE999"})), is_new(f, frozenset())
    (None, True, False)
    """
    return None if new is None else finding.code in new
