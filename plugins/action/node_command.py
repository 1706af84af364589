# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sends a node its slice of the plan and what its programs are made of, for its own command."""

from __future__ import annotations

from typing import Any

from ..plugin_utils import folded, slices
from ..plugin_utils.action import Action


class ActionModule(Action):
    """Fills in the options ``node`` and ``_folded`` of the module."""

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Read the slice, then run the module."""
        arguments = dict(self._task.args)
        if arguments.get("path") is not None and arguments.get("node") is None:
            arguments["node"] = slices.of_host(arguments.pop("path"), task_vars)
        sent = folded.of_all_programs(texts=True)
        done = self.run_module("node_command", {**arguments, "_folded": sent}, task_vars)
        done.pop("invocation", None)  # the slice would be shown once more for each node
        return done
