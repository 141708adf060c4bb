"""The explorer in a notebook: one experiment as a widget of Jupyter, marimo, VS Code and Colab.

The widget is another way to the same engine: the committed view is its front-end, requests and answers go over
the kernel's comm, and `Explorer.state` is the state of the link.
"""

from __future__ import annotations

import asyncio
import dataclasses
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

try:
    import anywidget
except ImportError:
    raise ImportError(
        'The explorer in a notebook needs anywidget; install it with: pip install "xent[notebook]"'
    ) from None
import traitlets

from xent.explorer.answer import answer
from xent.explorer.engine import EXPERIMENTS, contents, respond
from xent.explorer.lesson import join, split
from xent.explorer.numbers import parse
from xent.explorer.own import KEY
from xent.explorer.own import rows as rows_of
from xent.explorer.pasted import PasteError
from xent.explorer.rows import Rows, demo
from xent.explorer.section import TakesRows
from xent.explorer.state import ActionError, OneOf, codecs, from_url, put, to_url
from xent.explorer.still import still
from xent.explorer.text import words
from xent.explorer.view import View

STATIC = Path(__file__).parent / "static"
text = words("widget")


class Explorer(anywidget.AnyWidget):
    """One experiment of the explorer in a notebook, its numbers computed by this kernel.

    Parameters
    ----------
    experiment : str, default: "logits"
        A section of the article, by its name in links (``x=…``).
    logits : array-like, (K,) or (N, K), optional
        One row to begin with; or, for a section that takes rows, a model's predictions; where one row is shown, the
        costliest mistake is opened. Default: what the section opens with.
    labels : int or array-like (N,), optional
        The right class of the row, or of each row; needed with N rows.
    **layout
        Passed to `ipywidgets.DOMWidget`, e.g. ``layout={"width": "40rem"}``.

    Attributes
    ----------
    state : dataclass
        The experiment's state, which everything on screen follows from. Set it to such a dataclass, or to a
        mapping of the fields that are to change: ``explorer.state = {"temperature": 2.0}``. Follows the reader at
        the end of each gesture.
    loss : float or None
        What the experiment calls its loss, in nats; where it has none, its first headline number, if any.
    url : str
        The state as a link, as in the address bar of ``xent explore``.
    experiment : str
        As given.

    Raises
    ------
    ValueError
        The experiment does not exist or takes no such logits or labels, or a value has the wrong shape or type.
    traitlets.TraitError
        A state that is set has an unknown field, or a value that is out of range.

    Notes
    -----
    All are traits: ``explorer.observe(callback, "loss")``. Where no kernel runs, the notebook shows the numbers
    that stood there when the cell was run.

    Examples
    --------
    >>> explorer = Explorer("temperature", logits=[2.0, 1.0, 0.1])
    >>> explorer.state = {"temperature": 2.0}
    >>> explorer.url
    'x=temperature&v=1&z=2,1,0.1&T=2&s=1,2,-0.5'
    """

    _esm = (STATIC / "view.js").read_text("utf-8")
    css = traitlets.Unicode((STATIC / "view.css").read_text("utf-8")).tag(sync=True)
    experiment = traitlets.Unicode(read_only=True).tag(sync=True)
    url = traitlets.Unicode().tag(sync=True)
    kept = traitlets.Dict().tag(sync=True)
    state = traitlets.Any()
    loss = traitlets.Float(None, allow_none=True, read_only=True)

    def __init__(
        self, experiment: str = "logits", *, logits: Any = None, labels: Any = None, **layout: Any
    ) -> None:
        if experiment not in EXPERIMENTS:
            raise ValueError(text.no_experiment.format(name=repr(experiment), known=", ".join(EXPERIMENTS)))
        self._module = module = EXPERIMENTS[experiment]
        rows, change = _given(experiment, logits, labels)
        self._rest: dict[str, Rows] = rows | demo()
        self._sources = self._rest
        self._tasks: set[asyncio.Task[None]] = set()
        super().__init__(**layout)
        self.set_trait("experiment", experiment)
        state, _ = module.repair(module.first(self._sources), self._sources)
        if rows and isinstance(module, TakesRows):
            try:
                state, _ = module.repair(module.take(state, text.own, self._sources), self._sources)
            except ActionError as error:
                raise ValueError(str(error)) from None
        if change:
            try:
                state = self._changed(_plain(module.State(), state), change)
            except traitlets.TraitError as error:
                raise ValueError(str(error)) from None
        self.state = state
        self.on_msg(self._receive)  # pyright: ignore[reportUnknownMemberType] - ipywidgets has no types

    def _changed(self, state: Any, change: Mapping[str, Any]) -> Any:
        """Change fields of a state; TraitError with a sentence when one cannot be."""
        known = codecs(self._module.State)
        for name, value in change.items():
            if name not in known:
                raise traitlets.TraitError(text.no_field.format(name=repr(name), known=", ".join(known)))
            given: Any = value.tolist() if hasattr(value, "tolist") else value
            given = list(cast("tuple[Any, ...]", given)) if isinstance(given, tuple) else given
            try:
                state = put(state, name, given)
            except ActionError as error:
                raise traitlets.TraitError(str(error)) from None
            came: Any = tuple(cast("list[Any]", given)) if isinstance(given, list) else given
            if getattr(state, name) != came:
                nearest = repr(getattr(state, name))
                raise traitlets.TraitError(text.out_of_range.format(name=name, value=repr(came), nearest=nearest))
        state, notices = self._module.repair(state, self._sources)
        for sentence in notices:
            warnings.warn(sentence, stacklevel=2)
        return state

    @traitlets.validate("state")
    def _check_state(self, proposal: Any) -> Any:
        value: Any = proposal["value"]
        if isinstance(value, self._module.State):
            fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
            return self._changed(value, fields)
        if isinstance(value, Mapping):
            return self._changed(self.state, cast("Mapping[str, Any]", value))
        raise traitlets.TraitError(text.no_state.format(came=type(value).__name__, name=self.experiment))

    @traitlets.validate("url")
    def _check_url(self, proposal: Any) -> str:
        """Bring a link into its canonical form, as the engine does."""
        lesson, url, _ = split(proposal["value"])
        if not url.startswith(f"x={self.experiment}"):
            raise traitlets.TraitError(text.other_url.format(name=self.experiment, came=repr(url[:40])))
        return join(to_url(self._module.NAME, self._module.VERSION, self._read(url)), lesson)

    def _read(self, url: str) -> Any:
        state, _ = from_url(split(url)[1], self._module.VERSION, self._module.State)
        return self._module.repair(state, self._sources)[0]

    @traitlets.observe("state")
    def _follow_state(self, change: Any) -> None:
        lesson = split(self.url)[0]
        self.url = join(to_url(self._module.NAME, self._module.VERSION, change["new"]), lesson)

    @traitlets.observe("url")
    def _follow_url(self, _: Any) -> None:
        state = self._read(self.url)
        view = self._view(self.url)
        with self.hold_trait_notifications():  # whoever hears of one finds the others as new
            self.set_trait("loss", self._loss(state, view))
            self.state = state
            self.kept = {"url": self.url, "contents": contents(self.url), "view": view, "notice": text.kept}

    def _view(self, url: str) -> View:
        return cast("View", respond({"seq": 0, "url": url, "actions": []}, self._sources).get("view"))

    def _loss(self, state: Any, view: View) -> float | None:
        unit = codecs(state).get("unit")
        if isinstance(unit, OneOf) and "nats" in unit.words and state.unit != "nats":
            url = to_url(self._module.NAME, self._module.VERSION, dataclasses.replace(state, unit="nats"))
            view = self._view(url)
        panels = view["panels"]
        found = _about_loss(panels) or next(
            (
                item["items"][0]["number"]
                for panel in panels
                for item in panel["items"]
                if item["kind"] == "readout"
            ),
            None,
        )
        return None if found is None else parse(found["text"]) if found["value"] is None else found["value"]

    def _receive(self, _: Any, content: Any, __: Any) -> None:
        """Answer a request of the view; a slow one in a thread of its own, where the kernel has an event loop."""
        if not isinstance(content, Mapping):
            return
        request = cast("Mapping[str, Any]", content)
        self._keep(request)
        try:
            loop = asyncio.get_running_loop() if request.get("slow") else None
        except RuntimeError:
            loop = None
        if loop is None:
            self._tell(answer(request, self._sources))
            return
        task = loop.create_task(self._answer_slowly(request, loop))
        self._tasks.add(task)  # the loop itself keeps a task only weakly
        task.add_done_callback(self._tasks.discard)

    def _keep(self, request: Mapping[str, Any]) -> None:
        """Keep the reader's own rows until they are forgotten: state, loss and link may be about them."""
        if "own" in request and request["own"] is None:
            self._sources = self._rest
        elif "own" in request:
            with suppress(PasteError):  # the answer says what is wrong with them
                self._sources = self._rest | {KEY: rows_of(request["own"])}

    def _tell(self, message: Any) -> None:
        self.send(message)  # pyright: ignore[reportUnknownMemberType]

    async def _answer_slowly(self, request: Mapping[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        def report(done: float) -> None:
            loop.call_soon_threadsafe(self._tell, {"seq": request.get("seq"), "progress": done})

        self._tell(await loop.run_in_executor(None, answer, request, self._sources, report))

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Show the widget; and, where no kernel runs, the numbers as they stand now."""
        bundle = cast("Any", super())._repr_mimebundle_(**options)
        bundle[0]["text/html"] = still(self._whole(), text.still)
        return bundle

    def _whole(self) -> View:
        """Give the view with its slow panels, which nothing would bring later."""
        view = cast("View", self.kept["view"])
        waiting = [panel["id"] for panel in view["panels"] if panel.get("pending")]
        if not waiting:
            return view
        request = {"seq": 0, "url": self.url, "actions": [], "only": waiting, "slow": True}
        late = {panel["id"]: panel for panel in respond(request, self._sources).get("view", view)["panels"]}
        return {**view, "panels": [late.get(panel["id"], panel) for panel in view["panels"]]}


def _plain(default: Any, state: Any) -> Any:
    """Give the default state, with the rows to choose from that the first state has."""
    kept = {name: getattr(state, name) for name in ("source", "mistakes") if name in codecs(state)}
    return dataclasses.replace(default, **kept)


def _given(experiment: str, logits: Any, labels: Any) -> tuple[dict[str, Rows], dict[str, Any]]:
    """Sort what the caller brings: rows to load, or fields of the state."""
    fields = codecs(EXPERIMENTS[experiment].State)
    if logits is None and labels is None:
        return {}, {}
    import numpy as np

    from xent.explorer.files import of_arrays

    def array(value: Any) -> Any:
        value = value.detach().cpu() if hasattr(value, "detach") else value
        return np.asarray(value)

    z = None if logits is None else array(logits)
    if z is not None and z.ndim == 2 and isinstance(EXPERIMENTS[experiment], TakesRows):
        if labels is None:
            raise ValueError(text.no_labels.format(n=len(z)))
        return {text.own: of_arrays({"logits": z, "labels": array(labels)}, name=text.own)}, {}
    if z is not None and (z.ndim != 1 or "logits" not in fields or z.dtype.kind not in "iuf"):
        raise ValueError(text.no_logits.format(name=experiment, came=f"{z.dtype} of shape {z.shape}"))
    change: dict[str, Any] = {} if z is None else {"logits": z.astype(np.float64)}
    if labels is not None:
        y = array(labels)
        if y.ndim != 0 or "label" not in fields or y.dtype.kind not in "iu":
            raise ValueError(text.no_label.format(name=experiment, came=f"{y.dtype} of shape {y.shape}"))
        if z is not None and not 0 <= int(y) < len(z):
            raise ValueError(text.label_outside.format(last=len(z) - 1, came=int(y)))
        change["label"] = y
    return {}, change


def _about_loss(tree: Any) -> Any:
    """Find the first number of a view that stands for its loss."""
    if isinstance(tree, dict):
        node = cast("dict[str, Any]", tree)
        if node.get("ref") == "loss" and "text" in node and "value" in node:
            return node
        return next((found for value in node.values() if (found := _about_loss(value))), None)
    if isinstance(tree, list):
        return next((found for value in cast("list[Any]", tree) if (found := _about_loss(value))), None)
    return None
