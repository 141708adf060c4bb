"""Pitfalls: each broken number is what the mistake really gives, each repaired one is the public library's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xent
from tests.explorer.drawn import close
from xent import from_probs
from xent.explorer import engine
from xent.explorer.experiments import pitfalls
from xent.explorer.experiments.pitfalls import scores
from xent.explorer.numbers import show
from xent.explorer.rows import demo
from xent.explorer.section import Preset

Pairs = Iterator[tuple[str, float, float]]
SLACK = 1e-13
"""The last bits of sums that cancel, and of inputs that the library gets rounded."""


def item(view: Any, name: str) -> Any:
    return next(i for panel in view["panels"] for i in panel["items"] if i["id"] == name)


def readings(view: Any, name: str) -> list[str]:
    return [entry["number"]["text"] for entry in item(view, name)["items"]]


def check(s: pitfalls.State, view: Any) -> Pairs:
    z, y = np.array(s.logits).reshape(s.n, s.width), np.array(s.labels)
    losses = xent.cross_entropy(z, y, reduction="none")
    for row, loss in zip(item(view, "rows")["rows"], losses, strict=True):
        yield row["cells"][-1]["text"], float(loss), SLACK
    yield item(view, "rows")["foot"][0][-1]["text"], float(xent.cross_entropy(z, y)), SLACK

    one = np.zeros(s.k)
    one[0] = s.margin
    marks = {m["ref"]: m["label"] for m in item(view, "double-loss")["marks"]}
    yield marks["right"], float(xent.cross_entropy(one, np.array(0))), SLACK
    yield marks["double"], float(xent.cross_entropy(xent.softmax(one), np.array(0))), SLACK

    outputs = np.array(s.output)
    as_logits, as_probability, _ = readings(view, "meant-numbers")
    yield as_logits, float(xent.cross_entropy(outputs, np.array(1))), SLACK
    with np.errstate(divide="ignore", invalid="ignore"):
        yield as_probability, float(-np.log(outputs[1]) + 0.0), SLACK

    part, aim = z[: s.rows], y[: s.rows]
    over_classes, over_rows = readings(view, "axis-numbers")
    yield over_classes, float(xent.cross_entropy(part, aim)), SLACK
    yield over_rows, float(-np.mean(xent.log_softmax(part, axis=0)[np.arange(s.rows), aim]) + 0.0), SLACK

    moved = y + (1 if s.shift == "up" else -1)
    right, wrong, _ = readings(view, "shift-numbers")
    yield right, float(losses.mean()), SLACK
    inside = moved < s.width
    # NumPy counts −1 from the end, as said
    picked = -xent.log_softmax(z)[np.arange(s.n), np.where(inside, moved, 0)]
    yield wrong, float(np.mean(np.where(inside, picked, np.nan)) + 0.0), SLACK

    _, slope = xent.cross_entropy_with_grad(z, y, reduction="sum")
    length = float(np.hypot.reduce(slope.sum(0)))
    added, mean = readings(view, "reduction-numbers")
    yield added, length * int(s.many) / 4, SLACK * s.n
    yield mean, length / s.n, SLACK

    two = np.array([0.0, s.gap])
    loss, grad = xent.cross_entropy_with_grad(two, np.array(0))
    exact, clipped, pull, _ = readings(view, "clip-numbers")
    yield exact, float(loss), SLACK
    yield pull, float(grad[0]), SLACK
    yield clipped, float(from_probs.sparse_categorical_cross_entropy(np.array(0), xent.softmax(two), s.clip)), SLACK

    share, guess = np.array([s.rare, 1 - s.rare]), np.array([s.guess, 1 - s.guess])
    _, plain, weighted, rare = readings(view, "imbalance-numbers")
    yield plain, float(xent.information.cross_entropy(share, guess)), SLACK
    yield weighted, float(xent.information.cross_entropy(np.array([0.5, 0.5]), guess)), SLACK
    yield rare, -math.log(s.guess), SLACK


def ask(url: str, *actions: dict[str, Any]) -> Any:
    return engine.respond({"seq": 1, "url": url, "actions": list(actions)}, {})


@pytest.mark.parametrize(("k", "floor"), [(2, "0.3133"), (3, "0.5514"), (10, "1.4612")])
def test_the_floor_of_two_softmaxes(k: int, floor: str) -> None:
    view = ask(f"x=pitfalls&v=1&k={k}&m=20")["view"]
    rules = item(view, "double-loss")["rules"]
    assert rules[0]["number"]["text"] == floor
    assert rules[0]["number"]["value"] == pytest.approx(math.log(1 + (k - 1) / math.e), rel=1e-15)
    assert scores.Double(k, 20.0).double > rules[0]["number"]["value"]


def test_two_softmaxes_in_torch() -> None:
    torch = pytest.importorskip("torch")
    for k, margin in ((3, 2.0), (10, -1.0), (10, 8.0)):
        z = torch.zeros(1, k, dtype=torch.float64)
        z[0, 0] = margin
        z.requires_grad_()
        loss = torch.nn.functional.cross_entropy(torch.softmax(z, -1), torch.tensor([0]))
        loss.backward()
        ours = scores.Double(k, margin)
        assert ours.double == pytest.approx(loss.item(), rel=1e-12)
        assert ours.double_slope == pytest.approx(z.grad[0, 0].item(), rel=1e-10)


def test_descent_is_gradient_descent() -> None:
    for head in scores.HEADS:
        z = np.zeros(10)
        for _ in range(50):
            p = xent.softmax(z)
            slope = p - xent.one_hot(np.array(0), 10)
            if head == "double":
                slope = (np.diag(p) - np.outer(p, p)) @ (xent.softmax(p) - xent.one_hot(np.array(0), 10))
            z = z - scores.RATE * slope * (head != "dead")
        loss = float(xent.cross_entropy(xent.softmax(z) if head == "double" else z, np.array(0)))
        assert scores.Descent(10).loss(head, 50) == pytest.approx(loss, rel=1e-9)


def test_one_row_over_the_wrong_axis_costs_nothing() -> None:
    assert readings(ask("x=pitfalls&v=1&rows=1")["view"], "axis-numbers")[1] == "0"


def test_the_sum_does_not_settle_where_the_mean_does() -> None:
    lines = {
        each["label"]: [v for _, v in each["points"]] for each in item(ask("x=pitfalls")["view"], "steps")["lines"]
    }
    mean, added = lines["mean"], lines["sum"]
    assert all(b <= a for a, b in itertools.pairwise(mean))
    assert max(added) > 2 * added[0]


def test_a_clipped_mistake_teaches_nothing() -> None:
    view = ask("x=pitfalls&v=1&gap=20")["view"]
    assert readings(view, "clip-numbers") == ["20.000", "16.118", "−1.0000", "0"]


@pytest.mark.parametrize("preset", pitfalls.PRESETS, ids=lambda p: p.id)
def test_every_preset_opens(preset: Preset) -> None:
    fields: dict[str, Any] = dict(preset.begin)
    for change in ({}, *preset.after):
        fields |= change
        state = pitfalls.State(**fields)
        assert engine._open(engine.to_url("pitfalls", 1, state), {})[1] == state
        for build in pitfalls.compute(state, {}).panels.values():
            assert build()["items"]  # type: ignore[operator]
    assert engine.say(engine.words("pitfalls").questions[preset.id].why, **preset.why(pitfalls.State(**fields)))


def test_numbers_in_the_questions_are_right() -> None:
    asked = engine.words("pitfalls").questions
    assert show(float(xent.cross_entropy(np.array([0.0, 1.0, 0.0]), np.array(1)))) in asked.hundred.question
    assert f"{math.log(10):.3f}" in asked.stuck.question


@pytest.mark.parametrize(
    ("do", "value", "output"), [("add", 1, (1, 2, 1)), ("times", 10, (0, 10, 0)), ("times", 1e9, (0, 100, 0))]
)
def test_the_outputs_are_moved_together(do: str, value: float, output: tuple[float, ...]) -> None:
    answer = ask("x=pitfalls", {"do": do, "value": value})
    assert engine._open(answer["url"], {})[1].output == output


@settings(max_examples=25)
@given(st.data())
def test_a_batch_of_own_rows_is_broken_and_repaired_like_the_first(data: st.DataObject) -> None:
    n, k = data.draw(st.integers(1, 8)), data.draw(st.integers(2, 10))
    logits = data.draw(st.lists(st.floats(-20, 20), min_size=n * k, max_size=n * k))
    labels = data.draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    text = "\n".join(",".join(map(repr, logits[i * k : i * k + k])) + f",{y}" for i, y in enumerate(labels))
    own = {"name": "mine", "text": text, "form": "logits"}
    shift = {"do": "set", "path": "shift", "value": data.draw(st.sampled_from(["up", "down"]))}
    answer = engine.respond({"seq": 1, "url": "x=pitfalls", "actions": [{"do": "own"}, shift], "own": own}, {})  # type: ignore[typeddict-item]
    state = engine._open(answer["url"], {})[1]
    assert (state.n, state.width, state.rows, list(state.labels)) == (n, k, n, labels)
    for shown, value, *slack in check(state, answer["view"]):
        assert close(shown, value, *slack), (shown, value)


def test_of_many_rows_some_from_the_costliest_to_the_cheapest_are_taken_and_the_first_come_back() -> None:
    rows = demo()["plain"]
    answer = engine.respond({"seq": 1, "url": "x=pitfalls", "actions": [{"do": "load", "value": "plain"}]})  # type: ignore[list-item]
    state = engine._open(answer["url"], {})[1]
    taken = sorted(rows.order[i * 399 // 7] for i in range(8))
    assert state.logits == tuple(z for i in taken for z in rows.logits[i])
    assert state.labels == tuple(rows.labels[i] for i in taken)
    options = [o["label"] for c in item(answer["view"], "reduction-controls")["items"] for o in c["options"]]
    assert options == ["8", "32", "128", "512", "2048"]
    assert ask(answer["url"], {"do": "load", "value": ""})["url"] == "x=pitfalls&v=1"
    assert ask("x=pitfalls", {"do": "load", "value": "none"})["error"].startswith("There are no rows called 'none'")


@pytest.mark.parametrize(
    ("link", "notice"),
    [
        (
            "z=1,2,3&y=0,1",
            "The link has 3 logits for 2 labels, which are no rows of 2 to 10 classes; the first batch",
        ),
        ("z=1,2,3,4&y=0,3", "The label of row 2 was 3, but the classes are 0 to 1; it is 1 now."),
        ("z=1,2,3,4&y=0,1&names=a,b,c", "There are 2 classes and 3 names for them; our own names are shown."),
    ],
)
def test_a_batch_that_does_not_go_together_is_repaired(link: str, notice: str) -> None:
    assert ask(f"x=pitfalls&v=1&{link}")["notices"][0].startswith(notice)


@pytest.mark.parametrize("value", [None, "1", True, math.nan, math.inf])
def test_what_is_no_number_is_refused(value: Any) -> None:
    assert "needs a number" in ask("x=pitfalls", {"do": "add", "value": value})["error"]
