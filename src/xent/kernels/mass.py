# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
"""What a mean over labelled rows divides by."""

from __future__ import annotations

from xent.kernels._compile import kernel
from xent.kernels._math import at, widen
from xent.kernels.finish import two_sum


@kernel
def label_mass(labels, weight, row, classes, ignoring, ignore, start, stop):
    """Σ row · weight[label] of rows [start, stop) in two floats, and −1; ignored and impossible labels count 0."""
    total, rest, count = 0.0, 0.0, 0
    if weight.size == 0 and row.size == 0:
        ours, wanted = at(labels, start), ignore if ignoring else -1  # a[i] of an array might count from the end
        for i in range(stop - start):
            y = ours[i]
            count += 1 if y >= 0 and y < classes and y != wanted else 0
        return float(count), 0.0, -1
    for i in range(start, stop):
        y = labels[i]
        if 0 <= y < classes and not (ignoring and y == ignore):
            total, rest = two_sum(total, rest, (weight[y] if weight.size else 1.0) * (row[i] if row.size else 1.0))
    return total, rest, -1


@kernel
def target_mass(q, weight, row, kind, shape, strides, start, stop):
    """Σ row · Σ_j weight_j q_j of rows [start, stop) in two floats, Σ row without weights.

    q: flat, floating or uint16, of that kind; its strides by outer row, class, inner row. shape: (inner, classes).
    """
    inner, classes = shape
    outer_step, step, inner_step = strides
    total, rest = 0.0, 0.0
    for i in range(start, stop):
        target = at(q, i // inner * outer_step + i % inner * inner_step)
        mass = 0.0 if weight.size else 1.0
        for j in range(weight.size):
            mass += weight[j] * widen(target[j * step], kind)
        total, rest = two_sum(total, rest, mass * (row[i] if row.size else 1.0))
    return total, rest
