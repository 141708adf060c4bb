"""Kernels: the family's inner loops, compiled. They import nothing of the rest of xent, and assume clean input.

One call reads each row of logits once and gives its loss, and its gradient if that is wanted. Whole arrays:

- ``cpu.cross_entropy``, ``cpu.label_mass``: rows of logits with labels;
- ``cpu_soft.cross_entropy``: rows whose target is a distribution, strongly smoothed or weighted, or logits capped;
- ``cpu_statistics``: what a classifier said of each row;
- ``cpu_softmax``: softmax, its logarithm, log Σ exp of rows;
- ``cpu_targets``: targets smoothed, and labels as distributions;
- ``cpu_norms``: Σ a², and arrays scaled;
- ``cpu_focal.focal``: focal loss of rows with labels, with digits to spare;
- ``cpu_distillation.distillation``: a student's rows against a teacher's, of narrow types;
- ``elements``: the logistic losses, plain and focal, and the logistic function, element by element;
- ``information``: entropy, cross-entropy and divergences of rows of probabilities;
- ``threads``: our own threads, and why; ``memory``: large results in the memory of earlier ones.

The loops behind them:

- ``rows`` (many classes, neighbours in memory) by ``climb`` (a row of float32, while its neighbours pass),
  ``short`` (the same for up to 512 classes), ``odds`` (losses alone), ``lanes`` (few classes, or classes apart),
  ``softmax`` over both, ``focal`` over tiles and ``focal_rows`` (many classes, narrow), ``binary`` over blocks,
  ``distillation`` over rows of two arrays, ``divergence`` (torch's kl_div) by elements, ``entropy`` (of logits) by
  rows;
- ``small``: what most calls are, in one call of few arguments; ``smooth_rows``, ``smooth_lanes``: smoothed labels;
- ``soft`` and ``soft_lanes``: targets that may be close to p, in float64, and ``careful``: in pairs of floats;
- ``terms``: those of ``information``, with logarithms that have digits to spare;
- ``mixing``: targets smoothed, ``norms``: squares added and numbers scaled;
- ``finish``: what a row's loss and gradient are once its tail is known; ``logistic``: the same for one logit;
- ``_math``: exp and log1p that vectorise, half types; ``_vectors``, ``_powers``: what is written as vectors;
  ``_pairs``: pairs of floats, where one does not hold the digits.

Layout: logits (A, K, B) with any strides, rows (A, B): that covers (N, K), (N, K, H, W) and every axis.
Precision: float32 is computed in float32, sums over classes in float64; float64 in float64; float16 and bfloat16
are read as they are and computed in float32. The bound is that of ``_arrays``: the exact answer for logits moved by
at most one ulp, to 4 ulp.
"""
