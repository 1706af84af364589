# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sends a node what it and the others send as, out of the plan."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from ..module_utils.underlay.packets import OVERHEAD
from ..plugin_utils import slices
from ..plugin_utils.action import Action

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class ActionModule(Action):
    """Fills in the module's option ``_given``."""

    def work(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Read the slice, then run the module."""
        arguments = dict(self._task.args)
        node = slices.of_host(str(arguments["path"]), task_vars)
        hosts = {str(name) for name in task_vars["ansible_play_hosts"]}
        arguments["_given"] = {
            "own": _own(node),
            "peers": _peers(node, hosts),
            # The folder of the plan is another one in each run.
            "run": zlib.crc32(str(arguments["path"]).encode()),
        }
        return self.run_module("underlay_info", arguments, task_vars)


def _own(node: Mapping[str, Any]) -> dict[str, Any]:
    tunnel = node["vxlan"]
    return {
        "node_ip": node["node_ip"],
        "pod": node["health_ip"],
        "pod_cidr": node["pod_cidr"],
        "device": node["device"],
        "devices": sorted({node["device"], tunnel["device"] if tunnel else node["device"]}),
        "tunnel": [tunnel["ip"], tunnel["port"]] if tunnel else None,
        "mac": tunnel["mac"] if tunnel else None,
        "size": node["mtu"] + (OVERHEAD if tunnel else 0),
    }


def _peers(node: Mapping[str, Any], hosts: Collection[str]) -> list[dict[str, Any]]:
    return [
        {
            "name": peer["name"],
            "node_ip": peer["node_ip"],
            "pod": peer["health_ip"],
            "pod_cidr": peer["pod_cidr"],
            "way": peer["route"],
            "tunnel": _tunnel(node, peer) if peer["route"] == "tunnel" else None,
        }
        for peer in node["peers"]
        if peer["name"] in hosts
    ]


def _tunnel(node: Mapping[str, Any], peer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "address": peer["vtep_ip"],
        "mac": peer["vtep_mac"],
        **{word: node["vxlan"][word] for word in ("port", "vni")},
    }
