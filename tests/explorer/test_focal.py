"""Focal loss: against xent's own on logits, the closed forms it has, and what the section says of α and γ."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page
from scipy.optimize import brentq

import xent
from tests.explorer.drawn import ask, close, figure
from tests.explorer.seen import assert_page_is_python, link, open_at, section, settle
from xent.explorer import engine
from xent.explorer.experiments import focal
from xent.explorer.experiments.focal.measures import POSITIVE, State
from xent.explorer.experiments.focal.questions import ask as ask_rows
from xent.explorer.rows import demo, weigh
from xent.explorer.state import from_url, to_url


def at(state: State) -> Any:
    """Draw a state."""
    return ask(to_url("focal", 1, state))["view"]


def shown(view: Any, name: str) -> list[str]:
    return [item["number"]["text"] for item in figure(view, name)["items"]]


def losses(p: float, y: bool, gamma: float, alpha: float) -> tuple[float, float]:
    """Give focal loss and the size of its gradient for a truth y of probability p, from the logit."""
    z = math.log(p / (1 - p)) * (1 if y else -1)
    loss, slope = xent.focal_loss_with_grad(np.array([z]), np.array([float(y)]), gamma=gamma, alpha=alpha)
    return float(loss), abs(float(slope[0]))


def check(state: State, view: Any) -> Iterator[tuple[Any, ...]]:
    """One answer, the batch under three losses, and what a trained model says."""
    s, y = state, state.y == "1"
    plain, factor, loss = shown(view, "numbers")
    expected = losses(s.p, y, s.gamma, s.alpha)[0]
    yield plain, 2 * losses(s.p, y, 0.0, 0.5)[0], 1e-14
    yield loss, expected, 1e-13 * (1 + expected)
    yield factor, (s.alpha if y else 1 - s.alpha) * (1 - s.p) ** s.gamma

    counts, positive = np.array(s.counts), np.array(POSITIVE)
    which = 0 if s.of == "loss" else 1
    cross = [2 * losses(p, side, 0.0, 0.5)[which] for p, side in zip(s.ps, POSITIVE, strict=True)]
    of_class = [counts[positive == side].sum() for side in POSITIVE]
    weighted = [c * counts.sum() / (2 * n) for c, n in zip(cross, of_class, strict=True)]
    mild = [losses(p, side, s.gamma, s.alpha)[which] for p, side in zip(s.ps, POSITIVE, strict=True)]
    for j, row in enumerate(figure(view, "groups")["rows"]):
        for cell, value in zip(row["cells"][3:], (cross[j], weighted[j], mild[j]), strict=True):
            yield cell["text"], value, 1e-13 * (1 + value)
    shares = [counts * np.array(way) / (counts @ np.array(way)) for way in (cross, weighted, mild)]
    for j, bar in enumerate(figure(view, "shares")["rows"]):
        for number, way in zip((bar["number"], *bar["more"]), shares, strict=True):
            yield number["text"], float(way[j]), 1e-12
    for text, way in zip(shown(view, "easy"), shares, strict=True):
        yield text, float(way[0] + way[2]), 1e-12

    pulls = [row[2] for row in figure(view, "effective")["table"]["rows"]]
    for number, p in zip(pulls, s.ps, strict=True):
        ratio = losses(p, True, s.gamma, 0.5)[1] / losses(p, True, 0.0, 0.5)[1]
        yield number["text"], ratio, 1e-13 * (1 + ratio)

    yes, no = losses(s.says, True, s.gamma, s.alpha)[1], losses(1 - s.says, False, s.gamma, s.alpha)[1]
    yield shown(view, "settled")[1], no / (yes + no), 1e-12


def test_gamma_zero_and_alpha_one_half_is_half_of_cross_entropy() -> None:
    view = at(State(gamma=0.0, alpha=0.5, p=0.3))
    plain, factor, loss = (item["number"]["value"] for item in figure(view, "numbers")["items"])
    assert factor == 0.5
    assert loss == plain / 2
    assert all(row[2]["text"] == "1.0000" for row in figure(view, "effective")["table"]["rows"])


def test_the_example_of_the_paper() -> None:
    """Lin et al. (2017), section 3.2: with γ = 2, 0.9 costs a hundredth of cross-entropy, 0.968 a thousandth."""
    for p, less in ((0.9, 100), (1 - 10**-1.5, 1000)):
        plain, _, loss = (
            item["number"]["value"] for item in figure(at(State(alpha=1.0, gamma=2.0, p=p)), "numbers")["items"]
        )
        assert plain / loss == pytest.approx(less, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9])
def test_alpha_keeps_the_ratio_of_easy_and_hard_within_a_class_and_gamma_does_not(alpha: float) -> None:
    def ratio(state: State) -> float:
        costs = [row["cells"][5]["value"] for row in figure(at(state), "groups")["rows"]]
        return costs[0] / costs[1]

    plain = ratio(State(gamma=0.0, alpha=0.5))
    assert ratio(State(gamma=0.0, alpha=alpha)) == pytest.approx(plain, rel=1e-14)
    assert ratio(State(gamma=2.0, alpha=alpha)) == pytest.approx(plain * (0.02 / 0.6) ** 2, rel=1e-12)


@pytest.mark.parametrize(("gamma", "alpha"), [(0.0, 0.5), (0.0, 0.2), (2.0, 0.5), (2.0, 0.25), (5.0, 0.75)])
def test_where_a_model_settles_is_where_its_mean_loss_is_least(gamma: float, alpha: float) -> None:
    """Minimise the library's mean focal loss over one logit for all questions alike."""
    for truth in (0.1, 0.5, 0.9):

        def slope(z: float, truth: float = truth) -> float:
            both, y = np.array([z, z]), np.array([1.0, 0.0])
            pulls = xent.focal_loss_with_grad(both, y, gamma=gamma, alpha=alpha, reduction="none")[1]
            return float(truth * pulls[0] + (1 - truth) * pulls[1])

        says = float(xent.sigmoid(np.array(brentq(slope, -20, 20, xtol=1e-13))))
        view = at(State(gamma=gamma, alpha=alpha, says=min(max(says, 0.01), 0.99)))
        if 0.01 < says < 0.99:
            assert figure(view, "settled")["items"][1]["number"]["value"] == pytest.approx(truth, abs=1e-10)


def test_focal_loss_keeps_a_model_from_being_sure() -> None:
    for says in (0.6, 0.8, 0.95):
        truths = [
            figure(at(State(gamma=g, alpha=0.5, says=says)), "settled")["items"][1]["number"]["value"]
            for g in (0.0, 0.5, 1.0, 2.0, 5.0)
        ]
        assert truths[0] == pytest.approx(says, rel=1e-14)
        assert truths == sorted(truths)
        assert truths[1] > says


def test_no_weight_at_all_has_no_shares() -> None:
    """With α = 1 negatives weigh nothing; the positives share everything out."""
    bars = figure(at(State(alpha=1.0)), "shares")["rows"]
    assert [bar["more"][1]["text"] for bar in bars][:2] == ["0", "0"]
    assert sum(bar["more"][1]["value"] for bar in bars) == pytest.approx(1.0, abs=1e-15)


logit = st.one_of(st.floats(-30, 30), st.integers(-2, 2).map(float), st.just(-math.inf))


@settings(max_examples=40)
@given(st.data())
def test_real_rows_are_shared_out_by_the_library_s_loss_of_each(data: st.DataObject) -> None:
    k, n = data.draw(st.integers(2, 5)), data.draw(st.integers(1, 12))
    row = st.lists(logit, min_size=k, max_size=k).filter(lambda z: max(z) > -math.inf)
    z = np.array(data.draw(st.lists(row, min_size=n, max_size=n)))
    y = np.array(data.draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n)))
    yes, gamma, alpha = data.draw(st.integers(0, k - 1)), data.draw(st.floats(0, 5)), data.draw(st.floats(0.1, 0.9))
    of = data.draw(st.sampled_from(["loss", "gradient"]))
    rows = weigh(z.tolist(), y.tolist(), name="mine", classes=tuple("abcde"[:k]))
    url = to_url("focal", 1, State(gamma=gamma, alpha=alpha, of=of, source="mine", yes=yes))
    view = engine.respond({"seq": 1, "url": url, "actions": []}, {"mine": rows})["view"]

    with np.errstate(divide="ignore", invalid="ignore"):
        u = z[:, yes] - np.logaddexp.reduce(np.delete(z, yes, axis=1), axis=1)
        truth = (y == yes).astype(float)
        which = 0 if of == "loss" else 1

        def each(gamma: float, alpha: float) -> Any:
            return np.abs(xent.focal_loss_with_grad(u, truth, gamma=gamma, alpha=alpha, reduction="none")[which])

        plain = 2 * each(0.0, 0.5)
        of_class = np.where(truth == 1, truth.sum(), n - truth.sum())
        ways = [plain, plain * n / (2 * of_class), each(gamma, alpha)]
        group = (2 * truth + (np.where(truth == 1, u, -u) < 0)).astype(int)
        sums = [[way[group == j].sum() for j in range(4)] for way in ways]
        for j, line in enumerate(figure(view, "groups")["rows"]):
            _, count, _, *pulls = line["cells"]
            assert int(count["text"]) == (group == j).sum()
            for pull, total in zip(pulls, sums, strict=True):
                if count["text"] == "0":
                    assert pull == "–"
                else:
                    mean = total[j] / (group == j).sum()
                    assert close(pull["text"], float(mean), 1e-13 * (1 + mean))
        for j, bar in enumerate(figure(view, "shares")["rows"]):
            for number, total in zip((bar["number"], *bar["more"]), sums, strict=True):
                assert close(number["text"], float(total[j] / np.sum(total)), 1e-12)


def test_sure_rows_keep_their_digits() -> None:
    rows = weigh([[40.0, 0.0, -1.0]], [0], name="sure", classes=("a", "b", "c"))
    found = ask_rows(rows, 0).groups[2][0]
    assert found.surprise == pytest.approx(5.811236444626578e-18, rel=1e-14)
    assert found.miss == pytest.approx(5.811236444626578e-18, rel=1e-14)


def test_the_rarest_class_is_asked_for_until_another_is_chosen() -> None:
    opened = ask("x=focal", {"do": "set", "path": "source", "value": "overtrained"})
    counts = np.bincount(demo()["overtrained"].labels)
    yes = from_url(opened["url"], 1, State)[0].yes
    assert counts[yes] == counts.min()
    chosen = ask(opened["url"], {"do": "set", "path": "yes", "value": "3"})
    assert "yes=3" in chosen["url"]
    assert int(figure(chosen["view"], "groups")["rows"][2]["cells"][1]["text"]) <= counts[3]
    assert ask(chosen["url"], {"do": "set", "path": "source", "value": "alike"})["url"] == "x=focal&v=1"
    assert ask("x=focal", {"do": "set", "path": "source", "value": "x"})["error"] == (
        "There are no rows called 'x'; there are alike, plain, overtrained."
    )
    assert ask("x=focal&v=1&src=plain&yes=12")["notices"] == [
        "There is no class 12, the classes are 0 to 9; the rarest is yes now."
    ]
    assert ask("x=focal&v=1&src=own")["notices"] == [
        "There are no rows called own here; the four groups are shown."
    ]


def test_every_field_is_edited_and_the_rest_refused() -> None:
    answer = ask(
        "x=focal", {"do": "set", "path": "counts.0", "value": "200"}, {"do": "set", "path": "ps.3", "value": "0.05"}
    )
    assert answer["url"] == "x=focal&v=1&n=200,50,20,10&ps=0.98,0.4,0.9,0.05"
    assert ask("x=focal", {"do": "set", "path": "counts.0", "value": "2.5"})["error"].startswith("counts.0:")
    assert ask("x=focal", {"do": "copy"})["error"] == "There is no action 'copy' here; there is: set."
    assert ask("x=focal&v=1&gamma=9")["notices"] == [
        "In the link, gamma was out of range and has been brought into it."
    ]
    assert focal.repair(State(), {}) == (State(), [])


@pytest.mark.browser
def test_the_rings_are_moved_by_key_and_by_mouse(page: Page, address: str) -> None:
    open_at(page, address, "x=focal&v=1&solo=1")
    here = section(page, "focal")
    ring = here.locator("#focal-figure-losses .grip")
    ring.focus()
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert "p=0.59" in link(page)
    settles = here.locator("#focal-figure-settles .grip")
    settles.focus()
    page.keyboard.press("ArrowUp")
    settle(page)
    assert "says=0.81" in link(page)
    settles.scroll_into_view_if_needed()
    box = settles.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 40, steps=5)
    page.mouse.up()
    settle(page)
    assert "says=0.81" not in link(page)
    assert_page_is_python(page)
