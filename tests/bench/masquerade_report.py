"""What was measured of masquerading, as tables for a person."""

from __future__ import annotations

from typing import Any

from . import ratio_report
from .masquerade import AIMS, MEASURED
from .text import columns, ratio


def tables(masquerade: dict[str, Any], rounds: int) -> list[str]:
    """Lay out the ratios to plain routing, and how many times faster podnet is than the others."""
    return [
        "A pod to a host outside, masqueraded: time as a ratio to plain kernel routing, which\n"
        "leaves the pod its address (less is better),\n"
        + ratio_report.table(masquerade["ratios"], MEASURED, rounds),
        _faster(masquerade["faster"], rounds),
    ]


def _faster(faster: list[dict[str, Any]], rounds: int) -> str:
    cells = {(one["datapath"], one["than"], one["yardstick"]): one for one in faster}
    rows = [["", *(yardstick.title for yardstick in MEASURED)]]
    rows += [
        [f"{own}, than {than}", *(ratio(cells[own, than, one.name]) for one in MEASURED)]
        for own, than in dict.fromkeys((own, than) for own, than, _yardstick in cells)
    ]
    aiming = dict.fromkeys(one["datapath"] for one in faster if one["aim"])
    rows.append(
        [f"aim of {' and '.join(aiming)}", *(f"≥ {AIMS[one.name]:.2f}" for one in MEASURED)]
    )
    return (
        "How many times faster than masquerading by the kernel (more is better), median over\n"
        f"{rounds} interleaved rounds ± half the distance of the quartiles\n" + columns(rows)
    )
