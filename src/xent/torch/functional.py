"""torch.nn.functional's cross-entropy losses with every digit: same signatures, same conventions, more options.

Change the import and nothing else. What differs from torch is listed in each function's notes.
"""

from __future__ import annotations

from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_variadic

from xent import _validate
from xent.torch import _arguments, _at_once, _fused, ops
from xent.torch._arguments import LabelError

__all__ = ["LabelError", "binary_cross_entropy_with_logits", "cross_entropy"]


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    *,
    sample_weight: Tensor | None = None,
    temperature: float = 1.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    denominator: float | str | None = None,
    on_empty: str = "nan",
) -> Tensor:
    """Cross-entropy of logits and targets in nats, as torch.nn.functional.cross_entropy has it.

    For a row with target weights t, T = Σ t, and gaps and tail measured from its largest logit it is
    T · log1p(tail) + Σ_j t_j · gap_j: nothing cancels, and small losses keep their digits.

    Parameters
    ----------
    input : Tensor (C,), (N, C) or (N, C, d1, …)
        Logits, with any strides; −∞ masks a class of a row.
    target : Tensor
        Integers of the input's shape without its class dimension: labels in [0, C). Or floats of the input's shape:
        probabilities q. As in torch, they need not sum to 1.
    weight : Tensor (C,), optional
        Class weights: t_j = weight_j · q_j.
    size_average, reduce : bool, optional
        torch's old names; where given, they choose the reduction.
    ignore_index : int, default −100
        Rows with this label have loss 0 and gradient 0, and are not counted. Not for probabilities.
    reduction : {"mean", "sum", "none"}
        One number, or one a row.
    label_smoothing : float, default 0
        ε in [0, 1]: q becomes (1 − ε) q + ε / C, before the class weights.
    sample_weight : Tensor, optional
        One factor a row, finite and ≥ 0. A row of weight 0 counts for exactly nothing, even if its loss is ∞ or
        NaN.
    temperature : float, default 1
        τ > 0; the logits are divided by it.
    z_loss : float, default 0
        Adds z_loss · lse² to each row, lse = log Σ exp of its capped and tempered logits; not times ``weight``.
    softcap : float, optional
        c > 0: each logit becomes c · tanh(z / c), before the temperature.
    denominator : {"weights", "rows"} or float, optional
        What the mean divides by. By default torch's: Σ sample_weight · weight[label] for labels, Σ sample_weight
        (the number of rows) for probabilities. ``"weights"``: Σ sample_weight · Σ_j weight_j q_j for both.
        ``"rows"``: the number of valid rows. Or a number of your own, > 0.
    on_empty : {"nan", "zero", "raise"}
        The mean where there is nothing to divide by.

    Returns
    -------
    Tensor
        A number, or the rows' shape for ``reduction="none"``. float64 for float64 logits, float32 otherwise.

    Raises
    ------
    TypeError
        Not tensors, logits that are not floating, a target of the wrong kind of number.
    ValueError
        A shape that does not fit, an option outside its range, a sample weight that is negative or not finite.
    LabelError
        A label outside [0, C). On other devices and inside transforms, where it cannot be read, its row is NaN.

    Notes
    -----
    Unlike torch: half-precision logits give a float32 loss (and a gradient in their own type); int32 labels are
    taken; a masked class with no target weight costs 0 and not NaN. Under autocast nothing is copied to float32:
    half-precision logits are read as they are, and the loss is float32 there as everywhere.

    The gradient is computed with the loss. A second gradient, forward mode and functorch's transforms take the
    same formula in plain operations; so do target, weight and sample weight where they require a gradient.

    Examples
    --------
    >>> import torch, xent.torch
    >>> logits = torch.tensor([[2.0, 1.0, 0.1], [0.0, -40.0, -41.0]], requires_grad=True)
    >>> loss = xent.torch.cross_entropy(logits, torch.tensor([0, 0]), reduction="none")
    >>> [f"{x:.6g}" for x in loss.tolist()]
    ['0.41703', '5.81124e-18']
    >>> loss.sum().backward()
    >>> logits.grad[0]
    tensor([-0.3410,  0.2424,  0.0986])
    """
    if has_torch_function_variadic(input, target, weight, sample_weight):
        return handle_torch_function(
            cross_entropy,
            (input, target, weight, sample_weight),
            input,
            target,
            weight=weight,
            size_average=size_average,
            ignore_index=ignore_index,
            reduce=reduce,
            reduction=reduction,
            label_smoothing=label_smoothing,
            sample_weight=sample_weight,
            temperature=temperature,
            z_loss=z_loss,
            softcap=softcap,
            denominator=denominator,
            on_empty=on_empty,
        )
    if (
        sample_weight is None and label_smoothing == 0 and (reduction == "mean" or reduction == "sum")
        and size_average is None and reduce is None and temperature == 1 and z_loss == 0 and softcap is None
        and denominator is None and on_empty == "nan"
    ):  # fmt: skip
        loss = _at_once.mean(input, target, ignore_index, ops.CROSS_ENTROPY, weight, reduction == "mean")
        if loss is not None:
            return loss
    o = _arguments.options(
        _arguments.reduction_of(reduction, size_average, reduce),
        ignore_index,
        label_smoothing,
        temperature,
        z_loss,
        softcap,
        0.0,
        denominator,
        on_empty,
    )
    soft = _arguments.class_target(input, target)
    if soft and ignore_index >= 0:
        raise ValueError(
            "ignore_index is for class indices; leave rows out of a target of probabilities by sample_weight=0"
        )
    if weight is not None:
        _arguments.factor(weight, "weight", (input.shape[min(1, input.ndim - 1)],), input)
    if sample_weight is not None:
        shape = input.shape[:1] + input.shape[2:] if input.ndim > 1 else ()
        _arguments.factor(sample_weight, "sample_weight", shape, input)
    return _fused.evaluate(ops.CROSS_ENTROPY, input, target, weight, sample_weight, o)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy of logits and targets in nats, as torch.nn.functional's function of this name has it.

    w · (p · y · softplus(−z) + (1 − y) · softplus(z)) for each element, p = ``pos_weight``: for y in [0, 1] no term
    is negative, and nothing cancels.

    Parameters
    ----------
    input : Tensor of any shape
        Logits; ±∞ is legal.
    target : Tensor of the same shape
        y in [0, 1], or integers or bools. As in torch, values are not checked.
    weight, pos_weight : Tensor, optional
        Factors of all elements and of the positive part; they broadcast to the input.
    size_average, reduce : bool, optional
        torch's old names; where given, they choose the reduction.
    reduction : {"mean", "sum", "none"}
        One number, or one an element. The mean divides by the number of elements, whatever the weights.

    Returns
    -------
    Tensor
        float64 for float64 logits, float32 otherwise.

    Raises
    ------
    TypeError
        Not tensors, or logits that are not floating.
    ValueError
        Shapes that do not fit, an unknown reduction.

    Notes
    -----
    Unlike torch: half-precision logits give a float32 loss; integer and bool targets are taken; a logit of ±∞ with
    the right label costs 0 and not NaN.

    Examples
    --------
    >>> import torch, xent.torch
    >>> logits = torch.tensor([2.0, -50.0], dtype=torch.float64)
    >>> xent.torch.binary_cross_entropy_with_logits(logits, torch.tensor([1, 0]), reduction="none").tolist()
    [0.1269280110429725, 1.9287498479639178e-22]
    """
    if has_torch_function_variadic(input, target, weight, pos_weight):
        return handle_torch_function(
            binary_cross_entropy_with_logits,
            (input, target, weight, pos_weight),
            input,
            target,
            weight=weight,
            size_average=size_average,
            reduce=reduce,
            reduction=reduction,
            pos_weight=pos_weight,
        )
    reduction = _arguments.reduction_of(reduction, size_average, reduce)
    _validate.option(reduction, "reduction", _validate.REDUCTIONS)
    _arguments.logits(input)
    binary_arguments(input, target, weight, pos_weight)
    o = _arguments.BinaryOptions(reduction, 0.0)
    return _fused.evaluate(ops.BINARY, input, target, weight, pos_weight, o)


def _like(target: Tensor, input: Tensor) -> bool:
    """Say whether a target needs no further look: the usual call takes a few microseconds in all."""
    if type(target) is not Tensor or target.dtype.is_complex:
        return False
    return target.shape == input.shape and target.device == input.device


def binary_arguments(input: Tensor, target: Tensor, weight: Tensor | None, pos_weight: Tensor | None) -> None:
    """Check a target of the input's shape, and factors that broadcast to it."""
    if weight is None and pos_weight is None and _like(target, input):
        return
    for name, given in (("target", target), ("weight", weight), ("pos_weight", pos_weight)):
        if given is None:
            continue
        if not isinstance(given, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"{name} must be a torch.Tensor, got {type(given).__name__}; wrap it in torch.as_tensor(…)"
            )
        if given.dtype.is_complex:
            raise TypeError(f"{name} must hold real numbers, got {given.dtype}")
        if given.device != input.device:
            raise ValueError(f"{name} is on {given.device} and input is on {input.device}; move one of them")
        fits = given.ndim <= input.ndim and all(
            n in (1, m) for n, m in zip(reversed(given.shape), reversed(input.shape), strict=False)
        )
        if name == "target" and given.shape != input.shape:
            raise ValueError(f"target must have the input's shape {tuple(input.shape)}, got {tuple(given.shape)}")
        if not fits:
            raise ValueError(
                f"{name} must broadcast to the input's shape {tuple(input.shape)}, got {tuple(given.shape)}"
            )
