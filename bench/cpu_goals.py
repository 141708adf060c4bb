"""What we set out to reach, beside what was measured: float32, all threads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.cpu_cases import CALLS, FORWARD, GRADIENT
from bench.cpu_contenders import AGAINST
from bench.cpu_limits import COPY, READ

Goal = dict[str, Any]
MANY = 1000  # classes from which a row is long enough to be bound by memory alone
TINY = 1000  # elements below which a call is overhead


def over_copy(classes: int) -> float:
    """Loss and gradient may cost this many copies of the logits."""
    return 1.25 if classes >= MANY else 2.0 if classes > 10 else 3.0


def goals(result: dict[str, Any]) -> list[Goal]:
    """Judge a result. What was not measured is neither met nor missed: ``met`` is None."""
    return [*_rows(result["rows"]), *_ahead(result["rows"]), *_first(result["first"])]


def _rows(rows: list[dict[str, Any]]) -> Iterable[Goal]:
    for row in rows:
        if (row["what"], row["dtype"], row["threads"]) != ("cross-entropy", "float32", "all"):
            continue
        n, k, mode = row["rows"], row["classes"], row["mode"]
        t = {name: x["median"] for name, x in row["times"].items()}
        bound = {name: x["median"] for name, x in row["limits"].items()}
        where = f"{n} × {k}, {mode}"
        if (n, k) in CALLS and n * k >= TINY:
            continue
        if n * k < TINY:
            yield goal("xent ÷ torch", where, t.get("xent"), t.get("torch"), 1.0)
            yield goal("xent.torch ÷ torch", where, t.get("xent.torch"), t.get("torch"), 1.0)
        elif mode == GRADIENT:
            yield goal("xent ÷ copy", where, t.get("xent"), bound.get(COPY), over_copy(k))
            yield goal("torch ÷ xent", where, t.get("torch"), t.get("xent"), 8.0 if k >= MANY else 6.0, least=True)
            yield goal("xent.torch ÷ bare kernel", where, t.get("xent.torch"), t.get("bare kernel"), 1.15)
        elif mode == FORWARD and k >= MANY:
            yield goal("xent ÷ read", where, t.get("xent"), bound.get(READ), 1.3)


def _ahead(rows: list[dict[str, Any]]) -> Iterable[Goal]:
    """Hold ours against the fastest peer of each size, and judge the size where that is the least behind."""
    ours = [r for r in rows if (r["what"], r["dtype"], r["threads"]) == ("cross-entropy", "float32", "all")]
    for name, peers in AGAINST:
        for mode in (FORWARD, GRADIENT):
            found: list[tuple[float, float, str]] = []
            for row in (r for r in ours if r["mode"] == mode and name in r["times"]):
                t = {who: x["median"] for who, x in row["times"].items()}
                best = min((p for p in peers if p in t), key=lambda p: t[p], default=None)
                if best:
                    found.append((t[name], t[best], f"{row['rows']} × {row['classes']}, {mode}, {best}"))
            if found:
                own, other, where = max(found, key=lambda x: x[0] / x[1])
                yield goal(f"{name} ÷ fastest peer, least ahead", where, own, other, 1.0)


def _first(first: list[dict[str, Any]]) -> Iterable[Goal]:
    for x in first:
        if x["who"] == "xent":
            where = f"{x['rows']} × {x['classes']}, new process, {x['cache']} cache"
            yield goal(
                "seconds to the first loss", where, x.get("seconds"), 1.0, 1.0 if x["cache"] == "warm" else 10.0
            )


def goal(what: str, where: str, a: float | None, b: float | None, bound: float, *, least: bool = False) -> Goal:
    """Judge the ratio a ÷ b."""
    measured = None if a is None or b is None else float(f"{a / b:.3g}")
    met = None if measured is None else measured >= bound if least else measured <= bound
    return {
        "what": what,
        "where": where,
        "measured": measured,
        "sense": "≥" if least else "≤",
        "goal": bound,
        "met": met,
    }


def verdict(g: Goal) -> str:
    return {True: "met", False: "missed", None: "not measured"}[g["met"]]
