# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sends a node the services of its cluster, or those of files on the controller."""

from __future__ import annotations

from typing import Any

from ..module_utils.engine.failure import Failure
from ..module_utils.plan import files
from ..module_utils.plan.prefix import HAS_NETADDR
from ..module_utils.plan.services import given
from ..module_utils.services import wire
from ..plugin_utils import service_files
from ..plugin_utils.action import Action
from ..plugin_utils.find import finder

#: Where the list may come from; exactly one of them.
SOURCES = ("path", "src", "services")


class ActionModule(Action):
    """Fills in the module's option ``_services``."""

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Read the services, then run the module."""
        arguments = dict(self._task.args)
        named = [name for name in SOURCES if arguments.get(name) is not None]
        if len(named) != 1:
            found = " and ".join(named) or "none of them"
            raise Failure(f"Of path, src and services {found} is given; valid is exactly one.")
        arguments.setdefault("node", str(task_vars["inventory_hostname"]))
        warnings = self._fill(arguments, task_vars)
        done = self.run_module("services", arguments, task_vars)
        if warnings:
            done["warnings"] = [*done.get("warnings", ()), *warnings]
        return done

    def _fill(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> list[str]:
        """Replace ``path`` or ``src`` by what they stand for; return what a person should know."""
        path, src = arguments.pop("path", None), arguments.pop("src", None)
        if path is not None:
            host = str(task_vars["inventory_hostname"])
            arguments["_services"] = files.read_services(str(path), host)
            return []
        if src is None:
            return []
        if not HAS_NETADDR:
            raise Failure("src needs the Python library netaddr where Ansible runs.")
        names = [src] if isinstance(src, str) else list(src)
        find = finder(self, "src", task_vars)
        loaded = [service_files.load(str(name), "src", find) for name in names]
        settled = given.settled(loaded)
        arguments["_services"] = wire.pack(settled.services)
        return settled.warnings
