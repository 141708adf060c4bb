"""Pitfalls as programs: the broken line above the repaired one, on the numbers of the page."""

from __future__ import annotations

from dataclasses import dataclass

from xent.explorer.programs import JAX, KERAS, NUMPY, TORCH, XENT, Dialect, tabs
from xent.explorer.view import CodeTab


@dataclass(frozen=True)
class Problem:
    """Which pitfall, and what the section tries each one with (see `pitfalls.fields`)."""

    pitfall: str
    batch: tuple[tuple[float, ...], ...]
    labels: tuple[int, ...]
    k: int
    margin: float
    output: tuple[float, ...]
    rows: int
    up: bool
    many: int
    clip: float
    gap: float
    rare: float
    guess: float

    @property
    def classes(self) -> int:
        """How many classes a row of the batch has."""
        return len(self.batch[0])


LIBRARIES = {"numpy": NUMPY, "torch": TORCH, "jax": JAX, "keras": KERAS, "xent": XENT}


def pitfalls(p: Problem) -> list[CodeTab]:
    """Print the broken number, then the repaired one; of clipping and of sums, two of each."""
    write = WRITERS[p.pitfall]
    return tabs(**{name: write(p, name, d) for name, d in LIBRARIES.items()})


_LOG_SOFTMAX = {
    "numpy": "{z} - np.logaddexp.reduce({z}, axis={axis}, keepdims=True)",
    "torch": "F.log_softmax({z}, dim={axis})",
    "jax": "jax.nn.log_softmax({z}, axis={axis})",
    "keras": "ops.log_softmax({z}, axis={axis})",
    "xent": "xent.log_softmax({z}, axis={axis})",
}

_ONE_ROW = {
    "numpy": "np.logaddexp.reduce({z}) - {z}[{y}]",
    "torch": "F.cross_entropy({z}, torch.tensor({y}))",
    "jax": "-jax.nn.log_softmax({z})[{y}]",
    "keras": "ops.sparse_categorical_crossentropy({y}, {z}, from_logits=True)",
    "xent": "xent.cross_entropy({z}, np.array({y}))",
}

_SOFTMAX = {
    "numpy": "np.exp({z} - np.logaddexp.reduce({z}))",
    "torch": "torch.softmax({z}, dim=0)",
    "jax": "jax.nn.softmax({z})",
    "keras": "ops.softmax({z})",
    "xent": "xent.softmax({z})",
}


def _printed(broken: str, repaired: str, note: str = "") -> str:
    said = f"  # {note}" if note else ""
    return f'print("broken:", float({broken})){said}\nprint("repaired:", float({repaired}))\n'


def _double(p: Problem, name: str, d: Dialect) -> str:
    z = (p.margin, *(0.0,) * (p.k - 1))
    return f"z = {d.array(z)}  # logits; class 0 is right\np = {_SOFTMAX[name].format(z='z')}\n" + _printed(
        _ONE_ROW[name].format(z="p", y=0), _ONE_ROW[name].format(z="z", y=0), "softmax twice"
    )


def _meant(p: Problem, name: str, d: Dialect) -> str:
    log = {"torch": "torch.log", "jax": "jnp.log", "keras": "ops.log"}.get(name, "np.log")
    calm = 'np.seterr(divide="ignore", invalid="ignore")\n' if log == "np.log" and p.output[1] <= 0 else ""
    return f"{calm}output = {d.array(p.output)}  # of a network; class 1 is right\n" + _printed(
        f"-{log}(output[1])", _ONE_ROW[name].format(z="output", y=1), "taken for probabilities"
    )


def _axis(p: Problem, name: str, d: Dialect) -> str:
    given = f"z = {d.array(p.batch[: p.rows])}  # rows are examples\ny = {list(p.labels[: p.rows])}\n"
    if name == "keras":
        given += f"hot = ops.one_hot(ops.array(y), {p.classes})\n"
        lines = [f"-ops.sum(hot * {_LOG_SOFTMAX[name].format(z='z', axis=axis)}) / len(y)" for axis in (0, 1)]
    elif name == "numpy":
        given += "rows = range(len(y))\n"
        lines = [f"-({_LOG_SOFTMAX[name].format(z='z', axis=axis)})[rows, y].mean()" for axis in (0, 1)]
    elif name == "xent":
        given += "rows = range(len(y))\n"
        lines = ["-xent.log_softmax(z, axis=0)[rows, y].mean()", "xent.cross_entropy(z, np.array(y))"]
    elif name == "torch":
        lines = ["-F.log_softmax(z, dim=0)[range(len(y)), y].mean()", "F.cross_entropy(z, torch.tensor(y))"]
    else:
        given += "rows, y = jnp.arange(len(y)), jnp.array(y)\n"
        lines = [f"-jax.nn.log_softmax(z, axis={axis})[rows, y].mean()" for axis in (0, 1)]
    return given + _printed(lines[0], lines[1], "over the rows")


def _shifted(p: Problem, name: str, d: Dialect) -> str:
    labels = {"torch": "torch.tensor({})", "jax": "jnp.array({})", "keras": "ops.array({})"}.get(
        name, "np.array({})"
    )
    move, k, n = "+ 1" if p.up else "- 1", p.classes, len(p.labels)
    given = f"z = {d.array(p.batch)}\ny = {labels.format(list(p.labels))}\n"
    given += f"log_p = {_LOG_SOFTMAX[name].format(z='z', axis=1)}\n"
    outside = p.up and k - 1 in p.labels
    wrapped = f"(y {move}) % {k}" if outside or name == "keras" else f"y {move}"
    if name == "keras":
        given += f"cost = lambda y: -ops.sum(ops.one_hot(y, {k}) * log_p, 1)\n"
        right, wrong, mean = "cost(y)", f"cost({wrapped})", "ops.sum({}) / len(y)"
    else:
        rows = {"torch": f"torch.arange({n})", "jax": f"jnp.arange({n})"}.get(name, f"np.arange({n})")
        given += f"rows = {rows}\n"
        right, wrong, mean = "-log_p[rows, y]", f"-log_p[rows, {wrapped}]", "({}).mean()"
    note = "no label is outside" if p.up else "label -1 means the last class" if 0 in p.labels else ""
    if outside:
        ops = {"torch": "torch", "jax": "jnp", "keras": "ops"}.get(name, "np")
        wrong = f"{ops}.where(y + 1 < {k}, {wrong}, {d.nan})"
        note = f"label {k} is outside: an IndexError, or whatever lies there in memory"
    return given + _printed(mean.format(wrong), mean.format(right), note)


def _reduction(p: Problem, name: str, d: Dialect) -> str:
    times = p.many // len(p.batch)
    z, y, k = d.array(p.batch), list(p.labels), p.classes
    note = "the slope by a bias that all rows share"
    if name in ("numpy", "xent"):
        given = f"z = np.tile({z}, ({times}, 1))\ny = np.tile({y}, {times})\n"
        if name == "xent":
            slope = "np.linalg.norm(xent.cross_entropy_with_grad(z, y{})[1].sum(0))"
            return given + _printed(slope.format(', reduction="sum"'), slope.format(""), note)
        given += f"slope = np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True)) - np.eye({k})[y]\n"
        return given + _printed("np.linalg.norm(slope.sum(0))", "np.linalg.norm(slope.mean(0))", note)
    if name == "torch":
        slope = "torch.autograd.grad(F.cross_entropy(z + bias, y{}), bias)[0].norm()"
        return (
            f"z = {z}.repeat({times}, 1)\ny = torch.tensor({y}).repeat({times})\n"
            f"bias = torch.zeros({k}, dtype=torch.float64, requires_grad=True)\n"
        ) + _printed(slope.format(', reduction="sum"'), slope.format(""), note)
    if name == "jax":
        slope = f"jnp.linalg.norm(jax.grad(lambda bias: costs(bias).{{}}())(jnp.zeros({k})))"
        return (
            f"z = jnp.tile({z}, ({times}, 1))\ny = jnp.tile(jnp.array({y}), {times})\n"
            "costs = lambda bias: -jax.nn.log_softmax(z + bias)[jnp.arange(len(y)), y]\n"
        ) + _printed(slope.format("sum"), slope.format("mean"), note)
    return (
        f"z = ops.tile({z}, ({times}, 1))\ny = ops.tile(ops.array({y}), {times})\n"
        f"slope = ops.softmax(z) - ops.one_hot(y, {k})\n"
        "norm = lambda x: ops.sum(x**2) ** 0.5  # ops.norm may round to float32\n"
    ) + _printed("norm(ops.sum(slope, 0))", "norm(ops.sum(slope, 0) / len(y))", note)


def _clipping(p: Problem, name: str, d: Dialect) -> str:
    given = f"z, eps = {d.array((0.0, p.gap))}, {p.clip!r}  # class 0 is right\n"
    if name in ("torch", "jax"):
        ops = {"torch": "torch", "jax": "jnp"}[name]
        clip = {"torch": "torch.clamp", "jax": "jnp.clip"}[name]
        broken = f"lambda z: -{ops}.log({clip}({_SOFTMAX[name].format(z='z')}, eps, 1 - eps)[0])"
        repaired = f"lambda z: {_ONE_ROW[name].format(z='z', y=0)}"
        grad = {"torch": "torch.func.grad({})(z)[0]", "jax": "jax.grad({})(z)[0]"}[name]
        given += f"broken = {broken}\nrepaired = {repaired}\n"
        return "".join(
            (
                given,
                f'print("broken:", float(broken(z)), float({grad.format("broken")}))  # loss, and slope by z[0]\n',
                f'print("repaired:", float(repaired(z)), float({grad.format("repaired")}))\n',
            )
        )
    log, clip = {"keras": ("ops.log", "ops.clip")}.get(name, ("np.log", "np.clip"))
    given += f"p = {_SOFTMAX[name].format(z='z')}[0]\nkept = {clip}(p, eps, 1 - eps)\n"
    repaired = f"float({_ONE_ROW[name].format(z='z', y=0)}), float(p - 1)"
    if name == "xent":
        given += "loss, grad = xent.cross_entropy_with_grad(z, np.array(0))\n"
        repaired = "loss, grad[0]"
    return given + (
        f'print("broken:", float(-{log}(kept)), float(p - 1) if kept == p else 0.0)  # loss, and slope by z[0]\n'
        f'print("repaired:", {repaired})\n'
    )


def _imbalance(p: Problem, name: str, d: Dialect) -> str:
    given = (
        f"share = {d.array((p.rare, 1 - p.rare))}  # of the rows: the rare class, the other\n"
        f"q = {d.array((p.guess, 1 - p.guess))}  # what is predicted for all of them\n"
    )
    if name == "torch":
        lines = ["F.cross_entropy(q.log(), share)", "F.cross_entropy(q.log(), share, weight=0.5 / share)"]
    elif name == "xent":
        lines = [
            "xent.cross_entropy(np.log(q), share)",
            'xent.cross_entropy(np.log(q), share, weight=0.5 / share, reduction="sum")',
        ]
    else:
        log, total = {"jax": ("jnp.log", "jnp.sum"), "keras": ("ops.log", "ops.sum")}.get(
            name, ("np.log", "np.sum")
        )
        lines = [f"-{total}(share * {log}(q))", f"-{total}(0.5 / share * share * {log}(q))"]
    return given + _printed(lines[0], lines[1], "the frequent class decides; below, each class weighs as much")


WRITERS = {
    "double": _double,
    "meant": _meant,
    "axis": _axis,
    "shifted": _shifted,
    "reduction": _reduction,
    "clipping": _clipping,
    "imbalance": _imbalance,
}
