"""What ``python -m bench audit`` measured, as tables for the docs."""

from __future__ import annotations

from typing import Any


def docs(result: dict[str, Any] | None) -> str:
    """Write the tables; a sentence where nothing was measured."""
    if result is None:
        return "Not measured yet: `python -m bench audit` does.\n"
    lines = [
        "One pass over a file of float32 logits, beside reading its bytes from the page cache into one buffer:",
        "",
        "| rows × classes | GB | read, GB/s | audit, GB/s | audit ÷ read |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row in result["passes"]:
        size = row["bytes"] / 1e9
        lines.append(
            f"| {row['rows']} × {row['classes']} | {size:.2f} | {size / row['read']:.2f} | "
            f"{size / row['xent']:.2f} | {row['share']:.2f} |"
        )
    peers = result["peers"]
    lines += [
        "",
        f"The numbers of a report, {peers['rows']} × {peers['classes']} float32, seconds:",
        "",
        "| who | seconds |",
        "| --- | ---: |",
        f"| xent: all of them, and the findings | {peers['xent']:.3f} |",
        *(f"| {name} | {seconds:.3f} |" for name, seconds in peers["others"].items()),
        "",
        f"The best temperature, {result['fit']['rows']} × {result['fit']['classes']} float32:",
        "",
        "| who | seconds | T |",
        "| --- | ---: | ---: |",
    ]
    for name, seconds in result["fit"]["seconds"].items():
        lines.append(f"| {name} | {seconds:.2f} | {result['fit']['temperature'].get(name, float('nan')):.6f} |")
    memory = result["memory"]
    lines += [
        "",
        f"Memory of a {memory['bytes'] / 1e9:.1f} GB file: {memory['MB']:.0f} MB at most "
        f"({memory['rows']:,} rows in {memory['seconds']:.1f} s).",
        "",
        "| goal | measured | set out | |",
        "| --- | ---: | ---: | --- |",
    ]
    for goal in result["goals"]:
        bound = f"≥ {goal['at least']:g}" if "at least" in goal else f"≤ {goal['at most']:g}"
        lines.append(f"| {goal['goal']} | {goal['value']:.3g} | {bound} | {'met' if goal['met'] else 'missed'} |")
    machine = result["machine"]
    versions = ", ".join(f"{name} {v}" for name, v in result["versions"].items())
    lines += ["", f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}; {versions}. Medians."]
    return "\n".join(lines) + "\n"
