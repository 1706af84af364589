# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settle the slice of the plan that is a host's own; the place to refuse what a host cannot have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.plan import devices, files, hosts
from ansible_collections.podnet.fabric.plugins.module_utils.plan.problems import refuse
from ansible_collections.podnet.fabric.plugins.plugin_utils import slices
from ansible_collections.podnet.fabric.plugins.plugin_utils.action import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

ARGUMENT_SPEC = {
    "path": {"type": "str", "required": True},
    "warn": {"type": "bool", "default": False},
}

#: What a slice says in a word; lists of pods and peers are for those who read the whole of it.
SUMMARY = (
    *("cluster", "network_type", "datapath", "name", "node_ip", "node_group", "device", "mtu"),
    *("attach_mode", "usable", "reason", "pod_cidr", "gateway_ip", "health_ip", "services"),
)


class ActionModule(Action):
    """Complete what M(podnet.fabric.plan) wrote for this host."""

    _requires_connection = False

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the slice in a word; the whole of it stays in the plan's folder."""
        arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)[1]
        seen = {
            **(task_vars.get("podnet_observed") or {}),
            "check_mode": self._task.check_mode,
            "packages": [word for word in hosts.PACKAGES if task_vars.get(word)],
        }
        seen["compiles"] = _compiles(seen, task_vars)
        node = slices.of_host(str(arguments["path"]), task_vars)
        refused = list(devices.problems(node, seen)) if arguments["warn"] else []
        if not refused:
            node = _settled(str(arguments["path"]), node, seen)
        in_the_way = [] if refused else list(hosts.problems(node, seen))
        if not arguments["warn"]:
            refuse(in_the_way)
        return {
            "changed": False,
            "path": str(arguments["path"]),
            "refused": " ".join(refused),
            "warnings": in_the_way,
            **{word: node[word] for word in SUMMARY},
        }


def _compiles(seen: Mapping[str, Any], task_vars: Mapping[str, Any]) -> bool:
    """Say whether this host compiles, as the role ``node`` decides it."""
    name = task_vars["inventory_hostname"]
    chosen = (task_vars.get("plan_result") or {}).get("compilers") or {}
    who = task_vars.get("podnet_compiler") or chosen.get(seen.get("machine"), name)
    return bool(who == name)


def _settled(path: str, node: dict[str, Any], seen: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        **devices.settle(node, seen),
        "balances": bool(seen.get("balances")),
        "holds_policies": bool(seen.get("holds_policies")),
        "planned_before": bool(seen.get("pod_cidr")) and not seen.get("missing"),
    }
    files.settle(path, node["name"], found)
    return {**node, **found}
