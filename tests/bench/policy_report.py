"""What was measured of policies, as tables for a person."""

from __future__ import annotations

from typing import Any

from .ratios import AGAIN, REFERENCE, YARDSTICKS
from .text import columns, ratio, time

MIB = 1 << 20


def tables(policies: dict[str, Any], rounds: int) -> list[str]:
    """Lay out the ratios by ways and rules, and what many policies take."""
    return [_ratios(policies["ratios"], rounds), _applied(policies["applied"])]


def _ratios(ratios: list[dict[str, Any]], rounds: int) -> str:
    cells = {(one["datapath"], one["rules"], one["yardstick"]): one for one in ratios}
    rows = [["", "rules", *(yardstick.title for yardstick in YARDSTICKS)]]
    for name, rules in dict.fromkeys((way, rules) for way, rules, _yardstick in cells):
        mine = [cells[name, rules, yardstick.name] for yardstick in YARDSTICKS]
        rows.append(
            [
                f"{name} (A/A: the noise)" if name == AGAIN else name,
                f"{rules:,}" if rules else "none",
                *(time(one["ns"]) if name == REFERENCE else ratio(one) for one in mine),
            ]
        )
    return (
        "Pod to pod, across nodes, both isolated in both directions: time as a ratio to plain\n"
        "kernel routing without policies (less is better), median over\n"
        f"{rounds} interleaved rounds ± half the distance of the quartiles\n" + columns(rows)
    )


def _applied(applied: dict[str, Any]) -> str:
    words = {
        "plan": "the plan of the cluster",
        "full": "into a node that has none",
        "again": "nothing changed",
        "change": "one policy changed",
    }
    rows = [["", "seconds"], *([words[key], f"{applied[key]:.2f}"] for key in words)]
    return (
        f"{applied['policies']:,} policies over {applied['pods']:,} pods: {applied['classes']}"
        f" classes; a node of 100 pods has {applied['entries']:,} entries of rules, and its maps"
        f" {applied['kernel'] / MIB:.1f} MiB\n" + columns(rows)
    )
