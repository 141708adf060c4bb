# pyright: basic, reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Pairs of floats (hi, lo), hi + lo with about 106 bits, as scalars that vectorise; and exp and tanh of one.

Sums are Knuth's, products use a fused multiply-add. ``_arrays`` has the same arithmetic for any array library. Each
function writes its LLVM instructions itself, through :class:`_Float`: as functions for Numba to compile, they
doubled a kernel's time to compile. Use them in functions without ``reassoc`` only: reordered, they are wrong.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_LOG2_E = 1.4426950408889634
_LN2_HI = 0.6931471805598903  # ln 2 in 42 bits: n · it is exact for n < 2^11
_LN2_LO = 5.497923018708371e-14
_SERIES = tuple((-1.0) ** m / math.factorial(m) for m in range(13, 2, -1))  # of exp(−r): r¹³ … r³
_DOUBLE, _WHOLE = ir.DoubleType(), ir.IntType(64)


def pair(value: Fraction) -> tuple[float, float]:
    """Give a rational number as a pair."""
    hi = float(value)
    return hi, float(value - Fraction(hi))


class _Float:
    """A float64 of the program being written."""

    def __init__(self, builder: Any, value: Any):
        self.builder, self.value = builder, value

    def of(self, x: Any) -> Any:
        """Give the value of a number or of another."""
        return x.value if isinstance(x, _Float) else ir.Constant(_DOUBLE, x)

    def __add__(self, other: Any) -> _Float:
        return _Float(self.builder, self.builder.fadd(self.value, self.of(other)))

    def __sub__(self, other: Any) -> _Float:
        return _Float(self.builder, self.builder.fsub(self.value, self.of(other)))

    def __rsub__(self, other: Any) -> _Float:
        return _Float(self.builder, self.builder.fsub(self.of(other), self.value))

    def __mul__(self, other: Any) -> _Float:
        return _Float(self.builder, self.builder.fmul(self.value, self.of(other)))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> _Float:
        return _Float(self.builder, self.builder.fdiv(self.value, self.of(other)))

    def __neg__(self) -> _Float:
        return _Float(self.builder, self.builder.fneg(self.value))

    def __abs__(self) -> _Float:
        return self.call("llvm.fabs")

    def call(self, name: str) -> _Float:
        """Self under one of LLVM's functions."""
        function = self.builder.module.declare_intrinsic(name, [_DOUBLE])
        return _Float(self.builder, self.builder.call(function, [self.value]))

    def like(self, x: float) -> _Float:
        """Give a constant."""
        return _Float(self.builder, self.of(x))

    def times_plus(self, factor: Any, term: Any) -> _Float:
        """Self · factor + term, rounded once."""
        return _Float(self.builder, self.builder.fma(self.value, self.of(factor), self.of(term)))

    def choose(self, tested: _Float, bound: float, other: Any) -> _Float:
        """Self where tested < bound, else the other."""
        test = self.builder.fcmp_ordered("<", tested.value, self.of(bound))
        return _Float(self.builder, self.builder.select(test, self.value, self.of(other)))

    def lowered(self, n: _Float) -> _Float:
        """Self · 2^−n for a whole n in [0, 2000), in two steps so that results below the normal range are right."""
        b, x = self.builder, self
        whole = b.fptosi(n.value, _WHOLE)
        half = b.ashr(whole, ir.Constant(_WHOLE, 1))
        for part in (half, b.sub(whole, half)):
            bits = b.shl(b.sub(ir.Constant(_WHOLE, 1023), part), ir.Constant(_WHOLE, 52))
            x = x * _Float(b, b.bitcast(bits, _DOUBLE))
        return x


# ------------------------------------------------------------------------------------------------- the arithmetic


def _finite(x: _Float) -> _Float:
    """Drop a correction that overflowed: the leading part alone then stands."""
    return x.choose(abs(x), math.inf, 0.0)


def _two_sum(a: _Float, b: _Float) -> tuple[_Float, _Float]:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _add(a, a_, b, b_):
    s, error = _two_sum(a, b)
    return _two_sum(s, _finite(error + (a_ + b_)))


def _multiply(a, a_, b, b_):
    p = a * b
    s, error = _two_sum(p, _finite(a.times_plus(b, -p)) + _finite(a.times_plus(b_, a_ * b)))
    return s, _finite(error)


def _divide(a, a_, b, b_):
    q = a / b
    return q, _finite(((-q).times_plus(b, a) + (a_ - q * b_)) / b)


def _exp_minus(g, g_):
    gap, gap_ = g.choose(g, 746.0, 746.0), g_.choose(g, 746.0, 0.0)  # exp(−746) is 0
    n = (gap * _LOG2_E).call("llvm.rint")
    r, r_ = _two_sum((-n).times_plus(_LN2_HI, gap), gap_ - n * _LN2_LO)
    q = r.times_plus(_SERIES[0], _SERIES[1])
    for c in _SERIES[2:]:
        q = r.times_plus(q, c)
    square = r * r
    small = (square * r).times_plus(q, 0.5 * r.times_plus(r, -square)) - r_ * ((1.0 - r) + 0.5 * square)
    s, error = _two_sum(r.like(1.0), -r)
    s, more = _two_sum(s, 0.5 * square)
    hi, lo = _two_sum(s, (error + more) + small)
    return hi.lowered(n), lo.lowered(n)


def _cap(z, c, curb, curb_):
    far = abs(z)
    h = far * curb
    e, e_ = _exp_minus(h, _finite(far.times_plus(curb, -h)) + _finite(far * curb_))
    one, none = z.like(1.0), z.like(0.0)
    whole, whole_ = _add(one, none, e, e_)
    q, q_ = _divide(*_add(one, none, -e, -e_), whole, whole_)
    p, p_ = _multiply(q, q_, c, none)
    return (-p).choose(z, 0.0, p), (-p_).choose(z, 0.0, p_), (4.0 * e) / (whole * whole)


# ------------------------------------------------------------------------------------------- the same, for kernels


def _written(count: int, write: Any, *args: Any) -> Any:
    """Signature and code of a function of floats that gives ``count`` of them."""
    result = types.UniTuple(types.float64, count)

    def codegen(context, builder, _signature, values):
        found = write(*(_Float(builder, v) for v in values))
        return context.make_tuple(builder, result, [x.value for x in found])

    return result(*(types.float64 for _ in args)), codegen


@intrinsic
def two_sum(_, a, b):
    """Add two floats exactly."""
    return _written(2, _two_sum, a, b)


@intrinsic
def add(_, a, a_, b, b_):
    """Add pairs; the error is 2⁻¹⁰⁴ of the larger."""
    return _written(2, _add, a, a_, b, b_)


@intrinsic
def multiply(_, a, a_, b, b_):
    """Multiply pairs; relative error about 2⁻¹⁰²."""
    return _written(2, _multiply, a, a_, b, b_)


@intrinsic
def divide(_, a, a_, b, b_):
    """Divide pairs: the rounded quotient, and the remainder's share."""
    return _written(2, _divide, a, a_, b, b_)


@intrinsic
def exp_minus(_, g, g_):
    """exp(−gap) of a pair, gap ≥ 0 and ∞ included, error below 2⁻⁵³ · min(1, gap) of the result.

    gap = n ln 2 + r with |r| ≤ ½ ln 2. The terms 1, −r and r²/2 of the series are added exactly, the rest to one
    rounding: r³/6 is at most 0.007, so that what is rounded off there is small beside both 1 and the gap.
    """
    return _written(2, _exp_minus, g, g_)


@intrinsic
def cap(_, z, c, curb, curb_):
    """c · tanh(z / c) = c · (1 − E) / (1 + E) with E = exp(−2 |z| / c) as a pair, and its slope; curb is 2 / c."""  # noqa: D403
    return _written(3, _cap, z, c, curb, curb_)
