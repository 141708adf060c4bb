"""The Markdown of README.md and docs/benchmarks.md, from the JSON and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.cpu_cases import FORWARD, GRADIENT
from bench.cpu_contenders import AGAINST, CONTENDERS
from bench.cpu_family import CALL
from bench.cpu_goals import verdict
from bench.cpu_limits import COPY, NEW, READ

Result = dict[str, Any]
NOT_YET = (
    "Not measured for this version yet: `make bench`, then `python -m bench readme`, writes the numbers here.\n"
)
IN_README = ("xent", "xent.torch", "xent.jax", "torch", "torch.compile", "jax.jit", "optax", "SciPy", "article")


def table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Lay out a Markdown table; the first column is text, the others are numbers."""
    names = list(head)
    rows = [names, ["---", *["---:"] * (len(names) - 1)], *map(list, lines)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def figure(x: float | None) -> str:
    """Write a number to three digits, without an exponent."""
    if x is None:
        return "–"
    if x == 0 or abs(x) >= 100:
        return f"{x:.0f}"
    return f"{float(f'{x:.3g}'):f}".rstrip("0").rstrip(".")


def _ms(x: dict[str, Any] | None) -> str:
    if x is None:
        return "–"
    return figure(x["median"] * 1e3) + ("" if x.get("right", True) else " †")


def _ratio(a: dict[str, Any] | None, b: dict[str, Any] | None) -> str:
    return "–" if a is None or b is None else figure(a["median"] / b["median"])


def size(row: dict[str, Any]) -> str:
    return " × ".join(str(row[x]) for x in ("rows", "classes") if x in row)


def chosen(result: Result, mode: str, threads: str = "all") -> list[dict[str, Any]]:
    """Pick the rows of the loss itself in float32."""
    want = ("cross-entropy", "float32", mode, threads)
    return [r for r in result["rows"] if (r["what"], r["dtype"], r["mode"], r["threads"]) == want]


def _losses(rows: list[dict[str, Any]], limit: str, names: tuple[str, ...]) -> str:
    names = tuple(n for n in names if any(n in r["times"] for r in rows))
    bounds = tuple(b for b in (limit, NEW) if any(b in r["limits"] for r in rows))
    head = ("rows × classes", *bounds, *names, f"xent ÷ {limit}", "torch ÷ xent")
    lines: list[list[str]] = []
    for r in rows:
        t, bound = r["times"], r["limits"].get(limit)
        cells = [size(r), *(_ms(r["limits"].get(b)) for b in bounds), *(_ms(t.get(n)) for n in names)]
        lines.append([*cells, _ratio(t.get("xent"), bound), _ratio(t.get("torch"), t.get("xent"))])
    return table(head, lines)


def _wrong(rows: Iterable[dict[str, Any]]) -> str:
    found: list[str] = []
    for r in rows:
        for name, t in r["times"].items():
            if not t["right"]:
                what = " and ".join(
                    f"its {'loss' if k == 'value' else 'array'} by {e:.1g}" for k, e in t["errors"].items()
                )
                found.append(f"{name} at {size(r)} {r['dtype']} ({r['what']}, {r['mode']}), {what}")
    return (
        "" if not found else "\n† off from the float64 reference by more than allowed: " + "; ".join(found) + ".\n"
    )


def machine_line(result: Result) -> str:
    """Say in a line what the numbers were measured on."""
    m, s = result["machine"], result["settings"]
    versions = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    return (
        f"{m['cpu']}, {m['cores']} cores, {m['system']}, Python {m['python']}; {versions}. "
        f"float32, labels int64, {s['data']}. Medians of interleaved repeats."
    )


def readme(result: Result | None) -> str:
    """Write the README's table: loss and gradient, all threads, in milliseconds."""
    if result is None:
        return NOT_YET
    rows = chosen(result, GRADIENT)
    goals = [g for g in result["goals"] if g["met"] is not None]
    met = sum(g["met"] for g in goals)
    return (
        "Loss and gradient, milliseconds, all threads. Copy is the time to copy the logits (and, up to ten\n"
        "classes, to read the labels) into memory that is already there, which no gradient can beat; a new array\n"
        "takes longer, because the system clears its pages first:\n\n"
        + _losses(rows, COPY, IN_README)
        + _wrong(rows)
        + f"\n{machine_line(result)}\n"
        + f"{met} of {len(goals)} goals met; [docs/benchmarks.md](docs/benchmarks.md) has "
        "them all, and where we lose.\n"
    )


def docs(result: Result | None) -> str:
    """Write the whole page."""
    if result is None:
        return NOT_YET
    parts = [machine_line(result) + f"\nThe whole run took {figure(result['settings']['seconds'] / 60)} minutes.\n"]
    for title, mode, threads, limit in (
        ("Loss and gradient, all threads", GRADIENT, "all", COPY),
        ("Loss and gradient, one thread", GRADIENT, "one", COPY),
        ("Loss alone, all threads", FORWARD, "all", READ),
        ("Loss alone, one thread", FORWARD, "one", READ),
    ):
        rows = chosen(result, mode, threads)
        if rows:
            parts.append(f"## {title}\n\nMilliseconds.\n\n{_losses(rows, limit, tuple(CONTENDERS))}{_wrong(rows)}")
    parts += [_others(result), _memory(result["memory"]), _first(result["first"])]
    parts += [_goals(result["goals"]), _lost(result), _absent(result)]
    return "\n".join(part for part in parts if part)


def _others(result: Result) -> str:
    rows = [r for r in result["rows"] if (r["what"], r["dtype"]) != ("cross-entropy", "float32")]
    calls = [r for r in rows if r["what"].startswith(CALL)]
    rest = [r for r in rows if r not in calls]
    parts: list[str] = []
    if rest:
        parts.append(
            f"## Other types, other functions\n\nMilliseconds, all threads.\n\n{_each(rest)}{_wrong(rest)}"
        )
    if calls:
        parts.append(f"## Small calls with options\n\nMilliseconds.\n\n{_each(calls)}")
    return "\n".join(parts)


def _each(rows: list[dict[str, Any]]) -> str:
    """Write a line for each row, with the first of its limits."""
    names = [n for n in CONTENDERS if any(n in r["times"] for r in rows)]
    limited = any(r["limits"] for r in rows)
    lines: list[list[str]] = []
    for r in rows:
        bound = [_ms(next(iter(r["limits"].values()), None))] if limited else []
        what = f"{r['what']}, {r['mode']}, {size(r)} {r['dtype']}"
        lines.append([what, *bound, *(_ms(r["times"].get(n)) for n in names)])
    return table(("", *(["copy or read"] if limited else []), *names), lines)


def _memory(found: list[dict[str, Any]]) -> str:
    known = [x for x in found if "bytes" in x]
    if not known:
        return ""
    cases = list(dict.fromkeys((x["rows"], x["classes"], x["mode"]) for x in known))
    at = {(x["who"], x["rows"], x["classes"], x["mode"]): x["logits"] for x in known}
    lines = [[who, *(figure(at.get((who, *c))) for c in cases)] for who in dict.fromkeys(x["who"] for x in known)]
    head = ("", *(f"{n} × {k}, {mode}" for n, k, mode in cases))
    text = (
        "The peak of memory in a call above what was held before, in units of the logits; the gradient alone is 1."
    )
    return f"## Memory\n\n{text}\n\n{table(head, lines)}"


def _first(found: list[dict[str, Any]]) -> str:
    lines = [
        [f"{x['who']}, {x['cache']} cache, {x['rows']} × {x['classes']}", figure(x["seconds"])]
        for x in found
        if "seconds" in x
    ]
    text = "From the first line of Python in a new process, imports included, to loss and gradient."
    return f"## First loss\n\n{text}\n\n{table(('', 'seconds'), lines)}" if lines else ""


def _goals(goals: list[dict[str, Any]]) -> str:
    lines = [
        [f"{g['what']}: {g['where']}", figure(g["measured"]), f"{g['sense']} {figure(g['goal'])}", verdict(g)]
        for g in goals
    ]
    return f"## Goals\n\n{table(('', 'measured', 'goal', ''), lines)}"


def lost(result: Result) -> list[str]:
    """List every row in which a peer was faster than we, in words."""
    found: list[str] = []
    for r in result["rows"]:
        for name, against in AGAINST:
            own = r["times"].get(name)
            for peer in against if own else ():
                t = r["times"].get(peer)
                if t is not None and t["median"] < own["median"]:
                    found.append(
                        f"{r['what']}, {r['mode']}, {size(r)} {r['dtype']}, threads {r['threads']}: {peer} took "
                        f"{_ms(t)} ms, {name} {_ms(own)} ms ({_ratio(own, t)} ×)"
                    )
    return found


def _lost(result: Result) -> str:
    body = "".join(f"- {line}\n" for line in lost(result)) or "Nowhere in this run.\n"
    return f"## Where a peer is faster\n\n{body}"


def _absent(result: Result) -> str:
    reasons: dict[tuple[str, str], list[str]] = {}
    for r in result["rows"]:
        for name, why in r["skipped"].items():
            reasons.setdefault((name, why), []).append(f"{size(r)} {r['dtype']}")
    for x in (*result["memory"], *result["first"]):
        if "skipped" in x:
            reasons.setdefault((x["who"], x["skipped"]), []).append("memory" if "mode" in x else "own process")
    body = "".join(f"- {n}: {w} ({', '.join(dict.fromkeys(where))})\n" for (n, w), where in reasons.items())
    return f"## Who did not take part, and why\n\n{body}" if body else ""
