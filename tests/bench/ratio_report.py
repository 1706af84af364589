"""Ratios to plain kernel routing as a table for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .ratios import AGAIN, REFERENCE
from .text import columns, ratio, time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ratios import Yardstick


def table(ratios: list[dict[str, Any]], yardsticks: Sequence[Yardstick], rounds: int) -> str:
    """Lay out one place, one line a datapath: median ratio and half the distance of its quartiles.

    :returns: the end of a sentence that says what is a ratio to what, and the table.
    """
    cells = {(one["datapath"], one["yardstick"]): one for one in ratios}
    names = list(dict.fromkeys(datapath for datapath, _measure in cells))
    rows = [["", *(yardstick.title for yardstick in yardsticks)]]
    for name in names:
        mine = [cells[name, yardstick.name] for yardstick in yardsticks]
        rows.append(
            [
                f"{name} (A/A: the noise)" if name == AGAIN else name,
                *(time(one["ns"]) if name == REFERENCE else ratio(one) for one in mine),
            ]
        )
    for name in names:
        aims = [cells[name, yardstick.name]["aim"] for yardstick in yardsticks]
        if any(aims):
            rows.append([f"{name}'s aim", *(f"≤ {aim:.2f}" if aim else "" for aim in aims)])
    spread = f"median over {rounds} interleaved rounds ± half the distance of the quartiles\n"
    return spread + columns(rows)
