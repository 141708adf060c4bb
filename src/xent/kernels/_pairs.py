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
from numba.core import cgutils
from numba.extending import intrinsic

from xent.kernels._math import _SCALES

_LOG2_E = 1.4426950408889634
_LN2, _LN2_LO = 0.6931471805599453, 2.3190468138462996e-17
# exp(−r) = 1 − r + r²/2 + r³/2 · Q(r): minimax of absolute error on |r| ≤ ½ ln 2, 2⁻⁵⁵·⁸; highest power first
_SERIES = (
    4.183631211322305e-09, -5.020084773855618e-08, 5.511452852434295e-07, -5.5114536758669444e-06,
    4.960317466800634e-05, -0.00039682539726211156, 0.0027777777777761854, -0.016666666666660102,
    0.08333333333333334, -0.3333333333333333,
)  # fmt: skip
_DOUBLE, _WHOLE, _INT = ir.DoubleType(), ir.IntType(64), ir.IntType(32)


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

    def lowered(self, *numbers: _Float) -> list[_Float]:
        """Give numbers times 2^−self for a whole self in [0, 2000), right below the normal range too."""
        b = self.builder
        if _SCALES:
            n = b.neg(b.fptosi(self.value, _INT))
            ldexp = ir.FunctionType(_DOUBLE, [_DOUBLE, _INT])
            scaled = cgutils.get_or_insert_function(b.module, ldexp, "llvm.ldexp.f64.i32")
            return [_Float(b, b.call(scaled, [x.value, n])) for x in numbers]
        n, parts = b.fptosi(self.value, _WHOLE), []
        half = b.ashr(n, ir.Constant(_WHOLE, 1))
        for part in (half, b.sub(n, half)):
            bits = b.shl(b.sub(ir.Constant(_WHOLE, 1023), part), ir.Constant(_WHOLE, 52))
            parts.append(_Float(b, b.bitcast(bits, _DOUBLE)))
        scale = parts[0] * parts[1]
        return [x * scale for x in numbers]


# ------------------------------------------------------------------------------------------------- the arithmetic


def _finite(x: _Float) -> _Float:
    """Drop a correction that overflowed: the leading part alone then stands."""
    return x.choose(abs(x), math.inf, 0.0)


def _two_sum(a: _Float, b: _Float) -> tuple[_Float, _Float]:
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _fast_two_sum(a: _Float, b: _Float) -> tuple[_Float, _Float]:
    s = a + b
    return s, b - (s - a)


def _add(a, a_, b, b_):
    s, error = _two_sum(a, b)
    return _two_sum(s, _finite(error + (a_ + b_)))


def _multiply(a, a_, b, b_):
    p = a * b
    s, error = _two_sum(p, _finite(a.times_plus(b, -p)) + _finite(a.times_plus(b_, a_ * b)))
    return s, _finite(error)


def _product(a, a_, b, b_):
    p = a * b
    return p, a.times_plus(b, -p) + b_.times_plus(a, a_ * b)


def _divide(a, a_, b, b_):
    q = a / b
    return q, _finite(((-q).times_plus(b, a) + (a_ - q * b_)) / b)


def _exp_minus(g, g_):
    gap, gap_ = g.choose(g, 746.0, 746.0), g_.choose(g, 746.0, 0.0)  # exp(−746) is 0
    n = (gap * _LOG2_E).call("llvm.rint")
    r, r_ = (-n).times_plus(_LN2, gap), (-n).times_plus(_LN2_LO, gap_)  # the first is exact
    half = r * 0.5
    q = r.times_plus(_SERIES[0], _SERIES[1])
    for c in _SERIES[2:]:
        q = r.times_plus(q, c)
    u = half.times_plus(r, -r)  # r²/2 − r; r + u is exact, and so is what u lacks
    small = (half * r * r).times_plus(q, half.times_plus(r, -(r + u)))
    s = u + 1.0
    rest = (u - (s - 1.0)) + small
    hi = s + rest
    return n.lowered(hi, (-r_).times_plus(hi, rest - (hi - s)))


def _cap(z, c, curb, curb_):
    far = abs(z)
    h = far * curb
    e, e_ = _exp_minus(h, _finite(far.times_plus(curb, -h)) + _finite(far * curb_))
    one, none = z.like(1.0), z.like(0.0)
    whole, whole_ = _add(one, none, e, e_)
    q, q_ = _divide(*_add(one, none, -e, -e_), whole, whole_)
    p, p_ = _multiply(q, q_, c, none)
    slope, _ = _divide(4.0 * e, 4.0 * e_, *_multiply(whole, whole_, whole, whole_))
    return (-p).choose(z, 0.0, p), (-p_).choose(z, 0.0, p_), slope


# ------------------------------------------------------------------------------------------- the same, for kernels


def _written(count: int, write: Any, *args: Any) -> Any:
    """Signature and code of a function of floats that gives ``count`` of them."""
    result = types.UniTuple(types.float64, count) if count > 1 else types.float64

    def codegen(context, builder, _signature, values):
        found = [x.value for x in write(*(_Float(builder, v) for v in values))]
        return context.make_tuple(builder, result, found) if count > 1 else found[0]

    return result(*(types.float64 for _ in args)), codegen


@intrinsic
def two_sum(_, a, b):
    """Add two floats exactly."""
    return _written(2, _two_sum, a, b)


@intrinsic
def two_sum_of(_, a, b):
    """Add two floats exactly, the first the larger."""
    return _written(2, _fast_two_sum, a, b)


@intrinsic
def add(_, a, a_, b, b_):
    """Add pairs; the error is 2⁻¹⁰⁴ of the larger."""
    return _written(2, _add, a, a_, b, b_)


@intrinsic
def multiply(_, a, a_, b, b_):
    """Multiply pairs; relative error about 2⁻¹⁰²."""
    return _written(2, _multiply, a, a_, b, b_)


@intrinsic
def product(_, a, a_, b, b_):
    """Multiply pairs without putting the result in order: the second part may be more than an ulp of the first."""
    return _written(2, _product, a, a_, b, b_)


@intrinsic
def divide(_, a, a_, b, b_):
    """Divide pairs: the rounded quotient, and the remainder's share."""
    return _written(2, _divide, a, a_, b, b_)


@intrinsic
def finite(_, a):
    """Drop a correction that overflowed."""
    return _written(1, lambda x: (_finite(x),), a)


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
