# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hand a host the slice of the plan that is its own."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan import devices, files

ARGUMENT_SPEC = {"path": {"type": "str", "required": True}}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Read what M(podnet.fabric.plan) wrote."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the slice as the fact ``podnet_node``."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        name = str((task_vars or {})["inventory_hostname"])
        arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)[1]
        try:
            node = _slice(str(arguments["path"]), name)
            node.update(devices.settle(node, (task_vars or {}).get("podnet_observed") or {}))
        except Failure as failure:
            return {**result, "failed": True, "msg": failure.message, **failure.details}
        return {**result, "changed": False, "ansible_facts": {"podnet_node": node}}


def _slice(path: str, name: str) -> dict[str, Any]:
    node = files.read(path, name)
    if not node["observed"]:
        # Its pods are not in the slice: applied, the slice would take them away.
        raise Failure(
            f"{name} was not observed in this run, so what it holds is not in the plan; observe "
            "it before podnet.fabric.plan."
        )
    return node
