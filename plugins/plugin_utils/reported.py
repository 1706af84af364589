# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hosts have said of themselves in a run, out of the variables of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NO_ANSWER = "it did not answer"
#: What a report calls the host outside, whichever that is.
OUTSIDE = "outside"


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
            why = _said(variables, "health_started", "podnet_health")
            failures[name] = _refused(variables) or why
    return found, failures


def streams(
    names: Iterable[str], hostvars: Any
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
    """Return what ``reports.streams`` takes: how streams of nodes went, and who does not say."""
    said = {name: hostvars[name].get("streams_read") or {} for name in names}
    found = {name: one["streams"] for name, one in said.items() if "streams" in one}
    left = {name: str(one.get("msg") or NO_ANSWER) for name, one in said.items()}
    return found, {name: why for name, why in left.items() if name not in found}


def _said(variables: Any, *registered: str) -> str:
    """Return why the first task failed of those that did, by what they registered.

    Of a failure Ansible leaves its message alone where a task says ``failed_when: false``.
    """
    results = (variables.get(name) or {} for name in registered)
    return next((str(one["msg"]) for one in results if one.get("msg")), NO_ANSWER)


def _refused(variables: Any) -> str:
    return str((variables.get("podnet_node") or {}).get("refused") or "")


def _unusable(variables: Any) -> str:
    """Say why a node has no part in what is asked; empty: it has one."""
    return _refused(variables) or str((variables.get("podnet_node") or {}).get("reason") or "")


def connectivity(
    names: Iterable[str], hostvars: Any
) -> tuple[dict[str, Any], dict[str, str], dict[str, list[dict[str, Any]]] | None]:
    """Return what ``reports.connectivity`` takes: who asked, why others did not, and drops."""
    probed: dict[str, Any] = {}
    failures: dict[str, str] = {}
    dropped: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        variables = hostvars[name]
        asked = variables.get("connectivity_probed") or {}
        if "results" in asked:
            probed[name] = asked
            found = (variables.get("connectivity_dropped") or {}).get("drops")
            if found is not None:
                dropped[name] = [one for one in found if not one["expected"]]
        else:
            why = _said(variables, "connectivity_made", "connectivity_probed")
            failures[name] = _unusable(variables) or why
        if "msg" in (variables.get("connectivity_guest") or {}):  # a task that ran once
            failures[OUTSIDE] = _said(variables, "connectivity_guest")
        outside = variables.get("connectivity_outside") or {}
        if "results" in outside:  # one of the hosts has it, for the task ran once
            probed[OUTSIDE] = outside
    return probed, failures, dropped or None


def underlay(
    names: Iterable[str], hostvars: Any
) -> tuple[dict[str, tuple[Any, Any]], dict[str, str]]:
    """Return by name what hosts have sent and heard between nodes, and why others have not."""
    found: dict[str, tuple[Any, Any]] = {}
    failures: dict[str, str] = {}
    for name in names:
        variables = hostvars[name]
        words = ("underlay_listens", "underlay_sent", "underlay_heard")
        sent, heard = (variables.get(word) or {} for word in words[1:])
        if "peers" in sent and "heard" in heard:
            found[name] = sent, heard["heard"]
        else:
            failures[name] = _unusable(variables) or _said(variables, *words)
    return found, failures
