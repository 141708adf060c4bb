"""Surprise and its averages: what the page shows is what the public library says."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.explorer.seen import open_at
from xent import information as public
from xent.explorer import engine
from xent.explorer.experiments import information
from xent.explorer.experiments.information import exact
from xent.explorer.numbers import show
from xent.explorer.section import Preset

Pairs = Iterator[tuple[str, float, float]]
SLACK = 2e-15
"""The last bits of sums that cancel, and of inputs that the library gets rounded."""


def item(view: Any, name: str) -> Any:
    return next(i for panel in view["panels"] for i in panel["items"] if i["id"] == name)


def check(state: information.State, view: Any) -> Pairs:
    base = 2.0 if state.unit == "bits" else math.e
    p, q = np.array(state.p), np.array(state.q)
    numbers = [entry["number"]["text"] for entry in item(view, "numbers")["items"]]
    forward = float(public.kl_divergence(p, q, base=base))
    yield numbers[0], float(public.entropy(p, base=base)), SLACK
    yield numbers[1], max(forward, 0.0), SLACK
    yield numbers[2], float(public.cross_entropy(p, q, base=base)), SLACK
    yield numbers[3], math.exp(float(public.cross_entropy(p, q))), SLACK
    three = [row["number"]["text"] for row in item(view, "three")["rows"]]
    yield three[0], max(forward, 0.0), SLACK
    yield three[1], max(float(public.kl_divergence(q, p, base=base)), 0.0), SLACK
    yield three[2], float(public.js_divergence(p, q, base=base)), SLACK
    for row, at_q, at_p in zip(item(view, "lengths")["rows"], q, p, strict=True):
        with np.errstate(divide="ignore"):
            yield row["number"]["text"], float(-np.log(at_q) / math.log(base) + 0.0), SLACK
            yield row["more"][0]["text"], float(-np.log(at_p) / math.log(base) + 0.0), SLACK
    share = np.array([state.share, 1 - state.share])
    rain = np.array(state.given)
    table = np.stack([share * rain, share * (1 - rain)], axis=1)
    shown = [entry["number"]["text"] for entry in item(view, "joint-numbers")["items"]]
    yield shown[0], float(public.entropy(table.sum(0), base=base)), SLACK
    yield shown[2], float(public.mutual_information(table, base=base)), SLACK
    left = [float(public.entropy(np.array([g, 1 - g]), base=base)) for g in rain]
    yield shown[1], float(share @ np.array(left)), SLACK


def ask(url: str, *actions: dict[str, Any]) -> Any:
    return engine.respond({"seq": 1, "url": url, "actions": list(actions)}, {})


def state_of(answer: Any) -> information.State:
    return engine._open(answer["url"], {})[1]


@pytest.mark.parametrize("then", ["swap", "copy", "sure", None])
@pytest.mark.parametrize(
    "edits",
    [
        [("p.0", 1.0), ("p.0", 0.2)],
        [("q.1", 1e-300), ("length.3", 7.3)],
        [("length.0", 0.0), ("length.0", 5.0), ("q.1", -2.0)],
        [("p.3", 1e9), ("share", 0.0), ("given.1", 1.0)],
        [("p.3", 1 / 3), ("p.0", 1 / 7), ("p.1", 0.999999999), ("length.1", 1e9)],
    ],
)
def test_edits_keep_distributions(edits: list[tuple[str, float]], then: str | None) -> None:
    actions = [{"do": "set", "path": path, "value": value} for path, value in edits]
    answer = ask("x=information", *actions, *([{"do": then}] if then else []))
    assert "error" not in answer
    assert answer["notices"] == []  # nothing had to be scaled
    s = state_of(answer)
    assert math.fsum(s.p) == pytest.approx(1, abs=1e-9)
    assert math.fsum(s.q) == pytest.approx(1, abs=1e-9)
    assert min(*s.p, *s.q) >= 0
    assert ask(answer["url"])["view"] == answer["view"]


def test_a_dragged_length_is_that_length() -> None:
    s = state_of(ask("x=information", {"do": "set", "path": "length.2", "value": 2}))
    assert s.q[2] == 0.25
    assert -math.log2(s.q[2]) == 2
    assert s.q[0] / s.q[1] == pytest.approx(0.125 / 0.5)  # the others keep their proportions


def test_areas_add_up() -> None:
    view = ask("x=information")["view"]
    rects = item(view, "code")["rects"]
    area = sum((r["x1"] - r["x0"]) * (r["y1"] - r["y0"]) for r in rects if not r.get("striped"))
    assert area == pytest.approx(2.375)  # H(p, q) in bits: ½·3 + ¼·1 + ⅛·2 + ⅛·3
    extra = sum(
        (r["x1"] - r["x0"]) * (r["y1"] - r["y0"]) * (1 if "overpaid" in r["label"] else -1)
        for r in rects
        if r.get("striped")
    )
    assert extra == pytest.approx(0.625)
    assert sum(r["x1"] - r["x0"] for r in item(view, "sum")["rects"]) == pytest.approx(2.375)


def test_a_forecast_of_zero_costs_infinity() -> None:
    view = ask("x=information&v=1&forecast=0,0.5,0.25,0.25")["view"]
    assert [e["number"]["text"] for e in item(view, "numbers")["items"]] == ["1.7500", "∞", "∞", "∞"]
    assert "∞" in item(view, "code")["rects"][0]["label"]


def test_independence_is_exactly_zero_and_next_to_it_is_not() -> None:
    base = "x=information&v=1&unit=nats&share=0.3"
    shared = [
        item(ask(f"{base}&given={a!r},{b!r}")["view"], "joint-numbers")["items"][2]["number"]["text"]
        for a, b in ((0.1, 0.1), (0.5, 0.5000000000000001))
    ]
    # I ≈ share · (1 − share) · δ² / (2 · ½ · ½) with δ = 2⁻⁵³
    assert shared == ["0", show(0.3 * 0.7 * 2.0**-106 * 2)]


@pytest.mark.parametrize("preset", information.PRESETS, ids=lambda p: p.id)
def test_every_preset_opens(preset: Preset) -> None:
    fields: dict[str, Any] = dict(preset.begin)
    for change in ({}, *preset.after):
        fields |= change
        state, notices = information.repair(information.State(**fields), {})
        assert notices == []
        for build in information.compute(state, {}).panels.values():
            assert build()["items"]  # type: ignore[operator]
    said = engine.words("information").questions[preset.id]
    assert 2 <= len(said.answers) <= 4
    assert engine.say(said.why, **preset.why(state))


def test_exact_agrees_with_the_library() -> None:
    p, q = [0.2, 0.3, 0.5], [0.1, 0.6, 0.3]
    assert exact.jensen_shannon(p, q) == pytest.approx(
        float(public.js_divergence(np.array(p), np.array(q))), rel=1e-14
    )


@pytest.mark.parametrize(
    ("url", "says"), [("p=0,0,0,0", "p added up to 0"), ("forecast=1,1,1,1", "q added up to 4")]
)
def test_what_is_no_distribution_is_scaled_and_said(url: str, says: str) -> None:
    (notice,) = ask(f"x=information&v=1&{url}")["notices"]
    assert notice.startswith(says)


NAMES_AND_COVERS = """() => {
  const out = [];
  for (const figure of document.querySelectorAll(".areas")) {
    const rects = [...figure.querySelectorAll(".tint")];
    for (const name of figure.querySelectorAll(".area .word")) {
      const box = name.getBoundingClientRect();
      const middle = box.top + box.height / 2;
      const under = rects.filter((rect) => {
        const { left, right, top, bottom } = rect.getBoundingClientRect();
        return left < box.left && box.left < right && top < middle && middle < bottom;
      }).at(-1);
      const above = rects.slice(rects.indexOf(under) + 1).map((rect) => rect.getBoundingClientRect());
      const free = (o) => o.right <= box.left || o.left >= box.right || o.bottom <= middle || o.top >= middle;
      const end = under?.getBoundingClientRect().right ?? 0;
      if (box.right > end || !above.every(free)) out.push(name.textContent);
    }
  }
  return out;
}"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 768, 1440])
@pytest.mark.parametrize("state", ["", "&forecast=0.02,0.5,0.25,0.23", "&forecast=0.97,0.01,0.01,0.01"])
def test_names_stand_on_what_is_seen_of_their_area(page: Any, address: str, width: int, state: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    open_at(page, address, f"x=information&v=1&solo=1{state}")
    assert page.evaluate(NAMES_AND_COVERS) == []
    said = page.locator(".areas .area .word, .areas .key li").all_text_contents()
    assert {f"{name}: " for name in ("sun", "cloud", "rain", "snow")} <= {
        text[: text.find(":") + 2] for text in said
    }
