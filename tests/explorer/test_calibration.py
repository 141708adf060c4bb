"""Calibration: every number is the public library's or NumPy's, on the demo's predictions and on others."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xent
from tests.explorer.drawn import close
from xent.calibration import fit_temperature
from xent.explorer import engine
from xent.explorer.experiments import calibration
from xent.explorer.experiments.calibration import sample as s
from xent.explorer.experiments.calibration.state import State
from xent.explorer.numbers import parse
from xent.explorer.rows import Rows, demo, weigh
from xent.explorer.state import to_url


def arrays(rows: Rows) -> tuple[Any, Any]:
    return np.array(rows.logits, dtype=float), np.array(rows.labels)


def error_of(z: Any, y: Any, temperature: float, bins: int) -> float:
    """Compute the expected calibration error as a NumPy user would."""
    p = xent.softmax(z, temperature=temperature)
    sure, right = p.max(axis=1), z.argmax(axis=1) == y
    b = np.minimum((sure * bins).astype(int), bins - 1)
    return sum(abs((right[b == i] - sure[b == i]).sum()) for i in range(bins)) / len(y)


def check(state: State, view: Any, rows: Rows | None = None) -> Iterator[tuple[str, float]]:
    """Pair what is shown with what the public library says."""
    rows = demo()[state.source] if rows is None else rows
    (z, y), t = arrays(rows), state.temperature
    items = {item["id"]: item for panel in view["panels"] for item in panel["items"]}
    shown = [item["number"]["text"] for item in items["numbers"]["items"]]
    p = xent.softmax(z, temperature=t)
    costs = xent.cross_entropy(z, y, temperature=t, reduction="none")
    yield shown[0], costs.mean()
    yield shown[1], (z.argmax(axis=1) == y).mean()
    yield shown[2], p.max(axis=1).mean()
    edges = np.abs(p.max(axis=1) * state.bins - np.round(p.max(axis=1) * state.bins))
    if edges[p.max(axis=1) < 1 - 1e-9].min(initial=1) > 1e-9:  # on an edge, the last bit of p chooses the bin
        yield shown[3], error_of(z, y, t, state.bins)
    for row in items["scales"]["table"]["rows"]:
        each = xent.cross_entropy(z, y, temperature=1 / parse(row[0]), reduction="none")
        yield row[1]["text"], each.mean()
        yield row[2]["text"], each[z.argmax(axis=1) == y].sum() / len(y)
        yield row[3]["text"], each[z.argmax(axis=1) != y].sum() / len(y)
    if "who" in items and np.isfinite(costs).all():
        worst = next(r for r in items["who"]["table"]["rows"] if r[0] == calibration.text.the_worst)
        yield worst[2]["text"], 100 * costs.max() / costs.sum()


def drawn(state: State, sources: Any = None) -> Any:
    answer = engine.respond({"seq": 1, "url": to_url("calibration", 1, state), "actions": []}, sources or demo())
    json.dumps(answer, allow_nan=False)
    assert answer["notices"] == []
    assert "error" not in answer
    return answer["view"]


@settings(max_examples=12, deadline=None)
@given(
    st.builds(
        State,
        source=st.sampled_from(["plain", "overtrained"]),
        temperature=st.floats(0.1, 10),
        bins=st.integers(2, 40),
    )
)
def test_numbers_are_the_librarys(state: State) -> None:
    for shown, number in check(state, drawn(state)):
        assert close(shown, float(number)), (shown, number)


@pytest.mark.parametrize("source", ["plain", "overtrained"])
def test_the_fit_is_fit_temperatures(source: str) -> None:
    rows = demo()[source]
    ours, theirs = s.fit(s.sample(rows)), fit_temperature(*arrays(rows))
    assert ours.temperature == pytest.approx(theirs.temperature, rel=1e-9)
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-13)
    assert ours.at_one == pytest.approx(theirs.loss_at_one, rel=1e-13)
    own, expected, _ = s.slopes(s.sample(rows), ours.temperature or 0.0)
    assert own == pytest.approx(expected, rel=1e-9)


def test_losses_keep_their_digits() -> None:
    rows = weigh([[0.0, -40.0, -41.0]], [0], name="sure", classes=("a", "b", "c"))
    assert s.losses(s.sample(rows), 1.0) == pytest.approx([5.811236444626578e-18], rel=1e-14)


logit = st.one_of(st.floats(-30, 30), st.integers(-3, 3).map(float), st.just(-math.inf))


@st.composite
def rows_of(draw: st.DrawFn) -> Rows:
    k, n = draw(st.integers(2, 5)), draw(st.integers(1, 12))
    row = st.lists(logit, min_size=k, max_size=k).filter(lambda z: max(z) > -math.inf)
    logits = draw(st.lists(row, min_size=n, max_size=n))
    labels = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    return weigh(logits, labels, name="drawn", classes=tuple("abcde"[:k]))


@settings(max_examples=40, deadline=None)
@given(rows_of(), st.floats(0.1, 10), st.integers(2, 40))
def test_other_rows_are_drawn_and_right(rows: Rows, temperature: float, bins: int) -> None:
    state = State("mine", temperature, bins)
    for shown, number in check(state, drawn(state, {"mine": rows}), rows):
        assert close(shown, float(number)), (shown, number)
    fitted = s.fit(s.sample(rows))
    try:
        theirs = fit_temperature(*arrays(rows))
    except ValueError:  # a masked label, or nothing to fit
        assert fitted.temperature is None
        return
    if theirs.at_bound is None and 1 / 60 < theirs.temperature < 60:
        assert fitted.temperature == pytest.approx(theirs.temperature, rel=1e-6)
        assert fitted.loss == pytest.approx(theirs.loss, rel=1e-9)
    elif theirs.at_bound is not None:
        assert fitted.temperature is None


def test_the_value_by_luck_is_that_of_all_outcomes() -> None:
    chances = [0.95, 0.9, 0.55, 0.62, 0.7]
    logits = [[math.log(c), math.log(1 - c)] for c in chances]
    taken = s.sample(weigh(logits, [0] * 5, name="coins", classes=("a", "b")))
    bins = [min(int(c * 4), 3) for c in chances]
    mean, square = 0.0, 0.0
    for right in itertools.product((0, 1), repeat=5):
        chance = math.prod(c if hit else 1 - c for c, hit in zip(chances, right, strict=True))
        rows = list(zip(bins, chances, right, strict=True))
        error = sum(abs(sum(hit - c for at, c, hit in rows if at == b)) for b in range(4)) / 5
        mean, square = mean + chance * error, square + chance * error**2
    assert s.by_luck(taken, 1.0, 4) == pytest.approx((mean, math.sqrt(square - mean**2)), rel=1e-12)


def test_the_value_by_luck_is_what_simulation_gives() -> None:
    taken = s.sample(demo()["overtrained"])
    sure = np.array(s.confidences(taken, 2.0))
    b = np.minimum((sure * 10).astype(int), 9)
    rng = np.random.default_rng(0)
    apart = (rng.random((4000, len(sure))) < sure) - sure
    errors = sum(np.abs(apart[:, b == i].sum(axis=1)) for i in range(10)) / len(sure)
    mean, spread = s.by_luck(taken, 2.0, 10)
    assert mean == pytest.approx(errors.mean(), abs=4 * spread / math.sqrt(4000))
    assert spread == pytest.approx(errors.std(), rel=0.05)


def test_many_rows_are_sampled_and_it_is_said() -> None:
    rows = weigh(
        [[float(i % 3), 0.5] for i in range(1500)], [i % 2 for i in range(1500)], name="many", classes=("a", "b")
    )
    assert len(s.sample(rows)) == s.MOST_ROWS
    view = drawn(State("many"), {"many": rows})
    story = view["panels"][0]["items"][0]["text"]
    assert "".join(p if isinstance(p, str) else p["text"] for p in story).endswith(
        "These are 500 of the 1500 rows, evenly taken."
    )


def test_fit_scale_and_source_are_edits() -> None:
    ask = lambda *actions: engine.respond({"seq": 1, "url": "x=calibration", "actions": list(actions)}, demo())  # noqa: E731
    assert ask({"do": "fit"})["url"].startswith("x=calibration&v=1&T=2.7496")
    assert ask({"do": "set", "path": "scale", "value": 2})["url"] == "x=calibration&v=1&T=0.5"
    assert ask({"do": "set", "path": "source", "value": "plain"})["url"] == "x=calibration&v=1&src=plain"
    for action, sentence in [
        ({"do": "set", "path": "scale", "value": 0}, "The logits are multiplied by a number above 0; 0 came."),
        (
            {"do": "set", "path": "source", "value": "x"},
            "There are no rows called 'x'; there are plain, overtrained.",
        ),
    ]:
        assert ask(action)["error"] == sentence
    gone = engine.respond({"seq": 1, "url": "x=calibration&v=1&src=mine", "actions": []}, demo())
    assert gone["notices"] == ["There are no rows called mine here; the first are shown."]


@pytest.mark.parametrize("preset", calibration.PRESETS, ids=lambda p: p.id)
def test_presets_open_and_explain_themselves(preset: Any) -> None:
    state = dataclasses.replace(State(), **preset.begin)
    assert set(preset.covers) <= {panel["id"] for panel in drawn(state)["panels"]}
    seen = [state]
    for moment in preset.after:
        seen.append(dataclasses.replace(seen[-1], **moment))
        drawn(seen[-1])
    words = calibration.text.questions[preset.id]
    words.why.format(**{key: str(value) for key, value in preset.why(seen[-1]).items()})
    taken = s.sample(demo()[state.source])
    if preset.id == "rises":  # the loss rises at every moment, and the answer is the one that says why
        run = [s.mean_loss(taken, at.temperature) for at in seen]
        assert "surer" in words.answers[preset.right]
    else:
        run = [s.by_luck(taken, 1.0, at.bins)[0] for at in seen]
        assert words.answers[preset.right].startswith("More than 0")
    assert run[1:] == sorted(run[1:])
    assert run[-1] > run[0] > 0
