"""Who is compared: each builder takes a case and a mode, and gives a call that returns (loss, gradient or None)."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from bench import article
from bench.cpu_cases import FORWARD, GRADIENT, Case, Skipped

os.environ.setdefault("JAX_PLATFORMS", "cpu")

Result = tuple[Any, Any]
Run = Callable[[], Result]
Builder = Callable[[Case, str], Run]


def needs(module: str) -> Any:
    """Import a peer, or say that it is not here."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise Skipped(f"{error.name} is not there") from None


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep PyTorch and our kernels to one thread; the others have no such switch within a process, or need none."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        try:
            limit = importlib.import_module("xent.kernels.threads").limit
        except ModuleNotFoundError:  # then nothing of ours starts threads
            yield
        else:
            with limit(1):
                yield
    finally:
        torch.set_num_threads(before)


def ours(case: Case, mode: str) -> Run:
    import xent

    z, y = case.numpy, case.labels
    if mode == FORWARD:
        return lambda: (xent.cross_entropy(z, y), None)
    return lambda: xent.cross_entropy_with_grad(z, y)


def bare_kernel(case: Case, mode: str) -> Run:
    """Call the compiled loop alone, with no checks before it: what the adapters are measured against."""
    kernel, empty = needs("xent.kernels.cpu").cross_entropy, needs("xent.kernels.memory").empty
    half = case.dtype == "bfloat16"  # which NumPy holds as its bits
    z = case.torch[0].view(needs("torch").uint16).numpy() if half else case.numpy
    z, y, n = z[:, :, None], case.labels[:, None], case.shape[0]

    def run() -> Result:
        grad = None if mode == FORWARD else empty(z.shape, z.dtype)
        return kernel(z, y, divisor=n, grad=grad, bfloat16=half)[0] / n, None if grad is None else grad[:, :, 0]

    return run


def by_backward(loss: Callable[[Any, Any], Any], case: Case, mode: str) -> Run:
    """Call a loss of torch tensors as training does: loss, backward, take the gradient."""
    import torch

    z, y = case.torch
    if mode == FORWARD:

        def forward() -> Result:
            with torch.no_grad():
                return loss(z, y), None

        return forward
    leaf = z.detach().requires_grad_()  # shares the memory of z

    def both() -> Result:
        leaf.grad = None
        value = loss(leaf, y)
        value.backward()
        grad, leaf.grad = leaf.grad, None
        return value.detach(), grad

    return both


def ours_in_torch(case: Case, mode: str) -> Run:
    return by_backward(needs("xent.torch").cross_entropy, case, mode)


def torch_eager(case: Case, mode: str) -> Run:
    return by_backward(needs("torch.nn.functional").cross_entropy, case, mode)


def torch_compiled(case: Case, mode: str) -> Run:
    """torch.compile for exactly this shape."""
    if not any(shutil.which(c) for c in (os.environ.get("CXX", "g++"), "g++", "clang++", "c++")):
        raise Skipped("torch.compile needs a C++ compiler, and there is none")
    torch = needs("torch")
    needs("torch._inductor.config").compile_threads = 1  # no worker processes beside what is measured
    torch._dynamo.reset()
    return by_backward(torch.compile(torch.nn.functional.cross_entropy, dynamic=False), case, mode)


def _jitted(loss: Callable[[Any, Any], Any], case: Case, mode: str) -> Run:
    import jax

    z, y = case.jax
    f = jax.jit(loss if mode == FORWARD else jax.value_and_grad(loss))

    def run() -> Result:
        done = jax.block_until_ready(f(z, y))
        return (done, None) if mode == FORWARD else done

    return run


def jax_jit(case: Case, mode: str) -> Run:
    jax = needs("jax")

    def loss(z: Any, y: Any) -> Any:
        return -jax.numpy.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=-1).mean()

    return _jitted(loss, case, mode)


def ours_in_jax(case: Case, mode: str) -> Run:
    return _jitted(needs("xent.jax").cross_entropy, case, mode)


def optax_jit(case: Case, mode: str) -> Run:
    each = needs("optax").softmax_cross_entropy_with_integer_labels
    return _jitted(lambda z, y: each(z, y).mean(), case, mode)


def scipy_numpy(case: Case, mode: str) -> Run:
    """log_softmax, the gather, and softmax − onehot from it."""
    log_softmax = needs("scipy.special").log_softmax
    z, y = case.numpy, case.labels

    def run() -> Result:
        logp = log_softmax(z, axis=1)
        at = np.arange(len(y))
        loss = -logp[at, y].mean()
        if mode == FORWARD:
            return loss, None
        grad = np.exp(logp, out=logp)
        grad[at, y] -= 1
        grad /= len(y)
        return loss, grad

    return run


def sklearn_log_loss(case: Case, mode: str) -> Run:
    """From probabilities: the softmax before it is not counted."""
    if mode == GRADIENT:
        raise Skipped("it has no gradient")
    n, k = case.shape
    if n < k or not np.bincount(case.labels, minlength=k).all():
        raise Skipped("the labels do not cover the classes")
    log_loss = needs("sklearn.metrics").log_loss
    y, p = case.labels, case.probabilities
    return lambda: (log_loss(y, p), None)


def as_in_the_article(case: Case, mode: str) -> Run:
    z, y = case.numpy, case.labels
    if mode == FORWARD:
        return lambda: (article.softmax_cross_entropy(z, y), None)
    return lambda: (article.softmax_cross_entropy(z, y), article.softmax_cross_entropy_backward(z, y))


OURS = ("xent", "xent.torch", "xent.jax", "bare kernel")
CONTENDERS: dict[str, Builder] = {
    "xent": ours,
    "xent.torch": ours_in_torch,
    "xent.jax": ours_in_jax,
    "bare kernel": bare_kernel,
    "torch": torch_eager,
    "torch.compile": torch_compiled,
    "jax.jit": jax_jit,
    "optax": optax_jit,
    "SciPy": scipy_numpy,
    "scikit-learn": sklearn_log_loss,
    "article": as_in_the_article,
}
AGAINST = (  # whom each of ours is to be ahead of
    ("xent", tuple(name for name in CONTENDERS if name not in OURS)),
    ("xent.torch", ("torch", "torch.compile")),
    ("xent.jax", ("jax.jit", "optax")),
)
# JAX's threads cannot be limited within a process, torch.compile writes their number into its code, and SciPy,
# scikit-learn and the article's functions use one thread anyway: their times beside all threads hold here too.
ONE_THREAD = ("xent", "xent.torch", "bare kernel", "torch")
HALF = ("xent", "xent.torch", "bare kernel", "torch", "jax.jit")
