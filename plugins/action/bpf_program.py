# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the sources of eBPF programs on the controller and sends them with the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils.bpf_sources import COLLECTION_SOURCES, gather
from ..module_utils.engine.failure import Failure


class ActionModule(ActionBase):  # type: ignore[misc]
    """Fills in the module's option ``_sources``."""

    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Read what is to be compiled, then run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        programs = arguments.get("programs") or []
        base = Path(self._loader.get_basedir())
        try:
            named = [item for item in programs if isinstance(item, dict) and "name" in item]
            sources = gather(named, self._find_source, base)
        except Failure as failure:
            return {**result, "failed": True, "msg": failure.message}
        arguments["_sources"] = sources
        done = self._execute_module(
            module_name="podnet.fabric.bpf_program", module_args=arguments, task_vars=task_vars
        )
        # What was sent would be shown, and registered, once more for each node.
        done.get("invocation", {}).get("module_args", {}).pop("_sources", None)
        return {**result, **done}

    def _find_source(self, name: str) -> str:
        try:
            return str(self._find_needle("files", name))
        except AnsibleError as error:
            own = COLLECTION_SOURCES / name
            if own.is_file():
                return str(own)
            raise Failure(f"src {name!r} is not found: {error}.") from error
