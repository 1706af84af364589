"""The results as a table for a person."""

from __future__ import annotations

from typing import Any

from . import service_report
from .ratios import AGAIN, REFERENCE, YARDSTICKS
from .text import columns, ratio, time
from .topology import PLACES


def table(results: dict[str, Any]) -> str:
    """Lay out the sections that were measured; an absent one is left out."""
    parts = []
    if results["ratios"]:
        parts += [_ratios(place, results) for place in PLACES]
    if results["programs"]:
        parts.append(_programs(results["programs"]))
    if results["times"]:
        parts.append(_times(results["times"]))
    if results["services"]:
        parts += service_report.tables(results["services"], results["rounds"])
    return "\n\n".join(parts) + "\n"


def _ratios(place: str, results: dict[str, Any]) -> str:
    """One line a datapath: median ratio and half the distance of its quartiles."""
    cells = {
        (one["datapath"], one["yardstick"]): one
        for one in results["ratios"]
        if one["place"] == place
    }
    names = list(dict.fromkeys(datapath for datapath, _measure in cells))
    rows = [["", *(yardstick.title for yardstick in YARDSTICKS)]]
    for name in names:
        mine = [cells[name, yardstick.name] for yardstick in YARDSTICKS]
        rows.append(
            [
                f"{name} (A/A: the noise)" if name == AGAIN else name,
                *(time(one["ns"]) if name == REFERENCE else ratio(one) for one in mine),
            ]
        )
    for name in names:
        aims = [cells[name, yardstick.name]["aim"] for yardstick in YARDSTICKS]
        if any(aims):
            rows.append([f"{name}'s aim", *(f"≤ {aim:.2f}" if aim else "" for aim in aims)])
    count = results["rounds"]
    return (
        f"Pod to pod, {place}: time as a ratio to plain kernel routing (less is better),\n"
        f"median over {count} interleaved rounds ± half the distance of the quartiles\n"
        + columns(rows)
    )


def _programs(programs: list[dict[str, Any]]) -> str:
    rows = [["", "ns a packet", "above the empty one", "aim"]]
    rows += [
        [
            one["name"],
            f"{one['ns']:.0f}",
            f"{one['above_empty']:.0f}",
            f"≤ {one['aim']:.0f}" if one["aim"] else "",
        ]
        for one in programs
    ]
    return "Programs, by BPF_PROG_TEST_RUN\n" + columns(rows)


def _times(times: list[dict[str, Any]]) -> str:
    rows = [["", "seconds", "aim"]]
    rows += [
        [one["name"], f"{one['seconds']:.2f}", f"≤ {one['aim']:g}" if one["aim"] else ""]
        for one in times
    ]
    return "Commands\n" + columns(rows)
