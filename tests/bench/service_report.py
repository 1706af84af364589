"""What was measured of services, as tables for a person."""

from __future__ import annotations

from typing import Any

from .ratios import AGAIN, REFERENCE
from .text import columns, ratio, time
from .topology import PLACES

MIB = 1 << 20


def tables(services: dict[str, Any], rounds: int) -> list[str]:
    """Lay out the connects, the hook alone, and what it takes to bring services to the kernel."""
    return [
        *(_connect(place, services, rounds) for place in PLACES),
        _flat(services["flat"]),
        _hook(services["hook"]),
        _applied(services["applied"]),
    ]


def _connect(place: str, services: dict[str, Any], rounds: int) -> str:
    """One line a way, one column a number of services."""
    here = [one for one in services["connect"] if one["place"] == place]
    sizes = sorted({one["services"] for one in here if one["services"]})
    by_key = {(one["name"], one["services"]): one for one in here}
    rows = [["", "direct", *(f"{size:,}" for size in sizes)]]
    for name in dict.fromkeys(one["name"] for one in here):
        mine = [by_key.get((name, size)) for size in (None, *sizes)]
        rows.append(
            [
                f"{name} (A/A: the noise)" if name == AGAIN else name,
                *(
                    "" if one is None else time(one["ns"]) if name == REFERENCE else ratio(one)
                    for one in mine
                ),
            ]
        )
    aims = {one["services"]: one["aim"] for one in here if one["aim"]}
    rows.append(
        [
            "podnet's aim",
            *(f"≤ {aims[size]:.2f}" if size in aims else "" for size in (None, *sizes)),
        ]
    )
    return (
        f"Connect to a ClusterIP, {place}, by the number of services: time as a ratio to a direct\n"
        f"connect over plain kernel routing, median over {rounds} interleaved rounds ± half the\n"
        "distance of the quartiles\n" + columns(rows)
    )


def _flat(flat: dict[str, Any]) -> str:
    return (
        f"The same pod with {flat['most']:,} services and with {flat['fewest']}, as a ratio:"
        f" {ratio(flat)}, aim ≤ {flat['aim']:.2f}"
    )


def _hook(hook: list[dict[str, Any]]) -> str:
    rows = [["", "ns", "above no hook", "aim"]]
    for one in hook:
        size = f", {one['services']:,} services" if one["services"] else ""
        spread = (one["high"] - one["low"]) / 2
        aim = f"≤ {one['aim']}" if one["aim"] else ""
        above = f"{one['above']:.0f} ±{spread:.0f}"
        rows.append([f"{one['name']}{size}", f"{one['ns']:.0f}", above, aim])
    return "The hook alone: a UDP socket that connects again and again\n" + columns(rows)


def _applied(applied: list[dict[str, Any]]) -> str:
    rows = [["", "all", "aim", "nothing changed", "one changed", "aim", "kernel", "at most"]]
    rows += [
        [
            one["name"],
            _seconds(one["full"]),
            _aim(one["full"]),
            _seconds(one["again"]),
            _seconds(one["change"]),
            _aim(one["change"]),
            _bytes(one["kernel"]),
            _bytes(one["peak"]),
        ]
        for one in applied
    ]
    count = applied[0]["services"]
    return (
        f"{count:,} services of 3 backends to the kernel: median time (and the fastest, which\n"
        "others disturbed least), the memory that the kernel then holds, and what command and\n"
        "kernel had at most\n" + columns(rows)
    )


def _aim(one: dict[str, Any]) -> str:
    return f"≤ {one['aim']:g} s" if one["aim"] else ""


def _seconds(one: dict[str, Any]) -> str:
    median, fastest = one["seconds"], one["fastest"]
    if median is None:
        return ""
    if median < 0.001:
        return f"{median * 1e6:.0f} ({fastest * 1e6:.0f}) µs"
    return f"{median:.3f} ({fastest:.3f}) s"


def _bytes(count: int | None) -> str:
    return "" if count is None else f"{count / MIB:.1f} MiB"
