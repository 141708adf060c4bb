"""Training: the runs are those of torch's autograd, a link brings one back to the bit, and every state is drawn."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
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
from xent.explorer.experiments import training
from xent.explorer.experiments.training.descent import Data, Options, Run, digits, logits, points
from xent.explorer.experiments.training.panels import regions
from xent.explorer.experiments.training.state import LOSSES, MOST_POINTS, MOST_STEPS, SPAN, Runs, State
from xent.explorer.numbers import show
from xent.explorer.rows import demo
from xent.explorer.state import to_url


def train(data: Data, options: Options, steps: int) -> tuple[Any, list[dict[str, float]]]:
    """Train with torch's own loss, where it has it, and its autograd; give weights and moments."""
    x, y = torch.tensor(data.x, dtype=torch.float64), torch.tensor(data.y)
    w = torch.zeros(data.classes, x.shape[1], dtype=torch.float64, requires_grad=True)
    counts = torch.bincount(y, minlength=data.classes).double()
    weight = torch.ones(data.classes, dtype=torch.float64)
    if options.balanced:
        weight = torch.where(counts > 0, len(y) / (data.classes * counts.clamp(min=1)), 0.0)
    moments = []
    for _ in range(steps + 1):
        z = x @ w.T / options.temperature
        p = z.softmax(dim=1)
        plain = torch.nn.functional.cross_entropy(z, y)
        if options.loss == "ce":
            loss = torch.nn.functional.cross_entropy(z, y, weight=weight, label_smoothing=options.smoothing)
        else:
            right = p[torch.arange(len(y)), y]
            hot = torch.nn.functional.one_hot(y, data.classes).double()
            hot = (1 - options.smoothing) * hot + options.smoothing / data.classes
            each = (
                (1 - right) ** options.gamma * -right.log()
                if options.loss == "focal"
                else ((p - hot) ** 2).sum(dim=1)
            )
            loss = (weight[y] * each).sum() / weight[y].sum()
        w.grad = None
        loss.backward()
        norm = w.grad.norm()
        (clipped,) = xent.clip_gradients([w.grad.numpy()], options.clip or 1e300)
        moments.append(
            {
                "objective": loss.item(),
                "cross_entropy": plain.item(),
                "accuracy": (z.argmax(dim=1) == y).double().mean().item(),
                "confidence": p.max(dim=1).values.mean().item(),
                "norm": norm.item(),
            }
        )
        before = w.detach().clone()
        w = (w - options.rate * torch.from_numpy(clipped)).detach().requires_grad_()
    return before, moments


options = st.builds(
    Options,
    loss=st.sampled_from(LOSSES),
    smoothing=st.just(0.0) | st.floats(0, 0.9),
    gamma=st.sampled_from([0.5, 1.0, 2.0, 3.5]),
    balanced=st.booleans(),
    temperature=st.floats(0.5, 3),
    clip=st.just(0.0) | st.floats(0.01, 1),
    rate=st.floats(0.01, 1),
).map(lambda o: dataclasses.replace(o, smoothing=0.0) if o.loss == "focal" else o)


@settings(max_examples=20, deadline=None)
@given(options, st.integers(0, 15))
def test_runs_are_those_of_autograd(chosen: Options, steps: int) -> None:
    s = State()
    data = points(s.xs, s.ys, (*s.kinds[:-3], 0, 0, 0), 3)
    ours = Run(data, chosen)
    moments = ours.until(steps)
    weights, theirs = train(data, chosen, steps)
    np.testing.assert_allclose(ours.weights(steps), weights.numpy(), rtol=1e-8, atol=1e-10)
    for mine, other in zip(moments, theirs, strict=True):
        for name in ("objective", "cross_entropy", "confidence", "norm"):
            assert getattr(mine, name) == pytest.approx(other[name], rel=1e-8, abs=1e-11), name
    # A tie of two logits may be broken the other way by the last bit; at the start all are tied for both.
    assert moments[0].accuracy == theirs[0]["accuracy"]
    assert moments[-1].accuracy == pytest.approx(theirs[-1]["accuracy"])


def test_digits_are_learned_as_autograd_does() -> None:
    chosen = Options(smoothing=0.1, clip=0.3)
    ours = Run(digits(), chosen)
    moments = ours.until(12)
    weights, theirs = train(digits(), chosen, 12)
    np.testing.assert_allclose(ours.weights(12), weights.numpy(), rtol=1e-9, atol=1e-12)
    assert moments[12].norm == pytest.approx(theirs[12]["norm"])
    z = np.array(digits().more_x) @ np.array(ours.weights(12)).T
    labels = np.array(digits().more_y)
    assert moments[12].held_out == pytest.approx(xent.cross_entropy(z, labels), rel=1e-12)
    assert moments[12].held_right == (z.argmax(axis=1) == labels).mean()
    assert moments[12].held_right > 0.6


def check(state: State, view: Any) -> Iterator[tuple[str, float]]:
    """Pair what is shown with what the public library says of the weights of the run."""
    runs = Runs(state)
    items = {item["id"]: item for panel in view["panels"] for item in panel["items"]}
    y = np.array(runs.data.y)
    for which in runs.which:
        w = runs.run(which).weights(state.steps)
        z = np.array(
            [logits(w, row) for row in runs.data.x]
        )  # in the order of the run: a sum's last bit breaks ties
        chosen = state.options(which)
        shown = [item["number"]["text"] for item in items[f"numbers-{which}"]["items"]]
        p = xent.softmax(z, temperature=chosen.temperature)
        counts = np.bincount(y, minlength=runs.data.classes)
        weight = np.where(counts > 0, len(y) / (runs.data.classes * np.maximum(counts, 1)), 0.0)
        if chosen.loss == "ce":
            yield (
                shown[0],
                xent.cross_entropy(
                    z,
                    y,
                    temperature=chosen.temperature,
                    label_smoothing=chosen.smoothing,
                    weight=weight if chosen.balanced else None,
                ),
            )
        elif chosen.loss == "focal" and not chosen.balanced:
            yield shown[0], xent.focal_loss(z / chosen.temperature, y, gamma=chosen.gamma, axis=1)
        yield shown[1], xent.cross_entropy(z, y, temperature=chosen.temperature)
        yield shown[2], (z.argmax(axis=1) == y).mean()
        yield shown[-2], p.max(axis=1).mean()


def drawn(state: State) -> Any:
    """Draw a state with the panels that come later."""
    url = to_url("training", 1, state)
    first = engine.respond({"seq": 1, "url": url, "actions": []}, {})
    assert first["notices"] == []
    names = [panel["id"] for panel in first["view"]["panels"]]
    answer = engine.respond({"seq": 1, "url": url, "actions": [], "only": names, "slow": True}, {})
    json.dumps(answer, allow_nan=False)
    return answer["view"]


coordinate = st.floats(-SPAN, SPAN)


@st.composite
def states(draw: st.DrawFn) -> State:
    n = draw(st.integers(1, 12))
    many = lambda of: draw(st.lists(of, min_size=n, max_size=n).map(tuple))  # noqa: E731
    of = {}
    for which in "ab":
        of |= {
            f"{which}_loss": draw(st.sampled_from(LOSSES)),
            f"{which}_smoothing": draw(st.floats(0, 0.9)),
            f"{which}_gamma": draw(st.floats(0, 5)),
            f"{which}_balanced": draw(st.booleans()),
            f"{which}_temperature": draw(st.floats(0.1, 10)),
            f"{which}_clip": draw(st.floats(0, 5)),
            f"{which}_rate": draw(st.floats(0.01, 100)),
        }
    return State(
        xs=many(coordinate),
        ys=many(coordinate),
        kinds=many(st.integers(0, 2)),
        steps=draw(st.integers(0, 40)),
        second=draw(st.booleans()),
        **of,
    )


@settings(max_examples=25, deadline=None)
@given(states())
def test_any_state_is_drawn_with_the_librarys_numbers(state: State) -> None:
    for shown, number in check(state, drawn(state)):
        assert math.isfinite(number)
        assert close(shown, float(number)), (shown, number)


def test_a_link_brings_a_run_back_to_the_bit() -> None:
    """In another process, at once, as after steps one by one and back."""
    link = "x=training&v=1&px=-1,1,0.3&py=0.2,0,-1&pc=0,1,2&n=57&la=focal&ra=2.5&cb=0.1"
    state = dataclasses.replace(
        State(),
        xs=(-1.0, 1.0, 0.3),
        ys=(0.2, 0.0, -1.0),
        kinds=(0, 1, 2),
        a_loss="focal",
        a_rate=2.5,
        b_clip=0.1,
        steps=50,
    )
    step, back = {"do": "step"}, {"do": "back"}
    walked = engine.respond({"seq": 1, "url": to_url("training", 1, state), "actions": [step] * 9 + [back] * 2}, {})
    assert walked["url"] == link
    program = f"""
import json
from xent.explorer.engine import respond
names = {[panel["id"] for panel in walked["view"]["panels"]]}
print(json.dumps(respond({{"seq": 1, "url": {link!r}, "actions": [], "only": names, "slow": True}}, {{}})["view"]))
"""
    fresh = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    names = [panel["id"] for panel in walked["view"]["panels"]]
    here = engine.respond({"seq": 1, "url": link, "actions": [], "only": names, "slow": True}, {})["view"]
    assert json.loads(fresh) == json.loads(json.dumps(here))
    assert repr(Runs(dataclasses.replace(state, steps=57)).moments("a")[-1].cross_entropy)


def test_a_long_run_comes_later_and_says_how_far_it_is() -> None:
    told: list[float] = []
    url = to_url("training", 1, State(data="digits", steps=6, a_rate=0.123))
    first = engine.respond({"seq": 1, "url": url, "actions": []}, demo())
    assert {p["id"] for p in first["view"]["panels"] if p.get("pending")} == {"a", "b", "loss", "sure", "symbols"}
    late = engine.respond(
        {"seq": 1, "url": url, "actions": [], "only": ["loss"], "slow": True}, demo(), report=told.append
    )
    assert late["view"]["panels"][0]["items"][0]["kind"] == "curves"
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) >= 7
    assert not any(p.get("pending") for p in drawn(State())["panels"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.floats(-2, 2), min_size=3, max_size=3), min_size=3, max_size=3), coordinate, coordinate)
def test_regions_are_where_a_class_has_the_largest_logit(w: list[list[float]], x: float, y: float) -> None:
    z = [a * x + b * y + c for a, b, c in w]
    best = sorted(z)[-2:]
    if best[1] - best[0] < 1e-6:
        return
    within = [region["ref"] for region in regions(w) if inside(region["points"], x, y)]
    assert within == [f"class:{z.index(best[1])}"]


def inside(polygon: list[tuple[float, float]], x: float, y: float) -> bool:
    """Say whether a point is in a convex polygon that runs against the clock."""
    pairs = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return all((c - a) * (y - b) - (d - b) * (x - a) >= -1e-9 for (a, b), (c, d) in pairs)


def test_points_are_placed_and_taken() -> None:
    placed = training.act(State(adds=2), {"do": "place", "value": [0.5, -9]}, {})
    assert (placed.xs[-1], placed.ys[-1], placed.kinds[-1]) == (0.5, -SPAN, 2)
    assert training.act(placed, {"do": "take", "value": len(placed.xs) - 1}, {}) == State(adds=2)
    short, said = training.repair(State(xs=(1.0, 2.0)), {})
    assert (len(short.ys), len(short.kinds)) == (2, 2)
    assert said == ["A point has an x, a y and a class; the 2 that have all three are kept."]


full = State(xs=(0.0,) * MOST_POINTS, ys=(0.0,) * MOST_POINTS, kinds=(0,) * MOST_POINTS)
one = State(xs=(0.0,), ys=(0.0,), kinds=(0,))


@pytest.mark.parametrize(
    ("state", "action", "sentence"),
    [
        (full, {"do": "place", "value": [0, 0]}, "At most 40 points fit here; remove one first."),
        (one, {"do": "take", "value": 0}, "The last point cannot be removed: there would be nothing to learn."),
        (one, {"do": "take", "value": 7}, "There is no point 7; the points are 0 to 0."),
        (one, {"do": "place", "value": [1]}, "A point is placed at two finite numbers, x and y; [1] came."),
        (
            one,
            {"do": "place", "value": [0, math.inf]},
            "A point is placed at two finite numbers, x and y; [0, inf] came.",
        ),
        (one, {"do": "place", "value": None}, "A point is placed at two finite numbers, x and y; [None] came."),
    ],
)
def test_what_cannot_be_done_is_said(state: State, action: Any, sentence: str) -> None:
    answer = engine.respond({"seq": 1, "url": to_url("training", 1, state), "actions": [action]}, {})
    assert answer["error"] == sentence


def test_steps_stay_within_their_range() -> None:
    act = lambda s, do: training.act(s, {"do": do}, {}).steps  # noqa: E731
    assert act(State(steps=3, stride=10), "step") == 13
    assert act(State(steps=3, stride=10), "back") == 0
    assert act(State(steps=MOST_STEPS), "step") == MOST_STEPS
    assert act(State(steps=9), "reset") == 0


@pytest.mark.parametrize("preset", training.PRESETS, ids=lambda p: p.id)
def test_presets_open_and_explain_themselves(preset: Any) -> None:
    state = dataclasses.replace(State(), **preset.begin)
    assert set(preset.covers) <= {panel["id"] for panel in drawn(state)["panels"]}
    start = Runs(state).moments("a")[-1]
    for moment in preset.after:
        state = dataclasses.replace(state, **moment)
        drawn(state)
    words = training.text.questions[preset.id]
    values = preset.why(state)
    words.why.format(**{key: str(value) for key, value in values.items()})
    if preset.id == "begin":
        assert values["begin"]["text"] == show(math.log(3))
        assert show(math.log(3)) in words.answers[preset.right]
    else:
        a, b = (Runs(state).moments(which) for which in "ab")
        assert start.accuracy == 1.0
        assert a[-1].confidence > 0.99 > 0.9 > b[-1].confidence
        assert a[-1].norm > b[-1].norm
        assert b[-1].norm < 1e-6
