# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a node's part of the plan to what the generic modules take: devices, maps, programs, routes.

Plain data in, plain data out, on the controller: a role hands the result to ``veth``, ``bpf_map``,
``bpf_program`` and ``routes`` as it is.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from .. import names
from . import layout, reasons

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Hooks whose device is found when the pods are made: the program is pinned and attached later.
PER_ENDPOINT = ("from_container",)


def gateway_pair(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the pair ``pn_host``/``pn_net``, as items of ``veth``.

    ``pn_host`` holds the address that the pods have for a gateway. Neither end asks for MAC
    addresses: what leaves by ``pn_host`` is taken over by the program there.
    """
    common = {"mtu": node["mtu"], "arp": False, "up": True}
    return [
        {
            "name": names.GATEWAY_DEVICE,
            "mac": node["gateway_mac"],
            "addresses": [f"{node['gateway_ip']}/32"],
            "alias": names.alias("gateway", "host"),
            "peer": {
                "name": names.GATEWAY_PEER,
                "alias": names.alias("gateway", "net"),
                **common,
            },
            **common,
        }
    ]


def maps(node: Mapping[str, Any], gateway_ifindex: int) -> list[dict[str, Any]]:
    """Return every map of the datapath with what the plan knows of it, as items of ``bpf_map``.

    Those of endpoints stay empty: who makes the devices fills them.
    """
    return [
        layout.ENDPOINTS.task(),
        layout.IPCACHE.task(entries=_ipcache(node), purge=True),
        layout.CONFIG.task(entries=[_config(node, gateway_ifindex)]),
        layout.METRICS.task(),
        layout.ALLOCATIONS.task(),
    ]


def programs(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the programs and where they go, as items of ``bpf_program``."""
    devices = {"from_netdev": node["device"], "from_host": names.GATEWAY_DEVICE}
    return [
        {
            "name": hook.name,
            "src": f"{hook.name}.c",
            "function": hook.name,
            "type": "sched_cls",
            "maps": {table.name: table.pin for table in layout.PROGRAM_MAPS},
            "pin": f"{names.PROGRAM_PINS}/{hook.name}",
            "attach": []
            if hook.name in PER_ENDPOINT
            else [{"hook": hook.attach, "device": devices[hook.name]}],
        }
        for hook in reasons.HOOKS
        if hook.name in (*PER_ENDPOINT, *devices)
    ]


def routes(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the routes to the pods of this node and of the others, as items of ``routes``."""
    own = {"dst": node["pod_cidr"], "dev": names.GATEWAY_DEVICE, "src": node["node_ip"]}
    return ([own] if node["usable"] else []) + [dict(route) for route in node["routes"]]


def endpoints(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the pods of the node and its health endpoint, as items of ``endpoints``."""
    words = ("name", "ip", "mac", "netns")
    return [{word: one[word] for word in words if one.get(word)} for one in node["endpoints"]]


def _ipcache(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    neighbors = {peer["pod_cidr"] for peer in node["peers"] if peer["direct"]}
    entries = []
    for entry in node["ipcache"]:
        network = ipaddress.ip_network(entry["prefix"])
        mapped = 96 if network.version == 4 else 0  # ::ffff:0:0/96 holds IPv4
        key = {"prefixlen": network.prefixlen + mapped, "address": str(network.network_address)}
        flags = layout.IPCACHE_DIRECT if entry["prefix"] in neighbors else 0
        value = {
            "node": entry["node"],
            "flags": flags,
            "tunnel_endpoint": "::",
            "vtep_mac": "00:00:00:00:00:00",
            "reserved": 0,
        }
        entries.append({"key": key, "value": value})
    return entries


def _config(node: Mapping[str, Any], gateway_ifindex: int) -> dict[str, Any]:
    network = ipaddress.ip_network(node["pod_cidr"])
    value = {
        "pod_cidr": str(network.network_address),
        "pod_cidr_mask": str(network.netmask),
        "gateway_ifindex": gateway_ifindex,
        "gateway_mac": node["gateway_mac"],
        "reserved": 0,
        "netdev_ifindex": node["device_ifindex"],
        "netdev_mtu": node["device_mtu"],
        "vtep": "::",
        "overlay_ifindex": 0,
        "overlay_mtu": 0,
        "vni": 0,
    }
    return {"key": {"zero": 0}, "value": value}
