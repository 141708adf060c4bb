"""Contour lines of a function over a plane: marching squares, by the standard library.

A line crosses an edge of the mesh where the function passes the level. It is found on the function itself, and
not only between the edge's two ends, so that it is right where the function is steep.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cache

Point = tuple[float, ...]
Cell = tuple[int, int, int, int]
_Edge = tuple[int, int]

_ROUNDS = 8  # of regula falsi at most; two or three are usual


@cache
def square_mesh(low: float, high: float, n: int) -> tuple[list[Point], list[Cell]]:
    """Cut a square into n × n squares.

    Examples
    --------
    >>> points, cells = square_mesh(0.0, 1.0, 1)
    >>> points, cells
    ([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)], [(0, 1, 3, 2)])
    """
    at = [low + (high - low) * i / n for i in range(n + 1)]
    w = n + 1
    cells = [(j * w + i, j * w + i + 1, (j + 1) * w + i + 1, (j + 1) * w + i) for j in range(n) for i in range(n)]
    return [(x, y) for y in at for x in at], cells


def contours(
    f: Callable[[Point], float], points: Sequence[Point], cells: Iterable[Cell], levels: Sequence[float]
) -> list[tuple[float, list[Point]]]:
    """Find the lines on which a function has given values.

    Parameters
    ----------
    f : callable
        A point's value; continuous and finite.
    points, cells
        The mesh, as `square_mesh` gives it: a cell names its corners in order around it.
    levels : sequence of float
        Rising.

    Returns
    -------
    list of (level, points)
        One entry a connected line; a closed one ends where it began.

    Examples
    --------
    >>> lines = contours(lambda p: p[0] + p[1], *square_mesh(0.0, 1.0, 2), [0.5])
    >>> [(level, sorted((round(x, 6), round(y, 6)) for x, y in line)) for level, line in lines]
    [(0.5, [(0.0, 0.5), (0.5, 0.0)])]
    """
    values = [f(p) for p in points]
    joined: list[dict[_Edge, list[_Edge]]] = [{} for _ in levels]
    for cell in cells:
        v = [values[i] for i in cell]
        low, high = min(v), max(v)
        for k in range(bisect_left(levels, low), len(levels)):
            level = levels[k]
            if level >= high:
                break
            for a, b in _segments(cell, v, level):
                joined[k].setdefault(a, []).append(b)
                joined[k].setdefault(b, []).append(a)
    out: list[tuple[float, list[Point]]] = []
    for level, links in zip(levels, joined, strict=True):
        out += [(level, [_crossing(f, points, values, e, level) for e in chain]) for chain in _chains(links)]
    return out


def _segments(cell: Cell, values: list[float], level: float) -> list[tuple[_Edge, _Edge]]:
    """Give the pieces of the line inside a cell, from edge to edge."""
    n = len(cell)
    above = [v > level for v in values]
    crossed: list[_Edge] = []
    for i in range(n):
        j = (i + 1) % n
        if above[i] != above[j]:
            a, b = cell[i], cell[j]
            crossed.append((a, b) if a < b else (b, a))
    if len(crossed) == 2:
        return [(crossed[0], crossed[1])]
    # A saddle: the middle decides which corners are cut off.
    middle = sum(values) / n > level
    first = 1 if middle == above[0] else 3
    return [(crossed[0], crossed[first]), (crossed[2], crossed[(first + 2) % 4])]


def _chains(links: dict[_Edge, list[_Edge]]) -> list[list[_Edge]]:
    """Join pieces end to end: those that end at the border first, then the closed ones."""
    seen: set[_Edge] = set()
    chains: list[list[_Edge]] = []
    for start in sorted(links, key=lambda e: len(links[e])):
        if start in seen:
            continue
        chain, at = [start], start
        seen.add(start)
        while True:
            onward = next((e for e in links[at] if e not in seen), None)
            if onward is None:
                break
            chain.append(onward)
            seen.add(onward)
            at = onward
        if len(chain) > 2 and start in links[at]:
            chain.append(start)
        chains.append(chain)
    return chains


def _crossing(
    f: Callable[[Point], float], points: Sequence[Point], values: Sequence[float], edge: _Edge, level: float
) -> Point:
    """Find where the function passes the level on an edge: regula falsi, the Illinois rule."""
    i, j = edge
    p, q = points[i], points[j]
    low, high = 0.0, 1.0
    a, b = values[i] - level, values[j] - level
    t, kept = 0.5, 0  # which end has stayed: −1 low, 1 high
    for _ in range(_ROUNDS):
        t = (low * b - high * a) / (b - a)
        value = f(tuple(x + t * (y - x) for x, y in zip(p, q, strict=True))) - level
        if abs(value) < 1e-4 * (1 + abs(level)):
            break
        if (value > 0) == (a > 0):
            low, a, b, kept = t, value, b / 2 if kept == 1 else b, 1
        else:
            high, a, b, kept = t, a / 2 if kept == -1 else a, value, -1
    return tuple(x + t * (y - x) for x, y in zip(p, q, strict=True))
