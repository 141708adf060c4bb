# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Powers exp(−gap / τ) of float32 logits, sixteen side by side and four vectors at a time.

With AVX-512, 2^(−x) is 2^⌊m⌋ · 2^(m − ⌊m⌋) · 2^−r. Here m is −x rounded to a sixteenth, by adding MAGIC; the last
four bits of that sum are the place of 2^(m − ⌊m⌋) in a table, which is one register; 2^−r − 1 is a polynomial of
degree 3 (minimax on [−1/32, 1/32], error below 2⁻²⁹). r comes from x with its constant in two floats; or, where
nothing is kept and one float is enough (:func:`unit_of`), it is what is left of the gap itself. No gap is cut off:
one of ∞ makes r NaN, and the instruction that multiplies by a power of two gives 0 for NaN · 2^−∞. But a finite gap
may overflow in the polynomial, and then the power is ±∞ or NaN: who adds powers up looks at the sum, and takes such
a row again by :func:`~xent.kernels._math.power`. Other processors do the arithmetic of that function. Either error
is about 1 ulp.
"""

from __future__ import annotations

import math

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from xent.kernels._compile import INLINE
from xent.kernels._math import _E4, _SCALES, F4, F8
from xent.kernels._vectors import (
    _INT,
    _LANES,
    _WHOLE,
    WIDTH,
    _among,
    _every,
    _function,
    _load,
    _masked,
    _spread,
    _store,
)

MAGIC = 1.5 * 2.0**19  # floats from 2¹⁹ to 2²⁰ are sixteenths
_TABLE = tuple(2.0 ** (i / 16) for i in range(WIDTH))
_C1, _C2, _C3 = -0.6931471824645996, 0.2402342706918716, -0.05550346523523331
_EVERY = range(4)


def _with_table(builder, gap, hi, lo, unit):
    """Powers of gaps, with what only AVX-512 has; ``unit``: None, or a gap that halves a power."""
    fma = _function(builder, "llvm.fma.v16f32", _LANES, _LANES, _LANES, _LANES)
    look = _function(builder, "llvm.x86.avx512.permvar.sf.512", _LANES, _LANES, _WHOLE)
    mask = ir.IntType(16)
    scale = _function(builder, "llvm.x86.avx512.mask.scalef.ps.512", _LANES, _LANES, _LANES, _LANES, mask, _INT)
    magic, table = _every(_LANES, MAGIC), ir.Constant(_LANES, list(_TABLE))
    wide, rest = (_spread(builder, x, _LANES) for x in (hi, lo))
    down = builder.fneg(wide)
    c1, c2, c3 = (_every(_LANES, c) for c in (_C1, _C2, _C3))
    n = [builder.call(fma, [g, down, magic]) for g in gap]
    m = [builder.fsub(x, magic) for x in n]
    if unit is not None:  # r is a gap, and so the coefficients are times hi, hi² and hi³
        unit, factor = _spread(builder, unit, _LANES), builder.fmul(wide, wide)
        c1, c2, c3 = (builder.fmul(*x) for x in ((c1, wide), (c2, factor), (c3, builder.fmul(factor, wide))))
        r = [builder.call(fma, [x, unit, g]) for g, x in zip(gap, m, strict=True)]
    else:
        r = [builder.call(fma, [g, wide, x]) for g, x in zip(gap, m, strict=True)]
        r = [builder.call(fma, [g, rest, x]) for g, x in zip(gap, r, strict=True)]
    q = [builder.call(fma, [x, c3, c2]) for x in r]
    q = [builder.call(fma, [x, y, c1]) for x, y in zip(q, r, strict=True)]
    q = [builder.fmul(x, y) for x, y in zip(q, r, strict=True)]
    t = [builder.call(look, [table, builder.bitcast(x, _WHOLE)]) for x in n]
    q = [builder.call(fma, [x, y, x]) for x, y in zip(t, q, strict=True)]
    more = [ir.Constant(_LANES, ir.Undefined), mask(-1), _INT(4)]
    return [builder.call(scale, [x, y, *more]) for x, y in zip(q, m, strict=True)]


def _anywhere(builder, gap, hi, lo, most):
    """Powers of gaps, as ``_math.power`` computes them; ∞ for one far below 0."""
    fma = _function(builder, "llvm.fma.v16f32", _LANES, _LANES, _LANES, _LANES)
    rint = _function(builder, "llvm.rint.v16f32", _LANES, _LANES)
    hi, lo, most = (_spread(builder, x, _LANES) for x in (hi, lo, most))
    down, least = builder.fneg(hi), builder.fneg(most)
    gap = [builder.select(builder.fcmp_ordered("<", most, g), most, g) for g in gap]
    gap = [builder.select(builder.fcmp_ordered(">", least, g), least, g) for g in gap]
    m = [builder.call(rint, [builder.fmul(g, down)]) for g in gap]
    r = [builder.call(fma, [g, hi, x]) for g, x in zip(gap, m, strict=True)]
    r = [builder.call(fma, [g, lo, x]) for g, x in zip(gap, r, strict=True)]
    q = [_every(_LANES, float(_E4[-1]))] * len(gap)
    for c in _E4[-2::-1]:
        q = [builder.call(fma, [x, y, _every(_LANES, float(c))]) for x, y in zip(q, r, strict=True)]
    n = [builder.fptosi(x, _WHOLE) for x in m]
    half = [builder.ashr(x, _every(_WHOLE, 1)) for x in n]
    for part in (half, [builder.sub(x, y) for x, y in zip(n, half, strict=True)]):
        bits = [builder.shl(builder.add(x, _every(_WHOLE, 127)), _every(_WHOLE, 23)) for x in part]
        q = [builder.fmul(x, builder.bitcast(y, _LANES)) for x, y in zip(q, bits, strict=True)]
    return q


def _powers(builder, gap, scales, unit=None):
    hi, lo, most = scales
    return _with_table(builder, gap, hi, lo, unit) if _SCALES else _anywhere(builder, gap, hi, lo, most)


def _place(builder, p, i):
    return builder.gep(p, [ir.Constant(_INT, i * WIDTH)])


def _add(builder, p, place):
    _store(builder, builder.fadd(_load(builder, place, align=64), p), place, 64)


@intrinsic
def lift(_, to, source, top, hi, lo, most, parts):
    """Add the powers of 64 logits to parts[:64], and put them at ``to``, unless that is a boolean.

    Each step is written for four vectors, so that none waits for the step before its own.
    """
    kept = not isinstance(to, types.Boolean)

    def codegen(context, builder, _signature, args):
        top = _spread(builder, args[2], _LANES)
        gap = [builder.fsub(top, _load(builder, _place(builder, args[1], i))) for i in _EVERY]
        for i, p in enumerate(_powers(builder, gap, args[3:6])):
            if kept:
                _store(builder, p, _place(builder, args[0], i))
            _add(builder, p, _place(builder, args[6], i))
        return context.get_dummy_value()

    f = types.float32
    return types.void(to, source, f, f, f, f, parts), codegen


def _others(builder, z, to, scales, parts):
    """Powers of all but the largest are added; the largest's own is exactly 1. Says how many there are of those."""
    top = _spread(builder, scales[0], _LANES)
    own = [builder.fcmp_ordered("==", x, top) for x in z]
    gap = [builder.fsub(top, x) for x in z]
    for i, p in enumerate(_powers(builder, gap, scales[1:])):
        _store(builder, p, _place(builder, to, i))
        _add_others(builder, own[i], p, _place(builder, parts, i))
    bits, whole = ir.IntType(WIDTH), ir.IntType(64)
    count = _function(builder, "llvm.ctpop.i64", whole, whole)
    first, *rest = (builder.zext(builder.bitcast(o, bits), whole) for o in own)
    for i, t in enumerate(rest, 1):
        first = builder.or_(first, builder.shl(t, whole(WIDTH * i)))
    return builder.call(count, [first])


def _add_others(builder, own, p, place):
    """Add to the numbers at a place, but where it is the largest's own."""
    before = _load(builder, place, align=64)
    _store(builder, builder.select(own, before, builder.fadd(before, p)), place, 64)


@intrinsic
def lift_others(_, to, source, top, hi, lo, most, parts):
    """As :func:`lift`, but what is ``top`` is not added, and its number is the answer: an int64."""

    def codegen(_context, builder, _signature, args):
        z = [_load(builder, _place(builder, args[1], i)) for i in _EVERY]
        return _others(builder, z, args[0], args[2:6], args[6])

    f = types.float32
    return types.int64(to, source, f, f, f, f, parts), codegen


@intrinsic(prefer_literal=True)
def lift_last(_, count, to, source, n, top, hi, lo, most, parts):
    """As :func:`lift_others`, for a row's last n logits, in ``count`` (a constant) vectors; 0 is put after them."""
    vectors = count.literal_value

    def codegen(_context, builder, _signature, args):
        to, source, n = args[1:4]
        z = [_load(builder, _place(builder, source, i)) for i in range(vectors - 1)]
        last = _masked(builder, _place(builder, source, vectors - 1), builder.sub(n, n.type(WIDTH * (vectors - 1))))
        return _others(builder, [*z, last], to, args[4:8], args[8])

    f = types.float32
    return types.int64(count, to, source, types.intp, f, f, f, f, parts), codegen


@njit(**INLINE)
def lift_some(to, source, n, top, hi, lo, most, parts):
    """As :func:`lift_others`, for the last n logits of a row, 0 < n < 64; nothing else is read."""
    if n > 3 * WIDTH:
        return lift_last(4, to, source, n, top, hi, lo, most, parts)
    if n > 2 * WIDTH:
        return lift_last(3, to, source, n, top, hi, lo, most, parts)
    if n > WIDTH:
        return lift_last(2, to, source, n, top, hi, lo, most, parts)
    return lift_last(1, to, source, n, top, hi, lo, most, parts)


def _summing(near):
    """Make functions that add powers of gaps of either sign up; ``near``: where there is a :func:`unit_of` gaps."""

    @intrinsic
    def every(_, source, top, hi, lo, most, unit, parts):
        """Add the powers of 64 logits to parts[:64]."""

        def codegen(context, builder, _signature, args):
            top = _spread(builder, args[1], _LANES)
            gap = [builder.fsub(top, _load(builder, _place(builder, args[0], i))) for i in _EVERY]
            for i, p in enumerate(_powers(builder, gap, args[2:5], args[5] if near else None)):
                _add(builder, p, _place(builder, args[6], i))
            return context.get_dummy_value()

        f = types.float32
        return types.void(source, f, f, f, f, f, parts), codegen

    @intrinsic(prefer_literal=True)
    def others(_, count, source, n, own, top, hi, lo, most, unit, parts):
        """Add the powers of n ≤ 64 logits, in ``count`` (a constant) vectors, but for the one at ``own``."""
        vectors = count.literal_value

        def codegen(context, builder, _signature, args):
            source, n, own = args[1:4]
            z = [_load(builder, _place(builder, source, i)) for i in range(vectors - 1)]
            last = builder.sub(n, n.type(WIDTH * (vectors - 1)))
            z.append(_masked(builder, _place(builder, source, vectors - 1), last))
            here = [_among(builder, builder.sub(own, own.type(WIDTH * i))) for i in range(vectors)]
            z = [builder.select(h, _every(_LANES, -math.inf), x) for h, x in zip(here, z, strict=True)]
            top = _spread(builder, args[4], _LANES)
            gap = [builder.fsub(top, x) for x in z]
            for i, p in enumerate(_powers(builder, gap, args[5:8], args[8] if near else None)):
                _add(builder, p, _place(builder, args[9], i))
            return context.get_dummy_value()

        f = types.float32
        return types.void(count, source, types.intp, types.int64, f, f, f, f, f, parts), codegen

    return every, others


add_powers, add_others = _summing(near=False)
add_powers_near, add_others_near = _summing(near=True)


@njit(**INLINE)
def unit_of(hi, lo):
    """Gap that halves a power, if it is a float32 to within 2⁻²⁷ of itself, as where τ is 1; else 0.

    Then a power is off by less than an eighth of its gap's ulp, next to the half that rounding the gap has cost.
    """
    steep = F8(hi) + F8(lo)
    unit = F4(1.0 / steep)
    return unit if abs(F8(unit) * steep - 1.0) < 2.0**-27 else F4(0)


@intrinsic
def lift_lanes(_, to, lane, top, hi, lo, most, part, ties):
    """:func:`lift_others` for a class of 64 rows: each has its own top[:64], and its sum, part[:64] and ties[:64].

    The powers are put at ``to``, unless that is a boolean.
    """
    kept = not isinstance(to, types.Boolean)

    def codegen(context, builder, _signature, args):
        z, top = ([_load(builder, _place(builder, p, i), align=64) for i in _EVERY] for p in args[1:3])
        own = [builder.fcmp_ordered("==", x, y) for x, y in zip(z, top, strict=True)]
        gap = [builder.fsub(y, x) for x, y in zip(z, top, strict=True)]
        for i, p in enumerate(_powers(builder, gap, args[3:6])):
            if kept:
                _store(builder, p, _place(builder, args[0], i), 64)
            _add_others(builder, own[i], p, _place(builder, args[6], i))
            place = _place(builder, args[7], i)
            before = _load(builder, place, align=64)
            more = builder.fadd(before, _every(_LANES, 1.0))
            _store(builder, builder.select(own[i], more, before), place, 64)
        return context.get_dummy_value()

    f = types.float32
    return types.void(to, lane, top, f, f, f, part, ties), codegen
