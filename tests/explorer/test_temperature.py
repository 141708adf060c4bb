"""Temperature: beside the public library, against what is known in closed form, and as a reader uses it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import xent
from tests.explorer.drawn import ask, close, figure, run_program
from tests.explorer.owned import given_rows
from tests.explorer.seen import assert_page_is_python, drag_to, field, lane, link, open_at, section, settle
from xent import information
from xent.explorer.experiments.temperature import State
from xent.explorer.numbers import parse
from xent.explorer.state import from_url


def check(state: State, view: Any) -> Iterator[tuple[Any, ...]]:
    """Both distributions, the entropy, the divergence and its gradient."""
    z, s, t = np.array(state.logits), np.array(state.student), state.temperature
    p, q = xent.softmax(z, temperature=t), xent.softmax(s, temperature=t)
    plain = xent.softmax(z)
    for row, hot, one in zip(figure(view, "p")["rows"], p, plain, strict=True):
        yield row["number"]["text"], float(hot)
        yield row["more"][0]["text"], float(one)
    for row, teacher, student in zip(figure(view, "soft")["rows"], p, q, strict=True):
        yield row["number"]["text"], float(teacher)
        yield row["more"][0]["text"], float(student)
    entropy = figure(view, "entropy")["table"]["rows"][0][1]
    yield entropy["text"], float(information.entropy(p)), 4e-16
    loss, slope = xent.distillation_loss_with_grad(s, z, temperature=t)
    divergence, scaled, raw, full = (item["number"]["text"] for item in figure(view, "distil-numbers")["items"])
    # the page takes the divergence of rounded probabilities; the library of the logits, with all digits
    slack = 4e-15 * (1 + abs(float(loss)) / t**2)
    yield divergence, float(loss) / t**2, slack
    yield scaled, float(loss), slack * t**2
    length = float(np.linalg.norm(slope))
    yield raw, length / t**2, 1e-15 / t
    yield full, length, 1e-15 * t
    for row, value in zip(figure(view, "pull")["rows"], slope, strict=True):
        yield row["number"]["text"], float(value), 1e-15 * t


def test_heat_keeps_the_order_and_raises_the_entropy() -> None:
    entropies = list[float]()
    for t in (0.05, 0.3, 1.0, 4.0, 50.0):
        view = ask(f"x=temperature&v=1&T={t}")["view"]
        p = [row["number"]["value"] for row in figure(view, "p")["rows"]]
        assert p == sorted(p, reverse=True)
        entropies.append(figure(view, "entropy")["table"]["rows"][0][1]["value"])
    assert entropies == sorted(entropies)
    assert entropies[-1] < math.log(4)


def test_the_gradient_times_t_squared_tends_to_the_gap_of_centred_logits() -> None:
    """Hinton, Vinyals and Dean (2015), equation 4: at high temperature (s_j − z_j)/K for centred logits."""
    view = ask("x=temperature&v=1&T=100")["view"]
    z, s = np.array(State.logits), np.array(State.student)
    limit = ((s - s.mean()) - (z - z.mean())) / len(z)
    shown = [row["number"]["value"] for row in figure(view, "pull")["rows"]]
    assert shown == pytest.approx(limit, rel=0.05, abs=0.01)


def test_a_student_that_copies_its_teacher_pays_nothing() -> None:
    answer = ask("x=temperature&v=1&T=3", {"do": "copy"})
    values = [item["number"]["text"] for item in figure(answer["view"], "distil-numbers")["items"]]
    assert values == ["0", "0", "0", "0"]


def test_the_student_gets_as_many_logits_as_the_teacher() -> None:
    answer = ask("x=temperature&v=1&z=1,2&s=5,6,7,8")
    assert answer["notices"] == ["The student was given as many logits as its teacher has, 2."]
    assert "s=5,6" in answer["url"]


@pytest.mark.parametrize("library", ["numpy", "torch", "jax", "keras", "xent"])
@pytest.mark.parametrize("state", ["T=1", "T=2.5&s=0,0,0,0", "T=40&z=5,-5,1,2"])
def test_the_copied_program_prints_the_numbers_on_the_page(state: str, library: str) -> None:
    view = ask(f"x=temperature&v=1&{state}")["view"]
    source = next(tab["source"] for tab in figure(view, "program")["tabs"] if tab["id"] == library)
    loss, *grad = run_program(source)
    assert close(figure(view, "distil-numbers")["items"][1]["number"]["text"], loss, 1e-12)
    for row, value in zip(figure(view, "pull")["rows"], grad, strict=True):
        assert close(row["number"]["text"], value, slack=6e-5 * max(map(abs, grad)))  # arrays print 4 to 8 decimals


def test_a_row_is_picked_and_its_masked_classes_are_left_out() -> None:
    rows = given_rows("cat,dog,bird,fish,label\n30,-inf,1,2,cat\n0,1,2,3,cat")
    answer = ask("x=temperature", {"do": "own"}, {"do": "load", "value": 0}, own=rows)
    assert answer["url"] == (
        "x=temperature&v=1&z=30,1,2&s=0,0,0&span=50&names=cat,bird,fish&data=own&row=0&rows=mistakes"
    )
    state = from_url(answer["url"], 1, State)[0]
    for text, value, *slack in check(state, answer["view"]):
        assert close(text, float(value), *slack)
    assert [bar["label"] for bar in figure(answer["view"], "p")["rows"]] == ["cat", "bird", "fish"]
    assert figure(answer["view"], "student")["axis"]["domain"] == (-50.0, 50.0)
    gone = ask(answer["url"])
    assert gone["notices"] == ["There are no rows called 'own' here; the logits are shown without them."]
    assert "z=30,1,2" in gone["url"]
    assert "data=" not in gone["url"]


def test_real_rows_are_offered_and_the_default_names_none_of_them() -> None:
    answer = ask("x=temperature")
    assert answer["url"] == "x=temperature&v=1"
    picked = ask(answer["url"], {"do": "load", "value": 3})
    assert "data=plain&row=3" in picked["url"]
    assert figure(picked["view"], "story")["picture"]["label"].startswith("The image of row 3")


def test_a_probability_too_small_for_a_float_makes_no_infinite_divergence() -> None:
    view = ask("x=temperature&v=1&T=0.01&z=3,2&s=-10,10")["view"]
    exact = xent.distillation_loss(np.array([-10.0, 10.0]), np.array([3.0, 2.0]), temperature=0.01)
    assert figure(view, "distil-numbers")["items"][1]["number"]["value"] == pytest.approx(float(exact), rel=1e-12)
    assert figure(view, "distil-numbers")["items"][0]["number"]["text"] == "2000.0"


def test_an_unknown_action_gets_a_sentence() -> None:
    assert "no action" in ask("x=temperature", {"do": "jump"})["error"]


@pytest.mark.browser
def test_the_ring_on_the_curve_heats_the_model_by_mouse_and_by_key(page: Page, address: str) -> None:
    open_at(page, address, "x=temperature&v=1")
    ring = section(page, "temperature").locator("#temperature-figure-shares .grip")
    ring.scroll_into_view_if_needed()
    ring.focus()
    page.keyboard.press("PageUp")
    settle(page)
    assert "T=2" in link(page)
    box = ring.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=6)
    page.mouse.up()
    settle(page)
    heated = parse(field(page, "temperature", "temperature").input_value())
    assert heated > 3
    assert_page_is_python(page)
    page.keyboard.press("ControlOrMeta+z")
    settle(page)
    assert "T=2" in link(page)


@pytest.mark.browser
def test_logits_of_both_models_are_dragged(page: Page, address: str) -> None:
    open_at(page, address, "x=temperature&v=1&solo=1")
    drag_to(page, "logits.1", 0.9, "temperature")
    assert "z=3,8" in link(page)
    drag_to(page, "student.0", 0.2, "temperature")
    assert "s=-6" in link(page)
    lane(page, "student.0", "temperature").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert "s=-5.9" in link(page)
    assert_page_is_python(page)


@pytest.mark.browser
@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_question_is_predicted_and_revealed_by_keyboard_alone(page: Page, address: str, motion: Any) -> None:
    page.emulate_media(reduced_motion=motion)
    open_at(page, address, "x=temperature&v=1")
    offer = page.get_by_role("button", name="The model is heated")
    offer.focus()
    page.keyboard.press("Enter")
    settle(page)
    here = section(page, "temperature")
    expect(here.locator(".asked")).to_be_focused()
    expect(page.locator("[aria-live=polite]")).to_contain_text("What happens to its accuracy?")
    expect(here.locator("#temperature-panel-curve .covered")).to_have_count(1)
    expect(here.locator("#temperature-panel-curve svg")).to_have_count(0)
    page.get_by_role("button", name="See what happens").focus()
    page.keyboard.press("Enter")
    expect(here.locator(".question .said")).to_contain_text("Choose an answer")
    page.get_by_label("It falls").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(here.locator(".why")).to_be_focused()
    expect(here.locator(".why")).to_contain_text("Right.")
    page.wait_for_function("() => /T=20/.test(location.hash)")
    settle(page)
    expect(page.locator("[aria-live=polite]")).to_contain_text("Right. Nothing")
    expect(here.locator("#temperature-panel-curve svg")).to_have_count(2)
    assert_page_is_python(page)
    page.get_by_role("button", name="Back to the experiment").click()
    settle(page)
    assert "q=" not in link(page)
    expect(page.get_by_role("button", name="The model is heated")).to_have_count(1)
