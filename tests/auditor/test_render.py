"""Reports as text, Markdown and annotations, side by side, and what the catalogue says of a rule."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

import numpy as np
import pytest

import xent
from tests.auditor.reports import NAMES, NOTE, OVER, TWICE, digits, report
from xent.auditor import AuditError, Evidence, Finding
from xent.auditor.finding import RULES, rule
from xent.auditor.render import FORMATS, links, render
from xent.auditor.render.compare import compare, means
from xent.auditor.render.github import step_summary
from xent.auditor.render.text import catalogue, explain
from xent.auditor.render.words import place, show
from xent.explorer.experiments import load
from xent.explorer.state import from_url


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMATS)
def test_every_report_can_be_shown_in_every_format(name, form):
    said = render(report(name), form)
    assert said.endswith("\n")
    assert said == render(report(name), form)
    assert "nan" not in re.findall(r"\b[a-z]+\b", said.replace('"nan":', ""))  # a count's name
    assert "np." not in said


def test_an_unknown_format_is_named():
    with pytest.raises(AuditError, match="text, json, html, github, markdown; 'pdf' came"):
        render(report("plain"), "pdf")


# ----------------------------------------------------------------------------------------------------------- text


def test_text_begins_with_the_verdict_and_says_all_of_a_finding():
    text = str(report("double"))
    lines = text.split("\n")
    assert lines[0] == "Audit of <double> & twice"
    assert lines[1].startswith("1 error: The scores went through <softmax> twice (XE9902). 897 rows")
    assert text.index("XE9902 error") < text.index("XE9904 note") < text.index("Calibration\n")
    flat = " ".join(text.split())
    for part in (
        "Undoing one gives", "cost: 1.167 nats a row", "logits = model(x) # a < b", "certain: it rests on",
        "row 3; row 77; row 105", "#x=pitfalls&v=1&k=10&m=4.5",
        "XE9902 explains what XE9901, XE9903 would say: they were not asked.",
        "taken for probabilities, because each of the first 897 rows is ≥ 0 and sums to 1",
    ):  # fmt: skip
        assert part in flat
    assert "\n             logits = model(x)  # a < b\n" in text, "code keeps its indent"
    assert text.count("xent explore") == 1
    assert max(len(line) for line in lines if "http" not in line) <= 116


def test_text_is_coloured_only_when_asked():
    assert "\x1b" not in render(report("double"), "text")
    coloured = render(report("double"), "text", color=True)
    assert "\x1b[1;31mXE9902 error\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(report("double"), "text")


def test_numbers_are_those_of_the_report_and_stand_in_columns():
    made = report("over")
    text = str(made)
    n = made.numbers
    for value in (n.loss, n.brier, n.ece, n.smooth_ece, n.entropy, n.prior_loss, n.temperature.value, n.explained):
        assert show(value) in text
    group = text[text.index("\nLoss\n") : text.index("\nDecisions\n")].strip("\n").split("\n")[1:]
    starts = {len(line) - len(line[2:].lstrip()) for line in group}
    assert starts == {2}
    at = {re.match(r"  .{14} *  (?=[\d≤−–∞])", line).end() for line in group}
    assert len(at) == 1


def test_rows_that_were_left_out_are_counted():
    text = " ".join(str(report("infinite")).split())
    assert "broken 1 have no softmax" in text
    assert "outside 1 have a label that is no class" in text
    assert "infinite 1 have a label of probability 0" in text
    assert "loss ∞ nats a row" in text


def test_costly_rows_are_the_costliest():
    z, y = digits()
    loss = np.asarray(xent.cross_entropy(3 * z, y, reduction="none"))
    worst = np.argsort(-loss)[:5]
    text = str(report("over"))
    block = text[text.index("Rows that cost most") :].split("\n")[2:7]
    assert [int(line.split()[1]) for line in block] == worst.tolist()
    assert [int(line.split()[2]) for line in block] == y[worst].tolist()
    assert [float(line.split()[4]) for line in block] == pytest.approx(loss[worst], rel=1e-3)


def test_places():
    plan = report("plain").summary.plan
    assert place(plan, 12) == "row 12"
    assert place(plan, 3 * 2**40 + 12) == "file 3, row 12"
    assert place(replace(plan, task="multi-label", columns=4), 9) == "row 2, label 1"


def test_a_sample_is_said_to_be_one():
    text = " ".join(str(report("thousand")).split())
    assert "Temperature and label errors were estimated on 4,194 of 6,000 rows, chosen by their hash." in text
    assert "estimated on" not in str(report("plain")).replace("fitted on", "")


# -------------------------------------------------------------------------------------------------------- baseline


@pytest.mark.parametrize("form", ["text", "markdown", "html", "github"])
def test_what_is_new_is_marked(form):
    said = render(report("over"), form, new=frozenset({"XE9901"}))
    assert said.count("in the baseline") == 1
    plain = render(report("over"), form)
    assert "in the baseline" not in plain
    assert (">new<" in said, "(new)" in said) == {"html": (True, False), "github": (False, False)}.get(
        form, (False, True)
    )


# ------------------------------------------------------------------------------------------------------- workflows


def unescaped(text: str) -> str:
    return (
        text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    )


def test_annotations_are_one_escaped_line_each():
    said = render(report("double"), "github").rstrip("\n").split("\n")
    assert len(said) == 3
    form = re.compile(r"::(error|warning|notice) title=([^:,]*)::(.*)")
    commands = [form.fullmatch(line) for line in said[:2]]
    assert [c[1] for c in commands] == ["error", "notice"]
    assert unescaped(commands[0][2]) == "XE9902 The scores went through <softmax> twice"
    message = unescaped(commands[0][3])
    assert message.startswith(TWICE.evidence.text + "\nCost: 1.167 nats a row.\nFix: Return raw scores:\n")
    assert said[2] == report("double").verdict.replace("%", "%25")
    assert not said[2].startswith("::")


def test_properties_cannot_be_broken_out_of():
    evil = replace(OVER.rule, look=lambda _case: None)
    evil.look.__doc__ = "A,b::error file=x::"
    said = render(replace(report("over"), findings=(Finding(evil, Evidence("x\r\n::error::y 100%")),)), "github")
    assert said.split("\n")[0] == (
        "::warning title=XE9901 A%2Cb%3A%3Aerror file=x%3A%3A::x%0D%0A::error::y 100%25"
    )  # fmt: skip


def test_what_the_baseline_knows_is_a_notice():
    said = render(report("over"), "github", new=frozenset())
    assert said.startswith("::notice title=XE9901 The model is over-confident (in the baseline)::")


def test_the_step_summary_is_markdown_that_shows_what_it_says():
    said = step_summary(report("double"))
    assert said == render(report("double"), "markdown")
    assert said.startswith("## Audit of &lt;double> &amp; twice\n\n**1 error")
    assert "897 of 897 \\| 100 %; see `p & q`" in said
    tables = [line for line in said.split("\n") if line.startswith("|")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in tables}
    assert widths == {4, 5}, "every row of a table has its columns"
    assert len(tables) > 30


# --------------------------------------------------------------------------------------------------------- compare


def test_over_confidence_is_told_from_worse_ranking():
    z, y = digits()
    better = z.copy()
    wrong = np.flatnonzero(z.argmax(1) != y)[:8]
    better[wrong, y[wrong]] += 6
    a, b = xent.audit(z, y, name="epoch 3"), xent.audit(4 * better, y, name="epoch 9")
    assert b.numbers.accuracy > a.numbers.accuracy
    assert b.numbers.loss > a.numbers.loss
    said = " ".join(compare(a, b).split())
    assert said.startswith(f"epoch 3 → epoch 9: the loss rises by {show(b.numbers.loss - a.numbers.loss)} to")
    assert "XE509: the model is more often right and its loss is higher, because it is surer" in said
    assert "That is over-confidence, not worse ranking" in said
    assert means(b, a) == []
    noise = np.random.default_rng(0).normal(size=z.shape) * 3
    assert means(a, xent.audit(z + noise, y))[0].startswith("The ranking is worse")


def test_findings_that_went_came_and_stayed():
    a = replace(report("over"), findings=(OVER, NOTE))
    b = replace(report("double"), findings=(TWICE, NOTE))
    text = compare(a, b)
    assert "  gone  XE9901 warning: The model is over-confident\n" in text
    assert "  new   XE9902 error: The scores went through" in text
    assert "  both  XE9904 note: A few rows carry the loss\n" in text
    assert "none in either" in compare(report("plain"), report("plain"))
    row = next(line for line in text.split("\n") if line.startswith("  accuracy"))
    assert row.split() == ["accuracy", "93.53", "%", "93.53", "%", "0", "%"]


def test_reports_compare_in_markdown_too():
    said = compare(report("plain"), report("over"), "markdown")
    assert said.startswith("## plain → over\n")
    assert "| loss (nats) | " in said
    with pytest.raises(AuditError, match="'pdf' came"):
        compare(report("plain"), report("over"), "pdf")


def test_anything_compares_with_anything():
    for a in NAMES:
        for b in NAMES:
            assert compare(report(a), report(b)).count("\n") > 15


# --------------------------------------------------------------------------------------------------------- explain


@pytest.fixture
def known():
    @rule("XE9981", "warn", "calibration", "test", silences=("XE9982", "XE99"), experiment="calibration")
    def over(_case):
        """Over-confidence: the model is too sure.

        Its confidence is larger than its accuracy: the loss is
        above the entropy.

            z = (loss − entropy) / deviation

        Sources: gpleiss#28.
        """

    yield over
    del RULES["XE9981"]


@pytest.mark.usefixtures("known")
def test_a_rule_is_explained():
    said = explain("xe9981")
    head, _, rest = said.partition("\n\n")
    assert head == "XE9981 warning: Over-confidence: the model is too sure"
    assert rest.startswith("Its confidence is larger than its accuracy: the loss is above the entropy.")
    assert "\n    z = (loss − entropy) / deviation\n" in said
    assert "Explains: XE9982…, XE99…, which are then not asked." in said
    assert "#x=calibration&v=1 (xent explore)" in said
    assert "  XE9981  warning  Over-confidence: the model is too sure\n" in catalogue()


@pytest.mark.usefixtures("known")
def test_an_unknown_code_names_the_nearest():
    with pytest.raises(AuditError, match=r"There is no rule 'XE9982'; the nearest are .*XE9981"):
        explain("XE9982")
    with pytest.raises(AuditError, match="lists them all"):
        explain("nonsense")


def test_every_rule_of_the_catalogue_is_explained():
    every = catalogue()
    for code, one in RULES.items():
        assert f"  {code}  " in every
        said = explain(code)
        assert said.startswith(f"{code} ")
        assert one.title in said
        assert inspect.getdoc(one.look)


# ----------------------------------------------------------------------------------------------------------- links


def test_links_open_the_experiment_in_the_state():
    at = links.finding(TWICE).partition("#")[2]
    state, notices = from_url(at, 1, load()["pitfalls"].State)
    assert (state.k, state.margin, notices) == (10, 4.5, [])


def test_states_that_cannot_be_read_do_not_break_a_link():
    assert links.experiment("pitfalls", {"k": "many", "nothing": 3, "margin": None}) == links.experiment("pitfalls")
    assert links.experiment("pitfalls", {"k": 10**9}).endswith(
        "&k=" + links.experiment("pitfalls", {"k": 10**8}).split("k=")[1]
    )


@pytest.mark.parametrize("name", ["over", "double", "binary", "infinite", "named"])
def test_costly_rows_open_with_their_logits(name):
    made = report(name)
    found = links.rows(made)
    assert len(found) > 200
    logits = load()["logits"]
    table = made.summary.tables["sample"]
    for position, address in list(found.items())[:20]:
        state, notices = from_url(address.partition("#")[2], 1, logits.State)
        assert notices == []
        i = int(np.flatnonzero(table["position"] == position)[0])
        with np.errstate(divide="ignore"):
            z = np.log(table["scores"][i]) if made.summary.plan.kind == "probs" else table["scores"][i]
        assert np.allclose(state.logits, z, rtol=1e-5)
        assert state.label == table["label"][i]
        loss = next(c.loss for c in made.numbers.costly if c.position == position)
        assert float(xent.spec.loss(state.logits, state.label)) == pytest.approx(loss, rel=1e-4, abs=1e-5)


def test_no_row_of_many_classes_is_linked():
    assert links.rows(report("thousand")) == {}
