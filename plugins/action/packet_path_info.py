# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sends a node what its programs are made of, so that it can load them once more."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils.ebpf.bpf_sources import gather_own, without_texts
from ..module_utils.why import copies
from ..plugin_utils import objects
from ..plugin_utils.action import Action


class ActionModule(Action):
    """Fills in the module's option ``_sources``, and keeps what was compiled for the next node."""

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run the module with as little as it needs."""
        arguments = dict(self._task.args)
        if arguments.get("packet") is None:
            return self.run_module("packet_path_info", arguments, task_vars)

        def run(sources: dict[str, Any]) -> dict[str, Any]:
            return self.run_module(
                "packet_path_info", {**arguments, "_sources": sources}, task_vars
            )

        gathered = gather_own(copies.all_items())
        digests = without_texts(gathered)
        done = run(digests)
        lacks = done.get("lacks")
        if lacks:
            keys = {str(key) for key in lacks["programs"].values()}
            made = objects.found(keys)
            new = keys - set(made)
            compiles = boolean(arguments.get("compile", True), strict=False)
            if new and not compiles:
                return done
            done = run({**(gathered if new else digests), "objects": made})
            if new and not done.get("failed"):
                objects.keep(done["objects"], new, lacks["machine"])
        done.pop("objects", None)
        return done
