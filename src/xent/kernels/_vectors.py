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
from xent.kernels._math import at

WIDTH, HALF = 16, 8  # numbers of a vector: of float32, and of float64
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
def move(_, to, lanes):
    """to[:16] = lanes[:16], for float32."""

    def codegen(context, builder, _signature, args):
        _store(builder, _load(builder, args[1], align=64), args[0])
        return context.get_dummy_value()

    return types.void(to, lanes), codegen


def _larger(builder, a, b):
    """Larger of two numbers in each lane; b where a is NaN."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _raise(builder, value, place):
    """Raise the numbers at a place to others, lane by lane; NaN changes nothing."""
    _store(builder, _larger(builder, value, _load(builder, place, align=64)), place, 64)


@intrinsic
def raised(_, best, source):
    """best[:16] = max(best[:16], source[:16]), lane by lane; a NaN of the source changes nothing."""

    def codegen(context, builder, _signature, args):
        _raise(builder, _load(builder, args[1]), args[0])
        return context.get_dummy_value()

    return types.void(best, source), codegen


@intrinsic
def raised_part(_, best, source, n):
    """:func:`raised` for the first n of source[:16]; nothing else is read."""

    def codegen(context, builder, _signature, args):
        _raise(builder, _masked(builder, args[1], args[2]), args[0])
        return context.get_dummy_value()

    return types.void(best, source, n), codegen


@njit(**INLINE)
def raised_some(best, source, n):
    """:func:`raised` for n < 64 numbers, in the vectors best[:64]; nothing else is read."""
    for i in range(0, 4 * WIDTH, WIDTH):
        if i < n:
            raised_part(at(best, i), at(source, i), n - i)


@intrinsic
def chosen(_, to, lane, own, j):
    """to[:16] = lane[:16] where own[:16], of int32, is j."""

    def codegen(context, builder, _signature, args):
        here = builder.icmp_signed("==", _load(builder, args[2], _WHOLE, 64), _spread(builder, args[3], _WHOLE))
        value = builder.select(here, _load(builder, args[1]), _load(builder, args[0], align=64))
        _store(builder, value, args[0], 64)
        return context.get_dummy_value()

    return types.void(to, lane, own, types.int32), codegen


@intrinsic
def crest(_, best):
    """Largest of best[:16], none of which is NaN."""

    def codegen(_context, builder, _signature, args):
        reduce = _function(builder, "llvm.vector.reduce.fmax.v16f32", _FLOAT, _LANES)
        return builder.call(reduce, [_load(builder, args[0], align=64)], fastmath=("nnan", "nsz"))

    return types.float32(best), codegen


def _fetch(builder, p, cache):
    """Ask for the cache line at p, which need not exist: for the first cache, or the second."""
    byte = ir.IntType(8).as_pointer()
    prefetch = _function(builder, "llvm.prefetch.p0", ir.VoidType(), byte, _INT, _INT, _INT)
    builder.call(prefetch, [builder.bitcast(p, byte), _INT(0), _INT(4 - cache), _INT(1)])


def _first(builder, n):
    """Mask of the first n lanes: none if n < 0, all if n > 16."""
    none, every, bits = ir.Constant(n.type, 0), ir.Constant(n.type, WIDTH), ir.IntType(WIDTH)
    n = builder.select(builder.icmp_signed("<", n, none), none, n)
    n = builder.select(builder.icmp_signed(">", n, every), every, n)
    mask = builder.sub(builder.shl(ir.Constant(n.type, 1), n), ir.Constant(n.type, 1))
    return builder.bitcast(builder.trunc(mask, bits), ir.VectorType(ir.IntType(1), WIDTH))


def _among(builder, place):
    """Mask of the lane with a number, an int64; of none, if there is no such lane."""
    number = builder.trunc(place, _INT)
    return builder.icmp_signed("==", ir.Constant(_WHOLE, list(range(WIDTH))), _spread(builder, number, _WHOLE))


def _masked(builder, p, n):
    """Load the first n numbers (all if n > 16, none if n < 0), then −∞."""
    p, here = builder.bitcast(p, _LANES.as_pointer()), _first(builder, n)
    load = _function(builder, "llvm.masked.load.v16f32.p0", _LANES, p.type, _INT, here.type, _LANES)
    return builder.call(load, [p, ir.Constant(_INT, 4), here, _every(_LANES, -math.inf)])


@intrinsic
def settled(_, sums, parts):
    """sums[:16] += the sum of the four vectors parts[:64], in float64; parts[:64] = 0."""

    def codegen(context, builder, _signature, args):
        places = [builder.gep(args[1], [ir.Constant(_INT, i * WIDTH)]) for i in range(4)]
        a, b, c, d = (_load(builder, p, align=64) for p in places)
        more = builder.fpext(builder.fadd(builder.fadd(a, b), builder.fadd(c, d)), _WIDE)
        _store(builder, builder.fadd(_load(builder, args[0], _WIDE, 64), more), args[0], 64)
        for p in places:
            _store(builder, _every(_LANES, 0.0), p, 64)
        return context.get_dummy_value()

    return types.void(sums, parts), codegen


@intrinsic
def halved(_, to, sums):
    """to[:8] = sums[:8] + sums[8:16] of float64: how :func:`added` begins, and :func:`folded_sums` ends."""

    def codegen(context, builder, _signature, args):
        half = ir.VectorType(_DOUBLE, HALF)
        a, b = (_load(builder, builder.gep(args[1], [_INT(i)]), half, 64) for i in (0, HALF))
        _store(builder, builder.fadd(a, b), args[0], 64)
        return context.get_dummy_value()

    return types.void(to, sums), codegen


def _folded(builder, v, fold):
    """Fold the lanes of each of as many vectors as they have lanes, one half with the other, into one lane each."""
    lanes = half = len(v)
    while half := half // 2:
        first = [i for i in range(2 * lanes) if not i & half]
        low, high = (ir.Constant(ir.VectorType(_INT, lanes), [i + n for i in first]) for n in (0, half))
        v = [
            fold(builder.shuffle_vector(a, b, low), builder.shuffle_vector(a, b, high))
            for a, b in zip(v[::2], v[1::2], strict=True)
        ]
    return v[0]


@intrinsic
def folded_sums(_, to, sums):
    """to[r] = the sum of sums[8 r : 8 r + 8] for r < 8, of float64."""

    def codegen(context, builder, _signature, args):
        half = ir.VectorType(_DOUBLE, HALF)
        v = [_load(builder, builder.gep(args[1], [_INT(i)]), half, 64) for i in range(0, 64, 8)]
        _store(builder, _folded(builder, v, builder.fadd), args[0], 64)
        return context.get_dummy_value()

    return types.void(to, sums), codegen


@intrinsic
def folded_crests(_, to, best):
    """to[r] = the largest of best[16 r : 16 r + 16] for r < 16, none of which is NaN."""

    def codegen(context, builder, _signature, args):
        v = [_load(builder, builder.gep(args[1], [_INT(i)]), align=64) for i in range(0, WIDTH * WIDTH, WIDTH)]
        _store(builder, _folded(builder, v, lambda a, b: _larger(builder, a, b)), args[0], 64)
        return context.get_dummy_value()

    return types.void(to, best), codegen


@intrinsic
def added(_, sums):
    """Sum of sums[:16] of float64, as a tree."""

    def codegen(_context, builder, _signature, args):
        reduce = _function(builder, "llvm.vector.reduce.fadd.v16f64", _DOUBLE, _DOUBLE, _WIDE)
        lanes = _load(builder, args[0], _WIDE, 64)
        return builder.call(reduce, [ir.Constant(_DOUBLE, -0.0), lanes], fastmath=("reassoc",))

    return types.float64(sums), codegen


@intrinsic
def added_all(_, x):
    """Sum of x[:64] of float64, as a tree: LLVM itself would add one to the other."""

    def codegen(_context, builder, _signature, args):
        reduce = _function(builder, "llvm.vector.reduce.fadd.v16f64", _DOUBLE, _DOUBLE, _WIDE)
        places = [builder.gep(args[0], [ir.Constant(_INT, i * WIDTH)]) for i in range(4)]
        a, b, c, d = (_load(builder, p, _WIDE, 64) for p in places)
        lanes = builder.fadd(builder.fadd(a, b), builder.fadd(c, d))
        return builder.call(reduce, [ir.Constant(_DOUBLE, -0.0), lanes], fastmath=("reassoc",))

    return types.float64(x), codegen


def _mixed(builder, a, b, order):
    """Lanes of two vectors, a's 0 to 15 and b's 16 to 31, in an order."""
    return builder.shuffle_vector(a, b, ir.Constant(_WHOLE, order))


def _transposed(builder, v):
    """Columns of sixteen rows: four rounds, each of which swaps blocks of 8, 4, 2 and 1 between pairs of rows."""
    half = HALF
    while half:
        low = [i if not i & half else i - half + WIDTH for i in range(WIDTH)]  # the first row's, then the second's
        high = [i + half if not i & half else i + WIDTH for i in range(WIDTH)]
        w = list(v)
        for i in range(WIDTH):
            if not i & half:
                w[i], w[i + half] = (
                    _mixed(builder, v[i], v[i + half], low),
                    _mixed(builder, v[i], v[i + half], high),
                )
        v, half = w, half // 2
    return v


@intrinsic
def columns(_, to, stride, source, step, n):
    """to[j · stride + r] = source[r · step + j] for r < 16, j < 16; −∞ for j ≥ n, where nothing is read."""

    def codegen(context, builder, _signature, args):
        to, stride, source, step, n = args
        rows = []
        for r in range(WIDTH):
            at = builder.gep(source, [builder.mul(step, ir.Constant(step.type, r))])
            rows.append(_masked(builder, at, n))
        for j, column in enumerate(_transposed(builder, rows)):
            _store(builder, column, builder.gep(to, [builder.mul(stride, ir.Constant(stride.type, j))]), 64)
        return context.get_dummy_value()

    i = types.intp
    return types.void(to, i, source, i, i), codegen


@intrinsic
def rows_of(_, to, step, source, stride, n):
    """The other way: to[r · step + j] = source[j · stride + r] for r < 16, j < min(16, n)."""

    def codegen(context, builder, _signature, args):
        to, step, source, stride, n = args
        lanes = [
            _load(builder, builder.gep(source, [builder.mul(stride, ir.Constant(stride.type, j))]), align=64)
            for j in range(WIDTH)
        ]
        here = _first(builder, n)
        for r, row in enumerate(_transposed(builder, lanes)):
            p = builder.bitcast(
                builder.gep(to, [builder.mul(step, ir.Constant(step.type, r))]), _LANES.as_pointer()
            )
            put = _function(builder, "llvm.masked.store.v16f32.p0", ir.VoidType(), _LANES, p.type, _INT, here.type)
            builder.call(put, [row, p, ir.Constant(_INT, 4), here])
        return context.get_dummy_value()

    i = types.intp
    return types.void(to, i, source, i, i), codegen


def _woven(builder, v):
    """Columns of rows of len(v) numbers that follow one another in memory, 16 rows: K (K − 1) mixes."""
    k = len(v)
    columns = []
    for j in range(k):
        wanted = [r * k + j for r in range(WIDTH)]  # places in the K vectors laid end to end
        column = v[0]
        order = [x if x < WIDTH else 0 for x in wanted]
        for i in range(1, k):
            here = [w // WIDTH == i for w in wanted]
            order = [WIDTH + w % WIDTH if h else o for w, h, o in zip(wanted, here, order, strict=True)]
            column = _mixed(builder, column, v[i], order)
            order = list(range(WIDTH))
        columns.append(column)
    return columns


def _unwoven(builder, columns):
    """The other way: rows that follow one another, of columns."""
    k = len(columns)
    out = []
    for i in range(k):
        wanted = [divmod(i * WIDTH + x, k) for x in range(WIDTH)]  # row and column of each place
        vector = columns[0]
        order = [r for r, _ in wanted]
        for j in range(1, k):
            order = [WIDTH + r if c == j else o for (r, c), o in zip(wanted, order, strict=True)]
            vector = _mixed(builder, vector, columns[j], order)
            order = list(range(WIDTH))
        out.append(vector)
    return out


def _each(builder, p, step, count):
    return [builder.gep(p, [builder.mul(step, ir.Constant(step.type, j))]) for j in range(count)]


@intrinsic(prefer_literal=True)
def split_rows(_, to, stride, source, k):
    """As :func:`columns` for 16 rows of k ≤ 4 (a constant) numbers that follow one another."""
    count = k.literal_value

    def codegen(context, builder, _signature, args):
        to, stride, source = args[:3]
        v = [_load(builder, builder.gep(source, [ir.Constant(_INT, i * WIDTH)])) for i in range(count)]
        for column, p in zip(_woven(builder, v), _each(builder, to, stride, count), strict=True):
            _store(builder, column, p, 64)
        return context.get_dummy_value()

    return types.void(to, types.intp, source, k), codegen


@intrinsic(prefer_literal=True)
def join_rows(_, to, source, stride, k):
    """As :func:`rows_of` for 16 rows of k ≤ 4 (a constant) numbers that follow one another."""
    count = k.literal_value

    def codegen(context, builder, _signature, args):
        to, source, stride = args[:3]
        lanes = [_load(builder, p, align=64) for p in _each(builder, source, stride, count)]
        for i, vector in enumerate(_unwoven(builder, lanes)):
            _store(builder, vector, builder.gep(to, [ir.Constant(_INT, i * WIDTH)]))
        return context.get_dummy_value()

    return types.void(to, source, types.intp, k), codegen
