"""How numbers are written: short, right to the last digit, and readable back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent.explorer.numbers import nice_ticks, num, parse, show, show_input, show_probability

finite = st.floats(-1e308, 1e308)  # beyond, three digits can round past the largest float


@given(finite)
def test_what_is_shown_reads_back_to_within_half_of_its_last_digit(value: float) -> None:
    text = show(value)
    back = parse(text)
    assert back == pytest.approx(
        value, rel=5.0001e-3 if "×" in text else 1e-1, abs=5.0001e-5 if "×" not in text else 0
    )
    assert show(back) == text


@given(finite.filter(lambda v: v != 0))
def test_nothing_but_zero_is_shown_as_zero(value: float) -> None:
    assert parse(show(value)) != 0
    assert parse(show_input(value)) != 0


@given(st.floats(1e-3, 9e4))
def test_three_digits_at_least(value: float) -> None:
    assert parse(show(value)) == pytest.approx(value, rel=5.1e-2 if value < 1e-2 else 5.1e-3)


def test_infinities_and_nan_are_shown_as_what_they_are() -> None:
    assert [show(v) for v in (math.inf, -math.inf, math.nan)] == ["∞", "−∞", "NaN"]
    assert num(math.inf) == {"text": "∞", "value": None}


def test_probabilities_next_to_one_show_their_distance() -> None:
    assert show_probability(0.9999, 1e-4) == "0.9999"
    assert show_probability(0.99999, 1e-5) == "1 − 1.00×10⁻⁵"
    assert show_probability(1.0, 0.0) == "1"


@pytest.mark.parametrize("text", ["", "cat", "1_000", "1,2,3", "--1", "0x10", "1e", "9" * 500])
def test_what_is_no_number_is_refused_with_what_came(text: str) -> None:
    with pytest.raises(ValueError, match="a number was expected"):
        parse(text)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_inside_and_evenly_spaced(low: float, width: float, about: int) -> None:
    ticks = nice_ticks(low, low + width, about=about)
    assert 1 <= len(ticks) <= 2.5 * about + 2
    assert all(low - 1e-6 * width <= t <= low + width * (1 + 1e-6) for t in ticks)
