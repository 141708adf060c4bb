"""How a number is written on the page, and how a typed one is read back.

Every digit a reader sees is decided here, once. Small numbers keep three significant digits in scientific form
instead of fading into 0.0000; infinities and NaN are shown as what they are.
"""

from __future__ import annotations

import math
from decimal import Decimal

from xent.explorer.view import Num

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")


def show(value: float | Decimal) -> str:
    """Write a number for reading: four decimals near 1, fewer for large ones, scientific for tiny and huge ones.

    A decimal number may be smaller or larger than any float.

    Examples
    --------
    >>> [show(v) for v in (0.41703, 12.5, 123456.0, 5.778e-18, 0.0, -math.inf, math.nan)]
    ['0.4170', '12.500', '1.23×10⁵', '5.78×10⁻¹⁸', '0', '−∞', 'NaN']
    >>> show(Decimal("-5.0759e-435")), show(Decimal("2e428")), show(Decimal("Infinity"))
    ('−5.08×10⁻⁴³⁵', '2.00×10⁴²⁸', '∞')
    """
    if math.isnan(value):
        return "NaN"
    if value in (math.inf, -math.inf):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if value == 0:
        return "0"
    if size < 9.995e-4 or size >= 99999.5:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa}×10{str(int(exponent)).translate(_SUPERSCRIPTS)}".replace("-", "−")
    decimals = 4 if size < 9.99995 else 3 if size < 99.9995 else 2 if size < 999.995 else 1
    return f"{value:.{decimals}f}".replace("-", "−")


def show_input(value: float) -> str:
    """Write a number for editing: at most four decimals, at least one, no trailing zeros.

    Examples
    --------
    >>> [show_input(v) for v in (2.0, -0.35, 1 / 3, 1e-9, -math.inf)]
    ['2.0', '−0.35', '0.3333', '1.00×10⁻⁹', '−∞']
    """
    if not math.isfinite(value) or (value != 0 and abs(value) < 9.995e-4) or abs(value) >= 99999.5:
        return show(value)
    text = f"{value:.4f}".rstrip("0")
    return (text + "0" if text.endswith(".") else text).replace("-", "−")


def parse(text: str) -> float:
    """Read a number as people type it, and as `show` writes it.

    Raises
    ------
    ValueError
        With what was expected and what came, ready for the page.

    Examples
    --------
    >>> [parse(t) for t in ("2", " −0.35 ", "1e-3", "5.78×10⁻¹⁸", "-inf", "−∞", "0,5")]
    [2.0, -0.35, 0.001, 5.78e-18, -inf, -inf, 0.5]
    """
    plain = text.strip().translate(_PLAIN).replace("∞", "inf").replace("×10", "e").replace(" ", "")
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        if "_" in plain or len(plain) > 400:
            raise ValueError
        return float(plain)
    except ValueError:
        raise ValueError(f"a number was expected, {text[:40]!r} came") from None


def num(value: float, ref: str | None = None, *, text: str | None = None) -> Num:
    """Pair a number with its text, and with what pointing at it highlights."""
    out: Num = {"text": show(value) if text is None else text, "value": value if math.isfinite(value) else None}
    if ref is not None:
        out["ref"] = ref
    return out


def show_probability(value: float, complement: float) -> str:
    """Write a probability; one that would round to 1 is written as its distance from 1.

    Parameters
    ----------
    value, complement : float
        p and 1 − p, the latter computed without cancellation (the sum of the other probabilities).

    Examples
    --------
    >>> show_probability(0.6590, 0.3410), show_probability(1.0, 5.8e-18), show_probability(1.0, 0.0)
    ('0.6590', '1 − 5.80×10⁻¹⁸', '1')
    """
    if complement == 0:
        return "1"
    return show(value) if value < 0.99995 else f"1 − {show(complement)}"


def nice_ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Choose round numbers (1, 2 or 5 times a power of ten apart) that cover [low, high].

    Examples
    --------
    >>> nice_ticks(0, 5), nice_ticks(-1, 1, about=4)
    ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [-1.0, -0.5, 0.0, 0.5, 1.0])
    """
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def show_tick(value: float) -> str:
    """Write a tick: as few digits as say it.

    Examples
    --------
    >>> [show_tick(v) for v in (0.0, -0.5, 10.0, 1e6, 1e-12, -2e8)]
    ['0', '−0.5', '10', '10⁶', '10⁻¹²', '−2×10⁸']
    """
    if value != 0 and not 1e-4 < abs(value) < 1e5 and math.log10(abs(value)).is_integer():
        return ("−" if value < 0 else "") + "10" + str(int(math.log10(abs(value)))).translate(_SUPERSCRIPTS)
    mantissa, _, exponent = f"{value:g}".partition("e")
    power = f"×10{str(int(exponent)).translate(_SUPERSCRIPTS)}" if exponent else ""
    return mantissa.replace("-", "−") + power
