"""`python -m bench cpu`: a benchmark of wrong answers is worthless, and so is a table that no run gave."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from bench import article, cpu_cases, cpu_goals, cpu_rows, cpu_tables, machine, readme, timing
from bench import cpu_contenders as who
from bench.cpu_cases import FORWARD, GRADIENT, Skipped
from bench.cpu_family import arrays, calls, information, likelihoods, training
from bench.cpu_limits import COPY, NEW, READ, limits
from bench.cpu_others import binary, probabilities
from bench.cpu_process import peak_of

NO_COMPILER = [name for name in who.CONTENDERS if name != "torch.compile"]  # compiling takes half a minute
HERE = {"xent", "torch", "SciPy", "article"}  # can always take part


def silent(_):
    pass


# ------------------------------------------------------------------------------------------------ the right answers


@pytest.mark.parametrize("data", sorted(cpu_cases.DATA))
@pytest.mark.parametrize("mode", [FORWARD, GRADIENT])
def test_contenders_agree_with_float64(data, mode):
    case = cpu_cases.case(40, 7, data=data)
    right = cpu_cases.reference(case)
    present = set()
    for name in NO_COMPILER:
        try:
            value, array = who.CONTENDERS[name](case, mode)()
        except Skipped:
            continue
        present.add(name)
        errors = right.errors(value, array)
        if name == "scikit-learn":  # it clips probabilities, at 1.2e-7 for float32
            assert errors["value"] <= 0.01
            continue
        assert set(errors) == ({"value"} if mode == FORWARD else {"value", "array"})
        assert right.agrees(errors), (name, errors)
    assert present >= HERE


@pytest.mark.slow
def test_compiled_torch_agrees_too():
    case = cpu_cases.case(40, 7)
    try:
        value, array = who.CONTENDERS["torch.compile"](case, GRADIENT)()
    except Skipped as why:
        pytest.skip(str(why))
    right = cpu_cases.reference(case)
    assert right.agrees(right.errors(value, array))


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_other_types_agree(dtype):
    case = cpu_cases.case(40, 7, dtype=dtype)
    right = cpu_cases.reference(case)
    value, array = who.CONTENDERS["torch"](case, GRADIENT)()
    assert str(array.dtype) == f"torch.{dtype}"
    assert right.agrees(right.errors(value, array))


def test_the_reference_is_torch_in_float64():
    case = cpu_cases.case(30, 5)
    z = torch.from_numpy(case.logits).double().requires_grad_()
    loss = torch.nn.functional.cross_entropy(z, torch.from_numpy(case.labels))
    loss.backward()
    right = cpu_cases.reference(case)
    assert right.value == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(right.want, z.grad.numpy()[right.rows] * 30, atol=1e-13)


def test_a_wrong_answer_is_noticed():
    case = cpu_cases.case(40, 7)
    right = cpu_cases.reference(case)
    value, array = who.ours(case, GRADIENT)()
    assert right.agrees(right.errors(value, array))
    assert not right.agrees(right.errors(value * 1.001, array))
    assert not right.agrees(right.errors(value, array * 1.01))
    assert not right.agrees(right.errors(math.nan, array))


def test_ours_stop_the_run_when_wrong_and_peers_are_marked():
    case = cpu_cases.case(40, 7)
    right, call = cpu_cases.reference(case), who.ours(case, FORWARD)
    about = {"what": "x", "rows": 40, "classes": 7, "dtype": "float32", "mode": FORWARD, "threads": "all"}
    row = {"right": right, "bounds": {}, "budget": 0.0, "say": silent}
    builders = {"torch": lambda: lambda: (call()[0] + 1, None), "SciPy": lambda: 1 / 0, "xent": lambda: call}
    done = cpu_rows.measure({**about, "elements": 280}, builders, **row)
    assert not done["times"]["torch"]["right"]
    assert done["times"]["xent"]["right"]
    assert done["skipped"] == {"SciPy": "ZeroDivisionError: division by zero"}
    with pytest.raises(AssertionError, match="xent is wrong"):
        cpu_rows.measure({**about, "elements": 280}, {"xent": builders["torch"]}, **row)
    with pytest.raises(ZeroDivisionError):
        cpu_rows.measure({**about, "elements": 280}, {"xent": builders["SciPy"]}, **row)


def test_the_article_is_the_textbook():
    z, y = np.array([[2.0, 1.0, 0.1], [0.5, 0.5, 0.5]]), np.array([0, 2])
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert article.softmax_cross_entropy(z, y) == pytest.approx(-np.log(p[[0, 1], y]).mean())
    hot = np.eye(3)[y]
    np.testing.assert_allclose(article.softmax_cross_entropy_backward(z, y), (p - hot) / 2)
    np.testing.assert_allclose(article.softmax_cross_entropy_backward(z, hot), (p - hot) / 2)


# ------------------------------------------------------------------------------------------------- limits and clock


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("threads", [1, 2])
def test_limits_read_and_copy_everything(dtype, threads):
    case = cpu_cases.case(51, 20, dtype=dtype)
    wide = 2 if dtype in ("float16", "bfloat16") else np.dtype(dtype).itemsize
    copies = limits(case, GRADIENT, threads)
    assert set(copies) == {COPY, NEW}
    original = case.torch[0].numpy().tobytes() if dtype != "bfloat16" else case.torch[0].view(torch.int16).numpy()
    for way in (*copies[COPY].values(), *copies[NEW].values()):
        got = np.asarray(way())
        assert got.nbytes == 51 * 20 * wide
        assert got.tobytes() == bytes(memoryview(original).cast("B"))
    if wide > 2:
        for way, read in limits(case, FORWARD, threads)[READ].items():
            want = case.logits.max() if "maximum" in way else case.logits.sum(dtype=np.float64)
            assert read() == pytest.approx(float(want), abs=1e-3)


def test_rounds_are_seeded_and_shared():
    def played(seed):
        heard = []
        runs = {name: (lambda name=name: heard.append(name)) for name in "abc"}
        times = timing.interleave(runs, dict.fromkeys("abc", 1), budget=0.0, seed=seed)
        assert {n: len(t) for n, t in times.items()} == dict.fromkeys("abc", timing.LEAST)
        assert all(sorted(heard[i : i + 3]) == ["a", "b", "c"] for i in range(0, len(heard), 3))
        return heard

    with timing.settled():
        assert played(1) == played(1)
        assert len({tuple(played(seed)) for seed in range(8)}) > 1


def test_short_calls_get_more_samples():
    with timing.settled():
        times = timing.interleave({"long": int, "short": int}, {"long": 1, "short": 5}, budget=0.0, seed=1)
    assert {n: len(t) for n, t in times.items()} == {"long": timing.LEAST, "short": timing.FEW}


def test_summary_and_calls():
    assert timing.summary([3.0, 1.0, 2.0]) == {"median": 2.0, "q1": 1.5, "q3": 2.5, "n": 3}
    assert timing.summary([4.0]) == {"median": 4.0, "q1": 4.0, "q3": 4.0, "n": 1}
    assert timing.calls_for(1.0) == 1
    assert 1000 < timing.calls_for(2e-5) <= 5000


def test_the_peak_counts_the_gradient():
    pytest.importorskip("resource")
    try:
        peak = peak_of("SciPy", 4096, 500, GRADIENT)
    except Skipped as why:
        pytest.skip(str(why))
    assert 1 <= peak["logits"] < 6


# ------------------------------------------------------------------------------------------------------- the result


@pytest.fixture(scope="module")
def result():
    rows = cpu_rows.all_losses(((60, 1000), (400, 100), (32, 10)), quick=True, data="spread", say=silent)
    rows += probabilities(cpu_cases.case(64, 30), quick=True, say=silent) + binary(3000, quick=True, say=silent)
    made = {
        "machine": machine.machine(),
        "versions": {"numpy": np.__version__},
        "settings": {"data": "x", "quick": True, "seconds": 1.0},
        "rows": rows,
        "memory": [{"who": "xent", "rows": 9, "classes": 3, "mode": FORWARD, "bytes": 27, "logits": 0.25}],
        "first": [{"who": "xent", "rows": 256, "classes": 10, "cache": "warm", "seconds": 0.5, "n": 1}],
    }
    made["goals"] = cpu_goals.goals(made)
    return json.loads(json.dumps(made, allow_nan=False))


def test_schema(result):
    about = {"what", "rows", "dtype", "mode", "threads", "elements", "times", "limits", "skipped"}
    for row in result["rows"]:
        assert about <= set(row)
        assert "xent" in row["times"]
        for t in (*row["times"].values(), *row["limits"].values()):
            assert 0 < t["q1"] <= t["median"] <= t["q3"]
            assert t["n"] >= 1
        for bound in row["limits"].values():
            assert all(bound["median"] <= other["median"] for other in bound["others"].values())
        assert not set(row["times"]) & set(row["skipped"])
    losses = [(r["mode"], r["threads"]) for r in result["rows"] if r["what"] == "cross-entropy"]
    assert losses[:4] == [(FORWARD, "all"), (FORWARD, "one"), (GRADIENT, "all"), (GRADIENT, "one")]
    for row in result["rows"]:
        for name, t in row["times"].items():
            assert t["right"] or name == "scikit-learn", (row["what"], name, t["errors"])


@pytest.mark.parametrize("part", [information, training, likelihoods, arrays, calls])
def test_the_family_agrees_with_float64(part):
    rows = part(cpu_cases.case(40, 12), True, silent)
    assert rows
    for row in rows:
        assert set(row["times"]) & {"xent", "xent.torch"}
        assert len(row["times"]) > 1
        assert not row["skipped"]
        for name, t in row["times"].items():
            assert t["right"], (row["what"], name, t["errors"])


def test_goals_are_those_of_the_design():
    assert [cpu_goals.over_copy(k) for k in (3, 10, 100, 1000, 128256)] == [3.0, 3.0, 2.0, 1.25, 1.25]
    assert cpu_goals.goal("", "", 1.3, 1.0, 1.25)["met"] is False
    assert cpu_goals.goal("", "", 1.25, 1.0, 1.25)["met"] is True
    assert cpu_goals.goal("", "", 9.0, 1.0, 8.0, least=True)["met"] is True
    assert cpu_goals.goal("", "", 7.9, 1.0, 8.0, least=True)["met"] is False
    assert cpu_goals.goal("", "", None, 1.0, 8.0)["met"] is None


def test_goals_are_judged_from_the_rows(result):
    found = {(g["what"], g["where"]): g for g in result["goals"]}
    row = next(r for r in cpu_tables.chosen(result, GRADIENT) if r["classes"] == 1000)
    own, copy = row["times"]["xent"]["median"], row["limits"][COPY]["median"]
    g = found["xent ÷ copy", "60 × 1000, loss + gradient"]
    assert g["measured"] == pytest.approx(own / copy, rel=0.01)
    assert g["met"] == (own / copy <= 1.25)
    assert found["torch ÷ xent", "400 × 100, loss + gradient"]["goal"] == 6.0
    assert found["xent ÷ torch", "32 × 10, forward"]["goal"] == 1.0
    assert ("xent ÷ read", "400 × 100, forward") not in found


def test_tables_say_what_the_result_says(result):
    text = cpu_tables.readme(result)
    for row in cpu_tables.chosen(result, GRADIENT):
        (line,) = [x for x in text.splitlines() if x.startswith(f"| {cpu_tables.size(row)} |")]
        assert cpu_tables.figure(row["times"]["xent"]["median"] * 1e3) in line
    page = cpu_tables.docs(result)
    for title in ("one thread", "Other types", "Memory", "First loss", "Goals", "Where a peer", "Who did not"):
        assert f"## {title}" in page or title in page
    for line in cpu_tables.lost(result):
        assert line in page
    for written in (text, page):
        tables = [x.count("|") for x in written.splitlines() if x.startswith("|")]
        assert len(tables) > 3


def test_losing_is_told(result):
    row = cpu_tables.chosen(result, GRADIENT)[0]
    slow = json.loads(json.dumps({**result, "rows": [row]}))
    slow["rows"][0]["times"]["xent"]["median"] = 1e3
    slow["rows"][0]["times"]["torch"]["median"] = 1.0
    assert any("torch took 1000 ms, xent 1000000 ms (1000 ×)" in line for line in cpu_tables.lost(slow))
    slow["rows"][0]["times"]["xent"]["median"] = 1e-9
    assert not any(": torch took" in line and "xent " in line for line in cpu_tables.lost(slow))


@pytest.mark.parametrize(
    ("x", "text"), [(None, "–"), (0, "0"), (0.012345, "0.0123"), (1.5, "1.5"), (99.96, "100"), (1234.5, "1234")]
)
def test_figures(x, text):
    assert cpu_tables.figure(x) == text


def test_the_pages_hold_what_the_json_gives():
    for page, name, render in readme.PLACES:
        text = (readme.ROOT / page).read_text()
        assert readme.between(text, name, render(readme.measured(name))) == text, f"{page}: python -m bench readme"


def test_markers():
    begin, end = "<!-- bench:cpu -->", "<!-- /bench:cpu -->"
    text = f"a\n{begin}\nold\n{end}\nb\n"
    assert readme.between(text, "cpu", "new \\1\n") == f"a\n{begin}\nnew \\1\n{end}\nb\n"
    with pytest.raises(ValueError, match="exactly one pair"):
        readme.between("nothing here", "cpu", "x")
    with pytest.raises(ValueError, match="exactly one pair"):
        readme.between(text + text, "cpu", "x")
