# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Has eBPF programs compiled once a run, and keeps what was made on the controller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..module_utils.ebpf import bpf_compile
from ..module_utils.ebpf.bpf_sources import gather_own
from ..module_utils.steps import given, parts
from ..plugin_utils import objects, programs, slices
from ..plugin_utils.action import Action

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActionModule(Action):
    """Fills in the module's options that begin with ``_``, and keeps what it returns."""

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Compile what was not compiled yet in this run."""
        options = self.validate_argument_spec(
            argument_spec=bpf_compile.ARGUMENTS, **bpf_compile.RULES
        )[1]
        if self._task.check_mode:
            return {"changed": False, "compiled": []}
        lacks = options["lacks"] or {}
        machine = str(lacks.get("machine", ""))
        items, sources = self._read(options, lacks, task_vars)
        with objects.alone(machine):
            keys = bpf_compile.keys(items, sources, machine)
            if set(objects.found(keys.values())) == set(keys.values()):
                return {"changed": False, "machine": machine, "compiled": [], "keys": keys}
            return self._compile(items, sources, machine, task_vars)

    def _read(
        self, options: Mapping[str, Any], lacks: Mapping[str, Any], task_vars: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the programs that are lacking, and their sources."""
        items = options["programs"]
        if items is None:
            items = given.programs(parts.PARTS, slices.of_host(options["path"], task_vars))
        wanted = [item for item in items if not lacks or item.get("name") in lacks["programs"]]
        if options["programs"] is None:
            return wanted, gather_own(wanted)
        return wanted, programs.sources(self, wanted)

    def _compile(
        self,
        items: list[dict[str, Any]],
        sources: dict[str, Any],
        machine: str,
        task_vars: dict[str, Any],
    ) -> dict[str, Any]:
        sent = {"programs": items, "_machine": machine, "_sources": sources}
        done = self.run_module("bpf_compile", sent, task_vars)
        done.pop("invocation", None)  # the task may not have named them
        made = done.pop("objects", {})
        if not done.get("failed"):
            own = str(done["machine"])
            objects.keep(made, set(bpf_compile.keys(items, sources, own).values()), own)
            done["host"] = str(self._task.delegate_to or task_vars["inventory_hostname"])
        return done
