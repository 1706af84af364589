# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps of service load balancing, which every node has, with services or without.

A frontend names a run of slots in one array of backends: new backends are written to slots that
nobody uses, and then the frontend is pointed at them in one step. No program ever sees half a set.
"""

from __future__ import annotations

from .structs import Field, Layout

#: ``services.kind``: what makes a frontend.
SERVICE_CLUSTER_IP, SERVICE_NODE_PORT, SERVICE_EXTERNAL_IP = 1, 2, 3
SERVICE_LOAD_BALANCER, SERVICE_HOST_PORT = 4, 5

#: ``services.flags``.
SERVICE_OUTSIDE = 1  # taken from outside the cluster, too
SERVICE_SOURCE_RANGES = 2  # from outside only out of the prefixes in source_ranges
SERVICE_MAGLEV = 4  # a packet's backend by the table in maglev, not at random
SERVICE_LOCAL_OUTSIDE = 8  # external traffic policy Local: only backends of this node
SERVICE_ALLOCATED = 16  # the planner chose the address or the node port: it is to be kept

#: First and last of the ports that Kubernetes gives node ports out of.
NODE_PORTS = (30000, 32767)

#: A prime, at least 100 times the backends keeps reassignment under 1 % (the Maglev paper, 5.3).
MAGLEV_POSITIONS = 16381

#: Constants that the programs read, by the same name in C.
DEFINES = {
    name: globals()[name]
    for name in (
        *("SERVICE_NODE_PORT", "SERVICE_EXTERNAL_IP", "SERVICE_LOCAL_OUTSIDE"),
        *("SERVICE_OUTSIDE", "SERVICE_SOURCE_RANGES", "SERVICE_MAGLEV"),
        "MAGLEV_POSITIONS",
    )
}

SERVICES = Layout(
    name="services",
    type="hash",
    what="frontend of a service: its backends. With port and protocol 0: an address that services "
    "have, so that its other ports are known for what they are",
    key=(
        Field("address", "ip16", "the service's address; :: for any address of the node's own"),
        Field("port", "be16", "its port"),
        Field("protocol", "u8", "IPPROTO_TCP or IPPROTO_UDP"),
        # Where the release before this one had the upper half of the protocol.
        Field("family", "u8", "FAMILY_IPV4 or FAMILY_IPV6, of any address, too"),
    ),
    value=(
        Field("id", "u32", "number of the frontend; 0 for an address alone"),
        Field("kind", "u16", "SERVICE_CLUSTER_IP, ..."),
        Field("flags", "u16", "SERVICE_OUTSIDE, ..."),
        Field("first", "u32", "first slot of the backends for clients of the cluster"),
        Field("active", "u16", "how many slots from there on take new connections"),
        Field("total", "u16", "how many with those that only keep what they have"),
        Field("outside_first", "u32", "first slot of the backends for clients from outside"),
        Field("outside_active", "u16", "how many slots from there on take new connections"),
        Field("outside_total", "u16", "how many with those that only keep what they have"),
        Field("affinity", "u32", "seconds for which a client keeps its backend; 0: none"),
    ),
    max_entries=65536,
    no_prealloc=True,
)

BACKENDS = Layout(
    name="backends",
    type="array",
    what="slot of a frontend's: a backend",
    key=(Field("slot", "u32", "number of the slot"),),
    value=(
        Field("address", "ip16", "the backend's address"),
        Field("port", "be16", "its port; 0 in a slot that nobody has used yet"),
        Field("reserved", "u16", "0"),
    ),
    max_entries=131072,
)

SERVICE_NAMES = Layout(
    name="service_names",
    type="hash",
    what="number of a frontend: whose it is. No program reads it",
    key=(Field("id", "u32", "number of the frontend"),),
    value=(Field("name", "bytes(256)", "namespace/service:port, zero bytes after it"),),
    max_entries=65536,
    no_prealloc=True,
)

SERVICE_STATE = Layout(
    name="service_state",
    type="array",
    what="what programs ask before they look further; one entry",
    key=(Field("zero", "u32", "always 0"),),
    value=(
        Field("host_netns", "u64", "cookie of the node's own network namespace"),
        Field("frontends", "u32", "how many frontends there are"),
        Field("outside", "u32", "how many of them are taken from outside"),
        Field("pod_flows", "u32", "1 where a version without nat_seen noted packets between pods"),
        Field("host_flows", "u32", "1 where it noted packets to the node's own processes"),
        Field("next_id", "u32", "number of the next frontend"),
        Field("sweep", "u32", "1 until what is gone has been swept"),
    ),
    max_entries=1,
)

REVERSE_SOCKETS = Layout(
    name="reverse_sockets",
    type="lru_hash",
    what="socket and the backend that it talks to: the service that it takes the backend for",
    key=(
        Field("cookie", "u64", "the socket's cookie"),
        Field("address", "ip16", "the backend's address"),
        Field("port", "be16", "its port"),
        Field("protocol", "u16", "IPPROTO_TCP or IPPROTO_UDP"),
        Field("reserved", "u32", "0"),
    ),
    value=(
        Field("address", "ip16", "the service's address"),
        Field("port", "be16", "its port"),
        Field("reserved", "u16", "0"),
        Field("id", "u32", "number of the frontend"),
    ),
    max_entries=65536,
)

AFFINITY = Layout(
    name="affinity",
    type="lru_hash",
    what="client and frontend: the backend that it keeps",
    key=(
        Field(
            "client",
            "ip16",
            "the client's address; for sockets the cookie of their network namespace, and all ones",
        ),
        Field("id", "u32", "number of the frontend"),
        Field("reserved", "u32", "0"),
    ),
    value=(
        Field("address", "ip16", "the backend's address"),
        Field("port", "be16", "its port"),
        Field("reserved", "u16", "0"),
        Field("slot", "u32", "the slot that the backend was in last"),
        Field("used", "u64", "when it was last used, nanoseconds since boot (CLOCK_MONOTONIC)"),
    ),
    max_entries=65536,
)

MAGLEV = Layout(
    name="maglev",
    type="hash",
    what="number of a frontend: its table of Maglev",
    key=(Field("id", "u32", "number of the frontend"),),
    value=(Field("positions", "bytes(32762)", "for each hash: a position among the backends"),),
    max_entries=4096,
    no_prealloc=True,
)

SOURCE_RANGES = Layout(
    name="source_ranges",
    type="lpm_trie",
    what="frontend and prefix of clients that it takes from outside",
    key=(
        Field("prefixlen", "u32", "bits of id and prefix: 128 more than an IPv4 prefix has"),
        Field("id", "u32", "number of the frontend"),
        Field("address", "ip16", "first address of the prefix"),
    ),
    value=(Field("allowed", "u32", "1"),),
    max_entries=65536,
    no_prealloc=True,
)

MAPS = (
    *(SERVICES, BACKENDS, SERVICE_NAMES, SERVICE_STATE, REVERSE_SOCKETS),
    *(AFFINITY, MAGLEV, SOURCE_RANGES),
)
