"""What was measured of observers, as tables for a person."""

from __future__ import annotations

from typing import Any

from .observers import COUNTING, COUNTING_AIM, EVERYTHING_AIM, NOBODY, NOBODY_AIM, WITHOUT
from .programs import EMPTY
from .ratios import YARDSTICKS
from .text import columns, ratio, time


def tables(observe: dict[str, Any], rounds: int) -> list[str]:
    """Lay out the ratios by who looks, and what a program takes a packet."""
    return [_ratios(observe["ratios"], rounds), _programs(observe["programs"])]


def _ratios(ratios: list[dict[str, Any]], rounds: int) -> str:
    cells = {(one["look"], one["yardstick"]): one for one in ratios}
    rows = [["", *(yardstick.title for yardstick in YARDSTICKS)]]
    for look in dict.fromkeys(name for name, _yardstick in cells):
        mine = [cells[look, yardstick.name] for yardstick in YARDSTICKS]
        rows.append([look, *(time(one["ns"]) if look == NOBODY else ratio(one) for one in mine)])
    return (
        "Pod to pod, across nodes, by what somebody looks at on both: time as a ratio to\n"
        f"that with nobody looking (everything, UDP: {EVERYTHING_AIM}), median over\n"
        f"{rounds} interleaved rounds ± half the distance of the quartiles\n" + columns(rows)
    )


def _programs(measured: list[dict[str, Any]]) -> str:
    found = {one["name"]: one for one in measured}
    base = found[WITHOUT]["ns"]
    rows = [["from_container, to a remote pod", "ns a packet", "more"]]
    rows += [
        [name, f"{one['ns']:.1f}", f"{one['ns'] - base:+.1f}"]
        for name, one in found.items()
        if name != EMPTY
    ]
    most = f"{NOBODY}: {NOBODY_AIM:g} ns more at most, {next(iter(COUNTING))}: {COUNTING_AIM:g}"
    return f"A program ({most})\n" + columns(rows)
