# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps what a node knows of the others out of variables and events."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ..plugin_utils import observed


class ActionModule(ActionBase):  # type: ignore[misc]
    """Does what the option ``hand_over`` of the module says."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        done = self._execute_module(
            module_name="podnet.fabric.node_info",
            module_args=dict(self._task.args),
            task_vars=task_vars,
        )
        # The name of a file here is nothing for a node to say.
        done.pop(observed.HANDED_OVER, None)
        if boolean(self._task.args.get("hand_over", False)) and not done.get("failed"):
            done = observed.hand_over(done)
        return {**result, **done}
