# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""Vectors on their way to memory and from it: asked for before they are read, and stored past the caches.

A large result is not read again soon. Stored past the caches it does not drive out what is, and memory need not be
read before it is written; whole lines of 64 bytes can go that way, so what begins in a line's middle has edges.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from xent.kernels._compile import INLINE
from xent.kernels._math import at
from xent.kernels._vectors import _DOUBLE, _INT, _LANES, WIDTH, _fetch, _first, _load, _spread, _store


def _asking(cache):
    """Make a function that asks for the cache line at p, which need not exist: for the first cache, or the second.

    The second waits for more lines at a time; in the first, a line is where it is needed.
    """

    @intrinsic
    def ask(_, p):
        def codegen(context, builder, _signature, args):
            _fetch(builder, args[0], cache)
            return context.get_dummy_value()

        return types.void(p), codegen

    return ask


fetch, fetch_near = _asking(2), _asking(1)


def _past(builder, value, p):
    """Store a vector past the caches; p is aligned to 64 bytes."""
    store = _store(builder, value, p, 64)
    store.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(_INT, 1)]))


def _giving(past):
    """Make :func:`give` and :func:`give_both`: past the caches, or into them."""
    put = _past if past else _store

    @intrinsic
    def one(_, to, source, v):
        """to[:16] = source[:16] · v; past the caches ``to`` is aligned to 64 bytes."""

        def codegen(context, builder, _signature, args):
            to, source, v = args
            put(builder, builder.fmul(_load(builder, source), _spread(builder, v, _LANES)), to)
            return context.get_dummy_value()

        return types.void(to, source, types.float32), codegen

    @intrinsic
    def both(_, to, source, cut, v, w):
        """:func:`one` for the end of a row, to[:cut], and the beginning of the next, whose factor is w."""

        def codegen(context, builder, _signature, args):
            to, source, cut, v, w = args
            v, w = (_spread(builder, x, _LANES) for x in (v, w))
            put(builder, builder.fmul(_load(builder, source), builder.select(_first(builder, cut), v, w)), to)
            return context.get_dummy_value()

        f, i = types.float32, types.int64
        return types.void(to, source, i, f, f), codegen

    return one, both


give, give_both = _giving(past=False)
give_past, give_both_past = _giving(past=True)


@intrinsic
def _address(_, p):
    """Address that a pointer holds."""

    def codegen(_context, builder, _signature, args):
        return builder.ptrtoint(args[0], ir.IntType(64))

    return types.int64(p), codegen


@intrinsic
def _size(_, p):
    """Bytes of a pointer's numbers."""
    size = p.dtype.bitwidth // 8
    return types.intp(p), lambda _context, _builder, _signature, _args: ir.Constant(ir.IntType(64), size)


@njit(**INLINE)
def expect(p, start, stop):
    """Ask for p[start:stop], which need not exist: it is read soon, and memory works meanwhile."""
    for i in range(start, stop, 64 // _size(p)):
        fetch(at(p, i))


@intrinsic
def _put_doubles(_, to, source):
    """to[:8] = source[:8] of float64, past the caches; ``to`` is aligned to 64 bytes."""

    def codegen(context, builder, _signature, args):
        _past(builder, _load(builder, args[1], ir.VectorType(_DOUBLE, 8), 8), args[0])
        return context.get_dummy_value()

    return types.void(to, source), codegen


@njit(**INLINE)
def stream_doubles(to, source, n):
    """to[:n] = source[:n] for float64, past the caches."""
    head = min(((64 - (_address(to) & 63)) & 63) >> 3, n)
    full = (n - head) >> 3
    for j in range(head):
        to[j] = source[j]
    for b in range(full):
        _put_doubles(at(to, head + 8 * b), at(source, head + 8 * b))
    for j in range(head + 8 * full, n):
        to[j] = source[j]


@njit(**INLINE)
def offset(p):
    """How many numbers after p comes a place that a vector may be stored at: less than 64 bytes."""
    return ((64 - (_address(p) & 63)) & 63) // _size(p)


@njit(**INLINE)
def aligned(p):
    """p, or the next place that a vector may be stored at."""
    return at(p, offset(p))


@njit(**INLINE)
def pour(to, source, v, first, last):
    """to[:] = source[:] · v past the caches, in the vectors [first, last)."""
    for j in range(WIDTH * first, WIDTH * last, WIDTH):
        give_past(at(to, j), at(source, j), v)


@njit(**INLINE)
def pour_all(to, source, v, j):
    """to[j : j + 64] = source[j : j + 64] · v past the caches."""
    for i in range(j, j + 4 * WIDTH, WIDTH):
        give_past(at(to, i), at(source, i), v)


@njit(**INLINE)
def stream(to, source, n, v):
    """to[:n] = source[:n] · v for float32, past the caches, as it is not read again."""
    head = min(offset(to), n)
    pour(at(to, head), at(source, head), v, 0, (n - head) >> 4)
    edge(to, source, n, v)


@njit(**INLINE)
def edge(to, source, n, v):
    """What :func:`pour` leaves of :func:`stream`: both ends."""
    head = min(offset(to), n)
    for j in range(head):
        to[j] = source[j] * v
    for j in range(head + (n - head) // WIDTH * WIDTH, n):
        to[j] = source[j] * v
