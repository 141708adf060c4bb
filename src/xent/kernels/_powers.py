# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Powers exp(−gap / τ) of float32 logits, sixteen side by side and four vectors at a time.

With AVX-512, 2^(−x) is 2^⌊m⌋ · 2^(m − ⌊m⌋) · 2^−r. Here m is −x rounded to a sixteenth, by adding MAGIC; the last
four bits of that sum are the place of 2^(m − ⌊m⌋) in a table, which is one register; 2^−r − 1 is a polynomial of
degree 3 (minimax on [−1/32, 1/32], error below 2⁻²⁹). r comes from x with its constant in two floats; or, where
one float is enough (:func:`unit_of`), it is what is left of the gap itself. No gap is cut off:
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
    _DOUBLE,
    _INT,
    _LANES,
    _WHOLE,
    HALF,
    WIDTH,
    _among,
    _every,
    _fetch,
    _function,
    _larger,
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


def _row(builder, source, vectors, n):
    """Load n numbers, in so many vectors; then −∞."""
    last = builder.sub(n, n.type(WIDTH * (vectors - 1)))
    whole = [_load(builder, _place(builder, source, i)) for i in range(vectors - 1)]
    return [*whole, _masked(builder, _place(builder, source, vectors - 1), last)]


def _apart(builder, z, to, scales, unit):
    """Put the powers of logits at a place. Gives them, where they are not the largest's, and how many are."""
    top = _spread(builder, scales[0], _LANES)
    same = builder.bitcast(top, _WHOLE)  # for which −0 is not 0: its power is then added
    other = [builder.icmp_signed("!=", builder.bitcast(x, _WHOLE), same) for x in z]
    gap = [builder.fsub(top, x) for x in z]
    powers = [p for i in range(0, len(z), 4) for p in _powers(builder, gap[i : i + 4], scales[1:], unit)]
    for i, p in enumerate(powers):
        _store(builder, p, _place(builder, to, i))
    bits, whole = ir.IntType(WIDTH), ir.IntType(64)
    count, ties = _function(builder, "llvm.ctpop.i64", whole, whole), whole(WIDTH * len(z))
    for i in range(0, len(z), 4):
        first, *rest = (builder.zext(builder.bitcast(o, bits), whole) for o in other[i : i + 4])
        for k, t in enumerate(rest, 1):
            first = builder.or_(first, builder.shl(t, whole(WIDTH * k)))
        ties = builder.sub(ties, builder.call(count, [first]))
    return powers, other, ties


def _others(builder, z, to, scales, unit, parts):
    """Powers of all but the largest are added; the largest's own is exactly 1. Says how many there are of those."""
    powers, other, ties = _apart(builder, z, to, scales, unit)
    for i, (p, here) in enumerate(zip(powers, other, strict=True)):
        _add_where(builder, here, p, _place(builder, parts, i))
    return ties


def _add_where(builder, here, p, place):
    """Add to the numbers at a place, in some lanes."""
    before = _load(builder, place, align=64)
    _store(builder, builder.select(here, builder.fadd(before, p), before), place, 64)


def _lifting(near):
    """Make functions that put powers of gaps ≥ 0 and add all but the largest; ``near``: as in :func:`_summing`."""

    @intrinsic
    def others(_, to, source, top, hi, lo, most, unit, parts):
        """Put the powers of 64 logits at ``to``; add them to parts[:64], but count those of ``top``: an int64."""

        def codegen(_context, builder, _signature, args):
            z = [_load(builder, _place(builder, args[1], i)) for i in _EVERY]
            return _others(builder, z, args[0], args[2:6], args[6] if near else None, args[7])

        f = types.float32
        return types.int64(to, source, f, f, f, f, f, parts), codegen

    @intrinsic(prefer_literal=True)
    def last(_, count, to, source, n, top, hi, lo, most, unit, parts):
        """As ``others``, for a row's last n logits, in ``count`` (a constant) vectors; 0 is put after them."""
        vectors = count.literal_value

        def codegen(_context, builder, _signature, args):
            z = _row(builder, args[2], vectors, args[3])
            return _others(builder, z, args[1], args[4:8], args[8] if near else None, args[9])

        f = types.float32
        return types.int64(count, to, source, types.intp, f, f, f, f, f, parts), codegen

    @njit(**INLINE)
    def some(to, source, n, top, hi, lo, most, unit, parts):
        """As ``others``, for the last n logits of a row, 0 < n < 64; nothing else is read."""
        if n > 3 * WIDTH:
            return last(4, to, source, n, top, hi, lo, most, unit, parts)
        if n > 2 * WIDTH:
            return last(3, to, source, n, top, hi, lo, most, unit, parts)
        if n > WIDTH:
            return last(2, to, source, n, top, hi, lo, most, unit, parts)
        return last(1, to, source, n, top, hi, lo, most, unit, parts)

    return others, some


lift_others, lift_some = _lifting(near=False)
lift_others_near, lift_some_near = _lifting(near=True)


@intrinsic(prefer_literal=True)
def lift_row(_, count, to, source, n, top, hi, lo, most, unit, sums, later, ahead, best):
    """Powers of n logits, in ``count`` (a constant) vectors, which go to ``to``; how often ``top`` is among them.

    sums[:8]: the sum of the other powers, in lanes of float64. best[:16]: the largest of n numbers of ``later``, in
    lanes; what comes ``ahead`` of those is asked for. unit: not 0.
    """
    vectors = count.literal_value

    def codegen(context, builder, _signature, args):
        _, to, source, n, *scales, unit, sums, later, ahead, best = args
        for i in range(vectors):
            _fetch(builder, builder.gep(_place(builder, later, i), [ahead]), 2)
        peaks = _row(builder, later, vectors, n)
        powers, other, ties = _apart(builder, _row(builder, source, vectors, n), to, scales, unit)
        parts = [_every(_LANES, 0.0)] * 4
        for i, (p, here) in enumerate(zip(powers, other, strict=True)):
            more = builder.fadd(parts[i % 4], p) if i >= 4 else p
            parts[i % 4] = builder.select(here, more, parts[i % 4])
        a, b, c, d = parts
        _store(builder, _halves(builder, builder.fadd(builder.fadd(a, b), builder.fadd(c, d))), sums, 64)
        while len(peaks) > 1:
            a, b = peaks[::2], peaks[1::2]
            peaks = [_larger(builder, x, y) for x, y in zip(a, b, strict=False)] + a[len(b) :]
        _store(builder, peaks[0], best, 64)
        return ties

    f, i = types.float32, types.intp
    return types.int64(count, to, source, i, f, f, f, f, f, sums, later, i, best), codegen


def _halves(builder, x):
    """Sums of eight pairs of lanes in float64."""
    a, b = (ir.Constant(ir.VectorType(_INT, HALF), [*range(i, i + HALF)]) for i in (0, HALF))
    wide = ir.VectorType(_DOUBLE, HALF)
    return builder.fadd(*(builder.fpext(builder.shuffle_vector(x, x, order), wide) for order in (a, b)))


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
            z = _row(builder, source, vectors, n)
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
        other = [builder.fcmp_unordered("!=", x, y) for x, y in zip(z, top, strict=True)]
        gap = [builder.fsub(y, x) for x, y in zip(z, top, strict=True)]
        for i, p in enumerate(_powers(builder, gap, args[3:6])):
            if kept:
                _store(builder, p, _place(builder, args[0], i), 64)
            _add_where(builder, other[i], p, _place(builder, args[6], i))
            place = _place(builder, args[7], i)
            before = _load(builder, place, align=64)
            more = builder.fadd(before, _every(_LANES, 1.0))
            _store(builder, builder.select(other[i], before, more), place, 64)
        return context.get_dummy_value()

    f = types.float32
    return types.void(to, lane, top, f, f, f, part, ties), codegen
