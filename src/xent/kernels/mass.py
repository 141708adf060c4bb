# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""What a mean over labelled rows divides by."""

from __future__ import annotations

from xent.kernels._compile import kernel
from xent.kernels.finish import two_sum


@kernel
def label_mass(labels, weight, row, classes, ignoring, ignore, start, stop):
    """Σ row · weight[label] of rows [start, stop) in two floats, and −1; ignored and impossible labels count 0."""
    total, rest, count = 0.0, 0.0, 0
    if weight.size == 0 and row.size == 0:
        for i in range(start, stop):
            y = labels[i]
            count += 1 if y >= 0 and y < classes and not (ignoring and y == ignore) else 0
        return float(count), 0.0, -1
    for i in range(start, stop):
        y = labels[i]
        if 0 <= y < classes and not (ignoring and y == ignore):
            total, rest = two_sum(total, rest, (weight[y] if weight.size else 1.0) * (row[i] if row.size else 1.0))
    return total, rest, -1
