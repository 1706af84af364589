"""The results as a table for a person."""

from __future__ import annotations

from typing import Any

from . import masquerade_report, observer_report, policy_report, ratio_report, service_report
from .ratios import YARDSTICKS
from .text import columns
from .topology import PLACES


def table(results: dict[str, Any]) -> str:
    """Lay out the sections that were measured; an absent one is left out."""
    parts = []
    if results["ratios"]:
        parts += [
            f"Pod to pod, {place}: time as a ratio to plain kernel routing (less is better),\n"
            + ratio_report.table(
                [one for one in results["ratios"] if one["place"] == place],
                YARDSTICKS,
                results["rounds"],
            )
            for place in PLACES
        ]
    if results["programs"]:
        parts += [_programs(results["programs"]), _units(results["units"])]
    if results["times"]:
        parts.append(_times(results["times"]))
    if results["runs"]:
        parts.append(_runs(results["runs"]))
    if results["services"]:
        parts += service_report.tables(results["services"], results["rounds"])
    if results["masquerade"]:
        parts += masquerade_report.tables(results["masquerade"], results["rounds"])
    if results["observe"]:
        parts += observer_report.tables(results["observe"], results["rounds"])
    if results["policies"]:
        parts += policy_report.tables(results["policies"], results["rounds"])
    return "\n\n".join(parts) + "\n"


def _programs(programs: list[dict[str, Any]]) -> str:
    rows = [["", "ns a packet", "above the empty one", "aim", "over its units"]]
    rows += [
        [
            one["name"],
            f"{one['ns']:.0f}",
            f"{one['above_empty']:.0f}",
            f"≤ {one['aim']:.0f}" if one["aim"] else "",
            f"{one['over_units']:.2f}" if one["over_units"] else "",
        ]
        for one in programs
    ]
    return "Programs, by BPF_PROG_TEST_RUN\n" + columns(rows)


def _units(units: list[dict[str, Any]]) -> str:
    rows = [["", "ns a call"], *([one["name"], f"{one['ns']:.1f}"] for one in units)]
    return "What programs are made of, by BPF_PROG_TEST_RUN\n" + columns(rows)


def _times(times: list[dict[str, Any]]) -> str:
    rows = [["", "seconds", "aim"]]
    rows += [
        [one["name"], f"{one['seconds']:.2f}", f"≤ {one['aim']:g}" if one["aim"] else ""]
        for one in times
    ]
    return "Commands\n" + columns(rows)


def _runs(runs: list[dict[str, Any]]) -> str:
    rows = [["", "seconds", "aim", "CPU seconds a node", "MB"]]
    rows += [
        [
            f"{one['nodes']} nodes, {one['run']}",
            f"{one['seconds']:.1f}",
            f"≤ {one['aim']:g}" if one["aim"] else "",
            f"{one['cpu_a_node']:.2f}",
            f"{one['memory']}",
        ]
        for one in runs
    ]
    return "Runs of site on labs\n" + columns(rows)
