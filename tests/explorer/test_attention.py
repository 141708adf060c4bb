"""Attention: weights and outputs are the public softmax's and torch's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import xent
from xent import information as public
from xent.explorer import engine
from xent.explorer.experiments import attention
from xent.explorer.experiments.attention import sequence
from xent.explorer.numbers import parse
from xent.explorer.section import Later, Preset

Pairs = Iterator[tuple[str, float, float]]
SLACK = 4e-14
"""The last bits of sums that cancel, and of inputs that the library gets rounded."""


def item(view: Any, name: str) -> Any:
    return next(i for panel in view["panels"] for i in panel["items"] if i["id"] == name)


def readings(view: Any, name: str) -> list[str]:
    return [entry["number"]["text"] for entry in item(view, name)["items"]]


def masked(s: attention.State) -> np.ndarray:
    products = np.array(sequence._products(s.seed, int(s.size)))
    out = products / math.sqrt(int(s.size)) if s.scale else products.copy()
    if s.mask != "none":
        out[np.triu_indices(6, k=1 if s.mask == "causal" else 0)] = -np.inf
    return out


def perplexity(weights: np.ndarray) -> float:
    """Ask the library, which refuses the NaN of a row without a softmax."""
    return math.nan if np.isnan(weights).any() else float(public.perplexity(weights))


def check(s: attention.State, view: Any) -> Pairs:
    hidden = -np.inf if s.fill == "infinity" else 0.0
    weights = xent.softmax(np.where(s.seen, np.array(s.scores), hidden), temperature=s.temperature)
    for bar, w in zip(item(view, "weights")["rows"], weights, strict=True):
        yield bar["number"]["text"], float(w), SLACK
    keys, moves, _ = readings(view, "look")
    yield keys, perplexity(weights), SLACK
    yield moves, float(np.max(weights * (1 - weights)) / s.temperature), SLACK
    output = item(view, "values")["table"]["rows"][-1]
    yield output[2]["text"], float(weights @ np.array(s.xs)), SLACK
    yield output[3]["text"], float(weights @ np.array(s.ys)), SLACK
    every = xent.softmax(masked(s))
    cells = item(view, "all-weights")["cells"]
    for row, shown in zip(every, cells, strict=True):
        for w, cell in zip(row, shown, strict=True):
            yield cell["text"], float(w), SLACK
    yield readings(view, "chosen")[2], float(every[s.query, s.key]), SLACK
    yield readings(view, "chosen")[3], perplexity(every[s.query]), SLACK


def ask(url: str, *actions: dict[str, Any]) -> Any:
    return engine.respond({"seq": 1, "url": url, "actions": list(actions)}, {})


def test_nothing_to_see_is_not_a_number() -> None:
    answer = ask("x=attention&v=1&seen=0,0,0,0,0&mask=strict&query=0")
    assert {bar["number"]["text"] for bar in item(answer["view"], "weights")["rows"]} == {"NaN"}
    assert readings(answer["view"], "look") == ["NaN", "NaN", "NaN"]
    first, second, *_ = item(answer["view"], "all-weights")["cells"]
    assert {(cell["text"], cell["shade"]) for cell in first} == {("NaN", None)}
    assert second[0]["text"] == "1"
    assert item(answer["view"], "values")["marks"] == []


def test_attention_as_torch_does_it() -> None:
    torch = pytest.importorskip("torch")
    seed, d = 5, 16
    source = sequence.random.Random(seed)
    vectors = [[[source.gauss(0, 1) for _ in range(sequence.LARGEST)] for _ in range(6)] for _ in range(2)]
    q, k = (torch.tensor(rows, dtype=torch.float64)[:, :d] for rows in vectors)
    v = torch.eye(6, dtype=torch.float64)  # so that the output is the weights
    out = torch.nn.functional.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
    state = attention.State(seed=seed, size=str(d))
    ours = np.array([xent.softmax(np.array(sequence.scores(state, i))) for i in range(6)])
    assert ours == pytest.approx(out.numpy(), abs=1e-12)


def test_the_root_keeps_attention_as_it_is() -> None:
    plain, scaled = sequence.typical(1, 1024)
    assert plain < 1.1
    assert scaled > 2
    plain, scaled = sequence.steepness(1, 1024)
    assert plain < 0.05
    assert scaled > 0.2
    assert sequence.typical(1, 1) == pytest.approx((sequence.typical(1, 1)[1],) * 2)


def test_hidden_by_zero_is_seen() -> None:
    open_, shut = (
        readings(ask(f"x=attention&v=1&fill={fill}")["view"], "look")[0] for fill in ("zero", "infinity")
    )
    assert parse(open_) > parse(shut)


def test_the_slow_panel_comes_when_asked_for() -> None:
    quick = next(p for p in ask("x=attention")["view"]["panels"] if p["id"] == "size")
    assert quick["pending"]
    request = {"seq": 1, "url": "x=attention", "actions": [], "only": ["size"], "slow": True}
    told: list[float] = []
    sequence._samples.cache_clear()
    (panel,) = engine.respond(request, {}, report=told.append)["view"]["panels"]
    assert [i["id"] for i in panel["items"]][1:] == ["reach", "steep"]
    assert told == sorted(told)
    assert len(told) == sequence.QUERIES


def test_other_random_numbers() -> None:
    answer = ask("x=attention&v=1&seed=999", {"do": "draw"})
    assert "seed" not in answer["url"]  # 1, the default


@pytest.mark.parametrize("preset", attention.PRESETS, ids=lambda p: p.id)
def test_every_preset_opens(preset: Preset) -> None:
    fields: dict[str, Any] = dict(preset.begin)
    for change in ({}, *preset.after):
        fields |= change
        for build in attention.compute(attention.State(**fields), {}).panels.values():
            assert (build.build() if isinstance(build, Later) else build())["items"]
    assert engine.say(engine.words("attention").questions[preset.id].why, **preset.why(attention.State(**fields)))
