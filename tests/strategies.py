"""Rows, targets and batches for the laws."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

ordinary = st.floats(-50, 50, allow_subnormal=False)
extreme = st.one_of(
    ordinary,
    st.floats(-700, 700),
    st.floats(-1e-6, 1e-6),
    st.sampled_from([0.0, 1.0, -1.0, 1e8, 1e8 + 1.5e-8, -1e8, 700.0, -700.0, 1e-300, 5e-324, 0.1, 1 / 3]),
)


@st.composite
def rows(draw: st.DrawFn, values: st.SearchStrategy[float] = extreme, least: int = 1, most: int = 6) -> list[float]:
    """One row of finite logits, often with ties."""
    pool = draw(st.lists(values, min_size=1, max_size=most))
    size = draw(st.integers(least, most))
    return draw(st.lists(st.sampled_from(pool) | values, min_size=size, max_size=size))


@st.composite
def masked_rows(draw: st.DrawFn, most: int = 6) -> list[float]:
    """Draw a row of logits with some at −∞, and at least one finite."""
    z = draw(rows(most=most))
    keep = draw(st.integers(0, len(z) - 1))
    gone = draw(st.lists(st.booleans(), min_size=len(z), max_size=len(z)))
    return [-math.inf if out and j != keep else x for j, (x, out) in enumerate(zip(z, gone, strict=True))]


@st.composite
def distributions(draw: st.DrawFn, size: int) -> list[float]:
    """Floats ≥ 0 that sum to 1 to rounding, zeros among them."""
    parts = draw(st.lists(st.sampled_from([0.0, 1.0]) | st.floats(0, 1, width=32), min_size=size, max_size=size))
    parts = parts if sum(parts) > 1e-3 else [1.0] * size
    return [x / sum(parts) for x in parts]


@st.composite
def batches(
    draw: st.DrawFn, least_classes: int = 1, least_rows: int = 0, elements: st.SearchStrategy[float] = ordinary
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, K) of float64 and labels (N,)."""
    n, k = draw(st.integers(least_rows, 5)), draw(st.integers(least_classes, 6))
    logits = draw(hnp.arrays(np.float64, (n, k), elements=elements))
    return logits, draw(hnp.arrays(np.int64, (n,), elements=st.integers(0, k - 1)))
