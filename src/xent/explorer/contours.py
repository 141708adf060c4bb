"""Contour lines of a function over a plane: marching squares, by the standard library.

A line crosses an edge of the mesh where the function passes the level. It is found on the function itself, and
not only between the edge's two ends, so that it is right where the function is steep.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cache

Point = tuple[float, float]
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
    >>> lines = contours(lambda p: p[0] + p[1], *square_mesh(0.0, 1.0, 2), [0.25])
    >>> [(level, sorted(line)) for level, line in lines]
    [(0.25, [(0.0, 0.25), (0.25, 0.0)])]
    """
    values = [f(p) for p in points]
    joined: list[dict[_Edge, list[_Edge]]] = [{} for _ in levels]
    for cell in cells:
        v = (values[cell[0]], values[cell[1]], values[cell[2]], values[cell[3]])
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


# Which of a square's four sides (0 from corner 0 to 1, and so on) the line joins, by which corners are above.
_SIDES: dict[int, tuple[tuple[int, int], ...]] = {
    0b0001: ((3, 0),),
    0b0010: ((0, 1),),
    0b0011: ((3, 1),),
    0b0100: ((1, 2),),
    0b0110: ((0, 2),),
    0b0111: ((3, 2),),
}
_JOINED = _SIDES | {15 - above: pairs for above, pairs in _SIDES.items()}
_CUT = (((3, 0), (1, 2)), ((0, 1), (2, 3)))  # a saddle: corners 0 and 2 are cut off, or corners 1 and 3


def _segments(cell: Cell, values: tuple[float, ...], level: float) -> list[tuple[_Edge, _Edge]]:
    """Give the pieces of the line inside a cell, from edge to edge."""
    a, b, c, d = (v > level for v in values)
    above = a | b << 1 | c << 2 | d << 3
    pairs = _JOINED.get(above)
    if pairs is None:  # a saddle: its middle decides which corners are cut off
        pairs = _CUT[(sum(values) / 4 > level) == a]
    edges = (cell[0], cell[1]), (cell[1], cell[2]), (cell[3], cell[2]), (cell[0], cell[3])
    return [(edges[i], edges[j]) for i, j in pairs]


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
    (x, y), (right, top) = points[edge[0]], points[edge[1]]
    across, up = right - x, top - y
    low, high = 0.0, 1.0
    a, b = values[edge[0]] - level, values[edge[1]] - level
    t, kept, near = 0.5, 0, 1e-4 * (1 + abs(level))  # kept: which end has stayed, −1 low, 1 high
    for _ in range(_ROUNDS):
        t = (low * b - high * a) / (b - a)
        value = f((x + t * across, y + t * up)) - level
        if abs(value) < near:
            break
        if (value > 0) == (a > 0):
            low, a, b, kept = t, value, b / 2 if kept == 1 else b, 1
        else:
            high, a, b, kept = t, a / 2 if kept == -1 else a, value, -1
    return x + t * across, y + t * up
