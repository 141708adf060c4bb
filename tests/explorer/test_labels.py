"""Labels and reductions: against xent's and PyTorch's own reductions, what is pasted, and what is told of it."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from playwright.sync_api import Page
from torch.nn import functional as F  # noqa: N812

import xent
from tests.explorer.drawn import ask, figure, links
from tests.explorer.seen import assert_page_is_python, link, open_at, section, settle
from xent.explorer import engine, pasted
from xent.explorer.experiments import labels
from xent.explorer.experiments.labels.state import State
from xent.explorer.numbers import show
from xent.explorer.rows import weigh
from xent.explorer.state import ActionError, from_url, to_url


def check(state: State, view: Any) -> Iterator[tuple[Any, ...]]:
    """Every row, all four reductions, both parts, by xent.cross_entropy with its own options."""
    z, w, used = np.array(state.logits).reshape(state.n, state.k), np.array(state.weights), np.array(state.used)
    target = [np.array(state.target(i)) for i in range(state.n)]
    q = np.array(target)
    for i, row in enumerate(figure(view, "rows")["rows"]):
        plain, mass, cost = row["cells"][-3:]
        yield plain["text"], xent.cross_entropy(z[i], target[i])
        if used[i]:
            weighted = xent.cross_entropy(z[i], target[i], weight=w, reduction="sum")
            yield cost["text"], weighted
            assert mass["text"] in (show(w @ target[i]), str(int(w @ target[i])))
    results = [row["cells"][1]["text"] for row in figure(view, "answers")["rows"]]
    for shown, by in zip(results, ("weights", "rows", "all", "sum"), strict=True):
        yield shown, reduced(z, q, w, used, by), 1e-14
    yield figure(view, "reduced")["items"][2]["number"]["text"], reduced(z, q, w, used, state.by), 1e-14
    if state.n > 1:
        parts = [slice(0, state.split), slice(state.split, None)]
        means = [reduced(z[p], q[p], w, used[p], state.by) for p in parts]
        shown = [item["number"]["text"] for item in figure(view, "micro-numbers")["items"]]
        naive = sum(means) if state.by == "sum" else sum(means) / 2
        yield from zip(shown, (*means, naive, reduced(z, q, w, used, state.by)), [1e-14] * 4, strict=True)
    guess, typical, perplexity, ratio = (i["number"]["text"] for i in figure(view, "good-numbers")["items"])
    uniform = np.full(state.guesses, 1 / state.guesses)
    yield guess, xent.information.entropy(uniform), 1e-12
    yield perplexity, math.exp(state.nats)
    yield typical, math.exp(-state.nats)
    yield ratio, state.guesses * math.exp(-state.nats)


def reduced(z: Any, q: Any, w: Any, used: Any, by: str) -> float:
    """Reduce by the library's own options; a row that is ignored has sample weight 0."""
    options: dict[str, Any] = {
        "weights": {},
        "rows": {"denominator": float(used.sum())} if used.any() else {},
        "all": {"denominator": float(len(z))},
        "sum": {"reduction": "sum"},
    }[by]
    return float(xent.cross_entropy(z, q, weight=w, sample_weight=used.astype(float), **options))


def test_the_default_is_pytorch_s_mean_sum_and_mean_over_rows() -> None:
    view = ask("x=labels")["view"]
    z = torch.tensor(State.logits, dtype=torch.float64).reshape(6, 3)
    y = torch.tensor([y if on else -100 for y, on in zip(State.labels, State.used, strict=True)])
    w = torch.tensor(State.weights, dtype=torch.float64)
    by_weight, rows, everything, total = (row["cells"][1]["text"] for row in figure(view, "answers")["rows"])
    assert by_weight == show(F.cross_entropy(z, y, weight=w).item())
    assert total == show(F.cross_entropy(z, y, weight=w, reduction="sum").item())
    assert everything == show(F.cross_entropy(z, y, weight=w, reduction="none").mean().item())
    assert rows == show(F.cross_entropy(z, y, weight=w, reduction="sum").item() / 5)


def test_pytorch_divides_distributions_by_the_number_of_rows() -> None:
    """What the table says of PyTorch: no weight in the denominator once the targets are distributions."""
    view = ask("x=labels&v=1&form=soft&counts=1,1,1,1,1,1")["view"]
    z = torch.tensor(State.logits, dtype=torch.float64).reshape(6, 3)
    t = torch.tensor(State.soft, dtype=torch.float64).reshape(6, 3)
    w = torch.tensor(State.weights, dtype=torch.float64)
    rows = figure(view, "answers")["rows"][1]["cells"]
    assert rows[1]["text"] == show(F.cross_entropy(z, t, weight=w).item())
    assert "PyTorch for distributions" in rows[4]


@settings(max_examples=40, deadline=None)
@given(links("labels"))
def test_every_program_prints_the_number_on_the_page(url: str) -> None:
    answer = ask(url)
    state = from_url(answer["url"], 1, State)[0]
    result = figure(answer["view"], "reduced")["items"][2]["number"]
    tabs = {tab["id"]: tab["source"] for tab in figure(answer["view"], "take")["tabs"]}
    for name in ("xent", "torch"):
        out = io.StringIO()
        with redirect_stdout(out):
            exec(tabs[name], {})  # noqa: S102 - what the page offers is what is tested
        printed = float(out.getvalue())
        if result["value"] is None:
            assert show(printed) == result["text"], name
        else:
            assert printed == pytest.approx(result["value"], rel=1e-12, abs=1e-12), name
    back = pasted.read(tabs["text"])
    assert tuple(z for row in back.logits for z in row) == state.logits
    assert tuple(back.used) == state.used
    targets = back.soft or [[float(j == y) for j in range(state.k)] for y in back.labels]
    for i in range(state.n):
        assert not back.used[i] or tuple(targets[i]) == state.target(i)


def test_all_rows_ignored_is_zero_divided_by_zero() -> None:
    answer = ask("x=labels", {"do": "count", "value": False})
    above, below, mean = (item["number"]["text"] for item in figure(answer["view"], "reduced")["items"])
    assert (above, below, mean) == ("0", "0", "NaN")
    assert "NaN" in answer["view"]["summary"]
    by_all = ask(answer["url"], {"do": "set", "path": "by", "value": "all"})
    assert figure(by_all["view"], "reduced")["items"][2]["number"]["text"] == "0"


def test_a_mean_of_means_is_the_mean_when_the_denominators_agree() -> None:
    for split, same in ((1, False), (2, False), (3, True), (4, False)):
        view = ask(f"x=labels&v=1&counts=1,1,1,1,1,1&w=1,1,1&split={split}")["view"]
        _, _, naive, whole = (item["number"]["text"] for item in figure(view, "micro-numbers")["items"])
        assert (naive == whole) is same


def test_doubling_all_class_weights_leaves_the_weighted_mean_alone() -> None:
    one, two = (ask(f"x=labels&v=1&w={w}")["view"] for w in ("1,1,4", "2,2,8"))
    results = [[row["cells"][1]["text"] for row in figure(view, "answers")["rows"]] for view in (one, two)]
    assert results[0][0] == results[1][0]
    assert all(a != b for a, b in zip(results[0][1:], results[1][1:], strict=True))


def test_the_area_of_the_rows_is_the_numerator() -> None:
    for by in ("weights", "rows", "all", "sum"):
        view = ask(f"x=labels&v=1&by={by}")["view"]
        area = sum((r["x1"] - r["x0"]) * (r["y1"] - r["y0"]) for r in figure(view, "levels")["rects"])
        assert area == pytest.approx(figure(view, "reduced")["items"][0]["number"]["value"], rel=1e-12)


def test_one_hot_rows_and_indices_give_the_same_numbers() -> None:
    index, one_hot = (ask(f"x=labels&v=1&form={form}")["view"] for form in ("index", "one_hot"))
    for name in ("reduced", "micro-numbers"):
        assert figure(index, name)["items"] == figure(one_hot, name)["items"]


def test_a_share_makes_the_others_of_its_row_move_over() -> None:
    answer = ask("x=labels&v=1&form=soft", {"do": "set", "path": "soft.0", "value": 0.4})
    state = from_url(answer["url"], 1, State)[0]
    assert state.target(0) == pytest.approx((0.4, 0.6, 0.0))
    assert state.target(1) == State.soft[3:6]


def test_the_costliest_rows_of_a_file_are_loaded() -> None:
    answer = ask("x=labels", {"do": "load", "value": "plain"})
    state = from_url(answer["url"], 1, State)[0]
    rows = engine.demo()["plain"]
    assert (state.k, state.n) == (10, 8)
    assert [state.row(i) for i in range(8)] == [tuple(rows.logits[i]) for i in rows.order[:8]]
    assert state.labels == tuple(rows.labels[i] for i in rows.order[:8])
    assert state.called == rows.classes
    wide = weigh([[0.0] * 11], [0], name="wide", classes=[str(j) for j in range(11)])
    with pytest.raises(ActionError, match="wide has 11 classes, and this table shows at most 10"):
        labels.act(State(), {"do": "load", "value": "wide"}, {"wide": wide})
    far = weigh([[5e4, 0.0]], [0], name="far", classes=["a", "b"])
    with pytest.raises(ActionError, match="logits beyond ±1000"):
        labels.act(State(), {"do": "load", "value": "far"}, {"far": far})


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("z=1,2&k=3", "The link has fewer logits than 3 classes need for one row, so the default batch is shown."),
        ("z=1,2,3,4&k=2&y=0,1,0", "Logits and labels did not go together; 2 rows of 2 classes are left."),
        ("y=0,9,1,1,0,2", "The label of row 1 was 9, but the classes are 0 to 2; it is 2 now."),
        ("z=-inf,-inf,1,2&k=2&y=0,1", "Row 0 had every class masked with −∞"),
        ("k=2&z=1,2&y=0&w=1,2,3", "There are 2 classes, so there are 2 class weights now."),
        ("k=2&z=1,2&y=0&names=a,b,c", "There are 2 classes and 3 names for them; our own names are shown."),
        ("form=soft&k=2&z=1,2&y=0&t=0.9,0.9", "The distribution of row 0 did not add up to 1"),
    ],
)
def test_a_link_that_does_not_agree_is_repaired_with_a_sentence(query: str, sentence: str) -> None:
    answer = ask(f"x=labels&v=1&{query}")
    assert any(notice.startswith(sentence) for notice in answer["notices"]), answer["notices"]
    assert ask(answer["url"])["notices"] == []


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ({"do": "remove", "value": 6}, "There is no row 6; the rows are 0 to 5."),
        ({"do": "load", "value": "x"}, "There are no rows called 'x'; there are plain, overtrained."),
        ({"do": "set", "path": "guesses", "value": "many"}, "guesses: a number was expected, 'many' came."),
        ({"do": "set", "path": "soft.99", "value": 1}, "soft has entries 0 to 17; 'soft.99' was to be set."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(action: dict[str, Any], sentence: str) -> None:
    assert ask("x=labels", action)["error"] == sentence


def test_the_last_finite_logit_of_a_row_cannot_be_masked() -> None:
    url = to_url(
        "labels", 1, State(k=2, logits=(1.0, -math.inf), labels=(0,), used=(True,), soft=(1.0, 0.0), split=1)
    )
    answer = ask(url, {"do": "set", "path": "logits.0", "value": "-inf"})
    assert answer["error"].startswith("Row 0 needs one finite logit at least")


def test_a_masked_label_costs_infinitely_much_and_is_shown_so() -> None:
    view = ask("x=labels", {"do": "set", "path": "logits.0", "value": "-inf"})["view"]
    assert figure(view, "rows")["rows"][0]["cells"][-1]["text"] == "∞"
    assert figure(view, "reduced")["items"][2]["number"] == {"text": "∞", "value": None, "ref": "result"}


def test_keys_step_through_the_whole_numbers_of_classes() -> None:
    url, seen = "x=labels&v=1&n=2", list[int]()
    for _ in range(3):
        k = from_url(url, 1, State)[0].guesses
        url = ask(url, {"do": "set", "path": "guesses", "value": k * 1.05})["url"]
        seen.append(from_url(url, 1, State)[0].guesses)
    assert seen == [3, 4, 5]
    down = ask("x=labels&v=1&n=5", {"do": "set", "path": "guesses", "value": 5 / 1.05})
    assert from_url(down["url"], 1, State)[0].guesses == 4


@pytest.mark.browser
def test_a_reader_edits_the_table(page: Page, address: str) -> None:
    open_at(page, address, "x=labels&v=1&solo=1")
    here = section(page, "labels")
    here.get_by_label("Count row 4").check()
    settle(page)
    assert "counts=1,1,1,1,1,1" in link(page)
    here.get_by_label("Target of row 0").select_option("2")
    settle(page)
    assert "y=2,0,1,1,0,2" in link(page)
    assert_page_is_python(page)


@pytest.mark.browser
def test_the_parts_and_the_ring_are_moved_by_mouse_and_keys(page: Page, address: str) -> None:
    open_at(page, address, "x=labels&v=1&solo=1")
    here = section(page, "labels")
    slider = here.locator("[role=slider][data-path=split]").first
    slider.focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert "split=3" in link(page)
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.93, box["y"] + box["height"] / 2)
    settle(page)
    assert "split=5" in link(page)
    ring = here.locator("#labels-figure-guessing .grip")
    ring.focus()
    page.keyboard.press("PageUp")
    settle(page)
    assert_page_is_python(page)
    assert page.locator(".notices").inner_text() == ""
