# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settle the slice of the plan that is a host's own; the place to refuse what a host cannot have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan import devices, files
from ansible_collections.podnet.fabric.plugins.plugin_utils import slices

if TYPE_CHECKING:
    from collections.abc import Mapping

ARGUMENT_SPEC = {"path": {"type": "str", "required": True}}

#: What a slice says in a word; lists of pods and peers are for those who read the whole of it.
SUMMARY = (
    *("cluster", "network_type", "datapath", "name", "node_ip", "node_group", "device", "mtu"),
    *("attach_mode", "usable", "reason", "pod_cidr", "gateway_ip", "health_ip", "services"),
)


class ActionModule(ActionBase):  # type: ignore[misc]
    """Complete what M(podnet.fabric.plan) wrote for this host."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the slice in a word; the whole of it stays in the plan's folder."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)[1]
        try:
            node = _settled(str(arguments["path"]), task_vars or {})
        except Failure as failure:
            return {**result, "failed": True, "msg": failure.message, **failure.details}
        found = {word: node[word] for word in SUMMARY}
        return {**result, "changed": False, "path": str(arguments["path"]), **found}


def _settled(path: str, task_vars: Mapping[str, Any]) -> dict[str, Any]:
    node = slices.of_host(path, task_vars)
    seen = task_vars.get("podnet_observed") or {}
    found = {
        **devices.settle(node, seen),
        "balances": bool(seen.get("balances")),
        "planned_before": bool(seen.get("pod_cidr")) and not seen.get("missing"),
    }
    files.settle(path, node["name"], found)
    return {**node, **found}
