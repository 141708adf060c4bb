"""Every rule's link, opened as the explorer opens it: no notice, and the state that shows what was found."""

from __future__ import annotations

import dataclasses
import math
from html import escape

import numpy as np
import pytest

import xent
from xent.auditor import checks  # noqa: F401 - fills RULES
from xent.auditor.finding import RULES
from xent.auditor.render import links
from xent.auditor.render.html import render_html
from xent.explorer import engine
from xent.explorer.rows import demo
from zoo import keeper

SHOWN = {
    "XE101": ("pitfalls", "program", "k"),
    "XE102": ("pitfalls", "program", "k"),
    "XE103": ("binary", "z", "y"),
    "XE107": ("pitfalls", "program"),
    "XE111": ("pitfalls", "program", "clip"),
    "XE112": ("precision", "format", "size", "side"),
    "XE113": ("precision", "format", "size"),
    "XE114": ("pitfalls", "program", "rows"),
    "XE116": ("attention", "fill"),
    "XE201": ("pitfalls", "program", "shift"),
    "XE202": ("pitfalls", "program", "shift"),
    "XE203": ("pitfalls", "program", "shift"),
    "XE204": ("pitfalls", "program"),
    "XE205": ("pitfalls", "program"),
    "XE206": ("pitfalls", "program", "shift"),
    "XE207": ("labels", "form"),
    "XE209": ("pitfalls", "program"),
    "XE303": ("pitfalls", "program"),
    "XE306": ("labels", "used"),
    "XE311": ("labels",),
    "XE401": ("precision", "shift"),
    "XE403": ("precision", "format", "shift"),
    "XE404": ("precision", "format", "shift"),
    "XE406": ("precision", "format", "size", "side"),
    "XE501": ("temperature", "temperature"),
    "XE502": ("temperature", "temperature"),
    "XE503": ("pitfalls", "program", "rare", "guess"),
    "XE504": ("binary", "share", "weight"),
    "XE505": ("pitfalls", "program", "rare", "guess"),
    "XE506": ("pitfalls", "k", "step"),
    "XE507": ("pitfalls", "program", "rare", "guess"),
    "XE508": ("pitfalls", "program", "rare", "guess"),
    "XE510": ("calibration", "bins"),
    "XE511": ("calibration", "bins"),
    "XE512": ("smoothing", "classes", "epsilon", "gap"),
}
"""The section a finding leads to, and the fields of its state that are set."""

AS_IT_STARTS = {
    "XE105": "pitfalls",  # softmax twice comes first there
    "XE106": "information",
    "XE108": "binary",
    "XE117": "information",
    "XE208": "binary",
    "XE304": "labels",  # one row does not count
    "XE307": "labels",
    "XE390": "pitfalls",  # where no formula is found
    "XE407": "likelihood",
    "XE602": "training",
    "XE604": "focal",
    "XE606": "training",
    "XE607": "information",
}
"""Sections that begin with what is to be seen, or have no field for it."""

ITS_ROW = {"XE104", "XE109", "XE110", "XE115", "XE402", "XE405"}
ITS_ROWS = {"XE601", "XE603"}
"""Findings about rows: the page holds the scores of these very rows, if it may."""


def opened(address):
    """Give the section that a link opens, and its state: nothing in it had to be repaired."""
    url = address.removeprefix(links.ADDRESS)
    answer = engine.respond({"seq": 1, "url": url, "actions": []}, demo())
    assert (answer["notices"], answer.get("error")) == ([], None)
    module, state, *_ = engine._open(url, demo())
    return module.NAME, state


@pytest.fixture(scope="module", params=list(RULES))
def found(request):
    """Give what a sabotage leads to: its report, and the finding that names it."""
    (made,) = keeper.sabotaged(request.param, 1)
    report = keeper.audited(made)
    return report, next(f for f in report.findings if f.code == request.param)


def test_every_rule_leads_somewhere():
    assert {*SHOWN, *AS_IT_STARTS, *ITS_ROW, *ITS_ROWS} == set(RULES)


def test_a_finding_opens_the_experiment_that_shows_it(found):
    _, finding = found
    name, state = opened(links.finding(finding))
    section, *set_ = SHOWN.get(finding.code, (AS_IT_STARTS.get(finding.code, finding.rule.experiment),))
    assert name == section
    said = finding.evidence.state or {}
    assert set(said) == set(set_)
    for key, value in said.items():
        shown = getattr(state, key)
        assert shown == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value), key


def test_a_finding_about_rows_opens_these_rows(found):
    report, finding = found
    name, state = opened(links.finding(finding, report))
    if finding.code not in ITS_ROW | ITS_ROWS:
        assert links.finding(finding, report) == links.finding(finding)
        return
    table = report.summary.tables["sample" if finding.evidence.rows and finding.code in ITS_ROWS else "head"]
    at = {int(p): i for i, p in enumerate(table["position"])}
    rows = finding.evidence.rows or tuple(c.position for c in report.numbers.costly)
    if finding.code in ITS_ROW:
        assert (name, state.label) == ("logits", table["label"][at[rows[0]]])
        z = [state.logits]
    else:
        assert name == "labels"
        assert list(state.labels) == [table["label"][at[p]] for p in rows[: state.n]]
        assert all(state.used)
        z = [state.row(i) for i in range(state.n)]
    for shown, position in zip(z, rows, strict=False):
        own = table["scores"][at[position]]
        with np.errstate(divide="ignore"):
            assert np.allclose(shown, np.log(own) if report.summary.plan.kind == "probs" else own, rtol=1e-5)


def test_scores_are_on_the_page_only_if_they_are_asked_for(found):
    report, finding = found
    plain, with_rows = (escape(links.finding(finding, of)) for of in (None, report))
    assert f'"{plain}"' in render_html(report)
    assert f'"{with_rows}"' in render_html(report, rows=True)
    assert (f'"{with_rows}"' in render_html(report)) is (plain == with_rows)


@pytest.mark.parametrize(("code", "field", "value"), [
    ("XE112", "size", -math.log(0.0005)), ("XE113", "format", "float32"), ("XE203", "shift", "down"),
    ("XE506", "step", 0),
])  # fmt: skip
def test_what_is_shown(code, field, value):
    (made,) = keeper.sabotaged(code, 1)
    finding = next(f for f in keeper.audited(made).findings if f.code == code)
    _, state = opened(links.finding(finding))
    assert getattr(state, field) == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value)


@pytest.mark.parametrize("pitfall", ["double", "meant", "clipping", "reduction"])
def test_the_formula_that_was_found_opens_its_pitfall(pitfall):
    rng = np.random.default_rng(3)
    z, y = rng.normal(size=(400, 5)) * 3, rng.integers(0, 5, 400)
    p = xent.softmax(z)[np.arange(400), y]
    losses = {
        "double": xent.cross_entropy(xent.softmax(z), y), "meant": -p.mean(),
        "clipping": -np.log(np.clip(p, 1e-2, 1 - 1e-2)).mean(),
        "reduction": xent.cross_entropy(z, y, reduction="sum"),
    }  # fmt: skip
    report = xent.audit(z, y, kind="logits", loss=float(f"{losses[pitfall]:.8g}"), select=["XE390"])
    _, state = opened(links.finding(report.findings[0]))
    assert state.program == pitfall
    assert state.clip == (1e-2 if pitfall == "clipping" else type(state).clip)


def test_a_state_has_only_fields_that_are_there():
    for code, (section, *fields) in SHOWN.items():
        known = {f.name for f in dataclasses.fields(engine.EXPERIMENTS[section].State)}
        assert set(fields) <= known, code
