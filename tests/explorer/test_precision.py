"""The precision section: formats are the hardware's to the bit, forms are the frameworks', the truth is spec's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

import xent
from tests.explorer.drawn import ask, figure, whole
from tests.explorer.seen import link, open_at, settle
from xent import spec
from xent.explorer import engine
from xent.explorer.experiments import precision
from xent.explorer.experiments.precision.formats import FORMATS, Format
from xent.explorer.experiments.precision.forms import error, inputs, results, truth
from xent.explorer.experiments.precision.panels import alive, errors
from xent.explorer.experiments.precision.state import GAPS

NARROW = ("float32", "bfloat16", "float16")
TORCH = {name: getattr(torch, name) for name in FORMATS}
everything = st.floats(allow_nan=True, allow_infinity=True)


def hardware(name: str, values: Any) -> Any:
    """Bring float64 values into a format; torch reaches bfloat16 by way of float32, so they start there."""
    if name == "bfloat16":
        return torch.tensor(np.asarray(values, np.float64).astype(np.float32)).to(torch.bfloat16)
    with np.errstate(all="ignore"):
        return torch.tensor(np.asarray(values, np.float64).astype(name))


def floats(tensor: Any) -> list[float]:
    return tensor.to(torch.float64).tolist()


def same(a: float, b: float) -> bool:
    """Whether two floats are the same bits, or both NaN."""
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))


def samples(f: Format, count: int = 4000) -> Any:
    """Draw numbers all over a format's range, subnormal ones, ties between neighbours, and both edges."""
    rng = np.random.default_rng(7)
    scale = rng.integers(f.lowest - f.digits - 1, f.highest + 2, count).astype(float)
    wide = rng.uniform(1, 2, count) * np.exp2(np.clip(scale, -1022, 1023)) * rng.choice([-1, 1], count)
    inside = np.array([f.nearest(float(v)) for v in wide])
    ties = inside * (1 + 2.0**-f.digits)
    edges = [
        0.0,
        -0.0,
        math.inf,
        -math.inf,
        math.nan,
        f.largest,
        f.largest * (1 + 2.0 ** -(f.digits + 1)),
        f.smallest / 2,
    ]
    return np.concatenate([wide, inside, ties, edges, [1.5 * f.smallest, 0.5000001 * f.smallest]])


@pytest.mark.parametrize("name", NARROW)
def test_rounding_is_the_hardwares_to_the_bit(name: str) -> None:
    f = FORMATS[name]
    values = samples(f)
    with np.errstate(over="ignore"):
        given_ = values.astype(np.float32).astype(float) if name == "bfloat16" else values
    for value, want in zip(given_.tolist(), floats(hardware(name, given_)), strict=True):
        assert same(f.nearest(value), want), value


@settings(max_examples=300, deadline=None)
@given(everything)
def test_rounding_any_float_is_the_hardwares(value: float) -> None:
    for name in ("float32", "float16"):
        assert same(FORMATS[name].nearest(value), floats(hardware(name, [value]))[0])
    assert same(FORMATS["float64"].nearest(value), value)


@pytest.mark.parametrize("name", FORMATS)
def test_arithmetic_is_the_hardwares_to_the_bit(name: str) -> None:
    f, rng = FORMATS[name], np.random.default_rng(11)
    all_of_them = [f.nearest(float(v)) for v in samples(f, 1500)]
    for _ in range(3):
        a, b = (rng.permutation(all_of_them) for _ in range(2))
        near = np.array([f.nearest(v * float(rng.choice([1.0, 1.001, 3.0]))) for v in a.tolist()])
        for x, y in ((a, b), (a, near)):
            narrow = (
                (lambda v: torch.tensor(v).to(TORCH[name])) if name == "bfloat16" else (lambda v: v.astype(name))
            )
            left, right = narrow(x), narrow(y)
            with np.errstate(all="ignore"):
                wants = {"add": left + right, "sub": left - right, "mul": left * right, "div": left / right}
            for operation, want in wants.items():
                ours = [getattr(f, operation)(p, q) for p, q in zip(x.tolist(), y.tolist(), strict=True)]
                wrong = [v for v in zip(x, y, ours, floats(torch.as_tensor(want)), strict=True) if not same(*v[2:])]
                assert wrong == [], (operation, wrong[:3])


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_numpy_and_torch_agree_with_every_exponential_but_for_their_own_last_bit(name: str) -> None:
    f = FORMATS[name]
    grid = sorted({f.nearest(v) for v in np.linspace(-110, 95, 4001).tolist()})
    want = floats(torch.tensor(grid).to(TORCH[name]).exp())
    ours = [f.exp(v) for v in grid]
    assert sum(map(same, ours, want)) > 0.99 * len(
        grid
    )  # theirs goes by way of a float32 that is not rounded right
    assert all(
        a == b or abs(a - b) <= max(2.0 ** (1 - f.digits) * abs(a), f.smallest)
        for a, b in zip(ours, want, strict=True)
    )


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("function", ["exp", "log", "log1p"])
def test_functions_are_correctly_rounded(name: str, function: str) -> None:
    f, rng = FORMATS[name], np.random.default_rng(3)
    values = (
        rng.uniform(-100, 88, 400) if function == "exp" else 2.0 ** rng.uniform(f.lowest - f.digits, f.highest, 400)
    )
    for x in (f.nearest(float(v)) for v in values):
        got = getattr(f, function)(x)
        with mpmath.workprec(300):
            exact = getattr(mpmath, function)(mpmath.mpf(x))
            if math.isinf(got) or exact == 0:
                assert abs(exact) > f.largest or got == exact
                continue
            unit = max(math.frexp(float(exact))[1] - f.digits, f.lowest - f.digits + 1)
            assert abs(mpmath.mpf(got) - exact) <= mpmath.ldexp(mpmath.mpf(1) / 2, unit)


def test_functions_at_their_edges() -> None:
    f = FORMATS["float32"]
    assert f.exp(-math.inf) == 0 == f.exp(-1000.0)
    assert f.exp(89.0) == math.inf == f.log(math.inf) == f.log1p(math.inf)
    assert f.log(0.0) == -math.inf
    assert math.isnan(f.log(-1.0))
    assert math.isnan(f.exp(math.nan))
    assert f.largest == float(np.finfo(np.float32).max)
    assert f.smallest == float(np.finfo(np.float32).smallest_subnormal)


def by_torch(name: str, form: str, right: float, other: float) -> tuple[float, float]:
    """Compute a form as a user of torch would, with autograd."""
    z = torch.tensor([right, other], dtype=torch.float64).to(TORCH[name]).requires_grad_()
    if form == "naive":
        powers = z.exp()
        loss = -(powers[0] / (powers[0] + powers[1])).log()
    elif form == "clipped":
        loss = -torch.softmax(z, 0).clamp(1e-7, 1 - 1e-7).log()[0]
    else:
        loss = -torch.log_softmax(z, 0)[0]
    loss.backward()
    return loss.item(), z.grad[0].item()  # type: ignore[index]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("form", ["naive", "clipped", "logsumexp"])
def test_the_forms_die_where_torchs_do(name: str, form: str) -> None:
    f = FORMATS[name]
    slack = 8 * 2.0**-f.digits
    for gap in (*GAPS, -0.3, 0.1, 0.7, 33.0, 37.5, 88.0, 104.5):
        ours, exact = results(name, gap, 0.0)[form], truth(name, gap, 0.0)
        for got, want, right in zip(ours[:2], by_torch(name, form, *inputs(f, gap, 0.0)), exact, strict=True):
            assert math.isnan(got) == math.isnan(want), gap
            assert math.isinf(got) == math.isinf(want), gap
            if math.isfinite(want):
                # where 1 + x cancels both are only as precise as the 1; torch sums half types in float32
                assert abs(got - want) <= slack * (1 + abs(float(right))) + 1e-45, (gap, got, want)


@pytest.mark.parametrize("name", FORMATS)
def test_the_truth_is_specs_for_the_logits_of_the_format(name: str) -> None:
    for gap in GAPS:
        for shift in (0.0, 37.3, -900.0):
            z = inputs(FORMATS[name], gap, shift)
            exact = truth(name, gap, shift)
            assert float(exact.loss) == spec.loss(z, 0)
            assert float(exact.gradient) + 0.0 == spec.gradient(z, 0)[0]


@pytest.mark.parametrize("name", FORMATS)
def test_log1p_is_right_wherever_the_format_has_a_number_for_the_answer(name: str) -> None:
    f = FORMATS[name]
    normal = math.ldexp(1.0, f.lowest)
    for gap in GAPS:
        exact = truth(name, gap, 0.0)
        for got, right in zip(results(name, gap, 0.0)["log1p"][:2], exact, strict=True):
            if abs(right) >= normal:
                assert error(got, right) <= 4 * 2.0**-f.digits


def test_the_known_places_where_the_forms_die() -> None:
    found = errors(0.0, "loss")
    ends = {(form, name): alive(found[form][name]) for form in found for name in found[form]}
    assert ends["naive", "float32"] == (-100.0, 16.0)  # e⁸⁸·⁷ is the largest power, p reaches down to e⁻¹⁰³
    assert ends["naive", "float64"] == (-630.0, 31.5)
    assert ends["clipped", "float64"][0] == -16.0  # −log 1e-7 = 16.118
    assert ends["logsumexp", "float64"] == (-1000.0, 31.5)
    assert ends["log1p", "float32"] == (-1000.0, 100.0)
    assert ends["log1p", "float64"] == (-1000.0, 630.0)
    assert ends["log1p", "float16"] == (-1000.0, 16.0)
    raised = errors(1000.0, "loss")
    assert alive(raised["naive"]["float64"]) == (None, None)
    assert alive(raised["log1p"]["float64"]) == ends["log1p", "float64"]


def check(state: precision.State, view: Any) -> Iterator[tuple[Any, ...]]:
    """Pair what is shown with what the public library says for the logits of the format, in float64."""
    z = np.array(inputs(FORMATS[state.format], state.gap, state.shift))
    loss, slope = xent.cross_entropy_with_grad(z, np.array(0))
    items = {item["id"]: item for panel in view["panels"] for item in panel["items"]}
    foot = items["outcomes"]["foot"][0]
    cells = items["outcomes"]["rows"][-1]["cells"]
    told = [foot] if loss > 1e-300 else []  # what is smaller has digits on the page, and none in an array
    told += [cells] if state.format == "float64" and told else []
    for row in told:
        for text, value in ((row[1]["text"], float(loss)), (row[3]["text"], float(slope[0]))):
            yield text, value, 1e-15 * abs(value)
    yield cells[1]["text"], results(state.format, state.gap, state.shift)["log1p"].loss


@pytest.mark.parametrize("quantity", ["loss", "gradient"])
def test_the_map_hatches_what_is_not_finite(quantity: str) -> None:
    view = whole(f"x=precision&v=1&of={quantity}&shift=30")["view"]
    for form, rows in errors(30.0, quantity).items():
        shown = figure(view, f"map-{form}")
        for cells, found in zip(shown["cells"], rows.values(), strict=True):
            assert [cell["shade"] is None for cell in cells] == [not value.is_finite() for value in found]
            assert all(0 <= cell["shade"] <= 1 for cell in cells if cell["shade"] is not None)


def test_a_cell_of_the_map_sets_gap_and_format() -> None:
    for column, gap in ((0, -1000.0), (len(GAPS) - 1, 1000.0), (31, 1.0), (1e9, 1000.0)):
        picked = engine._open(ask("x=precision", {"do": "set", "path": "column", "value": column})["url"], {})[1]
        assert picked.gap == gap
        assert GAPS[picked.column] == gap
    picked = engine._open(ask("x=precision", {"do": "set", "path": "row", "value": 3})["url"], {})[1]
    assert picked.format == "float16"
    for value in ("cat", "nan"):
        assert "a number was expected" in ask("x=precision", {"do": "set", "path": "row", "value": value})["error"]
    assert precision.State(size=0.2).column == GAPS.index(1.0)


@pytest.mark.parametrize("preset", precision.PRESETS, ids=lambda p: p.id)
def test_the_answer_to_every_question_holds(preset: Any) -> None:
    end = precision.State(**preset.begin | preset.after[-1])
    if preset.id == "overflow":
        assert end.results["naive"].steps[0] == math.inf
        assert math.isnan(end.results["naive"].loss)
        assert error(end.results["log1p"].loss, end.truth.loss) < 0.02  # a subnormal number has few digits
    else:
        assert end.results["clipped"].gradient == 0
        assert end.results["logsumexp"].gradient == -1


@pytest.mark.browser
def test_a_cell_of_the_map_is_chosen_by_key_and_looked_into(page: Page, address: str) -> None:
    open_at(page, address, "x=precision&v=1&solo=1")
    page.locator("#precision-panel-map").scroll_into_view_if_needed()
    cell = page.locator("#precision-figure-map-naive .grip")
    expect(cell).to_have_count(1, timeout=30_000)  # the map is a slow panel
    cell.focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert "gap=25" in link(page)
    page.locator("#precision-figure-map-naive .grip").focus()
    page.keyboard.press("ArrowDown")
    settle(page)
    assert "format=bfloat16" in link(page)
    expect(page.locator("#precision-figure-outcomes")).to_contain_text("What bfloat16 makes of it")
