# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the sources of eBPF programs on the controller and sends a host what it needs of them."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ..module_utils.engine.failure import Failure
from ..plugin_utils import programs


class ActionModule(ActionBase):  # type: ignore[misc]
    """Fills in the module's option ``_sources``."""

    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Read what may be compiled, then run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)

        def run(sources: dict[str, Any]) -> dict[str, Any]:
            done: dict[str, Any] = self._execute_module(
                module_name="podnet.fabric.bpf_program",
                module_args={**arguments, "_sources": sources},
                task_vars=task_vars,
            )
            # What was sent would be shown, and registered, once more for each node.
            done.get("invocation", {}).get("module_args", {}).pop("_sources", None)
            return done

        try:
            gathered = programs.sources(self, arguments.get("programs"))
        except Failure as failure:
            return {**result, "failed": True, "msg": failure.message}
        compiles = boolean(arguments.get("compile", True), strict=False)
        return {**result, **programs.bring(run, gathered, compiles=compiles)}
