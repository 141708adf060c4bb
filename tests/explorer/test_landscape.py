"""The landscape: its numbers are the library's, its lines lie where they say, its path is gradient descent."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import xent
from tests.explorer.drawn import close
from xent.explorer import engine
from xent.explorer.experiments import landscape
from xent.explorer.experiments.landscape.ground import LEVELS, MOST_STEPS, REACH, Ground, State, rings
from xent.explorer.numbers import show
from xent.explorer.state import to_url


def check(state: State, view: Any) -> Iterator[tuple[str, float, float]]:
    """Pair what is shown with what the public library says, and how far a difference that cancels may be off."""
    items = {item["id"]: item for panel in view["panels"] for item in panel["items"]}
    labels, eps = np.array([state.label]), state.epsilon
    binary = np.array([[state.logit, 0.0]])
    spoken = items["two-story"]["text"]
    for ref, label in (("class:0", 0), ("class:1", 1)):
        shown = next(p for p in spoken if isinstance(p, dict) and p.get("ref") == ref)
        yield shown["text"], xent.cross_entropy(binary, np.array([label])), 1e-15
    start = np.array([[*state.start, 0.0]])
    end = np.array([[*Ground(state).end, 0.0]])
    numbers = [item["number"]["text"] for item in items["walked"]["items"]]
    yield numbers[0], xent.cross_entropy(start, labels, label_smoothing=eps), 1e-15
    yield numbers[1], xent.cross_entropy(end, labels, label_smoothing=eps), 1e-15
    yield numbers[2], xent.information.entropy(xent.smooth_labels(labels, eps, 3))[0], 1e-15
    _, slope = xent.cross_entropy_with_grad(start, labels, label_smoothing=eps)
    for row, p, q, g in zip(
        items["triangle"]["table"]["rows"], xent.softmax(start)[0], xent.softmax(end)[0], slope[0], strict=True
    ):
        yield row[1]["text"], p, 1e-15
        yield row[2]["text"], g, 1e-15
        yield row[3]["text"], q, 1e-15


def descend(state: State) -> list[float]:
    """Descend by torch's autograd."""
    z = torch.tensor(state.start, dtype=torch.float64, requires_grad=True)
    target, zero = torch.tensor([state.label]), torch.zeros(1, dtype=torch.float64)
    for _ in range(state.steps):
        loss = torch.nn.functional.cross_entropy(torch.cat([z, zero])[None], target, label_smoothing=state.epsilon)
        (slope,) = torch.autograd.grad(loss, z)
        z = (z - state.rate * slope).detach().requires_grad_()
    return z.tolist()


def drawn(state: State) -> Any:
    answer = engine.respond({"seq": 1, "url": to_url("landscape", 1, state), "actions": []}, {})
    json.dumps(answer, allow_nan=False)
    assert answer["notices"] == []
    assert "error" not in answer
    return answer["view"]


place = st.floats(-REACH, REACH)
states = st.builds(
    State,
    logit=st.floats(-8, 8),
    label=st.integers(0, 2),
    epsilon=st.just(0.0) | st.floats(0, 0.9),
    start=st.tuples(place, place),
    rate=st.floats(0.01, 2.0),  # beyond that a descent may be chaotic, and two libraries part
    steps=st.integers(0, 40),
)


@settings(max_examples=25, deadline=None)
@given(states)
def test_the_path_is_gradient_descent(state: State) -> None:
    assert Ground(state).end == pytest.approx(descend(state), rel=1e-9, abs=1e-12)
    for shown, number, slack in check(state, drawn(state)):
        assert close(shown, float(number), slack), (shown, number)


@settings(max_examples=15, deadline=None)
@given(
    states.flatmap(
        lambda s: st.builds(
            lambda r, n: dataclasses.replace(s, rate=r, steps=n), st.floats(0.01, 100), st.integers(0, MOST_STEPS)
        )
    )
)
def test_any_state_is_drawn(state: State) -> None:
    assert [panel["id"] for panel in drawn(state)["panels"]] == [
        "two",
        "three",
        "plane",
        "triangle",
        "descent",
        "numbers",
        "take-home",
    ]


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.9])
def test_lines_lie_on_their_levels(epsilon: float) -> None:
    found = rings(tuple(xent.smooth_labels(np.array([1]), epsilon, 3)[0]))
    assert {level for level, _ in found} >= ({0.1, 6.0} if epsilon == 0 else {2.0, 3.0})
    for level, line in found:
        z = np.array([[a, b, 0.0] for a, b in line])
        loss = xent.cross_entropy(z, np.full(len(z), 1), label_smoothing=epsilon, reduction="none")
        np.testing.assert_allclose(loss, level, atol=2e-3)
    floor = xent.information.entropy(xent.smooth_labels(np.array([1]), epsilon, 3))[0]
    assert {level for level, _ in found} <= {level for level in LEVELS if level > floor}


def test_a_hard_labels_lines_are_straight_on_the_triangle() -> None:
    shown = drawn(State())
    (triangle,) = next(p for p in shown["panels"] if p["id"] == "triangle")["items"]
    for line in triangle["lines"][:-1]:
        np.testing.assert_allclose([p[0] for p in line["points"]], np.exp(-float(line["label"])), rtol=1e-2)


def test_least_loss_is_at_the_target() -> None:
    ground = Ground(State(epsilon=0.3, start=(0.0, 0.0), steps=400))
    assert ground.best == pytest.approx((math.log(0.8 / 0.1), 0.0))
    assert ground.end == pytest.approx(ground.best, abs=1e-6)
    assert ground.last["text"] == ground.floor["text"]


def test_descent_halves_the_loss_with_twice_the_steps() -> None:
    ground = Ground(State())
    assert ground.cost(200) / ground.cost(400) == pytest.approx(2.0, rel=0.05)


def test_the_right_classs_share_alone_sets_the_loss() -> None:
    (preset,) = (p for p in landscape.PRESETS if p.id == "others")
    moved = [
        dataclasses.replace(State(), **preset.begin),
        *(dataclasses.replace(State(), **dict(preset.begin) | dict(at)) for at in preset.after),
    ]
    assert {Ground(s).first["text"] for s in moved} == {show(-math.log(0.4))}
    slopes = [Ground(s).slope[1] for s in moved]
    assert slopes == sorted(slopes)
    assert slopes[-1] > 1.8 * slopes[0]


def test_shares_and_a_probability_set_the_logits() -> None:
    state = landscape.act(State(), {"do": "set", "path": "shares", "value": [0.2, 0.5, 0.3]}, {})
    assert xent.softmax(np.array([*state.start, 0.0])) == pytest.approx([0.2, 0.5, 0.3])
    corner = landscape.act(State(), {"do": "set", "path": "shares", "value": [1, 0, 0]}, {})
    assert corner.start == (REACH, 0.0)
    state = landscape.act(State(), {"do": "set", "path": "probability", "value": 0.9}, {})
    assert xent.sigmoid(np.array(state.logit)) == pytest.approx(0.9)
    assert landscape.act(State(), {"do": "set", "path": "probability", "value": 1}, {}).logit == 8.0


@pytest.mark.parametrize("value", [[0.2, 0.5], "cat", None, [0.5, 0.5, 1.5], [0.5, 0.5, math.nan], [True, 0, 0]])
def test_what_is_no_share_is_refused_in_a_sentence(value: Any) -> None:
    answer = engine.respond(
        {"seq": 1, "url": "x=landscape", "actions": [{"do": "set", "path": "shares", "value": value}]}, {}
    )
    assert answer["error"].startswith("A share is a number from 0 to 1, and a place in the triangle has three;")
    assert answer["url"] == "x=landscape&v=1"


@pytest.mark.parametrize("preset", landscape.PRESETS, ids=lambda p: p.id)
def test_presets_open_and_explain_themselves(preset: Any) -> None:
    state = dataclasses.replace(State(), **preset.begin)
    shown = drawn(state)
    assert set(preset.covers) <= {panel["id"] for panel in shown["panels"]}
    for moment in preset.after:
        state = dataclasses.replace(state, **moment)
        drawn(state)
    words = landscape.text.questions[preset.id]
    assert 0 <= preset.right < len(words.answers)
    words.why.format(**{key: str(value) for key, value in preset.why(state).items()})
