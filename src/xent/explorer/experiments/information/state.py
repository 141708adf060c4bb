"""What is on screen, how it is edited, and the questions asked about it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xent.explorer.experiments.information import joint, pair
from xent.explorer.experiments.information.measures import K, Measures
from xent.explorer.numbers import num
from xent.explorer.programs import take_home
from xent.explorer.programs.information import information
from xent.explorer.section import Drawing, Preset, Sources, edit
from xent.explorer.shares import scaled, with_share
from xent.explorer.state import ActionError, Many, OneOf, Real, stored
from xent.explorer.text import words

NAME, VERSION = "information", 1

text = words("information")


@dataclass(frozen=True)
class State:
    """What happens, p, and what a forecast says, q; then a forecast and the weather as a joint table."""

    p: tuple[float, ...] = stored((0.5, 0.25, 0.125, 0.125), Many(Real("p", 0.0, 1.0), K, K))
    q: tuple[float, ...] = stored((0.125, 0.5, 0.25, 0.125), Many(Real("forecast", 0.0, 1.0), K, K))
    unit: str = stored("bits", OneOf("unit", ("bits", "nats")))
    share: float = stored(0.3, Real("share", 0.0, 1.0))
    given: tuple[float, ...] = stored((0.8, 0.1), Many(Real("given", 0.0, 1.0), 2, 2))


def _between(t: float) -> tuple[float, ...]:
    """Give the default forecast, a part t of the way to what happens."""
    return tuple((1 - t) * b + t * a for a, b in zip(State.p, State.q, strict=True))


def _said(s: State) -> Mapping[str, Any]:
    m = Measures(s)
    return {
        "entropy": m.entropy,
        "cross": m.cross,
        "kl": m.forward,
        "back": m.backward,
        "js": m.between,
        "perplexity": m.perplexity,
        "nat": num(1 / math.log(2)),
        "unit": m.unit,
    }


PRESETS = (
    Preset(
        "soft",
        right=1,
        covers=("pair", "area", "directions"),
        begin={"q": State.q},
        after=tuple({"q": _between(t)} for t in (0.25, 0.5, 0.75, 1.0)),
        why=_said,
    ),
    Preset(
        "symmetric",
        right=1,
        covers=("pair", "area", "directions"),
        begin={"p": (0.5, 0.25, 0.125, 0.125), "q": (0.9, 0.05, 0.025, 0.025)},
        after=({"p": (0.9, 0.05, 0.025, 0.025), "q": (0.5, 0.25, 0.125, 0.125)},),
        why=_said,
    ),
    Preset(
        "units",
        right=0,
        covers=("pair", "area", "directions"),
        begin={"unit": "bits"},
        after=({"unit": "nats"},),
        why=_said,
    ),
)


def first(_: Sources) -> State:
    """Begin with the default."""
    return State()


def repair(state: State, _: Sources) -> tuple[State, list[str]]:
    """Scale distributions to 1."""
    notices: list[str] = []
    for name in ("p", "q"):
        shares: tuple[float, ...] = getattr(state, name)
        if (whole := scaled(shares)) != shares:
            state = dataclasses.replace(state, **{name: whole})
            notices.append(text.scaled.format(name=name, total=f"{math.fsum(shares):.6g}"))
    return state, notices


def act(state: State, action: Mapping[str, Any], __: Sources) -> State:
    """Set a field; swap the two, or let one be the other, even, or sure."""
    do = action["do"]
    if do == "swap":
        return dataclasses.replace(state, p=state.q, q=state.p)
    if do == "copy":
        return dataclasses.replace(state, q=state.p)
    if do == "sure":
        best = max(range(K), key=state.p.__getitem__)
        return dataclasses.replace(state, p=tuple(float(j == best) for j in range(K)))
    if do != "set":
        return edit(state, action)
    name, _, index = str(action.get("path")).partition(".")
    if name == "length":
        if not index.isdecimal() or int(index) >= K:
            raise ActionError(text.no_length.format(last=K - 1))
        return dataclasses.replace(
            state, q=with_share(state.q, int(index), _from_length(state, action.get("value")))
        )
    new = edit(state, action)
    if name in ("p", "q") and index:
        wanted: tuple[float, ...] = getattr(new, name)
        return dataclasses.replace(new, **{name: with_share(getattr(state, name), int(index), wanted[int(index)])})
    return new


def _from_length(state: State, value: Any) -> float:
    """Give the probability whose code has a length in the state's unit."""
    try:
        length = float(Real("length", 0.0, 1e4).read(str(value)))
    except ValueError as error:
        raise ActionError(f"{error}.") from None
    nats = max(length, 0.0) * (math.log(2) if state.unit == "bits" else 1.0)
    return float(f"{math.exp(-nats):.6g}")


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state."""
    m = Measures(state)
    panels = {
        "pair": lambda: pair.both(m),
        "area": lambda: pair.picture(m),
        "symbols": lambda: pair.symbols(m),
        "directions": lambda: pair.directions(m),
        "joint": lambda: joint.table_of_two(m),
        "take-home": lambda: take_home(NAME, information(state.p, state.q, bits=state.unit == "bits")),
    }
    summary = text.summary.format(
        entropy=m.entropy["text"], cross=m.cross["text"], kl=m.forward["text"], unit=m.unit
    )
    return Drawing(panels, summary)
