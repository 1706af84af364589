# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the sources of eBPF programs on the controller and sends a host what it needs of them."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils import programs
from ..plugin_utils.action import Action


class ActionModule(Action):
    """Fills in the module's option ``_sources``."""

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Read what may be compiled, then run the module."""
        arguments = dict(self._task.args)

        def run(sources: dict[str, Any]) -> dict[str, Any]:
            return self.run_module("bpf_program", {**arguments, "_sources": sources}, task_vars)

        gathered = programs.sources(self, arguments.get("programs"))
        compiles = boolean(arguments.get("compile", True), strict=False)
        return programs.bring(run, gathered, compiles=compiles)
