"""A state as a link: exact, canonical, and reading never fails."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xent.explorer.state import MAX_URL, ActionError, Many, OneOf, Real, Whole, Word, from_url, put, stored, to_url


@dataclass(frozen=True)
class State:
    xs: tuple[float, ...] = stored((1.0, 2.0), Many(Real("xs", -1e6, 1e6, masks=True), 2, 5))
    names: tuple[str, ...] = stored(("a", "b"), Many(Word("n", 12), 2, 5))
    size: float = stored(1.0, Real("size", 0.01, 100.0))
    count: int = stored(3, Whole("count", 0, 9))
    kind: str = stored("soft", OneOf("kind", ("soft", "hard")))


printable = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
states = st.builds(
    State,
    xs=st.lists(st.floats(-1e6, 1e6) | st.just(-math.inf), min_size=2, max_size=5).map(
        lambda v: tuple(x + 0.0 for x in v)
    ),
    names=st.lists(printable, min_size=2, max_size=5).map(tuple),
    size=st.floats(0.01, 100.0),
    count=st.integers(0, 9),
    kind=st.sampled_from(["soft", "hard"]),
)


@given(states)
def test_a_link_reads_back_to_the_same_bits(state: State) -> None:
    url = to_url("demo", 1, state)
    assert from_url(url, 1, State) == (state, [])
    assert to_url("demo", 1, from_url(url, 1, State)[0]) == url


def test_defaults_are_left_out() -> None:
    assert to_url("demo", 1, State()) == "x=demo&v=1"
    assert to_url("demo", 1, State(count=4)) == "x=demo&v=1&count=4"


@given(st.text(max_size=200))
def test_reading_never_fails(url: str) -> None:
    state, _ = from_url(url, 1, State)
    assert 0.01 <= state.size <= 100
    assert 0 <= state.count <= 9
    assert all(-1e6 <= x <= 1e6 or x == -math.inf for x in state.xs)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("x=demo&v=2", "version '2'"),
        ("size=1000", "out of range"),
        ("size=cat", "a number was expected, 'cat' came"),
        ("size=nan", "NaN"),
        ("count=2.5", "a whole number"),
        ("kind=other", "one of soft, hard"),
        ("xs=1", "at least 2 values"),
        ("xs=1,2,3,4,5,6,7", "out of range"),
        ("elephant=1", "elephant"),
        ("a" * (MAX_URL + 1), "characters"),
    ],
)
def test_everything_that_had_to_be_changed_is_said(url: str, sentence: str) -> None:
    _, notices = from_url(url, 1, State)
    assert len(notices) == 1
    assert sentence in notices[0]


def test_put_reads_what_people_type() -> None:
    assert put(State(), "xs.1", "−0,5").xs == (1.0, -0.5)
    assert put(State(), "xs.0", "-inf").xs == (-math.inf, 2.0)
    assert put(State(), "size", 1e9).size == 100.0
    assert put(State(), "names.0", "  a\nvery long name indeed ").names[0] == "avery long n"


@pytest.mark.parametrize("path", ["xs", "xs.7", "xs.-1", "size.0x", "nothing", "", "__class__"])
def test_a_path_that_leads_nowhere_is_an_action_error(path: str) -> None:
    if path == "size.0x":
        assert put(State(), path, 2).size == 2.0  # a plain field has no entries; the rest of the path says nothing
    else:
        with pytest.raises(ActionError):
            put(State(), path, 1)
