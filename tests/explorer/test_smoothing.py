"""The smoothing section: floors, both conventions and the best gap against spec, xent and torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

import xent
from tests.explorer.drawn import ask, figure
from tests.explorer.seen import assert_page_is_python, link, open_at, settle
from xent import information, spec
from xent.explorer.experiments import smoothing
from xent.explorer.experiments.smoothing.state import Smoothed, smoothed
from xent.explorer.numbers import show


@st.composite
def states(draw: st.DrawFn, most: int = 1000) -> smoothing.State:
    return smoothing.State(
        classes=draw(st.integers(2, most)),
        epsilon=draw(st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1))),
        convention=draw(st.sampled_from(["uniform", "others"])),
        gap=draw(st.floats(-5, 20)),
    )


def row_of(state: smoothing.State) -> list[float]:
    return [state.gap] + [0.0] * (state.classes - 1)


def check(state: smoothing.State, view: Any) -> Iterator[tuple[str, float, float]]:
    """Pair what is shown with what the public library says of the whole row of K classes."""
    for text, value in pairs(state, view):
        yield text, value, 1e-12 * abs(value) + 4e-16


def pairs(state: smoothing.State, view: Any) -> Iterator[tuple[str, float]]:
    z, y = np.array(row_of(state)), np.array(0)
    items = {item["id"]: item for panel in view["panels"] for item in panel["items"]}
    shown = [item["number"]["text"] for item in items["numbers"]["items"]]
    for column, convention in enumerate(("uniform", "others")):
        t = xent.smooth_labels(y, state.epsilon, state.classes, convention=convention)
        yield shown[1 + column], float(information.entropy(t))
        for j, bar in enumerate(items["t"]["rows"]):
            yield (bar["number"], *bar["more"])[column]["text"], float(t[j])
        if convention == state.convention:
            loss, slope = xent.cross_entropy_with_grad(z, t)
            yield shown[0], float(loss)
            yield from ((bar["number"]["text"], float(slope[j])) for j, bar in enumerate(items["slope"]["rows"]))
    yield shown[4], float(xent.cross_entropy(z, y))
    p = xent.softmax(z)
    yield from ((bar["number"]["text"], float(p[j])) for j, bar in enumerate(items["p"]["rows"]))


@settings(max_examples=40, deadline=None)
@given(states(most=12))
def test_the_row_is_specs_for_equal_classes(state: smoothing.State) -> None:
    row, z = Smoothed(state), row_of(state)
    options: Any = {"label_smoothing": state.epsilon, "convention": state.convention}
    t = spec.target_weights(0, state.classes, **options)
    assert row.loss == pytest.approx(spec.loss(z, 0, **options), rel=4e-16)
    assert row.slope == pytest.approx(spec.gradient(z, 0, **options)[:2], rel=4e-15, abs=1e-30)
    assert row.floor["value"] == pytest.approx(spec.entropy(t), rel=1e-14, abs=1e-15)  # t is rounded there
    assert row.above == pytest.approx(spec.kl_divergence(t, spec.probabilities(z)), abs=1e-14)
    assert row.plain["value"] == pytest.approx(spec.loss(z, 0), rel=4e-16)


@settings(max_examples=40, deadline=None)
@given(states())
def test_the_best_gap_gives_the_target_back(state: smoothing.State) -> None:
    best = Smoothed(state).best
    if not math.isfinite(best):
        assert state.epsilon == 0 or (state.epsilon, state.convention) == (1.0, "others")
        return
    if -5 <= best <= 20:
        at = smoothed(state.classes, state.epsilon, state.convention, best)
        assert at.slope == pytest.approx((0.0, 0.0), abs=1e-14)
        assert at.loss == pytest.approx(at.floor["value"], abs=1e-13)
        assert at.above < 1e-13
        assert smoothed(state.classes, state.epsilon, state.convention, best - 0.1).loss > at.loss
        assert smoothed(state.classes, state.epsilon, state.convention, best + 0.1).loss > at.loss


def test_the_known_floors_and_gaps() -> None:
    answer = ask("x=smoothing")
    shown = [item["number"]["text"] for item in figure(answer["view"], "numbers")["items"]]
    assert shown[1:4] == ["0.5003", "0.5448", show(math.log(91))]
    others = ask("x=smoothing&v=1&share=others")
    assert figure(others["view"], "numbers")["items"][3]["number"]["text"] == show(math.log(81))
    assert figure(ask("x=smoothing&v=1&eps=0")["view"], "numbers")["items"][3]["number"]["text"] == "∞"


@settings(max_examples=40, deadline=None)
@given(states())
def test_the_floor_keeps_its_digits_for_the_smallest_share(state: smoothing.State) -> None:
    with mpmath.workdps(700):
        many, share = state.classes - 1, mpmath.mpf(state.epsilon)
        each = share / state.classes if state.convention == "uniform" else share / many
        parts = ((1, 1 - many * each), (many, each))
        want = -sum((n * t * mpmath.log(t) for n, t in parts if t > 0), mpmath.mpf(0))
        assert Smoothed(state).floor["value"] == pytest.approx(float(want), rel=4e-16)


@pytest.mark.parametrize("gap", [-3.0, 0.0, 4.5, 12.0])
def test_the_default_convention_is_pytorchs(gap: float) -> None:
    z = torch.tensor([[gap] + [0.0] * 9], dtype=torch.float64)
    want = torch.nn.CrossEntropyLoss(label_smoothing=0.1)(z, torch.tensor([0])).item()
    assert smoothed(10, 0.1, "uniform", gap).loss == pytest.approx(want, rel=1e-14)


def test_a_prediction_that_is_too_sure_is_pushed_down_and_the_text_says_so() -> None:
    for gap, sign, said in ((8.0, 1, "too sure"), (3.0, -1, "falls until")):
        view = ask(f"x=smoothing&v=1&gap={gap}")["view"]
        story = str(figure(view, "story")["text"])
        assert said in story
        assert math.copysign(1, smoothed(10, 0.1, "uniform", gap).slope[0]) == sign
    assert "no gap is wide enough" in str(figure(ask("x=smoothing&v=1&eps=0")["view"], "story")["text"])


@pytest.mark.parametrize("preset", smoothing.PRESETS, ids=lambda p: p.id)
def test_the_answer_to_every_question_holds(preset: Any) -> None:
    fields, rows = dict(preset.begin), []
    for change in ({}, *preset.after):
        fields |= change
        rows.append(Smoothed(smoothing.State(**fields)))
    losses = [row.loss for row in rows]
    if preset.id == "floor":
        assert min(losses) == pytest.approx(0.5003, abs=5e-5)
        assert losses[-1] > min(losses) + 0.5
        assert [row.plain["value"] for row in rows] == sorted((row.plain["value"] for row in rows), reverse=True)
    else:
        assert [show(row.floor["value"] or 0.0) for row in rows] == ["0.5003", "0.5448"]


@pytest.mark.browser
def test_the_ring_on_the_curve_changes_the_gap(page: Page, address: str) -> None:
    open_at(page, address, "x=smoothing&v=1&solo=1")
    ring = page.locator("#smoothing-figure-against-gap .grip")
    ring.scroll_into_view_if_needed()
    ring.focus()
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert "gap=7.9" in link(page)
    page.get_by_label("the others: ε/(K − 1)").first.check()
    settle(page)
    assert "share=others" in link(page)
    assert_page_is_python(page)
