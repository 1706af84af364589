# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keeps what a node knows of the others out of variables and events."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils import observed
from ..plugin_utils.action import Action


class ActionModule(Action):
    """Does what the option ``hand_over`` of the module says."""

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run the module."""
        done = self.run_module("node_info", self._task.args, task_vars)
        # The name of a file here is nothing for a node to say.
        done.pop(observed.HANDED_OVER, None)
        if boolean(self._task.args.get("hand_over", False)) and not done.get("failed"):
            return observed.hand_over(done)
        return done
