"""The picture of the precision section: one gap in one format, and all of them as maps of the relative error."""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from functools import lru_cache

from xent.explorer.experiments.precision import formulas
from xent.explorer.experiments.precision.formats import FORMATS
from xent.explorer.experiments.precision.forms import FORMS, error, results, truth
from xent.explorer.experiments.precision.state import GAPS, LEAST, MOST, REFS, SHIFT, State
from xent.explorer.figures import (
    axis,
    choice,
    controls,
    curves,
    drag,
    handle,
    heatmap,
    line,
    log_axis,
    log_slider,
    panel,
    prose,
    rule,
    say,
    sheet,
    slider,
    table,
)
from xent.explorer.numbers import num, show, show_input, show_tick
from xent.explorer.programs import take_home
from xent.explorer.programs.precision import precision
from xent.explorer.section import Drawing, Later, Sources, progress
from xent.explorer.text import words
from xent.explorer.view import Cell, Item, Num, Panel, SheetRow, Table

text = words("precision")
DEAD = Decimal("0.1")
"""A relative error above which not even the first digit is right."""

Errors = dict[str, dict[str, tuple[Decimal, ...]]]
"""Relative errors: form → format → one for each gap."""


def compute(state: State, _: Sources) -> Drawing:
    """Draw a state."""
    panels = {
        "one": lambda: _one(state),
        "steps": lambda: panel("steps", text.steps, formulas.items(state)),
        "map": Later(text.map, lambda: _map(state)),
        "lines": Later(text.lines, lambda: _lines(state)),
        "take-home": lambda: take_home("precision", precision(state.format, state.gap, state.shift)),
    }
    best = num(state.results["log1p"].loss)["text"]
    return Drawing(panels, text.summary.format(format=state.format, loss=show(state.truth.loss), best=best))


def _decimal(value: Decimal, ref: str) -> Num:
    """Write a decimal number; one beyond the range of floats keeps its digits, and its place at the edge."""
    text = "1" if value == 1 else show(value)
    most = sys.float_info.max
    return num(max(-most, min(most, float(value))) if value.is_finite() else float(value), ref, text=text)


def _true(state: State, quantity: str) -> Num:
    return _decimal(getattr(state.truth, quantity), "truth")


def _got(state: State, form: str, quantity: str) -> float:
    return getattr(state.results[form], quantity)


def _one(s: State) -> Panel:
    gap = num(s.size, "gap", text=show_input(s.size))
    shift = num(s.shift, "shift", text=show_input(s.shift))
    return panel(
        "one",
        text.one,
        [
            prose(
                "story",
                say(
                    text.story_ahead if s.side == "ahead" else text.story_behind,
                    gap=gap,
                    format=s.format,
                    loss=_true(s, "loss"),
                    **{form: num(_got(s, form, "loss"), REFS[form]) for form in FORMS},
                ),
            ),
            controls(
                "row",
                [
                    choice("format", text.format, s.format, {name: name for name in FORMATS}),
                    choice("side", text.side, s.side, text.sides),
                    log_slider("size", text.by, gap, (LEAST, MOST), marks=(0.1, 1.0, 10.0, 100.0, 1000.0)),
                    slider("shift", text.shift, shift, (-SHIFT, SHIFT), step=1.0),
                ],
            ),
            _outcomes(s),
        ],
    )


def _outcomes(s: State) -> Item:
    """Lay the four forms side by side with the truth."""
    rows: list[SheetRow] = []
    for form, ref in REFS.items():
        cells: list[str | Num] = [text.forms[form]]
        for quantity in ("loss", "gradient"):
            got = _got(s, form, quantity)
            cells += [num(got, ref), _decimal(error(got, getattr(s.truth, quantity)), ref)]
        rows.append({"ref": ref, "cells": [*cells]})
    return sheet(
        "outcomes",
        say(text.outcomes, format=s.format),
        [text.form, text.loss, text.error, text.gradient, text.error],
        rows,
        foot=[[text.exact, _true(s, "loss"), "", _true(s, "gradient"), ""]],
        caption=say(text.outcomes_caption, **dict(zip(("right", "other"), formulas.logits(s), strict=True))),
    )


@lru_cache(maxsize=16)
def errors(shift: float, quantity: str) -> Errors:
    """Relative errors of each form in each format, gap by gap."""
    out: Errors = {form: {} for form in FORMS}
    for done, name in enumerate(FORMATS):
        progress(done / len(FORMATS))
        runs = [(results(name, gap, shift), getattr(truth(name, gap, shift), quantity)) for gap in GAPS]
        for form in FORMS:
            out[form][name] = tuple(error(getattr(got[form], quantity), right) for got, right in runs)
    return out


def alive(across: tuple[Decimal, ...]) -> tuple[float | None, float | None]:
    """Give the last gap to either side at which the first digit is right; None where none is, from 1 on."""
    middle = len(GAPS) // 2
    ends: list[float | None] = []
    for side in (range(middle - 1, -1, -1), range(middle, len(GAPS))):
        last: float | None = None
        for j in side:
            if not across[j].is_finite() or across[j] > DEAD:
                break
            last = GAPS[j]
        ends.append(last)
    return ends[0], ends[1]


def _map(s: State) -> Panel:
    found = errors(s.shift, s.quantity)
    return panel(
        "map",
        text.map,
        [
            prose("map-story", say(text.map_story)),
            controls("of", [choice("quantity", text.quantity, s.quantity, text.quantities)]),
            *(_form_map(s, form, found[form]) for form in FORMS),
            _lifespans(found),
        ],
        wide=True,
    )


def _shade(value: Decimal) -> float | None:
    """Give no colour at 16 digits and all of it at none."""
    if not value.is_finite():
        return None
    return max(0.0, 1.0 + math.log10(min(value, 1)) / 16.0) if value else 0.0


def _form_map(s: State, form: str, found: dict[str, tuple[Decimal, ...]]) -> Item:
    names = tuple(FORMATS)
    at = (names.index(s.format), s.column)
    here = found[s.format][s.column]
    spoken = text.cell_spoken.format(
        form=text.forms[form], format=s.format, gap=show_tick(GAPS[at[1]]), error=show(here)
    )
    held = handle(
        text.cell.format(form=text.forms[form]),
        spoken,
        x=drag("column", (0, len(GAPS) - 1), 1),
        y=drag("row", (0, len(names) - 1), 1),
    )
    cells: list[list[Cell]] = [[{"text": show(v), "shade": _shade(v)} for v in found[name]] for name in names]
    return heatmap(
        f"map-{form}",
        say(text.titles[form]),
        rows=names,
        columns=[show_tick(gap) for gap in GAPS],
        axes=(text.format_axis, text.ahead_by),
        cells=cells,
        ends=(text.palest, text.deepest),
        texts=False,
        pick=(held, at),
        caption=say(text.captions[form]),
    )


def _lifespans(found: Errors) -> Item:
    """Say from which gap to which gap each form has its first digit right, in each format."""
    rows: list[SheetRow] = []
    for name in FORMATS:
        cells: list[str | Num] = [name]
        for form, ref in REFS.items():
            low, high = alive(found[form][name])
            span = text.span.format(low=_end(low), high=_end(high)) if low or high else text.nowhere
            cells.append(num(high or 0.0, ref, text=span))
        rows.append({"ref": name, "cells": [*cells]})
    return sheet(
        "lifespans",
        say(text.lifespans),
        [text.format_axis, *text.forms.values()],
        rows,
        caption=say(text.lifespans_caption),
    )


def _end(gap: float | None) -> str:
    """Write where a form dies; an ellipsis where it outlives the map."""
    return "0" if gap is None else show_tick(gap) + ("…" if abs(gap) == MOST else "")


@lru_cache(maxsize=16)
def _runs(name: str, low: float, high: float) -> list[tuple[float, dict[str, float]]]:
    """Give each form's loss along a line of gaps, without a shift."""
    gaps = [low + (high - low) * i / 90 for i in range(91)]
    return [(gap, {form: got.loss for form, got in results(name, gap, 0.0).items()}) for gap in gaps]


def _lines(s: State) -> Panel:
    f = FORMATS[s.format]
    low = max(f.smallest, sys.float_info.min)  # there are no round ticks below
    reach = -math.log(low)
    ahead, behind = _runs(s.format, 0.0, 1.1 * reach), _runs(s.format, 0.0, -min(1.1 * reach, 120.0))
    gap = num(s.size, "gap", text=show_input(s.size))
    here = [rule("x", gap, text.gap_rule)]
    sure = curves(
        "sure",
        say(text.sure, format=s.format),
        x=axis(text.ahead_by, 0.0, 1.1 * reach),
        y=log_axis(text.nats, low, 1.0),
        lines=[
            line(
                [(gap, got[form]) if got[form] > 0 else None for gap, got in ahead],
                text.short[form],
                ref=REFS[form],
            )
            for form in FORMS
        ],
        rules=here if s.side == "ahead" and s.size <= 1.1 * reach else [],
        caption=say(text.sure_caption, smallest=num(f.smallest, "smallest")),
        behind=_sampled(ahead),
    )
    most = -behind[-1][0]
    mistaken = curves(
        "mistaken",
        say(text.mistaken, format=s.format),
        x=axis(text.behind_by, 0.0, most),
        y=axis(text.nats, 0.0, most * 1.05),
        lines=[
            line(
                [(-gap, got[form]) for gap, got in behind], text.short[form], ref=REFS[form], dashed=form == "log1p"
            )
            for form in FORMS
        ],
        rules=here if s.side == "behind" and s.size <= most else [],
        caption=say(text.mistaken_caption),
        behind=_sampled(behind),
    )
    return panel("lines", text.lines, [sure, mistaken], wide=True)


def _sampled(runs: list[tuple[float, dict[str, float]]]) -> Table:
    return table(
        [text.ahead_by, *text.forms.values()],
        [[show_input(gap), *(num(got[form], REFS[form]) for form in FORMS)] for gap, got in runs[::10]],
    )
