# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Sixteen float32 side by side, written as vectors: where LLVM's own vectors cost more than what they do.

A loop that LLVM vectorises asks first whether its arrays overlap, ends in scalars, and adds its lanes up each time.
For rows of a hundred classes that is half the work. LLVM cuts these vectors into whatever the processor has.

Lanes kept between calls (``best``, ``sums``, ``parts``) lie on the stack, by :func:`~xent.kernels._math.scratch`,
and are touched by functions of this file only: then LLVM keeps them in registers.
"""

from __future__ import annotations

import math

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from xent.kernels._compile import INLINE
from xent.kernels._math import _E4, _SCALES, F4, at

WIDTH = 16
_FLOAT, _DOUBLE, _INT = ir.FloatType(), ir.DoubleType(), ir.IntType(32)
_LANES, _WIDE, _WHOLE = (ir.VectorType(kind, WIDTH) for kind in (_FLOAT, _DOUBLE, _INT))


def _function(builder, name, result, *kinds):
    """One of LLVM's own functions."""
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, kinds), name)


def _every(kind, value):
    """A constant in all lanes."""
    return ir.Constant(kind, [ir.Constant(kind.element, value)] * WIDTH)


def _spread(builder, value, kind):
    """A value in all lanes."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(_WHOLE, [0] * WIDTH))


def _load(builder, p, kind=_LANES, align=4):
    value = builder.load(builder.bitcast(p, kind.as_pointer()))
    value.align = align
    return value


def _store(builder, value, p, align=4):
    store = builder.store(value, builder.bitcast(p, value.type.as_pointer()))
    store.align = align
    return store


@intrinsic
def fill(_, lanes, value):
    """lanes[:16] = value, for float32, float64 or int32."""

    def codegen(context, builder, signature, args):
        kind = ir.VectorType(context.get_value_type(signature.args[1]), WIDTH)
        _store(builder, _spread(builder, args[1], kind), args[0], 64)
        return context.get_dummy_value()

    return types.void(lanes, lanes.dtype), codegen


@intrinsic
def raised(_, best, source):
    """best[:16] = max(best[:16], source[:16]), lane by lane; a NaN of the source changes nothing."""

    def codegen(context, builder, _signature, args):
        value, before = _load(builder, args[1]), _load(builder, args[0], align=64)
        more = builder.fcmp_ordered(">", value, before)
        _store(builder, builder.select(more, value, before), args[0], 64)
        return context.get_dummy_value()

    return types.void(best, source), codegen


@intrinsic
def crest(_, best):
    """Largest of best[:16], none of which is NaN."""

    def codegen(_context, builder, _signature, args):
        reduce = _function(builder, "llvm.vector.reduce.fmax.v16f32", _FLOAT, _LANES)
        return builder.call(reduce, [_load(builder, args[0], align=64)], fastmath=("nnan", "nsz"))

    return types.float32(best), codegen


@intrinsic
def part(_, to, source, n):
    """to[:16] = the first n of source[:16] (all if n > 16, none if n < 0), then −∞; nothing else is read."""

    def codegen(context, builder, _signature, args):
        counts = ir.VectorType(ir.IntType(64), WIDTH)
        here = builder.icmp_signed("<", ir.Constant(counts, list(range(WIDTH))), _spread(builder, args[2], counts))
        p = builder.bitcast(args[1], _LANES.as_pointer())
        load = _function(builder, "llvm.masked.load.v16f32.p0", _LANES, p.type, _INT, here.type, _LANES)
        value = builder.call(load, [p, ir.Constant(_INT, 4), here, _every(_LANES, -math.inf)])
        _store(builder, value, args[0])
        return context.get_dummy_value()

    return types.void(to, source, n), codegen


@intrinsic
def lift(_, to, source, top, hi, most, parts, counts):
    """Powers of 64 logits (``_math.power``), put at ``to``, unless that is a boolean.

    Those of logits that are not ``top`` are added to parts[:64] and counted in counts[:64]. Each step is written
    for four vectors, so that none waits for the step before its own.
    """
    kept = not isinstance(to, types.Boolean)

    def codegen(context, builder, _signature, args):
        fma = _function(builder, "llvm.fma.v16f32", _LANES, _LANES, _LANES, _LANES)
        rint = _function(builder, "llvm.rint.v16f32", _LANES, _LANES)
        top, hi, most = (_spread(builder, a, _LANES) for a in args[2:5])
        down, every = builder.fneg(hi), range(4)

        def of(p, i):
            return builder.gep(p, [ir.Constant(_INT, i * WIDTH)])

        z = [_load(builder, of(args[1], i)) for i in every]
        less = [builder.fcmp_unordered("!=", x, top) for x in z]
        gap = [builder.fsub(top, x) for x in z]
        gap = [builder.select(builder.fcmp_ordered("<", most, g), most, g) for g in gap]
        n = [builder.fmul(g, down) for g in gap]
        n = [builder.call(rint, [x]) for x in n]
        n = [builder.fptosi(x, _WHOLE) for x in n]
        m = [builder.sitofp(x, _LANES) for x in n]
        r = [builder.call(fma, [g, hi, x]) for g, x in zip(gap, m, strict=True)]
        q = [_every(_LANES, float(_E4[-1]))] * 4
        for c in _E4[-2::-1]:
            q = [builder.call(fma, [x, y, _every(_LANES, float(c))]) for x, y in zip(q, r, strict=True)]
        p = [_scaled(builder, x, k) for x, k in zip(q, n, strict=True)]
        for i in every:
            if kept:
                _store(builder, p[i], of(args[0], i))
            part, tally = of(args[5], i), of(args[6], i)
            before, count = _load(builder, part, align=64), _load(builder, tally, _WHOLE, 64)
            _store(builder, builder.select(less[i], builder.fadd(before, p[i]), before), part, 64)
            one_more = builder.add(count, _every(_WHOLE, 1))
            _store(builder, builder.select(less[i], one_more, count), tally, 64)
        return context.get_dummy_value()

    f = types.float32
    return types.void(to, source, f, f, f, parts, counts), codegen


def _scaled(builder, q, n):
    """q · 2^n, n ≤ 0, as ``_math.scaled``."""  # noqa: D403
    if _SCALES:
        return builder.call(_function(builder, "llvm.ldexp.v16f32.v16i32", _LANES, _LANES, _WHOLE), [q, n])
    half = builder.ashr(n, _every(_WHOLE, 1))
    for part in (half, builder.sub(n, half)):
        exponent = builder.shl(builder.add(part, _every(_WHOLE, 127)), _every(_WHOLE, 23))
        q = builder.fmul(q, builder.bitcast(exponent, _LANES))
    return q


@intrinsic
def settled(_, sums, parts):
    """sums[:16] += parts[:16] in float64, and parts[:16] = 0."""

    def codegen(context, builder, _signature, args):
        more = builder.fpext(_load(builder, args[1], align=64), _WIDE)
        _store(builder, builder.fadd(_load(builder, args[0], _WIDE, 64), more), args[0], 64)
        _store(builder, _every(_LANES, 0.0), args[1], 64)
        return context.get_dummy_value()

    return types.void(sums, parts), codegen


@intrinsic
def added(_, sums):
    """Sum of sums[:16] of float64, as a tree."""

    def codegen(_context, builder, _signature, args):
        reduce = _function(builder, "llvm.vector.reduce.fadd.v16f64", _DOUBLE, _DOUBLE, _WIDE)
        lanes = _load(builder, args[0], _WIDE, 64)
        return builder.call(reduce, [ir.Constant(_DOUBLE, -0.0), lanes], fastmath=("reassoc",))

    return types.float64(sums), codegen


@intrinsic
def counted(_, counts):
    """Sum of counts[:16] of int32."""

    def codegen(_context, builder, _signature, args):
        reduce = _function(builder, "llvm.vector.reduce.add.v16i32", _INT, _WHOLE)
        return builder.call(reduce, [_load(builder, args[0], _WHOLE, 64)])

    return types.int32(counts), codegen


@intrinsic
def fetch(_, p):
    """Ask for the cache line at p; it need not exist."""

    def codegen(context, builder, _signature, args):
        byte = ir.IntType(8).as_pointer()
        ask = _function(builder, "llvm.prefetch.p0", ir.VoidType(), byte, _INT, _INT, _INT)
        builder.call(ask, [builder.bitcast(args[0], byte), _INT(0), _INT(3), _INT(1)])
        return context.get_dummy_value()

    return types.void(p), codegen


@intrinsic
def _put(_, to, source, v):
    """to[:16] = source[:16] · v, past the caches; ``to`` is aligned to 64 bytes."""

    def codegen(context, builder, _signature, args):
        value = builder.fmul(_load(builder, args[1]), _spread(builder, args[2], _LANES))
        store = _store(builder, value, args[0], 64)
        store.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(_INT, 1)]))
        return context.get_dummy_value()

    return types.void(to, source, v), codegen


@intrinsic
def _address(_, p):
    """Address that a pointer holds."""

    def codegen(_context, builder, _signature, args):
        return builder.ptrtoint(args[0], ir.IntType(64))

    return types.int64(p), codegen


@njit(**INLINE)
def stream(to, source, n, v, own, at_own):
    """to[:n] = source[:n] · v for float32, but to[own] = at_own; past the caches, as it is not read again."""
    head = min(((64 - (_address(to) & 63)) & 63) >> 2, n)
    full = (n - head) >> 4
    for j in range(head):
        to[j] = source[j] * v
    home = (own - head) >> 4  # the vector with the exception
    for b in range(full):
        if b != home:
            _put(at(to, head + WIDTH * b), at(source, head + WIDTH * b), v)
    for j in range(head + WIDTH * full, n):
        to[j] = source[j] * v
    if 0 <= home < full:
        mine = at(source, head + WIDTH * home)
        for j in range(WIDTH):
            mine[j] *= v
        source[own] = at_own
        _put(at(to, head + WIDTH * home), mine, F4(1))
    elif 0 <= own < n:
        to[own] = at_own
