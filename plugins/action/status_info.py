# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sends a node its slice of the plan, to hold it against what the kernel has."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.engine.failure import Failure
from ..plugin_utils import slices


class ActionModule(ActionBase):  # type: ignore[misc]
    """Replaces the option ``path`` of the module by ``node``."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Read the slice, then run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        task_vars = task_vars or {}
        try:
            if arguments.get("path") is not None and arguments.get("node") is None:
                arguments["node"] = slices.of_host(arguments.pop("path"), task_vars)
        except Failure as failure:
            return {**result, "failed": True, "msg": failure.message, **failure.details}
        done = self._execute_module(
            module_name="podnet.fabric.status_info", module_args=arguments, task_vars=task_vars
        )
        # What was sent would be shown, and registered, once more for each node.
        done.pop("invocation", None)
        return {**result, **done}
