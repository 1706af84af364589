# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps that programs and modules share, written down once; those of services, NAT, policies,
drops, events and aggregated flows next door.

``bpf/lib/shared.h`` is made from these files and ``reasons.py`` (``make header``), and a unit test
fails when they part.
"""

from __future__ import annotations

from . import (
    drop_layout,
    event_layout,
    flow_layout,
    nat_layout,
    policy_layout,
    service_layout,
)
from .structs import FAMILY_IPV4, FAMILY_IPV6, Field, Layout

#: ``endpoint.flags``: the address is the node's own; its packets belong to the node's stack.
ENDPOINT_HOST = 1

#: ``endpoint.flags``: who called the pod by its own address before its node took note of that, a
#: run has noted. A segment that is of no connection then is none of the pod's.
ENDPOINT_CALLS = 2

#: ``endpoint.flags``: a policy selects the pod: what it gets and sends is judged.
ENDPOINT_ISOLATED = 4

#: ``ipcache.flags``: the node is a neighbor; what is for its pods goes to it, past any gateway.
IPCACHE_DIRECT = 1

#: ``ipcache.flags``: the node's pods are reached through the tunnel, at its tunnel endpoint.
IPCACHE_TUNNEL = 2

#: ``node_addresses.flags``: an address of this very node.
NODE_LOCAL = 1

#: Room for the verdicts of one hook in the metrics map.
VERDICTS = 64

#: Constants that the programs read, by the same name in C.
DEFINES = {"FAMILY_IPV4": FAMILY_IPV4, "FAMILY_IPV6": FAMILY_IPV6}
DEFINES |= {
    name: globals()[name]
    for name in (
        *("ENDPOINT_CALLS", "ENDPOINT_ISOLATED", "IPCACHE_DIRECT", "IPCACHE_TUNNEL", "NODE_LOCAL"),
        "VERDICTS",
    )
}
DEFINES |= service_layout.DEFINES | nat_layout.DEFINES | policy_layout.DEFINES
DEFINES |= drop_layout.DEFINES | event_layout.DEFINES | flow_layout.DEFINES

#: By map: the words for the bits of ``flags`` in its values.
FLAG_WORDS = {
    name: {
        bit: constant.removeprefix(prefix).lower()
        for constant, bit in {**DEFINES, "ENDPOINT_HOST": ENDPOINT_HOST}.items()
        if constant.startswith(prefix)
    }
    for name, prefix in (
        ("endpoints", "ENDPOINT_"),
        ("ipcache", "IPCACHE_"),
        ("node_addresses", "NODE_"),
    )
}

#: By map, by field: the word for a number.
VALUE_WORDS = {
    "non_masquerade": {
        "why": {
            number: name.removeprefix("NON_MASQUERADE_").lower()
            for name, number in vars(nat_layout).items()
            if name.startswith("NON_MASQUERADE_")
        }
    }
}

ENDPOINTS = Layout(
    name="endpoints",
    type="hash",
    what="address of a pod of this node, or of the node itself: where its packets go",
    key=(Field("address", "ip16", "the endpoint's address"),),
    value=(
        Field("ifindex", "u32", "host-side device; 0 for the node itself"),
        Field("mac", "mac", "the pod's own device"),
        Field("gateway_mac", "mac", "what the pod takes for its gateway"),
        Field("mtu", "u16", "largest packet that the pod's device takes, bytes"),
        Field("flags", "u16", "ENDPOINT_HOST: the node itself; ENDPOINT_CALLS, ...: a pod"),
        Field("netns", "u32", "1 more than the node's number for its namespace; 0: not known"),
    ),
    max_entries=65535,
    no_prealloc=True,
)

IPCACHE = Layout(
    name="ipcache",
    type="lpm_trie",
    what="pod CIDR: the node that holds it",
    key=(
        Field("prefixlen", "u32", "bits of the prefix, 96 more than IPv4 has"),
        Field("address", "ip16", "first address"),
    ),
    value=(
        Field("node", "ip16", "the node's address"),
        Field(
            "flags", "u32", "IPCACHE_DIRECT: a neighbor on this node's device; or IPCACHE_TUNNEL"
        ),
        Field("tunnel_endpoint", "ip16", "where the tunnel to its pods ends; :: without one"),
        Field("vtep_mac", "mac", "MAC address of the node's end of the tunnel"),
        Field("reserved", "u16", "0 until it has a use"),
    ),
    max_entries=512000,
    no_prealloc=True,
)

CONFIG = Layout(
    name="config",
    type="array",
    what="what the programs know of their node, for packets of each family",
    key=(Field("family", "u32", "FAMILY_IPV4 or FAMILY_IPV6"),),
    value=(
        Field("pod_cidr", "ip16", "first address of the node's pod CIDR"),
        Field(
            "pod_cidr_mask",
            "ip16",
            "its mask: an address is inside where (address & mask) is the first",
        ),
        Field("gateway_ifindex", "u32", "pn_host: the door between pods and the node's stack"),
        Field("gateway_mac", "mac", "its MAC address"),
        Field("tunnel_port", "be16", "UDP port of the overlay; 0 without one"),
        Field("netdev_ifindex", "u32", "the node's device"),
        Field("netdev_mtu", "u32", "its MTU, bytes"),
        Field("vtep", "ip16", "the node's own tunnel endpoint; :: without an overlay"),
        Field("overlay_ifindex", "u32", "pn_vxlan; 0 without an overlay"),
        Field("overlay_mtu", "u32", "its MTU, bytes"),
        Field("vni", "u32", "the VXLAN network identifier of the overlay"),
        Field("node_ip", "ip16", "the node's own address"),
        Field("gateway_ip", "ip16", "the address that its pods have for a gateway"),
    ),
    max_entries=2,
)

METRICS = Layout(
    name="metrics",
    type="percpu_array",
    what="packets and bytes by hook and verdict; the index is hook * VERDICTS + verdict",
    key=(Field("index", "u32", "hook * VERDICTS + verdict"),),
    value=(
        Field("packets", "u64", "packets"),
        Field("bytes", "u64", "their bytes, layer 2 included"),
    ),
    max_entries=1024,
)

ALLOCATIONS = Layout(
    name="allocations",
    type="hash",
    what="endpoint of this node: its address. No program reads it: by it a plan knows who holds "
    "which address, even when a device was lost",
    key=(Field("name", "bytes(256)", "the endpoint's name, zero bytes after it"),),
    value=(
        Field("address", "ip16", "the endpoint's address; of two families, that of IPv4"),
        Field("netns_inode", "u64", "namespace that was made for it; 0: it was there before"),
        Field("address6", "ip16", "that of IPv6, of two families; else ::"),
    ),
    max_entries=65535,
    no_prealloc=True,
)

NODE_ADDRESSES = Layout(
    name="node_addresses",
    type="hash",
    what="address of a node of the cluster",
    key=(Field("address", "ip16", "the address"),),
    value=(
        Field("flags", "u32", "NODE_LOCAL: one of this very node"),
        Field("node", "ip16", "the address by which the node is known"),
    ),
    max_entries=65535,
    no_prealloc=True,
)

#: Every map of a node, in the order in which they are made. Where flows are counted, those of
#: ``flow_layout`` come on top.
MAPS = (
    *(ENDPOINTS, IPCACHE, CONFIG, METRICS, ALLOCATIONS, NODE_ADDRESSES),
    *service_layout.MAPS,
    *nat_layout.MAPS,
    *policy_layout.MAPS,
    *drop_layout.MAPS,
    *event_layout.MAPS,
)

#: Those that programs refer to.
PROGRAM_MAPS = tuple(
    table
    for table in MAPS
    if table not in (ALLOCATIONS, service_layout.SERVICE_NAMES, policy_layout.POLICY_NAMES)
)
