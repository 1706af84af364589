# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A walk as people read it: a line a hop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drops import report
from ..text import tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEADS = ("Node", "Hook", "Device", "Packet", "Verdict")
_KINDS = {"rule": "let through by", "set": "isolated by", "audit": "would be dropped by"}


def render(walk: Mapping[str, Any]) -> str:
    """Return the report: a table for each direction, and the recorded drops of such packets."""
    parts = []
    for direction, verdict in walk["verdicts"].items():
        hops = [hop for hop in walk["hops"] if hop["direction"] == direction]
        title = f"{direction.capitalize()}: {said(verdict)}{_of_backends(hops)}"
        rows = [row for hop in hops for row in _rows(hop)]
        parts.append("\n".join([title, *tables.table(_HEADS, rows)]) if rows else title)
    if walk["recorded"]:
        lines = [f"  {one['node']}: {report.line(one)}" for one in walk["recorded"]]
        parts.append("\n".join(["Drops of such packets that were recorded:", *lines]))
    return "\n\n".join(parts)


def _of_backends(hops: list[Mapping[str, Any]]) -> str:
    """Say that other backends may have another fate, where a socket would choose one."""
    others = max((hop.get("backends", 1) for hop in hops), default=1) - 1
    return f" (by the first backend of the service; {others} more)" if others > 0 else ""


def said(verdict: Mapping[str, Any]) -> str:
    """Return a verdict in one phrase."""
    if verdict["verdict"] == "delivered":
        return f"delivered to {verdict['at']}"
    where = f" at {verdict['hook']} of {verdict['node']}" if "hook" in verdict else ""
    answered = ", answered with an ICMP error" if verdict.get("answered") else ""
    return f"{verdict['verdict']}: {verdict['reason']}{where}{answered}"


def _rows(hop: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    yield (
        *(hop["node"], hop["hook"], hop["device"] or "-", hop["packet"]),
        hop["what"] if hop["verdict"] in _PLAIN else f"{hop['verdict']}: {hop['what']}",
    )
    if "translated" in hop:
        service = f"service {hop['service']}" if "service" in hop else "translated"
        yield ("", "", "", f"=> {hop['translated']}", service)
    for rule in hop["rules"]:
        name = rule["name"] if rule["kind"] == "rule" else ", ".join(rule["name"].split()[1:])
        yield ("", "", "", "", f"{_KINDS[rule['kind']]} {name}")


#: What the kernel does, which has no verdict of a program.
_PLAIN = ("local", "forwarded", "sent", "refused")
