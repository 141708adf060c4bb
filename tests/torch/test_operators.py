"""The operators: torch.library's own checks, torch.compile, torch.export, other devices, other tensors."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch.fx.experimental.proxy_tensor import make_fx

import xent.torch as X  # noqa: N812
from xent.torch import _plain

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
]

DOUBLE = torch.float64
PLAIN = ("mean", -100, 0.0, 1.0, 0.0, None, 0.0, "torch", 1.0, "nan")
RICH = ("none", 1, 0.1, 2.0, 0.1, 3.0, 0.0, "torch", 1.0, "nan")
FOCAL = ("sum", -100, 0.0, 1.0, 0.0, None, 2.0, "torch", 1.0, "nan")


@pytest.fixture
def case():
    torch.manual_seed(0)
    z = torch.randn(3, 4, 2, dtype=DOUBLE, requires_grad=True)
    return z, torch.randint(4, (3, 2)), torch.rand(3, 4, 2, dtype=DOUBLE).softmax(1)


@pytest.mark.parametrize(("options", "soft"), [(PLAIN, False), pytest.param(RICH, True, marks=pytest.mark.slow)])
def test_opcheck(case, options, soft):
    z, y, q = case
    upstream = torch.randn((3, 2) if options[0] == "none" else (), dtype=DOUBLE, requires_grad=True)
    arguments = (q if soft else y, torch.rand(4), torch.rand(3, 2), *options)
    torch.library.opcheck(torch.ops.xent.cross_entropy.default, (z, *arguments))
    torch.library.opcheck(torch.ops.xent.cross_entropy_backward.default, (upstream, z, *arguments))


@pytest.mark.parametrize("options", [("none", 0.0)])
def test_opcheck_of_the_binary_loss(case, options):
    z, _, q = case
    target = q if not options[1] else (q > 0.25).double()
    upstream = torch.randn(z.shape if options[0] == "none" else (), dtype=DOUBLE, requires_grad=True)
    arguments = (target, torch.rand(2), None if options[1] else torch.rand(4, 1), *options)
    torch.library.opcheck(torch.ops.xent.binary.default, (z, *arguments))
    torch.library.opcheck(torch.ops.xent.binary_backward.default, (upstream, z, *arguments))


def losses(y, q):
    hot = (q > 0.25).double()
    return {
        "labels": lambda z: X.cross_entropy(z, y, label_smoothing=0.1, z_loss=0.1),
        "probabilities": lambda z: X.cross_entropy(z, q, torch.tensor([1.0, 2.0, 0.5, 0.0]), reduction="sum"),
        "rows": lambda z: X.cross_entropy(z, y, reduction="none").square(),
        "weights": lambda z: X.cross_entropy(z, y, sample_weight=z[:, 0].detach().exp(), on_empty="zero"),
        "binary": lambda z: X.binary_cross_entropy_with_logits(z, q),
        "focal": lambda z: X.focal_loss(z, y, alpha=torch.tensor([1.0, 2.0, 0.5, 0.0])),
        "yes or no": lambda z: X.focal_loss(z, hot, alpha=0.25),
        "distillation": lambda z: X.distillation_loss(z, q, target=y),
        "entropy": lambda z: X.entropy(z, dim=1),
        "nll": lambda z: X.nll_loss(z, y),
        "kl": lambda z: X.kl_div(z, q, reduction="batchmean"),
    }


NAMES = list(losses(torch.zeros(1), torch.zeros(1)))
ROUTES = [(name, "aot_eager") for name in NAMES if name != "distillation"] + [
    pytest.param("distillation", "aot_eager", marks=pytest.mark.slow),
    *(pytest.param(name, "inductor", marks=pytest.mark.slow) for name in ("labels", "rows", "entropy")),
]


@pytest.mark.parametrize(("name", "backend"), ROUTES)
def test_compiled_in_one_graph(case, name, backend):
    z, y, q = case
    f = losses(y, q)[name]
    compiled = torch.compile(lambda z: 3 * f(2 * z), fullgraph=True, backend=backend)
    got, want = compiled(z), 3 * f(2 * z)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(torch.autograd.grad(got.sum(), z), torch.autograd.grad(want.sum(), z))
    torch.compiler.reset()


def test_transforms_inside_a_compiled_function(case):
    z, y, _ = case
    z = z.detach()
    f = lambda z: X.cross_entropy(z, y, label_smoothing=0.1)  # noqa: E731
    for g in (
        torch.func.grad(f),
        lambda z: torch.func.jvp(f, (z,), (z,))[1],
        torch.func.vmap(lambda a: X.cross_entropy(a.T, y[0])),
    ):
        compiled = torch.compile(lambda a, g=g: g(a), fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(z), g(z))
        torch.compiler.reset()


def test_a_compiled_function_names_a_label_that_does_not_exist(case):
    z, y, _ = case
    compiled = torch.compile(X.cross_entropy, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(z, y), X.cross_entropy(z, y))
    with pytest.raises(X.LabelError, match=r"in \[0, 4\), got 4"):
        compiled(z, torch.full_like(y, 4))
    torch.compiler.reset()


def test_exported(case):
    z, y, _ = case

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.criterion = X.CrossEntropyLoss(torch.tensor([1.0, 2.0, 0.5, 0.0]), label_smoothing=0.1)

        def forward(self, z, y):
            return self.criterion(z, y), X.binary_cross_entropy_with_logits(z, torch.sigmoid(z))

    rows = torch.export.Dim("rows", min=2, max=100)
    program = torch.export.export(Model(), (z, y), dynamic_shapes=({0: rows}, {0: rows}))
    assert "xent.cross_entropy.default" in str(program.graph)
    more, labels = torch.cat([z, z]).detach(), torch.cat([y, y])
    torch.testing.assert_close(program.module()(more, labels), Model()(more, labels))


def test_traced_functions_see_the_operator_and_no_constant(case):
    z, y, _ = case
    for mode in ("real", "fake"):
        graph = make_fx(lambda z, y: X.cross_entropy(z, y), tracing_mode=mode)(z.detach(), y)
        torch.testing.assert_close(graph(z.detach() * 2, y), X.cross_entropy(z.detach() * 2, y))


def test_a_device_without_memory():
    z = torch.randn(3, 4, 2, device="meta", dtype=torch.bfloat16, requires_grad=True)
    y = torch.zeros(3, 2, device="meta", dtype=torch.int64)
    for reduction, shape in (("mean", ()), ("none", (3, 2))):
        loss = X.cross_entropy(z, y, reduction=reduction)
        assert (loss.shape, loss.dtype, loss.device.type) == (shape, torch.float32, "meta")
        (slope,) = torch.autograd.grad(loss.sum(), z)
        assert (slope.shape, slope.dtype) == (z.shape, z.dtype)


@pytest.mark.parametrize("options", [PLAIN, RICH, FOCAL])
def test_other_devices_formulas_are_the_kernels(case, options):
    """What a GPU would run."""
    z, y, q = case
    upstream = torch.randn((3, 2) if options[0] == "none" else (), dtype=DOUBLE)
    w, s = torch.rand(4), torch.rand(3, 2)
    for target in (y,) if options is FOCAL else (y, q):
        a = (z.detach(), target, w, s, *options)
        torch.testing.assert_close(_plain.cross_entropy(*a), torch.ops.xent.cross_entropy(*a))
        torch.testing.assert_close(
            _plain.cross_entropy_backward(upstream, *a), torch.ops.xent.cross_entropy_backward(upstream, *a)
        )


def test_subclasses_and_modes_are_asked():
    seen = []

    class Named(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            seen.append(func)
            return super().__torch_function__(func, types, args, kwargs)

    z, y, q = torch.randn(4, 3), torch.tensor([0, 1, 2, 0]), torch.rand(4, 3)
    loss = X.cross_entropy(z.as_subclass(Named), y, reduction="sum", label_smoothing=0.1)
    torch.testing.assert_close(
        loss.as_subclass(torch.Tensor), F.cross_entropy(z, y, reduction="sum", label_smoothing=0.1)
    )
    X.binary_cross_entropy_with_logits(z.as_subclass(Named), q)
    X.kl_div(z.as_subclass(Named), q, reduction="sum")
    X.nll_loss(z.as_subclass(Named), y)
    assert {X.cross_entropy, X.binary_cross_entropy_with_logits, X.kl_div, X.nll_loss} <= set(seen)


def test_the_operator_differentiates_by_all_its_tensors(case):
    z, _, q = case
    q = q.requires_grad_()
    weight, rows = (
        torch.rand(4, dtype=DOUBLE, requires_grad=True),
        torch.rand(3, 2, dtype=DOUBLE, requires_grad=True),
    )
    f = lambda *args: torch.ops.xent.cross_entropy(*args, *PLAIN)  # noqa: E731
    torch.autograd.gradcheck(f, (z, q, weight, rows))
