"""The sections of the explorer: every experiment is one module (or package) here, and no TypeScript.

How to write one
----------------
`temperature` is the model to copy. A module or package ``experiments/NAME``, whose name stands in `ARTICLE`, has:

``NAME``, ``VERSION``
    The name in the link (``x=NAME``), and the version of its meaning (raise it when an old link would lie).
``State``
    A frozen dataclass. Every field is ``stored(default, codec)``: the codec is its key in the link, its range,
    and how it is read and written: `Real`, `Whole`, `Flag`, `OneOf`, `Word`, and `Many` of one of them
    (`xent.explorer.state`). The keys of `xent.explorer.lesson.KEYS` are taken. Everything on screen follows
    from the state: no other memory.
``first(sources)``
    The state a bare link opens: it has to teach something before anybody touches it.
``repair(state, sources)``
    Fields that disagree (a label beyond the classes) are made to agree: ``(state, sentences)``, a sentence for
    each change that a reader could notice.
``act(state, action, sources)``
    One edit. ``return edit(state, action)`` (`xent.explorer.section`) sets any field by its path
    (``"logits.2"``, ``"temperature"``); other actions are yours: ``{"do": "copy"}``, with a ``value`` if need
    be. What cannot be done raises `ActionError` with one sentence.
``compute(state, sources)``
    A `Drawing`: panel id → a function that builds the panel, and one sentence for a screen reader. Each builder
    computes what it shows and nothing else: in mid-drag only the panels on the screen are built, and they have
    10 ms together. What takes longer is ``Later(title, build)``: it comes when it is ready, in a request of its
    own, may say `progress`, and wants an ``lru_cache`` on what it depends on.
``take(state, source, sources)``
    Only where rows can be loaded: the state that shows those of a source that has just come, the reader's own. It
    is what makes the page offer "your own data" in the section. Where one row is shown of many, they are gone
    through in a gallery by `xent.explorer.browse`.
``PRESETS``
    A tuple of `Preset`: questions to predict, and the motion that answers them.

What it is made of
------------------
Numbers: ``num(value, ref)`` writes one (`xent.explorer.numbers`); every number a reader sees goes through it,
or through `show_probability` (next to 1) and `show_input` (to be edited). They come from `xent.spec`; plain
``math`` may place points of a line, and nothing else. ``ref`` (``"class:2"``, ``"loss"``) is what lights up
together; ``class:j`` is also a colour.

Items (`xent.explorer.figures`): `prose`, `formula` (with `xent.explorer.mathml`), `readout`, `bars` (aligned
with their neighbours, with several ``series``), `curves`, `stack` (lengths that add up), `areas` (rectangles
over two axes), `heatmap`, `scatter` (points, contours, regions, a gradient field), `simplex`, `sheet` (a batch
to edit), `gallery` and code tabs. Controls: `slider`, `log_slider`, `choice`,
`toggle`, `button`, and a transport (see ``logits``). Axes: `axis`, `log_axis`. Anything is moved by
``handle(label, spoken, x=drag(…), y=drag(…))`` in a mark, a rectangle, a dot or a heat map's ``pick``: by
pointer and keyboard alike. Each kind is shown in ``tests/explorer/kinds.py``.

Programs: the state in five libraries, written by a module of ``xent.explorer.programs`` and shown by its
`take_home`; ``tests/explorer/test_programs.py`` runs them and compares what they print with the view.

Words: none here. ``text = words("NAME")`` at the top of every module, ``text.story`` where it is needed, all of
it in the section's own table of ``text/en.toml``; at least ``title`` and ``lede``. A key that only a program
knows is looked up in a table: ``text.units[state.unit]``. Text is short, precise and our own; British English;
no exclamation marks.

No experiment may import more than the standard library, `xent.spec` and `xent.explorer`: the same Python runs
in the browser, where there is no NumPy.

How it is tested
----------------
``tests/explorer/test_experiments.py`` takes every experiment through random states and actions, its presets,
its strings, and the accessibility rules. Beside it, ``tests/explorer/test_NAME.py`` holds what is particular: a
function ``check(state, view)`` that yields (shown text, the public library's number) for the generic test, the
formulas' known values, and what a reader does in the browser.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from xent.explorer.section import Experiment

ARTICLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("loss", ("logits", "information", "binary", "labels")),
    ("inside", ("gradient", "precision")),
    ("variations", ("temperature", "smoothing", "focal")),
    ("origins", ("likelihood", "landscape")),
    ("practice", ("calibration", "training")),
    ("around", ("attention", "pitfalls")),
)
"""The groups of the article, and the sections of each, in order. A section is a module of its name here."""

NAMES = tuple(name for _, names in ARTICLE for name in names)


def load() -> dict[str, Experiment]:
    """Import the sections, in order."""
    return {name: cast("Experiment", import_module(f"{__name__}.{name}")) for name in NAMES}
