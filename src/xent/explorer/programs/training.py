"""A run of softmax regression as programs: every step on all rows, with the loss and the options of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xent.explorer.programs import JAX, KERAS, NUMPY, TORCH, XENT, Dialect, tabs
from xent.explorer.view import CodeTab


@dataclass(frozen=True)
class Problem:
    """Points with their classes, or None for so many pictures of the demo; the options of a run; its steps.

    ``weights`` are one a class, or None; a ``clip`` of 0 is none.
    """

    points: Sequence[Sequence[float]] | None
    labels: Sequence[int]
    pictures: int
    classes: int
    loss: str
    smoothing: float
    gamma: float
    weights: Sequence[float] | None
    temperature: float
    clip: float
    rate: float
    steps: int

    @property
    def heat(self) -> str:
        """How logits are divided by the temperature."""
        return "" if self.temperature == 1 else f" / {self.temperature!r}"

    @property
    def total(self) -> str:
        """What the mean divides by."""
        return "len(y)" if self.weights is None else "w[y].sum()"

    @property
    def smooth(self) -> str:
        """The target of every row."""
        eps = self.smoothing
        return f"((1 - {eps!r}) * hot + {eps!r} / {self.classes})" if eps else "hot"

    @property
    def target(self) -> str:
        """The same, times the class weights."""
        return self.smooth if self.weights is None else f"w * {self.smooth}"


_PRINTED = """print("objective:", float(loss))
print("cross-entropy:", float(plain))
print("accuracy:", float(accuracy))
"""


def training(p: Problem) -> list[CodeTab]:
    """Print, after the last step, what is minimised, the cross-entropy of the labels, and the accuracy."""
    return tabs(
        first="" if p.points is not None else "import json\nfrom importlib.resources import files\n\n",
        numpy=_given(NUMPY, p) + _by_slopes(p, _NUMPY[p.loss].format(**_words(p))),
        torch=_given(TORCH, p) + _torch(p),
        jax=_given(JAX, p) + _jax(p),
        keras=_given(KERAS, p) + _keras(p),
        xent=_given(XENT, p) + _by_slopes(p, _XENT[p.loss].format(**_words(p))),
    )


def _words(p: Problem) -> dict[str, str]:
    eps = f", label_smoothing={p.smoothing!r}" if p.smoothing else ""
    weight, alpha = (", weight=w", ", alpha=w") if p.weights is not None else ("", "")
    of_row, of_rows = ("w[y][:, None] * ", "w[y] * ") if p.weights is not None else ("", "")
    return {
        "t": p.target,
        "smooth": p.smooth,
        "gamma": repr(p.gamma),
        "options": weight + eps,
        "alpha": alpha,
        "of_row": of_row,
        "of_rows": of_rows,
        "total": p.total,
    }


_SQUARED = """    apart = p - {smooth}
    slope = 2 * {of_row}p * (apart - (p * apart).sum(1, keepdims=True))
    return {of_rows}(apart**2).sum(1), slope
"""

_SOFTMAX = """    log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    p = np.exp(log_p)
"""

_NUMPY = {
    "ce": _SOFTMAX
    + """    t = {t}
    return -(t * log_p).sum(1), t.sum(1, keepdims=True) * p - t
""",
    "focal": _SOFTMAX
    + """    log_y = log_p[range(len(y)), y][:, None]
    rest = np.maximum(-np.expm1(log_y), 1e-300)  # 1 - p of the label
    loss = -{of_row}rest**{gamma} * log_y
    pull = {of_row}({gamma} * rest ** ({gamma} - 1) * (1 - rest) * log_y - rest**{gamma})
    return loss[:, 0], pull * (hot - p)
""",
    "squared": _SOFTMAX + _SQUARED,
}

_XENT = {
    "ce": """    return xent.cross_entropy_with_grad(z, y{options}, reduction="none")
""",
    "focal": """    return xent.focal_loss_with_grad(z, y, gamma={gamma}{alpha}, axis=1, reduction="none")
""",
    "squared": """    p = xent.softmax(z)
"""
    + _SQUARED,
}

_TORCH = {
    "ce": """    return F.cross_entropy(z, y{options})
""",
    "focal": """    log_y = F.log_softmax(z, dim=1)[range(len(y)), y]
    return -({of_rows}(1 - log_y.exp()) ** {gamma} * log_y).sum() / {total}
""",
    "squared": """    hot = F.one_hot(y, z.shape[1]).double()
    apart = torch.softmax(z, dim=1) - {smooth}
    return ({of_rows}(apart**2).sum(1)).sum() / {total}
""",
}


def _by_slopes(p: Problem, slopes: str) -> str:
    return f"""

def loss_and_slope(z):  # of every row
{slopes}

def loss_and_grad(W):
    loss, slope = loss_and_slope(x @ W.T{p.heat})
    return loss.sum() / {p.total}, slope.T @ x{p.heat} / {p.total}


W = np.zeros(({p.classes}, x.shape[1]))
for _ in range({p.steps}):
    loss, grad = loss_and_grad(W)
    W -= {_scale(p, "np.linalg.norm(grad)", "max")}grad
loss, z = loss_and_grad(W)[0], x @ W.T{p.heat}
plain = (np.logaddexp.reduce(z, axis=1) - z[range(len(y)), y]).mean()
accuracy = (z.argmax(1) == y).mean()
{_PRINTED}"""


def _scale(p: Problem, norm: str, largest: str) -> str:
    return f"{p.rate!r} * {p.clip!r} / {largest}({norm}, {p.clip!r}) * " if p.clip > 0 else f"{p.rate!r} * "


def _torch(p: Problem) -> str:
    clip = "    torch.nn.utils.clip_grad_norm_([W], {clip!r})  # divides by the norm + 1e-6\n"
    return f"""

def objective(z):
{_TORCH[p.loss].format(**_words(p))}

W = torch.zeros({p.classes}, x.shape[1], dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.SGD([W], lr={p.rate!r})
for _ in range({p.steps}):
    optimizer.zero_grad()
    objective(x @ W.T{p.heat}).backward()
{clip.format(clip=p.clip) if p.clip > 0 else ""}    optimizer.step()
z = (x @ W.T{p.heat}).detach()
loss, plain = objective(z), F.cross_entropy(z, y)
accuracy = (z.argmax(1) == y).double().mean()
{_PRINTED}"""


def _rows(p: Problem, ops: str) -> str:
    """Give the loss of every row as a traced library takes it, from ``hot`` and ``log_p``."""
    of = f"{ops}.sum(w * hot, 1) * " if p.weights is not None else ""
    log_y = f"    log_y = {ops}.sum(hot * log_p, 1)\n"
    return {
        "ce": f"    rows = -{ops}.sum({p.target} * log_p, 1)\n",
        "focal": f"{log_y}    rows = -{of}(1 - {ops}.exp(log_y)) ** {p.gamma!r} * log_y\n",
        "squared": f"    rows = {of}{ops}.sum(({ops}.exp(log_p) - {p.smooth}) ** 2, 1)\n",
    }[p.loss]


def _jax(p: Problem) -> str:
    return f"""

def objective(W):
    log_p = jax.nn.log_softmax(x @ W.T{p.heat})
{_rows(p, "jnp")}    return rows.sum() / {p.total}


@jax.jit
def step(W):
    grad = jax.grad(objective)(W)
    return W - {_scale(p, "jnp.linalg.norm(grad)", "jnp.maximum")}grad


W = jnp.zeros(({p.classes}, x.shape[1]))
for _ in range({p.steps}):
    W = step(W)
loss, log_p = objective(W), jax.nn.log_softmax(x @ W.T{p.heat})
plain = -log_p[jnp.arange(len(y)), y].mean()
accuracy = (log_p.argmax(1) == y).mean(dtype=float)
{_PRINTED}"""


def _keras(p: Problem) -> str:
    clip = f", global_clipnorm={p.clip!r}" if p.clip > 0 else ""
    mean = "rows" if p.weights is None else "rows * len(y) / ops.sum(w * hot)"
    return f"""

def objective(hot, z):  # of every row: Keras takes the mean
    log_p = ops.log_softmax(z{p.heat})
{_rows(p, "ops")}    return {mean}


model = keras.Sequential([keras.layers.Dense({p.classes}, use_bias=False, kernel_initializer="zeros")])
# a Dense layer may multiply in float32, whatever its dtype
model.compile(keras.optimizers.SGD({p.rate!r}{clip}), objective)
for _ in range({p.steps}):
    model.train_on_batch(x, hot)
z = ops.stop_gradient(model(x))
loss = ops.sum(objective(hot, z)) / len(y)
plain = ops.sum(ops.categorical_crossentropy(hot, z{p.heat}, from_logits=True)) / len(y)
accuracy = ops.sum(ops.argmax(z, 1) == y) / len(y)
{_PRINTED}"""


def _given(d: Dialect, p: Problem) -> str:
    listed = {TORCH: "torch.tensor({})", JAX: "jnp.array({})", KERAS: "ops.array({})"}.get(d, "np.array({})")
    weights = "" if p.weights is None else f"w = {d.array(p.weights)}  # of each class: N / (K * its rows)\n"
    hot = {
        "np.array": f"hot = np.eye({p.classes})[y]\n",
        "jnp.array": f"hot = jax.nn.one_hot(y, {p.classes})\n",
        "ops.array": f"hot = ops.one_hot(y, {p.classes})\n",
    }.get(d.opens, "")
    if d is XENT and p.loss != "squared":
        hot = ""
    if p.points is not None:
        columns = d.array([*zip(*p.points, strict=True), (1.0,) * len(p.points)])
        x = f"ops.transpose({columns})" if d is KERAS else f"{columns}.T"
        x = f"x = {x}  # the last 1 is for the bias\n"
        return f"{x}y = {listed.format(list(p.labels))}\n{weights}{hot}"
    pixels = f'[[*(int(c, 17) / 16 for c in image), 1.0] for image in data["images"][:{p.pictures}]]'
    return f"""data = json.loads(files("xent.explorer.demo").joinpath("digits.json").read_text())
x = {d.opens}({pixels}{d.closes})
y = {listed.format(f'data["labels"][:{p.pictures}]')}
{weights}{hot}"""
