# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hosts have said of themselves in a run, out of the variables of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NO_ANSWER = "it did not answer"


def statuses(cluster: Mapping[str, Any], hostvars: Any) -> dict[str, dict[str, Any]]:
    """Return what ``reports.status`` takes as ``reported``: of nodes that said something.

    :param hostvars: None: nobody did.
    """
    names = [node["name"] for node in cluster["nodes"]] if hostvars else []
    found = {name: _status(hostvars[name]) for name in names}
    return {name: said for name, said in found.items() if said}


def _status(variables: Any) -> dict[str, Any]:
    read = variables.get("podnet_status") or {}
    if "status" in read:
        return {**read["status"]["node"], "status": read["status"]}
    refused = _refused(variables) or (read.get("failed") and read.get("msg"))
    return {"usable": False, "reason": refused} if refused else {}


def probes(
    names: Iterable[str], hostvars: Any
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
    """Return what ``reports.health`` takes: who probed, and why others did not."""
    found: dict[str, list[dict[str, Any]]] = {}
    failures: dict[str, str] = {}
    for name in names:
        variables = hostvars[name]
        probed = variables.get("podnet_health") or {}
        if "nodes" in probed:
            found[name] = probed["nodes"]
        else:
            failed = [variables.get("health_started") or {}, probed]
            said = [str(one["msg"]) for one in failed if one.get("failed") and one.get("msg")]
            failures[name] = _refused(variables) or (said[0] if said else NO_ANSWER)
    return found, failures


def _refused(variables: Any) -> str:
    return str((variables.get("podnet_node") or {}).get("refused") or "")
