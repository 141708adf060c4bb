"""The losses as operators of ``torch.library``: what torch.compile, torch.export and transforms see.

``torch.ops.xent.cross_entropy`` and ``torch.ops.xent.binary``, each with ``…_backward`` (its first argument is the
upstream gradient). On the CPU they are compiled kernels, elsewhere plain operations. Where someone asks for more
than the gradient by the logits (a second one, forward mode, a transform) they become plain operations everywhere:
their Autograd kernels are written here, as ``torch.library.register_autograd`` has neither of the latter two.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xent.torch import _fused, _plain, _tensors
from xent.torch._arguments import BinaryOptions, Options

__all__ = ["BINARY", "CROSS_ENTROPY"]

_torch_library: Any = torch.library
_library: Any = torch.library.Library("xent", "DEF")
_TAGS = (torch.Tag.pt2_compliant_tag, torch.Tag.flexible_layout)
_OPTIONS = {
    "cross_entropy": (
        Options,
        "str reduction, int ignore_index, float label_smoothing, float temperature, float z_loss, float? softcap, "
        "float gamma, str by, float divisor, str on_empty",
    ),
    "binary": (BinaryOptions, "str reduction, float gamma"),
}


def _register(name: str, other: str, kernel: Any, plain: Any, plain_backward: Any) -> _fused.Family:
    kind, schema = _OPTIONS[name]
    tensors = f"Tensor input, Tensor target, Tensor? weight, Tensor? {other}"
    _library.define(f"{name}({tensors}, {schema}) -> Tensor", tags=_TAGS)
    _library.define(f"{name}_backward(Tensor grad, {tensors}, {schema}) -> Tensor", tags=_TAGS)
    operator: Any = getattr(torch.ops.xent, name).default
    backward: Any = getattr(torch.ops.xent, f"{name}_backward").default

    def loss_on_cpu(z: Tensor, y: Tensor, w: Tensor | None, x: Tensor | None, *o: Any) -> Tensor:
        return kernel(z, y, w, x, kind(*o)).loss

    def slope_on_cpu(g: Tensor, z: Tensor, y: Tensor, w: Tensor | None, x: Tensor | None, *o: Any) -> Tensor:
        return kernel(z, y, w, x, kind(*o), value=False, slope=True, upstream=g).slope

    def slope_elsewhere(g: Tensor, z: Tensor, *rest: Any) -> Tensor:
        return _new(z).copy_(plain_backward(g, z, *rest))

    def _new(z: Tensor) -> Tensor:
        return _tensors.empty_gradient(z) if name == "cross_entropy" else z.new_empty(z.shape)

    def fake_loss(z: Tensor, _y: Tensor, _w: Tensor | None, _x: Tensor | None, *o: Any) -> Tensor:
        shape: Any = ()
        if kind(*o).reduction == "none":
            shape = z.shape if name == "binary" else z.shape[:1] + z.shape[2:] if z.ndim > 1 else ()
        return z.new_empty(shape, dtype=_tensors.loss_type(z))

    def fake_slope(_: Tensor, z: Tensor, *_rest: Any) -> Tensor:
        return _new(z)

    class Loss(torch.autograd.Function):
        """The loss, whose gradient is the backward operator: what a compiler traces."""

        @staticmethod
        def forward(ctx: Any, keys: Any, *args: Any) -> Tensor:
            ctx.save_for_backward(*args[:4])
            ctx.o = args[4:]
            return below(operator, keys, *args)

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
            slope = backward(grads[0], *ctx.saved_tensors, *ctx.o)
            return (None, slope, None, None, None, *(None for _ in ctx.o))

    def below(op: Any, keys: Any, *args: Any) -> Tensor:
        with torch._C._AutoDispatchBelowAutograd():  # pyright: ignore
            return op.redispatch(keys & torch._C._after_autograd_keyset, *args)  # pyright: ignore

    def loss_autograd(keys: Any, z: Tensor, y: Tensor, w: Tensor | None, x: Tensor | None, *o: Any) -> Tensor:
        if _fused.needs_plain(y, w, x):
            return plain(z, y, w, x, *o)
        if torch.is_grad_enabled() and z.requires_grad:
            return Loss.apply(keys, z, y, w, x, *o)  # pyright: ignore
        return below(operator, keys, z, y, w, x, *o)

    def slope_autograd(keys: Any, g: Tensor, z: Tensor, *rest: Any) -> Tensor:
        if _fused.needs_plain(g, z, *rest[:3]):
            return plain_backward(g, z, *rest)
        return below(backward, keys, g, z, *rest)

    for op, here, there, fake in (
        (operator, loss_on_cpu, plain, fake_loss),
        (backward, slope_on_cpu, slope_elsewhere, fake_slope),
    ):
        qualified = op.name().split(".")[0]
        _library.impl(qualified, here, "CPU")
        _library.impl(qualified, there, "CompositeExplicitAutograd")
        _torch_library.register_fake(qualified, fake, lib=_library)
    _library.impl(name, loss_autograd, "Autograd", with_keyset=True)
    _library.impl(f"{name}_backward", slope_autograd, "Autograd", with_keyset=True)
    # over a batch too the formula decides: its operations have batching rules of their own
    _library.impl(name, plain, "FuncTorchBatched")
    _library.impl(f"{name}_backward", plain_backward, "FuncTorchBatched")
    return _fused.Family(kernel, plain, operator, backward)


CROSS_ENTROPY = _register(
    "cross_entropy", "sample_weight", _fused.cross_entropy, _plain.cross_entropy, _plain.cross_entropy_backward
)
BINARY = _register("binary", "pos_weight", _fused.binary, _plain.binary, _plain.binary_backward)
