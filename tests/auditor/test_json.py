"""Reports as JSON: they read back, merge exactly, are the same bytes, and say what is wrong with a damaged one."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xent
from tests.auditor.reports import NAMES, TWICE, digits, report
from xent.auditor import AuditError
from xent.auditor.numbers import Numbers
from xent.auditor.render.json import HEAD, HELD, OPENING, from_json, merged, plain, read_json, to_json
from xent.auditor.render.pack import pack, unpack
from xent.auditor.summary import FILE, Summary


def same(a, b) -> bool:
    """Equal, NaN being equal to NaN."""
    return plain(a) == plain(b)


@st.composite
def data(draw):
    k = draw(st.integers(2, 6))
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    z = rng.normal(size=(n, k)) * draw(st.sampled_from([1e-3, 1.0, 30.0, 1e5]))
    y = rng.integers(0, k, n)
    kind = draw(st.sampled_from(["logits", "log-probs", "probs"]))
    if kind == "log-probs":
        z = np.asarray(xent.log_softmax(z))
    if kind == "probs":
        z = np.asarray(xent.softmax(z))
    elif draw(st.booleans()):
        z[0, 0] = draw(st.sampled_from([-np.inf, np.nan, np.inf]))
        z[-1] = 0.5
    y[-1] = draw(st.sampled_from([0, -100, 77, 1]))
    return z, y, kind


def audited(z, y, kind, **more):
    auditor = xent.Auditor(kind=kind, ignore_index=-100, **more)
    auditor.update(z, y)
    return auditor


def asked(auditor):
    """Its report, or None where there is no row that counts."""
    try:
        return auditor.report()
    except AuditError:
        return None


@settings(max_examples=60, deadline=None)
@given(data())
def test_a_report_reads_back(given_):
    made = asked(audited(*given_, name="données"))
    if made is None:
        return
    text = to_json(made)
    back = from_json(text)
    assert back.summary == made.summary
    found, had = ([replace(f.evidence, severity=f.severity) for f in r.findings] for r in (back, made))
    assert same(found, had)
    assert [f.rule for f in back.findings] == [f.rule for f in made.findings]
    for f in fields(Numbers):
        assert same(getattr(back.numbers, f.name), getattr(made.numbers, f.name)), f.name
    assert (back.name, back.silenced, back.verdict, str(back)) == (
        made.name,
        made.silenced,
        made.verdict,
        str(made),
    )
    assert to_json(back) == text


@settings(max_examples=40, deadline=None)
@given(data(), st.integers(0, 2**32))
def test_reports_merge_as_their_rows_do(given_, seed):
    z, y, kind = given_
    if len(y) < 2:
        return
    cut = np.random.default_rng(seed).integers(1, len(y))
    whole = asked(audited(z, y, kind))
    if whole is None:
        return
    first, plan = audited(z[:cut], y[:cut], kind), whole.summary.plan
    second = xent.Auditor(plan=plan, summary=Summary.of(plan).add(int(cut), z[cut:], y[cut:]))
    a, b = asked(first), asked(second)
    if a is None or b is None:
        return
    both = merged(from_json(to_json(a)), from_json(to_json(b)))
    assert both.summary == whole.summary
    assert to_json(replace(both, name="")) == to_json(whole)
    assert to_json(replace(merged(b, a), name="")) == to_json(whole)


def test_the_same_rows_in_other_batches_are_the_same_bytes():
    z, y = digits()
    one = xent.Auditor(kind="logits", name="digits")
    for start in range(0, len(y), 97):
        one.update(z[start : start + 97], y[start : start + 97])
    assert to_json(one.report()) == to_json(xent.audit(z, y, kind="logits", name="digits"))


def test_rows_that_both_count_from_the_start_become_two_files():
    z, y = digits()
    a, b = xent.audit(z[:400], y[:400], name="a"), xent.audit(z[400:], y[400:], name="b")
    assert a.summary.plan != b.summary.plan or a.summary.plan.because == b.summary.plan.because
    both = merged(a, b)
    assert (both.name, both.numbers.rows) == ("a + b", len(y))
    position = both.summary.tables["opening"]["position"]
    assert position.tolist() == [*range(400), *(FILE + i for i in range(len(y) - 400))]
    closing = -both.summary.tables["closing"]["last"]
    assert closing.max() == FILE + len(y) - 401
    assert a.summary.tables["opening"]["position"].max() == 399, "the operands stay as they were"
    assert b.summary.tables["opening"]["position"].max() == len(y) - 401
    whole = xent.audit(z, y)
    assert both.summary.counts == whole.summary.counts
    assert both.summary.sums == whole.summary.sums
    assert both.numbers.temperature == whole.numbers.temperature


def test_plans_that_differ_do_not_merge():
    z, y = digits()
    with pytest.raises(AuditError, match="one plan"):
        merged(report("plain"), report("binary"))
    guessed = xent.audit(z, y)  # how the kind was found out may differ
    assert merged(guessed, xent.audit(z, y, kind="logits")).numbers.rows == 2 * len(y)


@pytest.mark.parametrize("name", NAMES)
def test_findings_and_numbers_survive(name):
    made = report(name)
    back = from_json(to_json(made))
    assert [f.code for f in back.findings] == [f.code for f in made.findings]
    assert [(f.severity, f.rule.title, f.rule.sure) for f in back.findings] == [
        (f.severity, f.rule.title, f.rule.sure) for f in made.findings
    ]
    assert same([f.evidence for f in back.findings], [f.evidence for f in made.findings])
    for f in fields(Numbers):
        assert same(getattr(back.numbers, f.name), getattr(made.numbers, f.name)), f.name


def test_evidence_reads_back_with_infinity_and_nan():
    (said, *_) = from_json(to_json(report("double"))).findings
    assert said.evidence.numbers["worst"] == math.inf
    assert math.isnan(said.evidence.numbers["none"])
    assert said.evidence.rows == TWICE.evidence.rows
    assert dict(said.evidence.state) == {"k": 10, "margin": 4.5}


def test_many_classes_stay_about_a_megabyte_and_say_what_was_cut():
    made = report("thousand")
    text = to_json(made)
    assert len(text) < 1_500_000
    back = from_json(text)
    tables = back.summary.tables
    assert len(tables["sample"]) == HELD // 1000
    assert len(tables["head"]) == HEAD // 1000
    assert len(tables["opening"]) == 6000
    assert tables["opening"].limit == OPENING
    assert back.numbers.temperature == made.numbers.temperature
    said = " ".join(str(back).split())
    assert "estimated on 4,194 of 6,000 rows; 131 of these are kept here." in said
    again = merged(back, back).numbers
    assert again.temperature.rows == 262, "each of the 131 rows twice"


def test_cut_samples_merge_to_what_the_whole_would_have_kept():
    rng = np.random.default_rng(3)
    z, y = rng.normal(size=(6000, 50)).astype(np.float32), rng.integers(0, 50, 6000)
    parts = []
    for part in range(3):
        auditor = xent.Auditor(kind="logits", part=part)
        auditor.update(z[2000 * part : 2000 * part + 2000], y[2000 * part : 2000 * part + 2000])
        parts.append(auditor.report())
    a, b, c = (from_json(to_json(p)) for p in parts)
    left, right = merged(merged(a, b), c), merged(a, merged(c, b))
    assert left.summary == right.summary
    whole = merged(merged(parts[0], parts[1]), parts[2])
    kept = from_json(to_json(whole)).summary.tables["sample"]
    again = from_json(to_json(left)).summary.tables["sample"]
    assert len(kept) == HELD // 50
    for name, column in kept.columns.items():
        assert np.array_equal(column, again[name]), name


# --------------------------------------------------------------------------------------------------------- damaged


def test_json_is_json_without_nan():
    def refuse(word):
        raise AssertionError(word)

    page = json.loads(to_json(report("infinite")), parse_constant=refuse)
    assert page["schema"] == 1
    assert page["numbers"]["loss"] == "Infinity"
    assert page["numbers"]["rows"] == report("infinite").numbers.rows
    assert page["numbers"]["area"] is None


def test_files(tmp_path):
    there = tmp_path / "a.json"
    there.write_text(to_json(report("plain")), "utf-8")
    assert read_json(there).numbers.rows == 897
    with pytest.raises(AuditError, match="cannot be read: No such file"):
        read_json(tmp_path / "b.json")
    (tmp_path / "c.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AuditError, match="not text in UTF-8"):
        read_json(tmp_path / "c.json")
    with pytest.raises(AuditError, match="cannot be read"):
        read_json(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"), ("{", "is not JSON"), ("[" * 100_000, "is not JSON"), ("[]", 'no "schema"'),
        ('{"a": 1}', 'no "schema"'), ('{"schema": "1"}', 'no "schema"'), ('{"schema": true}', 'no "schema"'),
        ('{"schema": 2}', "schema 2; this xent reads up to 1"), ('{"schema": 1}', "damaged"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_said_in_one_sentence(text, words):
    with pytest.raises(AuditError, match=words) as caught:
        from_json(text)
    assert "\n" not in str(caught.value)


def walked(page, path=()):
    """Every place of a page."""
    yield path
    if isinstance(page, dict | list):
        for key in page if isinstance(page, dict) else range(len(page)):
            yield from walked(page[key], (*path, key))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_is_an_error_of_one_sentence_or_harmless(draw):
    page = json.loads(to_json(report("double")))
    places = [p for p in walked(page) if p]
    *outer, last = draw.draw(st.sampled_from(places))
    inner = page
    for key in outer:
        inner = inner[key]
    how = draw.draw(st.sampled_from(["gone", None, "x", -1, 1e300, [], {}, True]))
    if how == "gone":
        del inner[last]
    else:
        inner[last] = how
    try:
        back = from_json(json.dumps(page))
    except AuditError as caught:
        said = str(caught)
    else:
        said = ""
        assert str(back)
        assert to_json(back)
    assert "\n" not in said


@given(st.sampled_from(["f4", "f8", "i8", "u8"]), st.integers(0, 5), st.integers(0, 3))
def test_arrays_pack(dtype, n, k):
    array = np.arange(n * k).astype(dtype).reshape(n, k)
    packed = json.loads(json.dumps(pack(array)))
    back = unpack(packed, like=np.zeros((0, k), dtype), rows=5)
    assert np.array_equal(back, array)
    assert back.dtype == array.dtype


@pytest.mark.parametrize(
    "change",
    [{"dtype": "int32"}, {"shape": [4]}, {"shape": [-3]}, {"data": "!!"}, {"data": "AAAA"}, {"data": ""}],
    ids=str,
)
def test_arrays_that_do_not_fit_are_refused(change):
    packed = pack(np.arange(3)) | change
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        unpack(packed, like=np.zeros(3, np.int64))


def test_a_bomb_is_not_unpacked():
    packed = pack(np.zeros(2**22, np.int64)) | {"shape": [3]}
    with pytest.raises(ValueError, match="24 bytes were expected, 25 came"):
        unpack(packed, like=np.zeros(3, np.int64))


def test_infinite_losses_are_kept_in_the_order_of_their_rows():
    z = np.array([[0.0, -np.inf]] * 600)
    y = np.ones(600, int)
    one = xent.audit(z, y, kind="logits").summary
    parts = [Summary.of(one.plan).add(i, z[i : i + 200], y[i : i + 200]) for i in (400, 0, 200)]
    both = parts[0] + parts[1] + parts[2]
    assert both == one
    assert both.tables["costliest"]["position"].tolist() == list(range(256))
