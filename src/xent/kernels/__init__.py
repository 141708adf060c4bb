"""Kernels: the family's inner loops, compiled. They import nothing of the rest of xent, and assume clean input.

One call reads each row of logits once and gives its loss, and its gradient if that is wanted:

- ``cpu.cross_entropy``, ``cpu.label_mass``: rows of logits, on the CPU;
- ``rows`` (many classes, neighbours in memory), ``lanes`` (few classes, or classes apart): the loops behind it;
- ``finish``: what a row's loss and gradient are once its tail is known;
- ``_math``: exp and log1p that vectorise, half types, streaming stores;
- ``threads``: our own threads, and why.

Begun, and not called yet: ``soft`` with ``careful`` and ``_pairs`` (targets that are distributions), ``softmax``
with ``cpu_softmax``, ``elements`` with ``binary`` and ``logistic`` (the logistic losses).

Layout: logits (A, K, B) with any strides, rows (A, B): that covers (N, K), (N, K, H, W) and every axis.
Precision: float32 is computed in float32, sums over classes in float64; float64 in float64; float16 and bfloat16
are read as they are and computed in float32. The bound is that of ``_arrays``: the exact answer for logits moved by
at most one ulp, to 4 ulp.
"""
