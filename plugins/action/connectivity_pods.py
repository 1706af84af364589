# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sends a node the pods of the connectivity test, with the services and policies of these."""

from __future__ import annotations

from typing import Any

from ..module_utils.connectivity import actions, items
from ..module_utils.plan import files
from ..plugin_utils import slices
from ..plugin_utils.action import Action


class ActionModule(Action):
    """Fills in the module's option ``_given``."""

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Read the slice, then run the module."""
        arguments = dict(self._task.args)
        if arguments.get("state") != "absent":
            arguments["_given"] = (
                _outside(arguments)
                if arguments.get("name") is not None
                else _of_node(arguments.get("path"), task_vars)
            )
        return self.run_module("connectivity_pods", arguments, task_vars)


def _outside(arguments: dict[str, Any]) -> dict[str, Any]:
    place = {word: arguments[word] for word in ("name", "address")}
    return {"places": [{**place, "ports": [items.HOST_PORT]}]}


def _of_node(path: Any, task_vars: dict[str, Any]) -> dict[str, Any]:
    """Return what a node is brought: pods without policies where it judges none, and so on."""
    node = slices.of_host(str(path), task_vars)
    judges = actions.judges(node)
    roles = [role for role in items.PODS if judges or role not in items.OF_POLICIES]
    own = [one for one in node["endpoints"] if items.role_of(one) in roles]
    return {
        # Without what a node has only where it judges pods of others, too.
        "node": {**node, "endpoints": own, "isolation": judges},
        "services": files.read_services(str(path), node["name"]) if node["balances"] else "",
        "policies": files.read_policies(str(path), node["name"]) if judges else [],
        "places": [
            {"name": node["name"], "address": node["node_ip"], "ports": [items.HOST_PORT]},
            *map(_place, own),
        ],
    }


def _place(endpoint: dict[str, Any]) -> dict[str, Any]:
    role = items.role_of(endpoint) or ""
    ports = list(items.PODS[role][1])
    return {
        "name": endpoint["name"],
        "address": endpoint["ip"],
        "netns": endpoint["name"],
        "ports": [*ports, items.DNS_PORT] if role == "server" else ports,
    }
