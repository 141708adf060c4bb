"""Yes or no: every number against xent's array functions and PyTorch's, and the identities the section tells."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

import xent
from tests.explorer.drawn import ask, close, figure
from xent.explorer import engine
from xent.explorer.experiments import binary
from xent.explorer.experiments.binary import State
from xent.explorer.state import ActionError, to_url


def at(state: State) -> Any:
    """Draw a state."""
    return ask(to_url("binary", 1, state))["view"]


def readout(view: Any, name: str) -> list[str]:
    return [item["number"]["text"] for item in figure(view, name)["items"]]


def series(view: Any, name: str) -> list[list[str]]:
    rows = [[bar["number"], *bar.get("more", [])] for bar in figure(view, name)["rows"]]
    return [[number["text"] for number in column] for column in zip(*rows, strict=True)]


def check(state: State, view: Any) -> Iterator[tuple[Any, ...]]:
    """Pair what is shown with what the public library says."""
    z, y = np.array(state.z), np.array(float(state.y))
    loss, slope = xent.binary_cross_entropy_with_grad(z, y)
    yield from zip(readout(view, "one-numbers"), (xent.sigmoid(z), loss, slope), strict=True)

    pair = np.array(state.pair)
    gap = pair[0] - pair[1]
    both, single = series(view, "pair-p")
    yield from zip(both, xent.softmax(pair), strict=True)
    yield from zip(single, (xent.sigmoid(gap), xent.sigmoid(-gap)), strict=True)
    two, slopes = xent.cross_entropy_with_grad(pair, np.array(0))
    yield from zip(series(view, "pair-slope")[0], slopes, strict=True)
    yield from zip(readout(view, "two-numbers"), (two, xent.binary_cross_entropy(gap, np.array(1.0))), strict=True)

    scores, hot = np.array(state.scores), np.array(state.hot, dtype=float)
    soft, sigmoids = series(view, "heads-p")
    yield from zip(soft, xent.softmax(scores), strict=True)
    yield from zip(sigmoids, xent.sigmoid(scores), strict=True)
    bits, bit_slopes = xent.binary_cross_entropy_with_grad(scores, hot, reduction="sum")
    soft_slopes, bit_texts = series(view, "heads-slope")
    yield from zip(bit_texts, bit_slopes, strict=True)
    ce, floor, total, mean = readout(view, "heads-numbers")
    yield total, bits, 1e-14
    yield mean, xent.binary_cross_entropy(scores, hot), 1e-14
    if hot.any():
        expected, by_soft = xent.cross_entropy_with_grad(scores, hot / hot.sum())
        yield ce, expected
        yield floor, xent.information.entropy(hot / hot.sum())
        yield from zip(soft_slopes, by_soft, strict=True)
    else:
        yield from ((shown, 0.0) for shown in (ce, floor, *soft_slopes))

    best_p, best_z, lowest = readout(view, "weight-numbers")
    lowest_at = math.log(state.weight * state.share / (1 - state.share))
    yield best_z, lowest_at, 1e-15
    yield best_p, xent.sigmoid(np.array(lowest_at)), 1e-15
    yield (
        lowest,
        xent.binary_cross_entropy(np.array(lowest_at), np.array(state.share), pos_weight=state.weight),
        1e-14,
    )


def test_the_default_is_what_pytorch_computes() -> None:
    view = at(State())
    scores = torch.tensor(State.scores, dtype=torch.float64)
    hot = torch.tensor(State.hot, dtype=torch.float64)
    ce, floor, total, _ = readout(view, "heads-numbers")
    assert close(ce, F.cross_entropy(scores, hot / 2).item())
    assert close(total, F.binary_cross_entropy_with_logits(scores, hot, reduction="sum").item())
    assert floor == "0.6931"
    _, loss, _ = readout(view, "one-numbers")
    one = torch.tensor(State.z, dtype=torch.float64)
    assert close(loss, F.binary_cross_entropy_with_logits(one, torch.ones_like(one)).item())


def test_the_best_answer_under_a_pos_weight_is_where_pytorch_s_gradient_vanishes() -> None:
    view = at(State(share=0.02, weight=30.0))
    best_z = torch.tensor(figure(view, "weight-numbers")["items"][1]["number"]["value"], dtype=torch.float64)
    best_z.requires_grad_()
    target, c = torch.tensor(0.02, dtype=torch.float64), torch.tensor(30.0, dtype=torch.float64)
    F.binary_cross_entropy_with_logits(best_z, target, pos_weight=c).backward()
    assert best_z.grad is not None
    assert abs(best_z.grad.item()) < 1e-15


@pytest.mark.parametrize(("z", "y"), [(-1.5, "1"), (2.0, "0"), (-4.0, "0"), (4.0, "1")])
def test_the_shaded_area_is_the_loss(z: float, y: str) -> None:
    view = at(State(z=z, y=y))
    xs, ys = np.array(figure(view, "area")["regions"][0]["points"]).T
    area = abs(np.dot(xs, np.roll(ys, 1)) - np.dot(ys, np.roll(xs, 1))) / 2  # the shoelace formula
    beyond = float(xent.binary_cross_entropy(np.array(10.0), np.array(1.0)))
    assert area + beyond == pytest.approx(
        float(xent.binary_cross_entropy(np.array(z), np.array(float(y)))), abs=2e-3
    )
    arrow = figure(view, "area")["arrows"][0]
    slope = figure(view, "one-numbers")["items"][2]["number"]["value"]
    assert arrow["start"][1] - arrow["end"][1] == pytest.approx(slope, abs=1e-15)


def test_adding_the_same_to_both_logits_changes_neither_probability_nor_loss() -> None:
    before = State(pair=(2.0, 0.5))
    after = binary.act(before, {"do": "shift", "value": 3}, {})
    assert after.pair == (5.0, 3.5)
    for name in ("pair-p", "pair-slope"):
        assert (series(at(before), name)) == (series(at(after), name))
    with pytest.raises(ActionError, match=r"within ±10\.0"):
        binary.act(State(pair=(9.5, 0.0)), {"do": "shift", "value": 1}, {})


def test_a_dot_makes_a_label_true_and_false() -> None:
    url = "x=binary&v=1&hot=0,0,0,0"
    answer = engine.respond({"seq": 1, "url": url, "actions": [{"do": "label", "value": 2}]}, {})
    assert answer["url"] == "x=binary&v=1&hot=0,0,1,0"
    nothing = engine.respond({"seq": 1, "url": answer["url"], "actions": [{"do": "label", "value": 2}]}, {})
    assert nothing["url"] == url
    assert readout(nothing["view"], "heads-numbers")[:2] == ["0", "0"]


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ({"do": "label", "value": 9}, "A label is a whole number from 0 to 3; 9 came."),
        ({"do": "label", "value": True}, "A label is a whole number from 0 to 3; True came."),
        ({"do": "shift", "value": "far"}, "A shift is a finite number; 'far' came."),
        ({"do": "set", "path": "z", "value": "nan"}, "z: a number was expected, NaN came."),
        ({"do": "jump"}, "There is no action 'jump' here; there is: set."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(action: dict[str, Any], sentence: str) -> None:
    answer = engine.respond({"seq": 1, "url": "x=binary", "actions": [action]}, {})
    assert answer["error"] == sentence
    assert answer["url"] == "x=binary&v=1"


def test_a_link_with_too_few_labels_is_repaired() -> None:
    answer = engine.respond({"seq": 1, "url": "x=binary&v=1&s=1,2,3&hot=1,0", "actions": []}, {})
    assert answer["notices"] == ["There are 3 scores, so there are 3 labels now."]
    assert answer["url"] == "x=binary&v=1&s=1,2,3&hot=1,0,0"
