# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a node's part of the plan to what the modules take: devices, maps, programs, settings, pods.

Plain data in, plain data out: ``parts`` hands the result to ``veth``, ``bpf_map``, ``bpf_program``
and the others as it is. What the cells differ in stands in ``cells``, what leads to peers in
``peers``.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from .. import names
from . import (
    flow_tasks,
    layout,
    nat_layout,
    peers,
    policy_layout,
    program_items,
    reasons,
    settings,
)
from .cells import (
    BY_PROGRAM,
    FROM_POD,
    POLICY_PROGRAM,
    SOCKET_PROGRAMS,
    TO_POD,
    cell_of,
    devices_of,
    socket_pin,
)
from .structs import FAMILY_IPV4

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .cells import Cell

    Items = list[dict[str, Any]]

#: What ``ipcache`` says of a peer by the way to it; all else is the routing table's.
_IPCACHE_FLAGS = {"direct": layout.IPCACHE_DIRECT, "tunnel": layout.IPCACHE_TUNNEL}
_NO_ADDRESS, _NO_MAC = "::", "00:00:00:00:00:00"

#: What programs are made without where a node does not have it.
WITHOUT = {
    "services": "NO_SERVICES",
    "masquerade": "NO_MASQUERADE",
    "isolation": "NO_POLICY",
}

#: What ``non_masquerade`` says of a prefix by what the plan says of it.
_WHY = {
    "pods": nat_layout.NON_MASQUERADE_PODS,
    "native": nat_layout.NON_MASQUERADE_NATIVE,
    "listed": nat_layout.NON_MASQUERADE_LISTED,
    "link_local": nat_layout.NON_MASQUERADE_LINK_LOCAL,
}

#: Maps that have a step to themselves, by what a node has then.
_APART = {
    "masquerade": (nat_layout.MASQUERADE.name, nat_layout.NON_MASQUERADE.name),
    "isolation": (policy_layout.POLICY_STAGE.name,),
}

#: What a node has that got no pod CIDR; routes to its peers come on top.
_NOTHING: dict[str, Any] = {
    **{word: [] for word in ("veths", "bridges", "vxlans", "first_maps", "maps")},
    **{word: [] for word in ("programs", "socket_programs", "neighbors", "endpoints")},
    **{word: [] for word in ("masquerade_maps", "policy_maps", "policy_programs")},
    **{word: [] for word in ("flow_maps", "flow_stage", "flow_programs")},
    "sysctls": {"values": {}, "restore": []},
    "endpoint_options": {},
    "keep": {"devices": [], "programs": [], "maps": []},
}


def build(node: Mapping[str, Any], ifindexes: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Return what the modules take for one node.

    ``veths``, ``bridges``, ``vxlans``, ``programs``, ``socket_programs``, ``routes``, ``neighbors``
    and ``endpoints`` are items for the modules of these names, ``policy_programs`` that for
    ``bpf_program`` to which the others hand packets over, as ``flow_programs`` is, ``first_maps``,
    ``maps``, ``masquerade_maps``, ``policy_maps``, ``flow_maps`` and ``flow_stage`` for
    ``bpf_map``: with nothing that sends packets, with all, and those with a step to themselves;
    such a map is not in ``maps``, or check mode would say it twice. ``sysctls`` has the options
    ``values`` and ``restore``, ``endpoint_options`` those that all pods of a node share; ``keep``
    is that of ``teardown``.

    :param node: its part of the plan.
    :param ifindexes: numbers of the node's devices, by their names; the maps hold them.
    """
    cell = cell_of(node)
    if not node["usable"]:
        return {**_NOTHING, "routes": peers.routes(node, cell)}
    config = [_config(node, cell, ifindexes or {})]
    return {
        "veths": [] if cell.bridged else _gateway_pair(node),
        "bridges": _bridge(node) if cell.bridged else [],
        "vxlans": _vxlan(node, cell) if cell.tunnel else [],
        "sysctls": settings.of(node, cell),
        "first_maps": _maps([], [], config if cell.tunnel else []),
        "maps": _but_apart(
            node, _maps(_ipcache(node), _node_addresses(node), config, _apart(node, wanted=False))
        ),
        "programs": _programs(node, cell),
        "policy_programs": _policy_programs(node),
        "policy_maps": _policy_maps(node),
        "flow_maps": flow_tasks.maps(node),
        "flow_programs": flow_tasks.programs(node),
        "flow_stage": flow_tasks.stage(node),
        "socket_programs": _socket_programs(node),
        "masquerade_maps": _masquerade_maps(node),
        "routes": peers.own_routes(node, cell) + peers.routes(node, cell),
        "neighbors": peers.neighbors(node, cell),
        "endpoints": _endpoints(node),
        "endpoint_options": _endpoint_options(node, cell),
        "keep": {
            "devices": list(cell.devices),
            "programs": [
                *cell.all_programs,
                *(one["name"] for one in _policy_programs(node) + flow_tasks.programs(node)),
            ],
            "maps": flow_tasks.kept(node),
            "attached": {name: devices_of(node, at) for name, at in cell.programs.items()},
        },
    }


def _gateway_pair(node: Mapping[str, Any]) -> Items:
    """Neither end asks for MAC addresses: what leaves by ``pn_host``, the program there takes.

    The node's address is here, too: a host that loses it on its own device for a moment keeps the
    routes to pods of which it is the source.
    """
    common = {"mtu": node["mtu"], "arp": False, "up": True}
    return [
        {
            "name": names.GATEWAY_DEVICE,
            "mac": node["gateway_mac"],
            "addresses": [f"{node['gateway_ip']}/32", f"{node['node_ip']}/32"],
            "purge_addresses": True,
            "alias": names.alias("gateway", "host"),
            "peer": {
                "name": names.GATEWAY_PEER,
                "mac": node["gateway_mac"],
                "alias": names.alias("gateway", "net"),
                **common,
            },
            **common,
        }
    ]


def _bridge(node: Mapping[str, Any]) -> Items:
    return [
        {
            "name": names.BRIDGE_DEVICE,
            "mac": node["gateway_mac"],
            "mtu": node["mtu"],
            "addresses": [f"{node['gateway_ip']}/{peers.split_cidr(node['pod_cidr'])[1]}"],
            "purge_addresses": True,
            "alias": names.alias("bridge", names.BRIDGE_DEVICE),
            "up": True,
            # No loop can be: every port leads into a pod. So a new pod need not wait for one.
            "stp_state": False,
            "forward_delay": 0,
        }
    ]


def _vxlan(node: Mapping[str, Any], cell: Cell) -> Items:
    vxlan = node["vxlan"]
    if cell.tunnel == BY_PROGRAM:
        addressed: dict[str, Any] = {"external": True, "addresses": []}
    else:
        # The source of what the node itself sends into the tunnel.
        address, _length = peers.split_cidr(node["pod_cidr"])
        addressed = {"external": False, "id": vxlan["vni"], "addresses": [f"{address}/32"]}
    return [
        {
            "name": names.OVERLAY_DEVICE,
            "mac": vxlan["mac"],
            "mtu": vxlan["mtu"],
            "alias": names.alias("overlay", "vxlan"),
            "up": True,
            "dev": vxlan["device"],
            "local": vxlan["ip"],
            "dstport": vxlan["port"],
            "learning": False,
            "checksum_offload": vxlan["checksum_offload"],
            "purge_addresses": True,
            **addressed,
        }
    ]


def _maps(ipcache: Items, addresses: Items, config: Items, emptied: Iterable[str] = ()) -> Items:
    """Every map with what the plan knows of it; others are filled by who makes what they are of.

    Programs send by ``ipcache``. It is filled last, when every node takes what is sent so, and
    before ``config`` forgets a tunnel: that is there for as long as something is sent into it.
    """
    filled: dict[str, dict[str, Any]] = {
        layout.IPCACHE.name: {"entries": ipcache, "purge": bool(ipcache)},
        layout.NODE_ADDRESSES.name: {"entries": addresses, "purge": bool(addresses)},
        layout.CONFIG.name: {"entries": config},
        **{name: {"entries": [], "purge": True} for name in emptied},
    }
    return [table.task(**filled.get(table.name, {})) for table in layout.MAPS]


def _ipcache(node: Mapping[str, Any]) -> Items:
    own = {word: node[word] for word in ("pod_cidr", "node_ip")}
    return [
        {
            "key": _prefix_key(one["pod_cidr"]),
            "value": {
                "node": one["node_ip"],
                "flags": _IPCACHE_FLAGS.get(one.get("route"), 0),
                # Known of a neighbor, too: it may not know yet that this node is one to it.
                "tunnel_endpoint": one.get("vtep_ip") or _NO_ADDRESS,
                "vtep_mac": one.get("vtep_mac") or _NO_MAC,
                "reserved": 0,
            },
        }
        for one in (own, *node["peers"])
    ]


def _node_addresses(node: Mapping[str, Any]) -> Items:
    """Return the addresses of all nodes; a packet or a socket to this node's own is for it."""
    found = {
        address: {"flags": 0, "node": peer["node_ip"]}
        for peer in node["peers"]
        for address in (peer["node_ip"], peer["vtep_ip"], *peer["addresses"])
    }
    own = [node["node_ip"], node["gateway_ip"], (node["vxlan"] or {}).get("ip")]
    own += [*node["addresses"], *(one["ip"] for one in _egress_devices(node))]
    found |= {one: {"flags": layout.NODE_LOCAL, "node": node["node_ip"]} for one in own}
    return [
        {"key": {"address": address}, "value": value} for address, value in found.items() if address
    ]


def _apart(node: Mapping[str, Any], *, wanted: bool) -> list[str]:
    """Return the maps that have a step to themselves; or those whose steps this node has no more.

    The latter are emptied.
    """
    return [name for key, maps in _APART.items() if bool(node[key]) == wanted for name in maps]


def _but_apart(node: Mapping[str, Any], maps: Items) -> Items:
    apart = _apart(node, wanted=True)
    return [one for one in maps if one["name"] not in apart]


def _egress_devices(node: Mapping[str, Any]) -> Items:
    return list(node["masquerade"]["devices"]) if node["masquerade"] else []


def _masquerade_maps(node: Mapping[str, Any]) -> Items:
    """Return what is not masqueraded, then the devices by which all else is."""
    masquerade = node["masquerade"]
    if not masquerade:
        return []
    flags = nat_layout.MASQUERADE_NODES if masquerade["nodes"] else 0
    prefixes = [
        {"key": _prefix_key(one["cidr"]), "value": {"why": _WHY[one["why"]]}}
        for one in masquerade["prefixes"]
    ]
    devices = [
        {
            "key": {"ifindex": one["ifindex"], "family": FAMILY_IPV4},
            "value": {"address": one["ip"], "flags": flags},
        }
        for one in _egress_devices(node)
    ]
    return [
        nat_layout.NON_MASQUERADE.task(entries=prefixes, purge=True),
        nat_layout.MASQUERADE.task(entries=devices, purge=True),
    ]


def _prefix_key(prefix: str) -> dict[str, Any]:
    address, length = peers.split_cidr(prefix)
    mapped = 0 if ":" in address else 96  # ::ffff:0:0/96 holds IPv4
    return {"prefixlen": length + mapped, "address": address}


def _config(node: Mapping[str, Any], cell: Cell, ifindexes: Mapping[str, int]) -> dict[str, Any]:
    network = ipaddress.ip_network(node["pod_cidr"])
    vxlan = node["vxlan"] or {"ip": _NO_ADDRESS, "mtu": 0, "vni": 0, "port": 0}
    value = {
        "pod_cidr": str(network.network_address),
        "pod_cidr_mask": str(network.netmask),
        "gateway_ifindex": ifindexes.get(cell.gateway, 0),
        "gateway_mac": node["gateway_mac"],
        "tunnel_port": vxlan["port"],
        "netdev_ifindex": node["device_ifindex"],
        "netdev_mtu": node["device_mtu"],
        "vtep": vxlan["ip"],
        "overlay_ifindex": ifindexes.get(names.OVERLAY_DEVICE, 0) if cell.tunnel else 0,
        "overlay_mtu": vxlan["mtu"],
        "vni": vxlan["vni"],
        "node_ip": node["node_ip"],
        "gateway_ip": node["gateway_ip"],
    }
    return {"key": {"family": FAMILY_IPV4}, "value": value}


def _programs(node: Mapping[str, Any], cell: Cell) -> Items:
    """Return the programs and where they go; that of the pods is attached when they are made."""
    return [
        {
            **_program(node, hook.name),
            "attach": [
                {"hook": hook.attach, "device": device}
                for device in devices_of(node, cell.programs.get(hook.name, ()))
            ],
        }
        for hook in reasons.HOOKS
        if hook.name in cell.all_programs
    ]


def _program(node: Mapping[str, Any], name: str) -> dict[str, Any]:
    without = [word for key, word in WITHOUT.items() if not node[key]]
    return program_items.pinned(flow_tasks.program(name, without, node.get("flows")))


def _policy_programs(node: Mapping[str, Any]) -> Items:
    return [_program(node, POLICY_PROGRAM)] if node["isolation"] else []


def _policy_maps(node: Mapping[str, Any]) -> Items:
    """Return the map by which others hand packets over to the program that judges them."""
    return program_items.stage(policy_layout.POLICY_STAGE, _policy_programs(node))


def _socket_programs(node: Mapping[str, Any]) -> Items:
    """Return the programs at the node's cgroup; absent ones where there are no services."""
    return [
        {
            "name": f"socket_{name}",
            "src": "socket.c",
            "function": name,
            "maps": {table.name: table.pin for table in layout.PROGRAM_MAPS},
            "pin": socket_pin(name),
            "attach": [{"hook": f"cgroup_{name}"}],
            "state": "present" if node["services"] else "absent",
        }
        for name in SOCKET_PROGRAMS
    ]


def _endpoints(node: Mapping[str, Any]) -> Items:
    words = ("name", "ip", "mac", "netns", "isolated")
    return [{word: one[word] for word in words if one.get(word)} for one in node["endpoints"]]


def _endpoint_options(node: Mapping[str, Any], cell: Cell) -> dict[str, Any]:
    """Return what all pods of a node share, in the words of the module ``endpoints``."""
    return {
        "datapath": node["datapath"],
        "program": f"{names.PROGRAM_PINS}/{cell.pods[FROM_POD]}",
        "delivery_program": cell.pods.get(TO_POD) and f"{names.PROGRAM_PINS}/{cell.pods[TO_POD]}",
        "bridge": names.BRIDGE_DEVICE,
        "prefix_length": peers.split_cidr(node["pod_cidr"])[1] if cell.bridged else 32,
        "route_src": node["node_ip"],
        "non_masquerade_cidrs": node["masquerade"]
        and [one["cidr"] for one in node["masquerade"]["prefixes"]],
        "gateway_ip": node["gateway_ip"],
        "gateway_mac": node["gateway_mac"],
        "host_addresses": [node["gateway_ip"], node["node_ip"]],
        "mtu": node["mtu"],
        "attach_mode": node["attach_mode"],
    }
