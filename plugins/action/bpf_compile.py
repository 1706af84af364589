# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Has eBPF programs compiled once a run, and keeps what was made on the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase

from ..module_utils.ebpf import bpf_compile
from ..module_utils.engine.failure import Failure
from ..module_utils.steps import given, parts
from ..plugin_utils import objects, programs, slices

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(ActionBase):  # type: ignore[misc]
    """Fills in the module's options that begin with ``_``, and keeps what it returns."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Compile what was not compiled yet in this run."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = self.validate_argument_spec(
            argument_spec=bpf_compile.ARGUMENTS, **bpf_compile.RULES
        )[1]
        if self._task.check_mode:
            return {**result, "changed": False, "compiled": []}
        lacks = options["lacks"] or {}
        machine = str(lacks.get("machine", ""))
        try:
            items, sources = self._read(options, lacks, task_vars or {})
            with objects.alone(machine):
                keys = bpf_compile.keys(items, sources, machine)
                if set(objects.found(keys.values())) == set(keys.values()):
                    done = {"changed": False, "machine": machine, "compiled": [], "keys": keys}
                else:
                    done = self._compile(items, sources, machine, task_vars or {})
        except Failure as failure:
            return {**result, "failed": True, "msg": failure.message, **failure.details}
        return {**result, **done}

    def _read(
        self, options: Mapping[str, Any], lacks: Mapping[str, Any], task_vars: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the programs that are lacking, and their sources."""
        items = options["programs"]
        if items is None:
            items = given.programs(parts.PARTS, slices.of_host(options["path"], task_vars))
        wanted = [item for item in items if not lacks or item.get("name") in lacks["programs"]]
        if options["programs"] is None:
            return wanted, programs.own_sources(wanted)
        return wanted, programs.sources(self, wanted)

    def _compile(
        self,
        items: list[dict[str, Any]],
        sources: dict[str, Any],
        machine: str,
        task_vars: dict[str, Any],
    ) -> dict[str, Any]:
        done: dict[str, Any] = self._execute_module(
            module_name="podnet.fabric.bpf_compile",
            module_args={"programs": items, "_machine": machine, "_sources": sources},
            task_vars=task_vars,
        )
        # What was sent would be shown, and registered, once more for each node.
        done.pop("invocation", None)
        made = done.pop("objects", {})
        if not done.get("failed"):
            own = str(done["machine"])
            objects.keep(made, set(bpf_compile.keys(items, sources, own).values()), own)
            done["host"] = str(self._task.delegate_to or task_vars["inventory_hostname"])
        return done
