# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""What the kernels compute with: bits of floats, exp and log1p as polynomials that vectorise.

Everything here is a scalar function that LLVM inlines and vectorises: no table, no branch, no call to a library.
:mod:`~xent.kernels._vectors` has what is written as vectors.

exp(−g / τ) is evaluated as 2^(−x), x = g · log2(e) / τ with the constant in two floats. n = rint(x), and x − n
comes from two fused multiply-adds, so that nothing is rounded before the polynomial (minimax of relative error on
[−½, ½], degree 6 for float32 and 11 for float64, constant term 1); 2^−n is applied so that results below the normal
range are right too. The error is about 1 ulp: ``tests/kernels/test_math.py``.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import config, njit, types
from numba.core import cgutils
from numba.core.errors import RequireLiteralValue
from numba.extending import intrinsic, overload

from xent.kernels._compile import EXACT, INLINE

F4, F8 = np.float32, np.float64
I4, I8 = np.int32, np.int64

LN2 = math.log(2.0)
# AVX-512 multiplies by a power of two in one instruction; elsewhere LLVM would call the C library for each number.
_SCALES = config.CPU_NAME is None and config.CPU_FEATURES is None and bool(get_host_cpu_features().get("avx512f"))
NATIVE, HALF, BRAIN = 0, 1, 2  # how numbers are stored: their own type, float16's bits, bfloat16's bits


# -------------------------------------------------------------------------------------------------- bits of floats


def _layout(x):
    """Bits of a float type's integer, the last of them, those of the mantissa, and the exponent's bias."""
    return (32, 31, 23, 127) if x == types.float32 else (64, 63, 52, 1023)


def _mirrored(builder, b, bits):
    """Turn a float's bits into an integer that orders as floats do, and back: negatives are mirrored."""
    whole = b.type
    signs = builder.ashr(b, ir.Constant(whole, bits - 1))
    return builder.xor(b, builder.and_(signs, ir.Constant(whole, (1 << (bits - 1)) - 1)))


@intrinsic
def key(_, x):
    """Integer that orders floats as they are ordered: its maximum vectorises, that of floats does not."""
    bits = _layout(x)[0]

    def codegen(_context, builder, _signature, args):
        return _mirrored(builder, builder.bitcast(args[0], ir.IntType(bits)), bits)

    return (types.int32 if bits == 32 else types.int64)(x), codegen


@intrinsic
def unkey(_, k):
    """Float of a :func:`key`."""
    to = types.float32 if k == types.int32 else types.float64

    def codegen(context, builder, _signature, args):
        return builder.bitcast(_mirrored(builder, args[0], args[0].type.width), context.get_value_type(to))

    return to(k), codegen


@intrinsic
def lowest(_, x):
    """Smallest key of a float's type."""
    bits = _layout(x)[0]

    def codegen(_context, _builder, _signature, _args):
        return ir.Constant(ir.IntType(bits), -(1 << (bits - 1)))

    return (types.int32 if bits == 32 else types.int64)(x), codegen


@intrinsic
def nearest(_, x):
    """Nearest whole number, as an int32: x is far inside its range."""

    def codegen(_context, builder, _signature, args):
        rounded = builder.call(builder.module.declare_intrinsic("llvm.rint", [args[0].type]), args)
        return builder.fptosi(rounded, ir.IntType(32))

    return types.int32(x), codegen


@intrinsic
def real(_, n, like):
    """Float of a whole number."""

    def codegen(context, builder, signature, args):
        return builder.sitofp(args[0], context.get_value_type(signature.return_type))

    return like(n, like), codegen


@intrinsic
def scaled(_, q, n):
    """q · 2^n for an int32 n, right below the normal range too: in one instruction, or in two steps."""  # noqa: D403
    bits, _last, mantissa, bias = _layout(q)

    def codegen(_context, builder, _signature, args):
        whole, (q, n) = ir.IntType(bits), args
        kind = q.type
        if _SCALES:
            name = f"llvm.ldexp.{'f32' if bits == 32 else 'f64'}.i32"
            ldexp = ir.FunctionType(kind, [kind, n.type])
            return builder.call(cgutils.get_or_insert_function(builder.module, ldexp, name), [q, n])
        n = n if bits == 32 else builder.sext(n, whole)
        half = builder.ashr(n, ir.Constant(whole, 1))
        for part in (half, builder.sub(n, half)):
            exponent = builder.add(ir.Constant(whole, bias), part)
            q = builder.fmul(q, builder.bitcast(builder.shl(exponent, ir.Constant(whole, mantissa)), kind))
        return q

    return q(q, types.int32), codegen


@intrinsic
def fma(_, x, y, z):
    """x · y + z, rounded once."""  # noqa: D403

    def codegen(_context, builder, _signature, args):
        return builder.fma(*args)

    return x(x, x, x), codegen


@intrinsic
def at(_, a, i):
    """Pointer to a[i], of an array or of another pointer: no check, no count of references."""

    def codegen(context, builder, signature, args):
        kind = signature.args[0]
        data = (
            args[0]
            if isinstance(kind, types.CPointer)
            else context.make_array(kind)(context, builder, args[0]).data
        )
        return builder.gep(data, [args[1]])

    return types.CPointer(a.dtype)(a, types.intp), codegen


@intrinsic
def located(_, address, like):
    """Pointer to numbers of the type of ``like`` at an address."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(like)(address, like), codegen


@intrinsic
def hold(_, a):
    """Keep an array's memory up to here: a pointer from :func:`at` alone does not."""

    def codegen(context, _builder, _signature, _args):
        return context.get_dummy_value()

    return types.void(a), codegen


@intrinsic(prefer_literal=True)
def scratch(_, count, like):
    """Pointer to ``count`` (a constant) numbers of a type on the stack: what is here, nothing else can point at."""
    size = count.literal_value if isinstance(count, types.Literal) else None
    if size is None:
        raise RequireLiteralValue("the size of a scratch is a constant")

    def codegen(context, builder, signature, _args):
        kind = context.get_data_type(signature.return_type.dtype)
        block = cgutils.alloca_once(builder, kind, size=ir.Constant(ir.IntType(64), size))
        block.align = 64
        return block

    return types.CPointer(types.unliteral(like))(count, like), codegen


# ------------------------------------------------------------------------------------------------------ exponential

_E4 = tuple(
    F4(c)
    for c in (1.0, -0.693147205737, 0.240226468906, -0.0555032877711, 0.00961848895633, -0.00133999311772,
              0.000153458121613)
)  # fmt: skip
_E8 = (
    1.0, -0.69314718055994533046, 0.24022650695910156204, -0.055504108664819921605, 0.0096181291075883352443,
    -0.0013333558146789921722, 0.00015403530462514432062, -1.5252733489988525649e-05, 1.321543308967639918e-06,
    -1.0178198021671930844e-07, 7.0741056135081427963e-09, -4.4352827069572771511e-10,
)  # fmt: skip


def steepness(tau, dtype):
    """log2(e) / τ in two floats, and the gap beyond which exp(−gap / τ) is 0."""
    c = 1.0 / (LN2 * tau)
    if dtype == F4:
        hi = F4(c)
        return hi, F4(c - float(hi)), F4(min(160.0 / c, 3e38))
    # 1 / ln 2 in two floats, divided by τ with the remainder of the first.
    hi = 1.4426950408889634 / tau
    rest = math.fma(-hi, tau, 1.4426950408889634) if hasattr(math, "fma") else _remainder(hi, tau)
    return hi, (2.0355273740931033e-17 + rest) / tau, min(1100.0 / hi, 1e308)


def _remainder(q: float, tau: float) -> float:
    """1 / ln 2 − q τ exactly, as rational numbers."""
    return float(Fraction(1.4426950408889634) - Fraction(q) * Fraction(tau))


@njit(**EXACT)
def lost(top, x, gap):
    """Give what rounding took from gap = top − x (Knuth's two-sum)."""
    t = gap - top
    return (top - (gap - t)) - (x + t)


def two_to_minus(r):
    """2^−r for |r| ≤ ½, by the polynomial of the type."""
    raise NotImplementedError


@overload(two_to_minus, jit_options=EXACT)
def _two_to_minus(r):
    if r == types.float32:
        c0, c1, c2, c3, c4, c5, c6 = _E4

        def single(r):
            q = fma(r, c6, c5)
            q = fma(r, q, c4)
            q = fma(r, q, c3)
            q = fma(r, q, c2)
            q = fma(r, q, c1)
            return fma(r, q, c0)

        return single
    d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11 = _E8

    def double(r):
        q = fma(r, d11, d10)
        q = fma(r, q, d9)
        q = fma(r, q, d8)
        q = fma(r, q, d7)
        q = fma(r, q, d6)
        q = fma(r, q, d5)
        q = fma(r, q, d4)
        q = fma(r, q, d3)
        q = fma(r, q, d2)
        q = fma(r, q, d1)
        return fma(r, q, d0)

    return double


def power(top, x, hi, lo, most):
    """exp(−(top − x) / τ) for x ≤ top (−∞ included; NaN stays NaN), with the constants of :func:`steepness`.

    In float32 the difference is rounded, which moves no logit by more than an ulp; in float64 what was rounded off
    is carried along.
    """
    raise NotImplementedError


@overload(power, jit_options=INLINE)
def _power(top, x, hi, lo, most):
    if x == types.float32:

        def single(top, x, hi, lo, most):
            gap = top - x
            g = most if gap > most else gap
            n = nearest(g * -hi)
            return scaled(two_to_minus(fma(g, lo, fma(g, hi, real(n, g)))), n)

        return single

    def double(top, x, hi, lo, most):
        gap = top - x
        g = most if gap > most else gap
        n = nearest(g * -hi)
        rest = 0.0 if gap > most else lost(top, x, gap)
        return scaled(two_to_minus(fma(g, hi, real(n, g)) + fma(g, lo, hi * rest)), n)

    return double


def steady(top, x, hi, lo, most):
    """As :func:`power`, with what rounding took from a float32 difference carried along too."""
    raise NotImplementedError


@overload(steady, jit_options=INLINE)
def _steady(top, x, hi, lo, most):
    if x == types.float64:
        return lambda top, x, hi, lo, most: power(top, x, hi, lo, most)
    none = F4(0)

    def single(top, x, hi, lo, most):
        gap = top - x
        g = most if gap > most else gap
        n = nearest(g * -hi)
        r = fma(g, hi, real(n, g)) + fma(g, lo, hi * (none if gap > most else lost(top, x, gap)))
        return scaled(two_to_minus(r), n)

    return single


_E40 = (
    1.0, -0.6931471805412016, 0.24022650694740588, -0.05550410959344503, 0.009618129559416, -0.0013333434054512193,
    0.00015403097916729178, -1.5314234748723037e-05, 1.3344239449480388e-06,
)  # fmt: skip


def raised(top, x, hi, lo, most, like):
    """:func:`power` of float64 numbers that were of the type of ``like``: 40 digits are plenty for narrower ones.

    Their difference is exact, or rounded far below their own digits.
    """
    raise NotImplementedError


@overload(raised, jit_options=INLINE)
def _raised(top, x, hi, lo, most, like):
    if like == types.float64:
        return lambda top, x, hi, lo, most, like: power(top, x, hi, lo, most)
    c0, c1, c2, c3, c4, c5, c6, c7, c8 = _E40

    def narrow_one(top, x, hi, lo, most, like):
        gap = top - x
        g = most if gap > most else gap
        n = nearest(g * -hi)
        r = fma(g, hi, real(n, g))
        q = fma(r, c8, c7)
        q = fma(r, q, c6)
        q = fma(r, q, c5)
        q = fma(r, q, c4)
        q = fma(r, q, c3)
        q = fma(r, q, c2)
        q = fma(r, q, c1)
        return scaled(fma(r, q, c0), n)

    return narrow_one


# -------------------------------------------------------------------------------------------------------- logarithm

_L = (
    0.66666666666666697017, 0.39999999999899113847, 0.28571428626134041321, 0.22222211111281341353,
    0.18182890700254556215, 0.15331673008335739741, 0.14617011557850926235,
)  # fmt: skip
_L0, _L1, _L2, _L3, _L4, _L5, _L6 = _L
_S0, _S1, _S2, _S3 = 0.66666666554035363746, 0.40000122132727780396, 0.28550793380223741823, 0.23331108468787874384
_LN2_HI, _LN2_LO = (
    0.6931471803691238,
    1.9082149292705877e-10,
)  # the first with 21 zero bits at its end: e · it is exact


@intrinsic
def split(_, u):
    """Exponent and mantissa of a positive float64: u = 2^e · m with m in [√½, √2), as two floats."""

    def codegen(context, builder, _signature, args):
        whole = ir.IntType(64)
        at = lambda n: ir.Constant(whole, n)  # noqa: E731
        b = builder.sub(builder.bitcast(args[0], whole), at(0x3FE6A09E667F3BCD))  # the bits of √½
        e = builder.ashr(b, at(52))
        m = builder.add(builder.and_(b, at(0x000FFFFFFFFFFFFF)), at(0x3FE6A09E667F3BCD))
        pair = (builder.sitofp(e, ir.DoubleType()), builder.bitcast(m, ir.DoubleType()))
        return context.make_tuple(builder, types.UniTuple(types.float64, 2), pair)

    return types.UniTuple(types.float64, 2)(u), codegen


@njit(**EXACT)
def log1p(t):
    """log(1 + t) for 0 ≤ t < 1e300, error below 1 ulp; ∞ and NaN stay what they are.

    1 + t = 2^e m (1 + c), c what the sum rounded off; with f = m − 1 + c and s = f / (2 + f) the logarithm of 1 + f
    is f − f²/2 + s (f²/2 + R), R = 2 atanh(s) / s − 2 as a polynomial in s².
    """
    u = 1.0 + t
    c = t - (u - 1.0) if t < 1.0 else 1.0 - (u - t)
    e, m = split(u)
    f = m - 1.0
    c = c / u
    s = f / (2.0 + f)
    z = s * s
    r = z * (_L0 + z * (_L1 + z * (_L2 + z * (_L3 + z * (_L4 + z * (_L5 + z * _L6))))))
    h = 0.5 * f * f
    y = e * _LN2_HI - ((h - (s * (h + r) + (e * _LN2_LO + c))) - f)
    return y if t < 1e300 else t


@njit(**EXACT)
def log1p_single(t):
    """log(1 + t) for 0 ≤ t < 1e300 to 2⁻³⁰, which is exact for float32: with half the work of :func:`log1p`."""
    u = 1.0 + t
    c = t - (u - 1.0)  # matters only where u is next to 1
    e, m = split(u)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    y = fma(s, fma(z, fma(z, fma(z, fma(z, _S3, _S2), _S1), _S0), 2.0), fma(e, LN2, c * _near(u)))
    return y if t < 1e300 else t


@njit(**EXACT)
def _near(u):
    return 1.0 if u < 1.001 else 0.0


def logarithm(t, like):
    """log(1 + t) in float64, as exact as a result of the type of ``like`` needs."""
    raise NotImplementedError


@overload(logarithm, jit_options=EXACT)
def _logarithm(t, like):
    if like == types.float64:
        return lambda t, like: log1p(t)
    return lambda t, like: log1p_single(t)


# ------------------------------------------------------------------------------------------------------- half types


@intrinsic
def _narrow(_, x):
    """Bits of the nearest bfloat16, ties to even; NaN stays NaN."""

    def codegen(_context, builder, _signature, args):
        whole = ir.IntType(32)
        at = lambda n: ir.Constant(whole, n)  # noqa: E731
        b = builder.bitcast(args[0], whole)
        odd = builder.and_(builder.lshr(b, at(16)), at(1))
        rounded = builder.lshr(builder.add(builder.add(b, at(0x7FFF)), odd), at(16))
        nan = builder.fcmp_unordered("uno", args[0], args[0])
        return builder.trunc(builder.select(nan, at(0x7FC0), rounded), ir.IntType(16))

    return types.uint16(types.float32), codegen


@intrinsic
def _widen(_, b):
    """Float32 of a bfloat16's bits."""

    def codegen(_context, builder, _signature, args):
        whole = ir.IntType(32)
        return builder.bitcast(builder.shl(builder.zext(args[0], whole), ir.Constant(whole, 16)), ir.FloatType())

    return types.float32(types.uint16), codegen


@intrinsic
def _widen_16(_, b):
    """Float32 of a float16's bits."""

    def codegen(_context, builder, _signature, args):
        return builder.fpext(builder.bitcast(args[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), codegen


@intrinsic
def _narrow_16(_, x):
    """Bits of the nearest float16, ties to even."""

    def codegen(_context, builder, _signature, args):
        return builder.bitcast(builder.fptrunc(args[0], ir.HalfType()), ir.IntType(16))

    return types.uint16(types.float32), codegen


def widen(x, kind):
    """Give the number to compute with: itself, or float32 from the 16 bits of a half type."""
    raise NotImplementedError


@overload(widen, jit_options=INLINE)
def _widen_any(x, kind):
    if x == types.uint16:
        return lambda x, kind: _widen(x) if kind == BRAIN else _widen_16(x)
    return lambda x, kind: x


def narrow(x, like, kind):
    """Give the number to store, of the type of ``like``."""
    raise NotImplementedError


@overload(narrow, jit_options=INLINE)
def _narrow_any(x, like, kind):
    if like == types.uint16:
        return lambda x, like, kind: _narrow(x) if kind == BRAIN else _narrow_16(x)
    return lambda x, like, kind: x


def blank(x):
    """Zero of the type to compute with."""
    raise NotImplementedError


@overload(blank, jit_options=INLINE)
def _blank(x):
    if x == types.float64:
        return lambda x: 0.0
    return lambda x: F4(0)


def space(n, like):
    """Array of n numbers of the type of ``like``, whatever they are."""
    raise NotImplementedError


@overload(space, jit_options=INLINE)
def _space(n, like):
    if like == types.float64:
        return lambda n, like: np.empty(n, np.float64)
    return lambda n, like: np.empty(n, np.float32)
