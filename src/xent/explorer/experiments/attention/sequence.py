"""A sequence of random queries and keys: who sees whom, and what the size of the vectors does."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import lru_cache

from xent import spec
from xent.explorer.experiments.attention.fields import SENTENCE, SIZES, TOKENS, Fields, Look, weight
from xent.explorer.figures import (
    axis,
    button,
    choice,
    controls,
    curves,
    drag,
    handle,
    heatmap,
    line,
    log_axis,
    mark,
    panel,
    prose,
    readout,
    say,
    table,
    toggle,
)
from xent.explorer.numbers import num, show_input
from xent.explorer.programs.attention import Problem
from xent.explorer.section import progress
from xent.explorer.text import words
from xent.explorer.view import Cell, Item, Panel

text = words("attention")
LARGEST = int(SIZES[-1])
Measure = Callable[[int, int], tuple[float, float]]
QUERIES = 12
"""Queries whose mean the lines by size show."""


def root(size: str) -> int:
    """Give √d, which is whole for every size on offer."""
    return math.isqrt(int(size))


@lru_cache(maxsize=64)
def _products(seed: int, size: int) -> list[list[float]]:
    """Give q · k of each pair of tokens; their numbers are normal, of mean 0 and variance 1."""
    source = random.Random(seed)  # noqa: S311 - an example, not a secret
    queries, keys = ([[source.gauss(0, 1) for _ in range(LARGEST)] for _ in range(TOKENS)] for _ in range(2))
    return [[math.fsum(map(float.__mul__, q[:size], k[:size])) for k in keys] for q in queries]


def scores(s: Fields, i: int) -> list[float]:
    """Give what the softmax of a query gets: products, divided by the root, and masked."""
    products = _products(s.seed, int(s.size))[i]
    divisor = root(s.size) if s.scale else 1
    last = {"none": TOKENS, "causal": i + 1, "strict": i}[s.mask]
    return [v / divisor if j < last else -math.inf for j, v in enumerate(products)]


def problem(look: Look) -> Problem:
    """Say what the section's programs compute."""
    s = look.state
    return Problem(
        scores=look.scores,
        temperature=s.temperature,
        values=list(zip(s.xs, s.ys, strict=True)),
        seed=s.seed,
        tokens=TOKENS,
        drawn=LARGEST,
        size=int(s.size),
        scale=s.scale,
        mask=s.mask,
        query=s.query,
    )


def table_of_all(s: Fields) -> Panel:
    """Show the scores and the weights of the whole sequence."""
    every = [scores(s, i) for i in range(TOKENS)]
    weights = [spec.probabilities(row) for row in every]
    size = max((abs(v) for row in every for v in row if math.isfinite(v)), default=1.0) or 1.0
    cells: list[list[Cell]] = [
        [{"text": _short(v), "shade": v / size if math.isfinite(v) else None} for v in row] for row in every
    ]
    shares: list[list[Cell]] = [
        [{"text": weight(row, j, "")["text"], "shade": None if math.isnan(v) else v} for j, v in enumerate(row)]
        for row in weights
    ]
    at = weight(weights[s.query], s.key, "chosen")
    held = handle(
        text.cell,
        text.cell_spoken.format(query=SENTENCE[s.query], key=SENTENCE[s.key], weight=at["text"]),
        x=drag("key", (0, TOKENS - 1), 1),
        y=drag("query", (0, TOKENS - 1), 1),
    )
    raw = num(_products(s.seed, int(s.size))[s.query][s.key], "raw")
    score = num(every[s.query][s.key], "score")
    story = {"none": text.sequence_none, "causal": text.sequence_story, "strict": text.sequence_nan}[s.mask]
    return panel(
        "sequence",
        text.sequence,
        [
            prose("sequence-story", say(story, d=s.size, first=SENTENCE[0])),
            controls(
                "sequence-controls",
                [
                    choice("size", text.size_choice, s.size, {n: n for n in SIZES}),
                    toggle("scale", text.divide, s.scale),
                    choice("mask", text.mask, s.mask, text.masks),
                    button(text.draw, {"do": "draw"}),
                ],
            ),
            heatmap(
                "all-scores",
                say(text.all_scores),
                rows=SENTENCE,
                columns=SENTENCE,
                axes=(text.queries, text.keys_name),
                cells=cells,
                ends=(show_input(round(-size, 1)), show_input(round(size, 1))),
                scale="diverging",
                caption=None if s.mask == "none" else say(text.scores_caption),
            ),
            heatmap(
                "all-weights",
                say(text.all_weights),
                rows=SENTENCE,
                columns=SENTENCE,
                axes=(text.queries, text.keys_name),
                cells=shares,
                ends=("0", "1"),
                pick=(held, (s.query, s.key)),
                caption=say(text.weights_caption),
            ),
            readout(
                "chosen",
                [
                    {
                        "label": text.pair.format(query=SENTENCE[s.query], key=SENTENCE[s.key]),
                        "number": raw,
                        "unit": "q · k",
                    },
                    {"label": text.score, "number": score, "unit": ""},
                    {"label": text.weight, "number": at, "unit": ""},
                    {
                        "label": text.attended,
                        "number": num(math.exp(spec.entropy(weights[s.query])), "keys"),
                        "unit": text.of.format(n=TOKENS),
                    },
                ],
            ),
        ],
        wide=True,
    )


def _short(value: float) -> str:
    return show_input(round(value, 2)) if math.isfinite(value) else num(value)["text"]


@lru_cache(maxsize=8)
def _samples(seed: int) -> dict[int, list[list[float]]]:
    """Give the products of more queries with keys of their own, by size: sums of the first d terms."""
    source = random.Random(-seed)  # noqa: S311
    sizes = [int(n) for n in SIZES]
    out: dict[int, list[list[float]]] = {n: [] for n in sizes}
    for i in range(QUERIES):
        progress(i / QUERIES)
        query = [source.gauss(0, 1) for _ in range(LARGEST)]
        keys = [[source.gauss(0, 1) for _ in range(LARGEST)] for _ in range(TOKENS)]
        for n in sizes:
            out[n].append([math.fsum(map(float.__mul__, query[:n], key[:n])) for key in keys])
    return out


@lru_cache(maxsize=64)
def typical(seed: int, size: int) -> tuple[float, float]:
    """Give the keys a query attends to, e to the entropy, without and with 1/√d: the mean over the queries."""
    rows = _samples(seed)[size]

    def keys(divisor: float) -> float:
        return _mean([math.exp(spec.entropy(spec.probabilities(row, temperature=divisor))) for row in rows])

    return keys(1.0), keys(math.sqrt(size))


@lru_cache(maxsize=64)
def steepness(seed: int, size: int) -> tuple[float, float]:
    """Give the length of softmax’s derivative at those queries, all its entries together: a mean as well."""
    rows = _samples(seed)[size]

    def length(divisor: float) -> float:
        tables = [spec.jacobian([v / divisor for v in row]) for row in rows]
        return _mean([math.hypot(*(v for line_of in one for v in line_of)) for one in tables])

    return length(1.0), length(math.sqrt(size))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def by_size(s: Fields) -> Panel:
    """Show what the size of the vectors does to attention, with and without the root."""
    _samples(s.seed)
    return panel(
        "size",
        text.size,
        [
            prose(
                "size-story",
                say(text.size_story, root=num(float(root(s.size)), "root", text=str(root(s.size))), d=s.size),
            ),
            _lines(s, "reach", text.reach_title, text.attended, typical, float(TOKENS), text.reach_caption),
            _lines(s, "steep", text.steep_title, text.steep, steepness, 0.6, text.steep_caption),
        ],
        wide=True,
    )


def _lines(s: Fields, name: str, title: str, label: str, measure: Measure, top: float, caption: str) -> Item:
    runs = [(int(n), measure(s.seed, int(n))) for n in SIZES]
    here = next(pair for n, pair in runs if n == int(s.size))
    return curves(
        name,
        say(title),
        x=log_axis(text.size_of, 1.0, float(LARGEST)),
        y=axis(label, 0.0, top),
        lines=[
            line([(float(n), pair[0]) for n, pair in runs], text.plain, ref="plain", dashed=True),
            line([(float(n), pair[1]) for n, pair in runs], text.scaled, ref="scaled"),
        ],
        marks=[
            mark(float(s.size), here[i], ref, num(here[i])["text"]) for i, ref in enumerate(("plain", "scaled"))
        ],
        behind=table(
            [text.size_of, text.plain, text.scaled], [[str(n), num(pair[0]), num(pair[1])] for n, pair in runs]
        ),
        caption=say(caption, n=str(QUERIES)),
    )
