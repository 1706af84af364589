# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services as the nodes' kernels hold them: addresses in front, pods behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cut import cut

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Services, and backends of each, that are shown.
SERVICES, BACKENDS = 300, 64
_ACTIVE = "active"


def shown(statuses: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return services by name, None where no node has any.

    Each has ``fronts`` (``type``, ``address``, ``protocol``) and ``backends`` (``address``,
    ``pod``, ``state``); ``nodes`` is on how many nodes it stands, of ``of``.
    """
    held = {name: one["services"] for name, one in statuses.items() if one.get("services")}
    if not held:
        return None
    pods = {
        address: pod
        for status in statuses.values()
        for address, pod in status["ipam"]["addresses"].items()
    }
    found: dict[str, dict[str, Any]] = {}
    for node, one in held.items():
        for front in one["frontends"]:
            _add(found, node, front)
    rows = [
        {
            "name": name,
            "fronts": list(row["fronts"].values()),
            "backends": cut([_backend(a, s, pods) for a, s in row["backends"].items()], BACKENDS),
            "nodes": len(row["nodes"]),
            "of": len(held),
        }
        for name, row in sorted(found.items())
    ]
    return {**cut(rows, SERVICES), "count": len(rows)}


def _add(found: dict[str, dict[str, Any]], node: str, front: Mapping[str, Any]) -> None:
    """Put a frontend of a node to its service; what several nodes have is one."""
    name = front["name"] or "without a name"
    row = found.setdefault(name, {"fronts": {}, "backends": {}, "nodes": set(), "seen": []})
    row["nodes"].add(node)
    key = front["type"], front["frontend"], front["protocol"]
    row["fronts"].setdefault(key, {"type": key[0], "address": key[1], "protocol": key[2]})
    for backends in (front["backends"], front["outside_backends"]):
        if backends not in row["seen"]:  # nearly always a thousand nodes have the same
            row["seen"].append(backends)
            for one in backends:
                row["backends"].setdefault(one["address"], one["state"])


def _backend(address: str, state: str, pods: Mapping[str, str]) -> dict[str, Any]:
    pod = pods.get(address.rpartition(":")[0].strip("[]"))
    return {
        "address": address,
        "pod": pod,
        "says": state,
        "state": "ok" if state == _ACTIVE else "warn",
    }
