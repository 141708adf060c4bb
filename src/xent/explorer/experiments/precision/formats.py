"""Binary floating-point formats, emulated to the bit: every operation is rounded once, to nearest, ties to even.

A number of a narrow format is a Python float, which is float64, that happens to need fewer digits. Sum, difference,
product and quotient are computed in float64 and rounded to the format. Rounding twice does no harm there: float64
has 53 ≥ 2p + 2 digits for every p ≤ 24 (Figueroa 1995, "When is double rounding innocuous?"). ``exp`` and the
logarithms come from :mod:`decimal` in 40 digits; they reach a narrow format by way of round-to-odd, which makes the
second rounding exact (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums"). Subnormal numbers
are kept, as IEEE 754 says; hardware that flushes them to 0 dies a little earlier.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext

_EXACT = Context(prec=40, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])


@dataclass(frozen=True)
class Format:
    """A format with ``digits`` significant bits, and normal numbers from 2^lowest to below 2^(highest + 1).

    Examples
    --------
    >>> FORMATS["float16"].nearest(0.1), FORMATS["bfloat16"].add(256.0, 1.0), FORMATS["float32"].exp(100.0)
    (0.0999755859375, 256.0, inf)
    """

    name: str
    digits: int
    lowest: int
    highest: int

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return math.ldexp(2.0 - math.ldexp(1.0, 1 - self.digits), self.highest)

    @property
    def smallest(self) -> float:
        """The smallest positive number, a subnormal one."""
        return math.ldexp(1.0, self.lowest - self.digits + 1)

    def nearest(self, x: float) -> float:
        """Round to the format."""
        if self.digits == 53 or x == 0 or not math.isfinite(x):
            return x
        if abs(x) >= math.ldexp(1.0, self.highest + 1):
            return math.copysign(math.inf, x)
        unit = max(math.frexp(x)[1] - self.digits, self.lowest - self.digits + 1)
        # round() takes a float to the nearest integer, ties to even, and both scalings are exact
        rounded = math.ldexp(float(round(math.ldexp(x, -unit))), unit)
        return math.copysign(math.inf if abs(rounded) > self.largest else rounded, x)

    def add(self, a: float, b: float) -> float:
        """Add."""
        return self.nearest(a + b)

    def sub(self, a: float, b: float) -> float:
        """Subtract."""
        return self.nearest(a - b)

    def mul(self, a: float, b: float) -> float:
        """Multiply."""
        return self.nearest(a * b)

    def div(self, a: float, b: float) -> float:
        """Divide; by 0 as IEEE 754 does."""
        if b == 0:
            bad = a == 0 or math.isnan(a)
            return math.nan if bad else math.copysign(math.inf, a) * math.copysign(1.0, b)
        return self.nearest(a / b)

    def exp(self, x: float) -> float:
        """Exponential, correctly rounded."""
        if not math.isfinite(x):
            return 0.0 if x == -math.inf else x
        with localcontext(_EXACT):
            return self._from(Decimal(x).exp())

    def log(self, x: float) -> float:
        """Logarithm, correctly rounded: −∞ at 0, NaN below."""
        if x == 0:
            return -math.inf
        if not 0 < x < math.inf:
            return math.inf if x == math.inf else math.nan
        with localcontext(_EXACT):
            return self._from(Decimal(x).ln())

    def log1p(self, x: float) -> float:
        """Logarithm of 1 + x for x ≥ 0, correctly rounded."""
        if not 0 <= x < math.inf:
            return math.inf if x == math.inf else math.nan
        return self._from(log1p(Decimal(x)))

    def _from(self, exact: Decimal) -> float:
        """Round a decimal number to the format, as if in one step."""
        x = float(exact)
        if self.digits == 53 or not math.isfinite(x) or Decimal(x) == exact:
            return self.nearest(x)
        if abs(Decimal(x)) > abs(exact):
            x = math.nextafter(x, 0.0)
        (bits,) = struct.unpack("<q", struct.pack("<d", x))
        (odd,) = struct.unpack("<d", struct.pack("<q", bits | 1))
        return self.nearest(math.copysign(odd, exact))


def log1p(x: Decimal) -> Decimal:
    """Logarithm of 1 + x for x ≥ 0, to 35 digits and more: its series where 1 + x would lose them."""
    with localcontext(_EXACT):
        if x < Decimal("1e-9"):
            return x * (1 - x * (Decimal(1) / 2 - x * (Decimal(1) / 3 - x / 4)))
        return (1 + x).ln()


FORMATS: dict[str, Format] = {
    "float64": Format("float64", 53, -1022, 1023),
    "float32": Format("float32", 24, -126, 127),
    "bfloat16": Format("bfloat16", 8, -126, 127),
    "float16": Format("float16", 11, -14, 15),
}
