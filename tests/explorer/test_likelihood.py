"""Maximum likelihood: products, sums and means are those of NumPy, SciPy and the public library."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from xent import from_probs
from xent import information as public
from xent.explorer import engine
from xent.explorer.experiments import likelihood
from xent.explorer.experiments.likelihood import record
from xent.explorer.numbers import show
from xent.explorer.section import Preset

Pairs = Iterator[tuple[str, float, float]]
SLACK = 1e-15
"""The last bits of sums that cancel, and of inputs that the library gets rounded."""


def item(view: Any, name: str) -> Any:
    return next(i for panel in view["panels"] for i in panel["items"] if i["id"] == name)


def readings(view: Any, name: str) -> list[str]:
    return [entry["number"]["text"] for entry in item(view, name)["items"]]


def check(s: likelihood.State, view: Any) -> Pairs:
    n, q = np.array(s.counts) * s.copies, np.array(s.model)
    _, _, product, total, mean = readings(view, "numbers")
    drawn = record._order(s.counts) * s.copies
    yield product, float(np.cumprod(q[drawn])[-1]), SLACK
    with np.errstate(divide="ignore"):
        yield total, float(np.sum(n[n > 0] * np.log(q[n > 0]))), SLACK
    labels = np.repeat(np.arange(3), n)
    rows = np.tile(q, (len(labels), 1))
    yield mean, float(from_probs.sparse_categorical_cross_entropy(labels, rows, 0.0)), SLACK
    yield mean, float(public.cross_entropy(n / n.sum(), q)), SLACK
    parts = [cell[1]["text"] for cell in item(view, "parts")["table"]["rows"]]
    yield parts[0], float(public.entropy(n / n.sum())), SLACK
    yield parts[1], max(float(public.kl_divergence(n / n.sum(), q)), 0.0), SLACK


def ask(url: str, *actions: dict[str, Any]) -> Any:
    return engine.respond({"seq": 1, "url": url, "actions": list(actions)}, {})


def test_the_product_is_exact_where_no_float_is() -> None:
    exact = record.power_of((0.25, 0.5, 0.25), (1000, 1000, 1000))
    assert abs(Fraction(exact) * 2**5000 - 1) < Fraction(1, 10**38)
    assert record.show_exact(exact) == "7.08×10⁻¹⁵⁰⁶"  # 5000 · log10 2 = 1505.15, and 10 to the −0.15 is 0.708
    assert record.show_exact(record.power_of((0.5, 0.5, 0.0), (2, 0, 0))) == "0.2500"


@pytest.mark.parametrize(("kind", "dtype"), [(record.DOUBLE, np.float64), (record.SINGLE, np.float32)])
def test_floats_die_where_numpys_do(kind: str, dtype: Any) -> None:
    d = record.Data(likelihood.State())
    product = dtype(1)
    for n, j in enumerate(d.order, start=1):
        product *= dtype(d.state.model[j])
        assert d.product(kind, n) == product
        if not product:
            break
    assert product == 0
    assert d.runs[kind][-1] == 0
    assert len(d.runs[kind]) - 1 == n


def test_the_least_loss_is_at_the_frequencies() -> None:
    fitted = ask("x=likelihood", {"do": "fit"})
    state = engine._open(fitted["url"], {})[1]
    assert state.model == (0.6, 0.3, 0.1)
    table = item(fitted["view"], "parts")["table"]["rows"]
    assert [row[1]["text"] for row in table] == [
        show(float(public.entropy(np.array([0.6, 0.3, 0.1])))),
        "0",
        table[0][1]["text"],
    ]
    scipy = pytest.importorskip("scipy.optimize")
    counts = np.array([6.0, 3.0, 1.0])
    found = scipy.minimize(lambda z: -counts @ (z - np.log(np.exp(z).sum())), np.zeros(3))
    assert np.exp(found.x) / np.exp(found.x).sum() == pytest.approx(state.model, abs=1e-5)


def test_contours_have_their_level() -> None:
    items = [i for panel in ask("x=likelihood")["view"]["panels"] for i in panel["items"]]
    triangle = next(i for i in items if i["kind"] == "simplex")
    for contour, level in zip(triangle["lines"], (0.02, 0.1, 0.3), strict=False):
        f = np.array([0.6, 0.3, 0.1])
        for point in contour["points"]:
            above = float(public.kl_divergence(f, np.array(point)))
            assert above == pytest.approx(level, abs=1e-4)


def test_no_draw_is_one_draw_and_said() -> None:
    answer = ask("x=likelihood&v=1&n=0,0,0")
    assert answer["notices"] == ["Without any draw there is no frequency; there is one of red now."]
    assert "error" not in ask("x=likelihood", *({"do": "set", "path": f"counts.{j}", "value": 0} for j in range(3)))


def test_an_impossible_draw() -> None:
    view = ask("x=likelihood&v=1&model=0.5,0.5,0")["view"]
    assert readings(view, "numbers")[1:] == ["0", "0", "−∞", "∞"]


@pytest.mark.parametrize("then", ["fit", "even"])
@pytest.mark.parametrize(
    "edits", [[(0, 1.0), (0, 0.3)], [(1, -1.0), (2, 2.0), (1, 1 / 3)], [(0, 1e-200), (2, 0.999)]]
)
def test_edits_keep_a_distribution(edits: list[tuple[int, float]], then: str) -> None:
    answer = ask("x=likelihood", *({"do": "set", "path": f"model.{j}", "value": v} for j, v in edits))
    assert "error" not in answer
    assert answer["notices"] == []
    assert math.fsum(engine._open(answer["url"], {})[1].model) == pytest.approx(1, abs=1e-9)
    assert ask(answer["url"], {"do": then})["notices"] == []


@pytest.mark.parametrize("preset", likelihood.PRESETS, ids=lambda p: p.id)
def test_every_preset_opens(preset: Preset) -> None:
    fields: dict[str, Any] = dict(preset.begin)
    for change in ({}, *preset.after):
        fields |= change
        state, notices = likelihood.repair(likelihood.State(**fields), {})
        assert notices == []
        for build in likelihood.compute(state, {}).panels.values():
            assert build()["items"]  # type: ignore[operator]
    assert engine.say(engine.words("likelihood").questions[preset.id].why, **preset.why(likelihood.State(**fields)))


def test_a_thousand_draws_are_nothing_in_float64() -> None:
    state = likelihood.State(**likelihood.PRESETS[0].after[-1])
    view = engine.respond({"seq": 1, "url": engine.to_url("likelihood", 1, state), "actions": []}, {})["view"]
    assert readings(view, "numbers")[0] == "1000"
    assert readings(view, "numbers")[2] == "0"
    assert readings(view, "numbers")[1] != "0"
