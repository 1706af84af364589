# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node's maps hold of services, as people read it: in the shapes of Cilium's tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Found = Mapping[str, Any]
    Row = Sequence[object]

#: Flags of a frontend in the words of ``cilium bpf lb list``.
_FLAGS = {"local": "Local", "source ranges": "check source-range", "maglev": "maglev"}


def render(found: Found) -> str:
    """Return everything that :func:`info.gather` found."""
    parts = (service_list, lb_list, reverse_nat_list, reverse_socket_list, map_list)
    return "\n\n".join("\n".join(lines) for lines in (part(found) for part in parts) if lines)


def service_list(found: Found) -> list[str]:
    """Lines of services and their backends, as of ``cilium service list``."""
    rows: list[Row] = []
    for one in found["services"]:
        first: Row = (one["id"], _frontend(one), one["type"])
        backends = one["backends"] or [None]
        for backend in backends:
            rows.append((*first, _numbered(backend) if backend else ""))
            first = ("", "", "")
    return _table(("ID", "Frontend", "Service Type", "Backend"), rows)


def lb_list(found: Found) -> list[str]:
    """Lines of frontends and their slots, as of ``cilium bpf lb list``.

    Where clients of the cluster have other backends, theirs are those with ``/i``.
    """
    rows: list[Row] = []
    for one in found["services"]:
        outside, inside = one["outside_backends"], one["backends"]
        if "outside" not in one["flags"] or outside == inside:
            runs = [("", inside)]
        else:
            runs = [("", outside), ("/i", inside)]
        for mark, backends in runs:
            rows += [
                (
                    f"{_frontend(one)}{mark} ({backend['number']})",
                    f"{backend['address']} ({one['id']}) ({backend['number']})"
                    + (" [terminating]" if backend["state"] != "active" else ""),
                )
                for backend in reversed(backends)
            ]
            rows.append(
                (f"{_frontend(one)}{mark} (0)", f"0.0.0.0:0 ({one['id']}) (0) [{_flags(one)}]")
            )
    return _table(("SERVICE ADDRESS", "BACKEND ADDRESS (REVNAT_ID) (SLOT)"), rows)


def reverse_nat_list(found: Found) -> list[str]:
    """Lines of numbers and the service addresses that they stand for."""
    rows = [(one["id"], _frontend(one)) for one in found["services"]]
    return _table(("ID", "BACKEND ADDRESS (REVNAT_ID) (SLOT)"), rows)


def reverse_socket_list(found: Found) -> list[str]:
    """Lines of sockets: the backend and the cookie, the service that they take it for and its id.

    That is ``cilium map get cilium_lb4_reverse_sk``, with the ports in the order that people read.
    """
    rows = [
        (
            f"{_bracketed(one['backend'])}, {one['cookie']}",
            f"{_bracketed(one['frontend'])}, {one['id']}",
        )
        for one in found["reverse_sockets"]
    ]
    return _table(("Key", "Value"), rows)


def map_list(found: Found) -> list[str]:
    """Lines of the maps with their use and their size."""
    rows = [
        (one["name"], "not pinned" if one["used"] is None else one["used"], one["size"])
        for one in found["maps"]
    ]
    return _table(("Map", "Used", "Size"), rows)


def _frontend(one: Found) -> str:
    # As usual there, TCP has no name.
    return f"{one['frontend']}" + ("" if one["protocol"] == "TCP" else f"/{one['protocol']}")


def _numbered(backend: Found) -> str:
    return f"{backend['number']} => {backend['address']} ({backend['state']})"


def _flags(one: Found) -> str:
    words = [one["type"]]
    if "outside" not in one["flags"]:
        words.append("non-routable")
    words += [word for flag, word in _FLAGS.items() if flag in one["flags"]]
    if one["session_affinity"]:
        words.append("sessionAffinity")
    return ", ".join(words)


def _bracketed(place: str) -> str:
    address, _colon, port = place.rpartition(":")
    return f"[{address.strip('[]')}]:{port}"


def _table(heads: Sequence[str], rows: Iterable[Row]) -> list[str]:
    return tables.table(heads, rows, indent=0, gap=3)
