# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What became of the streams that flowed while the network was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text.tables import line
from .problems import folded, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    #: By the name of a node, what M(podnet.fabric.connectivity_streams) returned as ``streams``.
    Streams = Mapping[str, Sequence[Mapping[str, Any]]]


def summary(found: Streams, failures: Mapping[str, str]) -> dict[str, Any]:
    """Return what was lost, for machines.

    :param failures: by its name, why a node does not say.
    """
    listed = [(name, one) for name, streams in found.items() for one in streams]
    problems = folded(failures.items(), len(found) + len(failures))
    problems += [f"{name}: {_way(one)}: {wrong}" for name, one in listed if (wrong := _wrong(one))]
    return {
        "ok": not problems,
        "problems": problems,
        "streams": len(listed),
        "sent": sum(one["sent"] for _name, one in listed),
        "lost": sum(one["lost"] for _name, one in listed),
        "silence": max((one["silence"] for _name, one in listed), default=0.0),
    }


def render(found: Mapping[str, Any]) -> list[str]:
    """Return the report for people, a line each."""
    return [
        line("Streams", f"{found['streams']} between nodes and their health endpoints"),
        line("Messages", f"{found['sent']} sent, {found['lost']} lost"),
        line("Longest silence", f"{found['silence']:g} s"),
        line("Verdict", verdict(found["problems"])),
        *(f"  {problem}" for problem in found["problems"]),
    ]


def _way(one: Mapping[str, Any]) -> str:
    return f"{one['source']} -> {one['target']} ({one['protocol']})"


def _wrong(one: Mapping[str, Any]) -> str:
    if one["broken"]:
        return f"the connection broke: {one['broken']}"
    return f"{one['lost']} of {one['sent']} messages were lost" if one["lost"] else ""
