"""The gradient section: the chain rule against autograd, squared error, clipping, and what its text claims."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

import xent
from tests.explorer.drawn import ask, close, figure, numbers
from tests.explorer.seen import assert_page_is_python, lane, link, open_at, settle
from xent.explorer.experiments import gradient
from xent.explorer.experiments.gradient.state import Row, split
from xent.explorer.state import to_url


def check(state: gradient.State, view: Any) -> Iterator[tuple[str, float, float]]:
    """Pair what is shown with what the public library, or torch's autograd, says in float64."""
    for text, value in pairs(state, view):
        yield text, value, 1e-9 * abs(value) + 1e-14


def pairs(state: gradient.State, view: Any) -> Iterator[tuple[str, float]]:
    z, y = np.array(state.logits), np.array(state.label)
    loss, slope = xent.cross_entropy_with_grad(z, y, label_smoothing=state.epsilon)
    items = {item["id"]: item for panel in view["panels"] for item in panel["items"]}
    p, t = xent.softmax(z), xent.smooth_labels(y, state.epsilon, len(z))
    yield items["numbers"]["items"][0]["number"]["text"], float(loss)
    yield items["numbers"]["items"][1]["number"]["text"], xent.global_norm(slope)
    for bar, value, share in zip(items["p"]["rows"], p, t, strict=True):
        yield bar["number"]["text"], float(value)
        yield bar["more"][0]["text"], float(share)
    yield from zip((bar["number"]["text"] for bar in items["outer"]["rows"]), map(float, -t / p + 0.0), strict=True)
    logits = torch.tensor(state.logits, dtype=torch.float64)
    table: Any = torch.autograd.functional.jacobian(lambda v: torch.softmax(v, 0), logits)
    for across, want in zip(items["jacobian"]["cells"], table.tolist(), strict=True):
        yield from zip((cell["text"] for cell in across), want, strict=True)
    arrays = [slope * state.size, slope]
    clipped = xent.clip_gradients(arrays, state.limit)
    norms = [item["number"]["text"] for item in items["norms"]["items"]]
    yield norms[0], xent.global_norm(arrays)
    yield norms[2], xent.global_norm(clipped)
    for name, array in zip(("weights", "biases"), clipped, strict=True):
        yield from zip((bar["more"][0]["text"] for bar in items[name]["rows"]), map(float, array), strict=True)


@st.composite
def states(draw: st.DrawFn) -> gradient.State:
    k = draw(st.integers(3, 5))
    return gradient.State(
        logits=tuple(draw(st.lists(st.floats(-10, 10), min_size=k, max_size=k))),
        label=draw(st.integers(0, k - 1)),
        epsilon=draw(st.one_of(st.just(0.0), st.floats(0, 1))),
        row=draw(st.integers(0, k - 1)),
        column=draw(st.integers(0, k - 1)),
        size=draw(st.floats(0.1, 100)),
        limit=draw(st.floats(0.01, 100)),
    )


@settings(max_examples=50, deadline=None)
@given(states())
def test_everything_shown_is_finite_and_the_columns_add_up(state: gradient.State) -> None:
    answer = ask(to_url("gradient", 1, state))
    assert all(number["value"] is not None for number in numbers(answer["view"]))
    row = Row(state)
    for j, slope in enumerate(row.grad):
        column = [across[j] for across in row.products]
        assert math.fsum(column) == pytest.approx(slope, abs=1e-15)
        assert abs(slope) <= 1


@settings(max_examples=50, deadline=None)
@given(states())
def test_squared_error_is_what_autograd_says(state: gradient.State) -> None:
    z = torch.tensor(state.logits, dtype=torch.float64, requires_grad=True)
    t = torch.tensor(Row(state).t, dtype=torch.float64)
    cost = ((torch.softmax(z, 0) - t) ** 2).sum()
    cost.backward()
    value, slope = Row(state).squared
    assert value == pytest.approx(cost.item(), abs=1e-15)
    assert slope == pytest.approx(z.grad.tolist(), abs=1e-15)  # type: ignore[union-attr]


@settings(max_examples=50, deadline=None)
@given(states(), st.floats(0, 1))
def test_dividing_the_wrong_mass_keeps_everything_else(state: gradient.State, share: float) -> None:
    moved = gradient.act(state, {"do": "set", "path": "split", "value": share}, {})
    before, after = Row(state), Row(moved)
    assert after.p[state.label] == pytest.approx(before.p[state.label], rel=1e-13)
    assert all(abs(z) <= 10 for z in moved.logits)
    assert 0 <= split(moved) <= 1
    if state.epsilon == 0:
        assert after.loss == pytest.approx(before.loss, rel=1e-12, abs=1e-13)


def test_clipping_each_array_alone_turns_the_step() -> None:
    row = Row(gradient.State(size=5.0, limit=1.0))
    g = np.array(row.grad)
    whole = np.concatenate([g * 5, g])
    alone = np.concatenate([xent.clip_gradients(g * 5, 1.0), xent.clip_gradients(g, 1.0)])
    together = np.concatenate(xent.clip_gradients([g * 5, g], 1.0))

    def degrees(a: Any, b: Any) -> float:
        return math.degrees(math.acos(min(1.0, a @ b / np.linalg.norm(a) / np.linalg.norm(b))))

    assert row.turned == pytest.approx(degrees(whole, alone))
    assert degrees(whole, together) == pytest.approx(0, abs=1e-5)
    assert Row(gradient.State(size=0.5, limit=10.0)).turned == 0


def test_the_walk_goes_down_each_column_and_stops() -> None:
    state, seen = gradient.State(), [(0, 0)]
    for _ in range(12):
        state = gradient.act(state, {"do": "step"}, {})
        seen.append((state.row, state.column))
    assert seen[:5] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)]
    assert seen[-1] == (2, 2)
    assert gradient.act(state, {"do": "back"}, {}).row == 1
    assert gradient.act(state, {"do": "reset"}, {}) == gradient.State()


def test_bad_edits_are_refused_with_a_sentence() -> None:
    for value in ("cat", "nan", None):
        answer = ask("x=gradient", {"do": "set", "path": "split", "value": value})
        assert "a number was expected" in answer["error"]
    assert ask("x=gradient&v=1&z=1,2,3&y=4&i=4")["notices"] == [
        "There are classes 0 to 2 here; the target and the cell were moved to them."
    ]


@pytest.mark.parametrize("preset", gradient.PRESETS, ids=lambda p: p.id)
def test_the_answer_to_every_question_holds(preset: Any) -> None:
    begin = Row(gradient.State(**preset.begin))
    end = Row(gradient.State(**preset.begin | preset.after[-1]))
    if preset.id == "wrong":
        assert end.loss == pytest.approx(begin.loss, rel=1e-14)
        assert end.grad[1] > begin.grad[1] + 0.2
    elif preset.id == "bounded":
        assert end.outer[0] < -1e4
        assert -1 <= end.grad[0] < -0.999
    else:
        assert abs(end.squared[1][0]) < 1e-3 < abs(begin.squared[1][0])
        assert end.grad[0] < -0.999


def test_the_known_gradient_of_the_articles_row() -> None:
    answer = ask("x=gradient&v=1&z=2,1,0.1")
    want = torch.softmax(torch.tensor([2.0, 1.0, 0.1], dtype=torch.float64), 0) - torch.tensor([1.0, 0, 0])
    shown = [bar["number"]["text"] for bar in figure(answer["view"], "slope")["rows"]]
    assert shown == ["−0.3410", "0.2424", "0.0986"]
    assert all(close(text, value) for text, value in zip(shown, want.tolist(), strict=True))


@pytest.mark.browser
def test_mass_is_moved_and_the_cells_are_walked_through_in_the_browser(page: Page, address: str) -> None:
    open_at(page, address, "x=gradient&v=1&solo=1")
    lane(page, "split", "gradient").focus()
    before = link(page)
    page.keyboard.press("PageUp")
    settle(page)
    assert link(page) != before
    expect(page.locator("#gradient-readout-numbers")).to_contain_text("1.9644")
    expect(page.locator("#gradient-figure-slope")).to_contain_text("0.7145")  # 0.8311 of the two, 0.8598
    page.get_by_role("button", name="Next cell").click()
    settle(page)
    assert "i=1" in link(page)
    page.locator("#gradient-figure-jacobian .grip").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert "j=1" in link(page)
    assert_page_is_python(page)
