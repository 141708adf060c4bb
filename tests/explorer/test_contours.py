"""Contour lines: every point lies on its level, and the lines are as many and as closed as they have to be."""

from __future__ import annotations

import itertools
import math

import pytest

from xent.explorer.contours import contours, square_mesh


def test_circles_are_closed_and_round() -> None:
    lines = contours(lambda p: p[0] ** 2 + p[1] ** 2, *square_mesh(-2.0, 2.0, 15), [0.25, 1.0, 2.25])
    assert [level for level, _ in lines] == [0.25, 1.0, 2.25]
    for level, line in lines:
        assert line[0] == line[-1]
        assert all(math.hypot(*p) == pytest.approx(math.sqrt(level), abs=2e-4) for p in line)
        around = sum(math.dist(p, q) for p, q in itertools.pairwise(line))
        assert around == pytest.approx(2 * math.pi * math.sqrt(level), rel=0.02)


def test_saddle_has_two_branches_on_either_side() -> None:
    mesh = square_mesh(-1.0, 1.0, 7)  # the saddle is inside a cell
    for level, apart in ((0.01, 0), (-0.01, 1)):
        lines = contours(lambda p: p[0] ** 2 - p[1] ** 2, *mesh, [level])
        assert len(lines) == 2
        assert sorted(len({math.copysign(1, p[apart]) for p in line}) for _, line in lines) == [1, 1]


def test_steep_function_is_met_where_it_is() -> None:
    ((_, line),) = contours(lambda p: math.exp(20 * p[0]), *square_mesh(0.0, 1.0, 4), [math.exp(11.0)])
    assert all(p[0] == pytest.approx(0.55, abs=1e-3) for p in line)


def test_levels_that_are_not_reached_have_no_lines() -> None:
    assert contours(lambda p: p[0], *square_mesh(0.0, 1.0, 4), [-1.0, 2.0]) == []
