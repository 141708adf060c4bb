"""What tensors are to the compiled kernels: whether they may come here, and their memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from xent.kernels import memory

Numbers = Any  # NumPy arrays

PLAIN = (torch.Tensor, torch.nn.Parameter)
_NUMPY = {torch.float32: "f4", torch.float64: "f8", torch.float16: "f2", torch.bfloat16: "u2"}
_forward_mode: Any = forward_ad
_from_numpy: Any = torch.from_numpy  # pyright: ignore
transforms_active: Any = torch._C._are_functorch_transforms_active  # pyright: ignore
_dispatch_modes: Any = torch._C._len_torch_dispatch_stack  # pyright: ignore
_tracing_state: Any = torch._C._get_tracing_state  # pyright: ignore


def direct(*tensors: Tensor | None) -> bool:
    """Say whether these are plain tensors in CPU memory that nobody is tracing."""
    for a in tensors:
        if a is not None and (type(a) not in PLAIN or not a.is_cpu):
            return False
    return unseen()


def unseen() -> bool:
    """Say whether nobody is tracing."""
    return not transforms_active() and _dispatch_modes() == 0 and _tracing_state() is None


def forward_mode() -> bool:
    """Say whether a level of forward-mode differentiation is open."""
    return _forward_mode._current_level >= 0


def needs_plain(*tensors: Tensor | None) -> bool:
    """Say whether derivatives are asked for that only plain operations have: forward mode, transforms, these."""
    if forward_mode() or transforms_active():
        return True
    if torch.is_grad_enabled():
        for a in tensors:
            if a is not None and a.requires_grad:
                return True
    return False


def array(a: Tensor) -> Numbers:
    """Show a tensor's memory as a NumPy array; bfloat16 as its bits."""
    if a.dtype == torch.bfloat16:
        return a.detach().resolve_neg().view(torch.uint16).numpy()
    return a.numpy(force=True)  # "force" detaches; these tensors are on the CPU, so that nothing is copied


def layout(z: Tensor) -> Numbers:
    """Show (C,), (N, C) or (N, C, d1, …) as (A, K, B): their memory where the strides allow it, else a copy."""
    if z.ndim == 2:
        return array(z)[:, :, None]
    return array(z.reshape((1, z.shape[0], 1) if z.ndim == 1 else (*z.shape[:2], math.prod(z.shape[2:]))))


def empty_gradient(z: Tensor) -> Tensor:
    """Memory for a gradient laid out as its logits, or in rows where (A, K, B) would be no view of that.

    Large gradients are memory that was used before (:mod:`xent.kernels.memory`), or new memory in large pages: a
    page fault every 4 kB costs as much as the loss.
    """
    strided = z.ndim > 3 and not (
        z.is_contiguous()
        or (z.ndim == 4 and z.is_contiguous(memory_format=torch.channels_last))
        or (z.ndim == 5 and z.is_contiguous(memory_format=torch.channels_last_3d))
    )
    if z.numel() * z.element_size() < memory.LARGE or type(z) not in PLAIN or not z.is_cpu:
        return z.new_empty(z.shape) if strided else torch.empty_like(z)
    kind = np.dtype(_NUMPY[z.dtype])
    if strided or z.is_contiguous():
        made = _from_numpy(memory.empty(tuple(z.shape), kind))
    else:
        steps = tuple(s * kind.itemsize for s in torch.empty_like(z, device="meta").stride())
        made = _from_numpy(np.ndarray(tuple(z.shape), kind, memory.empty((z.numel(),), kind), strides=steps))
    return made.view(torch.bfloat16) if z.dtype == torch.bfloat16 else made


def loss_type(z: Tensor) -> torch.dtype:
    """float32 for the half types, else the logits' own."""
    return z.dtype if z.dtype in (torch.float32, torch.float64) else torch.float32


def entry(function: Any) -> Any:
    """Give ``apply`` of an ``autograd.Function`` without its Python part, for functorch, which never comes here.

    Its node goes straight to ``backward`` too, and does not first ask for other ways to define it.
    """
    function._backward_cls.apply = function.backward
    above: Any = super(torch.autograd.Function, function)
    return above.apply
